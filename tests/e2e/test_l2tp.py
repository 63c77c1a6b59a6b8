# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize limit 600
"""L2TP tunnels and their control channel (RFC 2661) against a LAC that shares no code with lnsd."""
import os
import time

import dial
from dial import SECRET, call_avps, counted, open_lac, subscriber, tunnel_up, works
from lac import (ASSIGNED_SESSION_ID, ASSIGNED_TUNNEL_ID, CHALLENGE, CHALLENGE_RESPONSE,
                 FRAMING_CAPABILITIES, HELLO, HOST_NAME, ICRP, ICRQ, PROTOCOL_VERSION, RESULT_CODE, SCCCN,
                 SCCRP, SCCRQ, STOPCCN, Session, TIE_BREAKER, Tunnel, avp, challenge_response, u16, u32)
from lib import FAR, INET, LAC6, LNS6, case, check, check_equal, eventually, main
from ppp import Client
from scapy.layers.inet import ICMP, IP


def refused_tunnel(tunnel, *more, result, error=None, **arguments):
    answer = tunnel.request(*more, **arguments)
    check(answer.kind == STOPCCN, f'SCCRQ was answered by {answer!r}, StopCCN was expected')
    code = answer.result()
    check_equal(code[0], result, 'StopCCN result code')
    if error is not None:
        check_equal(code[1], error, 'StopCCN error code')
    return answer


# Tunnels

@case
def tunnel_without_secret(lab, state):
    with tunnel_up(lab) as tunnel:
        works(lab, tunnel)


@case
def tunnel_authenticates_both_ways(lab, state):
    with tunnel_up(lab, secret=SECRET) as tunnel:
        check(tunnel.challenge, 'we challenged')
        rows = state.lnsd.tunnels()
        check(any('lab-lac' in str(row) for row in rows), f'show tunnels names the LAC: {rows}')
        check(SECRET not in str(rows), 'the secret is not shown')
        works(lab, tunnel)


@case
def wrong_tunnel_secret_is_refused(lab, state):
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac, secret='not-the-secret', name='lab-lac')
        answer = tunnel.request(challenge=False)
        check_equal(answer.kind, SCCRP, 'answer to SCCRQ')
        tunnel.send(SCCCN, avp(CHALLENGE_RESPONSE, os.urandom(16)))
        check_equal(tunnel.closed_by_peer().result()[0], 4, 'StopCCN result (4: not authorized)')
        log = lab.read(state.lnsd.log)
        check(SECRET not in log, 'the secret is not in the log')
    works(lab)


@case
def missing_challenge_response_is_refused(lab, state):
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac, secret=SECRET, name='lab-lac')
        check_equal(tunnel.request().kind, SCCRP, 'answer to SCCRQ')
        tunnel.send(SCCCN)
        check(tunnel.closed_by_peer().result()[0] in (2, 4), 'StopCCN result (4: not authorized)')
    works(lab)


@case
def unknown_peer_is_told_off_or_ignored_and_counted(lab, state):
    lab.run('lac', 'ip', 'addr', 'add', '10.1.0.200/24', 'dev', 'access')
    try:
        with counted(state, 'sccrq-unknown-peer'):
            with open_lac(lab, local='10.1.0.200') as lac:
                tunnel = Tunnel(lac)
                tunnel.send(SCCRQ, *tunnel.hello_avps())
                lac.flush(0.5)
                check(all(message.kind == STOPCCN for message in tunnel.inbox),
                      f'unknown peer got {tunnel.inbox}')
        eventually(lambda: '10.1.0.200' in lab.read(state.lnsd.log), 'the log names the unknown peer')
    finally:
        lab.run('lac', 'ip', 'addr', 'del', '10.1.0.200/24', 'dev', 'access')


@case
def several_tunnels_of_one_lac(lab, state):
    with open_lac(lab, port=1701) as lac, tunnel_up(lab, lac=lac, name='open-a') as first, \
            tunnel_up(lab, lac=lac, name='open-b') as second:
        check(first.peer_id != second.peer_id, 'tunnel ids differ')
        for tunnel in (first, second):
            works(lab, tunnel)


