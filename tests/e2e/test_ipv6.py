# SPDX-License-Identifier: BSD-3-Clause
# e2e: limit 400
"""IPv6 of subscribers: IPv6CP, router advertisements, DHCPv6, forwarding both ways, what is refused."""
import contextlib
import socket
import struct
import time

import dial
from dial import counted, session_details, session_of, tunnel_up
from ipv6 import ALL_DHCP, ALL_NODES, Client6, address_in
from lac import Timeout
from lib import Failure, case, check, check_equal, eventually, main
from ppp import IPV6, IPV6CP, LCP, NAK, PROTOCOL_REJECT, REQUEST, option, options_of, packet
from scapy.layers.dhcp6 import (DHCP6_Advertise, DHCP6_Confirm, DHCP6_Decline, DHCP6_InfoRequest,
                                DHCP6_Rebind, DHCP6_RelayForward, DHCP6_Release, DHCP6_Renew,
                                DHCP6_Reply, DHCP6_Request, DHCP6_Solicit, DHCP6OptClientId,
                                DHCP6OptDNSDomains, DHCP6OptDNSServers, DHCP6OptIA_PD, DHCP6OptIAAddress,
                                DHCP6OptIAPrefix, DHCP6OptOptReq, DHCP6OptPref, DHCP6OptRapidCommit,
                                DHCP6OptServerId, DHCP6OptStatusCode)
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA,
                                ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptDNSSL,
                                ICMPv6NDOptMTU, ICMPv6NDOptPrefixInfo, ICMPv6NDOptRDNSS,
                                ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6, IPv6ExtHdrDestOpt,
                                IPv6ExtHdrFragment, IPv6ExtHdrHopByHop)
from scapy.packet import Raw

FAR6, NEAR6 = '2001:db8:ffff::1', 'fd00:2::2'
ALICE = 'alice@isp.example'


def setup(lab):
    state = dial.setup(lab, **{
        'prefix-pools': [
            {'name': 'lan', 'prefixes': ['2001:db8:1000::/48']},
            {'name': 'cpe', 'length': 56, 'prefixes': ['2001:db8:1100::/40']},
            {'name': 'single', 'length': 128, 'prefixes': ['2001:db8:1200::/120']},
            {'name': 'two', 'prefixes': ['2001:db8:1300::/63']}],
        'ipv6': {'pool': 'lan', 'delegated-pool': 'cpe', 'dns': ['2001:db8:53::1', '2001:db8:53::2'],
                 'domains': ['isp.example', 'home.isp.example'], 'ra-interval': 4, 'ra-lifetime': 1200},
        'users': [
            {'name': ALICE, 'password': 'alice-password'},
            {'name': 'bob@isp.example', 'password': 'bob-password'},
            {'name': 'fixed@isp.example', 'password': 'fixed-password', 'address': '100.65.0.77',
             'ipv6-prefix': '2001:db8:1000:77::/64', 'ipv6-delegated': '2001:db8:1400::/48',
             'ipv6-address': '2001:db8:1200::77', 'ipv6-interface-id': '0:0:0:77',
             'routes': ['2001:db8:1500::/48', '198.18.9.0/24']},
            {'name': 'only6@isp.example', 'password': 'only6-password', 'ipv6-pool': 'lan'},
            {'name': '*@scarce.example', 'password': 'scarce-password', 'ipv6-pool': 'two'}]})
    return state


@contextlib.contextmanager
def dual(lab, user=ALICE, tunnel=None, id6=None, **which):
    """A subscriber that is up with both families."""
    with contextlib.ExitStack() as stack:
        tunnel = tunnel or stack.enter_context(tunnel_up(lab))
        client = Client6(tunnel.call(), user=user, password=user.split('@')[-1].split('.')[0] + '-password'
                         if user.endswith('scarce.example') else user.split('@')[0] + '-password')
        client.id6 = id6 or client.id6
        yield client.dual(**which)


def shown(state, user=ALICE):
    return session_details(state, user)


# IPv6CP

