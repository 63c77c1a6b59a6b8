# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize limit 200
"""Two links to the internet in one route: flows spread over both, each keeps its link, and one link is enough."""
import collections
import contextlib
import os
import select
import socket
import threading
import time
import types

import dial
from dial import session_details, tunnel_up
from ipv6 import Client6, address_in
from lib import INET, LNS_CORE, Capture, Lnsd, case, check, check_equal, default_config, eventually, main
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

VDEVS = [f'net_af_packet{index},iface={name},blocksz=65536,framesz=2048,framecnt=512'
         for index, name in enumerate(('access', 'core', 'core2'))]
LINKS = 'core', 'core2'
GATEWAYS = {'-4': (INET, '10.3.0.2'), '-6': ('fd00:2::2', 'fd00:3::2')}
FLOWS = 64
FAR4 = [f'198.51.100.{index}' for index in range(FLOWS)]
FAR6 = [f'2001:db8:fffe::{index:x}' for index in range(1, FLOWS + 1)]


def setup(lab):
    lab.second_link()
    capture = Capture(lab)
    lnsd = Lnsd(lab, default_config(
        lab, dpdk={'vdevs': VDEVS},
        interfaces=[
            {'name': 'access', 'device': 'net_af_packet0', 'role': 'access',
             'addresses': ['10.1.0.1/24', 'fd00:1::1/64']},
            {'name': 'core', 'device': 'net_af_packet1', 'role': 'core',
             'addresses': [LNS_CORE + '/24', 'fd00:2::1/64']},
            {'name': 'core2', 'device': 'net_af_packet2', 'role': 'core',
             'addresses': ['10.3.0.1/24', 'fd00:3::1/64']}],
        **{'prefix-pools': [{'name': 'cpe', 'length': 56, 'prefixes': ['2001:db8:1100::/40']}],
           'ipv6': {'delegated-pool': 'cpe'}}), default_route=False).start()
    lab.run('inet', 'ip', 'route', 'add', 'local', '198.51.100.0/24', 'dev', 'lo')
    lab.run('inet', 'ip', '-6', 'route', 'add', 'local', '2001:db8:fffe::/64', 'dev', 'lo')
    state = types.SimpleNamespace(lnsd=lnsd, capture=capture)
    for family, gateways in GATEWAYS.items():
        # IPv6 learns of the carrier a moment later, and its subnets with it
        eventually(lambda: lab.run('kern', 'ip', family, 'route', 'replace', 'default', *(
            word for gateway, link in zip(gateways, LINKS) for word in ('nexthop', 'via', gateway, 'dev', link)),
            check_status=False).returncode == 0, 'default route by both links')
    for gateway, prefix in ((GATEWAYS['-4'], '0.0.0.0/0'), (GATEWAYS['-6'], '::/0')):
        eventually(lambda: members(state, prefix) == {f'{one} {link}' for one, link in zip(gateway, LINKS)},
                   f'both next hops of {prefix}')
        for one in gateway:
            lab.ping('kern', one, count=1)
    return state


def members(state, prefix):
    rows = [row for row in state.lnsd.rows('routes', prefix) if row['prefix'] == prefix and row['used']]
    return {one.strip() for row in rows for one in row['via'].split(',')}


class Watch:
    """Which UDP datagrams come to the internet, by which link: (link, destination, payload), in order."""

    def __init__(self, lab):
        self.sockets = {}
        for link in LINKS:
            for family, ether_type in ((4, 0x0800), (6, 0x86dd)):
                sock = lab.socket('inet', socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ether_type))
                sock.bind((link, ether_type))
                self.sockets[sock] = link, family
        self.seen = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended.is_set():
            for sock in select.select(list(self.sockets), [], [], 0.05)[0]:
                with contextlib.suppress(OSError):  # a link that goes down says so once
                    data, address = sock.recvfrom(2048)
                    link, family = self.sockets[sock]
                    if address[2] != socket.PACKET_OUTGOING:
                        self.note(link, IP(data) if family == 4 else IPv6(data))

    def note(self, link, packet):
        if UDP in packet and packet[UDP].dport == 9:
            self.seen.append((link, packet.dst, bytes(packet[UDP].payload)))

    def end(self):
        self.ended.set()
        self.thread.join()
        for sock in self.sockets:
            sock.close()

    def marked(self, mark):
        return [one for one in self.seen if one[2].startswith(mark)]

    def links(self, mark):
        """{destination: links that its packets came by}"""
        found = collections.defaultdict(set)
        for link, destination, _ in self.marked(mark):
            found[destination].add(link)
        return found


@contextlib.contextmanager
def watch(lab):
    watcher = Watch(lab)
    try:
        yield watcher
    finally:
        watcher.end()


