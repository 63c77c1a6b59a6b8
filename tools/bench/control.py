# SPDX-License-Identifier: BSD-3-Clause
"""Control-plane costs of a session, measured from outside: see control.sh."""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', '..', 'tests', 'e2e'))
import load  # noqa: E402
from lib import Lab, Lnsd, ROOT, check, eventually  # noqa: E402

IDLE_SECONDS = 2
# A million of prefixes of each kind.
IPV6 = {
    'prefix-pools': [{'name': 'lan', 'prefixes': ['2001:db8:1000::/44']},
                     {'name': 'cpe', 'length': 56, 'prefixes': ['2001:db9::/36']}],
    'ipv6': {'pool': 'lan', 'delegated-pool': 'cpe', 'dns': ['2001:db8:53::1']}}


def control_core_ns(pid):
    """CPU time of the main thread, which is the control core."""
    with open(f'/proc/{pid}/task/{pid}/schedstat') as file:
        return int(file.read().split()[0])


def resident(pid):
    """Private and shared memory that the process really occupies, bytes."""
    with open(f'/proc/{pid}/smaps_rollup') as file:
        return 1024 * sum(int(line.split()[1]) for line in file if line.startswith('Rss:'))


def settle(lnsd, timeout=180):
    def empty():
        now = lnsd.row('memory')
        return not any(now[key] for key in ('sessions', 'tunnels', 'subscribers', 'ending', 'engine_tunnels',
                                            'deferred', 'addresses'))
    eventually(empty, 'sessions and tunnels are given back', timeout=timeout, interval=0.5)


def up(lnsd, wanted):
    return lnsd.row('memory')['sessions'] == wanted


def measure(lab, lnsd, tunnels, sessions, more):
    """One round: sessions come up, the LAC disappears without a word, comes back, and they recover."""
    pid = lnsd.process.pid
    before, rss = lnsd.row('memory'), resident(pid)
    idle = control_core_ns(pid)
    time.sleep(IDLE_SECONDS)
    idle = (control_core_ns(pid) - idle) / IDLE_SECONDS

    cpu, start = control_core_ns(pid), time.monotonic()
    first = load.run(lab, tunnels, sessions, '--no-teardown', '--hostname', 'bench', *more, traffic=False,
                     timeout=600)
    seconds, cpu = time.monotonic() - start, control_core_ns(pid) - cpu
    check(first['sessions']['up'] == sessions, f"only {first['sessions']['up']} sessions came up")
    after, rss_after = lnsd.row('memory'), resident(pid)

    # the LAC is gone: nobody said goodbye. It comes back and dials all of them again
    start = time.monotonic()
    again = load.run(lab, tunnels, sessions, '--hostname', 'bench', *more, traffic=False, timeout=900)
    check(again['sessions']['up'] == sessions, f"only {again['sessions']['up']} sessions recovered")
    settle(lnsd)

    heap = sum(after[key] - before[key] for key in ('heap_in_use', 'malloc_in_use', 'malloc_mapped'))
    return {
        'rate': first['sessions']['rate'],
        'cpu_us': (cpu - idle * seconds) / 1e3 / sessions,
        'recovery_seconds': again['sessions']['setup_seconds'],
        'recovery_rate': again['sessions']['rate'],
        'rss_bytes': (rss_after - rss) / sessions,
        'heap_bytes': heap / sessions,
    }


def machine():
    with open('/proc/cpuinfo') as file:
        model = next((line.split(':', 1)[1].strip() for line in file if line.startswith('model name')), '?')
    commit = subprocess.run(['git', '-C', ROOT, '-c', 'safe.directory=*', 'describe', '--always', '--dirty'],
                            capture_output=True, text=True).stdout.strip()
    return {'cpu': model, 'cores': os.cpu_count(), 'kernel': platform.release(), 'commit': commit}


def main():
    parser = argparse.ArgumentParser(prog='control.sh')
    parser.add_argument('--sessions', default='10000,100000', help='numbers of sessions, each measured')
    parser.add_argument('--ipv6', choices=('no', 'yes', 'both'), default='both',
                        help='dual stack: IPv6CP, a /64 and a delegated /56 by DHCPv6 beside IPv4')
    parser.add_argument('--tunnels', type=int, default=64)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--quick', action='store_true', help='one round of 1,000 sessions: does it work')
    parser.add_argument('--json', help='the figures, into this file')
    options = parser.parse_args()
    sizes = [1000] if options.quick else [int(part) for part in options.sessions.split(',')]
    rounds = 1 if options.quick else options.rounds

    stacks = {'no': (False,), 'yes': (True,), 'both': (False, True)}[options.ipv6]

    results = []
    print(f"{'sessions':>9} {'stack':>5} {'set-ups/s':>10} {'CPU us':>8} {'recovery s':>11} {'rec./s':>8} {'RSS B':>7} {'heap B':>7}"
          '   per session; medians (lowest to highest)')
    for sessions, dual in [(sessions, dual) for sessions in sizes for dual in stacks]:
        lab = Lab()
        try:
            # a new daemon for each size: memory that an earlier one left mapped would be invisible
            config = load.config(lab, pool='100.66.0.0/15', **(IPV6 if dual else {}))
            config['dpdk'].update({'max-sessions': max(4096, 4 * sessions), 'max-routes6': max(4096, 4 * sessions)})
            figures = []
            for _ in range(rounds):
                lnsd = Lnsd(lab, config).start()
                figures.append(measure(lab, lnsd, min(options.tunnels, sessions), sessions,
                                       ('--ipv6',) if dual else ()))
                lnsd.stop()
        finally:
            lab.close()
        median = {key: statistics.median(one[key] for one in figures) for key in figures[0]}
        spread = {key: [min(one[key] for one in figures), max(one[key] for one in figures)] for key in figures[0]}
        results.append({'contestant': 'lnsd', 'sessions': sessions, 'dual_stack': dual, 'tunnels': min(options.tunnels, sessions), 'rounds': rounds,
                        'auth': 'chap, local users', **median, 'spread': spread})
        print(f"{sessions:9,} {'4+6' if dual else '4':>5} {median['rate']:10,.0f} {median['cpu_us']:8.1f} {median['recovery_seconds']:11.2f} "
              f"{median['recovery_rate']:8,.0f} {median['rss_bytes']:7.0f} {median['heap_bytes']:7.0f}   "
              f"rate {spread['rate'][0]:,.0f} to {spread['rate'][1]:,.0f}, "
              f"CPU {spread['cpu_us'][0]:.1f} to {spread['cpu_us'][1]:.1f}", flush=True)
    if options.json:
        with open(options.json, 'w') as file:
            json.dump({'machine': machine(), 'control': results}, file, indent=1)
            file.write('\n')


main()
