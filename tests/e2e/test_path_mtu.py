# SPDX-License-Identifier: BSD-3-Clause
# e2e: sanitize limit 100
"""Packet Too Big from the path of a tunnel over IPv6: believed if it quotes a packet of the tunnel."""
import contextlib
import socket

import dial
from dial import counted, tunnel_up
from lib import FAR, LAC6, LNS6, case, check, check_equal, eventually, main
from ppp import Client
from scapy.layers.inet import UDP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6
from scapy.packet import Raw

ROUTER = 'fd00:1::99'
SIZE = 1300


def setup(lab):
    return dial.setup(lab)


class Path:
    """A subscriber of a tunnel over IPv6, the internet's side, and what the LAC gets on its link."""

    def __init__(self, lab, client):
        self.client = client
        self.far = lab.socket('inet')
        self.far.bind((FAR, 7000))
        self.link = lab.socket('lac', socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86dd))
        self.link.bind(('access', 0x86dd))
        self.link.settimeout(0.3)

    def close(self):
        self.far.close()
        self.link.close()

    def downlink(self):
        """The frames that carry a large datagram to the subscriber, who must get it whole."""
        data = b'd' * SIZE
        with contextlib.suppress(OSError):
            while True:
                self.link.recvfrom(2048, socket.MSG_DONTWAIT)
        self.far.sendto(data, (self.client.address, 9))
        check_equal(bytes(self.client.next_ip()[UDP].payload), data, 'at the subscriber')
        frames = []
        with contextlib.suppress(OSError):
            while True:
                frame, address = self.link.recvfrom(2048)
                if address[2] != socket.PACKET_OUTGOING and IPv6(frame[14:]).nh in (17, 44):
                    frames.append(frame)
        return frames

    def too_big(self, mtu, frame, quoted=None):
        """What a router answers to this frame."""
        packet = IPv6(src=ROUTER, dst=LNS6) / ICMPv6PacketTooBig(mtu=mtu) / Raw((quoted or frame[14:])[:1200])
        self.link.send(frame[6:12] + frame[:6] + b'\x86\xdd' + bytes(packet))


@contextlib.contextmanager
def path(lab):
    with tunnel_up(lab, local=LAC6, remote=LNS6) as tunnel:
        over = Path(lab, Client(tunnel.call()).up())
        try:
            yield over
        finally:
            over.close()


@case
def a_forged_one_is_not_believed(lab, state):
    with path(lab) as over:
        frames = over.downlink()
        check_equal(len(frames), 1, 'frames')
        quoted = frames[0][14:]
        other_tunnel = bytearray(quoted)
        other_tunnel[40 + 8 + 2] ^= 1
        other_port = bytearray(quoted)
        other_port[42] ^= 1
        other_peer = bytearray(quoted)
        other_peer[39] ^= 1
        for forged in (other_tunnel, other_port, other_peer, bytes(IPv6(quoted[:40])) + b'\0' * 8, quoted[:44]):
            with counted(state, 'PATH_MTU_FOREIGN'):
                over.too_big(1280, frames[0], bytes(forged))
        # well quoted, but no link may take so little, and the port takes no more
        for mtu in (0, 68, 1279, 1500, 9000, 0xffffffff):
            over.too_big(mtu, frames[0])
        check_equal(len(over.downlink()), 1, 'frames')


@case
def what_the_path_does_not_take_comes_in_fragments(lab, state):
    with path(lab) as over:
        frames = over.downlink()
        check_equal(len(frames), 1, 'frames')
        over.too_big(1320, frames[0])
        eventually(lambda: len(over.downlink()) == 2, 'path MTU 1320')
        # from a fragment of it a router further on speaks of less
        frames = over.downlink()
        over.too_big(1280, frames[0])
        eventually(lambda: max(len(frame) - 14 for frame in over.downlink()) <= 1280, 'path MTU 1280')
        over.client.ping(FAR, size=1200)
        text = state.lnsd.lab.read(state.lnsd.log)
        check(f'path to {LAC6}: MTU 1280, says {ROUTER}' in text, 'it is in the log')


main(setup, finish=dial.finish)
