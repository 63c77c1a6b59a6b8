# SPDX-License-Identifier: BSD-3-Clause
"""The IPv6 side of a PPP client: IPv6CP, router and neighbour discovery, DHCPv6, all by Scapy."""
import os
import socket

from lac import Timeout
from lib import Failure, check, check_equal
from ppp import (ACK, IPCP, IPV6, IPV6CP, LCP, NAK, PROTOCOL_REJECT, REJECT, REQUEST, Client, option,
                 options_of, packet)
from scapy.layers.dhcp6 import (DHCP6_Advertise, DHCP6_Reply, DHCP6_Request, DHCP6_Solicit,
                                DHCP6OptClientId, DHCP6OptIA_NA, DHCP6OptIA_PD,
                                DHCP6OptIAPrefix, DHCP6OptOptReq, DHCP6OptServerId, DUID_LL)
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_RA, ICMPv6ND_RS, IPv6, in6_chksum)

ALL_NODES, ALL_ROUTERS, ALL_DHCP = 'ff02::1', 'ff02::2', 'ff02::1:2'


def link_local(identifier):
    return socket.inet_ntop(socket.AF_INET6, b'\xfe\x80' + b'\0' * 6 + identifier)


def address_in(prefix, host):
    """The address host (a number) in prefix ("2001:db8::/56")."""
    network = int.from_bytes(socket.inet_pton(socket.AF_INET6, prefix.split('/')[0]), 'big')
    return socket.inet_ntop(socket.AF_INET6, (network | host).to_bytes(16, 'big'))


def checked(data):
    """The packet, after its ICMPv6 or UDP checksum was verified by building it again."""
    parsed = IPv6(data)
    check_equal(parsed.plen, len(data) - 40, 'IPv6 payload length')
    check_equal(in6_chksum(parsed.nh, parsed, data[40:]), 0, 'checksum')
    return parsed