@case
def both_families_come_up_and_are_shown(lab, state):
    with dual(lab) as client:
        row = shown(state)
        check_equal((row['ipv4_up'], row['ipv6_up'], row['state']), (True, True, 'up'), 'families')
        check_equal(row['address'], client.address, 'IPv4 address')
        check(row['ipv6_prefix'].startswith('2001:db8:1000:') and row['ipv6_prefix'].endswith('/64'),
              f"prefix {row['ipv6_prefix']}")
        check(row['ipv6_delegated'].startswith('2001:db8:11') and row['ipv6_delegated'].endswith('/56'),
              f"delegated {row['ipv6_delegated']}")
        check_equal((row['link_local'], row['peer_link_local']), (client.router6, client.local6), 'link-local')
        check_equal(session_of(state, ALICE)['ipv6'], row['ipv6_delegated'], 'show sessions')
        pools = {pool['pool']: pool['used'] for pool in state.lnsd.rows('pools')}
        check_equal((pools['main'], pools['lan'], pools['cpe']), (1, 1, 1), 'pools')
    dial.no_session_left(state)
    pools = {pool['pool']: pool['used'] for pool in state.lnsd.rows('pools')}
    check_equal((pools['main'], pools['lan'], pools['cpe']), (0, 0, 0), 'pools afterwards')


@case
def either_family_comes_alone(lab, state):
    with dual(lab, ipv4=False) as client:
        row = shown(state)
        check_equal((row['ipv4_up'], row['ipv6_up'], row['state']), (False, True, 'up'), 'IPv6 alone')
        client.ping6(FAR6, address_in(row['ipv6_prefix'], 1))
    with dual(lab, ipv6=False) as client:
        row = shown(state)
        check_equal((row['ipv4_up'], row['ipv6_up'], row['state']), (True, False, 'up'), 'IPv4 alone')
        client.ping('203.0.113.1')
    with dual(lab, user='only6@isp.example', ipv4=False) as client:
        client.ping6(FAR6, address_in(shown(state, 'only6@isp.example')['ipv6_prefix'], 1))


@case
def a_family_that_ends_leaves_the_other(lab, state):
    with dual(lab) as client:
        source = address_in(shown(state)['ipv6_prefix'], 9)
        client.ping6(FAR6, source)
        client.session.send(IPV6CP, packet(5, client.next_id()))
        eventually(lambda: not shown(state)['ipv6_up'], 'IPv6 is down')
        client.ping('203.0.113.1')
        with counted(state, 'ppp_not_open'):
            client.send6(IPv6(src=source, dst=FAR6) / ICMPv6EchoRequest())
            time.sleep(0.1)
        check_equal(shown(state)['state'], 'up', 'session')


@case
def interface_identifiers_zero_and_equal_are_naked(lab, state):
    with tunnel_up(lab) as tunnel:
        client = Client6(tunnel.call())
        client.id6 = b'\0' * 8
        client.dual()
        check(any(client.id6), 'zero was naked with another')
    with tunnel_up(lab) as tunnel:
        client = Client6(tunnel.call())
        client.lcp()
        client.authenticate()
        theirs = options_of(client.get(IPV6CP)[1])[0][1]
        client.session.send(IPV6CP, packet(REQUEST, 77, option(1, theirs)))
        answer = client.get(IPV6CP)[1]
        check_equal((answer[0], answer[1]), (NAK, 77), 'answer to its own identifier')
        check(dict(options_of(answer))[1] != theirs, 'another identifier is offered')


@case
def a_fixed_interface_identifier_is_the_only_one(lab, state):
    with dual(lab, user='fixed@isp.example') as client:
        check_equal(client.id6, b'\0' * 7 + b'\x77', 'identifier')
        row = shown(state, 'fixed@isp.example')
        check_equal((row['ipv6_prefix'], row['ipv6_delegated'], row['ipv6_address']),
                    ('2001:db8:1000:77::/64', '2001:db8:1400::/48', '2001:db8:1200::77'), 'what is fixed')
        for source in ('2001:db8:1000:77::1', '2001:db8:1400:ffff::1', '2001:db8:1200::77', '2001:db8:1500::5'):
            client.ping6(FAR6, source)
        lab.run('inet', 'ping', '-6', '-c', '1', '-W', '1', '2001:db8:1500::9', check_status=False)
        client.next6(ICMPv6EchoRequest, where=lambda found: found.dst == '2001:db8:1500::9')


# neighbour discovery

