# SPDX-License-Identifier: BSD-3-Clause
# e2e: limit 240
"""The benchmarks work: every test in little, nothing lost, the figures complete."""
import json
import os
import subprocess

from lib import BUILD, ROOT, case, check, check_equal, main

FIELDS = {'contestant': str, 'test': str, 'direction': str, 'esp': str, 'size': (int, str), 'sessions': int,
          'tunnels': int, 'workers': int, 'queues': int, 'steering': bool, 'replay': bool, 'mpps': float,
          'gbps': float, 'cycles': float, 'spread': list, 'ratio': (float, type(None)), 'pages': str}
UNITS = ('cycles', 'ms', 'percent', 'MiB', 'bytes')


def micro_complete(rows):
    """Every program has its figures: each with one unit, a spread around it, and a name that nobody else has."""
    for row in rows:
        unit = [key for key in UNITS if key in row]
        check(len(unit) == 1 and row['contestant'] and row['name'], f'incomplete: {row}')
        check(row['spread'][0] <= row[unit[0]] <= row['spread'][1], f'outside of its spread: {row}')
        check(unit[0] != 'cycles' or row['cycles'] > 0, f'a figure of nothing: {row}')
    names = [(row['contestant'], row['name']) for row in rows]
    check_equal(len(set(names)), len(names), 'figures of different names')
    for part in ('stage classify', 'stage transmit', 'path up, IPv6', 'stage esp_input', 'aes-gcm-16 128, 1400 bytes, inbound',
                 'inbound, cryptodev:crypto_openssl', 'look-up, fib4', 'look-up, fib6', 'routes: IPv4 dump', 'overload: data, load 2.0'):
        check(any(part in name for _, name in names), f'micro: {part} is missing')
    for rival in ('libipsec-mb alone', 'rte_fib'):
        check(any(contestant == rival for contestant, _ in names), f'micro: {rival} is missing')


def rows_of(results, **wanted):
    return [row for row in results if all(row.get(key) == value for key, value in wanted.items())]


CONTROL = ('rate', 'cpu_us', 'recovery_seconds', 'recovery_rate', 'rss_bytes', 'heap_bytes')


@case
def control_measures_local_users_and_radius(lab):
    path = lab.path('control.json')
    done = subprocess.run(
        [os.path.join(ROOT, 'tools', 'bench', 'control.sh'), '--quick', '--radius', '--json', path],
        env=dict(os.environ, LNSD_BUILD=BUILD), capture_output=True, text=True, timeout=120)
    check_equal(done.returncode, 0, f'control.sh: {done.stdout[-2000:]} {done.stderr[-2000:]}')
    with open(path) as file:
        rows = json.load(file)['results']
    check_equal({(row['auth'], row['dual_stack']) for row in rows},
                {(auth, dual) for auth in ('local', 'RADIUS files') for dual in (False, True)}, 'what was measured')
    for row in rows:
        for key in CONTROL:
            check(row[key] > 0 and len(row['spread'][key]) == 2, f'{key}: {row}')
    return ', '.join(f"{row['cpu_us']:.0f} us" for row in rows)


@case
def quick_run_measures_everything(lab):
    path = lab.path('bench.json')
    done = subprocess.run(
        [os.path.join(ROOT, 'tools', 'bench', 'run.sh'), '--quick', '--json', path],
        env=dict(os.environ, LNSD_BUILD=BUILD), capture_output=True, text=True, timeout=200)
    check_equal(done.returncode, 0, f'run.sh: {done.stdout[-2000:]} {done.stderr[-2000:]}')
    with open(path) as file:
        report = json.load(file)
    for key in ('cpu', 'kernel', 'commit', 'flags', 'dpdk', 'pages', 'tsc_hz'):
        check(report['machine'].get(key), f'machine: no {key}')
    check(report['machine']['kernel'].replace('.', '').isdigit(), f"kernel: {report['machine']['kernel']}")
    micro = rows_of(report['results'], test='micro')
    micro_complete(micro)
    measured = [row for row in report['results'] if row['test'] not in ('order', 'micro')]
    for row in measured:
        for key, kind in FIELDS.items():
            check(key in row and isinstance(row[key], kind), f'{key} in {row}')
        check(row['mpps'] > 0 and row['gbps'] > 0 and row['cycles'] > 0, f'a figure of nothing: {row}')
        # two workers on CPUs that they share with others may overrun each other
        if row['workers'] == 1:
            check_equal(row['loss'], 0, f'lost packets: {row}')
    for esp in ('none', 'aes-128-gcm'):
        for direction in ('up', 'down'):
            for size in (64, 1400):
                check(rows_of(measured, test='size', esp=esp, direction=direction, size=size),
                      f'{esp} {direction} {size} is missing')
    for test in ('algorithm', 'ipv6', 'growth', 'police', 'vlan', 'replay'):
        check(rows_of(measured, test=test), f'{test} is missing')
    check(rows_of(measured, test='replay', replay=True), 'no figure with a replay window')
    if len(os.sched_getaffinity(0)) > 1:
        check(rows_of(measured, test='workers', workers=2, steering=False), 'no figure of two workers')
        steered = rows_of(measured, test='workers', workers=2, steering=True)
        check(steered, 'no figure of two workers with packets at their owners')
        order = rows_of(report['results'], test='order')
        check_equal(order[0]['reordered'], 0, 'packets out of order')
    return f'{len(measured)} and {len(micro)} figures'


main()
