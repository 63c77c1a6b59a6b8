# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize limit 300
"""IPv6 by RADIUS: FreeRADIUS hands out every attribute, puts subscribers into VRFs, and renumbers them by CoA."""
import contextlib
import hashlib
import hmac
import socket
import time
import types

import dial
import load
from dial import counted, tunnel_up
from freeradius import FreeRadius
from ipv6 import Client6, address_in
from lac import Timeout
from lib import FAR, INET, LNS_CORE, Failure, Lnsd, case, check, check_equal, eventually, main
from ppp import IPV6
from scapy.layers.dhcp6 import (DHCP6_InfoRequest, DHCP6_Reconf, DHCP6_Renew, DHCP6_Reply, DHCP6OptAuth,
                                DHCP6OptDNSServers, DHCP6OptIA_PD, DHCP6OptIAPrefix, DHCP6OptReconfAccept,
                                DHCP6OptReconfMsg)
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6ND_RA, ICMPv6NDOptPrefixInfo, ICMPv6NDOptRDNSS, IPv6)
from scapy.packet import Raw

COA = 'coa-secret-of-the-portal'
FAR6 = load.FAR6
TABLE = 100
USERS = '''
every@radius.example Cleartext-Password := "password"
	Framed-IPv6-Prefix = 2001:db8:1010:7::/64,
	Delegated-IPv6-Prefix = 2001:db8:1020::/48,
	Framed-IPv6-Address = 2001:db8:1030::7,
	Framed-Interface-Id = 0:0:0:7,
	Framed-IPv6-Route = "2001:db8:1040::/48 :: 1",
	DNS-Server-IPv6-Address = 2001:db8:53::7,
	DNS-Server-IPv6-Address += 2001:db8:53::8

pools@radius.example Cleartext-Password := "password"
	Framed-IPv6-Pool = "other",
	Delegated-IPv6-Prefix-Pool = "sixty",
	Stateful-IPv6-Address-Pool = "single"

red@radius.example Cleartext-Password := "password"
	Framed-IP-Address = 100.65.0.77,
	Framed-IPv6-Prefix = 2001:db8:1010:77::/64,
	Delegated-IPv6-Prefix = 2001:db8:1050:7700::/56

pair@radius.example Cleartext-Password := "password"
	Cisco-AVPair = "ip:vrf-id=blue",
	Framed-IP-Address = 100.65.0.77,
	Framed-IPv6-Prefix = 2001:db8:1010:77::/64,
	Delegated-IPv6-Prefix = 2001:db8:1050:7700::/56

filter@radius.example Cleartext-Password := "password"
	Filter-Id = "to-blue"

DEFAULT User-Name =~ "@", Cleartext-Password := "password"
'''


