# SPDX-License-Identifier: BSD-3-Clause
"""A PPP client on an L2TP session, with Scapy's packets: what a subscriber's router does.

Client.up() negotiates LCP, authenticates, negotiates IPCP. Whatever lnsd sends is dissected by Scapy,
so a packet that is not what it claims to be shows here. The attributes say how the client behaves.
"""
import hashlib
import os
import re
import socket
import struct
import time

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from scapy.config import conf
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.ppp import (PPP_CHAP, PPP_IPCP, PPP_LCP, PPP_PAP, PPP_IPCP_Option_DNS1,
                              PPP_IPCP_Option_DNS2, PPP_IPCP_Option_IPAddress, PPP_LCP_Echo,
                              PPP_LCP_MRU_Option, PPP_LCP_Magic_Number_Option, PPP_LCP_Terminate,
                              PPP_PAP_Request)
from scapy.packet import Raw

from lac import CDN, STOPCCN, Timeout
from lib import Failure, check, check_equal

LCP, PAP, CHAP, IPCP, IPV6CP, CCP, IPV4, IPV6 = (
    0xc021, 0xc023, 0xc223, 0x8021, 0x8057, 0x80fd, 0x0021, 0x0057)
REQUEST, ACK, NAK, REJECT, TERMINATE, TERMINATED, CODE_REJECT, PROTOCOL_REJECT = 1, 2, 3, 4, 5, 6, 7, 8
ECHO, ECHO_REPLY, DISCARD = 9, 10, 11

CHAP_MD5, CHAP_MSV2 = 5, 0x81


class Refused(Failure):
    """Authentication failed, as the peer said; text is its message."""


def packet(code, identifier, body=b''):
    """A control packet in its plain form, for what Scapy would not build."""
    return struct.pack('!BBH', code, identifier, 4 + len(body)) + body


def options_of(data):
    """[(type, value)] of a Configure packet; every length is checked."""
    length = struct.unpack_from('!H', data, 2)[0]
    check(4 <= length <= len(data), f'Configure packet length {length} of {len(data)}')
    at, found = 4, []
    while at < length:
        check(at + 2 <= length, 'option header beyond the packet')
        kind, size = data[at], data[at + 1]
        check(size >= 2 and at + size <= length, f'option {kind} of length {size}')
        found.append((kind, data[at + 2:at + size]))
        at += size
    return found


def option(kind, value=b''):
    return bytes([kind, 2 + len(value)]) + value


# MS-CHAPv2 (RFC 2759), from the RFC's pseudo code

def md4(data):
    """RFC 1320; OpenSSL 3 no longer offers it by default."""
    def rotate(value, count):
        value &= 0xffffffff
        return (value << count | value >> (32 - count)) & 0xffffffff

    message = data + b'\x80' + b'\0' * ((55 - len(data)) % 64) + struct.pack('<Q', len(data) * 8)
    state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]
    rounds = (
        (lambda x, y, z: x & y | ~x & z, 0, (3, 7, 11, 19), range(16)),
        (lambda x, y, z: x & y | x & z | y & z, 0x5a827999, (3, 5, 9, 13),
         (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)),
        (lambda x, y, z: x ^ y ^ z, 0x6ed9eba1, (3, 9, 11, 15),
         (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15)))
    for at in range(0, len(message), 64):
        words = struct.unpack_from('<16I', message, at)
        a, b, c, d = state
        for function, constant, shifts, order in rounds:
            for step, index in enumerate(order):
                a = rotate(a + function(b, c, d) + words[index] + constant, shifts[step % 4])
                a, b, c, d = d, a, b, c
        state = [(old + new) & 0xffffffff for old, new in zip(state, (a, b, c, d))]
    return struct.pack('<4I', *state)


def _des(key7, block):
    bits = int.from_bytes(key7, 'big')
    key = bytes((bits >> (49 - 7 * index) & 0x7f) << 1 for index in range(8))
    encryptor = Cipher(algorithms.TripleDES(key * 3), modes.ECB()).encryptor()
    return encryptor.update(block)


def msv2_challenge_hash(peer_challenge, challenge, name):
    return hashlib.sha1(peer_challenge + challenge + name.split(b'\\')[-1]).digest()[:8]


def msv2_response(password, peer_challenge, challenge, name):
    digest = md4(password.decode().encode('utf-16-le')) + b'\0' * 5
    block = msv2_challenge_hash(peer_challenge, challenge, name)
    return b''.join(_des(digest[at:at + 7], block) for at in (0, 7, 14))


def msv2_authenticator(password, response, peer_challenge, challenge, name):
    twice = md4(md4(password.decode().encode('utf-16-le')))
    digest = hashlib.sha1(twice + response + b'Magic server to client signing constant').digest()
    return hashlib.sha1(digest + msv2_challenge_hash(peer_challenge, challenge, name)
                        + b'Pad to make it do more than one iteration').hexdigest().upper()


