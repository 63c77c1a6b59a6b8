# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize limit 600
"""Tunnels inside ESP, keys from the YAML, with Scapy's ESP on the LAC's side (esp_peer). The ports are net_pcap:
lnsd sees and makes outer fragments itself (net_af_packet has the kernel put them together)."""
import contextlib
import os
import random
import socket
import struct
import time
import types

import dial
from dial import counted, counters
from esp_peer import ALGORITHMS, EspLac, Pair, opened
from lac import (ASSIGNED_TUNNEL_ID, HELLO, MESSAGE_TYPE, RESULT_CODE, SCCRQ, STOPCCN, Lac, Timeout, Tunnel,
                 avp)
from lib import (FAR, LAC6, LNS, LNS6, Capture, Failure, Lnsd, case, check, check_equal, default_config, eventually,
                 main)
from ppp import Client
from scapy.layers.inet import IP, UDP, fragment
from scapy.packet import Raw
from witness import check_capture

NATT = 4500
# The LACs inside ESP live in the upper half of the access network, whose peer requires IPsec.
PAIRS = {
    'gcm': Pair('10.1.0.130', 'gcm128', 0x1000),
    'gcm-natt': Pair('10.1.0.131', 'gcm128', 0x1010, natt=4500),
    'gcm256': Pair('10.1.0.132', 'gcm256', 0x1020),
    'sha1': Pair('10.1.0.133', 'cbc-sha1', 0x1030),
    'sha1-natt': Pair('10.1.0.134', 'cbc-sha1', 0x1040, natt=4500),
    'sha256': Pair('10.1.0.135', 'cbc-sha256', 0x1050),
    'sha256-natt': Pair('10.1.0.136', 'cbc-sha256', 0x1060, natt=4500),
    # two clients behind one NAT
    'nat-one': Pair('10.1.0.137', 'gcm128', 0x1070, natt=31001),
    'nat-two': Pair('10.1.0.137', 'gcm128', 0x1080, natt=31002),
    'moving': Pair('10.1.0.138', 'gcm128', 0x1090, natt=4500),
    'gcm6': Pair(LAC6, 'gcm128', 0x10a0, remote=LNS6),
    'bad': Pair('10.1.0.140', 'gcm128', 0x10b0),
    'bad-natt': Pair('10.1.0.141', 'cbc-sha256', 0x10c0, natt=4500),
    'none': Pair('10.1.0.129', 'gcm128', 0x10d0),
}
PEERS = [
    {'name': 'clear', 'sources': ['10.1.0.0/25']},
    {'name': 'plain', 'sources': ['10.1.0.129/32'], 'ipsec': 'none'},
    {'name': 'carrier', 'sources': ['10.1.0.128/25', 'fd00:1::/64'], 'ipsec': 'required'},
]


def associations(pair):
    """lnsd's configuration of a pair."""
    _, _, _, _, cipher, integrity = ALGORITHMS[pair.algorithm]
    made = []
    for spi, inbound in ((pair.to_lns, True), (pair.to_lac, False)):
        key, auth_key = pair.keys(spi)
        row = {'name': f'sa-{spi:x}', 'direction': 'in' if inbound else 'out', 'spi': spi,
               'local': pair.remote, 'peer': pair.local, 'cipher': cipher, 'key': key.hex()}
        if integrity:
            row.update({'integrity': integrity, 'integrity-key': auth_key.hex()})
        if pair.natt:
            row['encapsulation'] = {'local-port': 4500, 'peer-port': pair.natt}
        made.append(row)
    return made


def setup(lab):
    for number in range(129, 142):
        lab.run('lac', 'ip', 'addr', 'add', f'10.1.0.{number}/24', 'dev', 'access')
    # two workers: SAs and sessions have different owners
    config = default_config(
        lab, workers=2, peers=PEERS, subscribers={'mru': 1500},
        dpdk={'share-cores': True, 'vdevs': [f'net_pcap{index},rx_iface_in={name},tx_iface={name}'
                                             for index, name in enumerate(('access', 'core'))]},
        **{'security-associations': [row for pair in PAIRS.values() for row in associations(pair)]})
    for index, interface in enumerate(config['interfaces']):
        interface['device'] = f'net_pcap{index}'
    capture = Capture(lab)
    return types.SimpleNamespace(lnsd=Lnsd(lab, config).start(), capture=capture)


