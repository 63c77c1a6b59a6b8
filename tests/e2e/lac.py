# SPDX-License-Identifier: BSD-3-Clause
"""An L2TP access concentrator, built from RFC 2661 alone: it shares no line with the daemon.

Lac is one UDP socket; Tunnel and Session speak over it. Everything is driven by waiting for what a
case expects (tunnel.wait, session.wait); whatever arrives meanwhile is acknowledged and kept. A case
that wants to misbehave builds its own messages with avp() and Tunnel.send().
"""
import hashlib
import os
import random
import struct
import time

from lib import Failure, check

SCCRQ, SCCRP, SCCCN, STOPCCN, HELLO = 1, 2, 3, 4, 6
OCRQ, OCRP, OCCN, ICRQ, ICRP, ICCN, CDN, WEN, SLI = 7, 8, 9, 10, 11, 12, 14, 15, 16
NAMES = {0: 'ZLB', 1: 'SCCRQ', 2: 'SCCRP', 3: 'SCCCN', 4: 'StopCCN', 6: 'HELLO', 7: 'OCRQ', 8: 'OCRP',
         9: 'OCCN', 10: 'ICRQ', 11: 'ICRP', 12: 'ICCN', 14: 'CDN', 15: 'WEN', 16: 'SLI'}

# AVP types (RFC 2661 4.4)
MESSAGE_TYPE, RESULT_CODE, PROTOCOL_VERSION, FRAMING_CAPABILITIES, BEARER_CAPABILITIES = 0, 1, 2, 3, 4
TIE_BREAKER, FIRMWARE_REVISION, HOST_NAME, VENDOR_NAME, ASSIGNED_TUNNEL_ID = 5, 6, 7, 8, 9
RECEIVE_WINDOW_SIZE, CHALLENGE, CAUSE_CODE, CHALLENGE_RESPONSE, ASSIGNED_SESSION_ID = 10, 11, 12, 13, 14
CALL_SERIAL_NUMBER, MINIMUM_BPS, MAXIMUM_BPS, BEARER_TYPE, FRAMING_TYPE = 15, 16, 17, 18, 19
CALLED_NUMBER, CALLING_NUMBER, SUB_ADDRESS, TX_CONNECT_SPEED, PHYSICAL_CHANNEL_ID = 21, 22, 23, 24, 25
INITIAL_LCP_CONFREQ, LAST_SENT_CONFREQ, LAST_RECEIVED_CONFREQ = 26, 27, 28
PROXY_AUTHEN_TYPE, PROXY_AUTHEN_NAME, PROXY_AUTHEN_CHALLENGE = 29, 30, 31
PROXY_AUTHEN_ID, PROXY_AUTHEN_RESPONSE, CALL_ERRORS, ACCM = 32, 33, 34, 35
RANDOM_VECTOR, PRIVATE_GROUP_ID, RX_CONNECT_SPEED, SEQUENCING_REQUIRED = 36, 37, 38, 39


class Timeout(Failure):
    """What was waited for did not come."""


def u16(value):
    return struct.pack('!H', value)


def u32(value):
    return struct.pack('!I', value)


def avp(kind, value, mandatory=True, vendor=0, hidden=False, reserved=0):
    """One AVP; an int value is two bytes."""
    if isinstance(value, int):
        value = u16(value)
    elif isinstance(value, str):
        value = value.encode()
    length = 6 + len(value)
    check(length < 1024, 'an AVP holds at most 1017 bytes')
    flags = (0x8000 if mandatory else 0) | (0x4000 if hidden else 0) | (reserved << 10) | length
    return struct.pack('!HHH', flags, vendor, kind) + value


def hide(kind, value, secret, vector, padding=0, claimed=None, mandatory=True):
    """A hidden AVP (4.3): the value's length, the value and padding under an MD5 key stream. claimed
    is the length that it states instead of the true one."""
    if isinstance(value, int):
        value = u16(value)
    clear = u16(len(value) if claimed is None else claimed) + value + os.urandom(padding)
    cipher, previous = b'', u16(kind) + secret + vector
    for at in range(0, len(clear), 16):
        key = hashlib.md5(previous).digest()
        block = bytes(one ^ other for one, other in zip(clear[at:at + 16], key))
        cipher += block
        previous = secret + block
    return avp(kind, cipher, mandatory=mandatory, hidden=True)