@case
def router_advertisement_says_everything(lab, state):
    with dual(lab) as client:
        row = shown(state)
        for source in (None, '::'):
            answer = client.solicit_router(source)
            check_equal((answer.src, answer.hlim), (client.router6, 255), 'RA source and hop limit')
            check_equal(answer.dst, ALL_NODES if source else client.local6, 'RA destination')
            advertised = answer[ICMPv6ND_RA]
            check_equal((advertised.M, advertised.O, advertised.routerlifetime, advertised.chlim),
                        (0, 1, 1200, 64), 'RA')
            prefix = answer[ICMPv6NDOptPrefixInfo]
            check_equal((f'{prefix.prefix}/{prefix.prefixlen}', prefix.L, prefix.A, prefix.validlifetime,
                         prefix.preferredlifetime), (row['ipv6_prefix'], 1, 1, 7200, 3600), 'prefix')
            check_equal(answer[ICMPv6NDOptMTU].mtu, row['mtu'], 'MTU')
            check_equal(answer[ICMPv6NDOptRDNSS].dns, ['2001:db8:53::1', '2001:db8:53::2'], 'RDNSS')
            check_equal(answer[ICMPv6NDOptDNSSL].searchlist, ['isp.example.', 'home.isp.example.'], 'DNSSL')


@case
def advertisements_come_unasked(lab, state):
    with dual(lab) as client:
        times = []
        for _ in range(4):
            client.next6(ICMPv6ND_RA, timeout=8)
            times.append(time.monotonic())
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        check(all(2.9 <= gap <= 6.0 for gap in gaps), f'pauses {gaps}, expected 3 to 4 s')


@case
def our_link_local_address_answers(lab, state):
    with dual(lab) as client:
        node = 'ff02::1:ff' + client.router6.split(':')[-2][-2:].rjust(2, '0') + ':' + client.router6.split(':')[-1]
        for destination in (node, client.router6):
            client.send6(IPv6(src=client.local6, dst=destination, hlim=255) / ICMPv6ND_NS(tgt=client.router6))
            answer = client.next6(ICMPv6ND_NA)
            check_equal((answer.src, answer.dst, answer.hlim, answer[ICMPv6ND_NA].tgt, answer[ICMPv6ND_NA].R,
                         answer[ICMPv6ND_NA].S), (client.router6, client.local6, 255, client.router6, 1, 1), 'NA')
        client.ping6(client.router6, client.local6)


@case
def discovery_that_breaks_the_rules_is_dropped(lab, state):
    with dual(lab) as client:
        def solicitation(**fields):
            return IPv6(src=client.local6, dst='ff02::2', **fields)
        rows = [
            ('nd_hop_limit', solicitation(hlim=64) / ICMPv6ND_RS()),
            ('nd_checksum', solicitation(hlim=255) / ICMPv6ND_RS(cksum=0x1234)),
            ('nd_code', solicitation(hlim=255) / ICMPv6ND_RS(code=1)),
            ('nd_options', solicitation(hlim=255) / ICMPv6ND_RS() / Raw(b'\x01\0\0\0\0\0\0\0')),
            ('nd_options', solicitation(hlim=255) / ICMPv6ND_RS() / Raw(b'\x01\x02\0\0\0\0\0\0')),
            ('nd_addresses', IPv6(src='::', dst='ff02::2', hlim=255) / ICMPv6ND_RS()
             / Raw(b'\x01\x01\2\0\0\0\0\1')),
            ('nd_ra_from_subscriber', IPv6(src=client.local6, dst=ALL_NODES, hlim=255) / ICMPv6ND_RA()
             / ICMPv6NDOptPrefixInfo(prefix='2001:db8:bad::')),
            ('nd_ns_other', IPv6(src=client.local6, dst=client.router6, hlim=255) / ICMPv6ND_NS(tgt='2001:db8::1')),
            ('other_protocol', solicitation(hlim=255) / IPv6ExtHdrHopByHop() / ICMPv6ND_RS()),
            ('other_protocol', solicitation(hlim=255) / IPv6ExtHdrFragment() / ICMPv6ND_RS())]
        for name, datagram in rows:
            with counted(state, name):
                client.send6(datagram)
        client.solicit_router()


# DHCPv6

