# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize limit 600
"""The way of a packet through lnsd: header variants, checks, MTU, fragments, hairpin, the kernel's part."""
import os
import random
import socket
import struct
import time

import dial
from dial import counted, subscriber, tunnel_up
from lac import SEQUENCING_REQUIRED, Timeout, avp, u16
from lib import FAR, INET, LNS, LNS_CORE, Failure, case, check, check_equal, eventually, main
from ppp import Client
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Raw


def far_socket(lab, port=7000, address=FAR, kind=socket.SOCK_DGRAM):
    """A socket of the internet."""
    sock = lab.socket('inet', kind=kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.settimeout(3)
    sock.bind((address, port))
    return sock


def arrives(client, sock, data, **fields):
    client.udp_to(FAR, sock.getsockname()[1], data, **fields)
    got, source = sock.recvfrom(65535)
    check_equal(got, data, 'payload at the far end')
    check_equal(source[0], client.address, 'source at the far end')


def nothing_arrives(sock, seconds=0.4):
    sock.settimeout(seconds)
    try:
        got = sock.recvfrom(65535)
    except OSError:
        return
    finally:
        sock.settimeout(3)
    raise Failure(f'{got!r:.80} arrived')


# L2TP's data header, in every variant

@case
def data_header_variants(lab, state):
    with subscriber(lab) as client:
        session = client.session
        for length in (True, False):
            for sequence in (False, True):
                for offset in (None, 0, 2, 16, 200):
                    for address in (True, False):
                        for short in (True, False):
                            session.tx_length, session.tx_sequence, session.tx_offset = length, sequence, offset
                            session.tx_address, session.tx_short_protocol = address, short
                            client.ping(FAR)
        session.tx_offset, session.tx_sequence, session.tx_length = None, False, True
        session.tx_tail = b'trailing bytes that the L2TP length does not count'
        client.ping(FAR)


@case
def data_header_that_lies_is_dropped(lab, state):
    with subscriber(lab) as client, far_socket(lab) as sock:
        session = client.session
        inner = b'\xff\x03\x00\x21' + bytes(IP(src=client.address, dst=FAR) / UDP(dport=7000) / Raw(b'bad'))
        ids = struct.pack('!HH', session.tunnel.peer_id, session.peer_id)
        with counted(state, 'l2tp_truncated', at_least=3):
            for packet in (b'\x02\x02' + ids + u16(0xffff) + inner, b'\x02\x02' + ids + u16(len(inner) + 1) + inner,
                           b'\x42\x02' + u16(10 + len(inner)) + ids + u16(len(inner) + 9) + inner,
                           b'\x40\x02' + u16(0xffff) + ids + inner, b'\x40\x02' + u16(3) + ids + inner,
                           b'\x08\x02' + ids + b'\0\1'):
                client.session.tunnel.lac.send(packet)
            time.sleep(0.2)
        nothing_arrives(sock)
        client.ping(FAR)


@case
def data_for_nobody_is_dropped_and_counted(lab, state):
    with subscriber(lab) as client:
        lac, inner = client.session.tunnel.lac, b'\xff\x03\x00\x21' + bytes(IP() / UDP())
        with counted(state, 'l2tp_unknown_tunnel'):
            lac.send(struct.pack('!HHH', 2, (client.session.tunnel.peer_id ^ 0x5a5a) or 1, 1) + inner)
        with counted(state, 'l2tp_unknown_session'):
            lac.send(struct.pack('!HHH', 2, client.session.tunnel.peer_id,
                                 (client.session.peer_id ^ 0x3c3c) or 1) + inner)
        client.ping(FAR)


@case
def sequencing_is_honoured(lab, state):
    """Sequencing Required: lnsd numbers what it sends, drops what comes late."""
    with tunnel_up(lab) as tunnel:
        session = tunnel.call(iccn=[avp(SEQUENCING_REQUIRED, b'')])
        session.tx_sequence = True
        client = Client(session).up()
        session.numbers.clear()
        client.ping(FAR, count=5)
        check(len(session.numbers) >= 5, 'data messages carry Ns')
        steps = {(later - earlier) & 0xffff for earlier, later in zip(session.numbers, session.numbers[1:])}
        check_equal(steps, {1}, 'steps of Ns')
        with far_socket(lab) as sock:
            arrives(client, sock, b'in order')
            frame = b'\xff\x03\x00\x21' + bytes(IP(src=client.address, dst=FAR) / UDP(dport=7000) / Raw(b'late'))
            with counted(state, 'l2tp_late'):
                session.send_frame(frame, ns=(session.ns - 3) & 0xffff)
                time.sleep(0.1)
            nothing_arrives(sock)
            arrives(client, sock, b'goes on')


@case
def udp_checksum_zero_and_set_are_accepted(lab, state):
    with subscriber(lab) as client:
        client.session.tunnel.lac.socket.setsockopt(socket.SOL_SOCKET, 11, 1)  # SO_NO_CHECK
        client.ping(FAR)
        client.session.tunnel.lac.socket.setsockopt(socket.SOL_SOCKET, 11, 0)
        client.ping(FAR)


# Checks

@case
def spoofed_sources_are_dropped(lab, state):
    with tunnel_up(lab) as tunnel, subscriber(lab, tunnel) as client, far_socket(lab) as sock:
        other = Client(tunnel.call(), user='x@load.example', password='load-password').up()
        for source in (other.address, '100.64.16.250', '8.8.8.8', LNS_CORE, FAR):
            with counted(state, 'ip_spoofed', 'ip_martian'):
                client.send_ip(IP(src=source, dst=FAR) / UDP(sport=1, dport=7000) / Raw(b'spoof'))
        nothing_arrives(sock)
        arrives(client, sock, b'honest')


@case
def martians_and_broken_ip_headers_are_dropped(lab, state):
    with subscriber(lab) as client, far_socket(lab) as sock:
        good = bytes(IP(src=client.address, dst=FAR) / UDP(sport=1, dport=7000) / Raw(b'x' * 20))
        with counted(state, 'ip_checksum'):
            client.session.send(0x21, good[:10] + b'\xff\xff' + good[12:])
        with counted(state, 'ip_length', 'ip_header', at_least=4):
            client.session.send(0x21, bytes(IP(src=client.address, dst=FAR, len=2000) / UDP()))
            client.session.send(0x21, bytes(IP(src=client.address, dst=FAR, len=10) / UDP()))
            client.session.send(0x21, b'\x65' + good[1:])
            client.session.send(0x21, good[:12])
        with counted(state, 'ip_martian', at_least=3):
            for target in ('127.0.0.1', '0.0.0.0', '240.0.0.1'):
                client.udp_to(target, 7000, b'm')
        client.udp_to('224.0.0.5', 7000, b'multicast')
        client.udp_to('255.255.255.255', 7000, b'broadcast')
        nothing_arrives(sock)
        arrives(client, sock, b'fine')


@case
def ttl_is_decremented_and_its_end_reported(lab, state):
    with subscriber(lab) as client, far_socket(lab) as sock:
        sock.setsockopt(socket.IPPROTO_IP, 12, 1)  # IP_RECVTTL
        client.udp_to(FAR, 7000, b'ttl', ttl=33)
        _, extra, _, _ = sock.recvmsg(100, 100)
        check_equal(struct.unpack('i', extra[0][2])[0], 32, 'TTL at the far end')
        client.udp_to(FAR, 7000, b'gone', ttl=1)
        answer = client.next_ip()
        check_equal((answer[ICMP].type, answer[ICMP].code), (11, 0), 'Time Exceeded')
        check(answer.src in (LNS, LNS_CORE, '100.64.0.1'), f'its source is an address of ours: {answer.src}')
        check_equal(answer[ICMP].payload.dst, FAR, 'what it quotes')
        nothing_arrives(sock)


@case
def no_route_is_answered(lab, state):
    with subscriber(lab) as client:
        lab.run('kern', 'ip', 'route', 'add', 'unreachable', '198.51.100.0/24')
        try:
            with counted(state, 'ip_refused', 'ip_no_route'):
                time.sleep(0.3)
                client.udp_to('198.51.100.1', 9, b'x')
            answer = client.next_ip()
            check_equal(answer[ICMP].type, 3, 'Destination Unreachable')
        finally:
            lab.run('kern', 'ip', 'route', 'del', 'unreachable', '198.51.100.0/24')


# Sizes

@case
def downlink_larger_than_the_session_mtu(lab, state):
    """DF set: Fragmentation Needed with the right MTU; not set: fragments that fit."""
    with tunnel_up(lab) as tunnel, far_socket(lab) as sock:
        client = Client(tunnel.call(), mru=1000).up()
        sock.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: IP_PMTUDISC_DONT
        data = os.urandom(1400)
        sock.sendto(data, (client.address, 9000))
        parts, held = {}, None
        while held is None or sum(map(len, parts.values())) < held:
            part = client.next_ip()
            check(len(bytes(part)) <= 1000, f'a fragment of {len(bytes(part))} bytes for an MRU of 1000')
            parts[part.frag] = bytes(part.payload)
            if not part.flags.MF:
                held = part.frag * 8 + len(bytes(part.payload))
        check(b''.join(parts[key] for key in sorted(parts))[8:] == data, 'the fragments make the datagram')
        sock.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_PMTUDISC_DO
        sock.sendto(data, (client.address, 9000))
        time.sleep(0.3)
        try:
            sock.sendto(data, (client.address, 9000))
            time.sleep(0.2)
            sock.sendto(data, (client.address, 9000))
            raise Failure('no Fragmentation Needed arrived')
        except OSError as error:
            check_equal(error.errno, 90, 'EMSGSIZE')
        shown = lab.run('inet', 'ip', 'route', 'get', client.address).stdout
        check('mtu 1000' in shown, f'the path MTU that the far end learned: {shown}')
        lab.run('inet', 'ip', 'route', 'flush', 'cache')


@case
def tcp_mss_is_clamped_both_ways(lab, state):
    with tunnel_up(lab) as tunnel, far_socket(lab, 7001, kind=socket.SOCK_STREAM) as listener:
        client = Client(tunnel.call(), mru=1200).up()
        listener.listen(1)
        client.send_ip(IP(src=client.address, dst=FAR)
                       / TCP(sport=5555, dport=7001, flags='S', seq=100, options=[('MSS', 1460)]))
        answer = client.next_ip()
        check_equal(answer[TCP].flags, 'SA', 'SYN-ACK')
        check_equal(dict(answer[TCP].options)['MSS'], 1160, 'MSS towards the subscriber')
        check_equal(TCP(bytes(answer[TCP])).chksum, answer[TCP].chksum, 'checksum')
        rebuilt = IP(bytes(answer))
        del rebuilt[TCP].chksum
        check_equal(IP(bytes(rebuilt))[TCP].chksum, answer[TCP].chksum, 'TCP checksum after the clamp')
        client.send_ip(IP(src=client.address, dst=FAR)
                       / TCP(sport=5555, dport=7001, flags='A', seq=101, ack=answer[TCP].seq + 1))
        connection, _ = listener.accept()
        with connection:
            mss = connection.getsockopt(socket.IPPROTO_TCP, 2)  # TCP_MAXSEG
            check(mss <= 1160, f'MSS towards the internet: {mss}')


@case
def outer_packets_larger_than_the_port_mtu(lab, state):
    """A session MTU of 1500 in a link of 1500: fragments of the outer packet, both ways."""
    with tunnel_up(lab) as tunnel, far_socket(lab) as sock:
        client = Client(tunnel.call(), mru=1500).up()
        arrives(client, sock, os.urandom(1472))  # our kernel fragments what we send
        sock.setsockopt(socket.IPPROTO_IP, 10, 0)
        for size in (1472, 1440, 1420):
            data = os.urandom(size)
            sock.sendto(data, (client.address, 9000))
            collected = b''
            while len(collected) < size + 8:
                collected += bytes(client.next_ip().payload)
            check(collected[8:] == data, f'{size} bytes downlink')
        client.ping(FAR, size=1472)


# Between subscribers, and with the kernel

@case
def subscriber_to_subscriber(lab, state):
    with tunnel_up(lab) as tunnel, subscriber(lab, tunnel) as first:
        second = Client(tunnel.call(), user='y@load.example', password='load-password').up()
        first.udp_to(second.address, 9000, b'hairpin', ttl=20)
        got = second.next_ip()
        check_equal((got.src, got.dst, bytes(got[UDP].payload), got.ttl),
                    (first.address, second.address, b'hairpin', 19), 'what the other subscriber got')
        check(not first.session.inbox, 'nothing comes back')


@case
def downlink_goes_to_the_right_subscriber(lab, state):
    with tunnel_up(lab) as tunnel, far_socket(lab) as sock:
        clients = [Client(tunnel.call(), user=f'z{index}@load.example', password='load-password').up()
                   for index in range(8)]
        for round_ in range(5):
            for index, client in enumerate(clients):
                sock.sendto(b'for %d %d' % (index, round_), (client.address, 9000))
        tunnel.lac.flush(0.4)
        for index, client in enumerate(clients):
            got = [bytes(client.next_ip()[UDP].payload) for _ in range(5)]
            check_equal(got, [b'for %d %d' % (index, round_) for round_ in range(5)], f'subscriber {index}')
            check(not client.session.inbox, 'and nothing else')


@case
def the_kernel_answers_for_the_ports(lab, state):
    """ARP and ICMP for our own addresses go to the TAPs and back; other UDP gets an answer from there."""
    check_equal(lab.ping('lac', LNS, 5), 5, 'pings of the access address')
    check_equal(lab.ping('inet', LNS_CORE, 5), 5, 'pings of the core address')
    check_equal(lab.ping('lac', LNS, 2, size=1472), 2, 'pings of 1500 bytes')
    check_equal(lab.ping('lac', 'fd00:1::1', 3), 3, 'IPv6 pings of the access address')
    shown = lab.run('lac', 'ip', 'neigh', 'show', LNS).stdout
    check('lladdr' in shown, f'neighbour {shown}')
    names = lab.run('kern', 'ip', '-br', 'link').stdout
    for name in ('access', 'core', 'lns0'):
        check(name in names, f'{name} in the kernel namespace: {names}')
    routes = lab.run('kern', 'ip', 'route').stdout
    check('100.64.16.0/20 dev lns0' in routes, f'pool aggregate in the kernel: {routes}')


@case
def the_router_itself_reaches_a_subscriber(lab, state):
    with subscriber(lab) as client:
        child = lab.spawn('kern', 'ping', '-n', '-c', '1', '-W', '3', client.address, log='kern-ping.log')
        request = client.next_ip()
        while ICMP not in request:  # something else that was under way to this address
            request = client.next_ip()
        check_equal(request[ICMP].type, 8, 'an echo request through lns0')
        client.send_ip(IP(src=client.address, dst=request.src)
                       / ICMP(type=0, id=request[ICMP].id, seq=request[ICMP].seq) / request[ICMP].payload)
        check_equal(child.wait(5), 0, 'ping from the router: ' + lab.read('kern-ping.log'))


@case
def routes_follow_the_kernel(lab, state):
    """What ip route says in the TAPs' namespace is what lnsd forwards by, at once."""
    with subscriber(lab) as client:
        lab.run('inet', 'ip', 'addr', 'add', '198.51.100.7/32', 'dev', 'lo')
        lab.run('kern', 'ip', 'route', 'add', '198.51.100.7/32', 'via', INET)
        time.sleep(0.3)
        client.ping('198.51.100.7')
        lab.run('kern', 'ip', 'route', 'replace', 'blackhole', '198.51.100.7/32')
        time.sleep(0.3)
        try:
            client.ping('198.51.100.7', timeout=0.7)
        except (Timeout, Failure):
            pass
        else:
            raise Failure('reached through a blackhole')
        lab.run('kern', 'ip', 'route', 'del', '198.51.100.7/32')
        client.ping(FAR)


@case
def next_hop_that_moves_is_followed(lab, state):
    with subscriber(lab) as client:
        client.ping(FAR)
        lab.run('inet', 'ip', 'link', 'set', 'core', 'address', '02:00:00:00:77:01')
        lab.run('inet', 'ping', '-c', '1', '-W', '2', LNS_CORE, check_status=False)
        eventually(lambda: _reaches(client), 'the new MAC address of the next hop is used', timeout=15)


def _reaches(client):
    try:
        client.ping(FAR, timeout=0.5)
        return True
    except Timeout:
        return False


@case
def counters_of_a_session_are_right(lab, state):
    with subscriber(lab) as client, far_socket(lab) as sock:
        before = dial.session_details(state, 'alice@isp.example')
        for number in range(50):
            arrives(client, sock, b'count %02d' % number)
            sock.sendto(b'x' * 100, (client.address, 9000))
        session = client.session.tunnel.lac
        session.flush(0.2)
        after = dial.session_details(state, 'alice@isp.example')
        grown = [after[key] - before[key] for key in ('up_packets', 'up_bytes', 'down_packets', 'down_bytes')]
        check_equal(grown, [50, 50 * (28 + 8), 50, 50 * (28 + 100)], 'packets and bytes up, down')
        client.session.inbox.clear()


@case
def random_packets_from_both_sides(lab, state):
    """Inner packets with every field at random; the daemon stays and forwards."""
    chance = random.Random(99)
    with subscriber(lab) as client:
        sock = lab.socket('inet', kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW)
        for number in range(3000):
            packet = bytearray(bytes(IP(src=client.address, dst=chance.choice((FAR, LNS, client.address)),
                                        ttl=chance.randrange(256), proto=chance.choice((1, 6, 17, 47, 50)),
                                        flags=chance.randrange(8), frag=chance.choice((0, 0, 1, 8191)))
                                     / Raw(os.urandom(chance.randrange(0, 200)))))
            for _ in range(chance.choice((0, 1, 4))):
                packet[chance.randrange(len(packet))] = chance.randrange(256)
            if number % 2:
                client.session.send(chance.choice((0x21, 0x21, 0x57)), bytes(packet))
            else:
                try:
                    sock.sendto(bytes(packet), (client.address, 0))
                except OSError:
                    pass
            if number % 200 == 0:
                client.session.tunnel.lac.poll(0.001)
        sock.close()
        client.session.tunnel.lac.flush(0.3)
        client.session.inbox.clear()
        client.ping(FAR)


main(lambda lab: dial.setup(lab, subscribers={'mru': 1500}), finish=dial.finish)
