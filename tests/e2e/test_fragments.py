# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize limit 200
"""Outer fragments from the LAC. The ports are net_pcap: on net_af_packet the kernel puts fragments
together itself (DPDK 22.11 asks for it even with one queue), and lnsd would see none."""
import os
import random
import socket
import struct
import time

import dial
from dial import counted, subscriber, tunnel_up
from lib import FAR, LAC, LAC6, LNS, LNS6, case, check, check_equal, eventually, main
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
from scapy.packet import Raw


def setup(lab):
    return dial.setup(lab, workers=2, dpdk={
        'share-cores': True,
        'vdevs': [f'net_pcap{index},rx_iface_in={name},tx_iface={name}'
                  for index, name in enumerate(('access', 'core'))]},
        interfaces=[
            {'name': 'access', 'device': 'net_pcap0', 'role': 'access', 'addresses': [LNS + '/24', LNS6 + '/64']},
            {'name': 'core', 'device': 'net_pcap1', 'role': 'core', 'addresses': ['10.2.0.1/24']}])


def far_socket(lab):
    sock = lab.socket('inet')
    sock.settimeout(3)
    sock.bind((FAR, 7000))
    return sock


def raw_socket(lab):
    return lab.socket('lac', kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW)


def outer_of(client, data, identification):
    """The datagram that carries data from this subscriber to the far end."""
    session = client.session
    frame = b'\xff\x03\x00\x21' + bytes(IP(src=client.address, dst=FAR) / UDP(sport=1, dport=7000) / Raw(data))
    return (IP(src=LAC, dst=LNS, id=identification) / UDP(sport=session.tunnel.lac.port, dport=1701)
            / Raw(struct.pack('!HHH', 2, session.tunnel.peer_id, session.peer_id) + frame))


@case
def fragments_in_any_order_are_put_together(lab, state):
    chance = random.Random(7)
    with subscriber(lab) as client, far_socket(lab) as far, raw_socket(lab) as raw:
        for number in range(60):
            data = os.urandom(1300)
            parts = fragment(outer_of(client, data, 1000 + number), fragsize=chance.choice((200, 552, 1000)))
            chance.shuffle(parts)
            for part in parts:
                raw.sendto(bytes(part), (LNS, 0))
            check(far.recvfrom(65535)[0] == data, f'datagram {number} from {len(parts)} fragments')


@case
def datagrams_interleaved(lab, state):
    """Fragments of many datagrams mixed: each is put together from its own."""
    chance = random.Random(8)
    with subscriber(lab) as client, far_socket(lab) as far, raw_socket(lab) as raw:
        sent = [os.urandom(1200) for _ in range(30)]
        parts = [part for number, data in enumerate(sent)
                 for part in fragment(outer_of(client, data, 2000 + number), fragsize=500)]
        chance.shuffle(parts)
        for part in parts:
            raw.sendto(bytes(part), (LNS, 0))
            time.sleep(0.001)
        got = [far.recvfrom(65535)[0] for _ in sent]
        check_equal(sorted(got), sorted(sent), 'datagrams')


def raw6_socket(lab):
    return lab.socket('lac', family=socket.AF_INET6, kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW)


def outer6_parts(client, data, identification, size):
    """The same in fragments of an IPv6 datagram."""
    payload = outer_of(client, data, 1)[Raw].load
    whole = (IPv6(src=LAC6, dst=LNS6) / IPv6ExtHdrFragment(id=identification)
             / UDP(sport=client.session.tunnel.lac.port, dport=1701) / Raw(payload))
    return [bytes(part) for part in fragment6(whole, size)]


@case
def fragments_of_ipv6_are_put_together(lab, state):
    chance = random.Random(9)
    with tunnel_up(lab, local=LAC6, remote=LNS6) as tunnel, subscriber(lab, tunnel=tunnel) as client, far_socket(lab) as far, raw6_socket(lab) as raw:
        for number in range(40):
            data = os.urandom(1300)
            parts = outer6_parts(client, data, 5000 + number, chance.choice((300, 600, 1280)))
            chance.shuffle(parts)
            for part in parts:
                raw.sendto(part, (LNS6, 0))
            check(far.recvfrom(65535)[0] == data, f'datagram {number} from {len(parts)} fragments')
        # what never gets whole, overlaps or goes beyond 64 KiB
        first, second = outer6_parts(client, os.urandom(1300), 1, 1280)[:2]
        with counted(state, 'fragment_invalid', 'fragment_timeout', 'fragment_table_full', at_least=600):
            for number in range(400):
                for part, offset in ((first, 0), (first, 25), (second, 8191 - 8)):
                    part = bytearray(part)
                    part[42:44] = struct.pack('!H', offset << 3 | 1)
                    part[44:48] = struct.pack('!I', 7000 + number)
                    raw.sendto(bytes(part), (LNS6, 0))
                if number % 50 == 0:
                    time.sleep(0.02)
            time.sleep(3)
        data = os.urandom(1300)
        for part in outer6_parts(client, data, 9, 600):
            raw.sendto(part, (LNS6, 0))
        far.settimeout(3)
        check(far.recvfrom(65535)[0] == data, 'a good datagram afterwards')


@case
def large_packets_of_the_lac_arrive(lab, state):
    """The LAC's own kernel fragments what does not fit its link."""
    with subscriber(lab, mru=1500) as client, far_socket(lab) as far:
        for size in (1440, 1460, 1472):
            data = os.urandom(size)
            client.udp_to(FAR, 7000, data)
            check(far.recvfrom(65535)[0] == data, f'{size} bytes')


@case
def lonely_overlapping_and_endless_fragments_are_bounded_and_counted(lab, state):
    with subscriber(lab) as client, far_socket(lab) as far, raw_socket(lab) as raw:
        whole = bytes(outer_of(client, os.urandom(1300), 1))[20:]
        with counted(state, 'fragment_invalid', 'fragment_timeout', 'fragment_table_full', at_least=1000):
            for number in range(700):
                for offset, size in ((0, 400), (200, 400), (65528, 400)):
                    part = IP(src=LAC, dst=LNS, id=3000 + number, proto=17, frag=offset // 8, flags='MF')
                    raw.sendto(bytes(part / Raw(whole[:size])), (LNS, 0))
                if number % 50 == 0:
                    time.sleep(0.02)
            time.sleep(3)
        far.settimeout(0.3)
        try:
            raise AssertionError(f'{far.recvfrom(65535)[0][:20]} arrived')
        except OSError:
            pass
        far.settimeout(3)
        data = os.urandom(1300)
        for part in fragment(outer_of(client, data, 9), fragsize=500):
            raw.sendto(bytes(part), (LNS, 0))
        check(far.recvfrom(65535)[0] == data, 'a good datagram afterwards')


@case
def no_buffer_is_kept(lab, state):
    eventually(lambda: state.lnsd.row('memory')['mbufs_in_use'] < 600,
               'packet buffers are given back', timeout=6)


main(setup, finish=dial.finish)
