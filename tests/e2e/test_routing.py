# SPDX-License-Identifier: BSD-3-Clause
# e2e: limit 300
"""BGP beside lnsd: BIRD and FRR announce its subscribers upstream, and bring the internet into its tables.

Each daemon plays both parts once, for both families. The configurations beside lnsd are those of docs/routing.md.
"""
import contextlib
import json
import os
import re
import shutil
import threading
import time
import types

from dial import session_details, tunnel_up
from ipv6 import Client6, address_in
from lac import HELLO
from lib import FAR, INET, LNS_CORE, ROOT, Capture, Lnsd, case, check, check_equal, default_config, eventually, main

POOL = '100.64.16.0/20'
FIXED = '100.65.0.77'
ROUTED = '198.51.100.0/24'
INET6, LNS_CORE6, FAR6 = 'fd00:2::2', 'fd00:2::1', '2001:db8:ffff::1'
POOL6 = '2001:db8:1100::/40'
DELEGATED, ROUTED6 = '2001:db8:1400::/48', '2001:db8:1500::/48'
# an internet's worth: LNSD_E2E_ROUTES=1000000,200000
ROUTES4, ROUTES6 = (int(number) for number in os.environ.get('LNSD_E2E_ROUTES', '40000,8000').split(','))
MEMORY = {'max-routes4': max(ROUTES4 + 1000, 131072), 'max-routes6': max(ROUTES6 + 1000, 32768),
          'memory': 512 if ROUTES4 < 100000 else 2048}
OWN = {FIXED + '/32', ROUTED, DELEGATED, ROUTED6}
USERS = [
    {'name': 'alice@isp.example', 'password': 'alice-password'},
    {'name': 'fixed@isp.example', 'password': 'fixed-password', 'address': FIXED,
     'ipv6-delegated': DELEGATED, 'routes': [ROUTED, ROUTED6]},
]


def documented(name):
    """The configuration in docs/routing.md behind the comment <!-- NAME -->."""
    with open(os.path.join(ROOT, 'docs', 'routing.md')) as file:
        found = re.search(rf'<!-- {name} -->\n```\n(.*?)```', file.read(), re.DOTALL)
    check(found, f'docs/routing.md has a configuration {name}')
    return found.group(1)


def beside(name):
    """The same with this laboratory's addresses."""
    text = documented(name)
    for documented_one, ours in (('203.0.113.1', INET), ('203.0.113.2', LNS_CORE), ('2001:db8:0:ff::1', INET6),
                                 ('2001:db8:0:ff::2', LNS_CORE6), ('100.64.0.0/16', POOL)):
        check(documented_one in text or ours in (LNS_CORE6, POOL), f'{documented_one} in the configuration {name}')
        text = text.replace(documented_one, ours)
    return text


def write(lab, name, text):
    with open(lab.path(name), 'w') as file:
        file.write(text)
    os.chmod(lab.path(name), 0o644)
    return lab.path(name)


class Bird:
    """BIRD in a namespace."""

    def __init__(self, lab, side, config):
        self.lab, self.control = lab, lab.path(f'bird-{side}.ctl')
        path = write(lab, f'bird-{side}.conf', config)
        lab.run(None, 'bird', '-p', '-c', path)
        self.child = lab.spawn(side, 'bird', '-f', '-c', path, '-s', self.control,
                               '-P', lab.path(f'bird-{side}.pid'), log=f'bird-{side}.log')
        eventually(lambda: os.path.exists(self.control), 'bird starts')

    def command(self, *words):
        return self.lab.run(None, 'birdc', '-s', self.control, *words, check_status=False).stdout

    def learned(self):
        """{prefix: text} of what BGP brought."""
        found = {}
        for name in ('peer4', 'peer6'):
            for line in self.command('show', 'route', 'protocol', name, 'all').splitlines():
                if line[:1].isdigit():
                    prefix = line.split()[0]
                if 'BGP.' in line or line[:1].isdigit():
                    found[prefix] = found.get(prefix, '') + line
        return found

    def detail(self, prefix):
        return self.learned().get(prefix, '')

    def default(self, wanted):
        for name in ('default4', 'default6'):
            self.command('enable' if wanted else 'disable', name)

    def end(self):
        self.lab.end(self.child)


