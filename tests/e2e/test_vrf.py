# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize limit 300
"""Two VRFs whose addresses are all the same: subscribers, pools, core subnets, the internet behind them."""
import contextlib
import socket
import time

import dial
from dial import counted, tunnel_up
from ipv6 import Client6, address_in
from lac import Timeout
from lib import FAR, INET, LNS_CORE, Failure, case, check, check_equal, eventually, main
from ppp import Client
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6
from scapy.packet import Raw

ADDRESS = '100.65.0.77'
PREFIX, FAR6, INET6 = '2001:db8:1400::/48', '2001:db8:ffff::1', 'fd00:2::2'
POOL6 = '2001:db8:1100::/40'
POOL = '100.64.16.0/20'
TABLE = 100
VDEVS = [f'net_af_packet{index},iface={name},blocksz=65536,framesz=2048,framecnt=512'
         for index, name in enumerate(('access', 'core', 'core2'))]
USERS = [
    {'name': 'red@isp.example', 'password': 'red-password', 'address': ADDRESS,
     'ipv6-delegated': PREFIX},
    {'name': 'blue@isp.example', 'password': 'blue-password', 'address': ADDRESS, 'vrf': 'blue',
     'ipv6-delegated': PREFIX, 'routes': ['198.51.100.0/24']},
    {'name': '*@isp.example', 'password': 'any-password'},
    {'name': '*@blue.example', 'password': 'any-password', 'vrf': 'blue', 'pool': 'blue',
     'ipv6-delegated-pool': 'blue6'},
]


class Vrf:
    """One of the two: its number, TUN, kernel table, core port, and the internet behind that."""

    def __init__(self, number, name, table, port, side):
        self.number, self.name, self.table, self.port, self.side = number, name, table, port, side
        self.tun = f'lns{number}'
        self.user = name + '@isp.example'

    def default(self, lab, verb='replace'):
        for family, gateway in (('-4', INET), ('-6', INET6)):
            lab.run('kern', 'ip', family, 'route', verb, 'default', 'via', gateway, 'dev', self.port,
                    'table', self.table)


RED = Vrf(0, 'red', 'main', 'core', 'inet')
BLUE = Vrf(1, 'blue', TABLE, 'core2', 'blue')
BOTH = RED, BLUE


def setup(lab):
    lab.blue()
    core = {'role': 'core', 'addresses': [LNS_CORE + '/24', 'fd00:2::1/64']}
    state = dial.setup(
        lab, dpdk={'vdevs': VDEVS}, users=USERS,
        interfaces=[
            {'name': 'access', 'device': 'net_af_packet0', 'role': 'access',
             'addresses': ['10.1.0.1/24', 'fd00:1::1/64']},
            {'name': 'core', 'device': 'net_af_packet1', **core},
            {'name': 'core2', 'device': 'net_af_packet2', 'vrf': 'blue', **core}],
        vrfs=[{'name': 'blue', 'table': TABLE}],
        pools=[{'name': 'main', 'ranges': [POOL]}, {'name': 'blue', 'ranges': [POOL], 'vrf': 'blue'}],
        **{'prefix-pools': [{'name': 'main6', 'length': 56, 'prefixes': [POOL6]},
                            {'name': 'blue6', 'length': 56, 'prefixes': [POOL6], 'vrf': 'blue'}],
           'ipv6': {'delegated-pool': 'main6'}})
    # IPv6 learns of the carrier a moment later, and its subnets with it
    eventually(lambda: 'fd00:2::/64' in lab.run('kern', 'ip', '-6', 'route', 'show', 'dev', BLUE.port, 'table',
                                                'all').stdout, f'IPv6 on {BLUE.port}')
    BLUE.default(lab)
    for vrf in BOTH:
        eventually(lambda vrf=vrf: all(default_used(state, vrf)), f'default routes of {vrf.name}')
    return state