def setup(lab):
    lab.blue()
    one = FreeRadius(lab, 'one', 18421, 18431, users=USERS).start()
    pools = [('lan', 64, '2001:db8:1000::/48'), ('other', 64, '2001:db8:1001::/62'), ('cpe', 56, '2001:db8:1100::/40'),
             ('sixty', 60, '2001:db8:1200::/48'), ('single', 128, '2001:db8:1300::/120')]
    blue = [('blue-lan', 64, '2001:db8:1000::/48'), ('blue-cpe', 56, '2001:db8:1100::/40')]
    config = load.config(
        lab, users=[], peers=[{'name': 'open', 'sources': ['10.1.0.0/24'], 'host-name': 'open-*'}],
        interfaces=[
            {'name': 'access', 'device': 'net_af_packet0', 'role': 'access', 'addresses': ['10.1.0.1/24']},
            {'name': 'core', 'device': 'net_af_packet1', 'role': 'core',
             'addresses': [LNS_CORE + '/24', 'fd00:2::1/64']},
            {'name': 'core2', 'device': 'net_af_packet2', 'role': 'core', 'vrf': 'blue',
             'addresses': [LNS_CORE + '/24', 'fd00:2::1/64']}],
        vrfs=[{'name': 'blue', 'table': TABLE, 'realms': ['blue.example'], 'pool': 'blue', 'ipv6-pool': 'blue-lan',
               'ipv6-delegated-pool': 'blue-cpe'}],
        pools=[{'name': 'main', 'ranges': ['100.66.0.0/16']},
               {'name': 'blue', 'ranges': ['100.66.0.0/16'], 'vrf': 'blue'}],
        policies=[{'name': 'to-blue', 'vrf': 'blue'}])
    config['dpdk']['vdevs'].append('net_af_packet2,iface=core2,blocksz=65536,framesz=2048,framecnt=512')
    config['subscribers'].update({'pool': 'main', 'local-address': '100.64.0.1'})
    config['prefix-pools'] = [{'name': name, 'length': length, 'prefixes': [prefix]} for name, length, prefix in pools]
    config['prefix-pools'] += [{'name': name, 'length': length, 'prefixes': [prefix], 'vrf': 'blue'}
                               for name, length, prefix in blue]
    config['ipv6'] = {'pool': 'lan', 'delegated-pool': 'cpe', 'dns': ['2001:db8:53::1'], 'ra-interval': '600s'}
    config['radius-servers'] = [one.settings()]
    config['radius-clients'] = [{'name': 'portal', 'sources': ['127.0.0.1'], 'secret': COA}]
    config['radius'] = {'nas-address': '192.0.2.1', 'spool': lab.path('spool')}
    config['lns']['log-level'] = 'info'
    state = types.SimpleNamespace(lnsd=Lnsd(lab, config).start(), one=one)
    for family, via in (('-4', INET), ('-6', 'fd00:2::2')):
        eventually(lambda: lab.run('kern', 'ip', family, 'route', 'replace', 'default', 'via', via, 'dev', 'core2', 'table',
                                   TABLE, check_status=False).returncode == 0, f"blue's default route {family}")
        lab.run('kern', 'ping', family, '-c', 1, '-W', 2, '-I', 'core2', via, check_status=False)
    return state


def finish(lab, state):
    dial.no_session_left(state)
    used = {row['pool']: row['used'] for row in state.lnsd.rows('pools') if row['used']}
    check_equal(used, {}, 'pools afterwards')
    state.lnsd.stop()
    check(COA not in lab.read(state.lnsd.log), 'a secret is in the log')


@contextlib.contextmanager
def dual(lab, name, tunnel=None, **attributes):
    """A dual-stack subscriber that RADIUS has accepted."""
    with contextlib.ExitStack() as stack:
        tunnel = tunnel or stack.enter_context(tunnel_up(lab))
        user = name if '@' in name else name + '@radius.example'
        client = Client6(tunnel.call(), user=user, password='password', methods=['chap'])
        for key, value in attributes.items():
            setattr(client, key, value)
        yield client.dual()
        client.session.disconnect()


def details(state, client):
    user = client.user.decode()
    row = next(one for one in state.lnsd.sessions() if one['user'] == user)
    return state.lnsd.row('session', f"{row['tunnel']}/{row['session']}")


def coa(state, client, *attributes, kind='coa', named=True):
    """'ACK', or the NAK's Error-Cause."""
    name = [('Acct-Session-Id', details(state, client)['acct_session_id'])] if named else []
    _, text = state.one.radclient('127.0.0.1:3799', kind, name + list(attributes)
                                  + [('Event-Timestamp', int(time.time()))], secret=COA)
    if 'Received CoA-ACK' in text or 'Received Disconnect-ACK' in text:
        return 'ACK'
    return text.split('Error-Cause = ')[1].split('\n')[0] if 'Error-Cause = ' in text else text[-300:]


def layers(datagram, kind):
    """All options of a kind in an advertisement."""
    found = []
    while datagram:
        if isinstance(datagram, kind):
            found.append(datagram)
        datagram = datagram.payload
    return found


# attributes

