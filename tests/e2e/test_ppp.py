# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize limit 600
"""PPP (RFC 1661, 1332, 1334, 1994, 2759) against Scapy's packets, well-behaved, odd and hostile."""
import os
import struct
import time

import dial
from dial import session_of, subscriber, tunnel_up
from lac import CDN, Timeout, u16
from lib import FAR, Failure, case, check, check_equal, eventually, main
from ppp import (ACK, CCP, CHAP, CODE_REJECT, DISCARD, ECHO, ECHO_REPLY, IPCP, IPV6CP, LCP, NAK, PAP,
                 PROTOCOL_REJECT, REJECT, REQUEST, TERMINATE, Client, Refused, option, options_of,
                 packet)
from scapy.layers.ppp import PPP_LCP_Echo

USERS = [
    {'name': 'alice@isp.example', 'password': 'alice-password'},
    {'name': 'fixed@isp.example', 'password': 'fixed-password', 'address': '100.65.0.77'},
    {'name': 'short@isp.example', 'password': 'short-password', 'session-timeout': 60},
    {'name': '*@load.example', 'password': 'load-password'},
]


def client_in(tunnel, **arguments):
    return Client(tunnel.call(), **arguments)


def works(lab):
    with subscriber(lab) as client:
        client.ping(FAR)


def refused(client):
    """Authentication fails, says so, and the session ends; PAP and MS-CHAPv2 have a second attempt."""
    client.lcp()
    for _ in range(1 if client.method == 'chap' else 2):
        try:
            client.authenticate()
        except Refused:
            continue
        raise Failure('was let in')
    client.gone(8)


@case
def chap_pap_and_mschapv2_each_bring_a_subscriber_up(lab, state):
    for method in ('chap', 'pap', 'mschapv2'):
        with tunnel_up(lab) as tunnel:
            client = client_in(tunnel, methods=[method]).up()
            check_equal(client.method, method, 'method')
            check_equal(client.dns, ['9.9.9.9', '149.112.112.112'], 'DNS servers')
            check_equal(client.peer_address, '100.64.0.1', "the LNS's address")
            client.ping(FAR, count=3)
            client.ping('100.64.0.1')
            client.terminate()


@case
def fixed_address_is_given_and_accepted_if_proposed(lab, state):
    for proposed in ('0.0.0.0', '100.65.0.77', '192.0.2.1'):
        with tunnel_up(lab) as tunnel:
            client = client_in(tunnel, user='fixed@isp.example', password='fixed-password',
                               address=proposed).up()
            check_equal(client.address, '100.65.0.77', f'address, {proposed} proposed')
            client.ping(FAR)
            client.terminate()


@case
def address_of_another_is_not_accepted(lab, state):
    with tunnel_up(lab) as tunnel:
        first = client_in(tunnel).up()
        second = client_in(tunnel, user='a@load.example', password='load-password',
                           address=first.address).up()
        check(second.address != first.address, 'two subscribers with one address')
        first.ping(FAR)
        second.ping(FAR)


@case
def same_user_gets_its_last_address_again(lab, state):
    addresses = set()
    for _ in range(3):
        with subscriber(lab) as client:
            addresses.add(client.address)
            client.terminate()
        with subscriber(lab, user=f'b{len(addresses)}{_}@load.example', password='load-password') as other:
            other.terminate()
    check_equal(len(addresses), 1, 'addresses over three sessions')


@case
def wrong_password_is_refused_by_every_method(lab, state):
    for method in ('pap', 'chap', 'mschapv2'):
        with tunnel_up(lab) as tunnel:
            refused(client_in(tunnel, password='wrong', methods=[method]))
            check('wrong' not in lab.read(state.lnsd.log).replace('wrong-', '').replace('wrong password', ''),
                  'the password that was tried is not in the log')
    check('alice-password' not in lab.read(state.lnsd.log), 'no password is in the log')
    works(lab)


@case
def unknown_user_is_refused(lab, state):
    for method in ('pap', 'chap', 'mschapv2'):
        with tunnel_up(lab) as tunnel:
            refused(client_in(tunnel, user='nobody@nowhere', methods=[method]))
    works(lab)


@case
def second_attempt_with_the_right_password_is_let_in(lab, state):
    for method in ('pap', 'mschapv2'):
        with tunnel_up(lab) as tunnel:
            client = client_in(tunnel, password='wrong', methods=[method]).lcp()
            try:
                client.authenticate()
                raise Failure('was let in')
            except Refused:
                client.password = b'alice-password'
            client.authenticate().ipcp().ping(FAR)


