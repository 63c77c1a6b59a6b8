# SPDX-License-Identifier: BSD-3-Clause
"""Packets per second of lnsd's workers, beside ipsec-secgw where it is there: see run.sh."""
import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections import Counter

from captures import Captures, mean_size
from contestants import BenchError, LnsdWorkers, Secgw, cpus, pages, page_name
from machine import machine, output, report_write
from micro import micro
from order import order_check

SIZES = (64, 256, 512, 1024, 1400, 'imix')
BOTH = ('up', 'down')
CASE = {'direction': 'up', 'esp': 'none', 'size': 64, 'sessions': 1000, 'tunnels': 16, 'workers': 1, 'replay': False,
        'inner': 'ipv4', 'police': False, 'tags': 0, 'packets': 4096, 'queues': 1, 'steering': False}
SHOWN = ('test', 'contestant', 'direction', 'esp', 'size', 'sessions', 'tunnels', 'workers', 'queues', 'steering', 'replay',
         'inner', 'police', 'tags')
# (workers, queues, steering): one worker; a NIC that spreads by L2TP session id; one that spreads without regard to
# sessions; one that brings all by one queue
SPREAD = ((1, 2, False), (2, 2, True), (2, 2, False), (2, 1, False))
# one SA's packets always come by one queue
SPREAD_SA = ((1, 1, False), (2, 1, False))


def case(test, **changes):
    return dict(CASE, test=test, **changes)


def suites(quick):
    """{name: groups}; the cases of a group take turns."""
    if quick:
        small = {'packets': 1024, 'sessions': 100}
        return {
            'size': [[case('size', direction=direction, esp=esp, size=size, **small)]
                     for esp in ('none', 'aes-128-gcm') for direction in BOTH for size in (64, 1400)],
            'algorithm': [[case('algorithm', esp='aes-128-cbc-sha1', size=512, **small)]],
            'ipv6': [[case('ipv6', direction=direction, inner='ipv6', size=80, **small)] for direction in BOTH],
            'growth': [[case('growth', sessions=sessions, packets=2048) for sessions in (1, 2000)]],
            'police': [[case('police', police=True, **small)]],
            'vlan': [[case('vlan', tags=tags, **small) for tags in (1, 2)]],
            'replay': [[case('replay', esp='aes-128-gcm', replay=replay, **small) for replay in (False, True)]],
            'workers': [[case('workers', tunnels=1, queues=queues, workers=workers, steering=steering, **small)
                         for workers, queues, steering in SPREAD]],
        }
    return {
        'size': [[case('size', direction=direction, esp=esp, size=size)]
                 for esp in ('none', 'aes-128-gcm') for direction in BOTH for size in SIZES],
        'algorithm': [[case('size', direction=direction, esp=esp, size=size)]
                      for esp in ('aes-128-cbc-sha1', 'aes-128-cbc-sha256') for direction in BOTH
                      for size in (64, 1400)],
        'flow': [[case('flow', direction=direction, esp=esp, size='imix', sessions=1, tunnels=1)]
                 for esp in ('none', 'aes-128-gcm') for direction in BOTH],
        'ipv6': [[case('ipv6', direction=direction, esp=esp, size=size, inner='ipv6')]
                 for esp, size in (('none', 80), ('none', 1400), ('aes-128-gcm', 1400)) for direction in BOTH],
        'police': [[case('police', direction=direction, police=police) for police in (False, True)]
                   for direction in BOTH],
        'vlan': [[case('vlan', direction=direction, tags=tags) for tags in (0, 1, 2)] for direction in BOTH],
        'replay': [[case('replay', esp='aes-128-gcm', size=size, replay=replay) for replay in (False, True)]
                   for size in (64, 1400)],
        'workers': [[case('workers', esp=esp, size=size, tunnels=1, queues=queues, workers=workers, steering=steering)
                     for workers, queues, steering in (SPREAD if esp == 'none' else SPREAD_SA)]
                    for esp, size in (('none', 64), ('none', 1400), ('aes-128-gcm', 64), ('aes-128-gcm', 1400))],
        'growth': [[case('growth', direction=direction, esp=esp, size=size, packets=1000000, sessions=sessions,
                         tunnels=1 if sessions == 1 else 64) for sessions in (1, 1000, 100000, 1000000)]
                   for esp, size in (('none', 64), ('aes-128-gcm', 1400)) for direction in BOTH],
    }


def summarise(one, contestant, samples, ratios):
    mpps = [sample.mpps for sample in samples]
    median = statistics.median(mpps)
    row = {'contestant': contestant.name, **{key: one[key] for key in SHOWN if key in one},
           'mpps': round(median, 3), 'gbps': round(median * mean_size(one) * 8 / 1000, 3),
           'cycles': round(statistics.median(sample.cycles for sample in samples), 1),
           'spread': [round(min(mpps), 3), round(max(mpps), 3)],
           'ratio': round(statistics.median(ratios), 3) if ratios else None,
           'loss': round(statistics.median(sample.loss for sample in samples), 6),
           'share': round(statistics.median(sample.share for sample in samples), 3), 'rounds': len(samples),
           'pages': page_name(pages(one)[2])}
    drops = Counter()
    for sample in samples:
        drops.update(sample.more.get('drops', {}))
    if drops:
        row['drops'] = dict(drops)  # by their reasons, since each worker's start, of all rounds
    if contestant.name != 'lnsd':
        row['driver'] = samples[-1].more['driver']
    return row


