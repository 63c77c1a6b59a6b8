# SPDX-License-Identifier: BSD-3-Clause
"""Control-plane costs of a session, measured from outside: see control.sh."""
import argparse
import contextlib
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', '..', 'tests', 'e2e'))
import load  # noqa: E402
from lib import BUILD, Lab, Lnsd, check  # noqa: E402
from machine import machine, report_write  # noqa: E402
from radius_servers import all_cpus, server_make, start_apart  # noqa: E402

IDLE_SECONDS = 2
OTHERS, OTHERS_LAC = 100, '10.1.0.3'  # sessions of a LAC that stays
# A million of prefixes of each kind.
IPV6 = {
    'prefix-pools': [{'name': 'lan', 'prefixes': ['2001:db8:1000::/44']},
                     {'name': 'cpe', 'length': 56, 'prefixes': ['2001:db9::/36']}],
    'ipv6': {'pool': 'lan', 'delegated-pool': 'cpe', 'dns': ['2001:db8:53::1']}}


def control_ns(pid):
    """CPU time of all threads but the workers': the control core, and whoever writes the accounting spool."""
    total = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        with contextlib.suppress(OSError), open(f'/proc/{pid}/task/{task}/comm') as name, \
                open(f'/proc/{pid}/task/{task}/schedstat') as file:
            if not name.read().startswith('rte-worker'):
                total += int(file.read().split()[0])
    return total


def resident(pid):
    """Private and shared memory that the process really occupies, bytes."""
    with open(f'/proc/{pid}/smaps_rollup') as file:
        return 1024 * sum(int(line.split()[1]) for line in file if line.startswith('Rss:'))


def introduce(lab):
    """The kernel asks for the LAC's MAC address once; a first SCCRP that waits for it costs a second."""
    load.run(lab, 1, 1, '--hostname', 'first', traffic=False)


@contextlib.contextmanager
def others_stay(lab, seconds, wanted):
    """Another LAC's sessions, with HELLOs each second and a little traffic, must not notice; yields their packets lost."""
    lost = {'others_lost': 0}
    if not wanted:
        yield lost
        return
    lab.run('lac', 'ip', 'address', 'replace', OTHERS_LAC + '/24', 'dev', 'access')
    child = load.start(lab, 4, OTHERS, '--hostname', 'others', '--hello', 1, '--user', 'other%d@load.example', '--pps', 200,
                       '--traffic-seconds', round(seconds), name='others', local=OTHERS_LAC)
    try:
        time.sleep(1)  # they are up before the storm begins
        yield lost
        child.wait(seconds + 60)
    finally:
        lab.end(child)
    result = load.result_of(lab, 'others')
    up = result['sessions']['up']
    check(up == OTHERS and not result['tunnels']['lost'],
          f"of another LAC's {OTHERS} sessions {up} came up, and {result['tunnels']['lost']} tunnels were lost")
    check(not result['sessions']['lost'], f"{result['sessions']['lost']} sessions of another LAC were lost")
    lost['others_lost'] = sum(result[way]['lost'] / max(1, result[way]['sent']) for way in ('up', 'down')) / 2


def measure(lab, lnsd, tunnels, sessions, more, others):
    """One round: sessions come up, the LAC disappears without a word, comes back, and they recover."""
    introduce(lab)
    pid = lnsd.process.pid
    before, rss = lnsd.row('memory'), resident(pid)
    idle = control_ns(pid)
    time.sleep(IDLE_SECONDS)
    idle = (control_ns(pid) - idle) / IDLE_SECONDS

    cpu, start = control_ns(pid), time.monotonic()
    first = load.run(lab, tunnels, sessions, '--no-teardown', '--hostname', 'bench', *more, traffic=False,
                     timeout=600)
    seconds, cpu = time.monotonic() - start, control_ns(pid) - cpu
    check(first['sessions']['up'] == sessions, f"only {first['sessions']['up']} sessions came up")
    after, rss_after = lnsd.row('memory'), resident(pid)

    # the LAC is gone: nobody said goodbye. It comes back and dials all of them again
    with others_stay(lab, 1.5 * seconds + 3, others) as lost:
        again = load.run(lab, tunnels, sessions, '--hostname', 'bench', *more, traffic=False, timeout=900)
    check(again['sessions']['up'] == sessions, f"only {again['sessions']['up']} sessions recovered")

    heap = sum(after[key] - before[key] for key in ('heap_in_use', 'malloc_in_use', 'malloc_mapped'))
    return {
        'rate': first['sessions']['rate'],
        'cpu_us': (cpu - idle * seconds) / 1e3 / sessions,
        'recovery_seconds': again['sessions']['setup_seconds'],
        'recovery_rate': again['sessions']['rate'],
        'rss_bytes': (rss_after - rss) / sessions,
        'heap_bytes': heap / sessions,
        **lost,
    }


