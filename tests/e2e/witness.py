# SPDX-License-Identifier: BSD-3-Clause
"""tshark as a witness: it must find no fault with any control packet that lnsd sent."""
from lib import Failure, check

# tshark's severities: above "note" something is wrong with the packet or the conversation.
WARNING = 0x600000
CONTROL = '(l2tp.type == 1 || lcp || pap || chap || ipcp || ipv6cp || ccp)'

# A Reject repeats what it rejects, byte by byte (RFC 1661 5.4, 5.6, 5.7): what is odd inside is the
# peer's. tshark dissects the repeated part as if lnsd had said it.
REPEATS = ('Configuration Reject', 'Code Reject', 'Protocol Reject')


def check_capture(capture, source='10.1.0.1', source6='fd00:1::1', least=10):
    """Every control packet from lnsd's access address, by tshark's own dissectors."""
    select = f'(ip.src == {source} || ipv6.src == {source6}) && udp && !icmp && !icmpv6 && {CONTROL}'
    rows = capture.fields(select, 'frame.number', '_ws.malformed', '_ws.expert.severity',
                          '_ws.expert.message', '_ws.col.Protocol', '_ws.col.Info')
    check(len(rows) >= least, f'only {len(rows)} control packets of lnsd captured')
    faults, repeated = [], 0
    for number, malformed, severities, messages, protocol, info in rows:
        worst = max((int(value, 0) for value in severities.split(';') if value), default=0)
        if any(kind in info for kind in REPEATS) and (messages or malformed):
            repeated += 1
            continue
        if malformed or worst >= WARNING:
            faults.append(f'frame {number} {protocol} {info}: {malformed} {messages}')
    # A message that tshark cannot even assign to L2TP would not be seen above.
    rest = capture.fields(f'(ip.src == {source} || ipv6.src == {source6}) && udp.srcport == 1701 && !l2tp'
                          ' && !icmp && !icmpv6 && !(ip.frag_offset > 0) && !(ip.flags.mf == 1)',
                          'frame.number', '_ws.col.Info')
    faults += [f'frame {number} is no L2TP: {info}' for number, info in rest]
    wrong = capture.fields(f'(ip.src == {source} || ipv6.src == {source6}) && '
                           '(ip.checksum.status == 0 || udp.checksum.status == 0)', 'frame.number')
    faults += [f'frame {number[0]}: bad checksum' for number in wrong]
    if faults:
        raise Failure(f'{len(faults)} faults: ' + ' | '.join(faults[:5]))
    return f'{len(rows)} control packets' + (f', {repeated} repeat what was odd' if repeated else '')