@case
def every_attribute_is_honoured(lab, state):
    with dual(lab, 'every') as client:
        row = details(state, client)
        check_equal((row['ipv6_prefix'], row['ipv6_delegated'], row['ipv6_address']),
                    ('2001:db8:1010:7::/64', '2001:db8:1020::/48', '2001:db8:1030::7'), 'what RADIUS gave')
        check_equal(client.id6, b'\0' * 7 + b'\x07', 'Framed-Interface-Id')
        advertised = client.solicit_router()
        check_equal(advertised[ICMPv6NDOptPrefixInfo].prefix, '2001:db8:1010:7::', 'advertised')
        check_equal(advertised[ICMPv6NDOptRDNSS].dns, ['2001:db8:53::7', '2001:db8:53::8'], 'RDNSS')
        answer = client.dhcp6(address=True)
        check_equal(client.delegated(answer), '2001:db8:1020::/48', 'delegated')
        check_equal(answer[DHCP6OptDNSServers].dnsservers, ['2001:db8:53::7', '2001:db8:53::8'], 'DNS by DHCPv6')
        for source in ('2001:db8:1010:7::1', '2001:db8:1020:ffff::1', '2001:db8:1030::7', '2001:db8:1040::9'):
            client.ping6(FAR6, source)
        lab.run('inet', 'ping', '-6', '-c', '1', '-W', '1', '2001:db8:1040::5', check_status=False)
        client.next6(ICMPv6EchoRequest, where=lambda found: found.dst == '2001:db8:1040::5')


@case
def pools_are_named_by_radius(lab, state):
    with dual(lab, 'pools') as client:
        row = details(state, client)
        for key, start, end in (('ipv6_prefix', '2001:db8:1001:', '/64'), ('ipv6_delegated', '2001:db8:1200:', '/60'),
                                ('ipv6_address', '2001:db8:1300::', '')):
            check(row[key].startswith(start) and row[key].endswith(end), f'{key} {row[key]}')
        check_equal(client.delegated(client.dhcp6(address=True)), row['ipv6_delegated'], 'delegated')
        client.ping6(FAR6, row['ipv6_address'])


# VRFs

def listener(lab, side, port):
    sock = lab.socket(side, family=socket.AF_INET6)
    sock.settimeout(3)
    sock.bind((FAR6, port))
    return contextlib.closing(sock)


@case
def radius_puts_subscribers_into_a_vrf(lab, state):
    with tunnel_up(lab) as tunnel, contextlib.ExitStack() as stack:
        for name, vrf in (('red', 'default'), ('pair', 'blue'), ('filter', 'blue'), ('someone@blue.example', 'blue'),
                          ('someone@BLUE.example', 'blue'), ('someone@else.example', 'default')):
            client = stack.enter_context(dual(lab, name, tunnel=tunnel))
            row = details(state, client)
            check_equal(row['vrf'], vrf, f'VRF of {name}')
            client.ping(FAR)
            client.ping6(FAR6, address_in(row['ipv6_prefix'], 1))
            client.ping6(FAR6, address_in(row['ipv6_delegated'], 1))


@case
def one_prefix_in_two_vrfs(lab, state):
    """Address, link and delegated prefix of both subscribers are the same; neither sees the other's packets."""
    with tunnel_up(lab) as tunnel, dual(lab, 'red', tunnel=tunnel) as red, dual(lab, 'pair', tunnel=tunnel) as blue, \
            listener(lab, 'inet', 7101) as red_far, listener(lab, 'blue', 7101) as blue_far:
        check_equal(red.delegated(red.dhcp6()), blue.delegated(blue.dhcp6()), 'delegated prefixes')
        for prefix in ('2001:db8:1010:77::/64', '2001:db8:1050:7700::/56'):
            own = address_in(prefix, 9)
            for client, other, far, other_far, data in ((red, blue, red_far, blue_far, b'red'),
                                                        (blue, red, blue_far, red_far, b'blue')):
                client.send6(IPv6(src=own, dst=FAR6) / UDP(sport=4000, dport=7101) / Raw(data))
                got, source = far.recvfrom(2048)
                check_equal((got, source[0]), (data, own), 'at the far end')
                far.sendto(b'to ' + data, source)
                check_equal(bytes(client.next6(UDP)[UDP].payload), b'to ' + data, 'on the line')
                other_far.settimeout(0.2)
                with contextlib.suppress(socket.timeout):
                    raise Failure(f'{other_far.recvfrom(2048)!r} leaked')
                other_far.settimeout(3)
                other.nothing6(UDP, timeout=0.2)
        # hairpin stays within a VRF
        red.send6(IPv6(src='2001:db8:1010:77::9', dst='2001:db8:1050:7700::1') / UDP(dport=9) / Raw(b'x'))
        check_equal(bytes(red.next6(UDP)[UDP].payload), b'x', 'to itself')
        blue.nothing6(UDP, timeout=0.2)


