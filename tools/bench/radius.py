# SPDX-License-Identifier: BSD-3-Clause
"""Session set-ups a second through a RADIUS server, beside the authentications that it gives radclient: see radius.sh."""
import argparse
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', '..', 'tests', 'e2e'))
import load  # noqa: E402
from freeradius import SECRET  # noqa: E402
from lib import BUILD, Lab, Lnsd, check, eventually  # noqa: E402
from machine import machine, report_write  # noqa: E402
from radius_servers import all_cpus, server_make, start_apart  # noqa: E402

FILE_MAX = 500
RADCLIENT_TIMES = 4  # as many as our sessions: it is over too soon to be measured


def requests(lab, options, number):
    path = lab.path(f'requests-{number}')
    word = {'pap': 'User-Password', 'chap': 'CHAP-Password'}[options.auth]
    with open(path, 'w') as file:
        for index in range(number):
            file.write(f'User-Name = "sub{index}@load.example"\n{word} = "{load.PASSWORD}"\n'
                       'Message-Authenticator = 0x00\n\n')
    return path


def radclient(lab, server, options, parallel):
    """Authentications a second, without the time that radclient takes to begin. It becomes slow with a long file:
    a short one is sent several times."""
    def seconds(number, times):
        start = time.monotonic()
        done = lab.run('lns', 'radclient', '-D', server.directory, '-q', '-p', parallel, '-c', times, '-f',
                       requests(lab, options, number), f'127.0.0.1:{server.auth}', 'auth', SECRET, timeout=600,
                       check_status=False)
        check(done.returncode == 0, f'radclient: {done.stderr[-300:]}')
        return time.monotonic() - start

    number = min(FILE_MAX, options.sessions)
    times = RADCLIENT_TIMES * options.sessions // number
    rate = number * times / (seconds(number, times) - seconds(1, 1))
    time.sleep(1.5)  # FreeRADIUS forgets what it answered a second ago, and drops requests when it remembers too many
    return rate


def set_ups(lab, lnsd, options):
    """Sessions a second that came up, from the first call to the last address."""
    result = load.run(lab, options.tunnels, options.sessions, '--auth', options.auth, traffic=False, timeout=600)
    check(result['sessions']['up'] == options.sessions, f"{result['sessions']['up']} sessions came up")
    eventually(lambda: not lnsd.sessions(), 'all sessions have ended', timeout=120, interval=0.3)
    return result['sessions']['rate']


def measure(kind, options):
    lab = Lab()
    try:
        server = server_make(kind, lab, options.sessions)
        asking = start_apart(server, options.share_cores)
        config = load.config(lab, users=[])
        config['dpdk'].update({'main-core': 0, 'worker-cores': [max(asking)], 'share-cores': True})
        config['radius-servers'] = [server.settings(**{'acct-port': 0})]
        config['radius'] = {'nas-address': '192.0.2.1', 'spool': lab.path('spool')}
        lnsd = Lnsd(lab, config).start()
        rates = {f'radclient -p {parallel}': [] for parallel in options.parallel} | {'lnsd': []}
        # the first round is not counted: neither server nor kernel has its memory yet
        for number in range(options.rounds + 1):
            for parallel in options.parallel:
                rate = radclient(lab, server, options, parallel)
                if number:
                    rates[f'radclient -p {parallel}'].append(rate)
            rate = set_ups(lab, lnsd, options)
            if number:
                rates['lnsd'].append(rate)
        row = next(row for row in lnsd.rows('radius') if row['role'] == 'authentication')
        lnsd.stop()
    finally:
        all_cpus()
        lab.close()
    medians = {name: statistics.median(values) for name, values in rates.items()}
    best = max(value for name, value in medians.items() if name != 'lnsd')
    for name, values in rates.items():
        print(f'{kind:6} {name:18} {medians[name]:9,.0f}/s   {min(values):,.0f} to {max(values):,.0f}')
    print(f"{kind:6} {'share':18} {100 * medians['lnsd'] / best:8.0f} %   of radclient's best; "
          f"{row['resent']} requests were sent again", flush=True)
    return {'contestant': 'lnsd', 'test': 'radius', 'server': kind, 'auth': options.auth, 'sessions': options.sessions, 'rounds': options.rounds,
            'share_cores': options.share_cores, 'rates': rates, 'share': medians['lnsd'] / best, 'resent': row['resent']}


def main():
    parser = argparse.ArgumentParser(prog='radius.sh')
    parser.add_argument('--server', default='files,sql', help='where the subscribers stand: files, sql, or both')
    parser.add_argument('--sessions', type=int, default=4000, help='in each round, of each of them')
    parser.add_argument('--tunnels', type=int, default=16)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--auth', choices=('pap', 'chap'), default='chap')
    parser.add_argument('--parallel', default='16,64,128', help="radclient's -p, each is tried")
    parser.add_argument('--share-cores', action='store_true', help='the server has no core for itself')
    parser.add_argument('--quick', action='store_true', help='one round of 500 sessions: does it work')
    parser.add_argument('--json', help='the figures, into this file')
    options = parser.parse_args()
    options.parallel = [int(part) for part in options.parallel.split(',')]
    if options.quick:
        options.sessions, options.rounds = 500, 1
    results = [measure(kind, options) for kind in options.server.split(',')]
    if options.json:
        report_write(options.json, machine(BUILD), results)


main()
