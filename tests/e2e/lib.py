# SPDX-License-Identifier: BSD-3-Clause
"""What every end-to-end test stands on: the laboratory network, the daemon, captures, cases.

A test program registers its cases with @case and ends with main(); each case gets the Lab. Nothing
here outlives the program: whatever was started is ended by its pid, whatever was made is removed, also
after a failure, an interrupt or SIGTERM.
"""
import atexit
import contextlib
import ctypes
import fnmatch
import inspect
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
NETLAB = os.path.join(ROOT, 'tools', 'netlab.sh')
BUILD = os.environ.get('LNSD_BUILD') or os.path.join(ROOT, 'build-test')
SANITIZED = os.path.basename(BUILD) == 'build-asan'

LNS, LAC, LNS_CORE, INET, FAR = '10.1.0.1', '10.1.0.2', '10.2.0.1', '10.2.0.2', '203.0.113.1'
LNS6, LAC6 = 'fd00:1::1', 'fd00:1::2'

SANITIZER = re.compile(
    rb'(?:ERROR|WARNING): (?:Address|Leak|Memory|Thread|UndefinedBehavior)Sanitizer.*|runtime error: .*')


class Skip(Exception):
    """The case cannot be run here; its text says why."""


class Failure(AssertionError):
    """Something is not as it should be."""


def check(condition, text):
    if not condition:
        raise Failure(text)


def check_equal(got, wanted, what):
    if got != wanted:
        raise Failure(f'{what}: {got!r}, expected {wanted!r}')


def eventually(predicate, what, timeout=10.0, interval=0.05):
    """Waits until predicate() is true and returns its value."""
    end = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f'{what}: not within {timeout:g} s (last: {value!r})')
        time.sleep(interval)


def program(name):
    """Path of one of our programs in the build directory."""
    for folder in ('controlplane', 'tools', 'tools/lnsload', 'tools/lnsctl', ''):
        path = os.path.join(BUILD, folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise Failure(f'{name} is not in {BUILD}')


_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


@contextlib.contextmanager
def in_namespace(name):
    """What is opened inside belongs to the network namespace for good."""
    home = os.open('/proc/self/ns/net', os.O_RDONLY)
    away = os.open('/run/netns/' + name, os.O_RDONLY)
    try:
        if _libc.setns(away, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), 'setns ' + name)
        try:
            yield
        finally:
            if _libc.setns(home, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), 'setns home')
    finally:
        os.close(home)
        os.close(away)


def yaml_text(value, indent=0):
    """Block-style YAML of dicts, lists, strings, numbers, booleans."""
    pad = '  ' * indent
    if isinstance(value, dict):
        return ''.join(f'{pad}{key}:{_yaml_under(item, indent)}' for key, item in value.items())
    if isinstance(value, list):
        lines = []
        for item in value:
            if isinstance(item, (dict, list)) and item:
                lines.append(pad + '- ' + yaml_text(item, indent + 1).lstrip())
            else:
                lines.append(f'{pad}- {_yaml_scalar(item)}\n')
        return ''.join(lines)
    return f'{pad}{_yaml_scalar(value)}\n'


def _yaml_under(item, indent):
    if isinstance(item, (dict, list)) and item:
        return '\n' + yaml_text(item, indent + 1)
    return f' {_yaml_scalar(item)}\n'


def _yaml_scalar(value):
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (dict, list)):
        return '{}' if isinstance(value, dict) else '[]'
    return json.dumps(str(value))


