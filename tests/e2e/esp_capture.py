# SPDX-License-Identifier: BSD-3-Clause
"""ESP of a capture, decrypted with the keys that a kernel shows: no key may meet the same number twice."""
import re
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from scapy.all import ESP, IP, rdpcap

from lib import check


def keys(states):
    """{spi: (AESGCM, salt)} of the AES-GCM SAs in the parts of `ip xfrm state`."""
    found = {}
    for spi, text in states.items():
        key = re.search(r'aead rfc4106\(gcm\(aes\)\) 0x([0-9a-f]+) ', text)
        if key:
            material = bytes.fromhex(key.group(1))
            found[spi] = AESGCM(material[:-4]), material[-4:]
    return found


def check_numbers(path, known):
    """Every ESP packet of these SAs is authentic, and no pair of SPI and number or of SPI and IV comes twice;
    packets by source address."""
    numbers, vectors, counts = set(), set(), {}
    for packet in rdpcap(path):
        if IP not in packet or packet[IP].frag or packet[IP].flags.MF or packet[IP].proto != 50:
            continue
        data = bytes(packet[IP].payload)
        spi, sequence = struct.unpack_from('>II', data)
        check(spi in known, f'ESP from {packet[IP].src} with SPI {spi:08x}, which the kernel does not know: '
              f'{[f"{other:08x}" for other in known]}')
        cipher, salt = known[spi]
        cipher.decrypt(salt + data[8:16], data[16:], data[:8])  # raises InvalidTag
        check((spi, sequence) not in numbers, f'SPI {spi:08x}: sequence number {sequence} comes twice')
        check((spi, data[8:16]) not in vectors, f'SPI {spi:08x}: IV {data[8:16].hex()} comes twice')
        numbers.add((spi, sequence))
        vectors.add((spi, data[8:16]))
        counts[packet[IP].src] = counts.get(packet[IP].src, 0) + 1
    return counts