def default_used(state, vrf):
    """The next hops of its default routes in the forwarding table, of IPv4 and IPv6."""
    return [[row['via'] for row in state.lnsd.rows('routes', prefix, '--vrf', vrf.number)
             if row['prefix'] == prefix and row['used']] for prefix in ('0.0.0.0/0', '::/0')]


@contextlib.contextmanager
def red_and_blue(lab):
    """A subscriber in each VRF, with one and the same address, in one tunnel."""
    with tunnel_up(lab) as tunnel:
        red = Client(tunnel.call(), user='red@isp.example', password='red-password').up()
        blue = Client(tunnel.call(), user='blue@isp.example', password='blue-password').up()
        check_equal((red.address, blue.address), (ADDRESS, ADDRESS), 'addresses')
        yield red, blue


@contextlib.contextmanager
def listener(lab, side, port, address=FAR):
    sock = lab.socket(side, socket.AF_INET6 if ':' in address else socket.AF_INET)
    sock.settimeout(3)
    sock.bind((address, port))
    try:
        yield sock
    finally:
        sock.close()


def nothing_on(sock, seconds=0.3):
    sock.settimeout(seconds)
    try:
        got = sock.recvfrom(2048)
    except OSError:
        return
    finally:
        sock.settimeout(3)
    raise Failure(f'{got!r:.80} leaked')


def hears_nothing(client, seconds=0.3):
    try:
        packet = client.next_ip(timeout=seconds)
    except Timeout:
        return
    raise Failure(f'{packet.summary()} leaked')


@case
def each_reaches_its_own_internet_from_one_address(lab, state):
    with red_and_blue(lab) as (red, blue), listener(lab, 'inet', 7001) as red_far, \
            listener(lab, 'blue', 7001) as blue_far:
        for client, far, other, colour in ((red, red_far, blue_far, b'red'), (blue, blue_far, red_far, b'blue')):
            client.ping(FAR, count=3)
            client.udp_to(FAR, 7001, colour)
            data, source = far.recvfrom(2048)
            check_equal((data, source[0]), (colour, ADDRESS), 'at the far end')
            nothing_on(other)
        # and back: the address is the same, the subscriber is not
        for client, far, other, colour in ((red, red_far, blue, b'to red'), (blue, blue_far, red, b'to blue')):
            far.sendto(colour, (ADDRESS, 40000))
            packet = client.next_ip()
            check_equal(bytes(packet['UDP'].payload), colour, 'at the subscriber')
            hears_nothing(other)
        rows = {row['user']: row for row in state.lnsd.sessions()}
        check_equal({row['address'] for row in rows.values()}, {ADDRESS}, 'addresses of both')


@case
def both_families_from_one_address_and_one_prefix(lab, state):
    source = address_in(PREFIX, 9)
    with tunnel_up(lab) as tunnel, contextlib.ExitStack() as stack:
        clients = {vrf: Client6(tunnel.call(), user=vrf.user, password=vrf.name + '-password').dual() for vrf in BOTH}
        far4 = {vrf: stack.enter_context(listener(lab, vrf.side, 7002)) for vrf in BOTH}
        far6 = {vrf: stack.enter_context(listener(lab, vrf.side, 7002, FAR6)) for vrf in BOTH}
        for vrf, client in clients.items():
            client.ping(FAR, count=3)
            client.ping6(FAR6, source, count=3)
        for vrf, client in clients.items():
            colour = vrf.name.encode()
            client.udp_to(FAR, 7002, colour)
            client.send6(IPv6(src=source, dst=FAR6) / UDP(sport=40000, dport=7002) / Raw(colour))
            for far, address in ((far4[vrf], ADDRESS), (far6[vrf], source)):
                data, sender = far.recvfrom(2048)
                check_equal((data, sender[0]), (colour, address), f'at the far end of {vrf.name}')
                far.sendto(b'to ' + colour, sender)
            check_equal(bytes(client.next_ip()[UDP].payload), b'to ' + colour, 'at the subscriber')
            check_equal(bytes(client.next6(UDP)[UDP].payload), b'to ' + colour, 'at the subscriber, IPv6')
        # nothing else came anywhere
        for sock in (*far4.values(), *far6.values()):
            nothing_on(sock, 0.05)
        for client in clients.values():
            hears_nothing(client, 0.1)
            client.nothing6(UDP, 0.1)


