# SPDX-License-Identifier: BSD-3-Clause
"""Does a session keep its order when one LAC's packets come by two queues and are spread over two workers?"""
import os
import struct

from contestants import BenchError

ETHERNET, HEADERS, MAGIC_BYTES = 14, 28, 4


def packets(path):
    """(session, sequence) of each of lnsload's packets in a capture of bare IPv4."""
    with open(path, 'rb') as file:
        file.read(24)
        while header := file.read(16):
            data = file.read(struct.unpack('=4I', header)[2])
            # lnsload's payload: magic, run, session, sequence
            _, _, session, sequence = struct.unpack_from('>4I', data, ETHERNET + HEADERS)
            yield session, sequence


def order_check(lnsd, captures, case):
    """Each queue's capture once, as fast as it goes, into a capture for each worker's transmit queue."""
    queues = [captures.file(case, part=(part, 2)) for part in (1, 2)]
    out = [os.path.join(captures.directory, f'out{worker}.pcap') for worker in range(2)]
    devices = ('net_pcap0,' + ','.join(f'rx_pcap={file}' for file in queues),
               'net_pcap1,' + ','.join(f'tx_pcap={file}' for file in out))
    report = lnsd.run(case, devices, 1500)
    last, reordered, received, moved = {}, 0, 0, 0
    worker_of = {}
    for worker, path in enumerate(out):
        for session, sequence in packets(path):
            received += 1
            reordered += sequence <= last.get(session, -1)
            moved += worker_of.setdefault(session, worker) != worker
            last[session] = max(sequence, last.get(session, -1))
    row = {'test': 'order', 'contestant': 'lnsd', 'direction': 'up', 'esp': 'none', 'size': case['size'],
           'sessions': case['sessions'], 'tunnels': 1, 'workers': 2, 'replay': False, 'sent': 2 * case['packets'],
           'received': received, 'reordered': reordered, 'handoffs': report['counters'].get('handoffs', 0),
           'drops': report['drops']}
    print(f"order     lnsd: {row['received']:,} of {row['sent']:,} packets of one tunnel over two workers, "
          f"{row['handoffs']:,} handed over, {reordered} out of order", flush=True)
    if reordered or moved:
        raise BenchError(f'{reordered} packets out of order, {moved} by another worker than those before')
    if received < case['packets'] or not row['handoffs']:
        raise BenchError(f'only {received} packets came out, drops: {report["drops"]}')
    return row