# renumbering

def reconfigure_key(answer):
    auth = answer[DHCP6OptAuth]
    check_equal((auth.proto, auth.alg, auth.rdm, auth.authinfo[0]), (3, 1, 0, 1), 'authentication option')
    return auth.authinfo[1:17], auth.replay


def reconfigure_checked(client, key, replay, kind):
    """The next Reconfigure, authentic; its replay counter."""
    _, payload = client.get(IPV6, timeout=5)
    while DHCP6_Reconf not in IPv6(payload):
        _, payload = client.get(IPV6, timeout=5)
    found, message = IPv6(payload), payload[48:]
    check_equal((found.src, found.dst, found[UDP].sport, found[UDP].dport),
                (client.router6, client.local6, 547, 546), 'addresses')
    check_equal((found[DHCP6_Reconf].trid, found[DHCP6OptReconfMsg].msgtype), (0, kind), 'Reconfigure')
    check_equal(message[-17], 2, 'type of the digest')
    check_equal(message[-16:], hmac.new(key, message[:-16] + bytes(16), hashlib.md5).digest(), 'HMAC-MD5')
    check(found[DHCP6OptAuth].replay > replay, 'replay detection')
    return found[DHCP6OptAuth].replay


def accept_reconfigure(client):
    """Bound by DHCPv6, with the option; the key."""
    client.dhcp6()
    trid = client.dhcp6_send(DHCP6_Renew(), client.server, client.ia_pd(), DHCP6OptReconfAccept())
    answer = client.dhcp6_answer(DHCP6_Reply, trid)
    check(DHCP6OptReconfAccept in answer, 'Reconfigure Accept')
    return reconfigure_key(answer)


def counter(state, name):
    return next(row['value'] for row in state.lnsd.rows('control') if row['name'] == name)


@case
def a_coa_delegates_another_prefix_and_the_client_is_told(lab, state):
    with dual(lab, 'red') as client, listener(lab, 'inet', 7102) as far:
        key, replay = accept_reconfigure(client)
        check(details(state, client)['dhcp6_reconfigure'], 'show session')
        old, new = '2001:db8:1050:7700::/56', '2001:db8:1060:4200::/56'
        client.ping6(FAR6, address_in(old, 1))
        check_equal(coa(state, client, ('Delegated-IPv6-Prefix', new)), 'ACK', 'CoA')
        replay = reconfigure_checked(client, key, replay, 5)
        # unanswered: again after 2 s
        begin = time.monotonic()
        reconfigure_checked(client, key, replay, 5)
        # it may have come late the first time, or now
        check(1 < time.monotonic() - begin < 10, f'again after {time.monotonic() - begin:.1f} s')
        trid = client.dhcp6_send(DHCP6_Renew(), client.server,
                                 client.ia_pd(DHCP6OptIAPrefix(prefix=old.split('/')[0], plen=56)))
        inside = client.dhcp6_answer(DHCP6_Reply, trid)[DHCP6OptIA_PD].iapdopt
        lives = {f'{one.prefix}/{one.plen}': one.validlft for one in inside}
        check_equal(lives, {new: 7200, old: 0}, 'the Reply to its Renew')
        client.ping6(FAR6, address_in(new, 1))
        with counted(state, 'ip_spoofed'):
            client.send6(IPv6(src=address_in(old, 1), dst=FAR6) / ICMPv6EchoRequest())
        far.sendto(b'down', (address_in(new, 5), 9))
        check_equal(client.next6(UDP).dst, address_in(new, 5), 'down')
        far.sendto(b'down', (address_in(old, 5), 9))
        client.nothing6(UDP)
        interim = eventually(lambda: [one for one in state.one.detail() if one['Acct-Status-Type'] == 'Interim-Update'
                                      and one['User-Name'] == 'red@radius.example'], 'an Interim')[-1]
        check_equal(interim['Delegated-IPv6-Prefix'], new, 'in accounting')
        client.nothing6(DHCP6_Reconf, timeout=4.5)
        check_equal(counter(state, 'dhcp6_reconfigure_answered'), 1, 'answered')