@case
def long_empty_and_odd_names_and_passwords_are_refused(lab, state):
    for user, password in (('u' * 250, 'p' * 120), ('', ''), ('alice@isp.example', '')):
        with tunnel_up(lab) as tunnel:
            refused(client_in(tunnel, user=user, password=password, methods=['pap']))
    works(lab)


@case
def name_with_a_nul_is_malformed(lab, state):
    with dial.counted(state, 'auth_malformed'), tunnel_up(lab) as tunnel:
        client = client_in(tunnel, user='alice@isp.example\0@other', methods=['pap']).lcp()
        try:
            client.authenticate()
        except Timeout:
            pass
        else:
            raise Failure('was let in')
    works(lab)


@case
def client_that_wants_eap_is_offered_what_there_is_and_then_ended(lab, state):
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel, methods=['eap'])
        start = time.monotonic()
        try:
            client.lcp()
        except (Failure, Timeout):
            pass
        else:
            raise Failure('LCP opened with EAP')
        check(time.monotonic() - start < 40, 'ends in bounded time')
    works(lab)


@case
def client_that_acks_pap_and_then_answers_a_challenge_is_survived(lab, state):
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel, methods=['pap']).lcp()
        client.session.send(CHAP, packet(2, 1, bytes([16]) + os.urandom(16) + client.user))
        client.authenticate().ipcp().ping(FAR)


@case
def takeover_by_the_same_user(lab, state):
    with tunnel_up(lab) as first_tunnel, tunnel_up(lab) as second_tunnel:
        old = client_in(first_tunnel).up()
        new = client_in(second_tunnel).up()
        check_equal(old.gone(5).kind, CDN, 'the old session is ended')
        check_equal(new.address, old.address, 'the address moves')
        new.ping(FAR, count=5)
        session_of(state, 'alice@isp.example')


@case
def subscriber_hangs_up(lab, state):
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel).up()
        message = client.terminate()
        check(message.result()[0] in (1, 2, 3), f'CDN result {message.result()}')
        eventually(lambda: not state.lnsd.sessions(), 'the session is gone')


@case
def operator_disconnects(lab, state):
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel).up()
        done = state.lnsd.command('disconnect', 'user', 'alice@isp.example')
        check_equal(done.returncode, 0, 'lnsctl disconnect: ' + done.stderr)
        client.gone()
        eventually(lambda: not state.lnsd.sessions(), 'the session is gone')
        done = state.lnsd.command('disconnect', 'user', 'nobody@isp.example')
        check(done.returncode != 0, 'disconnecting nobody is an error')


@case
def lost_echo_ends_the_session_and_answered_ones_keep_it(lab, state):
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel).up()
        tunnel.lac.flush(9)
        client.ping(FAR)
        client.answers_echo = False
        start = time.monotonic()
        client.gone(25)
        took = time.monotonic() - start
        check(4 <= took <= 20, f'ended after {took:.1f} s of silence')


@case
def echo_request_of_the_client_is_answered(lab, state):
    with subscriber(lab) as client:
        for size in (0, 4, 1000, 1450):
            data = os.urandom(size)
            client.session.send(LCP, PPP_LCP_Echo(code=ECHO, id=77, magic_number=client.magic, data=data))
            while True:
                _, payload = client.get(LCP)
                if payload[0] == ECHO_REPLY:
                    break
            check_equal((payload[1], payload[8:]), (77, data), 'Echo-Reply')
            check_equal(struct.unpack_from('!I', payload, 4)[0], client.peer_magic, "the LNS's magic number")


@case
def oversized_echo_request_is_not_answered_beyond_the_mru(lab, state):
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel, mru=600).up()
        client.session.send(LCP, packet(ECHO, 3, struct.pack('!I', client.magic) + bytes(1300)))
        tunnel.lac.flush(0.4)
        for protocol, payload in client.session.inbox:
            check(len(payload) <= 600, f'{len(payload)} bytes to a peer with an MRU of 600')
        client.ping(FAR)