class Frr:
    """zebra and bgpd in a namespace."""

    def __init__(self, lab, side, config):
        self.lab, self.children = lab, []
        self.directory = lab.path(f'frr-{side}')
        os.mkdir(self.directory)
        shutil.chown(self.directory, 'frr', 'frrvty')  # zebra keeps only a few of root's rights
        path = write(lab, f'frr-{side}.conf', config)
        for daemon in ('zebra', 'bgpd'):
            self.children.append(lab.spawn(
                side, f'/usr/lib/frr/{daemon}', '-f', path, '-z', f'{self.directory}/zserv.api',
                '-i', f'{self.directory}/{daemon}.pid', '--vty_socket', self.directory, '-P', 0,
                '--log', 'stdout', log=f'frr-{side}-{daemon}.log'))
            eventually(lambda name=daemon: os.path.exists(f'{self.directory}/{name}.vty'), f'{daemon} starts')

    def command(self, *lines):
        words = [word for line in lines for word in ('-c', line)]
        return self.lab.run(None, 'vtysh', '--vty_socket', self.directory, *words, check_status=False).stdout

    def learned(self):
        found = {}
        for family in ('ipv4', 'ipv6'):
            answer = self.command(f'show bgp {family} unicast json')
            with contextlib.suppress(ValueError):
                routes = json.loads(answer[answer.index('{'):])['routes']
                found.update({prefix: str(paths) for prefix, paths in routes.items()
                              if any(path['path'] == '64500' for path in paths)})
        return found

    def detail(self, prefix):
        return self.command(f"show bgp {'ipv6' if ':' in prefix else 'ipv4'} unicast {prefix}")

    def default(self, wanted):
        for family, neighbour in (('ipv4', LNS_CORE), ('ipv6', LNS_CORE6)):
            self.command('configure terminal', 'router bgp 64501', f'address-family {family} unicast',
                         ('' if wanted else 'no ') + f'neighbor {neighbour} default-originate')

    def end(self):
        for child in self.children:
            self.lab.end(child)


BIRD_UPSTREAM = f"""
log stderr all;
router id {INET};
protocol device {{ scan time 2; }}
protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
protocol kernel {{ ipv6 {{ import none; export where source = RTS_BGP; }}; }}
protocol static default4 {{ ipv4; route 0.0.0.0/0 unreachable; }}
protocol static default6 {{ ipv6; route ::/0 unreachable; }}
protocol bgp peer4 {{
  local {INET} as 64501;
  neighbor {LNS_CORE} as 64500;
  connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv4 {{ import all; export where proto = "default4"; next hop self; }};
}}
protocol bgp peer6 {{
  local {INET6} as 64501;
  neighbor {LNS_CORE6} as 64500;
  connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv6 {{ import all; export where proto = "default6"; next hop self; }};
}}
"""

FRR_UPSTREAM = f"""
hostname upstream
router bgp 64501
 bgp router-id {INET}
 no bgp ebgp-requires-policy
 neighbor {LNS_CORE} remote-as 64500
 neighbor {LNS_CORE} timers connect 1
 neighbor {LNS_CORE6} remote-as 64500
 neighbor {LNS_CORE6} timers connect 1
 address-family ipv4 unicast
  no neighbor {LNS_CORE6} activate
  neighbor {LNS_CORE} default-originate
 exit-address-family
 address-family ipv6 unicast
  neighbor {LNS_CORE6} activate
  neighbor {LNS_CORE6} default-originate
 exit-address-family
"""


def setup(lab):
    lab.run('inet', 'ip', 'route', 'del', '100.64.0.0/10')  # only what BGP brings
    lab.run('inet', 'ip', '-6', 'route', 'del', '2001:db8:1000::/36')
    state = types.SimpleNamespace(capture=Capture(lab))
    state.lnsd = Lnsd(lab, default_config(lab, users=USERS, dpdk=MEMORY, **{
        'prefix-pools': [{'name': 'cpe', 'length': 56, 'prefixes': [POOL6]}],
        'ipv6': {'delegated-pool': 'cpe'}}), default_route=False).start()
    return state


def default_used(state, prefix):
    """The next hops of this default route in the forwarding table."""
    return [row['via'] for row in state.lnsd.rows('routes', prefix) if row['prefix'] == prefix and row['used']]


def defaults(state):
    return [default_used(state, prefix) for prefix in ('0.0.0.0/0', '::/0')]


