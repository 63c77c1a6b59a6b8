# SPDX-License-Identifier: BSD-3-Clause
"""Who is measured: lnsd's workers, and DPDK's ipsec-secgw. Each measure() is a process of its own.

Both read a capture by net_pcap (infinite_rx) and send into net_null (no-rx), on the same CPU and the same pages. A rate is
packets sent per second of CPU time: what other processes of the machine take is left out alike for both.
"""
import json
import os
import re
import signal
import subprocess
import time

from captures import (CORE, CORE6, CORE6_HOP, CORE_HOP, FAR, LAC, LAC6, LNS, LNS6, OUTER_VLAN, SPI_IN, SPI_OUT, VLAN)

LAC_MAC, CORE_MAC = '02:00:00:00:00:02', '02:00:00:00:00:03'
SPARE_MBUFS = 16384  # beside those that hold the capture
MBUF_BYTES = 2560
SECGW_MORE = 768  # megabytes that ipsec-secgw takes beside its packet buffers


class BenchError(Exception):
    """A run that measured nothing; the text says why."""


def renice():
    try:
        os.nice(-10)
    except OSError:
        pass  # not root: the neighbours take their part


def meminfo():
    with open('/proc/meminfo') as file:
        return dict(line.split(':', 1) for line in file)


def huge_memory(megabytes):
    """Are there free huge pages enough?"""
    fields = meminfo()
    return int(fields['HugePages_Free']) * int(fields['Hugepagesize'].split()[0]) >= 1024 * megabytes


def page_name(huge):
    return f"{int(meminfo()['Hugepagesize'].split()[0]) // 1024} MiB" if huge else '4 KiB'


def cpus(workers):
    """The control core's CPU and the workers'; with as many workers as CPUs they share the first, where it sleeps."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < workers:
        raise BenchError(f'{workers} workers need {workers} CPUs: {len(available)} there')
    return available[0], available[-workers:]


def pages(case):
    queues = max(1, case['workers'])
    mbufs = queues * case['packets'] + SPARE_MBUFS * queues
    memory = 256 + mbufs * MBUF_BYTES // (1 << 20) + (256 if case['sessions'] > 100000 else 0)
    # both of a comparison are on the same kind of pages
    return mbufs, memory, huge_memory(memory + (SECGW_MORE if case['test'] == 'size' else 0))


class Sample:
    """One window: Mpps of all workers together for each second of CPU time, the CPUs' share of the time, drops."""

    def __init__(self, packets, seconds, cpu, hz, dropped=0, **more):
        if packets <= 0 or min(cpu) <= 0:
            raise BenchError('no packets came out')
        mean = sum(cpu) / len(cpu)
        self.mpps = packets / mean / 1e6
        self.cycles = hz * sum(cpu) / packets
        self.share = mean / seconds
        self.loss = dropped / (packets + dropped)
        self.more = more