def far_socket(lab, port=7000):
    sock = lab.socket('inet')
    sock.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: IP_PMTUDISC_DONT
    sock.settimeout(3)
    sock.bind((FAR, port))
    return sock


@contextlib.contextmanager
def tunnel_over(lab, name, pair=None):
    lac = EspLac(lab, pair or PAIRS[name])
    # numbers must go on where an earlier case ended: lnsd keeps its window
    lac.socket.out.seq_num = NUMBERS.get(lac.pair.to_lns, 1)
    try:
        with dial.tunnel_up(lab, lac=lac, name='lac-' + name) as tunnel:
            yield tunnel
    finally:
        NUMBERS[lac.pair.to_lns] = lac.socket.out.seq_num
        lac.close()


NUMBERS = {}


@contextlib.contextmanager
def subscriber_over(lab, name, **arguments):
    with tunnel_over(lab, name) as tunnel:
        client = Client(tunnel.call(), **arguments).up()
        yield client
        client.session.disconnect()


def crosses(client, far, size):
    """A datagram of this many bytes inside, each way."""
    data = os.urandom(size - 28)
    client.udp_to(FAR, 7000, data)
    check(far.recvfrom(65535)[0] == data, f'{size} bytes up')
    far.sendto(data, (client.address, 40000))
    got = client.next_ip()
    check(bytes(got.payload.payload) == data, f'{size} bytes down')


def reaches(client):
    try:
        client.ping(FAR, timeout=0.3)
        return True
    except Timeout:
        return False


def works(lab, name):
    with subscriber_over(lab, name) as client:
        client.ping(FAR)


@case
def every_algorithm_native_and_in_udp(lab, state):
    for name in ('gcm', 'gcm-natt', 'gcm256', 'sha1', 'sha1-natt', 'sha256', 'sha256-natt', 'gcm6'):
        try:
            with subscriber_over(lab, name) as client, far_socket(lab) as far:
                client.ping(FAR, count=3)
                for size in (29, 64, 576, 1000):
                    crosses(client, far, size)
        except Failure as error:
            raise Failure(f'{name}: {error}') from None


@case
def full_size_packets_cross_both_ways_in_fragments(lab, state):
    """1500 bytes inside a 1500-byte path: each side sends outer fragments and puts those of the other together."""
    for name in ('gcm', 'gcm-natt', 'sha1', 'sha256-natt', 'gcm6'):
        with subscriber_over(lab, name, mru=1500) as client, far_socket(lab) as far:
            before = counters(state)
            for size in (1400, 1420, 1440, 1460, 1480, 1500):
                crosses(client, far, size)
            after = counters(state)
            check(not {key: (before.get(key), value) for key, value in after.items()
                       if key.startswith(('fragment', 'esp_')) and value != before.get(key, 0)}, 'nothing was dropped')
    rows = state.capture.fields(f'ip.src == {LNS} && ip.flags.mf == 1 && ip.proto == 50', 'frame.number')
    check(rows, 'lnsd sends native ESP in fragments')
    rows = state.capture.fields(f'ip.dst == {LNS} && ip.flags.mf == 1 && ip.proto == 50', 'frame.number')
    check(rows, 'and has got some')


def flipped(esp, at=-1):
    spoiled = bytearray(esp)
    spoiled[at] ^= 0x10
    return bytes(spoiled)


@case
def what_is_wrong_with_esp_is_counted_by_name_and_harms_nobody(lab, state):
    for name in ('bad', 'bad-natt'):
        with tunnel_over(lab, name) as tunnel, far_socket(lab) as far:
            sock = tunnel.lac.socket
            client = Client(tunnel.call()).up()
            hello = sock.inner_udp(tunnel.header(0, 0))
            with counted(state, 'esp_icv', at_least=4):
                for at in (8, 20, -1, -12):
                    sock.wire(flipped(sock.seal(hello), at))
            # forged numbers from the future must not move the window
            with counted(state, 'esp_icv', at_least=1):
                sock.wire(flipped(sock.seal(hello, seq=sock.out.seq_num + 100000)))
            client.ping(FAR)
            with counted(state, 'esp_replayed', at_least=3):
                good = sock.seal(hello)
                for _ in range(4):
                    sock.wire(good)
            with counted(state, 'esp_old'):
                first = sock.out.seq_num
                sock.out.seq_num += 2000
                sock.wire(sock.seal(hello))
                sock.wire(sock.seal(hello, seq=first))
            with counted(state, 'esp_truncated', 'natt_short', 'esp_block', at_least=6):
                for size in (8, 9, 12, 20, 27, 33):
                    sock.wire(good[:size])
            with counted(state, 'esp_block', 'esp_truncated', 'esp_icv'):
                sock.wire(sock.seal(hello)[:-1])
            with counted(state, 'esp_padding'):
                sock.wire(sock.seal(hello, padlen=255))
            with counted(state, 'esp_unknown_spi'):
                sock.wire(sock.seal(hello, spi=0x7777))
            with counted(state, 'esp_next_header', at_least=2):
                sock.wire(sock.seal(hello, next_header=6))
                sock.wire(sock.seal(os.urandom(40), next_header=4))
            with counted(state, 'esp_dummy'):
                sock.wire(sock.seal(hello, next_header=59))
            with counted(state, 'esp_inner', at_least=3):
                sock.wire(sock.seal(sock.inner_udp(b'query', destination=53)))
                sock.wire(sock.seal(sock.inner_udp(b'x' * 20, length=200)))
                sock.wire(sock.seal(b'12345'))
            client.ping(FAR)
            crosses(client, far, 500)
        works(lab, 'gcm')