@case
def a_prefix_is_delegated_and_used_both_ways(lab, state):
    with dual(lab) as client:
        answer = client.dhcp6()
        row = shown(state)
        prefix = client.delegated(answer)
        check_equal((prefix, row['dhcp6_prefix']), (row['ipv6_delegated'], True), 'delegated prefix')
        check_equal((answer[DHCP6OptIA_PD].T1, answer[DHCP6OptIA_PD].T2, answer[DHCP6OptIAPrefix].preflft,
                     answer[DHCP6OptIAPrefix].validlft), (1800, 2880, 3600, 7200), 'times')
        check_equal(answer[DHCP6OptDNSServers].dnsservers, ['2001:db8:53::1', '2001:db8:53::2'], 'DNS')
        check_equal(answer[DHCP6OptDNSDomains].dnsdomains, ['isp.example.', 'home.isp.example.'], 'domains')
        host = address_in(prefix, 0x42 << 64 | 0x1)
        client.ping6(FAR6, host, count=3)
        client.ping6(FAR6, host, size=1200)
        with lab.socket('inet', family=socket.AF_INET6) as sock:
            sock.settimeout(3)
            sock.bind((FAR6, 7006))
            client.send6(IPv6(src=host, dst=FAR6) / UDP(sport=4000, dport=7006) / Raw(b'there'))
            data, source = sock.recvfrom(2048)
            check_equal((data, source[0]), (b'there', host), 'at the far end')
            sock.sendto(b'and back', source)
            back = client.next6(UDP)
            check_equal((back.src, back.dst, bytes(back[UDP].payload)), (FAR6, host, b'and back'), 'on the line')
        row = shown(state)
        check(row['up_packets6'] >= 5 and row['down_packets6'] >= 5, f'IPv6 counters {row}')


@case
def the_whole_of_dhcpv6(lab, state):
    with dual(lab) as client:
        rapid = client.dhcp6_answer(DHCP6_Reply, client.dhcp6_send(
            DHCP6_Solicit(), DHCP6OptRapidCommit(), client.ia_pd(), client.ia_na()))
        check(DHCP6OptRapidCommit in rapid, 'rapid commit')
        prefix = client.delegated(rapid)
        statuses = [option.statuscode for option in iter_options(rapid, DHCP6OptStatusCode)]
        check_equal(statuses, [2], 'no address for the IA_NA')
        reply = client.dhcp6()
        check_equal(client.delegated(reply), prefix, 'the same prefix again')
        ours = DHCP6OptIAPrefix(prefix=prefix.split('/')[0], plen=56)
        for message in (DHCP6_Renew(), DHCP6_Rebind()):
            options = [client.ia_pd(ours)] + ([client.server] if isinstance(message, DHCP6_Renew) else [])
            again = client.dhcp6_answer(DHCP6_Reply, client.dhcp6_send(message, *options))
            check_equal((client.delegated(again), again[DHCP6OptIAPrefix].validlft), (prefix, 7200), 'renewed')
        old = DHCP6OptIAPrefix(prefix='2001:db8:dead::', plen=56, preflft=100, validlft=200)
        with counted(state, 'dhcp6_taken_back'):
            again = client.dhcp6_answer(DHCP6_Reply, client.dhcp6_send(DHCP6_Rebind(), client.ia_pd(old)))
        lives = {f'{one.prefix}/{one.plen}': one.validlft for one in iter_options(again, DHCP6OptIAPrefix)}
        check_equal(lives, {prefix: 7200, '2001:db8:dead::/56': 0}, 'renumbered')
        second = client.dhcp6_answer(DHCP6_Reply, client.dhcp6_send(
            DHCP6_Request(), client.server, client.ia_pd(iaid=99)))
        check_equal([one.statuscode for one in iter_options(second, DHCP6OptStatusCode)], [6], 'a second IA_PD')
        information = client.dhcp6_answer(DHCP6_Reply, client.dhcp6_send(
            DHCP6_InfoRequest(), DHCP6OptOptReq(reqopts=[23])))
        check(DHCP6OptDNSServers in information, 'servers for an Information-Request')
        confirm = client.dhcp6_answer(DHCP6_Reply, client.dhcp6_send(
            DHCP6_Confirm(), client.ia_na(DHCP6OptIAAddress(addr='2001:db8:bad::1'))))
        check_equal(confirm[DHCP6OptStatusCode].statuscode, 4, 'Confirm of another link')
        released = client.dhcp6_answer(DHCP6_Reply, client.dhcp6_send(
            DHCP6_Release(), client.server, client.ia_pd(ours)))
        check_equal([one.statuscode for one in iter_options(released, DHCP6OptStatusCode)], [0], 'Release')
        check_equal(shown(state)['dhcp6_prefix'], False, 'bound after the Release')
        unbound = client.dhcp6_answer(DHCP6_Reply, client.dhcp6_send(
            DHCP6_Release(), client.server, client.ia_pd(ours)))
        check_equal(sorted(one.statuscode for one in iter_options(unbound, DHCP6OptStatusCode)), [0, 3],
                    'a second Release')