def show(row):
    name = row['contestant'] + ''.join(' ' + word for word, key in (
        ('replay', 'replay'), ('police', 'police'), ('steered', 'steering')) if row.get(key))
    name += f" {row['tags']} tag{'s' if row['tags'] > 1 else ''}" if row.get('tags') else ''
    name += ' 1 queue' if row['workers'] > row.get('queues', 1) else ''
    ratio = f"{row['ratio']:6.2f}" if row['ratio'] else '     -'
    reasons = ', '.join(f'{reason} {count:,}' for reason, count in row.get('drops', {}).items())
    loss = f"  LOST {100 * row['loss']:.2f} %: {reasons}" if reasons else ''
    print(f"{row['test']:9} {name:12} {row['direction']:4} {row['esp']:19} {row['inner']} {row['size']!s:>4} "
          f"{row['sessions']:>8,} {row['workers']:>2} {row['mpps']:8.2f} {row['gbps']:8.2f} {row['cycles']:8.1f}  "
          f"{row['spread'][0]:7.2f} to {row['spread'][1]:7.2f} {ratio}{loss}", flush=True)


def play(group, lnsd, peer, rounds, milliseconds):
    """A B A B …: every case of every contestant once, then all of them again."""
    entries = []
    for one in group:
        entries.append((one, lnsd, []))
        if peer and peer.plays(one):
            entries.append((one, peer, []))
    for _ in range(rounds):
        for one, contestant, samples in entries:
            samples.append(contestant.measure(one, milliseconds))
            if peer and peer.hz is None:
                peer.hz = lnsd.hz
    rows = []
    for one, contestant, samples in entries:
        rivals = [other for same, rival, other in entries if same is one and rival is peer]
        ratios = ([ours.mpps / theirs.mpps for ours, theirs in zip(samples, rivals[0])]
                  if rivals and contestant is lnsd else [])
        rows.append(summarise(one, contestant, samples, ratios))
        show(rows[-1])
    return rows


def main():
    parser = argparse.ArgumentParser(prog='run.sh')
    parser.add_argument('--quick', action='store_true', help='does everything work: small, short, one round')
    parser.add_argument('--peer', action='store_true', help='build and alternate with ipsec-secgw')
    parser.add_argument('--only', default='', help='these tests, comma-separated (size, algorithm, flow, ipv6, police, vlan, '
                        'replay, workers, growth, order, micro)')
    parser.add_argument('--rounds', type=int, help='(5; quick: 1)')
    parser.add_argument('--ms', type=int, help='length of a measurement (700; quick: 150)')
    parser.add_argument('--json', help='the figures, into this file')
    parser.add_argument('--build', required=True, help=argparse.SUPPRESS)
    parser.add_argument('--peer-program', help=argparse.SUPPRESS)
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 5)
    milliseconds = options.ms or (150 if options.quick else 700)
    groups = suites(options.quick)
    wanted = [name for name in options.only.split(',') if name] or [*groups, 'order', 'micro']
    unknown = set(wanted) - set(groups) - {'order', 'micro'}
    if unknown:
        parser.error(f"--only: {', '.join(sorted(unknown))}: expected {', '.join([*groups, 'order', 'micro'])}")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the captures are removed
    directory = tempfile.mkdtemp(prefix='lnsd-bench.', dir=os.environ.get('TMPDIR', '/var/tmp'))
    failed = []
    try:
        captures = Captures(os.path.join(options.build, 'tools', 'lnsload', 'lnsload'), directory)
        lnsd = LnsdWorkers(options.build, captures, directory)
        peer = Secgw(options.peer_program, captures, directory, None) if options.peer_program else None
        print(f"{'test':9} {'contestant':12} {'way':4} {'ESP':19} {'inner':4} {'size':>4} {'sessions':>8} "
              f"{'w':>2} {'Mpps':>8} {'Gb/s':>8} {'cycles':>8}  {'spread (Mpps)':18} {'ratio':>6}")
        results = []
        for name in wanted:
            try:
                if name == 'order' and len(os.sched_getaffinity(0)) < 2:
                    print('order: needs two CPUs, left out')
                    continue
                if name == 'order':
                    results.append(order_check(lnsd, captures, case('order', tunnels=1, workers=2, queues=2,
                                                                    packets=4096 if options.quick else 65536)))
                    continue
                if name == 'micro':
                    results += micro(options.build, directory, options.quick, rounds)
                    continue
                for group in groups[name]:
                    if any(one['workers'] > len(os.sched_getaffinity(0)) for one in group):
                        print(f'{name}: needs more CPUs, left out')
                        continue
                    results += play(group, lnsd, peer, rounds, milliseconds)
                    captures.drop()
            except (BenchError, subprocess.SubprocessError) as error:
                failed.append(f'{name}: {error}')
                print(f'{name}: FAILED: {error}', file=sys.stderr, flush=True)
        if options.json:
            report_write(options.json, machine(
                options.build, worker_cpus=cpus(1)[1], pages=page_name(pages(case('size'))[2]), tsc_hz=lnsd.hz, peer=bool(peer),
                ipsec_mb=output('dpkg-query', '-W', '-f', '${Version}', 'libipsec-mb1'), load=os.getloadavg()[0]),
                results)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    sys.exit(1 if failed else 0)


main()