class Client:
    """The subscriber. methods: what it lets itself be authenticated with, best first."""

    def __init__(self, session, user='alice@isp.example', password='alice-password',
                 methods=('chap', 'pap', 'mschapv2'), mru=1460, address='0.0.0.0'):
        self.session = session
        self.user, self.password = user.encode(), password.encode()
        self.methods, self.mru, self.wanted = list(methods), mru, address
        self.magic = int.from_bytes(os.urandom(4), 'big') | 1
        self.pfc = self.acfc = False
        self.ask_dns = True
        self.identifier = 0
        self.address = self.peer_address = None
        self.dns = []
        self.method = None
        self.peer_mru, self.peer_magic = 1500, 0
        self.message = b''
        self.peer_options = []
        self.answers_echo = self.answers_terminate = True
        self.retry = False
        session.handler = self.handle

    def next_id(self):
        self.identifier = self.identifier % 255 + 1
        return self.identifier

    def handle(self, protocol, payload):
        """Answers LCP Echo-Requests; has Scapy dissect whatever control packet comes."""
        layer = {LCP: PPP_LCP, IPCP: PPP_IPCP, PAP: PPP_PAP, CHAP: PPP_CHAP}.get(protocol)
        if layer is None:
            return False
        check(len(payload) >= 4, f'a control packet of {len(payload)} bytes')
        if payload[0] not in (REJECT, CODE_REJECT, PROTOCOL_REJECT):  # they repeat what we sent, however odd
            conf.debug_dissector = 1  # what it cannot dissect is an error then, not Raw bytes
            try:
                check_equal(layer(payload).code, payload[0], 'code by Scapy')
            finally:
                conf.debug_dissector = 0
        if protocol == LCP and payload[0] == ECHO and self.answers_echo:
            self.session.send(LCP, PPP_LCP_Echo(code=ECHO_REPLY, id=payload[1],
                                                magic_number=self.magic, data=payload[8:]))
            return True
        if protocol == LCP and payload[0] == TERMINATE and self.answers_terminate:
            self.session.send(LCP, packet(TERMINATED, payload[1]))
        return False

    def get(self, *protocols, timeout=5.0):
        """(protocol, payload) of the next packet of these protocols."""
        return self.session.next(*protocols, timeout=timeout)

    def get_or_again(self, *protocols, again):
        """The next packet; after three seconds without one ours goes out again (RFC 1661 4.6)."""
        for _ in range(3):
            try:
                return self.get(*protocols, timeout=3.0)
            except Timeout:
                if again is None:
                    continue
                self.session.send(protocols[0], again)
        return self.get(*protocols, timeout=3.0)

    # LCP

    def lcp_options(self):
        options = []
        if self.mru is not None:
            options.append(PPP_LCP_MRU_Option(max_recv_unit=self.mru))
        if self.magic:
            options.append(PPP_LCP_Magic_Number_Option(magic_number=self.magic))
        extra = (option(7) if self.pfc else b'') + (option(8) if self.acfc else b'')
        return b''.join(bytes(one) for one in options) + extra

    def lcp_request(self):
        body = self.lcp_options()
        self.lcp_sent = packet(REQUEST, self.next_id(), body)
        self.session.send(LCP, self.lcp_sent)

    def answer_lcp(self, payload):
        """Answers a Configure-Request of the LNS; True when it was acknowledged."""
        options = options_of(payload)
        kinds = [kind for kind, _ in options]
        check_equal(len(kinds), len(set(kinds)), 'LCP options stand once each')
        for kind, value in options:
            if kind == 1:
                check_equal(len(value), 2, 'MRU length')
                self.peer_mru = struct.unpack('!H', value)[0]
            elif kind == 3:
                method = {b'\xc0\x23': 'pap', b'\xc2\x23\x05': 'chap', b'\xc2\x23\x81': 'mschapv2'}.get(value)
                if method not in self.methods:
                    want = {'pap': b'\xc0\x23', 'chap': b'\xc2\x23\x05', 'mschapv2': b'\xc2\x23\x81',
                            'eap': b'\xc2\x27'}[self.methods[0]]
                    self.session.send(LCP, packet(NAK, payload[1], option(3, want)))
                    return False
                self.method = method
            elif kind == 5:
                check_equal(len(value), 4, 'magic number length')
                self.peer_magic = struct.unpack('!I', value)[0]
                check(self.peer_magic != 0, 'magic number 0 (RFC 1661 6.4)')
            elif kind in (7, 8):
                check_equal(len(value), 0, 'PFC/ACFC length')
            elif kind != 2:
                raise Failure(f'LNS asks for LCP option {kind}')
        self.peer_options = options
        length = struct.unpack_from('!H', payload, 2)[0]
        self.session.send(LCP, packet(ACK, payload[1], payload[4:length]))
        return True

    def lcp(self, acknowledged=False):
        """LCP to Opened. acknowledged: the LNS's request has had its Configure-Ack already."""
        ours, theirs = False, acknowledged
        self.lcp_request()
        for _ in range(40):
            if ours and theirs:
                return self
            payload = self.get_or_again(LCP, again=None if ours else self.lcp_sent)[1]
            code = payload[0]
            if code == REQUEST:
                theirs = self.answer_lcp(payload)
            elif code == ACK and payload[1] == self.lcp_sent[1]:
                check_equal(payload[4:], self.lcp_sent[4:], 'LCP Configure-Ack repeats our options')
                ours = True
            elif code in (NAK, REJECT) and payload[1] == self.lcp_sent[1]:
                for kind, value in options_of(payload):
                    if kind == 1:
                        self.mru = struct.unpack('!H', value)[0] if code == NAK else None
                    elif kind == 7:
                        self.pfc = False
                    elif kind == 8:
                        self.acfc = False
                    elif kind == 5 and code == REJECT:
                        self.magic = 0
                    else:
                        raise Failure(f'LNS refuses LCP option {kind}')
                self.lcp_request()
            elif code == TERMINATE:
                raise Failure('LNS terminates during LCP')
        raise Failure('LCP does not converge')

    # authentication

    def authenticate(self):
        if self.method == 'pap':
            identifier = self.next_id()
            self.session.send(PAP, PPP_PAP_Request(code=1, id=identifier, username=self.user,
                                                   password=self.password))
            while True:
                _, payload = self.get(PAP, LCP)
                if _ == PAP:
                    break
                self.late_lcp(payload)
            answer = PPP_PAP(payload)
            check_equal(answer.id, identifier, 'PAP answer identifier')
            length = struct.unpack_from('!H', payload, 2)[0]
            check_equal(len(payload), length, 'PAP answer length')
            check(len(payload) >= 5 and payload[4] == len(payload) - 5, 'PAP message length')
            self.message = payload[5:]
            if answer.code != 2:
                raise Refused(f'PAP refused: {self.message!r}')
        elif self.method in ('chap', 'mschapv2'):
            if not self.retry:
                self.wait_challenge()
            self.retry = False
            self.answer_challenge()
            self.chap_result()
        return self

    def late_lcp(self, payload):
        if payload[0] == REQUEST:
            raise Failure('LNS renegotiates LCP')
        if payload[0] == TERMINATE:
            raise Refused('LNS terminates')

    def wait_challenge(self):
        while True:
            protocol, payload = self.get(CHAP, LCP)
            if protocol == LCP:
                self.late_lcp(payload)
                continue
            check_equal(PPP_CHAP(payload).code, 1, 'CHAP code')
            length, size = struct.unpack_from('!HB', payload, 2)
            check_equal(length, len(payload), 'CHAP Challenge length')
            check(5 + size <= length and size >= 16, f'challenge of {size} bytes')
            self.challenge, self.chap_id = payload[5:5 + size], payload[1]
            check(len(payload) > 5 + size, 'CHAP Challenge without a name (RFC 1994 4.1)')
            return payload

    def answer_challenge(self):
        if self.method == 'chap':
            value = hashlib.md5(bytes([self.chap_id]) + self.password + self.challenge).digest()
        else:
            check_equal(len(self.challenge), 16, 'MS-CHAPv2 challenge length')
            self.peer_challenge = os.urandom(16)
            self.nt = msv2_response(self.password, self.peer_challenge, self.challenge, self.user)
            value = self.peer_challenge + b'\0' * 8 + self.nt + b'\0'
        self.session.send(CHAP, packet(2, self.chap_id, bytes([len(value)]) + value + self.user))

    def chap_result(self):
        while True:
            protocol, payload = self.get(CHAP, LCP)
            if protocol == LCP:
                self.late_lcp(payload)
                continue
            if payload[0] == 1:
                continue  # the challenge again
            break
        check_equal(payload[1], self.chap_id, 'CHAP answer identifier')
        self.message = payload[4:struct.unpack_from('!H', payload, 2)[0]]
        if payload[0] == 4:
            offered = re.fullmatch(rb'E=\d+ R=1 C=([0-9A-F]{32}) V=3(?: M=.*)?', self.message)
            if self.method == 'mschapv2' and offered:
                # a second attempt, for the new challenge and under the next identifier (RFC 2759 6, 9.1)
                self.retry, self.challenge = True, bytes.fromhex(offered.group(1).decode())
                self.chap_id = (self.chap_id + 1) & 0xff
            raise Refused(f'CHAP refused: {self.message!r}')
        check_equal(payload[0], 3, 'CHAP code')
        if self.method == 'mschapv2':
            wanted = 'S=' + msv2_authenticator(self.password, self.nt, self.peer_challenge,
                                               self.challenge, self.user)
            check(self.message.decode(errors='replace').startswith(wanted),
                  f'MS-CHAPv2 success message {self.message!r}, expected {wanted}')

    # IPCP

    def ipcp_request(self):
        options = [PPP_IPCP_Option_IPAddress(data=self.wanted)]
        if self.ask_dns:
            dns = (self.dns + ['0.0.0.0', '0.0.0.0'])[:2]
            options += [PPP_IPCP_Option_DNS1(data=dns[0]), PPP_IPCP_Option_DNS2(data=dns[1])]
        self.ipcp_sent = bytes(PPP_IPCP(code=REQUEST, id=self.next_id(), options=options))
        self.session.send(IPCP, self.ipcp_sent)

    def ipcp(self):
        """IPCP to Opened; the address is in self.address."""
        ours = theirs = False
        self.ipcp_request()
        for _ in range(40):
            if ours and theirs:
                self.address = self.wanted
                # our last packet has to be dealt with before data may follow
                self.session.tunnel.lac.flush(0.03)
                return self
            protocol, payload = self.get_or_again(IPCP, LCP, IPV6CP,
                                                  again=None if ours else self.ipcp_sent)
            if protocol == LCP:
                self.late_lcp(payload)
                continue
            if protocol == IPV6CP:
                self.session.send(LCP, packet(PROTOCOL_REJECT, self.next_id(), b'\x80\x57' + payload))
                continue
            code = payload[0]
            if code == REQUEST:
                for kind, value in options_of(payload):
                    check_equal((kind, len(value)), (3, 4), 'IPCP option of the LNS')
                    self.peer_address = socket.inet_ntoa(value)
                self.session.send(IPCP, packet(ACK, payload[1], payload[4:]))
                theirs = True
            elif code == ACK and payload[1] == self.ipcp_sent[1]:
                ours = True
            elif code == NAK and payload[1] == self.ipcp_sent[1]:
                values = dict(options_of(payload))
                check(set(values) <= {3, 129, 131}, f'IPCP Nak of options {sorted(values)}')
                if 3 in values:
                    self.wanted = socket.inet_ntoa(values[3])
                if 129 in values or 131 in values:
                    old = (self.dns + ['0.0.0.0', '0.0.0.0'])[:2]
                    self.dns = [socket.inet_ntoa(values[129]) if 129 in values else old[0],
                                socket.inet_ntoa(values[131]) if 131 in values else old[1]]
                self.ipcp_request()
            elif code == REJECT and payload[1] == self.ipcp_sent[1]:
                kinds = [kind for kind, _ in options_of(payload)]
                check(3 not in kinds, 'IPCP: the address option is rejected')
                self.ask_dns = False
                self.ipcp_request()
        raise Failure('IPCP does not converge')

    def up(self):
        self.lcp()
        self.authenticate()
        self.ipcp()
        return self

    # traffic

    def send_ip(self, datagram):
        self.session.send(IPV4, bytes(datagram))

    def next_ip(self, timeout=5.0):
        _, payload = self.get(IPV4, timeout=timeout)
        return IP(payload)

    def ping(self, target, size=32, count=1, timeout=3.0):
        """Sends echo requests; all must be answered, unchanged."""
        for sequence in range(1, count + 1):
            data = os.urandom(size)
            self.send_ip(IP(src=self.address, dst=target) / ICMP(id=self.session.id, seq=sequence)
                         / Raw(data))
            end = time.monotonic() + timeout
            while True:
                left = end - time.monotonic()
                if left <= 0:
                    raise Timeout(f'{target} does not answer the ping of {self.address}')
                reply = self.next_ip(timeout=left)
                if ICMP in reply and reply[ICMP].type == 0 and reply[ICMP].seq == sequence:
                    break
            check_equal((reply.src, reply.dst), (target, self.address), 'echo reply addresses')
            check_equal(bytes(reply[ICMP].payload)[:size], data, 'echo reply data')
        return self

    def udp_to(self, target, port, data, source_port=40000, **fields):
        self.send_ip(IP(src=self.address, dst=target, **fields)
                     / UDP(sport=source_port, dport=port) / Raw(data))

    def terminate(self):
        """The subscriber hangs up: Terminate-Ack, then the LNS's CDN."""
        identifier = self.next_id()
        self.session.send(LCP, PPP_LCP_Terminate(code=TERMINATE, id=identifier))
        while True:
            _, payload = self.get(LCP)
            if payload[0] == TERMINATED:
                check_equal(payload[1], identifier, 'Terminate-Ack identifier')
                break
        return self.session.closed_by_peer()

    def gone(self, timeout=5.0):
        """The session was ended by the LNS, by a CDN or with its tunnel."""
        return self.session.tunnel.wait(CDN, STOPCCN, timeout=timeout)