def delegated_of(state, user):
    return session_details(state, user)['ipv6_delegated']


def conversation(lab, state, upstream):
    """What the two must bring about, whoever they are."""
    eventually(lambda: {POOL, POOL6} <= set(upstream.learned()), 'upstream learns the aggregates', timeout=30)
    eventually(lambda: all(defaults(state)), 'the default routes are in the FIB', timeout=30)
    check_equal(default_used(state, '0.0.0.0/0'), [f'{INET} core'], 'default route')
    via6 = default_used(state, '::/0')
    check(len(via6) == 1 and via6[0].endswith(' core'), f'default route of IPv6: {via6}')
    for pool in (POOL, POOL6):
        check(re.search(r'64500[:,]100\b', upstream.detail(pool)), f'{pool} has the community')
    with tunnel_up(lab) as tunnel:
        alice = Client6(tunnel.call()).dual()
        alice6 = address_in(delegated_of(state, 'alice@isp.example'), 1)
        alice.ping(FAR, count=3)
        alice.ping6(FAR6, alice6, count=3)
        check(not OWN & set(upstream.learned()), 'nobody has the fixed addresses yet')
        fixed = Client6(tunnel.call(), user='fixed@isp.example', password='fixed-password').dual()
        eventually(lambda: OWN <= set(upstream.learned()), 'its routes are announced', timeout=15)
        check(not {alice.address + '/32', delegated_of(state, 'alice@isp.example')} & set(upstream.learned()),
              'the aggregates are enough for the pools')
        eventually(lambda: FIXED in lab.run('inet', 'ip', 'route').stdout, 'route in the internet')
        eventually(lambda: DELEGATED in lab.run('inet', 'ip', '-6', 'route').stdout, 'and the prefix')
        fixed.ping(FAR, count=3)
        for prefix in (DELEGATED, ROUTED6):
            fixed.ping6(FAR6, address_in(prefix, 9), count=3)
        with lab.socket('inet') as sock:
            sock.sendto(b'routed', ('198.51.100.9', 9))
        check_equal(fixed.next_ip().dst, '198.51.100.9', 'a packet for the routed network')
        if isinstance(upstream, Frr):
            check(re.search(r'64500[:,]132\b', upstream.detail(FIXED + '/32')), 'a single address has its community')
        fixed.session.disconnect()
        eventually(lambda: not OWN & set(upstream.learned()), 'they are withdrawn', timeout=15)
        check({POOL, POOL6} <= set(upstream.learned()), 'the aggregates stay')
        alice.ping(FAR)
        # the internet goes away and comes back
        upstream.default(False)
        eventually(lambda: not any(defaults(state)), 'the default routes leave the FIB', timeout=15)
        upstream.default(True)
        eventually(lambda: all(defaults(state)), 'and are back', timeout=15)
        alice.ping(FAR)
        alice.ping6(FAR6, alice6)


@contextlib.contextmanager
def pair(*daemons):
    try:
        yield
    finally:
        for daemon in daemons:
            daemon.end()


@case
def bird_beside_lnsd_and_frr_upstream(lab, state):
    upstream = Frr(lab, 'inet', FRR_UPSTREAM)
    with pair(Bird(lab, 'kern', beside('bird')), upstream):
        conversation(lab, state, upstream)
    eventually(lambda: not any(defaults(state)), 'BIRD took its routes along')


@case
def frr_beside_lnsd_and_bird_upstream(lab, state):
    upstream = Bird(lab, 'inet', BIRD_UPSTREAM)
    with pair(Frr(lab, 'kern', beside('frr')), upstream):
        conversation(lab, state, upstream)