def iter_options(datagram, kind):
    """All options of a kind, those inside of IAs too."""
    layer, found = datagram, []
    while layer:
        if isinstance(layer, kind):
            found.append(layer)
        for field in ('iapdopt', 'ianaopts'):
            for inside in layer.fields.get(field) or []:
                found += iter_options(inside, kind)
        layer = layer.payload
    return found


@case
def an_address_by_dhcpv6(lab, state):
    user = 'fixed@isp.example'
    with dual(lab, user=user) as client:
        check_equal(client.solicit_router()[ICMPv6ND_RA].M, 1, 'M flag')
        reply = client.dhcp6(address=True)
        check_equal([one.addr for one in iter_options(reply, DHCP6OptIAAddress)], ['2001:db8:1200::77'], 'IA_NA')
        check_equal(client.delegated(reply), '2001:db8:1400::/48', 'IA_PD')
        confirm = client.dhcp6_answer(DHCP6_Reply, client.dhcp6_send(
            DHCP6_Confirm(), client.ia_na(DHCP6OptIAAddress(addr='2001:db8:1200::77'))))
        check_equal(confirm[DHCP6OptStatusCode].statuscode, 0, 'Confirm')
        with counted(state, 'dhcp6_decline'):
            client.dhcp6_answer(DHCP6_Reply, client.dhcp6_send(
                DHCP6_Decline(), client.server, client.ia_na(DHCP6OptIAAddress(addr='2001:db8:1200::77'))))
        again = client.dhcp6(address=True)
        check_equal([one.statuscode for one in iter_options(again, DHCP6OptStatusCode)], [2], 'after the Decline')


@case
def dhcpv6_that_breaks_the_rules_is_dropped(lab, state):
    with dual(lab) as client:
        client.dhcp6()
        other = DHCP6OptServerId(duid=b'\0\x03\0\x01\2\0\0\0\0\x09')
        link = IPv6(src=client.local6, dst=ALL_DHCP) / UDP(sport=546, dport=547)
        head = bytes([1, 1, 2, 3]) + bytes(DHCP6OptClientId(duid=client.duid))
        ia = bytes(client.ia_pd())
        rows = [
            ('dhcp6_client_id', lambda: client.dhcp6_send(DHCP6_Solicit(), client.ia_pd(), client_id=False)),
            ('dhcp6_server_id', lambda: client.dhcp6_send(DHCP6_Request(), client.ia_pd())),
            ('dhcp6_server_id', lambda: client.dhcp6_send(DHCP6_Request(), other, client.ia_pd())),
            ('dhcp6_server_id', lambda: client.dhcp6_send(DHCP6_Solicit(), client.server, client.ia_pd())),
            ('dhcp6_type', lambda: client.dhcp6_send(DHCP6_Advertise(), client.server)),
            ('dhcp6_not_allowed', lambda: client.dhcp6_send(DHCP6_InfoRequest(), client.ia_pd())),
            ('dhcp6_relay', lambda: client.send6(link / DHCP6_RelayForward(linkaddr='::', peeraddr='fe80::1'))),
            ('dhcp6_malformed', lambda: client.send6(link / Raw(head + b'\0\x19\xff\xff'))),
            ('dhcp6_malformed', lambda: client.send6(link / Raw(head + b'\0\x63\0\0' * 70))),
            ('dhcp6_malformed', lambda: client.send6(link / Raw(b'\1\2'))),
            ('dhcp6_too_many_ias', lambda: client.send6(link / Raw(head + ia * 40))),
            ('other_protocol', lambda: client.send6(
                IPv6(src=client.local6, dst=ALL_DHCP) / UDP(sport=546, dport=547, chksum=0x1111) / Raw(head))),
            ('other_protocol', lambda: client.send6(
                IPv6(src=client.local6, dst=ALL_DHCP) / UDP(sport=546, dport=5353) / Raw(head)))]
        for name, act in rows:
            with counted(state, name):
                act()
        with counted(state, 'dhcp6_use_multicast'):
            trid = client.dhcp6_send(DHCP6_Renew(), client.server, client.ia_pd(), dst=client.router6)
        check_equal(client.dhcp6_answer(DHCP6_Reply, trid)[DHCP6OptStatusCode].statuscode, 5, 'UseMulticast')
        client.dhcp6()


# forwarding

