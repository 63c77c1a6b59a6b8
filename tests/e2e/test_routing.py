# SPDX-License-Identifier: BSD-3-Clause
# e2e: limit 300
"""BGP beside lnsd: BIRD and FRR announce its subscribers upstream, and bring the internet into its tables.

Each daemon plays both parts once. The configurations beside lnsd are those of docs/routing.md.
"""
import contextlib
import json
import os
import re
import shutil
import types

from dial import subscriber, tunnel_up
from lib import FAR, INET, LNS_CORE, ROOT, Capture, Lnsd, case, check, check_equal, default_config, eventually, main
from ppp import Client

POOL = '100.64.16.0/20'
FIXED = '100.65.0.77'
ROUTED = '198.51.100.0/24'
USERS = [
    {'name': 'alice@isp.example', 'password': 'alice-password'},
    {'name': 'fixed@isp.example', 'password': 'fixed-password', 'address': FIXED, 'routes': [ROUTED]},
]


def documented(name):
    """The configuration in docs/routing.md behind the comment <!-- NAME -->."""
    with open(os.path.join(ROOT, 'docs', 'routing.md')) as file:
        found = re.search(rf'<!-- {name} -->\n```\n(.*?)```', file.read(), re.DOTALL)
    check(found, f'docs/routing.md has a configuration {name}')
    return found.group(1)


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
        for line in self.command('show', 'route', 'protocol', 'peer', 'all').splitlines():
            if line[:1].isdigit():
                prefix = line.split()[0]
            if 'BGP.' in line or line[:1].isdigit():
                found[prefix] = found.get(prefix, '') + line
        return found

    def detail(self, prefix):
        return self.learned().get(prefix, '')

    def default(self, wanted):
        self.command('enable' if wanted else 'disable', 'default4')

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
        answer = self.command('show bgp ipv4 unicast json')
        with contextlib.suppress(ValueError):
            routes = json.loads(answer[answer.index('{'):])['routes']
            return {prefix: str(paths) for prefix, paths in routes.items()
                    if any(path['path'] == '64500' for path in paths)}
        return {}

    def detail(self, prefix):
        return self.command(f'show bgp ipv4 unicast {prefix}')

    def default(self, wanted):
        self.command('configure terminal', 'router bgp 64501', 'address-family ipv4 unicast',
                     ('' if wanted else 'no ') + f'neighbor {LNS_CORE} default-originate')

    def end(self):
        for child in self.children:
            self.lab.end(child)


BIRD_UPSTREAM = f"""
log stderr all;
router id {INET};
protocol device {{ scan time 2; }}
protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
protocol static default4 {{ ipv4; route 0.0.0.0/0 unreachable; }}
protocol bgp peer {{
  local {INET} as 64501;
  neighbor {LNS_CORE} as 64500;
  connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv4 {{ import all; export where proto = "default4"; next hop self; }};
}}
"""

FRR_UPSTREAM = f"""
hostname upstream
router bgp 64501
 bgp router-id {INET}
 no bgp ebgp-requires-policy
 neighbor {LNS_CORE} remote-as 64500
 neighbor {LNS_CORE} timers connect 1
 address-family ipv4 unicast
  neighbor {LNS_CORE} default-originate
 exit-address-family
"""


def setup(lab):
    lab.run('inet', 'ip', 'route', 'del', '100.64.0.0/10')  # only what BGP brings
    state = types.SimpleNamespace(capture=Capture(lab))
    state.lnsd = Lnsd(lab, default_config(lab, users=USERS), default_route=False).start()
    return state


def default_used(state):
    return [row for row in state.lnsd.rows('routes', '0.0.0.0/0') if row['prefix'] == '0.0.0.0/0' and row['used']]