def unhide(kind, cipher, secret, vector):
    clear, previous = b'', u16(kind) + secret + vector
    for at in range(0, len(cipher), 16):
        key = hashlib.md5(previous).digest()
        block = cipher[at:at + 16]
        clear += bytes(one ^ other for one, other in zip(block, key))
        previous = secret + block
    length = struct.unpack_from('!H', clear)[0]
    check(length <= len(clear) - 2, f'hidden AVP {kind} claims {length} bytes of {len(clear) - 2}')
    return clear[2:2 + length]


def challenge_response(message_type, secret, challenge):
    return hashlib.md5(bytes([message_type]) + secret + challenge).digest()


class Message:
    """A control message as it arrived."""

    def __init__(self, packet):
        flags, length, self.tunnel_id, self.session_id, self.ns, self.nr = struct.unpack_from('!6H', packet)
        check(flags & 0xcb0f == 0xc802, f'control header flags {flags:#06x}: T, L, S and version 2 expected')
        check(flags == 0xc802, f'control header flags {flags:#06x}: reserved, O and P bits must be 0')
        check(12 <= length <= len(packet), f'control message length {length} of {len(packet)}')
        check(length == len(packet), f'{len(packet) - length} bytes after the control message')
        self.raw, self.avps, self.order = packet, {}, []
        at = 12
        while at < length:
            head, vendor, kind = struct.unpack_from('!3H', packet, at)
            size = head & 0x3ff
            check(size >= 6 and at + size <= length, f'AVP {kind} of length {size}')
            check(head & 0x3c00 == 0, f'AVP {kind}: reserved bits set')
            self.order.append((vendor, kind))
            self.avps[vendor, kind] = (head, packet[at + 6:at + size])
            at += size
        self.kind = 0
        if self.order:
            check(self.order[0] == (0, MESSAGE_TYPE), 'the first AVP is not the Message Type')
            self.kind = self.number(MESSAGE_TYPE)

    def has(self, kind):
        return (0, kind) in self.avps

    def value(self, kind):
        check((0, kind) in self.avps, f'{self!r} has no AVP {kind}')
        return self.avps[0, kind][1]

    def number(self, kind):
        return int.from_bytes(self.value(kind), 'big')

    def result(self):
        """(result code, error code or None, message)"""
        value = self.value(RESULT_CODE)
        check(len(value) >= 2, 'Result Code shorter than 2 bytes')
        return (struct.unpack_from('!H', value)[0],
                struct.unpack_from('!H', value, 2)[0] if len(value) >= 4 else None, value[4:])

    def __repr__(self):
        return (f'{NAMES.get(self.kind, self.kind)}(tunnel {self.tunnel_id} session {self.session_id} '
                f'Ns {self.ns} Nr {self.nr})')


class Lac:
    """One socket of a LAC; the tunnels that share it are told apart by the id that we assigned."""

    def __init__(self, lab, local='10.1.0.2', port=0, remote='10.1.0.1', side='lac', family=None):
        import socket
        self.lab, self.side = lab, side
        self.family = family or (socket.AF_INET6 if ':' in remote else socket.AF_INET)
        self.remote = (remote, 1701)
        self.tunnels, self.stray = {}, []
        self.socket = None
        self.open(local, port)

    def open(self, local, port=0):
        """Opens, or moves to, another address or port."""
        import socket
        if self.socket:
            self.socket.close()
        self.socket = self.lab.socket(self.side, self.family)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((local, port))
        self.port = self.socket.getsockname()[1]

    def close(self):
        self.socket.close()

    def send(self, packet):
        self.socket.sendto(packet, self.remote)

    def poll(self, timeout):
        """Takes in what arrives within timeout; returns after the first datagrams."""
        self.socket.settimeout(max(timeout, 0.0005))
        try:
            packet, source = self.socket.recvfrom(65535)
        except (TimeoutError, BlockingIOError):
            for tunnel in list(self.tunnels.values()):
                tunnel.resend()
            return False
        except ConnectionRefusedError:
            raise Failure('lnsd side answered with ICMP port unreachable') from None
        while True:
            self.receive(packet, source)
            self.socket.settimeout(0)
            try:
                packet, source = self.socket.recvfrom(65535)
            except (BlockingIOError, TimeoutError):
                return True

    def receive(self, packet, source):
        check(len(packet) >= 6, f'a datagram of {len(packet)} bytes')
        flags = struct.unpack_from('!H', packet)[0]
        tunnel_id = struct.unpack_from('!H', packet, 4 if flags & 0x4000 else 2)[0]
        tunnel = self.tunnels.get(tunnel_id)
        if tunnel is None:
            self.stray.append((packet, source))
        elif flags & 0x8000:
            tunnel.receive(Message(packet), source)
        else:
            tunnel.receive_data(packet)

    def flush(self, seconds=0.2):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.poll(end - time.monotonic())