@case
def a_coa_gives_the_link_another_prefix_and_other_servers(lab, state):
    with dual(lab, 'someone') as client:
        client.next6(ICMPv6ND_RA)
        row = details(state, client)
        old = row['ipv6_prefix']
        check_equal(coa(state, client, ('Framed-IPv6-Pool', 'other'), ('DNS-Server-IPv6-Address', '2001:db8:53::99')),
                    'ACK', 'CoA')
        new = details(state, client)['ipv6_prefix']
        check(new.startswith('2001:db8:1001:'), f'new prefix {new}')
        for advertisement in (client.next6(ICMPv6ND_RA), client.solicit_router(), client.next6(ICMPv6ND_RA, timeout=20)):
            lives = {f'{one.prefix}/64': (one.preferredlifetime, one.validlifetime)
                     for one in layers(advertisement, ICMPv6NDOptPrefixInfo)}
            check_equal(lives, {new: (3600, 7200), old: (0, 0)}, 'prefixes')
            servers = {one.dns[0]: one.lifetime for one in layers(advertisement, ICMPv6NDOptRDNSS)}
            check_equal(servers, {'2001:db8:53::99': 1800, '2001:db8:53::1': 0}, 'servers')
        client.ping6(FAR6, address_in(new, 1))
        with counted(state, 'ip_spoofed'):
            client.send6(IPv6(src=address_in(old, 1), dst=FAR6) / ICMPv6EchoRequest())
        # it accepted no Reconfigure
        client.nothing6(DHCP6_Reconf, timeout=0.2)
        # back again: the prefix that is the link's once more has its lifetimes, the other one none
        check_equal(coa(state, client, ('Framed-IPv6-Pool', 'lan')), 'ACK', 'CoA back')
        check_equal(details(state, client)['ipv6_prefix'], old, 'the user has its prefix again')
        lives = {f'{one.prefix}/64': one.preferredlifetime
                 for one in layers(client.next6(ICMPv6ND_RA), ICMPv6NDOptPrefixInfo)}
        check_equal(lives, {old: 3600, new: 0}, 'prefixes')
        client.ping6(FAR6, address_in(old, 1))
        # a fixed one
        fixed = '2001:db8:1010:99::/64'
        check_equal(coa(state, client, ('Cisco-AVPair', f'"ipv6:prefix={fixed}"')), 'ACK', 'CoA of a fixed prefix')
        lives = {f'{one.prefix}/64': one.preferredlifetime
                 for one in layers(client.next6(ICMPv6ND_RA), ICMPv6NDOptPrefixInfo)}
        check_equal(lives, {fixed: 3600, old: 0, new: 0}, 'prefixes')
        client.ping6(FAR6, address_in(fixed, 1))


@case
def servers_alone_are_asked_for_anew(lab, state):
    with dual(lab, 'someone') as client:
        trid = client.dhcp6_send(DHCP6_InfoRequest(), DHCP6OptReconfAccept())
        key, replay = reconfigure_key(client.dhcp6_answer(DHCP6_Reply, trid))
        check_equal(coa(state, client, ('DNS-Server-IPv6-Address', '2001:db8:53::42')), 'ACK', 'CoA')
        reconfigure_checked(client, key, replay, 11)
        trid = client.dhcp6_send(DHCP6_InfoRequest())
        check_equal(client.dhcp6_answer(DHCP6_Reply, trid)[DHCP6OptDNSServers].dnsservers, ['2001:db8:53::42'], 'servers')
        client.nothing6(DHCP6_Reconf, timeout=2.5)