@case
def lcp_options_are_negotiated(lab, state):
    """MRU below and above, PFC and ACFC, no options at all, unknown ones rejected one by one."""
    for arguments in ({'mru': 1492}, {'mru': 1500}, {'mru': 1280}, {'mru': None}, {'mru': 9000}):
        with tunnel_up(lab) as tunnel:
            client_in(tunnel, **arguments).up().ping(FAR)
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel)
        client.pfc = client.acfc = True
        client.up().ping(FAR)
        client.session.tx_short_protocol, client.session.tx_address = True, False
        client.ping(FAR)
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel, mru=None)
        client.magic = 0
        client.up().ping(FAR)
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel)
        strange = option(17, u16(1500)) + option(19, b'\x01' + b'x' * 10) + option(200, b'abc')
        client.session.send(LCP, packet(REQUEST, 9, option(1, u16(1460)) + strange))
        while True:
            _, payload = client.get(LCP)
            if payload[0] != REQUEST:
                break
        check_equal((payload[0], payload[1]), (REJECT, 9), 'answer to unknown options')
        check_equal(payload[4:], strange, 'the rejected options, unchanged and in order')
        client.up().ping(FAR)


@case
def mru_too_small_or_odd_accm_are_answered(lab, state):
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel)
        client.session.send(LCP, packet(REQUEST, 5, option(1, u16(20))))
        while True:
            _, payload = client.get(LCP)
            if payload[0] != REQUEST:
                break
        check(payload[0] in (NAK, REJECT), f'MRU 20 was answered by code {payload[0]}')
        client.session.send(LCP, packet(REQUEST, 6, option(2, b'\xff\xff\xff\xff') + option(1, u16(1460))))
        while True:
            _, payload = client.get(LCP)
            if payload[0] != REQUEST and payload[1] == 6:
                break
        client.up().ping(FAR)


@case
def client_that_lets_the_lns_start(lab, state):
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel)
        _, first = client.get(LCP)
        check_equal(first[0], REQUEST, 'the LNS starts LCP')
        check(client.answer_lcp(first), 'its request is acknowledged')
        client.lcp(acknowledged=True).authenticate().ipcp().ping(FAR)


@case
def lcp_renegotiation_after_opened(lab, state):
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel).up()
        address = client.address
        client.ping(FAR)
        client.wanted, client.dns = '0.0.0.0', []
        client.up()
        check_equal(client.address, address, 'address after the renegotiation')
        client.ping(FAR)


@case
def hundreds_of_repeated_options(lab, state):
    """Repeated and over-many options must not make a Nak that is longer than the link (CVE-2026-85495)."""
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel)
        for body in (option(1, u16(10)) * 300, option(99, b'') * 600, option(3, b'\xc2\x27') * 300,
                     option(1, u16(1460)) * 340):
            client.session.send(LCP, packet(REQUEST, client.next_id(), body))
        tunnel.lac.flush(0.4)
        for protocol, payload in client.session.inbox:
            check(len(payload) <= 1500, f'an answer of {len(payload)} bytes')
            if protocol == LCP and payload[0] in (REQUEST, ACK, NAK, REJECT):
                options_of(payload)
        client.session.inbox.clear()
    works(lab)


@case
def broken_options_are_not_read(lab, state):
    """Option length 0, 1, beyond the packet; packet length beyond the frame; for LCP, IPCP, IPv6CP."""
    broken = (b'\x01\x00\x05\xb4', b'\x01\x01', b'\x01', b'\x01\xff\x05', b'\x03\x03\xc2', b'\x05\x02',
              b'\x13\x02', b'\x13\x03\x01', b'\x02\x04\x00\x00')
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel)
        for body in broken:
            client.session.send(LCP, packet(REQUEST, 7, body))
        for raw in (b'', b'\x01', b'\x01\x02', b'\x01\x02\x00', b'\x01\x02\x00\x03', b'\x01\x02\xff\xff',
                    b'\x01\x02\x00\x00abcd', b'\x02\x02\x00\x03'):
            client.session.send(LCP, raw)
        tunnel.lac.flush(0.3)
        client.session.inbox.clear()
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel).up()
        for protocol in (IPCP, IPV6CP, LCP):
            for body in broken:
                client.session.send(protocol, packet(REQUEST, 200, body))
                client.session.send(protocol, packet(ACK, 201, body))
                client.session.send(protocol, packet(NAK, 202, body))
        tunnel.lac.flush(0.3)
    works(lab)