@case
def tunnel_over_ipv6(lab, state):
    with tunnel_up(lab, local=LAC6, remote=LNS6) as tunnel, subscriber(lab, tunnel) as client:
        client.ping(FAR)
        client.ping(INET, size=1300)


@case
def tie_breaker_and_bearer_avps_are_accepted(lab, state):
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac)
        tunnel.connect(avp(TIE_BREAKER, os.urandom(8), mandatory=False))
        tunnel.stop()


@case
def wrong_protocol_version_is_refused(lab, state):
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac)
        tunnel.send(SCCRQ, avp(PROTOCOL_VERSION, b'\x02\x00'), avp(HOST_NAME, tunnel.name),
                    avp(FRAMING_CAPABILITIES, u32(3)), avp(ASSIGNED_TUNNEL_ID, tunnel.id))
        check_equal(tunnel.closed_by_peer().result()[0], 5, 'StopCCN result (5: version)')


@case
def sccrq_without_mandatory_avps_is_refused(lab, state):
    # without Framing Capabilities lnsd goes on: they change nothing for it
    for missing in (PROTOCOL_VERSION, HOST_NAME):
        with open_lac(lab) as lac:
            tunnel = Tunnel(lac)
            kept = {PROTOCOL_VERSION: avp(PROTOCOL_VERSION, b'\x01\x00'),
                    HOST_NAME: avp(HOST_NAME, tunnel.name),
                    FRAMING_CAPABILITIES: avp(FRAMING_CAPABILITIES, u32(3)),
                    ASSIGNED_TUNNEL_ID: avp(ASSIGNED_TUNNEL_ID, tunnel.id)}
            del kept[missing]
            tunnel.send(SCCRQ, *kept.values())
            check_equal(tunnel.closed_by_peer().result()[0], 2, f'StopCCN result without AVP {missing}')


@case
def receive_window_of_zero_is_refused_and_of_one_is_kept(lab, state):
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac, window=0)
        refused_tunnel(tunnel, result=2)
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac, window=1)
        tunnel.connect()
        tunnel.auto = False
        sessions = []
        for number in range(1, 5):
            session = Session(tunnel)
            sessions.append(session)
            tunnel.send(ICRQ, *call_avps(session.id, number))
        lac.flush(0.5)
        waiting = [message for message in tunnel.inbox if message.kind == ICRP]
        check_equal(len(waiting), 1, 'messages in flight with a window of 1')
        tunnel.auto = True
        tunnel.zlb()
        for session in sessions:
            tunnel.wait(ICRP, session=session.id)
        tunnel.stop()


@case
def unknown_mandatory_avp_ends_the_tunnel_and_is_named(lab, state):
    with open_lac(lab) as lac:
        answer = refused_tunnel(Tunnel(lac), avp(77, b'what?'), result=2, error=8)
        check(b'77' in answer.result()[2], f'the AVP is named: {answer.result()[2]!r}')
    works(lab)


@case
def unknown_vendor_avp_without_m_is_ignored(lab, state):
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac)
        tunnel.connect(avp(1, b'x' * 40, mandatory=False, vendor=2011),
                       avp(200, b'', mandatory=False))
        tunnel.stop()
    with open_lac(lab) as lac:
        refused_tunnel(Tunnel(lac), avp(1, b'x', vendor=2011), result=2, error=8)


@case
def wrong_m_bits_on_known_avps_are_accepted(lab, state):
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac)
        tunnel.send(SCCRQ, avp(PROTOCOL_VERSION, b'\x01\x00', mandatory=False),
                    avp(HOST_NAME, tunnel.name, mandatory=False),
                    avp(FRAMING_CAPABILITIES, u32(3), mandatory=False),
                    avp(8, 'vendor'), avp(6, 0x0690),
                    avp(ASSIGNED_TUNNEL_ID, tunnel.id, mandatory=False))
        answer = tunnel.wait(SCCRP, STOPCCN)
        check_equal(answer.kind, SCCRP, 'answer')
        tunnel.peer_id = answer.number(ASSIGNED_TUNNEL_ID)
        tunnel.send(SCCCN)
        works(lab, tunnel)
        tunnel.stop()