def conversation(lab, state, beside, upstream):
    """What the two must bring about, whoever they are."""
    eventually(lambda: POOL in upstream.learned(), 'upstream learns the aggregate', timeout=30)
    eventually(lambda: default_used(state), 'the default route is in the FIB', timeout=30)
    check_equal(default_used(state)[0]['via'], f'{INET} core', 'default route')
    check(re.search(r'64500[:,]100\b', upstream.detail(POOL)), 'it has the community')
    with tunnel_up(lab) as tunnel:
        alice = Client(tunnel.call()).up()
        alice.ping(FAR, count=3)
        check(FIXED + '/32' not in upstream.learned(), 'nobody has the fixed address yet')
        fixed = Client(tunnel.call(), user='fixed@isp.example', password='fixed-password').up()
        eventually(lambda: {FIXED + '/32', ROUTED} <= set(upstream.learned()), 'its routes are announced', timeout=15)
        check(alice.address + '/32' not in upstream.learned(), 'the aggregate is enough for the pool')
        eventually(lambda: FIXED in lab.run('inet', 'ip', 'route').stdout, 'route in the internet')
        fixed.ping(FAR, count=3)
        with lab.socket('inet') as sock:
            sock.sendto(b'routed', ('198.51.100.9', 9))
        check_equal(fixed.next_ip().dst, '198.51.100.9', 'a packet for the routed network')
        fixed.session.disconnect()
        eventually(lambda: not {FIXED + '/32', ROUTED} & set(upstream.learned()), 'they are withdrawn', timeout=15)
        check(POOL in upstream.learned(), 'the aggregate stays')
        alice.ping(FAR)
        # the internet goes away and comes back
        upstream.default(False)
        eventually(lambda: not default_used(state), 'the default route leaves the FIB', timeout=15)
        upstream.default(True)
        eventually(lambda: default_used(state), 'and is back', timeout=15)
        alice.ping(FAR)


@contextlib.contextmanager
def pair(beside, upstream):
    try:
        yield
    finally:
        beside.end()
        upstream.end()


@case
def bird_beside_lnsd_and_frr_upstream(lab, state):
    upstream = Frr(lab, 'inet', FRR_UPSTREAM)
    beside = Bird(lab, 'kern', documented('bird').replace('203.0.113.1', INET).replace('203.0.113.2', LNS_CORE))
    with pair(beside, upstream):
        conversation(lab, state, beside, upstream)
    eventually(lambda: not default_used(state), 'BIRD took its routes along')


@case
def frr_beside_lnsd_and_bird_upstream(lab, state):
    upstream = Bird(lab, 'inet', BIRD_UPSTREAM)
    beside = Frr(lab, 'kern', documented('frr').replace('203.0.113.1', INET).replace('203.0.113.2', LNS_CORE)
                 .replace('100.64.0.0/16', POOL))
    with pair(beside, upstream):
        conversation(lab, state, beside, upstream)


@case
def routes_of_a_pool_are_announced_one_by_one_on_request(lab, state):
    def own():
        return lab.run('kern', 'ip', 'route', 'show', 'proto', '108').stdout

    state.lnsd.config['subscribers'].update({'announce-hosts': True, 'announce-routes': False})
    check_equal(state.lnsd.reload().returncode, 0, 'reload')
    with tunnel_up(lab) as tunnel:
        client = Client(tunnel.call()).up()
        eventually(lambda: f'{client.address} dev lns0' in own(), 'its own route is in the kernel')
        fixed = Client(tunnel.call(), user='fixed@isp.example', password='fixed-password').up()
        check(FIXED not in own() and ROUTED not in own(), 'what lies outside of the pools is not')
        # an option that changes meanwhile: what was announced is withdrawn all the same
        state.lnsd.config['subscribers'].update({'announce-hosts': False, 'announce-routes': True})
        check_equal(state.lnsd.reload().returncode, 0, 'reload')
        client.session.disconnect()
        eventually(lambda: f'{client.address} dev' not in own(), 'it is gone with the session')
        fixed.session.disconnect()
    with subscriber(lab, user='fixed@isp.example', password='fixed-password'):
        eventually(lambda: FIXED in own() and ROUTED in own(), 'outside of the pools')
    eventually(lambda: FIXED not in own() and ROUTED not in own(), 'withdrawn')
    check(POOL in own(), 'the aggregate stays')


def finish(lab, state):
    eventually(lambda: not state.lnsd.sessions(), 'no session is left')
    state.lnsd.stop()
    state.capture.stop()
    check_equal(lab.run('kern', 'ip', 'route', 'show', 'proto', '108').stdout, '', 'our routes in the kernel')


main(setup, finish=finish)