@case
def sources_that_are_not_its_own_are_dropped(lab, state):
    with dual(lab) as client:
        row = shown(state)
        own = address_in(row['ipv6_prefix'], 5)
        network = int.from_bytes(socket.inet_pton(socket.AF_INET6, row['ipv6_prefix'][:-3]), 'big')
        neighbour = socket.inet_ntop(socket.AF_INET6, (network ^ 1 << 64 | 5).to_bytes(16, 'big'))
        for source in (neighbour, FAR6, '2001:db8:1100:ff00::1', 'fd00:2::1'):
            with counted(state, 'ip_spoofed'):
                client.send6(IPv6(src=source, dst=FAR6) / ICMPv6EchoRequest())
        for source, target in ((client.local6, FAR6), (own, 'fe80::1'), ('::', FAR6), (own, 'ff0e::1')):
            with counted(state, 'ip_link_local', 'ip_spoofed'):
                client.send6(IPv6(src=source, dst=target) / ICMPv6EchoRequest())
        with counted(state, 'ip_martian'):
            client.send6(IPv6(src=own, dst='::1') / ICMPv6EchoRequest())
        client.ping6(FAR6, own)


@case
def hop_limit_and_unreachable(lab, state):
    with dual(lab) as client:
        own = address_in(shown(state)['ipv6_prefix'], 5)
        client.send6(IPv6(src=own, dst=FAR6, hlim=1) / ICMPv6EchoRequest())
        client.next6(ICMPv6TimeExceeded)
        client.send6(IPv6(src=own, dst='2001:db8:1000:eeee::1') / ICMPv6EchoRequest())
        client.next6(ICMPv6DestUnreach)
        hops = {}
        for target in (FAR6,):
            client.send6(IPv6(src=own, dst=target, hlim=2) / ICMPv6EchoRequest())
            hops[target] = client.next6(ICMPv6EchoReply).hlim
        check_equal(hops[FAR6], 63, 'one hop between')


@case
def packets_too_big_for_the_line(lab, state):
    with dual(lab) as client:
        own = address_in(shown(state)['ipv6_prefix'], 5)
        mtu = shown(state)['mtu']
        client.ping6(FAR6, own)
        with lab.socket('inet', family=socket.AF_INET6) as sock:
            sock.setsockopt(socket.IPPROTO_IPV6, 23, 2)  # IPV6_MTU_DISCOVER: probe, never fragment
            sock.setsockopt(socket.IPPROTO_IPV6, 62, 1)  # IPV6_DONTFRAG
            sock.setsockopt(socket.IPPROTO_IPV6, 25, 1)  # IPV6_RECVERR
            sock.bind((FAR6, 7007))
            sock.settimeout(2)
            sock.sendto(b'x' * (mtu - 48 + 1), (own, 4000))

            def reported():
                with contextlib.suppress(OSError):
                    _, ancillary, _, _ = sock.recvmsg(2000, 1000, socket.MSG_ERRQUEUE)
                    for level, kind, data in ancillary:
                        if (level, kind) == (socket.IPPROTO_IPV6, 25):
                            return struct.unpack_from('=IBBBxII', data)[4]
                return 0

            check_equal(eventually(reported, 'Packet Too Big', timeout=3), mtu, 'MTU in Packet Too Big')
            sock.sendto(b'y' * (mtu - 48), (own, 4000))
            check_equal(len(bytes(client.next6(UDP)[UDP].payload)), mtu - 48, 'what just fits')