class Tunnel:
    """The control connection, from the LAC's side. window: what we can take; auto: acknowledge at once."""

    def __init__(self, lac, secret=None, name='open-lac', window=16, tunnel_id=None):
        self.lac, self.name, self.window = lac, name, window
        self.secret = secret.encode() if isinstance(secret, str) else secret
        self.id = tunnel_id or random.choice([i for i in range(1, 65535) if i not in lac.tunnels])
        self.peer_id = 0
        self.ns, self.nr, self.acknowledged = 0, 0, 0
        self.inbox, self.sent, self.duplicates, self.zlbs = [], [], [], []
        self.early = {}
        self.sessions = {}
        self.auto = True
        self.source = None
        lac.tunnels[self.id] = self

    # sending

    def header(self, session, length, ns=None, nr=None, tunnel_id=None, flags=0xc802):
        return struct.pack('!6H', flags, 12 + length, self.peer_id if tunnel_id is None else tunnel_id,
                           session, self.ns if ns is None else ns, self.nr if nr is None else nr)

    def send(self, kind, *avps, session=0, track=True, **header):
        """A control message of ours; it is sent again until it is acknowledged unless track is off."""
        body = avp(MESSAGE_TYPE, kind) + b''.join(avps)
        packet = self.header(session, len(body), **header) + body
        if track:
            self.sent.append([self.ns, packet, time.monotonic()])
            self.ns = (self.ns + 1) & 0xffff
        self.lac.send(packet)
        return packet

    def zlb(self):
        self.lac.send(self.header(0, 0))

    def resend(self):
        for entry in self.sent:
            if time.monotonic() - entry[2] > 1.5:
                entry[2] = time.monotonic()
                # the same Ns, but Nr brought up to date (RFC 2661 5.8)
                entry[1] = entry[1][:10] + u16(self.nr) + entry[1][12:]
                self.lac.send(entry[1])

    # receiving

    def receive(self, message, source):
        self.source = source
        distance = (message.nr - self.acknowledged) & 0xffff
        if distance < 0x8000:
            check(distance <= ((self.ns - self.acknowledged) & 0xffff),
                  f'{message!r} acknowledges what was never sent (next is {self.ns})')
            self.acknowledged = message.nr
            self.sent = [entry for entry in self.sent if (entry[0] - message.nr) & 0xffff < 0x8000]
        if message.kind == 0:
            self.zlbs.append(message)
            return
        ahead = (message.ns - self.nr) & 0xffff
        if ahead >= 0x8000:
            self.duplicates.append(message)
        else:
            self.early[message.ns] = message
            while self.nr in self.early:
                self.inbox.append(self.early.pop(self.nr))
                self.nr = (self.nr + 1) & 0xffff
        if self.auto:
            self.zlb()

    def receive_data(self, packet):
        flags = struct.unpack_from('!H', packet)[0]
        check(flags & 0x000f == 2, f'data header version {flags & 15}')
        check(flags & 0x34f0 == 0, f'data header flags {flags:#06x}: reserved bits set')
        at, end, ns = 2, len(packet), None
        if flags & 0x4000:
            length = struct.unpack_from('!H', packet, at)[0]
            check(length == len(packet), f'data message length {length} of {len(packet)}')
            at += 2
        session_id = struct.unpack_from('!H', packet, at + 2)[0]
        at += 4
        if flags & 0x0800:
            ns = struct.unpack_from('!H', packet, at)[0]
            at += 4
        if flags & 0x0200:
            at += 2 + struct.unpack_from('!H', packet, at)[0]
        session = self.sessions.get(session_id)
        if session is not None:
            session.receive(packet[at:end], flags, ns)

    def wait(self, *kinds, session=None, timeout=5.0):
        """The next control message of one of these kinds; others stay in the inbox."""
        end = time.monotonic() + timeout
        while True:
            for index, message in enumerate(self.inbox):
                if message.kind in kinds and session in (None, message.session_id):
                    return self.inbox.pop(index)
            left = end - time.monotonic()
            if left <= 0:
                raise Timeout(f"no {'/'.join(NAMES.get(kind, str(kind)) for kind in kinds)} within "
                              f'{timeout:g} s; inbox {self.inbox}')
            self.lac.poll(min(left, 0.5))

    def wait_acknowledged(self, timeout=5.0):
        end = time.monotonic() + timeout
        while self.acknowledged != self.ns:
            left = end - time.monotonic()
            if left <= 0:
                raise Timeout(f'Ns {self.acknowledged} not acknowledged within {timeout:g} s')
            self.lac.poll(min(left, 0.5))

    def silent(self, seconds=0.5):
        """Nothing but acknowledgements may come."""
        self.lac.flush(seconds)
        check(not self.inbox, f'unexpected {self.inbox}')

    # the usual conversation

    def hello_avps(self):
        """The AVPs of an ordinary SCCRQ without challenge."""
        return [avp(PROTOCOL_VERSION, b'\x01\x00'), avp(HOST_NAME, self.name),
                avp(FRAMING_CAPABILITIES, u32(3)), avp(BEARER_CAPABILITIES, u32(3), mandatory=False),
                avp(VENDOR_NAME, 'scapy test LAC', mandatory=False), avp(ASSIGNED_TUNNEL_ID, self.id),
                avp(RECEIVE_WINDOW_SIZE, self.window)]

    def request(self, *more, challenge=True):
        """SCCRQ, and what came back."""
        self.challenge = os.urandom(16) if self.secret and challenge else None
        avps = self.hello_avps()
        if self.challenge:
            avps.append(avp(CHALLENGE, self.challenge))
        self.send(SCCRQ, *avps, *more)
        answer = self.wait(SCCRP, STOPCCN)
        if answer.kind == SCCRP:
            self.peer_id = answer.number(ASSIGNED_TUNNEL_ID)
        return answer

    def connect(self, *more):
        """A tunnel that is up; checks the LNS's side of the authentication."""
        answer = self.request(*more)
        check(answer.kind == SCCRP, f'SCCRQ was answered by {answer!r} '
              f'{answer.result() if answer.has(RESULT_CODE) else ""}')
        for kind in (PROTOCOL_VERSION, FRAMING_CAPABILITIES, HOST_NAME, ASSIGNED_TUNNEL_ID):
            check(answer.has(kind), f'SCCRP has no AVP {kind} (RFC 2661 6.2)')
        check(answer.value(PROTOCOL_VERSION) == b'\x01\x00', 'SCCRP: protocol version is not 1.0')
        check(self.peer_id != 0, 'SCCRP assigns tunnel id 0')
        avps = []
        if self.challenge:
            check(answer.has(CHALLENGE_RESPONSE), 'SCCRP answers no challenge')
            check(answer.value(CHALLENGE_RESPONSE)
                  == challenge_response(SCCRP, self.secret, self.challenge),
                  'SCCRP: wrong challenge response')
        if answer.has(CHALLENGE):
            check(self.secret is not None, 'challenged though there is no secret')
            avps.append(avp(CHALLENGE_RESPONSE,
                            challenge_response(SCCCN, self.secret, answer.value(CHALLENGE))))
        self.send(SCCCN, *avps)
        self.wait_acknowledged()
        return answer

    def call(self, *icrq, iccn=(), session_id=None, serial=None):
        """A session that is up at L2TP."""
        session = Session(self, session_id)
        self.send(ICRQ, avp(ASSIGNED_SESSION_ID, session.id),
                  avp(CALL_SERIAL_NUMBER, u32(serial if serial is not None else session.id)), *icrq)
        answer = self.wait(ICRP, CDN, STOPCCN, session=session.id)
        session.answer = answer
        check(answer.kind == ICRP, f'ICRQ was answered by {answer!r} '
              f'{answer.result() if answer.has(RESULT_CODE) else ""}')
        session.peer_id = answer.number(ASSIGNED_SESSION_ID)
        check(session.peer_id != 0, 'ICRP assigns session id 0')
        self.send(ICCN, avp(TX_CONNECT_SPEED, u32(100_000_000)), avp(FRAMING_TYPE, u32(1)), *iccn,
                  session=session.peer_id)
        self.wait_acknowledged()
        return session

    def stop(self, result=1):
        """StopCCN; it must be acknowledged."""
        self.send(STOPCCN, avp(ASSIGNED_TUNNEL_ID, self.id), avp(RESULT_CODE, u16(result)))
        self.wait_acknowledged()
        self.lac.tunnels.pop(self.id, None)

    def closed_by_peer(self, timeout=5.0):
        """The StopCCN of the other side, checked for its form."""
        message = self.wait(STOPCCN, timeout=timeout)
        check(message.has(ASSIGNED_TUNNEL_ID), 'StopCCN without Assigned Tunnel ID (RFC 2661 6.4)')
        message.result()
        return message