class Client6(Client):
    """up6() after lcp() and authenticate(): IPv6CP; ids are the interface identifiers."""

    id6 = b'\x02\0\0\xff\xfe\0\0\x01'
    peer_id6 = None

    @property
    def local6(self):
        return link_local(self.id6)

    @property
    def router6(self):
        return link_local(self.peer_id6)

    def ipv6cp_request(self):
        self.ipv6cp_sent = packet(REQUEST, self.next_id(), option(1, self.id6))
        self.session.send(IPV6CP, self.ipv6cp_sent)

    def ncps(self, ipv4=True, ipv6=True):
        """Both network protocols to Opened, in whatever order their packets come."""
        open4, open6 = [not ipv4] * 2, [not ipv6] * 2
        if ipv4:
            self.ipcp_request()
        if ipv6:
            self.ipv6cp_request()
        for _ in range(60):
            if all(open4 + open6):
                self.address = self.wanted if ipv4 else None
                self.session.tunnel.lac.flush(0.03)
                return self
            protocol, payload = self.get(IPCP, IPV6CP, LCP)
            if protocol == IPCP:
                self.ipcp_step(payload, open4, ipv4)
            elif protocol == IPV6CP:
                self.ipv6cp_step(payload, open6, ipv6)
            elif payload[0] == PROTOCOL_REJECT and payload[4:6] == b'\x80\x57':
                raise Failure('IPv6CP is refused')
        raise Failure('the network protocols do not converge')

    def ipcp_step(self, payload, opened, wanted):
        code = payload[0]
        if not wanted:
            self.session.send(LCP, packet(PROTOCOL_REJECT, self.next_id(), b'\x80\x21' + payload))
        elif code == REQUEST:
            self.session.send(IPCP, packet(ACK, payload[1], payload[4:]))
            opened[1] = True
        elif code == ACK:
            opened[0] = True
        elif code == NAK:
            values = dict(options_of(payload))
            self.wanted = socket.inet_ntoa(values[3]) if 3 in values else self.wanted
            self.dns = [socket.inet_ntoa(values[kind]) for kind in (129, 131) if kind in values]
            self.ipcp_request()
        elif code == REJECT:
            self.ask_dns = False
            self.ipcp_request()

    def ipv6cp_step(self, payload, opened, wanted):
        code = payload[0]
        if not wanted:
            self.session.send(LCP, packet(PROTOCOL_REJECT, self.next_id(), b'\x80\x57' + payload))
        elif code == REQUEST:
            values = options_of(payload)
            check_equal([(kind, len(value)) for kind, value in values], [(1, 8)], 'IPv6CP options of the LNS')
            self.peer_id6 = values[0][1]
            check(any(self.peer_id6), 'interface identifier 0')
            check(self.peer_id6 != self.id6, 'our own interface identifier')
            self.session.send(IPV6CP, packet(ACK, payload[1], payload[4:]))
            opened[1] = True
        elif code == ACK:
            check_equal(payload[1:], self.ipv6cp_sent[1:], 'IPv6CP Configure-Ack')
            opened[0] = True
        elif code == NAK:
            self.id6 = dict(options_of(payload))[1]
            self.ipv6cp_request()
        else:
            raise Failure(f'IPv6CP code {code}')

    def dual(self, **which):
        self.lcp()
        self.authenticate()
        return self.ncps(**which)

    # packets

    def send6(self, datagram):
        self.session.send(IPV6, bytes(datagram))

    def next6(self, layer, timeout=3.0, where=lambda found: True):
        """The next IPv6 packet with that layer."""
        for _ in range(50):
            _, payload = self.get(IPV6, timeout=timeout)
            found = checked(payload)
            if layer in found and where(found):
                return found
        raise Failure(f'no {layer.__name__}')

    def nothing6(self, layer, timeout=0.4):
        try:
            got = self.next6(layer, timeout=timeout)
        except Timeout:
            return
        raise Failure(f'{got.summary()} came')

    def solicit_router(self, source=None):
        self.send6(IPv6(src=source or self.local6, dst=ALL_ROUTERS, hlim=255) / ICMPv6ND_RS())
        wanted = self.local6 if (source or self.local6) != '::' else ALL_NODES
        return self.next6(ICMPv6ND_RA, where=lambda found: found.dst == wanted)

    def ping6(self, target, source, size=32, count=1):
        for sequence in range(1, count + 1):
            data = os.urandom(size)
            self.send6(IPv6(src=source, dst=target) / ICMPv6EchoRequest(id=7, seq=sequence, data=data))
            answer = self.next6(ICMPv6EchoReply)
            check_equal((answer.src, answer.dst), (target, source), 'echo reply addresses')
            check_equal(answer[ICMPv6EchoReply].data, data, 'echo reply data')

    # DHCPv6

    duid = DUID_LL(lladdr='02:00:00:00:00:01')
    iaid = 0x01020304

    def dhcp6_send(self, message, *options, dst=ALL_DHCP, client_id=True):
        message.trid = int.from_bytes(os.urandom(3), 'big')
        datagram = IPv6(src=self.local6, dst=dst) / UDP(sport=546, dport=547) / message
        for one in ([DHCP6OptClientId(duid=self.duid)] if client_id else []) + list(options):
            datagram = datagram / one
        self.send6(datagram)
        return message.trid

    def dhcp6_answer(self, kind, trid):
        found = self.next6(kind)
        check_equal(found[kind].trid, trid, 'DHCPv6 transaction')
        check_equal((found[UDP].sport, found[UDP].dport), (547, 546), 'DHCPv6 ports')
        check_equal((found.src, found.dst), (self.router6, self.local6), 'DHCPv6 addresses')
        return found

    def ia_pd(self, *inside, iaid=None):
        return DHCP6OptIA_PD(iaid=self.iaid if iaid is None else iaid, iapdopt=list(inside))

    def ia_na(self, *inside, iaid=None):
        return DHCP6OptIA_NA(iaid=self.iaid if iaid is None else iaid, ianaopts=list(inside))

    def delegated(self, answer):
        """"prefix/length" of the answer's IA_PD."""
        check(DHCP6OptIAPrefix in answer, f'no prefix: {answer.summary()}')
        found = answer[DHCP6OptIAPrefix]
        return f'{found.prefix}/{found.plen}'

    def dhcp6(self, address=False):
        """Solicit, Advertise, Request, Reply; the Reply."""
        wanted = [self.ia_pd()] + ([self.ia_na()] if address else []) + [DHCP6OptOptReq(reqopts=[23, 24])]
        advertise = self.dhcp6_answer(DHCP6_Advertise, self.dhcp6_send(DHCP6_Solicit(), *wanted))
        self.server = advertise[DHCP6OptServerId].copy()
        self.server.remove_payload()
        return self.dhcp6_answer(DHCP6_Reply, self.dhcp6_send(DHCP6_Request(), self.server, *wanted))