# Reliable delivery

@case
def repeated_sccrq_makes_no_second_tunnel(lab, state):
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac)
        before = len(state.lnsd.tunnels())
        packet = tunnel.send(SCCRQ, *tunnel.hello_avps())
        lac.send(packet)
        lac.send(packet)
        answer = tunnel.wait(SCCRP)
        lac.flush(0.3)
        ids = {message.number(ASSIGNED_TUNNEL_ID) for message in tunnel.inbox + tunnel.duplicates
               if message.kind == SCCRP}
        check(ids <= {answer.number(ASSIGNED_TUNNEL_ID)}, f'one tunnel id, not {ids}')
        tunnel.peer_id = answer.number(ASSIGNED_TUNNEL_ID)
        tunnel.send(SCCCN)
        tunnel.wait_acknowledged()
        check_equal(len(state.lnsd.tunnels()), before + 1, 'tunnels')
        tunnel.stop()


@case
def duplicates_are_acknowledged_and_not_processed(lab, state):
    with tunnel_up(lab) as tunnel:
        session = Session(tunnel)
        packet = tunnel.send(ICRQ, *call_avps(session.id))
        answer = tunnel.wait(ICRP)
        seen = len(tunnel.zlbs)
        for _ in range(3):
            tunnel.lac.send(packet)
        tunnel.lac.flush(0.4)
        check(len(tunnel.zlbs) > seen or tunnel.duplicates, 'a duplicate is acknowledged again')
        check(not tunnel.inbox, f'a duplicate has no effect, but {tunnel.inbox}')
        session.peer_id = answer.number(ASSIGNED_SESSION_ID)
        session.disconnect()


@case
def messages_out_of_order_are_put_in_order(lab, state):
    with tunnel_up(lab) as tunnel:
        sessions = [Session(tunnel) for _ in range(4)]
        base = tunnel.ns
        for offset in (3, 1, 2, 0):
            tunnel.send(ICRQ, *call_avps(sessions[offset].id, offset + 1), ns=base + offset, track=False)
        tunnel.ns = base + 4
        order = [tunnel.wait(ICRP, timeout=3).session_id for _ in sessions]
        check_equal(order, [session.id for session in sessions], 'order of the answers')
        tunnel.wait_acknowledged()


@case
def zlb_is_never_answered(lab, state):
    with tunnel_up(lab) as tunnel:
        tunnel.lac.flush(0.2)
        seen = len(tunnel.zlbs)
        for _ in range(5):
            tunnel.zlb()
        tunnel.silent(0.4)
        check_equal(len(tunnel.zlbs), seen, 'answers to a ZLB')


@case
def unacknowledged_message_is_sent_again(lab, state):
    with tunnel_up(lab) as tunnel:
        tunnel.auto = False
        session = Session(tunnel)
        tunnel.send(ICRQ, *call_avps(session.id))
        first = tunnel.wait(ICRP)
        start = time.monotonic()
        eventually(lambda: tunnel.lac.poll(0.2) is not None and tunnel.duplicates, 'ICRP again', timeout=4)
        check(time.monotonic() - start > 0.7, 'not before about a second')
        check_equal(tunnel.duplicates[0].ns, first.ns, 'Ns of the resend')
        tunnel.auto = True
        tunnel.zlb()


@case
def hello_is_acknowledged(lab, state):
    with tunnel_up(lab) as tunnel:
        for _ in range(3):
            tunnel.send(HELLO)
            tunnel.wait_acknowledged(2)


@case
def stopccn_sent_again_is_acknowledged_again(lab, state):
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac)
        tunnel.connect()
        packet = tunnel.send(STOPCCN, avp(ASSIGNED_TUNNEL_ID, tunnel.id), avp(RESULT_CODE, u16(1)))
        tunnel.wait_acknowledged()
        time.sleep(1.5)
        seen = len(tunnel.zlbs)
        lac.send(packet)
        lac.flush(0.5)
        check(len(tunnel.zlbs) > seen, 'the lost acknowledgement is repeated')


