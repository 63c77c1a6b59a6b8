# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize limit 300
"""Two VRFs whose addresses are all the same: subscribers, pools, core subnets, the internet behind them."""
import contextlib
import time

import dial
from dial import counted, tunnel_up
from lac import Timeout
from lib import FAR, INET, LNS_CORE, Failure, case, check, check_equal, eventually, main
from ppp import Client
from scapy.layers.inet import ICMP, IP
from scapy.packet import Raw

ADDRESS = '100.65.0.77'
POOL = '100.64.16.0/20'
TABLE = 100
VDEVS = [f'net_af_packet{index},iface={name},blocksz=65536,framesz=2048,framecnt=512'
         for index, name in enumerate(('access', 'core', 'core2'))]
USERS = [
    {'name': 'red@isp.example', 'password': 'red-password', 'address': ADDRESS},
    {'name': 'blue@isp.example', 'password': 'blue-password', 'address': ADDRESS, 'vrf': 'blue',
     'routes': ['198.51.100.0/24']},
    {'name': '*@isp.example', 'password': 'any-password'},
    {'name': '*@blue.example', 'password': 'any-password', 'vrf': 'blue', 'pool': 'blue'},
]


def setup(lab):
    lab.blue()
    state = dial.setup(
        lab, dpdk={'vdevs': VDEVS}, users=USERS,
        interfaces=[
            {'name': 'access', 'device': 'net_af_packet0', 'role': 'access',
             'addresses': ['10.1.0.1/24', 'fd00:1::1/64']},
            {'name': 'core', 'device': 'net_af_packet1', 'role': 'core',
             'addresses': [LNS_CORE + '/24', 'fd00:2::1/64']},
            {'name': 'core2', 'device': 'net_af_packet2', 'role': 'core', 'vrf': 'blue',
             'addresses': [LNS_CORE + '/24']}],
        vrfs=[{'name': 'blue', 'table': TABLE}],
        pools=[{'name': 'main', 'ranges': [POOL]}, {'name': 'blue', 'ranges': [POOL], 'vrf': 'blue'}])
    blue_default(lab)
    return state


def blue_default(lab, verb='replace'):
    lab.run('kern', 'ip', 'route', verb, 'default', 'via', INET, 'dev', 'core2', 'table', TABLE)


@contextlib.contextmanager
def red_and_blue(lab):
    """A subscriber in each VRF, with one and the same address, in one tunnel."""
    with tunnel_up(lab) as tunnel:
        red = Client(tunnel.call(), user='red@isp.example', password='red-password').up()
        blue = Client(tunnel.call(), user='blue@isp.example', password='blue-password').up()
        check_equal((red.address, blue.address), (ADDRESS, ADDRESS), 'addresses')
        yield red, blue


@contextlib.contextmanager
def listener(lab, side, port):
    sock = lab.socket(side)
    sock.settimeout(3)
    sock.bind((FAR, port))
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
    eventually(lambda: any(row['used'] for row in lnsd.rows('routes', '0.0.0.0/0', '--vrf', 1)
                           if row['prefix'] == '0.0.0.0/0'), "blue's default route")
    for vrf, device in ((0, 'core'), (1, 'core2')):
        default = [row for row in lnsd.rows('routes', '0.0.0.0/0', '--vrf', vrf)
                   if row['prefix'] == '0.0.0.0/0' and row['used']]
        check_equal([row['via'] for row in default], [f'{INET} {device}'], f'default route of VRF {vrf}')
        connected = [row for row in lnsd.rows('routes', '10.2.0.0/24', '--vrf', vrf)
                     if row['prefix'] == '10.2.0.0/24']
        check_equal([row['via'] for row in connected], [device], f'connected subnet of VRF {vrf}')
        check(any(row['prefix'] == POOL and row['protocol'] == 'lnsd'
                  for row in lnsd.rows('routes', POOL, '--vrf', vrf)), f'aggregate of VRF {vrf}')
    check(f'{POOL} dev lns0' in lab.run('kern', 'ip', 'route', 'show', 'table', 'main').stdout, 'aggregate, main')
    check(f'{POOL} dev lns1' in lab.run('kern', 'ip', 'route', 'show', 'table', TABLE).stdout, 'aggregate, blue')
    with red_and_blue(lab) as (red, blue):
        # without its default route one VRF is alone, the other goes on
        blue_default(lab, 'del')
        eventually(lambda: not any(row['prefix'] == '0.0.0.0/0'
                                   for row in lnsd.rows('routes', '0.0.0.0/0', '--vrf', 1)), 'it is gone')
        with counted(state, 'ip_no_route'):
            blue.send_ip(IP(src=blue.address, dst=FAR) / ICMP() / Raw(b'nowhere'))
            time.sleep(0.2)
        check_equal(blue.next_ip()[ICMP].type, 3, 'ICMP unreachable')
        red.ping(FAR)
        blue_default(lab)
        eventually(lambda: any(row['used'] for row in lnsd.rows('routes', '0.0.0.0/0', '--vrf', 1)
                               if row['prefix'] == '0.0.0.0/0'), 'it is back')
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
    check('lns1' not in rules and 'core2' not in rules, f'rules are left: {rules}')
    left = lab.run('kern', 'ip', 'route', 'show', 'table', TABLE, check_status=False).stdout
    check('lns1' not in left, f'routes are left: {left}')
    return text


main(setup, finish=finish)