@case
def routes_of_both_families_stand_in_their_vrfs_table(lab, state):
    """Announced in the VRF's own kernel table and no other, withdrawn with the session."""
    def announced():
        found = {}
        for vrf in BOTH:
            text = ''.join(lab.run('kern', 'ip', family, 'route', 'show', 'table', vrf.table, 'proto', 108,
                                   check_status=False).stdout for family in ('-4', '-6'))
            found[vrf] = {line.split()[0] for line in text.splitlines() if f'dev {vrf.tun}' in line}
        return found

    pools = {vrf: {POOL, POOL6} for vrf in BOTH}
    eventually(lambda: announced() == pools, 'the pools and nothing else')
    own = {ADDRESS, PREFIX}
    for vrf in reversed(BOTH):
        with tunnel_up(lab) as tunnel:
            Client6(tunnel.call(), user=vrf.user, password=vrf.name + '-password').dual()
            more = own | ({'198.51.100.0/24'} if vrf is BLUE else set())
            eventually(lambda: announced() == {**pools, vrf: pools[vrf] | more}, f'routes of a subscriber in {vrf.name}')
        eventually(lambda: announced() == pools, 'withdrawn')
    with tunnel_up(lab) as tunnel:
        for realm in ('isp', 'blue'):
            client = Client6(tunnel.call(), user=f'a@{realm}.example', password='any-password').dual()
            delegated = dial.session_details(state, client.user.decode())['ipv6_delegated']
            client.ping6(FAR6, address_in(delegated, 1))


@case
def one_vrf_without_its_ipv6_default_route_is_alone(lab, state):
    source = address_in(PREFIX, 9)
    with tunnel_up(lab) as tunnel:
        red, blue = (Client6(tunnel.call(), user=vrf.user, password=vrf.name + '-password').dual() for vrf in BOTH)
        BLUE.default(lab, 'del')
        eventually(lambda: not any(default_used(state, BLUE)), 'it is gone')
        with counted(state, 'ip_no_route'):
            blue.send6(IPv6(src=source, dst=FAR6) / UDP(sport=1, dport=2))
        check_equal(blue.next6(ICMPv6DestUnreach)[ICMPv6DestUnreach].code, 0, 'no route')
        red.ping6(FAR6, source)
        BLUE.default(lab)
        eventually(lambda: all(default_used(state, BLUE)), 'it is back')
        blue.ping6(FAR6, source)


@case
def vrfs_do_not_reach_each_other(lab, state):
    """Neither a subscriber of the other VRF, nor what only the other VRF has a route to."""
    with tunnel_up(lab) as tunnel:
        red = Client(tunnel.call(), user='a@isp.example', password='any-password').up()
        blue = Client(tunnel.call(), user='blue@isp.example', password='blue-password').up()
        # the routed network is blue's: red's packets for it go to red's internet, which has no such host
        with counted(state, 'ip_no_route', 'ip_refused', at_least=1):
            lab.run('kern', 'ip', 'route', 'add', 'unreachable', '198.51.100.0/24')
            eventually(lambda: any(row['via'] == 'unreachable' for row in
                                   state.lnsd.rows('routes', '198.51.100.0/24', '--vrf', 0)), 'route is there')
            red.send_ip(IP(src=red.address, dst='198.51.100.9') / ICMP() / Raw(b'leak'))
            time.sleep(0.2)
        hears_nothing(blue)
        # in its own VRF it leads to the subscriber
        with lab.socket('blue') as sock:
            sock.sendto(b'routed', ('198.51.100.9', 9))
        packet = blue.next_ip()
        check_equal((packet.dst, bytes(packet['UDP'].payload)), ('198.51.100.9', b'routed'), 'at the subscriber')
        lab.run('kern', 'ip', 'route', 'del', 'unreachable', '198.51.100.0/24')