@case
def nr_that_was_never_sent_is_survived(lab, state):
    with tunnel_up(lab) as tunnel:
        with counted(state, 'channel-ack-invalid'):
            tunnel.send(HELLO, nr=(tunnel.nr + 4000) & 0xffff)
            tunnel.lac.flush(0.2)
        tunnel.send(HELLO)
        tunnel.wait_acknowledged()
        works(lab, tunnel)


# The peer's address

@case
def lac_answers_from_another_port_during_set_up(lab, state):
    with open_lac(lab, port=1701) as lac:
        tunnel = Tunnel(lac, secret=SECRET, name='lab-lac')
        answer = tunnel.request()
        check_equal(answer.kind, SCCRP, 'answer')
        lac.open('10.1.0.2')  # another port
        tunnel.send(SCCCN, avp(CHALLENGE_RESPONSE,
                               challenge_response(SCCCN, tunnel.secret, answer.value(CHALLENGE))))
        tunnel.wait_acknowledged()
        works(lab, tunnel)
        tunnel.stop()


@case
def nat_rebinding_needs_a_hello_round_trip_and_data_never_moves_a_tunnel(lab, state):
    with tunnel_up(lab) as tunnel, subscriber(lab, tunnel) as client:
        client.ping(FAR)
        tunnel.lac.open('10.1.0.2')
        with counted(state, 'l2tp_wrong_peer'):
            client.send_ip(IP(src=client.address, dst=FAR) / ICMP())
            tunnel.lac.flush(0.4)
            check(not client.session.inbox, 'data does not follow data')
        tunnel.send(HELLO)
        end = time.monotonic() + 8
        hello = tunnel.wait(HELLO, timeout=5)
        check(hello is not None, 'lnsd probes the new address')
        tunnel.wait_acknowledged()
        while time.monotonic() < end:
            try:
                client.ping(FAR, timeout=0.5)
                break
            except AssertionError:
                continue
        client.ping(FAR)


@case
def control_message_with_tunnel_id_zero_after_set_up(lab, state):
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac)
        tunnel.connect()
        before = len(state.lnsd.tunnels())
        tunnel.send(STOPCCN, avp(ASSIGNED_TUNNEL_ID, tunnel.id), avp(RESULT_CODE, u16(1)), tunnel_id=0)
        tunnel.wait_acknowledged(3)
        check(before >= 1, 'there was a tunnel')


@case
def rebooted_lac_replaces_its_old_tunnel(lab, state):
    with open_lac(lab, port=1701) as lac:
        old = Tunnel(lac, secret=SECRET, name='lab-reboot', tunnel_id=4711)
        old.connect()
        client = Client(old.call(), user='fixed@isp.example', password='fixed-password').up()
        check_equal(client.address, '100.65.0.77', 'fixed address')
        del lac.tunnels[old.id]
        fresh = Tunnel(lac, secret=SECRET, name='lab-reboot', tunnel_id=4711)
        fresh.connect()
        again = Client(fresh.call(), user='fixed@isp.example', password='fixed-password').up()
        check_equal(again.address, '100.65.0.77', 'fixed address after the reboot')
        again.ping(FAR)
        rows = [row for row in state.lnsd.sessions() if row.get('user') == 'fixed@isp.example']
        check_equal(len(rows), 1, 'sessions of the user after the reboot')
        fresh.stop()


@case
def shutdown_sends_stopccn(lab, state):
    """Graceful end: every tunnel gets its StopCCN (result 6), the daemon ends with 0, then starts again."""
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac)
        tunnel.connect()
        client = Client(tunnel.call()).up()
        client.ping(FAR)
        state.lnsd.process.terminate()
        check_equal(tunnel.closed_by_peer(10).result()[0], 6, 'StopCCN result (6: being shut down)')
        lac.flush(0.2)
        state.lnsd.stop()
    state.lnsd.start()
    works(lab)


main(dial.setup, finish=dial.finish)