class Lab:
    """Namespaces lac | lns | inet and kern (the TAPs), a directory for files, and what runs in them."""

    def __init__(self, guest=False):
        self.prefix = f'lnsd-e2e-{os.getpid()}'
        self.directory = tempfile.mkdtemp(prefix='lnsd-e2e.')
        os.chmod(self.directory, 0o755)
        self.children = []
        self.daemons = []
        self.closed = False
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, lambda caught, frame: sys.exit(128 + caught))
        self._netlab('up')
        if guest:
            self._netlab('guest')

    def _netlab(self, verb):
        done = subprocess.run([NETLAB, verb, self.prefix], capture_output=True, text=True)
        check(done.returncode == 0, f'netlab.sh {verb}: {done.stderr.strip()}')

    def blue(self):
        """A second internet with the first one's addresses, in the namespace blue, on the link core2."""
        self._netlab('blue')

    def second_link(self):
        """A second link to the internet, core2."""
        self._netlab('second')

    def default_route(self):
        self._netlab('default-route')

    def close(self):
        if self.closed:
            return
        self.closed = True
        for daemon in self.daemons:
            with contextlib.suppress(Exception):
                daemon.kill()
        for child in self.children:
            self.end(child)
        subprocess.run([NETLAB, 'down', self.prefix], check=False)
        if os.environ.get('LNSD_E2E_KEEP'):
            print('kept:', self.directory)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def namespace(self, side):
        return f'{self.prefix}-{side}'

    def socket(self, side, family=socket.AF_INET, kind=socket.SOCK_DGRAM, protocol=0):
        with in_namespace(self.namespace(side)):
            return socket.socket(family, kind, protocol)

    def run(self, side, *command, check_status=True, timeout=60):
        """Runs a command in a namespace (side None: in ours); its CompletedProcess."""
        words = [str(word) for word in command]
        if side:
            words = ['ip', 'netns', 'exec', self.namespace(side)] + words
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, errors='replace')
        if check_status and done.returncode:
            raise Failure(f"{' '.join(words)}: exit status {done.returncode}: "
                          f'{(done.stderr or done.stdout).strip()[-600:]}')
        return done

    def spawn(self, side, *command, log=None, env=None, stdin=subprocess.DEVNULL):
        """Starts a command in a namespace; it is ended with the lab at the latest."""
        words = [str(word) for word in command]
        if side:
            words = ['ip', 'netns', 'exec', self.namespace(side)] + words
        out = open(self.path(log), 'ab') if log else subprocess.DEVNULL
        child = subprocess.Popen(words, stdin=stdin, stdout=out, stderr=subprocess.STDOUT,
                                 env={**os.environ, **(env or {})})
        if log:
            out.close()
        self.children.append(child)
        return child

    @staticmethod
    def end(child, timeout=5):
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(timeout)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        return child.returncode

    def read(self, name):
        with contextlib.suppress(FileNotFoundError):
            with open(self.path(name), 'rb') as file:
                return file.read().decode(errors='replace')
        return ''

    def ping(self, side, target, count=3, size=56, extra=()):
        """How many of count pings were answered."""
        done = self.run(side, 'ping', '-n', '-q', '-c', count, '-i', '0.05', '-W', '2', '-s', size,
                        *extra, target, check_status=False)
        found = re.search(r'(\d+) received', done.stdout)
        return int(found.group(1)) if found else 0