@case
def broken_authentication_packets(lab, state):
    """Name and value lengths beyond the packet (CVE-2020-8597), short MS-CHAPv2 responses."""
    for protocol, bodies in (
            (PAP, (b'', b'\xff', b'\x05ali', b'\x03abc\xffx', b'\x00\x00', b'\xff' * 200)),
            (CHAP, (b'', b'\x10', b'\xff' + b'x' * 40, b'\x10' + b'x' * 15, b'\x31' + b'x' * 48,
                    b'\x00alice@isp.example', b'\x31' + b'x' * 49 + b'n' * 600))):
        with tunnel_up(lab) as tunnel:
            method = 'pap' if protocol == PAP else 'mschapv2'
            client = client_in(tunnel, methods=[method]).lcp()
            code = 1 if protocol == PAP else 2
            identifier = 1
            if protocol == CHAP:
                client.wait_challenge()
                identifier = client.chap_id
            for body in bodies:
                client.session.send(protocol, packet(code, identifier, body))
            tunnel.lac.flush(0.3)
            for got, payload in client.session.inbox:
                check(not (got == protocol and payload[0] in (2, 3) and protocol == PAP and payload[0] == 2),
                      'let in')
                check(not (got == CHAP and payload[0] == 3), 'let in')
    works(lab)


@case
def unknown_codes_and_protocols_are_rejected(lab, state):
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel).up()
        client.session.send(LCP, packet(42, 9, b'what'))
        while True:
            _, payload = client.get(LCP)
            if payload[0] == CODE_REJECT:
                break
        check_equal(payload[4:12], packet(42, 9, b'what'), 'Code-Reject repeats the packet')
        for protocol in (CCP, 0x8029, 0x804f):
            client.session.send(protocol, packet(REQUEST, 1, b''))
            while True:
                _, payload = client.get(LCP)
                if payload[0] == PROTOCOL_REJECT:
                    break
            check_equal(struct.unpack_from('!H', payload, 4)[0], protocol, 'Protocol-Reject names')
        client.ping(FAR)


@case
def ccp_terminate_and_discard_and_identification_do_not_hurt(lab, state):
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel)
        client.lcp().authenticate()
        client.session.send(CCP, packet(REQUEST, 1, option(21, b'\0\0')))
        client.session.send(CCP, packet(TERMINATE, 2))
        client.session.send(LCP, packet(DISCARD, 3, struct.pack('!I', client.magic) + b'x'))
        client.session.send(LCP, packet(12, 4, struct.pack('!I', client.magic) + b'CPE 1.0'))
        client.ipcp().ping(FAR)


@case
def ipv6cp_is_declined_without_hurting_ipv4(lab, state):
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel).up()
        client.session.send(IPV6CP, packet(REQUEST, 1, option(1, os.urandom(8))))
        protocol, payload = client.get(LCP, IPV6CP)
        check(protocol == IPV6CP or payload[0] == PROTOCOL_REJECT, 'IPv6CP is answered')
        client.ping(FAR)


@case
def ping_pong_of_requests_and_rejects_is_bounded(lab, state):
    """A client that Naks for ever, and one that rejects what it was sent, do not loop."""
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel)
        answers = 0
        end = time.monotonic() + 20
        try:
            while time.monotonic() < end:
                _, payload = client.get(LCP, timeout=4)
                if payload[0] == REQUEST:
                    answers += 1
                    client.session.send(LCP, packet(NAK, payload[1], option(1, u16(1000 + answers % 400))))
                elif payload[0] == TERMINATE:
                    break
        except Timeout:
            pass
        check(answers <= 60, f'{answers} rounds')
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel).up()
        for _ in range(50):
            client.session.send(LCP, packet(CODE_REJECT, 1, packet(99, 1)))
        tunnel.lac.flush(0.3)
        check(len(client.session.inbox) < 20, f'{len(client.session.inbox)} answers to Code-Rejects')
        client.ping(FAR)


@case
def ipcp_rejects_what_it_does_not_know(lab, state):
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel)
        client.lcp().authenticate()
        strange = option(2, b'\x00\x2d\x0f\x01')
        client.session.send(IPCP, packet(REQUEST, 99, option(3, bytes(4)) + strange))
        while True:
            _, payload = client.get(IPCP)
            if payload[0] != REQUEST:
                break
        check_equal((payload[0], payload[4:]), (REJECT, strange), 'VJ compression')
        client.ipcp().ping(FAR)


@case
def data_before_ipcp_is_dropped_and_counted(lab, state):
    from scapy.layers.inet import ICMP, IP
    with tunnel_up(lab) as tunnel:
        client = client_in(tunnel)
        client.lcp()
        with dial.counted(state, 'ppp_not_open', 'ip_spoofed'):
            client.send_ip(IP(src='100.64.16.9', dst=FAR) / ICMP())
        client.authenticate().ipcp().ping(FAR)


main(lambda lab: dial.setup(lab, users=USERS, subscribers={
    'lcp-echo-interval': '2s', 'lcp-echo-failures': 3}), finish=dial.finish)
