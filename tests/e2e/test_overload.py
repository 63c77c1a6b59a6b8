# SPDX-License-Identifier: BSD-3-Clause
# e2e: limit 200
"""A worker that gets more than it can do: HELLO and LCP echo are answered all the while, nothing is lost but data.

The worker is slowed by honest work: forged ESP that a net_pcap port replays out of memory without end, each packet
looked up, verified (AES-256-CBC, HMAC-SHA-512) and refused. Of every turn the access link gets one burst; lnsload sends
it several times as much."""
import os
import time
import types

from scapy.layers.inet import IP
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

import load
from dial import counters, tunnel_up
from lac import CDN, HELLO, STOPCCN
from lib import Lnsd, case, check, check_equal, eventually, main
from ppp import LCP, Client

SPI, PAYLOAD, PACKETS = 0x9000, 1360, 64
QUEUES = 4  # of each replaying device: as many as one worker takes
DEVICES = 4
TUNNELS, SESSIONS, CLIENTS = 4, 200, 4
SECONDS = 8
ECHO, ECHO_REPLY = 9, 10


def setup(lab):
    config = load.config(lab,
                         subscribers={'lcp-echo-interval': '1s', 'lcp-echo-failures': 3})
    config['lns']['log-level'] = 'error'
    # room for what comes while the worker waits for the CPU that it shares with the flood
    config['dpdk']['vdevs'][0] = config['dpdk']['vdevs'][0].replace('framecnt=4096', 'framecnt=16384')
    config['peers'][0]['hello-interval'] = '1s'
    config['security-associations'] = []
    for index in range(DEVICES):
        local, peer = f'10.9.{index}.1', f'10.9.{index}.2'
        frame = Ether(dst=f'02:70:63:61:70:{index:02x}', src='02:00:00:00:00:09') / IP(src=peer, dst=local, proto=50)
        wrpcap(lab.path(f'forged{index}.pcap'), [
            frame / Raw((SPI + index).to_bytes(4, 'big') + number.to_bytes(4, 'big') + os.urandom(PAYLOAD))
            for number in range(1, PACKETS + 1)])
        config['dpdk']['vdevs'].append(
            f'net_pcap{index},' + f"rx_pcap={lab.path(f'forged{index}.pcap')}," * QUEUES + 'infinite_rx=1')
        config['interfaces'].append({'name': f'forged{index}', 'device': f'net_pcap{index}', 'role': 'access',
                                     'addresses': [local + '/24']})
        config['security-associations'].append({
            'name': f'forged{index}', 'direction': 'in', 'spi': SPI + index, 'local': local, 'peer': peer,
            'cipher': 'aes-cbc', 'key': '5a' * 32, 'integrity': 'sha512-256', 'integrity-key': 'a5' * 64})
    return types.SimpleNamespace(lnsd=Lnsd(lab, config).start())


class Watch:
    """HELLOs and LCP echo requests to the daemon, one after the other, and how many were answered."""

    def __init__(self, tunnel, clients):
        self.tunnel, self.clients = tunnel, clients
        self.hellos = self.hellos_late = self.echoes = self.answered = 0
        self.hello_at = None
        self.slowest = 0.0

    def reset(self):
        """What counts begins here."""
        self.tunnel.lac.flush(0.5)
        self.hellos = self.hellos_late = self.echoes = self.answered = 0
        self.hello_at, self.slowest = None, 0.0

    def handle(self, client):
        inner = client.session.handler

        def handler(protocol, payload):
            if protocol == LCP and payload[0] == ECHO_REPLY:
                self.answered += 1
                return True
            return inner(protocol, payload)
        client.session.handler = handler

    def step(self):
        now = time.monotonic()
        if self.tunnel.acknowledged == self.tunnel.ns:
            if self.hello_at is not None:
                self.slowest = max(self.slowest, now - self.hello_at)
                self.hellos_late += now - self.hello_at > 1
            self.hello_at = now
            self.hellos += 1
            self.tunnel.send(HELLO)
        for client in self.clients:
            self.echoes += 1
            client.session.send(LCP, bytes([ECHO, self.echoes & 0xff, 0, 8]) + client.magic.to_bytes(4, 'big'))
        end = now + 0.02
        while time.monotonic() < end:
            self.tunnel.lac.poll(end - time.monotonic())


@case
def control_survives_what_the_worker_cannot_do(lab, state):
    lnsd = state.lnsd
    with tunnel_up(lab, secret=load.SECRET) as tunnel:
        clients = [Client(tunnel.call(), user=f'c{number}@load.example', password=load.PASSWORD).up()
                   for number in range(CLIENTS)]
        watch = Watch(tunnel, clients)
        for client in clients:
            watch.handle(client)
        flood = load.start(lab, TUNNELS, SESSIONS, '--pps', 1000000, '--size', 64, '--direction', 'up',
                           '--traffic-seconds', SECONDS, '--hello', 1, '--hold', 1)

        def begun():
            watch.step()
            return counters(state).get('overload', 0) > 0
        eventually(begun, 'more comes than the worker can do', timeout=40, interval=0)
        watch.reset()
        before, row = counters(state), lnsd.rows('workers')[0]
        end = time.monotonic() + SECONDS - 3
        while time.monotonic() < end:
            watch.step()
        after, rows = counters(state), lnsd.rows('workers')[0]
        dropped = after['overload'] - before['overload']
        worked = rows['uplink'] - row['uplink']
        tunnel.lac.flush(1)
        check(flood.wait(60) is not None, 'lnsload ends')
        said = (f'{worked} forwarded, {dropped} dropped early; HELLO {watch.hellos} sent, {watch.hellos_late} sent '
                f'again, slowest {watch.slowest:.3f} s; echo {watch.answered} of {watch.echoes}')
        check(dropped > worked, f'twice what the worker can do: {said}')
        check(watch.hellos >= 20 and watch.hellos_late <= watch.hellos / 10, said)
        check(watch.echoes >= 200 and watch.answered >= watch.echoes * 0.85, said)
        ended = [message for message in tunnel.inbox if message.kind in (CDN, STOPCCN)]
        check(not ended, f'something of ours ended: {ended}')
        check_equal(len([session for session in lnsd.sessions() if session['user'].startswith('c')]), CLIENTS,
                    'our sessions')
        result = load.result_of(lab, 'load')
        check_equal(result['sessions']['up'], SESSIONS, 'lnsload: sessions up')
        for part in ('tunnels', 'sessions'):
            check_equal(result[part]['lost'], 0, f'lnsload: {part} lost')
        check(result['up']['received'] > 0, 'some data came through')
    return said


def finish(lab, state):
    state.lnsd.stop()


main(setup, finish=finish)
