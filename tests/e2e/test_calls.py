# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize limit 600
"""L2TP calls, hidden AVPs, and what no LAC should send (RFC 2661)."""
import os
import random
import struct
import time

import dial
from dial import SECRET, call_avps, open_lac, session_details, session_of, subscriber, tunnel_up, works
from lac import (ASSIGNED_SESSION_ID, CALLED_NUMBER, CALLING_NUMBER, CALL_ERRORS, CALL_SERIAL_NUMBER, CDN,
                 FRAMING_TYPE, HELLO, ICCN, ICRP, ICRQ, MESSAGE_TYPE, OCRQ, RANDOM_VECTOR, RESULT_CODE,
                 SCCRQ, STOPCCN, SUB_ADDRESS, Session, TX_CONNECT_SPEED, Tunnel, WEN, avp, hide, u16, u32)
from lib import FAR, case, check, check_equal, eventually, main
from ppp import Client


def refused_call(tunnel, *avps, result=None, error=None, session_id=None):
    session = Session(tunnel, session_id)
    tunnel.send(ICRQ, *avps)
    answer = tunnel.wait(CDN, ICRP)
    check(answer.kind == CDN, f'ICRQ was answered by {answer!r}, CDN was expected')
    code = answer.result()
    if result is not None:
        check_equal(code[0], result, 'CDN result code')
    if error is not None:
        check_equal(code[1], error, 'CDN error code')
    tunnel.sessions.pop(session.id, None)
    return answer


# Calls

@case
def calls_come_and_go_in_one_tunnel(lab, state):
    with tunnel_up(lab) as tunnel:
        seen = set()
        for _ in range(5):
            with subscriber(lab, tunnel) as client:
                client.ping(FAR)
                seen.add(client.session.peer_id)
                client.session.disconnect()
        check(len(seen) == 5, 'session ids are not handed out again at once')
        check(sorted(seen) != list(range(min(seen), min(seen) + 5)), 'session ids cannot be guessed')


@case
def stopccn_ends_the_sessions(lab, state):
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac)
        tunnel.connect()
        Client(tunnel.call()).up()
        session_of(state, 'alice@isp.example')
        tunnel.stop()
        eventually(lambda: not state.lnsd.sessions(), 'the sessions end with their tunnel')


@case
def call_avps_are_stored_and_shown(lab, state):
    with tunnel_up(lab) as tunnel:
        session = tunnel.call(avp(CALLED_NUMBER, '0800-CALLED'), avp(CALLING_NUMBER, 'CALLING-0123'),
                              avp(SUB_ADDRESS, 'SUB-9'), avp(37, 'group-7', mandatory=False),
                              iccn=[avp(38, u32(40_000_000), mandatory=False)])
        Client(session).up()
        shown = str(session_details(state, 'alice@isp.example'))
        for text in ('CALLING-0123', '0800-CALLED'):
            check(text in shown, f'show session has {text}: {shown}')


@case
def calling_number_of_1017_bytes(lab, state):
    with tunnel_up(lab) as tunnel:
        session = tunnel.call(avp(CALLING_NUMBER, b'7' * 1017), avp(CALLED_NUMBER, b'8' * 300))
        Client(session).up().ping(FAR)
        session.disconnect()


@case
def hidden_avps_are_understood(lab, state):
    with tunnel_up(lab, secret=SECRET) as tunnel:
        vector, other = os.urandom(16), os.urandom(7)
        secret = SECRET.encode()
        session = Session(tunnel)
        tunnel.send(ICRQ, avp(RANDOM_VECTOR, vector),
                    hide(ASSIGNED_SESSION_ID, session.id, secret, vector, padding=9),
                    hide(CALL_SERIAL_NUMBER, u32(5), secret, vector),
                    avp(RANDOM_VECTOR, other),
                    hide(CALLING_NUMBER, b'HIDDEN-' + b'n' * 60, secret, other, padding=3))
        answer = tunnel.wait(ICRP, CDN)
        check_equal(answer.kind, ICRP, 'answer to an ICRQ with hidden AVPs')
        check_equal(answer.session_id, session.id, 'the hidden session id')
        session.peer_id = answer.number(ASSIGNED_SESSION_ID)
        tunnel.send(ICCN, avp(RANDOM_VECTOR, vector), hide(TX_CONNECT_SPEED, u32(9600), secret, vector),
                    avp(FRAMING_TYPE, u32(1)), session=session.peer_id)
        Client(session).up().ping(FAR)
        check('HIDDEN-nnn' in str(session_details(state, 'alice@isp.example')), 'hidden number shown')
        session.disconnect()


@case
def hidden_avp_that_claims_too_much_is_refused(lab, state):
    for claimed in (0xffff, 3, 60):
        with tunnel_up(lab, secret=SECRET) as tunnel:
            vector = os.urandom(16)
            tunnel.send(ICRQ, avp(RANDOM_VECTOR, vector), *call_avps(99),
                        hide(CALLING_NUMBER, b'ab', SECRET.encode(), vector, claimed=claimed))
            answer = tunnel.wait(CDN, STOPCCN, ICRP)
            check(answer.kind in (CDN, STOPCCN), f'claimed length {claimed}: {answer!r}')
            check_equal(answer.result()[0], 2, 'result code')
    works(lab)