@case
def fragments_pass_as_they_are(lab, state):
    with dual(lab) as client:
        own = address_in(shown(state)['ipv6_prefix'], 5)
        data = bytes(range(256)) * 9
        with lab.socket('inet', family=socket.AF_INET6) as sock:
            sock.settimeout(3)
            sock.bind((FAR6, 7008))
            whole = bytes(IPv6(src=own, dst=FAR6) / UDP(sport=4000, dport=7008) / Raw(data))[40:]
            for at in range(0, len(whole), 1024):
                part = whole[at:at + 1024]
                client.send6(IPv6(src=own, dst=FAR6) / IPv6ExtHdrFragment(
                    nh=17, offset=at // 8, m=int(at + 1024 < len(whole)), id=77) / Raw(part))
            check_equal(sock.recvfrom(65535)[0], data, 'fragments from the line')


@case
def the_mss_of_connections_is_clamped(lab, state):
    with dual(lab) as client:
        own = address_in(shown(state)['ipv6_prefix'], 5)
        with lab.socket('inet', family=socket.AF_INET6, kind=socket.SOCK_STREAM) as listener:
            listener.bind((FAR6, 7009))
            listener.listen()
            client.send6(IPv6(src=own, dst=FAR6) / TCP(sport=4000, dport=7009, flags='S', seq=1,
                                                      options=[('MSS', 1440)]))
            answer = client.next6(TCP)
            mss = dict(answer[TCP].options)['MSS']
            check(mss <= shown(state)['mtu'] - 60, f"MSS {mss} for an MTU of {shown(state)['mtu']}")
            client.send6(IPv6(src=own, dst=FAR6) / TCP(sport=4000, dport=7009, flags='R', seq=2))


@case
def chains_of_extension_headers_do_no_harm(lab, state):
    with dual(lab) as client:
        own = address_in(shown(state)['ipv6_prefix'], 5)
        with lab.socket('inet', family=socket.AF_INET6) as sock:
            sock.settimeout(3)
            sock.bind((FAR6, 7010))
            for count in (1, 2, 7):
                datagram = IPv6(src=own, dst=FAR6)
                for _ in range(count):
                    datagram = datagram / IPv6ExtHdrDestOpt()
                client.send6(datagram / UDP(sport=4000, dport=7010) / Raw(b'%d' % count))
                check_equal(sock.recvfrom(2048)[0], b'%d' % count, 'behind extension headers')
        for header, count in ((IPv6ExtHdrHopByHop, 1), (IPv6ExtHdrDestOpt, 100), (IPv6ExtHdrHopByHop, 100)):
            datagram = IPv6(src=own, dst=FAR6, hlim=1)
            for _ in range(count):
                datagram = datagram / header()
            client.send6(datagram / UDP(sport=4000, dport=7010))
        client.ping6(FAR6, own)


@case
def floods_of_one_subscriber_are_bounded_and_named(lab, state):
    """Solicitations, hop-by-hop options and fragments without end; the neighbour on the same tunnel goes on."""
    with tunnel_up(lab) as tunnel, dual(lab, tunnel=tunnel) as client, \
            dual(lab, user='bob@isp.example', tunnel=tunnel) as bob:
        own = address_in(shown(state)['ipv6_prefix'], 5)
        used = state.lnsd.row('memory')['mbufs_in_use']
        link = IPv6(src=client.local6, dst='ff02::2', hlim=255)
        dhcp = IPv6(src=client.local6, dst=ALL_DHCP)
        floods = [bytes(link / ICMPv6ND_RS()), bytes(link / IPv6ExtHdrHopByHop() / ICMPv6ND_RS()),
                  bytes(dhcp / IPv6ExtHdrFragment(m=1, id=1) / UDP(sport=546, dport=547) / Raw(bytes(64)))]
        for flood in floods:
            with counted(state, 'punt_session_rate', at_least=400):
                for number in range(1200):
                    client.session.send(IPV6, flood)
                    if number % 100 == 0:
                        time.sleep(0.005)
            bob.solicit_router()
        # fragments of other networks' datagrams are only carried: nothing waits for their rest
        for number in range(1000):
            client.send6(IPv6(src=own, dst=FAR6) / IPv6ExtHdrFragment(nh=17, m=1, id=number) / Raw(bytes(64)))
        eventually(lambda: state.lnsd.row('memory')['mbufs_in_use'] <= used + 128, 'no packet is kept')
        bob.ping6(FAR6, address_in(shown(state, 'bob@isp.example')['ipv6_prefix'], 1))
        time.sleep(1.1)
        client.session.inbox.clear()
        client.solicit_router()


# pools, users

@case
def an_exhausted_prefix_pool_leaves_ipv4(lab, state):
    state.lnsd.config['ipv6'].pop('delegated-pool')
    check_equal(state.lnsd.reload().returncode, 0, 'reload')
    try:
        with tunnel_up(lab) as tunnel:
            clients = []
            for number in range(2):
                with contextlib.ExitStack() as stack:
                    clients.append(stack.enter_context(
                        dual(lab, user=f'u{number}@scarce.example', tunnel=tunnel)))
            with counted(state, 'no_prefix'):
                client = Client6(tunnel.call(), user='u2@scarce.example', password='scarce-password')
                client.lcp()
                client.authenticate()
                client.ipcp()
            client.ping('203.0.113.1')
            row = shown(state, 'u2@scarce.example')
            check_equal((row['ipv4_up'], row['ipv6_up']), (True, False), 'families')
            pool = [one for one in state.lnsd.rows('pools') if one['pool'] == 'two'][0]
            check_equal((pool['used'], pool['free']), (2, 0), 'pool')
            check(pool['exhausted'] >= 1, 'exhausted is counted')
    finally:
        state.lnsd.config['ipv6']['delegated-pool'] = 'cpe'
        check_equal(state.lnsd.reload().returncode, 0, 'reload')


@case
def who_dials_in_again_has_its_prefixes_back(lab, state):
    with tunnel_up(lab) as tunnel:
        with dual(lab, tunnel=tunnel) as first:
            before = shown(state)
            source = address_in(before['ipv6_delegated'], 1)
            first.ping6(FAR6, source)
            with dual(lab, tunnel=tunnel) as second:
                eventually(lambda: len([row for row in state.lnsd.sessions() if row['user'] == ALICE]) == 1,
                           'the old session has ended')
                after = shown(state)
                check_equal((after['ipv6_prefix'], after['ipv6_delegated'], after['address']),
                            (before['ipv6_prefix'], before['ipv6_delegated'], before['address']), 'taken over')
                second.ping6(FAR6, source)
    dial.no_session_left(state)
    with dual(lab) as client:
        again = shown(state)
        check_equal((again['ipv6_prefix'], again['ipv6_delegated']),
                    (before['ipv6_prefix'], before['ipv6_delegated']), 'prefixes of last time')
        client.ping6(FAR6, source)


@case
def two_subscribers_reach_each_other(lab, state):
    with tunnel_up(lab) as tunnel, dual(lab, tunnel=tunnel) as alice, \
            dual(lab, user='bob@isp.example', tunnel=tunnel) as bob:
        here = address_in(shown(state)['ipv6_delegated'], 1)
        there = address_in(shown(state, 'bob@isp.example')['ipv6_delegated'], 2)
        alice.send6(IPv6(src=here, dst=there) / ICMPv6EchoRequest(data=b'neighbour'))
        got = bob.next6(ICMPv6EchoRequest)
        check_equal((got.src, got.dst, got[ICMPv6EchoRequest].data), (here, there, b'neighbour'), 'hairpin')


@case
def the_kernel_has_the_pools_and_reaches_subscribers(lab, state):
    routes = lab.run('kern', 'ip', '-6', 'route', 'show', 'proto', '108').stdout
    for network in ('2001:db8:1000::/48', '2001:db8:1100::/40', '2001:db8:1200::/120'):
        check(network in routes, f'{network} is not in the kernel: {routes}')
    with dual(lab) as client:
        own = address_in(shown(state)['ipv6_prefix'], 5)
        child = lab.spawn('kern', 'ping', '-6', '-n', '-c', '1', '-W', '2', own)
        got = client.next6(ICMPv6EchoRequest)
        client.send6(IPv6(src=own, dst=got.src) / ICMPv6EchoReply(
            id=got[ICMPv6EchoRequest].id, seq=got[ICMPv6EchoRequest].seq, data=got[ICMPv6EchoRequest].data))
        check_equal(child.wait(5), 0, 'ping from the box')


@case
def without_prefixes_ipv6cp_is_refused(lab, state):
    saved = state.lnsd.config.pop('ipv6')
    check_equal(state.lnsd.reload().returncode, 0, 'reload')
    try:
        with tunnel_up(lab) as tunnel:
            client = Client6(tunnel.call()).up()
            client.session.send(IPV6CP, packet(REQUEST, 9, option(1, client.id6)))
            answer = client.get(LCP)[1]
            check_equal((answer[0], answer[4:6]), (PROTOCOL_REJECT, b'\x80\x57'), 'answer to IPv6CP')
            with counted(state, 'ppp_not_open'):
                client.session.send(IPV6, IPv6(src='2001:db8::1', dst=FAR6) / ICMPv6EchoRequest())
            client.ping('203.0.113.1')
    finally:
        state.lnsd.config['ipv6'] = saved
        check_equal(state.lnsd.reload().returncode, 0, 'reload')


@case
def a_link_below_1280_bytes_has_no_ipv6(lab, state):
    with tunnel_up(lab) as tunnel:
        with counted(state, 'refused_mtu'):
            client = Client6(tunnel.call(), mru=1200).up()
        check_equal(shown(state)['ipv6_up'], False, 'IPv6')
        client.ping('203.0.113.1')


main(setup, finish=dial.finish)