class LnsdWorkers:
    """lnsd's workers, by bench_worker."""
    name = 'lnsd'

    def __init__(self, build, captures, directory):
        self.program = os.path.join(build, 'tools', 'bench', 'bench_worker')
        self.captures, self.directory = captures, directory
        self.hz = None

    def config(self, case, devices):
        main_cpu, worker_cpus = cpus(case['workers'])
        mbufs, memory, huge = pages(case)
        names = [device.split(',')[0] for device in devices]
        access, core = names if case['direction'] == 'up' else reversed(names)
        lines = [
            'lns: {host-name: bench}', 'dpdk:', f'  main-core: {main_cpu}', f'  worker-cores: {worker_cpus}',
            f'  share-cores: {json.dumps(main_cpu in worker_cpus)}', f'  hugepages: {json.dumps(huge)}',
            '  iova-mode: va', f'  memory: {memory}', f'  mbufs: {mbufs}',
            f"  max-sessions: {max(4096, case['sessions'] + 1024)}",
            f"  max-routes6: {max(65536, case['sessions'] + 1024)}", f'  vdevs: {json.dumps(devices)}', 'interfaces:']
        for name, device, addresses, hops, mac in (
                ('access', access, (LNS + '/24', LNS6 + '/64'), (LAC, LAC6), LAC_MAC),
                ('core', core, (CORE + '/24', CORE6 + '/64'), (CORE_HOP, CORE6_HOP), CORE_MAC)):
            neighbours = [{'address': hop, 'mac': mac} for hop in hops]
            lines += [f'  - name: {name}0', f'    device: {device}', f'    role: {name}', '    mtu: 1600',
                      f'    addresses: {json.dumps(addresses)}', f'    neighbours: {json.dumps(neighbours)}']
            lines += [f'    vlan: {VLAN}', f'    outer-vlan: {OUTER_VLAN}'][:case['tags']]
        sas = self.captures.sas(case)
        if not case['replay']:
            sas = sas.replace('    direction: in\n', '    direction: in\n    replay-window: 0\n')
        path = os.path.join(self.directory, 'lnsd.yaml')
        with open(path, 'w') as file:
            file.write('\n'.join(lines) + '\n' + sas)
        return path

    def devices(self, case):
        if case['test'] == 'replay':
            return 'net_null1,no-rx=1', 'net_null0,no-rx=1'  # bench_worker puts its own in place of the first
        count = case['queues']
        files = [self.captures.file(case, part=(part + 1, count) if count > 1 else None) for part in range(count)]
        return ('net_pcap0,' + ''.join(f'rx_pcap={file},' for file in files) + 'infinite_rx=1', 'net_null0,no-rx=1')

    def run(self, case, devices, milliseconds):
        words = [self.program, '-c', self.config(case, devices), '--lac', LAC, '--tunnels', case['tunnels'],
                 '--sessions', case['sessions'], '--ms', milliseconds]
        words += ['--ipv6'] if case['inner'] == 'ipv6' else []
        words += ['--police'] if case['police'] else []
        words += ['--parts', case['queues']] if case['steering'] else []
        if case['test'] == 'replay':
            words += ['--generate', self.captures.file(case, plain=True)]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, preexec_fn=renice,
                              timeout=300)
        if done.returncode != 0:
            raise BenchError(f'bench_worker: {done.stderr.strip()[-2000:]}')
        return json.loads(done.stdout)

    def measure(self, case, milliseconds):
        report = self.run(case, self.devices(case), milliseconds)
        self.hz = report['tsc_hz']
        window = report['windows'][0]
        # what went wrong since the start, of what was handled since the start
        dropped = sum(report['drops'].values()) * window['packets'] / max(1, report['counters'].get('tx_packets', 1))
        return Sample(window['packets'], window['seconds'], window['cpu'], report['tsc_hz'], dropped,
                      drops=report['drops'], counters=report['counters'], engine=report['engine'])