@case
def a_coa_that_cannot_be_done_changes_nothing(lab, state):
    with tunnel_up(lab) as tunnel, dual(lab, 'red', tunnel=tunnel) as client, dual(lab, 'every', tunnel=tunnel):
        before = details(state, client)
        for attributes, cause in (
                ([('Delegated-IPv6-Prefix', '2001:db8:1020::/48')], 'Resources-Unavailable'),  # another session's
                ([('Delegated-IPv6-Prefix', '2001:db8:1060::/40')], 'Invalid-Attribute-Value'),
                ([('Delegated-IPv6-Prefix', 'ff02::/56')], 'Invalid-Attribute-Value'),
                ([('Framed-IPv6-Pool', 'nowhere')], 'Invalid-Attribute-Value'),
                ([('Framed-IPv6-Pool', 'blue-lan')], 'Invalid-Attribute-Value'),  # another VRF's
                ([('Framed-IPv6-Pool', 'other'), ('Delegated-IPv6-Prefix', '2001:db8:1020::/48')],
                 'Resources-Unavailable'),
                ([('Framed-IPv6-Address', '2001:db8:1030::9')], 'Unsupported-Attribute'),
                ([('Framed-IPv6-Prefix', '2001:db8:1010:78::/64'), ('Session-Timeout', 60)],
                 'Session-Context-Not-Found')):
            check_equal(coa(state, client, *attributes), cause, str(attributes))
        after = details(state, client)
        for key in ('ipv6_prefix', 'ipv6_delegated', 'session_timeout'):
            check_equal(after[key], before[key], key)
        used = {row['pool']: row['used'] for row in state.lnsd.rows('pools')}
        check_equal(used['other'], 0, 'what was taken for a change that failed')
        client.ping6(FAR6, address_in(before['ipv6_delegated'], 1))


@case
def a_session_is_named_by_its_prefix_or_interface_identifier(lab, state):
    with tunnel_up(lab) as tunnel, dual(lab, 'someone@else.example', tunnel=tunnel), \
            dual(lab, 'every', tunnel=tunnel) as client:
        prefix = ('Framed-IPv6-Prefix', '2001:db8:1010:7::/64')
        check_equal(coa(state, client, prefix, ('Session-Timeout', 7000), named=False), 'ACK', 'by Framed-IPv6-Prefix')
        check_equal(coa(state, client, ('Framed-Interface-Id', '0:0:0:7'), ('Session-Timeout', 7100), named=False), 'ACK',
                    'by Framed-Interface-Id')
        check_equal(details(state, client)['session_timeout'], 7100, 'changed')
        check_equal(coa(state, client, prefix, ('User-Name', 'someone@else.example'), kind='disconnect', named=False),
                    'Session-Context-Not-Found', 'of two sessions')


@case
def a_session_that_ends_amid_its_renumbering_leaves_nothing(lab, state):
    timers = state.lnsd.row('memory')['timers']
    with tunnel_up(lab) as tunnel:
        with dual(lab, 'red', tunnel=tunnel) as client:
            accept_reconfigure(client)
            for number in range(4):
                check_equal(coa(state, client, ('Delegated-IPv6-Prefix', f'2001:db8:1060:{number}00::/56')), 'ACK', 'CoA')
                client.ping6(FAR6, address_in(f'2001:db8:1060:{number}00::/56', 1))
        # dialled in anew it has what RADIUS gives
        with dual(lab, 'red', tunnel=tunnel) as client:
            check_equal(details(state, client)['ipv6_delegated'], '2001:db8:1050:7700::/56', 'delegated again')
            client.nothing6(DHCP6_Reconf, timeout=2.5)
    eventually(lambda: state.lnsd.row('memory')['timers'] <= timers + 4, 'no timer is left', timeout=10)


main(setup, finish)