def association_row(state, spi):
    rows = [row for row in state.lnsd.rows('sas') if int(str(row['spi']), 0) == spi]
    check_equal(len(rows), 1, f'rows of SPI {spi:#x} in show sas')
    return rows[0]


def drops_of(row):
    """{reason: count} of a row's "icv 5"."""
    return {name: int(count) for name, count in (text.rsplit(' ', 1) for text in row['drops'])}


@case
def an_association_shows_what_it_carried_and_dropped(lab, state):
    pair = PAIRS['bad']
    before, out = association_row(state, pair.to_lns), association_row(state, pair.to_lac)
    with tunnel_over(lab, 'bad') as tunnel:
        sock = tunnel.lac.socket
        for _ in range(5):
            sock.wire(flipped(sock.seal(b'x' * 40)))
        for _ in range(3):
            sock.wire(sock.seal(b'x' * 40, next_header=6))
        client = Client(tunnel.call()).up()
        client.ping(FAR, count=10, size=1000)

        def grown():
            drops, then = drops_of(association_row(state, pair.to_lns)), drops_of(before)
            return {name: count - then.get(name, 0) for name, count in drops.items() if count != then.get(name, 0)}

        eventually(lambda: grown() == {'icv': 5, 'next_header': 3}, f'drops of the SA: {grown()}', timeout=4)
        check(association_row(state, pair.to_lns)['tunnels'] >= 1, 'tunnels on it')  # ended ones linger for 31 s
    after = association_row(state, pair.to_lns)
    for row, then, name in ((after, before, 'in'), (association_row(state, pair.to_lac), out, 'out')):
        check(row['packets'] - then['packets'] >= 20, f'packets {name}: {then} {row}')
        check(row['bytes'] - then['bytes'] >= 10000, f'bytes {name}: {then} {row}')
    wanted = {'peer': pair.local, 'local': LNS, 'direction': 'in', 'mode': 'transport', 'algorithm': 'aes-gcm-16-128',
              'rekeys': 0, 'state': 'in use', 'source': 'configuration'}
    check_equal({key: after[key] for key in wanted}, wanted, 'show sas')
    return f"engine {after['engine']}, worker {after['worker']}"


@case
def incomplete_fragments_of_esp_are_counted(lab, state):
    with tunnel_over(lab, 'bad') as tunnel, lab.socket('lac', kind=socket.SOCK_RAW,
                                                       protocol=socket.IPPROTO_RAW) as raw:
        sock = tunnel.lac.socket
        client = Client(tunnel.call()).up()
        with counted(state, 'fragment_timeout', 'fragment_invalid', at_least=3):
            for number in range(3):
                esp = sock.seal(sock.inner_udp(os.urandom(1200)))
                datagram = IP(src=sock.pair.local, dst=LNS, id=500 + number, proto=50) / Raw(esp)
                raw.sendto(bytes(fragment(datagram, 600)[number % 2]), (LNS, 0))
            time.sleep(2)
        client.ping(FAR)


