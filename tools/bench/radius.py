# SPDX-License-Identifier: BSD-3-Clause
"""Session set-ups a second through a RADIUS server, beside the authentications that it gives radclient: see radius.sh."""
import argparse
import atexit
import contextlib
import json
import os
import sqlite3
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', '..', 'tests', 'e2e'))
import load  # noqa: E402
from freeradius import SECRET, FreeRadius  # noqa: E402
from lib import Lab, Lnsd, check, eventually  # noqa: E402

FILE_MAX = 500
RADCLIENT_TIMES = 4  # as many as our sessions: it is over too soon to be measured
SCHEMA = '/etc/freeradius/3.0/mods-config/sql/main/sqlite'
# As Debian's mods-available/sql has it, with its queries; its default site asks it in authorize and in post-auth,
# where each answer is written into the table radpostauth.
SQL = '''
	expr {
	}
	sql {
		driver = "rlm_sql_sqlite"
		dialect = "sqlite"
		sqlite {
			filename = "@BASE@"
			busy_timeout = 200
		}
		radius_db = "radius"
		acct_table1 = "radacct"
		acct_table2 = "radacct"
		postauth_table = "radpostauth"
		authcheck_table = "radcheck"
		groupcheck_table = "radgroupcheck"
		authreply_table = "radreply"
		groupreply_table = "radgroupreply"
		usergroup_table = "radusergroup"
		client_table = "nas"
		group_attribute = "SQL-Group"
		read_clients = no
		read_groups = yes
		pool {
			start = ${thread[pool].start_servers}
			min = ${thread[pool].min_spare_servers}
			max = ${thread[pool].max_servers}
			spare = ${thread[pool].max_spare_servers}
			uses = 0
			lifetime = 0
			idle_timeout = 60
		}
		$INCLUDE @SCHEMA@/queries.conf
	}
'''


class SqlRadius(FreeRadius):
    """Subscribers in a database, asked as Debian's packages ask it."""

    def __init__(self, lab, name, auth, users):
        super().__init__(lab, name, auth, auth + 10)
        # in memory: the disk of the machine is not what is measured
        self.base = f'/dev/shm/lnsd-bench-{os.getpid()}.sqlite'
        atexit.register(self.remove)
        self.replace('radiusd.conf', '\talways ok {', SQL.replace('@DIR@', self.directory).replace('@SCHEMA@', SCHEMA)
                     .replace('@BASE@', self.base)
                     + '\talways ok {')
        self.replace('radiusd.conf', '\t\tfiles\n', '\t\tsql\n')
        self.replace('radiusd.conf', '\tpost-auth {\n', '\tpost-auth {\n\t\tsql\n')
        self.replace('radiusd.conf', 'server default {', 'instantiate {\n\texpr\n}\nserver default {')
        base = sqlite3.connect(self.base)
        base.execute('PRAGMA journal_mode=WAL')
        with open(SCHEMA + '/schema.sql') as file:
            base.executescript(file.read())
        rows = [f'sub{index}@load.example' for index in range(users)]
        base.executemany("INSERT INTO radcheck (username, attribute, op, value) VALUES (?, 'Cleartext-Password', ':=', ?)",
                         [(row, load.PASSWORD) for row in rows])
        base.executemany("INSERT INTO radusergroup (username, groupname, priority) VALUES (?, 'dsl', 1)",
                         [(row,) for row in rows])
        base.execute("INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('dsl', 'Session-Timeout', ':=', '86400')")
        base.commit()
        base.close()

    def remove(self):
        for suffix in ('', '-wal', '-shm'):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.base + suffix)

    def replace(self, name, old, new):
        with open(self.path(name)) as file:
            text = file.read()
        check(old in text, f'{name} has no {old!r}')
        with open(self.path(name), 'w') as file:
            file.write(text.replace(old, new, 1))


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
        server = SqlRadius(lab, 'one', 18121, options.sessions) if kind == 'sql' else FreeRadius(lab, 'one', 18121, 18131)
        # the server has the last core for itself, as on a machine of its own; who asks it has the others
        asking = set(range(os.cpu_count())) if options.share_cores else set(range(os.cpu_count() - 1))
        if not options.share_cores:
            os.sched_setaffinity(0, {os.cpu_count() - 1})
        server.start()
        os.sched_setaffinity(0, asking)
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
        os.sched_setaffinity(0, range(os.cpu_count()))
        lab.close()
    medians = {name: statistics.median(values) for name, values in rates.items()}
    best = max(value for name, value in medians.items() if name != 'lnsd')
    for name, values in rates.items():
        print(f'{kind:6} {name:18} {medians[name]:9,.0f}/s   {min(values):,.0f} to {max(values):,.0f}')
    print(f"{kind:6} {'share':18} {100 * medians['lnsd'] / best:8.0f} %   of radclient's best; "
          f"{row['resent']} requests were sent again", flush=True)
    return {'server': kind, 'auth': options.auth, 'sessions': options.sessions, 'rounds': options.rounds,
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
        with open(options.json, 'w') as file:
            json.dump(results, file, indent=1)
            file.write('\n')


main()