@case
def routes_of_a_pool_are_announced_one_by_one_on_request(lab, state):
    def own():
        return ''.join(lab.run('kern', 'ip', family, 'route', 'show', 'proto', '108').stdout for family in ('-4', '-6'))

    def single(client):
        return {f'{client.address} dev lns0', delegated_of(state, 'alice@isp.example') + ' dev lns0'}

    state.lnsd.config['subscribers'].update({'announce-hosts': True, 'announce-routes': False})
    check_equal(state.lnsd.reload().returncode, 0, 'reload')
    with tunnel_up(lab) as tunnel:
        client = Client6(tunnel.call()).dual()
        routes = single(client)
        eventually(lambda: all(route in own() for route in routes), 'its own routes are in the kernel')
        fixed = Client6(tunnel.call(), user='fixed@isp.example', password='fixed-password').dual()
        check(not any(route.split('/')[0] in own() for route in OWN), 'what lies outside of the pools is not')
        # an option that changes meanwhile: what was announced is withdrawn all the same
        state.lnsd.config['subscribers'].update({'announce-hosts': False, 'announce-routes': True})
        check_equal(state.lnsd.reload().returncode, 0, 'reload')
        client.session.disconnect()
        eventually(lambda: not any(route in own() for route in routes), 'they are gone with the session')
        fixed.session.disconnect()
    with tunnel_up(lab) as tunnel:
        Client6(tunnel.call(), user='fixed@isp.example', password='fixed-password').dual()
        eventually(lambda: all(route.split('/32')[0] in own() for route in OWN), 'outside of the pools')
    eventually(lambda: not any(route.split('/32')[0] in own() for route in OWN), 'withdrawn')
    check(POOL in own() and POOL6 in own(), 'the aggregates stay')


class Load(threading.Thread):
    """ip -batch with that many routes of both families, as a routing daemon would write an internet."""

    def __init__(self, lab, verb):
        super().__init__(daemon=True)
        self.lab, self.verb, self.error = lab, verb, None
        self.names = [lab.path(f'routes{family}-{verb}') for family in ('-4', '-6')]
        with open(self.names[0], 'w') as file:
            for n in range(ROUTES4):
                file.write(f'route {verb} {11 + (n >> 16)}.{n >> 8 & 255}.{n & 255}.0/24 via {INET} proto 186\n')
        with open(self.names[1], 'w') as file:
            for n in range(ROUTES6):
                file.write(f'route {verb} 2a00:{n >> 16:x}:{n & 0xffff:x}::/48 via {INET6} proto 186\n')

    def run(self):
        try:
            for family, name in zip(('-4', '-6'), self.names):
                self.lab.run('kern', 'ip', family, '-batch', name, timeout=280)
        except Exception as error:  # told by the case
            self.error = error


def mirrored(state):
    counts = state.lnsd.row('kernel')
    return counts['routes4'], counts['routes6']


def control_core_seconds(state):
    """CPU time of the main thread."""
    pid = state.lnsd.process.pid
    with open(f'/proc/{pid}/task/{pid}/schedstat') as file:
        return int(file.read().split()[0]) / 1e9


def hellos_while(tunnel, busy):
    """The longest wait for the acknowledgment of a HELLO, in ms; and how many there were."""
    longest, n = 0.0, 0
    while busy():
        start = time.monotonic()
        tunnel.send(HELLO)
        tunnel.wait_acknowledged(timeout=5)
        longest, n = max(longest, time.monotonic() - start), n + 1
        time.sleep(0.01)
    return longest * 1000, n


@case
def hellos_are_answered_while_an_internet_is_loaded(lab, state):
    with tunnel_up(lab) as tunnel:
        before = mirrored(state)
        until = time.monotonic() + 1
        idle, _ = hellos_while(tunnel, lambda: time.monotonic() < until)
        shown = [f'idle {idle:.1f} ms']
        for verb, wanted in (('add', (before[0] + ROUTES4, before[1] + ROUTES6)), ('del', before)):
            load, cpu = Load(lab, verb), control_core_seconds(state)
            load.start()
            longest, n = hellos_while(tunnel, load.is_alive)
            load.join()
            if load.error:
                raise load.error
            # but for a few neighbours, which come and go
            eventually(lambda: all(abs(got - n) < 20 for got, n in zip(mirrored(state), wanted)),
                       f'all routes are mirrored ({verb}): {wanted}', timeout=30 + ROUTES4 / 10000)
            cpu = control_core_seconds(state) - cpu
            shown.append(f'{verb} {longest:.1f} ms ({n} HELLOs), {cpu:.1f} s of the control core')
            check(n > 0 and longest < 2000, f'the longest waits for an acknowledgment: {shown}')
    return ', '.join(shown)


def finish(lab, state):
    eventually(lambda: not state.lnsd.sessions(), 'no session is left')
    state.lnsd.stop()
    state.capture.stop()
    for family in ('-4', '-6'):
        check_equal(lab.run('kern', 'ip', family, 'route', 'show', 'proto', '108').stdout, '', 'our routes in the kernel')


main(setup, finish=finish)
