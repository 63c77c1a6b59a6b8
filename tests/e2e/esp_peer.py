# SPDX-License-Identifier: BSD-3-Clause
"""A LAC inside ESP, by Scapy's ESP: a socket that Lac can use in place of its UDP one.

EspSocket is one pair of associations between an address of the LAC and lnsd's, native (a raw socket of
protocol 50) or in UDP. What Lac sends becomes UDP 1701 to 1701 inside ESP. A case that wants to misbehave
takes seal() and wire() apart.
"""
import hashlib
import socket
import struct
import time

from lac import Lac
from lib import LNS, check, check_equal
from scapy.layers.ipsec import ESP, SecurityAssociation, _ESPPlain
from scapy.packet import Raw

# name: (Scapy's cipher, bytes of its key with salt, Scapy's integrity, bytes of its key, lnsd's names)
ALGORITHMS = {
    'gcm128': ('AES-GCM', 20, 'NULL', 0, 'aes-gcm', None),
    'gcm256': ('AES-GCM', 36, 'NULL', 0, 'aes-gcm', None),
    'cbc-sha1': ('AES-CBC', 16, 'HMAC-SHA1-96', 20, 'aes-cbc', 'sha1-96'),
    'cbc-sha256': ('AES-CBC', 32, 'SHA2-256-128', 32, 'aes-cbc', 'sha256-128'),
}


def key_of(text, length):
    """The same key for the same text, in the test and in lnsd's configuration."""
    return hashlib.shake_256(text.encode()).digest(length)


class Pair:
    """Keys and SPIs of one LAC. natt: its port of UDP, None: native."""

    def __init__(self, local, algorithm, spi, natt=None, remote=LNS):
        self.local, self.remote, self.algorithm, self.natt = local, remote, algorithm, natt
        self.to_lns, self.to_lac = spi, spi + 1

    def keys(self, spi):
        _, cipher_len, _, auth_len, _, _ = ALGORITHMS[self.algorithm]
        return key_of(f'cipher {spi}', cipher_len), key_of(f'auth {spi}', auth_len)

    def scapy(self, spi):
        cipher, _, auth, _, _, _ = ALGORITHMS[self.algorithm]
        key, auth_key = self.keys(spi)
        return SecurityAssociation(ESP, spi, crypt_algo=cipher, crypt_key=key, auth_algo=auth,
                                   auth_key=auth_key or None)


def opened(association, packet):
    """(next header, payload, sequence number, IV) of an ESP packet; raises if it is not authentic."""
    esp = ESP(packet)
    association.check_spi(esp)
    association.auth_algo.verify(esp, association.auth_key)
    plain = association.crypt_algo.decrypt(
        association, esp, association.crypt_key,
        association.crypt_algo.icv_size or association.auth_algo.icv_size)
    return plain.nh, bytes(plain.data), plain.seq, bytes(plain.iv)


class EspSocket:
    """What Lac needs of a socket, with ESP around it."""

    def __init__(self, lab, pair, side='lac'):
        self.lab, self.pair, self.side = lab, pair, side
        self.out, self.into = pair.scapy(pair.to_lns), pair.scapy(pair.to_lac)
        self.seen, self.inner, self.other = set(), [], []
        self.port, self.timeout = 1701, None
        self.family = socket.AF_INET6 if ':' in pair.local else socket.AF_INET
        self.socket = None
        self.move(pair.natt)

    def move(self, natt):
        """Opens the socket, with NAT-T at this port."""
        if self.socket:
            self.socket.close()
        self.natt = natt
        kind = (socket.SOCK_DGRAM, 0) if natt else (socket.SOCK_RAW, socket.IPPROTO_ESP)
        self.socket = self.lab.socket(self.side, self.family, *kind)
        if self.family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: IP_PMTUDISC_DONT
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((self.pair.local, natt or 0))

    # out

    def seal(self, payload, next_header=17, padlen=None, seq=None, spi=None):
        """An ESP packet. padlen: what it claims; seq, spi: instead of the next and the right one."""
        association = self.out
        number = seq or association.seq_num
        plain = _ESPPlain(spi=spi or association.spi, seq=number,
                          iv=association.crypt_algo.generate_iv(), data=Raw(payload), nh=next_header)
        plain = association.crypt_algo.pad(plain)
        if padlen is not None:
            plain.padlen = padlen
        esp = association.crypt_algo.encrypt(association, plain, association.crypt_key,
                                             association.crypt_icv_size)
        association.auth_algo.sign(esp, association.auth_key)
        if seq is None:
            association.seq_num += 1
        return bytes(esp)

    def inner_udp(self, payload, source=None, destination=1701, length=None):
        head = struct.pack('!HHHH', source or self.port, destination,
                           length or 8 + len(payload), 0)
        return head + payload if self.family == socket.AF_INET else self._checksummed(head + payload)

    def _checksummed(self, udp):
        from scapy.layers.inet6 import IPv6, in6_chksum
        header = IPv6(src=self.pair.local, dst=self.pair.remote, nh=17)
        return udp[:6] + struct.pack('!H', in6_chksum(17, header, udp) or 0xffff) + udp[8:]

    def wire(self, esp):
        self.socket.sendto(esp, (self.pair.remote, 4500 if self.natt else 0))

    def sendto(self, packet, address):
        self.wire(self.seal(self.inner_udp(packet, destination=address[1])))

    # in

    def recvfrom(self, size):
        end = None if self.timeout is None else time.monotonic() + self.timeout
        while True:
            if end is not None:
                self.socket.settimeout(max(end - time.monotonic(), 0) if self.timeout else 0)
            packet, source = self.socket.recvfrom(size)
            if self.natt:
                check_equal(source[1], 4500, 'port that lnsd sends ESP in UDP from')
                if packet == b'\xff' or packet[:4] == bytes(4):
                    self.other.append(packet)
                    continue
            elif self.family == socket.AF_INET:
                packet = packet[(packet[0] & 15) * 4:]
            if int.from_bytes(packet[:4], 'big') != self.into.spi:
                self.other.append(packet)  # another pair's: raw sockets of one address see them all
                continue
            check_equal(source[0], self.pair.remote, 'address that ESP comes from')
            return self.receive(packet), (source[0], 1701)

    def receive(self, packet):
        check(len(packet) % 4 == 0, f'an ESP packet of {len(packet)} bytes (RFC 4303 2.4)')
        next_header, udp, number, iv = opened(self.into, packet)
        check(number not in self.seen and number > 0, f'lnsd used number {number} twice')
        self.seen.add(number)
        check_equal(next_header, 17, 'next header inside ESP')
        source, destination, length, _ = struct.unpack_from('!HHHH', udp)
        check_equal((source, destination, length), (1701, self.port, len(udp)), 'UDP inside ESP')
        return udp[8:]

    # the rest of a socket

    def settimeout(self, timeout):
        self.timeout = timeout
        self.socket.settimeout(timeout)

    def setsockopt(self, *arguments):
        self.socket.setsockopt(*arguments)

    def getsockname(self):
        return (self.pair.local, self.port)

    def close(self):
        self.socket.close()


class EspLac(Lac):
    """A LAC whose tunnels are inside ESP."""

    def __init__(self, lab, pair, side='lac'):
        self.pair = pair
        super().__init__(lab, local=pair.local, remote=pair.remote, side=side)

    def open(self, local, port=0):
        self.socket = EspSocket(self.lab, self.pair, self.side)
        self.port = self.socket.port
