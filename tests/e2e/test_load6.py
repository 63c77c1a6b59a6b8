# SPDX-License-Identifier: BSD-3-Clause
# e2e: limit 600
"""Many dual-stack subscribers: nothing lost in either family, nothing left behind."""
import types

import load
from lib import FAR, Lnsd, case, check, check_equal, eventually, main, program

MANY, TUNNELS = 10000, 16
# every tenth user has other pools: what the AAA gives changes from one session to the next
CONFIG = {**load.IPV6,
          'prefix-pools': load.IPV6['prefix-pools'] + [
              {'name': 'lan2', 'prefixes': ['2001:db8:1200::/44']},
              {'name': 'cpe2', 'length': 56, 'prefixes': ['2001:db8:1300::/40']}],
          'users': [{'name': '*5@load.example', 'password': load.PASSWORD, 'ipv6-pool': 'lan2',
                     'ipv6-delegated-pool': 'cpe2'},
                    {'name': '*@load.example', 'password': load.PASSWORD}]}


def setup(lab):
    return types.SimpleNamespace(lnsd=Lnsd(lab, load.config(lab, **CONFIG)).start())


def counter(state, group, name):
    return next(row['value'] for row in state.lnsd.rows('control') if (row['group'], row['name']) == (group, name))


@case
def hundred_dual_stack_sessions_without_loss(lab, state):
    result = load.run(lab, 4, 100, *load.DUAL, '--auth', 'mix', '--pps', '3000', '--traffic-seconds', '8')
    check_equal(result['sessions']['up'], 100, 'sessions up')
    load.no_loss(result)
    return f"up {result['up']['pps']:.0f} pps, down {result['down']['pps']:.0f} pps, half of it IPv6"


@case
def all_sizes_with_sequencing_and_proxy(lab, state):
    for options in (('--size', 'imix', '--sequencing'), ('--size', '1400', '--length-bit', 'on', '--proxy'),
                    ('--size', '64', '--ppp-compress', '--udp-checksum', 'on')):
        load.no_loss(load.run(lab, 2, 20, *load.DUAL, *options, '--pps', '1500', '--traffic-seconds', '2'))


@case
def a_reflector_answers_by_both_families(lab, state):
    """The far end in another process: it tells what came to it."""
    reflector = lab.spawn(None, program('lnsload'), 'reflect', '--netns', lab.namespace('inet'), '--listen', f'{FAR}:7017',
                          '--listen6', f'[{load.FAR6}]:7017', '--quiet', log='reflect.log')
    eventually(lambda: 'reflecting' in lab.read('reflect.log'), 'the reflector listens')
    for options in ((), ('--direction', 'down')):
        result = load.run(lab, 2, 20, '--ipv6', '--internet-remote', f'{FAR}:7017', '--internet6-addr',
                          f'[{load.FAR6}]:7017', '--pps', '1000', '--traffic-seconds', '2', *options, traffic=False)
        load.no_loss(result)
    lab.end(reflector)
    return f"up {result['up']['received']}, down {result['down']['received']}"


@case
def every_session_is_shown_with_both_families(lab, state):
    child = load.start(lab, 2, 50, *load.DUAL, '--pps', '1000', '--traffic-seconds', '4')
    eventually(lambda: len([row for row in state.lnsd.sessions() if row['ipv6'] and row['state'] == 'up']) == 50,
               'fifty sessions with a prefix')
    eventually(lambda: counter(state, 'dhcp6', 'dhcp6_bound_prefix') >= 50, 'prefixes bound by DHCPv6')
    row = state.lnsd.sessions()[0]
    shown = state.lnsd.row('session', f"{row['tunnel']}/{row['session']}")
    check(shown['ipv4_up'] and shown['ipv6_up'] and shown['dhcp6_prefix'], f'show session: {shown}')
    check_equal(len([row for row in state.lnsd.sessions() if row['ipv6'].startswith('2001:db8:13')]), 5,
                'sessions of the other pools')
    check_equal(child.wait(60), 0, 'exit status: ' + lab.read('load.log')[-500:])
    load.no_loss(load.result_of(lab, 'load'))


def memory(state):
    return state.lnsd.row('memory')


def quiet(state, timeout=120):
    """Memory once nothing is under way any more: tunnels linger for 31 s (RFC 2661 5.7)."""
    def settled():
        now = memory(state)
        busy = {key: now[key] for key in ('sessions', 'tunnels', 'subscribers', 'ending', 'engine_tunnels',
                                          'deferred', 'addresses', 'prefixes6') if now[key]}
        return not busy and now
    return eventually(settled, 'sessions, tunnels, addresses and prefixes are given back', timeout=timeout, interval=1)


@case
def ten_thousand_dual_stack_sessions_three_times_leave_nothing_behind(lab, state):
    rates, measured = [], []
    for _ in range(3):
        result = load.run(lab, TUNNELS, MANY, '--ipv6', '--teardown', 'mix', traffic=False, timeout=240)
        check_equal(result['sessions']['up'], MANY, 'sessions up')
        check_equal(result['sessions']['address_conflicts'], 0, 'addresses given twice')
        rates.append(result['sessions']['rate'])
        measured.append(quiet(state))
    first, last = measured[0], measured[-1]
    for key in ('mbufs_in_use', 'heap_in_use', 'heap_allocations', 'hosts4', 'timers'):
        check(last[key] <= first[key] + (64 if key == 'mbufs_in_use' else 0),
              f'{key}: {[one[key] for one in measured]}')
    grown = last['malloc_in_use'] + last['malloc_mapped'] - first['malloc_in_use'] - first['malloc_mapped']
    check(grown < MANY, f'malloc grew by {grown} bytes over {2 * MANY} sessions')
    check_equal(counter(state, 'ipv6', 'no_prefix'), 0, 'sessions without a prefix')
    return f'set-ups per second: {", ".join(f"{rate:.0f}" for rate in rates)}; malloc {grown:+d} bytes'


main(setup, finish=lambda lab, state: state.lnsd.stop())
