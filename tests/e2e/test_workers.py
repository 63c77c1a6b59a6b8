# SPDX-License-Identifier: BSD-3-Clause
# e2e: limit 300
"""Several workers: packets handed to their session's owner in order; a worker makes no system call."""
import os
import re
import time

import dial
import load
from lib import FAR, Failure, Lnsd, case, check, check_equal, main
from ppp import Client
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap


def handed(lnsd):
    return sum(row['handoff_in'] for row in lnsd.rows('workers'))


def order_kept(lab, workers):
    """Ports of one queue each: whatever arrives for another worker's session has to be handed over."""
    config = load.config(lab, workers=workers)
    config['dpdk']['share-cores'] = True
    lnsd = Lnsd(lab, config).start()
    check_equal(len(lnsd.rows('workers')), workers, 'workers')
    before = handed(lnsd)
    result = load.run(lab, 4, 200, '--pps', '2000', '--traffic-seconds', '6', '--sequencing')
    check_equal(result['sessions']['up'], 200, 'sessions up')
    for direction in ('up', 'down'):
        part = result[direction]
        check(part['received'] > 5000, f'{direction}: {load.brief(part)}')
        for kind in ('lost', 'reordered', 'duplicated', 'misdelivered', 'corrupt'):
            check_equal(part[kind], 0, f'{direction}: {kind}')
    crossed = handed(lnsd) - before
    check(crossed > 1000, f'only {crossed} packets were handed over')
    lnsd.stop()
    return f"{crossed} packets handed over, {result['up']['received'] + result['down']['received']} forwarded"


@case
def two_workers_keep_the_order_of_each_session(lab):
    return order_kept(lab, 2)


@case
def four_workers_keep_the_order_of_each_session(lab):
    return order_kept(lab, 4)


@case
def fragments_meet_on_one_worker(lab):
    """Outer fragments, which only the first of names the port, with sessions on several workers."""
    config = load.config(lab, workers=2)
    config['dpdk']['share-cores'] = True
    config['subscribers']['mru'] = 1500
    lnsd = Lnsd(lab, config).start()
    result = load.run(lab, 2, 20, '--mru', '1500', '--size', '1500', '--pps', '600', '--traffic-seconds', '4')
    for direction in ('up', 'down'):
        check_equal(result[direction]['lost'], 0, f'{direction}: lost')
        check_equal(result[direction]['reordered'], 0, f'{direction}: reordered')
    lnsd.stop()


def thread_of(lnsd, worker):
    """Thread id of a worker: EAL names its threads after their lcores, and worker i is lcore i + 1."""
    folder = f'/proc/{lnsd.process.pid}/task'
    for task in os.listdir(folder):
        with open(f'{folder}/{task}/comm') as file:
            if re.search(rf'(lcore-)?worker-{worker + 1}$', file.read().strip()):
                return int(task)
    names = [open(f'{folder}/{task}/comm').read().strip() for task in os.listdir(folder)]
    raise Failure(f'no thread of worker {worker}: {names}')


@case
def worker_makes_no_system_call_under_traffic(lab):
    """The core port is net_pcap, which replays a downlink packet out of memory without end; the session
    is a real one that came up over the access port. Worker 0 has the access port, whose driver is a socket
    by nature; worker 1 has the core port and half of the sessions: lookups, PPP, encapsulation, the rings.
    strace on its thread must see nothing (a worker sleeps only when it has been idle for a while)."""
    config = load.config(lab, workers=2, pool='100.64.16.0/24')
    # Some millions a second come out of memory: one in 256 for a subscriber, which the LAC's link can carry,
    # the rest for an address that nobody has.
    hosts = [number // 256 if number % 256 == 0 else 200 for number in range(2048)]
    frame = Ether(dst='02:70:63:61:70:00', src='02:00:00:00:00:02')
    wrpcap(lab.path('core.pcap'), [
        frame / IP(src=FAR, dst=f'100.64.16.{host}') / UDP(sport=7, dport=7) / Raw(b'x' * 100) for host in hosts])
    config['dpdk']['share-cores'] = True
    config['dpdk']['vdevs'][1] = f"net_pcap0,rx_pcap={lab.path('core.pcap')},infinite_rx=1"
    config['interfaces'][1].update({'device': 'net_pcap0', 'promiscuous': True, 'neighbours': [
        {'address': '10.2.0.2', 'mac': '02:00:00:00:00:02'}]})
    config['peers'] = dial.PEERS
    lnsd = Lnsd(lab, config).start()
    with dial.tunnel_up(lab) as tunnel:
        clients = [Client(tunnel.call(), user=f'w{number}@load.example', password=load.PASSWORD).up()
                   for number in range(8)]
        owners = {row['worker'] for row in lnsd.sessions()}
        check(1 in owners, f'a session of worker 1: {owners}')
        thread = thread_of(lnsd, 1)
        before = {row['worker']: row for row in lnsd.rows('workers')}[1]
        trace = lab.path('strace.txt')
        tracer = lab.spawn(None, 'strace', '-p', thread, '-o', trace, log='strace.log')
        time.sleep(0.5)
        end = time.monotonic() + 3
        while time.monotonic() < end:  # uplink too, through worker 0 and the handoff ring
            for client in clients:
                client.udp_to(FAR, 7, b'up')
            tunnel.lac.poll(0.001)
            for client in clients:
                client.session.inbox.clear()
        alive = tracer.poll() is None
        lab.end(tracer)
        after = {row['worker']: row for row in lnsd.rows('workers')}[1]
        check(alive, 'strace: ' + lab.read('strace.log'))
        forwarded = sum(after[key] - before[key] for key in ('uplink', 'downlink'))
        check(after['uplink'] > before['uplink'], f"uplink on worker 1: {before['uplink']} -> {after['uplink']}")
        check(after['downlink'] - before['downlink'] > 1000,
              f"downlink on worker 1: {before['downlink']} -> {after['downlink']}")
        calls = [line for line in lab.read('strace.txt').splitlines()
                 if '(' in line and not re.match(r'(---|\+\+\+|restart_syscall|strace:)', line)]
        check(not calls, f'{len(calls)} system calls: {calls[:5]}')
        tunnel.lac.flush(0.2)
    lnsd.stop()
    return f'{forwarded} packets, no system call'


main()