@case
def a_realm_puts_its_users_into_a_vrf_and_its_pool(lab, state):
    with tunnel_up(lab) as tunnel:
        clients = [Client(tunnel.call(), user=f'{name}@{realm}.example', password='any-password').up()
                   for realm in ('isp', 'blue') for name in ('a', 'b', 'c')]
        for client in clients:
            check(client.address.startswith('100.64.'), f'{client.address} is of the pool')
            client.ping(FAR)
        for realm in ('isp', 'blue'):
            addresses = [client.address for client in clients if realm.encode() in client.user]
            check_equal(len(set(addresses)), 3, 'different addresses within a VRF')
        for client, vrf in ((clients[0], 'default'), (clients[3], 'blue')):
            details = dial.session_details(state, client.user.decode())
            check_equal(details['vrf'], vrf, 'VRF of the session')


@case
def each_vrf_has_its_routes_and_its_kernel_table(lab, state):
    lnsd = state.lnsd
    for vrf in BOTH:
        check_equal(default_used(state, vrf), [[f'{INET} {vrf.port}'], [f'{INET6} {vrf.port}']],
                    f'default routes of {vrf.name}')
        for subnet in ('10.2.0.0/24', 'fd00:2::/64'):
            connected = [row for row in lnsd.rows('routes', subnet, '--vrf', vrf.number) if row['prefix'] == subnet]
            check_equal([row['via'] for row in connected], [vrf.port], f'connected subnet of {vrf.name}')
        check(any(row['prefix'] == POOL and row['protocol'] == 'lnsd'
                  for row in lnsd.rows('routes', POOL, '--vrf', vrf.number)), f'aggregate of {vrf.name}')
    check(f'{POOL} dev lns0' in lab.run('kern', 'ip', 'route', 'show', 'table', 'main').stdout, 'aggregate, main')
    check(f'{POOL} dev lns1' in lab.run('kern', 'ip', 'route', 'show', 'table', TABLE).stdout, 'aggregate, blue')
    with red_and_blue(lab) as (red, blue):
        # without its default route one VRF is alone, the other goes on
        BLUE.default(lab, 'del')
        eventually(lambda: not any(default_used(state, BLUE)), 'it is gone')
        with counted(state, 'ip_no_route'):
            blue.send_ip(IP(src=blue.address, dst=FAR) / ICMP() / Raw(b'nowhere'))
            time.sleep(0.2)
        check_equal(blue.next_ip()[ICMP].type, 3, 'ICMP unreachable')
        red.ping(FAR)
        BLUE.default(lab)
        eventually(lambda: all(default_used(state, BLUE)), 'it is back')
        blue.ping(FAR)


@case
def the_kernel_reaches_each_through_its_tun(lab, state):
    """`ping -I lns1` from the box goes to blue's subscriber, `ping -I lns0` to the default VRF's."""
    with red_and_blue(lab) as (red, blue):
        for tun, wanted, other in (('lns0', red, blue), ('lns1', blue, red)):
            child = lab.spawn('kern', 'ping', '-n', '-c', 1, '-W', 2, '-I', tun, ADDRESS)
            try:
                packet = wanted.next_ip()
                check_equal((packet.dst, packet[ICMP].type), (ADDRESS, 8), 'echo request')
                hears_nothing(other)
            finally:
                lab.end(child)


def finish(lab, state):
    text = dial.finish(lab, state)
    rules = lab.run('kern', 'ip', 'rule').stdout + lab.run('kern', 'ip', '-6', 'rule').stdout
    check(BLUE.tun not in rules and BLUE.port not in rules, f'rules are left: {rules}')
    left = ''.join(lab.run('kern', 'ip', family, 'route', 'show', 'table', TABLE, check_status=False).stdout
                   for family in ('-4', '-6'))
    check(BLUE.tun not in left, f'routes are left: {left}')
    return text


main(setup, finish=finish)