class Secgw:
    """DPDK's ipsec-secgw, as its guide starts it, on whichever of its two crypto drivers is faster."""
    name = 'ipsec-secgw'
    drivers = ('crypto_aesni_gcm0', 'crypto_aesni_mb0')
    algorithms = {
        'aes-128-gcm': ('aead_algo aes-128-gcm aead_key {key}', drivers),
        'aes-256-gcm': ('aead_algo aes-256-gcm aead_key {key}', drivers),
        'aes-128-cbc-sha1': ('cipher_algo aes-128-cbc cipher_key {key} auth_algo sha1-hmac auth_key {auth}',
                             drivers[1:]),
        'aes-128-cbc-sha256': ('cipher_algo aes-128-cbc cipher_key {key} auth_algo sha256-hmac auth_key {auth}',
                               drivers[1:]),
    }

    def __init__(self, program, captures, directory, hz):
        self.program, self.captures, self.directory, self.hz = program, captures, directory, hz
        self.driver = {}

    def plays(self, case):
        return (case['esp'] in self.algorithms and case['workers'] == 1 and case['inner'] == 'ipv4' and
                case['test'] == 'size' and not case['replay'])

    def config(self, case):
        keys = self.captures.keys(case)

        def algorithm(spi):
            key, auth = (':'.join(re.findall('..', keys[spi].get(name, ''))) for name in ('key', 'integrity-key'))
            return self.algorithms[case['esp']][0].format(key=key, auth=auth)
        any_port = 'sport 0:65535 dport 0:65535'
        path = os.path.join(self.directory, 'secgw.cfg')
        with open(path, 'w') as file:
            file.write(
                f'sp ipv4 in esp protect {SPI_IN} pri 1 dst 0.0.0.0/0 {any_port}\n'
                f'sp ipv4 out esp protect {SPI_OUT} pri 1 dst 10.0.0.0/8 {any_port}\n'
                f'sa in {SPI_IN} {algorithm(SPI_IN)} mode ipv4-tunnel src {LAC} dst {LNS}\n'
                f'sa out {SPI_OUT} {algorithm(SPI_OUT)} mode ipv4-tunnel src {LNS} dst {LAC}\n'
                f'rt ipv4 dst {FAR} port 1\nrt ipv4 dst {LAC}/32 port 0\n'
                f'neigh port 0 {LAC_MAC}\nneigh port 1 {CORE_MAC}\n')
        return path

    def words(self, case, driver):
        _, worker_cpus = cpus(1)
        mbufs, memory, huge = pages(case)
        source = f'net_pcap0,rx_pcap={self.captures.file(case, gateway=True)},infinite_rx=1'
        vdevs = [source, 'net_null0,no-rx=1'] if case['direction'] == 'up' else ['net_null0,no-rx=1', source]
        words = ['stdbuf', '-oL', self.program, f'--lcores=1@{worker_cpus[0]}', '--no-pci', '--no-telemetry',
                 '--iova-mode=va', '-m', memory + SECGW_MORE, *(['--in-memory'] if huge else ['--no-huge', '--no-shconf'])]
        for vdev in [driver] + vdevs:
            words += ['--vdev', vdev]
        words += ['--', '-p', '0x3', '-P', '-u', '0x1', '--config', '(0,0,1),(1,0,1)', '-f', self.config(case), '-l',
                  '-w', '0', '-t', '1', '-s', mbufs]
        return [str(word) for word in words]

    def screens(self, process, wanted):
        """(time, CPU time, packets sent, packets dropped) of each of its screens."""
        clock = ~process.pid << 3 | 2  # the process's CPU time: it has one thread that works
        found, sent, lines = [], None, []
        for line in process.stdout:
            lines = lines[-20:] + [line]
            name, _, value = line.strip().partition(':')
            if name == 'Total packets sent':
                sent = (time.monotonic(), time.clock_gettime(clock), int(value))
            elif name == 'Total packets dropped' and sent:
                found.append((*sent, int(value)))
                if len(found) == wanted:
                    return found
        raise BenchError('ipsec-secgw ended by itself: ' + ''.join(lines)[-1500:])

    def once(self, case, driver):
        process = subprocess.Popen(self.words(case, driver), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, errors='replace', preexec_fn=renice)
        try:
            before, after = self.screens(process, 2)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
        return Sample(after[2] - before[2], after[0] - before[0], [after[1] - before[1]], self.hz,
                      after[3] - before[3], driver=driver)

    def measure(self, case, milliseconds):
        """Its screens come every second, whatever milliseconds says."""
        kind = (case['direction'], case['esp'], case['size'])
        if kind not in self.driver:
            trials = [self.once(case, driver) for driver in self.algorithms[case['esp']][1]]
            self.driver[kind] = max(trials, key=lambda sample: sample.mpps).more['driver']
        return self.once(case, self.driver[kind])
