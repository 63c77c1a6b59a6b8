# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize, limit 200
"""What one LAC or one subscriber may take of the daemon, and what others on the network may not."""
import time

import dial
from dial import open_lac
from lac import (ASSIGNED_SESSION_ID, CALL_SERIAL_NUMBER, CDN, ICRP, ICRQ, SCCRP, STOPCCN, Session, Tunnel,
                 avp, u32)
from lib import case, check, check_equal, eventually, main
from ppp import LCP, Client

SESSIONS, TUNNELS, EARLY = 3, 2, 1024


def setup(lab):
    peers = [{**dial.PEERS[0]}, {**dial.PEERS[1], 'max-sessions': SESSIONS, 'max-tunnels': TUNNELS}]
    return dial.setup(lab, peers=peers, subscribers={'setup-timeout': '5s'})


def lab_tunnel(lac):
    return Tunnel(lac, secret=dial.SECRET, name='lab-limits')


def request(tunnel, again=False):
    """ICRQ without more: the answer and the session."""
    session = Session(tunnel)
    tunnel.send(ICRQ, avp(ASSIGNED_SESSION_ID, session.id), avp(CALL_SERIAL_NUMBER, u32(session.id)))
    answer = tunnel.wait(ICRP, CDN, session=session.id)
    if answer.kind == ICRP:
        session.peer_id = answer.number(ASSIGNED_SESSION_ID)
    return answer, session


@case
def sessions_of_a_peer_are_counted_over_its_tunnels_and_across_a_reload(lab, state):
    with open_lac(lab) as lac:
        first, second = lab_tunnel(lac), lab_tunnel(lac)
        first.connect()
        second.connect()
        first.call()
        kept = second.call()
        check_equal(state.lnsd.reload().returncode, 0, 'reload')
        second.call()
        answer, _ = request(first)
        check_equal(answer.kind, CDN, 'the call above the limit')
        check_equal(answer.result()[0], 4, 'its result (4: no facilities for now)')
        kept.disconnect()
        answer, _ = request(first)
        check_equal(answer.kind, ICRP, 'a call after another has ended')
        first.stop()
        second.stop()


@case
def half_open_tunnels_do_not_keep_the_lac_out(lab, state):
    """Anybody who knows the LAC's address can send its SCCRQ; only who knows the secret has tunnels."""
    with open_lac(lab) as spoofer, open_lac(lab) as lac:
        for _ in range(2 * TUNNELS):
            check_equal(Tunnel(spoofer, secret=dial.SECRET, name='lab-limits').request().kind, SCCRP, 'SCCRQ')
        own = [lab_tunnel(lac) for _ in range(TUNNELS)]
        for tunnel in own:
            tunnel.connect()
        above = lab_tunnel(lac).request()
        check_equal(above.kind, STOPCCN, 'the tunnel above the limit')
        for tunnel in own:
            tunnel.stop()


@case
def frames_before_iccn_do_not_hold_all_packet_buffers(lab, state):
    """A LAC that sends a frame, but no ICCN, in each of many calls."""
    before = state.lnsd.row('memory')['mbufs_in_use']
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac)
        tunnel.connect()
        for _ in range(EARLY + 100):
            answer, session = request(tunnel)
            check_equal(answer.kind, ICRP, 'ICRQ')
            session.send(LCP, b'\x01\x01\x00\x04')
        time.sleep(0.2)
        held = state.lnsd.row('memory')['mbufs_in_use'] - before
        check(EARLY // 2 < held <= EARLY + 64, f'{held} packet buffers held')
        tunnel.stop()
    eventually(lambda: state.lnsd.row('memory')['mbufs_in_use'] <= before + 64, 'the buffers come back', timeout=10)


@case
def subscriber_that_restarts_lcp_has_no_more_time_than_at_first(lab, state):
    with open_lac(lab) as lac:
        tunnel = Tunnel(lac)
        tunnel.connect()
        session = tunnel.call()
        client = Client(session).up()
        start = time.monotonic()
        client.lcp()  # and never an answer to the challenge
        session.closed_by_peer(15)
        check(time.monotonic() - start < 10, 'closed after setup-timeout')
        tunnel.stop()


main(setup, finish=dial.finish)