@case
def hidden_avp_without_vector_or_secret_is_refused(lab, state):
    with tunnel_up(lab, secret=SECRET) as tunnel:
        tunnel.send(ICRQ, *call_avps(99), hide(CALLING_NUMBER, b'ab', SECRET.encode(), b'x' * 16))
        check(tunnel.wait(CDN, STOPCCN, ICRP).kind != ICRP, 'hidden AVP without a Random Vector')
    with tunnel_up(lab) as tunnel:
        tunnel.send(ICRQ, avp(RANDOM_VECTOR, b'x' * 16), *call_avps(99),
                    hide(CALLING_NUMBER, b'ab', b'any', b'x' * 16))
        check(tunnel.wait(CDN, STOPCCN, ICRP).kind != ICRP, 'hidden AVP in a tunnel without secret')
    works(lab)


@case
def unknown_mandatory_avp_in_a_call_ends_only_the_call(lab, state):
    with tunnel_up(lab) as tunnel:
        answer = refused_call(tunnel, *call_avps(1234), avp(99, b'?'), result=2, error=8)
        check_equal(answer.session_id, 1234, 'the CDN goes to the session')
        check_equal(answer.avps[0, RESULT_CODE][0] & 0x3ff >= 10, True, 'the result has its error code')
        works(lab, tunnel)


@case
def session_id_zero_and_used_session_id_are_refused(lab, state):
    with tunnel_up(lab) as tunnel:
        refused_call(tunnel, *call_avps(0), result=2)
        session = tunnel.call()
        tunnel.send(ICRQ, *call_avps(session.id, 77))
        answer = tunnel.wait(CDN, ICRP)
        check_equal(answer.kind, CDN, 'a session id that is in use')
        works(lab, tunnel)


@case
def icrq_without_session_id_is_refused(lab, state):
    """The Call Serial Number may be missing: it changes nothing for an LNS. The session id may not."""
    with tunnel_up(lab) as tunnel:
        refused_call(tunnel, avp(CALL_SERIAL_NUMBER, u32(1)), result=2)
        works(lab, tunnel)


@case
def outgoing_call_is_refused_properly(lab, state):
    with tunnel_up(lab) as tunnel:
        tunnel.send(OCRQ, avp(ASSIGNED_SESSION_ID, 321), avp(CALL_SERIAL_NUMBER, u32(1)),
                    avp(16, u32(1)), avp(17, u32(100)), avp(18, u32(1)), avp(FRAMING_TYPE, u32(1)),
                    avp(CALLED_NUMBER, '1'))
        answer = tunnel.wait(CDN, STOPCCN)
        check_equal((answer.kind, answer.session_id), (CDN, 321), 'answer to OCRQ')
        check(answer.has(ASSIGNED_SESSION_ID) and answer.has(RESULT_CODE), 'the CDN is complete')
        works(lab, tunnel)


@case
def wen_and_csun_are_taken_in(lab, state):
    with tunnel_up(lab) as tunnel:
        session = tunnel.call()
        client = Client(session).up()
        tunnel.send(WEN, avp(CALL_ERRORS, u16(0) + u32(1) * 6), session=session.peer_id)
        tunnel.wait_acknowledged()
        tunnel.silent(0.2)
        client.ping(FAR)
        session.disconnect()


@case
def iccn_for_no_session_and_icrp_from_a_lac_do_no_harm(lab, state):
    with tunnel_up(lab) as tunnel:
        tunnel.send(ICCN, avp(TX_CONNECT_SPEED, u32(1)), avp(FRAMING_TYPE, u32(1)), session=54321)
        tunnel.wait_acknowledged()
        tunnel.lac.flush(0.2)
        check(not any(message.kind == STOPCCN for message in tunnel.inbox), 'the tunnel stays')
        tunnel.send(CDN, avp(RESULT_CODE, u16(1)), avp(ASSIGNED_SESSION_ID, 9), session=54321)
        tunnel.wait_acknowledged()
        works(lab, tunnel)


@case
def unknown_message_types(lab, state):
    with tunnel_up(lab) as tunnel:
        body = avp(MESSAGE_TYPE, 250, mandatory=False)
        tunnel.lac.send(tunnel.header(0, len(body)) + body)
        tunnel.ns += 1
        tunnel.wait_acknowledged()
        tunnel.silent(0.2)
        works(lab, tunnel)
    with tunnel_up(lab) as tunnel:
        body = avp(MESSAGE_TYPE, 250)
        tunnel.lac.send(tunnel.header(0, len(body)) + body)
        tunnel.ns += 1
        check_equal(tunnel.closed_by_peer().result()[0], 2, 'unknown message type with M')


