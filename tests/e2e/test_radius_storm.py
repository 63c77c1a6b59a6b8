# SPDX-License-Identifier: BSD-3-Clause
# e2e: limit 300
"""All lines of a LAC call at once, and the RADIUS server is slow: who cannot be served in time is told so at once,
and nobody who is up notices."""
import contextlib
import time
import types

import load
from dial import tunnel_up
from fake_radius import slow
from freeradius import SECRET, FreeRadius
from lib import FAR, Failure, Lnsd, case, check, check_equal, eventually, main
from ppp import Client

CALLS, PER_SECOND, DEADLINE = 5000, 400, 3  # lnsload sets 1,000 up at once, more than wait half a deadline


def setup(lab):
    one = FreeRadius(lab, 'one', 18421, 18431).start()
    config = load.config(
        lab, users=[],
        peers=[{'name': 'open', 'sources': ['10.1.0.0/24'], 'host-name': 'open-*', 'hello-interval': '1s'},
               {'name': 'load', 'sources': ['10.1.0.0/24'], 'secret': load.SECRET, 'challenge': True}])
    config['subscribers'].update({'lcp-echo-interval': '1s', 'lcp-echo-failures': 5})
    config['radius-servers'] = [
        {'name': 'slow', 'address': '127.0.0.1', 'auth-port': 18440, 'acct-port': 0, 'secret': SECRET},
        one.settings(**{'auth-port': 0})]
    config['radius'] = {'nas-address': '192.0.2.1', 'deadline': f'{DEADLINE}s', 'spool': lab.path('spool')}
    return types.SimpleNamespace(lnsd=Lnsd(lab, config).start(), one=one)


def finish(lab, state):
    eventually(lambda: not state.lnsd.sessions(), 'no session is left', timeout=30)
    state.lnsd.stop()


def control(state, name):
    return next(row['value'] for row in state.lnsd.rows('control') if (row['group'], row['name']) == ('aaa', name))


def hopeless(state):
    return next(row['value'] for row in state.lnsd.rows('control') if row['name'] == 'hopeless')


@case
def storm_is_admitted_at_the_servers_rate_and_starves_nobody(lab, state):
    with slow(lab, 18440, PER_SECOND) as server, tunnel_up(lab) as tunnel:
        client = Client(tunnel.call(), user='up@radius.example', password='x', methods=['pap']).up()
        child = load.start(lab, 32, CALLS, name='storm', traffic=False)
        answered, pings, start = 0, 0, time.monotonic()
        try:
            while child.poll() is None and time.monotonic() - start < 90:
                with contextlib.suppress(Failure):  # PPP's echoes and L2TP's HELLOs are answered on the way
                    client.ping(FAR, timeout=2)
                    answered += 1
                pings += 1
                time.sleep(0.1)
            seconds = time.monotonic() - start
            child.wait(10)
        finally:
            lab.end(child)
        result = load.result_of(lab, 'storm')['sessions']
        refused, shed = control(state, 'refused_busy'), hopeless(state)
        check_equal(result['failures']['auth_refused'], 0, 'calls that were told that their password is wrong')
        check_equal(set(result['cdn_results']), {'4'}, 'what the others were told')
        check_equal(result['up'] + result['failed'], CALLS, 'calls')
        check(refused + shed > CALLS / 4, f'{refused} refused, {shed} hopeless')
        check(result['up'] > PER_SECOND * DEADLINE * 0.6, f"{result['up']} came up, {server.answered} were answered")
        # nothing that was answered was in vain
        check(server.answered < result['up'] * 1.2 + 50, f"{server.answered} answers for {result['up']} sessions")
        row = [row for row in state.lnsd.rows('radius') if row['role'] == 'authentication'][0]
        check(row['resent'] < CALLS / 50 and row['deaths'] == 0, f'{row}')
        check(answered > pings / 3, f'{answered} of {pings} pings were answered')
        check_equal(state.lnsd.sessions()[0]['user'], 'up@radius.example', 'who was up')
        eventually(lambda: state.lnsd.row('accounting')['waiting'] == 0, 'accounting is delivered', timeout=30)
        client.terminate()
    return (f"{result['up']} of {CALLS} up in {seconds:.1f} s, {refused} refused at once, {shed} soon; "
            f'{answered} of {pings} pings answered')


main(setup, finish)