@case
def cleartext_from_a_peer_that_requires_ipsec_is_dropped_before_any_state(lab, state):
    tunnels = len(state.lnsd.tunnels())
    for local, remote in (('10.1.0.139', LNS), (LAC6, LNS6)):
        lac = Lac(lab, local=local, remote=remote)
        try:
            tunnel = Tunnel(lac)
            mark = len(lab.read(state.lnsd.log))
            with counted(state, 'sccrq-needs-ipsec'):
                try:
                    tunnel.connect()
                except Timeout:
                    pass
                else:
                    raise Failure(f'an SCCRQ in the clear from {local} was answered')
            shown = [line for line in lab.read(state.lnsd.log)[mark:].splitlines() if 'has to come inside ESP' in line]
            check(shown and local in shown[0] and 'carrier' in shown[0], f'log: {shown}')
        finally:
            lac.close()
    # in fragments, which are whole before anybody looks at the peer
    body = b''.join([avp(MESSAGE_TYPE, SCCRQ), *tunnel.hello_avps(), avp(99, bytes(900), False)])
    request = tunnel.header(0, len(body), ns=0) + body
    datagram = IP(src='10.1.0.139', dst=LNS, id=77) / UDP(sport=1701, dport=1701) / Raw(request)
    with lab.socket('lac', kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as raw:
        with counted(state, 'sccrq-needs-ipsec'):
            for part in fragment(datagram, 600):
                raw.sendto(bytes(part), (LNS, 0))
            time.sleep(0.3)
    check_equal(len(state.lnsd.tunnels()), tunnels, 'tunnels')


@case
def a_peer_that_is_to_come_without_ipsec_is_refused_inside_esp(lab, state):
    lac = EspLac(lab, PAIRS['none'])
    tunnel = Tunnel(lac)
    with counted(state, 'sccrq-inside-ipsec'):
        body = b''.join([avp(MESSAGE_TYPE, SCCRQ), *tunnel.hello_avps()])
        lac.send(tunnel.header(0, len(body), ns=0) + body)
    lac.close()
    lac = Lac(lab, local='10.1.0.129')
    try:
        with dial.tunnel_up(lab, lac=lac, name='lac-none'):
            pass
    finally:
        lac.close()


@case
def cleartext_into_a_tunnel_that_came_inside_esp_is_dropped(lab, state):
    with tunnel_over(lab, 'bad') as tunnel, far_socket(lab) as far:
        client = Client(tunnel.call()).up()
        session = client.session
        head = struct.pack('!HHH', 2, tunnel.peer_id, session.peer_id)
        plain = lab.socket('lac')
        plain.bind((tunnel.lac.pair.local, 1701))
        data = bytes(IP(src=client.address, dst=FAR) / Raw(b'in the clear'))
        mark = len(lab.read(state.lnsd.log))
        with counted(state, 'l2tp_wrong_sa'):
            plain.sendto(head + b'\xff\x03\x00\x21' + data, (LNS, 1701))
        said = f'spi=0x{tunnel.lac.pair.to_lac:08x}'
        eventually(lambda: any('L2TP packet refused' in line and said in line and tunnel.lac.pair.local in line
                               for line in lab.read(state.lnsd.log)[mark:].splitlines()), 'the log names peer and SPI')
        with counted(state, 'tunnel-wrong-sa'):
            plain.sendto(tunnel.header(0, 0), (LNS, 1701))
        # whatever it is, and whoever is on the way and knows all numbers
        for kind, avps in ((HELLO, b''), (STOPCCN, avp(ASSIGNED_TUNNEL_ID, tunnel.id) + avp(RESULT_CODE, 1))):
            body = avp(MESSAGE_TYPE, kind) + avps
            for tunnel_id in (None, 0):
                with counted(state, 'tunnel-wrong-sa', 'tunnel-unknown'):
                    plain.sendto(tunnel.header(0, len(body), tunnel_id=tunnel_id) + body, (LNS, 1701))
        plain.close()
        # another pair's tunnel is no way in either
        with tunnel_over(lab, 'gcm') as other, counted(state, 'l2tp_wrong_peer', 'l2tp_wrong_sa'):
            other.lac.send(head + b'\xff\x03\x00\x21' + data)
        crosses(client, far, 300)


@case
def nat_gives_another_port_which_only_an_authentic_packet_proves(lab, state):
    with tunnel_over(lab, 'moving') as tunnel, far_socket(lab) as far:
        lac = tunnel.lac
        client = Client(tunnel.call(), mru=1500).up()
        crosses(client, far, 400)
        # a forger on the way, from another port
        forger = lab.socket('lac')
        forger.bind((lac.pair.local, 32000))
        with counted(state, 'esp_icv', at_least=5):
            for _ in range(5):
                forger.sendto(flipped(lac.socket.seal(lac.socket.inner_udp(tunnel.header(0, 0)))), (LNS, NATT))
        old = lac.socket.seal(lac.socket.inner_udp(tunnel.header(0, 0)))
        lac.socket.wire(old)
        with counted(state, 'esp_replayed'):
            forger.sendto(old, (LNS, NATT))
        time.sleep(0.3)
        crosses(client, far, 400)
        forger.settimeout(0.2)
        try:
            raise Failure(f'the forger got {len(forger.recvfrom(2000)[0])} bytes')
        except TimeoutError:
            pass
        forger.close()
        # the NAT lost its mapping: the same peer from another port, twice
        for port in (32001, 32002):
            lac.socket.move(port)
            # the first answers may still be on their way to the old port
            eventually(lambda: reaches(client), f'answers come to port {port}', timeout=3)
            crosses(client, far, 1500)
            second = Client(tunnel.call(), user='fixed@isp.example', password='fixed-password').up()
            second.ping(FAR)
            second.session.disconnect()


@case
def nat_keepalives_are_eaten(lab, state):
    with tunnel_over(lab, 'gcm-natt') as tunnel:
        client = Client(tunnel.call()).up()
        with counted(state, 'natt_keepalive', at_least=10):
            for _ in range(10):
                tunnel.lac.socket.wire(b'\xff')
        client.ping(FAR)


@case
def two_clients_behind_one_nat_address(lab, state):
    with tunnel_over(lab, 'nat-one') as one, tunnel_over(lab, 'nat-two') as two, far_socket(lab) as far:
        first = Client(one.call(), mru=1500).up()
        second = Client(two.call(), user='fixed@isp.example', password='fixed-password', mru=1500).up()
        for _ in range(5):
            first.ping(FAR)
            second.ping(FAR)
            crosses(first, far, 1500)
            crosses(second, far, 1500)
        # the other one's packets are no way in: both have the same address and port, but not the same keys
        into = struct.pack('!HHH', 2, two.peer_id, second.session.peer_id) + b'\xff\x03\x00\x21'
        with counted(state, 'l2tp_wrong_sa'):
            one.lac.send(into + bytes(IP(src=second.address, dst=FAR) / Raw(b'by the neighbour')))
        with counted(state, 'tunnel-wrong-sa'):
            one.lac.send(two.header(0, 0))
        one.stop()
        crosses(second, far, 700)


@case
def ike_reaches_the_kernel_and_its_answers_go_out(lab, state):
    """Where charon would listen: in the TAPs' namespace. UDP 500, and 4500 behind four zero bytes; large ones too."""
    for port in (500, NATT):
        marker = bytes(4) if port == NATT else b''
        server, client = lab.socket('kern'), lab.socket('lac')
        server.settimeout(3)
        client.settimeout(3)
        server.bind((LNS, port))
        client.setsockopt(socket.IPPROTO_IP, 10, 0)
        server.setsockopt(socket.IPPROTO_IP, 10, 0)
        client.bind((PAIRS['gcm-natt'].local, 0))
        for size in (60, 1200, 3000):
            packet = marker + os.urandom(size)
            client.sendto(packet, (LNS, port))
            got, source = server.recvfrom(65535)
            check(got == packet, f'{size} bytes to port {port}')
            check_equal(source, client.getsockname(), 'where it came from')
            answer = marker + os.urandom(size)
            server.sendto(answer, source)
            check(client.recvfrom(65535)[0] == answer, f'the answer of {size} bytes from port {port}')
        server.close()
        client.close()


@case
def shown_by_lnsctl_without_keys(lab, state):
    done = state.lnsd.command('--json', 'show', 'sas')
    check_equal(done.returncode, 0, done.stderr)
    text = done.stdout + state.lnsd.command('show', 'sas').stdout + lab.read(state.lnsd.log)
    rows = state.lnsd.rows('sas')
    check_equal(len(rows), 2 * len(PAIRS), 'rows of show sas')
    for pair in PAIRS.values():
        for spi in (pair.to_lns, pair.to_lac):
            for key in pair.keys(spi):
                check(not key or key.hex() not in text.lower(), f'a key of SPI {spi:#x} is shown')


@case
def no_key_and_iv_twice_across_a_kill(lab, state):
    """The packets of two lives of the daemon, the first ended by SIGKILL: numbers begin anew, IVs must not."""
    seen, packets = {}, 0
    for name in ('gcm', 'gcm-natt', 'sha1'):
        seen[PAIRS[name].to_lac] = set()
    for life in range(3):
        capture = Capture(lab, name=f'life{life}.pcap')
        for name in ('gcm', 'gcm-natt', 'sha1'):
            NUMBERS[PAIRS[name].to_lns] = NUMBERS.get(PAIRS[name].to_lns, 1) if life == 0 else 1
            with tunnel_over(lab, name) as tunnel:
                client = Client(tunnel.call()).up()
                client.ping(FAR, count=10)
        capture.stop()
        for name in ('gcm', 'gcm-natt', 'sha1'):
            pair, count = PAIRS[name], 0
            rows = capture.fields(f'ip.src == {LNS} && esp.spi == {pair.to_lac}', 'ip.len', 'esp.sequence')
            for esp in packets_of(capture, pair):
                _, _, number, iv = opened(pair.scapy(pair.to_lac), esp)
                check(iv not in seen[pair.to_lac], f'{name}: IV {iv.hex()} of number {number} was used before')
                seen[pair.to_lac].add(iv)
                count += 1
            check(count >= 15, f'{name}: {count} packets captured in life {life} ({len(rows)} by tshark)')
            packets += count
        state.lnsd.kill()
        NUMBERS.clear()
        state.lnsd.start()
    return f'{packets} packets'


def packets_of(capture, pair):
    """The ESP of each unfragmented packet of lnsd to this LAC, from the file."""
    from scapy.utils import rdpcap
    for packet in rdpcap(capture.file):
        if IP not in packet or packet[IP].src != LNS or packet[IP].dst != pair.local:
            continue
        payload = bytes(packet[IP].payload)[:packet[IP].len - 20]
        if packet[IP].proto == 17:
            payload = payload[8:]
        if packet[IP].proto in (17, 50) and payload[:4] == struct.pack('!I', pair.to_lac):
            yield payload


@case
def random_bytes_as_esp(lab, state):
    chance = random.Random(5)
    for name in ('bad', 'bad-natt'):
        with tunnel_over(lab, name) as tunnel:
            sock = tunnel.lac.socket
            client = Client(tunnel.call()).up()
            for number in range(400):
                esp = bytearray(sock.seal(chance.randbytes(chance.choice((0, 1, 2, 8, 40, 900))),
                                          next_header=chance.choice((17, 4, 41, 0, 59, 255)),
                                          padlen=chance.choice((None, None, 0, 1, 255))))
                if number % 3 == 0:
                    esp[chance.randrange(4, len(esp))] ^= 1 << chance.randrange(8)
                if number % 7 == 0:
                    esp = esp[:chance.randrange(len(esp))]
                sock.wire(bytes(esp))
                if number % 50 == 0:
                    time.sleep(0.02)
            # net_pcap's buffer holds some thirty packets: on a busy machine it may just be full
            eventually(lambda: reaches(client), 'the subscriber is served', timeout=5)


def finish(lab, state):
    dial.no_session_left(state)
    state.lnsd.stop()
    state.capture.stop()
    return witness(state)


def witness(state):
    """tshark, with the keys, finds no fault with the control packets that lnsd sent inside ESP."""
    table = []
    for pair in PAIRS.values():
        key, auth_key = pair.keys(pair.to_lac)
        cipher, auth = {'gcm': ('AES-GCM with 16 octet ICV [RFC4106]', 'NULL'),
                        'cbc-sha1': ('AES-CBC [RFC3602]', 'HMAC-SHA-1-96 [RFC2404]'),
                        'cbc-sha256': ('AES-CBC [RFC3602]', 'HMAC-SHA-256-128 [RFC4868]')}[
                            pair.algorithm.rstrip('0123456789') if pair.algorithm.startswith('gcm') else pair.algorithm]
        family = 'IPv6' if ':' in pair.remote else 'IPv4'
        table.append(f'"{family}","{pair.remote}","{pair.local}","0x{pair.to_lac:08x}","{cipher}","0x{key.hex()}",'
                     f'"{auth}","{"0x" + auth_key.hex() if auth_key else ""}","32-bit"')
    state.capture.options = ['-o', 'esp.enable_encryption_decode:TRUE', '-o', 'esp.enable_authentication_check:TRUE',
                             '-o', 'esp.do_esp_sequence_analysis:FALSE']  # the daemon is restarted in between
    for row in table:
        state.capture.options += ['-o', 'uat:esp_sa:' + row]
    return check_capture(state.capture)


main(setup, finish=finish)