# What no LAC should send

@case
def malformed_avps_are_refused(lab, state):
    """AVP length below 6 (CVE-2020-15173), zero, beyond the message, contradicting: bounded, answered or
    dropped, never looped over."""
    bodies = {
        'length 0': struct.pack('!HHH', 0x8000, 0, CALLING_NUMBER),
        'length 5': struct.pack('!HHH', 0x8005, 0, CALLING_NUMBER),
        'length beyond the message': struct.pack('!HHH', 0x83ff, 0, CALLING_NUMBER) + b'12',
        'header cut': struct.pack('!HH', 0x8008, 0),
        'Assigned Session ID of one byte': avp(ASSIGNED_SESSION_ID, b'\x01'),
        'Result Code of one byte': avp(RESULT_CODE, b'\x01'),
        'zero-length loop': struct.pack('!HHH', 0x8000, 0, 0) * 100,
    }
    for what, bad in bodies.items():
        with tunnel_up(lab) as tunnel:
            tunnel.send(ICRQ, *call_avps(700), bad)
            tunnel.lac.flush(0.25)
            check(not any(message.kind == ICRP for message in tunnel.inbox), f'{what}: accepted')
    works(lab)


@case
def odd_datagrams_are_dropped(lab, state):
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac)
        tunnel.connect()
        good = tunnel.header(0, 8) + avp(MESSAGE_TYPE, HELLO)
        for packet in (b'', b'\xc8', b'\xc8\x02', b'\xc8\x02\x00\x0c', good[:11], good[:13], good[:19],
                       b'\xc8\x03' + good[2:], b'\xc8\x02\xff\xff' + good[4:], b'\xc8\x02\x00\x00' + good[4:],
                       b'\xc8\x02\x00\x0b' + good[4:], b'\x80\x02' + good[4:], b'\xca\x02' + good[2:],
                       os.urandom(1400), b'\0' * 1400, b'\xff' * 1400, b'\x40\x02\xff\xff' + os.urandom(60),
                       b'\x02\x02' + struct.pack('!HHH', tunnel.peer_id, 1, 0xffff) + b'1234'):
            lac.send(packet)
        lac.flush(0.3)
        works(lab)


@case
def thousands_of_mutated_messages(lab, state):
    """Every byte of a real conversation flipped at random; afterwards a normal one works."""
    chance = random.Random(20260721)
    with open_lac(lab) as lac:
        for round_ in range(40):
            tunnel = Tunnel(lac, secret=SECRET, name='lab-lac')
            tunnel.connect()
            session = tunnel.call()
            frames = [bytes.fromhex('ff03c021010100140104059003 05c22305 0506 01020304'.replace(' ', '')),
                      bytes.fromhex('ff03c0230101001205616c69636508 70617373776f7264'.replace(' ', '')),
                      bytes.fromhex('ff038021010100160306000000008106000000008306 00000000'.replace(' ', ''))]
            control = [avp(MESSAGE_TYPE, ICRQ) + b''.join(call_avps(4000 + round_)),
                       avp(MESSAGE_TYPE, WEN) + avp(CALL_ERRORS, bytes(26)),
                       avp(MESSAGE_TYPE, CDN) + avp(RESULT_CODE, u16(2) + u16(6) + b'why')]
            for _ in range(25):
                body = bytearray(chance.choice(control))
                for _ in range(chance.choice((1, 2, 8))):
                    body[chance.randrange(len(body))] = chance.randrange(256)
                body = bytes(body[:chance.randrange(len(body) + 1)]) if chance.random() < 0.3 else bytes(body)
                lac.send(tunnel.header(chance.choice((0, session.peer_id)), len(body),
                                       ns=(tunnel.ns + chance.choice((0, 0, 1, 5))) & 0xffff) + body)
                frame = bytearray(chance.choice(frames))
                for _ in range(chance.choice((1, 2, 8))):
                    frame[chance.randrange(2, len(frame))] = chance.randrange(256)
                session.send_frame(bytes(frame))
            session.inbox.clear()
            lac.tunnels.clear()
            lac.stray.clear()
            time.sleep(0.01)
            lac.socket.settimeout(0)
            while True:
                try:
                    lac.socket.recv(65535)
                except OSError:
                    break
    works(lab)


@case
def sccrq_flood_does_not_starve_a_tunnel_that_is_up(lab, state):
    with tunnel_up(lab) as tunnel, open_lac(lab, port=4321) as flood:
        for number in range(3000):
            fake = Tunnel(flood, tunnel_id=1 + number % 60000, name='open-flood')
            fake.send(SCCRQ, *fake.hello_avps(), track=False)
            flood.tunnels.clear()
            if number % 500 == 250:
                tunnel.send(HELLO)
        tunnel.wait_acknowledged(3)
        works(lab, tunnel)


# the calls that mutated messages left half open end by themselves
main(lambda lab: dial.setup(lab, subscribers={'setup-timeout': '5s'}), finish=dial.finish)