def send_round(client, source6, payload):
    """One packet to each destination of both families."""
    for target in FAR4:
        client.send_ip(IP(src=client.address, dst=target) / UDP(sport=1000, dport=9) / Raw(payload))
    for target in FAR6:
        client.send6(IPv6(src=source6, dst=target) / UDP(sport=1000, dport=9) / Raw(payload))


def arrived(lab, client, source6, rounds=3):
    """{destination: link}; every packet arrives, and a flow's all by one link."""
    mark = os.urandom(8)
    with watch(lab) as watcher:
        for number in range(rounds):
            send_round(client, source6, mark + bytes([number]))
            time.sleep(0.05)
        eventually(lambda: len(watcher.marked(mark)) >= 2 * FLOWS * rounds, 'all arrive')
    check_equal(len(watcher.marked(mark)), 2 * FLOWS * rounds, 'packets that arrived')
    found = watcher.links(mark)
    check_equal([one for one, links in found.items() if len(links) > 1], [], 'flows that changed their link')
    return {destination: links.pop() for destination, links in found.items()}


@contextlib.contextmanager
def dual(lab, state):
    with tunnel_up(lab) as tunnel:
        client = Client6(tunnel.call()).dual()
        yield client, address_in(session_details(state, 'alice@isp.example')['ipv6_delegated'], 1)


@case
def flows_spread_and_each_keeps_its_link(lab, state):
    shares = []
    with dual(lab, state) as (client, source6):
        found = arrived(lab, client, source6, rounds=5)
        for targets in FAR4, FAR6:
            share = sum(found[one] == 'core2' for one in targets)
            check(FLOWS / 5 < share < FLOWS * 4 / 5, f'{share} of {FLOWS} flows by the second link')
            shares.append(f'{share}')
        check_equal(arrived(lab, client, source6), found, 'a moment later')
    return f"{' and '.join(shares)} of {FLOWS} by the second link"


@case
def a_link_that_goes_down_leaves_its_flows_to_the_other(lab, state):
    with dual(lab, state) as (client, source6):
        before = arrived(lab, client, source6)
        with watch(lab) as watcher:
            sent = 0
            down = time.monotonic() + 0.5
            end = down + 4
            gone = False
            while time.monotonic() < end:
                if not gone and time.monotonic() > down:
                    lab.run('inet', 'ip', 'link', 'set', 'core2', 'down')
                    gone, last_sent = True, sent
                client.send_ip(IP(src=client.address, dst=FAR4[sent % FLOWS]) / UDP(sport=1000, dport=9)
                               / Raw(str(sent).encode()))
                sent += 1
                time.sleep(0.002)
            eventually(lambda: any(data == str(sent - 1).encode() for _, _, data in watcher.seen), 'the last arrives')
            time.sleep(0.1)
        numbers = {int(data) for _, _, data in watcher.seen if data.isdigit()}
        lost = sorted(set(range(sent)) - numbers)
        # what was sent before may still be on its way through a busy machine when the link goes
        check(not lost or lost[-1] < last_sent + (sent - last_sent) / 2,
              f'lost {lost} of {sent}, the link went down at {last_sent}')
        check(all(before[FAR4[number % FLOWS]] == 'core2' for number in lost), 'only flows of the link that went down')
        after = arrived(lab, client, source6)
        check_equal(set(after.values()), {'core'}, 'links in use')
        lab.run('inet', 'ip', 'link', 'set', 'core2', 'up')
        lab.run('inet', 'ip', 'addr', 'replace', 'fd00:3::2/64', 'dev', 'core2', 'nodad')

        def back():
            found = arrived(lab, client, source6, rounds=1)
            return found == before or None
        eventually(back, 'each flow is back on its link', timeout=20, interval=0.3)
    return f'{len(lost)} of {sent} packets lost in the switch, the last {lost[-1] - last_sent if lost else 0} after it'


@case
def a_link_that_flaps_is_not_used_until_it_is_steady(lab, state):
    with dual(lab, state) as (client, source6):
        before = arrived(lab, client, source6)
        time.sleep(2)  # up for so long that it does not flap yet
        mark = len(lab.read(state.lnsd.log))
        for _ in range(8):
            for what in ('down', 'up'):
                lab.run('inet', 'ip', 'link', 'set', 'core2', what)
                time.sleep(0.25)
        lab.run('inet', 'ip', 'addr', 'replace', 'fd00:3::2/64', 'dev', 'core2', 'nodad')
        eventually(lambda: arrived(lab, client, source6, rounds=1) == before, 'each flow is back on its link',
                   timeout=20, interval=0.3)
        said = [line.rsplit(' ', 1)[1] for line in lab.read(state.lnsd.log)[mark:].splitlines() if ': link ' in line]
        check(len(said) <= 5, f'the link changed {said}')
    return f'8 times down and up: link {", ".join(word.strip(chr(34)) for word in said)}'


def finish(lab, state):
    return dial.finish(lab, state)


main(setup, finish=finish)
