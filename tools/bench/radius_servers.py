# SPDX-License-Identifier: BSD-3-Clause
"""FreeRADIUS for the benchmarks: subscribers in a file, or in a database as Debian packages it; on a core of its own."""
import atexit
import contextlib
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', '..', 'tests', 'e2e'))
import load  # noqa: E402
from freeradius import FreeRadius  # noqa: E402
from lib import check  # noqa: E402

PORT = 18121
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


def replace(server, name, old, new):
    with open(server.path(name)) as file:
        text = file.read()
    check(old in text, f'{name} has no {old!r}')
    with open(server.path(name), 'w') as file:
        file.write(text.replace(old, new, 1))


class SqlRadius(FreeRadius):
    """Subscribers in a database, asked as Debian's packages ask it."""

    def __init__(self, lab, name, auth, users):
        super().__init__(lab, name, auth, auth + 10)
        # in memory: the disk of the machine is not what is measured
        self.base = f'/dev/shm/lnsd-bench-{os.getpid()}.sqlite'
        atexit.register(self.remove)
        replace(self, 'radiusd.conf', '\talways ok {', SQL.replace('@DIR@', self.directory).replace('@SCHEMA@', SCHEMA)
                     .replace('@BASE@', self.base)
                     + '\talways ok {')
        replace(self, 'radiusd.conf', '\t\tfiles\n', '\t\tsql\n')
        replace(self, 'radiusd.conf', '\tpost-auth {\n', '\tpost-auth {\n\t\tsql\n')
        replace(self, 'radiusd.conf', 'server default {', 'instantiate {\n\texpr\n}\nserver default {')
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


def server_make(kind, lab, users):
    """kind: files or sql. It acknowledges accounting and writes it nowhere: its disk is not what is measured."""
    server = SqlRadius(lab, 'one', PORT, users) if kind == 'sql' else FreeRadius(lab, 'one', PORT, PORT + 10)
    replace(server, 'radiusd.conf', '\taccounting {\n\t\tdetail\n', '\taccounting {\n')
    return server


def start_apart(server, share_cores=False):
    """The server has the last core for itself, as on a machine of its own; the cores that are left, which this process
    and all that it starts from now on have: see all_cpus()."""
    cpus = sorted(os.sched_getaffinity(0))
    if share_cores or len(cpus) < 2:
        server.start()
        return set(cpus)
    os.sched_setaffinity(0, cpus[-1:])
    try:
        server.start()
    finally:
        os.sched_setaffinity(0, cpus[:-1])
    return set(cpus[:-1])


def all_cpus():
    os.sched_setaffinity(0, range(os.cpu_count()))
