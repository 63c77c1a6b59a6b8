# SPDX-License-Identifier: BSD-3-Clause
"""The micro benchmarks: stages of the path, engines of ESP, tables, routes, overload. See figures.h for their lines."""
import json
import os
import statistics
import subprocess

from contestants import BenchError, renice

# ESP beside what production has: the engines that DPDK brings
ENGINES = ('cryptodev:crypto_aesni_mb', 'cryptodev:crypto_openssl')
PROGRAMS = [
    ('bench_path',), ('bench_path', '1000000'), ('bench_path', 'ipv6'), ('bench_path', 'esp'),
    ('bench_esp', '400'), *[('bench_esp', '400', 'aes-gcm-16 128', engine) for engine in ENGINES],
    ('bench_tables', '--rte-fib'), ('bench_routes',), ('bench_sas',), ('bench_overload',)]
QUICK = [
    ('bench_path', '1000'), ('bench_path', 'ipv6', '1000'), ('bench_path', 'esp', '1000', '64'),
    ('bench_esp', '20', 'aes-'), ('bench_esp', '20', 'aes-gcm-16 128', ENGINES[1]),
    ('bench_tables', '--rte-fib'), ('bench_routes',), ('bench_sas',), ('bench_overload', '20000')]
NOT_UNITS = ('contestant', 'name', 'spread', 'core_cycles')


def run(build, directory, words, quick):
    path = os.path.join(directory, 'figures.json')
    command = [os.path.join(build, 'tools', 'bench', words[0]), '--json', path, *(['--quick'] if quick else []),
               *words[1:]]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=renice,
                          timeout=300)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(words)}: {done.stderr.strip()[-1000:]}")
    with open(path) as file:
        return [json.loads(line) for line in file]


def summarise(program, lines):
    """Of one figure's rounds: the median of their medians, the lowest and the highest of all."""
    unit = next(key for key in lines[0] if key not in NOT_UNITS)
    row = {'contestant': lines[0]['contestant'], 'test': 'micro', 'program': program, 'name': lines[0]['name'],
           unit: statistics.median(line[unit] for line in lines),
           'spread': [min(line['spread'][0] for line in lines), max(line['spread'][1] for line in lines)]}
    if 'core_cycles' in lines[0]:
        row['core_cycles'] = statistics.median(line['core_cycles'] for line in lines)
    row['rounds'] = len(lines)
    print(f"micro     {row['contestant']:17} {row['name']:98} {row[unit]:9.1f} {unit:7}  "
          f"{row['spread'][0]:.1f} to {row['spread'][1]:.1f}", flush=True)
    return row


def micro(build, directory, quick, rounds):
    """All programs once, then all of them again."""
    found = {}
    for _ in range(rounds):
        for words in QUICK if quick else PROGRAMS:
            for line in run(build, directory, words, quick):
                found.setdefault((words[0], line['contestant'], line['name']), []).append(line)
    return [summarise(program, lines) for (program, _, _), lines in found.items()]
