# SPDX-License-Identifier: BSD-3-Clause
"""A RADIUS server whose answers the test makes: right, wrong, late, slow."""
import contextlib
import hashlib
import hmac
import struct
import threading
import time
import types

from freeradius import SECRET, udp_socket


class Request:
    def __init__(self, data, source):
        self.data, self.source = data, source
        self.code, self.id, length = struct.unpack('!BBH', data[:4])
        self.authenticator = data[4:20]
        self.attributes, at = [], 20
        while at < length:
            self.attributes.append((data[at], data[at + 2:at + data[at + 1]]))
            at += data[at + 1]


def reply(request, code, identifier=None, authenticator='right', message='right', secret=SECRET.encode()):
    """A signed answer, or one with a fault."""
    body = b'\x12\x0bno reason'
    if message != 'absent':
        body = b'\x50\x12' + bytes(16) + body
    identifier = request.id if identifier is None else identifier
    head = struct.pack('!BBH', code, identifier, 20 + len(body))
    if message == 'right':
        digest = hmac.new(secret, head + request.authenticator + body, 'md5').digest()
        body = body[:2] + digest + body[18:]
    elif message == 'wrong':
        body = body[:2] + b'\x01' * 16 + body[18:]
    signed = hashlib.md5(head + request.authenticator + body + secret).digest()
    return head + (signed if authenticator == 'right' else bytes(16)) + body


@contextlib.contextmanager
def fake(lab, port):
    """A server whose answers the test makes: answer(request) gives bytes, a list of them, or None."""
    made = types.SimpleNamespace(socket=udp_socket(lab, 'lns', '127.0.0.1', port),
                                 other=udp_socket(lab, 'lns', '127.0.0.1', port + 1), answer=None, stop=False)
    made.socket.settimeout(0.1)

    def serve():
        while not made.stop:
            try:
                data, source = made.socket.recvfrom(4096)
            except TimeoutError:
                continue
            request = Request(data, source)
            if request.code == 12:
                made.socket.sendto(reply(request, 2), source)
                continue
            answer = made.answer(request) if made.answer else None
            for one in answer if isinstance(answer, list) else [answer]:
                if one:
                    made.socket.sendto(one, source)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield made
    finally:
        made.stop = True
        thread.join()
        made.socket.close()
        made.other.close()


@contextlib.contextmanager
def slow(lab, port, per_second):
    """A server that accepts everybody, but only so many a second; requests wait in its socket meanwhile."""
    made = types.SimpleNamespace(answered=0, next=0.0)

    def answer(request):
        now = time.monotonic()
        made.next = max(made.next, now - 0.05) + 1 / per_second
        time.sleep(max(0, made.next - now))
        made.answered += 1
        return reply(request, 2)

    with fake(lab, port) as server:
        server.answer = answer
        yield made
