# SPDX-License-Identifier: BSD-3-Clause
"""Debian's FreeRADIUS in a namespace of the lab, and its detail file."""
import os
import re
import shutil
import signal
import socket
import time

from lib import HERE, Failure, eventually

SECRET = 'radius-secret'


class FreeRadius:
    """A server on the loopback of the lns namespace."""

    def __init__(self, lab, name, auth, acct, side='lns', users=None):
        self.lab, self.name, self.auth, self.acct, self.side = lab, name, auth, acct, side
        self.directory = lab.path('radius-' + name)
        self.process = None
        os.mkdir(self.directory)
        source = os.path.join(HERE, 'radius')
        with open(os.path.join(source, 'radiusd.conf')) as file:
            text = file.read()
        for key, value in (('DIR', self.directory), ('AUTH', auth), ('ACCT', acct), ('NAME', name)):
            text = text.replace(f'@{key}@', str(value))
        with open(self.path('radiusd.conf'), 'w') as file:
            file.write(text)
        for name in ('users', 'dictionary'):
            shutil.copy(os.path.join(source, name), self.path(name))
        if users:
            with open(self.path('users'), 'w') as file:
                file.write(users)

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self):
        """Comes back when it answers."""
        self.process = self.lab.spawn(self.side, 'freeradius', '-f', '-d', self.directory, '-n', 'radiusd',
                                      log=f'freeradius-{self.name}.log')
        eventually(self.answers, f'FreeRADIUS {self.name} answers', timeout=15)
        return self

    def answers(self):
        if self.process.poll() is not None:
            with open(self.path('radius.log')) as file:
                raise Failure(f'FreeRADIUS {self.name} ended: {file.read()[-600:]}')
        return self.radclient(f'127.0.0.1:{self.auth}', 'status', [('Message-Authenticator', '0x00')])[0] == 0

    def kill(self):
        """At once, in the middle of whatever it does."""
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process = None

    def stop(self):
        if self.process:
            self.lab.end(self.process)
        self.process = None

    def settings(self, **more):
        """What lnsd is told of it."""
        return {'name': self.name, 'address': '127.0.0.1', 'secret': SECRET, 'auth-port': self.auth,
                'acct-port': self.acct, **more}

    def radclient(self, target, kind, attributes, secret=SECRET, retries=1):
        """radclient's exit status and output."""
        path = self.path(f'request-{time.monotonic_ns()}')
        with open(path, 'w') as file:
            file.write(''.join(f'{name} = {value}\n' for name, value in attributes))
        done = self.lab.run(self.side, 'radclient', '-D', self.directory, '-r', retries, '-t', '2', '-x', '-f', path,
                            target, kind, secret, check_status=False)
        return done.returncode, done.stdout + done.stderr

    def detail(self):
        """The accounting records, as dictionaries; an attribute that stands several times is a list."""
        try:
            with open(self.path('detail'), errors='replace') as file:
                blocks = file.read().split('\n\n')
        except FileNotFoundError:
            return []
        return [record for record in map(_record, blocks) if record]


def _record(block):
    record = {}
    for name, value in re.findall(r'^\t(\S+) = (.*)$', block, re.M):
        value = value.strip('"')
        if name in record:
            kept = record[name] if isinstance(record[name], list) else [record[name]]
            record[name] = kept + [value]
        else:
            record[name] = value
    return record


def udp_socket(lab, side, address, port):
    """A bound socket in a namespace, for servers that answer as no server should."""
    made = lab.socket(side, socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, port))
    return made
