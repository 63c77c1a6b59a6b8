# SPDX-License-Identifier: BSD-3-Clause
"""Shared by the tests that speak L2TP and PPP to the daemon: its state, tunnels and subscribers."""
import contextlib
import types

from lac import (ASSIGNED_SESSION_ID, ASSIGNED_TUNNEL_ID, CALL_SERIAL_NUMBER, RESULT_CODE, STOPCCN, Lac,
                 Tunnel, avp, u16, u32)
from lib import FAR, Capture, Failure, Lnsd, check, default_config, eventually
from ppp import Client
from witness import check_capture

SECRET = 'tunnel-secret'


PEERS = [
    {'name': 'open', 'sources': ['10.1.0.0/25', 'fd00:1::/64'], 'host-name': 'open-*'},
    {'name': 'lab', 'sources': ['10.1.0.0/25', 'fd00:1::/64'], 'secret': SECRET, 'challenge': True}]


def setup(lab, **changes):
    """One daemon for all cases of a program, with a capture of everything on its access link."""
    capture = Capture(lab)
    lnsd = Lnsd(lab, default_config(lab, **{'peers': PEERS, **changes})).start()
    return types.SimpleNamespace(lnsd=lnsd, capture=capture)


def no_session_left(state, timeout=10):
    try:
        eventually(lambda: not state.lnsd.sessions(), 'no session is left', timeout=timeout)
    except Failure as error:
        raise Failure(f'{error}: {state.lnsd.sessions()[:3]}') from None


def finish(lab, state):
    """Nothing may be left, the end must be clean, and tshark must find no fault with what lnsd sent."""
    no_session_left(state)
    state.lnsd.stop()
    state.capture.stop()
    return check_capture(state.capture)


@contextlib.contextmanager
def open_lac(lab, **arguments):
    lac = Lac(lab, **arguments)
    try:
        yield lac
    finally:
        lac.close()


@contextlib.contextmanager
def tunnel_up(lab, secret=None, name=None, lac=None, **arguments):
    """A tunnel that is up, and is stopped at the end if it still is. With a secret lnsd challenges us."""
    own = lac is None
    lac = lac or Lac(lab, **arguments)
    tunnel = Tunnel(lac, secret=secret, name=name or ('lab-lac' if secret else 'open-lac'))
    try:
        tunnel.connect()
        yield tunnel
        lac.flush(0.05)
        if tunnel.id in lac.tunnels and not any(message.kind == STOPCCN for message in tunnel.inbox):
            tunnel.stop()
    finally:
        if tunnel.id in lac.tunnels and tunnel.peer_id:  # after a failure: gone without waiting for an answer
            tunnel.send(STOPCCN, avp(ASSIGNED_TUNNEL_ID, tunnel.id), avp(RESULT_CODE, u16(1)))
        lac.tunnels.pop(tunnel.id, None)
        if own:
            lac.close()


@contextlib.contextmanager
def subscriber(lab, tunnel=None, **arguments):
    """A subscriber that is up."""
    with contextlib.ExitStack() as stack:
        tunnel = tunnel or stack.enter_context(tunnel_up(lab))
        client = Client(tunnel.call(), **arguments).up()
        yield client


def works(lab, tunnel=None):
    """The daemon still does its job: a subscriber comes up and reaches the internet."""
    with subscriber(lab, tunnel) as client:
        client.ping(FAR)
        client.session.disconnect()


def call_avps(session_id, serial=1):
    return avp(ASSIGNED_SESSION_ID, session_id), avp(CALL_SERIAL_NUMBER, u32(serial))


def session_of(state, user):
    """The row of `show sessions` for this user; there must be exactly one."""
    rows = [row for row in state.lnsd.sessions() if row.get('user') == user]
    check(len(rows) == 1, f'show sessions has {len(rows)} rows of {user}')
    return rows[0]


def counters(state):
    """{name: count}: the workers' drops and what the control plane counts."""
    counts = {}
    for row in state.lnsd.rows('drops'):
        counts[row['reason']] = counts.get(row['reason'], 0) + row['packets']
    for row in state.lnsd.rows('control'):
        counts[row['name']] = counts.get(row['name'], 0) + row['value']
    return counts


@contextlib.contextmanager
def counted(state, *names, at_least=1):
    """What happens inside must be counted under one of these names."""
    before = counters(state)

    def grown():
        after = counters(state)
        return sum(after.get(name, 0) - before.get(name, 0) for name in names) >= at_least

    yield
    eventually(grown, f"counted under {' or '.join(names)}", timeout=3)


def session_details(state, user):
    """What `show session` says of this user's session."""
    row = session_of(state, user)
    answer = state.lnsd.rows('session', f"{row['tunnel']}/{row['session']}")
    check(len(answer) == 1, f'show session: {answer}')
    return answer[0]