class Lnsd:
    """The daemon, run in the lab's lns namespace on both veth ends."""

    def __init__(self, lab, config, name='lnsd', default_route=True, arguments=()):
        self.lab, self.name, self.config = lab, name, config
        self.default_route = default_route
        self.arguments = list(arguments)
        self.socket = lab.path(name + '.sock')
        self.config_path = lab.path(name + '.yaml')
        self.log = name + '.log'
        self.process = None
        config.setdefault('lns', {})['control-socket'] = self.socket
        lab.daemons.append(self)

    def write_config(self):
        with open(self.config_path, 'w') as file:
            file.write(yaml_text(self.config))
        os.chmod(self.config_path, 0o600)

    def start(self, timeout=60):
        self.write_config()
        self.process = self.lab.spawn(
            'lns', program('lnsd'), '-c', self.config_path, *self.arguments, log=self.log,
            env={'ASAN_OPTIONS': 'detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=0',
                 'UBSAN_OPTIONS': 'print_stacktrace=1'})
        end = time.monotonic() + timeout
        while True:
            if self.process.poll() is not None:
                raise Failure(f'lnsd ended with {self.process.returncode} while starting: '
                              + self.lab.read(self.log)[-1500:])
            done = self.command('show', 'version')
            if done.returncode == 0:
                break
            if time.monotonic() > end:
                raise Failure(f'lnsd does not answer on {self.socket}: {done.stderr.strip()}\n'
                              + self.lab.read(self.log)[-1500:])
            time.sleep(0.1)
        if self.default_route:
            self.lab.default_route()
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def command(self, *words, timeout=60):
        return subprocess.run([program('lnsctl'), '-s', self.socket, *[str(word) for word in words]],
                              capture_output=True, text=True, timeout=timeout)

    def ctl(self, *words):
        """The rows of a command's JSON answer."""
        done = self.command('--json', *words)
        check(done.returncode == 0,
              f"lnsctl {' '.join(map(str, words))}: exit status {done.returncode}: "
              f'{(done.stderr or done.stdout).strip()}')
        try:
            answer = json.loads(done.stdout)
        except ValueError as error:
            raise Failure(f"lnsctl --json {' '.join(map(str, words))}: no JSON: {error}: "
                          f'{done.stdout[:200]!r}') from None
        return answer if isinstance(answer, list) else [answer]

    def rows(self, *what):
        return self.ctl('show', *what)

    def row(self, *what):
        """The one row of an answer that is a record."""
        rows = self.rows(*what)
        check(len(rows) == 1, f"show {' '.join(map(str, what))}: {len(rows)} rows")
        return rows[0]

    def sessions(self):
        return self.rows('sessions')

    def tunnels(self):
        return self.rows('tunnels')

    def reload(self):
        self.write_config()
        return self.command('reload')

    def stop(self, timeout=40):
        """Graceful end by SIGTERM; the exit status must be 0 and no sanitizer may have complained."""
        if self.process is None:
            return
        status = self.process.poll()
        if status is None:
            self.process.terminate()
            try:
                status = self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise Failure(f'lnsd did not end within {timeout} s of SIGTERM: '
                              + self.lab.read(self.log)[-1000:]) from None
        self.process = None
        self.check_log()
        check(status == 0, f'lnsd ended with status {status}: ' + self.lab.read(self.log)[-1500:])

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def check_log(self):
        found = SANITIZER.search(self.lab.read(self.log).encode(errors='replace'))
        check(not found, 'sanitizer: ' + (found.group(0).decode(errors='replace') if found else ''))


def default_config(lab, workers=1, **changes):
    """The configuration that most tests start from."""
    config = {
        'lns': {'host-name': 'lns.example', 'log-level': 'debug'},
        'dpdk': {
            'main-core': 0,
            'worker-cores': [(1 + index) % (os.cpu_count() or 1) for index in range(workers)],
            'vdevs': [
                f'net_af_packet{index},iface={name},blocksz=65536,framesz=2048,framecnt=512'
                for index, name in enumerate(('access', 'core'))],
            'hugepages': False,
            'memory': 512,
            'mbufs': 16384,
            'idle': 'sleep',
        },
        'interfaces': [
            {'name': 'access', 'device': 'net_af_packet0', 'role': 'access',
             'addresses': [LNS + '/24', LNS6 + '/64']},
            {'name': 'core', 'device': 'net_af_packet1', 'role': 'core',
             'addresses': [LNS_CORE + '/24', 'fd00:2::1/64']},
        ],
        'peers': [
            {'name': 'open', 'sources': ['10.1.0.0/24', 'fd00:1::/64'], 'host-name': 'open-*'},
            {'name': 'lab', 'sources': ['10.1.0.0/24', 'fd00:1::/64'], 'secret': 'tunnel-secret',
             'challenge': True},
        ],
        'subscribers': {
            'auth': ['chap', 'pap', 'mschapv2'],
            'mru': 1460,
            'dns': ['9.9.9.9', '149.112.112.112'],
            'local-address': '100.64.0.1',
            'pool': 'main',
        },
        'users': [
            {'name': 'alice@isp.example', 'password': 'alice-password'},
            {'name': 'fixed@isp.example', 'password': 'fixed-password', 'address': '100.65.0.77'},
            {'name': '*@load.example', 'password': 'load-password'},
        ],
        'pools': [{'name': 'main', 'ranges': ['100.64.16.0/20']}],
        'kernel': {'netns': lab.namespace('kern')},
    }
    for key, value in changes.items():
        if isinstance(value, dict):
            config.setdefault(key, {}).update(value)
        else:
            config[key] = value
    return config