class Session:
    """One call in a tunnel: PPP frames both ways. The tx_* attributes say how ours look."""

    def __init__(self, tunnel, session_id=None):
        self.tunnel, self.peer_id = tunnel, 0
        self.id = session_id or random.choice([i for i in range(1, 65535) if i not in tunnel.sessions])
        self.inbox, self.numbers, self.flags = [], [], []
        self.tx_length, self.tx_sequence, self.tx_offset = True, False, None
        self.tx_address, self.tx_short_protocol, self.tx_tail = True, False, b''
        self.ns = 0
        self.handler = None  # sees each PPP packet first; True: it is dealt with
        tunnel.sessions[self.id] = self

    def send_frame(self, frame, ns=None, nr=0):
        """A data message with this PPP frame."""
        flags, head = 2, struct.pack('!HH', self.tunnel.peer_id, self.peer_id)
        if self.tx_sequence:
            flags |= 0x0800
            head += struct.pack('!HH', self.ns if ns is None else ns, nr)
            if ns is None:
                self.ns = (self.ns + 1) & 0xffff
        if self.tx_offset is not None:
            flags |= 0x0200
            head += u16(self.tx_offset) + os.urandom(self.tx_offset)
        if self.tx_length:
            flags |= 0x4000
            head = u16(4 + len(head) + len(frame)) + head
        self.tunnel.lac.send(u16(flags) + head + frame + self.tx_tail)

    def send(self, protocol, payload, ns=None):
        """A PPP packet, framed as the tx_* attributes say. LCP is never compressed (RFC 1661 6.5)."""
        short = self.tx_short_protocol and protocol < 0x100
        head = bytes([protocol]) if short else u16(protocol)
        address = b'\xff\x03' if self.tx_address or protocol == 0xc021 else b''
        self.send_frame(address + head + bytes(payload), ns=ns)

    def receive(self, frame, flags, ns):
        if frame[:2] == b'\xff\x03':
            frame = frame[2:]
        check(len(frame) >= 1, 'an empty PPP frame')
        if frame[0] & 1:
            protocol, payload = frame[0], frame[1:]
        else:
            check(len(frame) >= 2, 'a PPP frame of one byte')
            protocol, payload = struct.unpack_from('!H', frame)[0], frame[2:]
        self.flags.append(flags)
        if ns is not None:
            self.numbers.append(ns)
        if self.handler is None or not self.handler(protocol, payload):
            self.inbox.append((protocol, payload))

    def next(self, *protocols, timeout=5.0):
        """(protocol, payload) of the next PPP packet of these protocols (none named: of any)."""
        end = time.monotonic() + timeout
        while True:
            for index, (protocol, payload) in enumerate(self.inbox):
                if not protocols or protocol in protocols:
                    return self.inbox.pop(index)
            left = end - time.monotonic()
            if left <= 0:
                raise Timeout(f"no PPP packet of {', '.join(hex(p) for p in protocols) or 'any kind'} "
                              f'within {timeout:g} s; others: {[hex(p) for p, _ in self.inbox]}; '
                              f'control: {self.tunnel.inbox}')
            self.tunnel.lac.poll(min(left, 0.5))

    def disconnect(self, result=3):
        """CDN; it must be acknowledged."""
        self.tunnel.send(CDN, avp(RESULT_CODE, u16(result)), avp(ASSIGNED_SESSION_ID, self.id),
                         session=self.peer_id)
        self.tunnel.wait_acknowledged()
        self.tunnel.sessions.pop(self.id, None)

    def closed_by_peer(self, timeout=5.0):
        """The CDN of the other side, checked for its form."""
        message = self.tunnel.wait(CDN, session=self.id, timeout=timeout)
        check(message.has(ASSIGNED_SESSION_ID), 'CDN without Assigned Session ID (RFC 2661 6.12)')
        message.result()
        return message