def configuration(lab, server, asking, sessions, dual, number):
    config = load.config(lab, pool='100.66.0.0/15', **(IPV6 if dual else {}))
    config['dpdk'].update({'max-sessions': max(4096, 4 * sessions), 'max-routes6': max(4096, 4 * sessions)})
    if server:
        config['users'] = []
        config['dpdk'].update({'main-core': min(asking), 'worker-cores': [max(asking)], 'share-cores': len(asking) < 2})
        config['radius-servers'] = [server.settings()]
        config['radius'] = {'nas-address': '192.0.2.1', 'spool': lab.path(f'spool-{number}')}
    return config


def rounds_of(options, sessions, dual, kind):
    """The figures of each round. A new daemon for each: memory that an earlier one left mapped would be invisible."""
    lab, figures = Lab(), []
    try:
        server = server_make(kind, lab, sessions) if kind else None
        asking = start_apart(server) if server else set()
        for number in range(options.rounds):
            lnsd = Lnsd(lab, configuration(lab, server, asking, sessions, dual, number)).start()
            figures.append(measure(lab, lnsd, min(options.tunnels, sessions), sessions, ('--ipv6',) if dual else (),
                                   others=not kind))
            lnsd.kill()  # a LAC that has vanished would let it wait for answers
    finally:
        all_cpus()
        lab.close()
    return figures


def summarise(options, sessions, dual, kind, figures):
    median = {key: statistics.median(one[key] for one in figures) for key in figures[0]}
    spread = {key: [min(one[key] for one in figures), max(one[key] for one in figures)] for key in figures[0]}
    auth = f'RADIUS {kind}' if kind else 'local'
    print(f"{sessions:9,} {auth:12} {'4+6' if dual else '4':>5} {median['rate']:10,.0f} {median['cpu_us']:8.1f} "
          f"{median['recovery_seconds']:11.2f} {median['recovery_rate']:8,.0f} {median['rss_bytes']:7.0f} "
          f"{median['heap_bytes']:7.0f}   rate {spread['rate'][0]:,.0f} to {spread['rate'][1]:,.0f}, "
          f"CPU {spread['cpu_us'][0]:.1f} to {spread['cpu_us'][1]:.1f}; others lost {100 * median['others_lost']:.2f} %",
          flush=True)
    return {'contestant': 'lnsd', 'test': 'control', 'auth': auth, 'sessions': sessions, 'dual_stack': dual,
            'tunnels': min(options.tunnels, sessions), 'rounds': len(figures),
            **{key: round(value, 3) for key, value in median.items()},
            'spread': {key: [round(value, 3) for value in pair] for key, pair in spread.items()}}


def main():
    parser = argparse.ArgumentParser(prog='control.sh')
    parser.add_argument('--sessions', default='10000,100000', help='numbers of sessions, each measured')
    parser.add_argument('--ipv6', choices=('no', 'yes', 'both'), default='both',
                        help='dual stack: IPv6CP, a /64 and a delegated /56 by DHCPv6 beside IPv4')
    parser.add_argument('--radius', nargs='?', const='files', choices=('files', 'sql'),
                        help='once more through FreeRADIUS, with accounting: its users in a file, or in SQL')
    parser.add_argument('--tunnels', type=int, default=32, help='(32)')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--quick', action='store_true', help='one round of 1,000 sessions: does it work')
    parser.add_argument('--json', help='the figures, into this file')
    options = parser.parse_args()
    sizes = [1000] if options.quick else [int(part) for part in options.sessions.split(',')]
    options.rounds = 1 if options.quick else options.rounds
    stacks = {'no': (False,), 'yes': (True,), 'both': (False, True)}[options.ipv6]
    kinds = (None, options.radius) if options.radius else (None,)

    results = []
    print(f"{'sessions':>9} {'auth':12} {'stack':>5} {'set-ups/s':>10} {'CPU us':>8} {'recovery s':>11} {'rec./s':>8} "
          f"{'RSS B':>7} {'heap B':>7}   per session; medians (lowest to highest)")
    for sessions, dual, kind in [(sessions, dual, kind) for sessions in sizes for dual in stacks for kind in kinds]:
        results.append(summarise(options, sessions, dual, kind, rounds_of(options, sessions, dual, kind)))
    if options.json:
        report_write(options.json, machine(BUILD), results)


main()