class Capture:
    """tcpdump on lnsd's access link, both directions."""

    def __init__(self, lab, name='access.pcap', interface='access', side='lac', filter_text=''):
        self.lab, self.file = lab, lab.path(name)
        self.options = []  # for tshark: what it needs to see inside
        self.process = lab.spawn(side, 'tcpdump', '-i', interface, '-n', '-U', '-s', '0', '-B', '32768',
                                 '-Z', 'root', '-w', self.file, *filter_text.split(), log=name + '.log')
        eventually(lambda: os.path.exists(self.file) and os.path.getsize(self.file) >= 24,
                   'tcpdump starts')

    def stop(self):
        time.sleep(1.3)  # tcpdump gets what it captured from the kernel once a second
        self.lab.end(self.process)

    def fields(self, display_filter, *names):
        """tshark's rows of these fields for the packets that the filter selects."""
        words = ['tshark', '-r', self.file, '-n', *self.options, '-Y', display_filter, '-T', 'fields',
                 '-E', 'separator=/t', '-E', 'occurrence=a', '-E', 'aggregator=;']
        for name in names:
            words += ['-e', name]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, errors='replace')
        check(done.returncode == 0, 'tshark: ' + done.stderr[-500:])
        return [line.split('\t') for line in done.stdout.splitlines()]


_cases = []


def case(function):
    """Registers function(lab, state) as a case; its name is the function's."""
    _cases.append(function)
    return function


def _report(status, name, seconds, reason=''):
    reason = ' '.join(str(reason).split())[:400]
    print(f'{status} {name} {seconds:.1f}s {reason}'.rstrip(), flush=True)
    results = os.environ.get('LNSD_E2E_RESULTS')
    if results:
        with open(results, 'a') as file:
            file.write(f'{status}\t{name}\t{seconds:.1f}s\t{reason}\n')
    return status != 'FAIL'


def _attempt(name, function, *arguments):
    start = time.monotonic()
    print(f'--- {name}', flush=True)
    try:
        note = function(*arguments)
        return _report('PASS', name, time.monotonic() - start, note or '')
    except Skip as reason:
        return _report('SKIP', name, time.monotonic() - start, reason)
    except Exception as error:  # every kind: the next case still runs
        traceback.print_exc()
        return _report('FAIL', name, time.monotonic() - start,
                       error if isinstance(error, Failure) else f'{type(error).__name__}: {error}')


def main(setup=None, guest=False, finish=None):
    """Runs the cases that the command line names (all without one). setup(lab) makes what they share;
    its daemon, if it has one (state.lnsd), must survive each of them. finish(lab, state) comes last."""
    picked = sys.argv[1:]
    if '--list' in picked:
        for function in _cases:
            print(function.__name__)
        return
    if os.geteuid() != 0:
        sys.exit('must run as root (network namespaces)')
    chosen = [function for function in _cases
              if not picked or any(fnmatch.fnmatch(function.__name__, '*' + want + '*') for want in picked)]
    if not chosen:
        sys.exit('no case is called ' + ' or '.join(picked))
    fine = True
    lab = Lab(guest=guest)
    state = None
    try:
        if setup:
            held = []
            if not _attempt('setup', lambda: held.append(setup(lab))):
                print(_logs(lab))
                sys.exit(1)
            state = held[0]
        for function in chosen:
            arguments = (lab, state)[:len(inspect.signature(function).parameters)]
            good = _attempt(function.__name__, function, *arguments)
            lnsd = getattr(state, 'lnsd', None)
            if lnsd is not None and not lnsd.alive():
                good = _report('FAIL', function.__name__ + ':alive', 0, 'lnsd did not survive it')
                print(_logs(lab))
                if lnsd.process is not None:
                    if not _attempt('restart', lnsd.start):
                        break
            fine = fine and good
        if finish:
            fine = _attempt('finish', finish, lab, state) and fine
        if not fine:
            print(_logs(lab))
    finally:
        lab.close()
    sys.exit(0 if fine else 1)


def _logs(lab):
    parts = []
    for daemon in lab.daemons:
        parts.append(f'=== {daemon.log} (end)\n' + lab.read(daemon.log)[-12000:])
    return '\n'.join(parts)
