# SPDX-License-Identifier: BSD-3-Clause
"""The captures that run.py replays, made by lnsload when they are first needed."""
import os
import subprocess

LNS, LAC, FAR, CORE, CORE_HOP = '192.0.2.1', '192.0.2.2', '203.0.113.0/24', '198.51.100.1', '198.51.100.2'
LNS6, LAC6, CORE6, CORE6_HOP = '2001:db9:1::1', '2001:db9:1::2', '2001:db9:2::1', '2001:db9:2::2'
PCAP_MAC = '02:70:63:61:70:00'  # of the first net_pcap device
PASSPHRASE = 'bench'
VLAN, OUTER_VLAN = 100, 200
SPI_IN, SPI_OUT = 0x10000, 0x10001
# of the figures, and what lnsload calls it
ALGORITHMS = {'aes-128-gcm': 'aes128gcm16', 'aes-256-gcm': 'aes256gcm16',
              'aes-128-cbc-sha1': 'aes128-sha1', 'aes-128-cbc-sha256': 'aes128-sha256'}
IMIX = [64] * 7 + [576] * 4 + [1400]


def mean_size(case):
    """Bytes of the inner IP packet, the mean of a mix."""
    least = 80 if case['inner'] == 'ipv6' else 60
    sizes = IMIX if case['size'] == 'imix' else [case['size']]
    return sum(max(size, least) for size in sizes) / len(sizes)


class Captures:
    """Files in a directory, each kept until drop()."""

    def __init__(self, lnsload, directory):
        self.lnsload = lnsload
        self.directory = directory

    def arguments(self, case):
        words = ['--lns', LNS, '--local', LAC, '--tunnels', case['tunnels'], '--sessions', case['sessions'],
                 '--seed', '1']
        if case['esp'] != 'none':
            words += ['--esp', ALGORITHMS[case['esp']], '--esp-passphrase', PASSPHRASE]
        return [self.lnsload] + [str(word) for word in words]

    def file(self, case, gateway=False, part=None, plain=False):
        """gateway: ESP without L2TP; part: of the sessions, (K, N); plain: without ESP whatever the case says."""
        # what comes down is the same for everybody, and the number of workers matters to nobody
        down = case['direction'] == 'down'
        esp = 'none' if down or plain else case['esp']
        name = '-'.join(str(word) for word in (
            case['direction'], esp, case['size'], case['sessions'], case['tunnels'], case['inner'],
            case['packets'], case['tags'], 'gateway' if gateway and not down else 'lns', *(part or ())))
        path = os.path.join(self.directory, name + '.pcap')
        if not os.path.exists(path):
            words = self.arguments(dict(case, esp=esp)) + [
                '--write-pcap', path, '--direction', case['direction'], '--size', str(case['size']),
                '--pcap-packets', str(case['packets']), '--pcap-mac', PCAP_MAC]
            words += ['--pcap-gateway'] if gateway and not down else []
            words += ['--pcap-part', f'{part[0]}/{part[1]}'] if part else []
            words += ['--pcap-vlan', ','.join(map(str, (VLAN, OUTER_VLAN)[:case['tags']]))] if case['tags'] else []
            words += ['--ipv6'] if case['inner'] == 'ipv6' else []
            subprocess.run(words, check=True)
            # what the kernel still writes would share the memory with what is measured
            with open(path, 'rb') as file:
                os.fsync(file.fileno())
        return path

    def sas(self, case):
        """YAML of the LNS's security associations, '' without ESP."""
        if case['esp'] == 'none':
            return ''
        return subprocess.run(self.arguments(case) + ['--print-sas'], check=True, capture_output=True,
                              text=True).stdout

    def keys(self, case):
        """{spi: {'key': hex, 'integrity-key': hex}} of the same."""
        keys, spi = {}, None
        for line in self.sas(case).splitlines():
            name, _, value = line.strip().partition(': ')
            if name == 'spi':
                spi = int(value, 0)
                keys[spi] = {}
            elif name in ('key', 'integrity-key'):
                keys[spi][name] = value.strip('"')
        return keys

    def drop(self):
        for name in os.listdir(self.directory):
            if name.endswith('.pcap'):
                os.unlink(os.path.join(self.directory, name))
