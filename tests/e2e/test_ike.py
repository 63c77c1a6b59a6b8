# SPDX-License-Identifier: BSD-3-Clause
# e2e: limit 1200
"""lnsd beside strongSwan's charon, with strongSwan, xl2tpd and pppd as LACs and clients, in a virtual machine."""
import json
import re
import time

import esp_capture
from ike import CLIENT_PSK, IPSEC_DOC, LNS, Network
from lib import FAR, case, check, check_equal, eventually, main


def setup(lab):
    return Network(lab)


def fresh(case_function):
    """Before the case: nothing of another one is left, and the LNS's charon runs the documented files."""
    def run(lab, net):
        net.reset()
        net.lns_charon()
        return case_function(lab, net)
    run.__name__ = case_function.__name__
    return case(run)


def direct(net, **arguments):
    """lac0 with its SAs; lnsd shows them."""
    net.lac_charon('lac0', **arguments)
    net.connect('lac0')


def inbound(net, lac):
    """SPIs of a LAC's kernel towards the LNS."""
    return {spi for spi, text in net.xfrm(lac).items() if f'dst {LNS}' in text}


def check_l2tp(net, *names):
    before = net.drops()
    for name in names:
        net.dial(name)
    for name in names:
        net.check_works(name)
    net.check_no_drops(before)


@fresh
def ikev2_psk_aes_gcm(lab, net):
    direct(net)
    check_l2tp(net, 'lac0')
    rows = net.sas()
    check_equal(sorted(row['direction'] for row in rows), ['in', 'out'], 'SAs')
    for row in rows:
        check_equal(row['spi'] in inbound(net, 'lac0'), row['direction'] == 'in', f'SPI of {row}')
        check(row['packets'] > 5, f'packets of {row}')
    net.hang_up('lac0')


@fresh
def counters_go_back_to_the_kernel_and_charon(lab, net):
    direct(net)
    net.dial('lac0')
    check_equal(net.ping('lac0', count=30, size=500), 30, 'pings')

    def counted():
        found = re.findall(r'(?:in|out) +[0-9a-f]{8}[^,]*,\s+(\d+) bytes,\s+(\d+) packets', net.list_sas('front'))
        return len(found) == 2 and all(int(count) > 30 * 500 and int(packets) >= 30
                                       for count, packets in found) and found
    charon = eventually(counted, "charon's --list-sas shows the traffic", timeout=20, interval=0.5)
    for spi, text in net.xfrm('front').items():
        found = re.search(r'lifetime current:\s+(\d+)\(bytes\), (\d+)\(packets\)', text)
        check(found and int(found.group(2)) >= 30, f'ip -s xfrm state of {spi:08x}: {text}')
    net.hang_up('lac0')
    return f'charon: {charon}'


@fresh
def ikev2_certificates(lab, net):
    net.certificates('lac0')
    net.lns_charon()
    direct(net, certificate=True)
    check('l2tp-certificate' in net.list_sas('front'), net.list_sas('front'))
    check_l2tp(net, 'lac0')
    net.hang_up('lac0')


@fresh
def ike_in_ip_fragments(lab, net):
    """A certificate that no packet holds, without IKE's own fragmentation."""
    net.certificates('lac0', *(f'very-long-alternative-name-{number:03d}.of-the-lac.carrier-b.example'
                               for number in range(40)))
    net.lns_charon(edit=lambda text: text.replace('mobike = no', 'mobike = no\n\t\tfragmentation = no'))
    net.run('''rm -f /run/fragments.pcap
start wire tcpdump.log tcpdump -i lns -n -U -s 0 -w /run/fragments.pcap 'ip[6:2] & 0x3fff != 0' >/run/tcpdump.wire
sleep 1''')
    direct(net, certificate=True, fragmentation='no')
    net.run('sleep 0.5; end /run/tcpdump.wire; on wire cp /run/fragments.pcap /x/fragments.pcap')
    shown = lab.run(None, 'tshark', '-r', lab.path('guest/fragments.pcap'), '-n', '-T', 'fields', '-e', 'ip.src',
                    '-o', 'ip.defragment:FALSE').stdout.split()
    check(shown.count('10.1.0.2') >= 3, f'fragments on the wire: {shown}')
    check_l2tp(net, 'lac0')
    net.hang_up('lac0')


@fresh
def ikev1_psk_two_clients_behind_one_nat(lab, net):
    for name in ('lac1', 'lac2'):
        net.lac_charon(name, psk=CLIENT_PSK, version=1, esp='aes128-sha1', ike='aes256-sha1-modp2048')
        net.connect(name)
    check_l2tp(net, 'lac1', 'lac2')
    rows = net.sas()
    check_equal(len(rows), 4, f'SAs: {rows}')
    check_equal(len({row['group'] for row in rows}), 2, f'groups: {rows}')
    check_equal(len(net.rows('sessions')), 2, 'sessions')
    for name in ('lac1', 'lac2'):
        net.check_works(name)
    # one leaves, the other stays
    net.run('hang_up lac1; on lac1 swanctl --terminate --ike lns --timeout 10', timeout=60)
    eventually(lambda: len(net.sas()) == 2, 'the SAs of the one that left are gone', timeout=15)
    net.check_works('lac2')
    net.hang_up('lac2')


@fresh
def another_peer_at_an_address_gets_nothing_of_the_one_before(lab, net):
    """A LAC is gone without a word, and its address is given to another one, which has a key of its own."""
    direct(net)
    net.dial('lac0')
    address = net.rows('sessions')[0]['address']
    before = {row['group']: row['packets'] for row in net.sas(direction='out')}
    check_equal(len(before), 1, 'groups')
    net.run('stop_xl2tpd lac0 KILL')
    direct(net, psk='another long random text', identity='lac2.carrier-a.example')
    rows = net.sas(direction='out')
    check_equal(len({row['group'] for row in rows}), 2, f'groups: {rows}')
    net.on('inet', f'ping -n -q -c 5 -i 0.1 -W 1 -I {FAR} {address}', check_status=False)
    for row in net.sas(direction='out'):
        if row['group'] in before:
            check(row['packets'] > before[row['group']], f'what is for the one before leaves by its SA: {row}')
        else:
            check_equal(row['packets'], 0, f'packets to the newcomer: {row}')
    eventually(lambda: not net.tunnels(), 'the tunnel of the one before is given up', timeout=40, interval=0.5)
    check_l2tp(net, 'lac0')
    net.hang_up('lac0')


@fresh
def algorithms(lab, net):
    shown = []
    for esp in ('aes256gcm16', 'chacha20poly1305', 'aes128-sha256', 'aes256-sha256', 'aes128gcm16-esn'):
        net.lns_charon(edit=lambda text: re.sub('esp_proposals = .*', f'esp_proposals = {esp}', text))
        direct(net, esp=esp)
        check_l2tp(net, 'lac0')
        shown.append(' '.join(sorted({row['algorithm'] for row in net.sas()})))
        net.hang_up('lac0')
    return ', '.join(shown)


@fresh
def the_clients_key_makes_no_lac(lab, net):
    net.lac_charon('lac0', psk=CLIENT_PSK)
    out = net.on('lac0', 'swanctl --initiate --child l2tp --timeout 10', check_status=False, timeout=60)
    check('AUTHENTICATION_FAILED' in out, out)
    check_equal(net.sas(), [], 'SAs')


@fresh
def keys_by_hand(lab, net):
    """The commands of docs/ipsec.md, on both sides."""
    with open(IPSEC_DOC) as file:
        text = file.read().replace('\\\n', ' ').replace('192.0.2.10', '10.1.0.2').replace('198.51.100.1', LNS)
    states = re.findall(r'^ +(ip xfrm state add .*)$', text, re.M)
    policies = re.findall(r'^ +(ip xfrm policy add .*)$', text, re.M)
    check_equal((len(states), len(policies)), (2, 2), 'commands in the document')
    for machine, commands in (('front', states), ('lac0', states + policies)):
        net.run('\n'.join(f'on {machine} {command}' for command in commands))
    check_l2tp(net, 'lac0')
    check_equal({row['spi'] for row in net.sas()}, {0x1001, 0x1002}, 'SPIs')
    net.hang_up('lac0')


@case
def what_a_reload_permits_is_taken_from_the_kernel_again(lab, net):
    net.on('front', f"ip xfrm state add src 10.1.0.77 dst {LNS} proto esp spi 0x3001 mode transport "
           f"enc 'cbc(des3_ede)' 0x{bytes(range(24)).hex()} auth-trunc 'hmac(sha1)' 0x{bytes(range(20)).hex()} 96")
    row = eventually(lambda: net.sas(spi=0x3001), 'the SA is shown', timeout=10)[0]
    check_equal(row['state'], 'refused', f'state of {row}')
    check('3DES' in row['reason'] or '3des' in row['reason'], f'reason: {row}')
    net.reload(ipsec={'permit-3des': True})
    eventually(lambda: net.sas(spi=0x3001, state='in use'), 'it is in use', timeout=5)
    net.reload()


@fresh
def full_size_packets_cross_in_fragments(lab, net):
    direct(net)
    address = net.dial('lac0')
    before = net.drops()
    check_equal(net.ping('lac0', size=1472, extra='-M do'), 5, 'pings of 1500 bytes')
    out = net.on('inet', f'ping -n -q -c 5 -i 0.1 -W 3 -M do -s 1472 -I {FAR} {address}', check_status=False)
    check('5 received' in out, f'pings of 1500 bytes downlink: {out}')
    net.check_no_drops(before)
    net.hang_up('lac0')


def traffic(net, name, seconds, options=''):
    """TCP through ppp0; Mbit/s."""
    net.run('''[ -e /run/iperf3.inet ] || start inet iperf3.log iperf3 -s -B 203.0.113.1 >/run/iperf3.inet
sleep 0.5''')
    out = net.on(name, f'iperf3 -J -c {FAR} -t {seconds} {options}', timeout=seconds + 60)
    return json.loads(out)['end']['sum_received']['bits_per_second'] / 1e6


@fresh
def rekeying_loses_nothing(lab, net):
    direct(net, rekey='3s')
    net.dial('lac0')
    before, spis, refused = net.drops(), inbound(net, 'lac0'), net.xfrm_errors('lac0')
    up = traffic(net, 'lac0', 10)
    down = traffic(net, 'lac0', 10, '-R')
    net.check_no_drops(before)
    check_equal(net.xfrm_errors('lac0'), refused, "what the LAC's kernel could not decrypt")
    check(not spis & inbound(net, 'lac0'), 'the first SAs have been replaced')
    rows = net.sas()
    check(rows and max(row['rekeys'] for row in rows) >= 4, f'rekeys: {rows}')
    net.hang_up('lac0')
    return f'up {up:.0f}, down {down:.0f} Mbit/s, {max(row["rekeys"] for row in rows)} rekeyings'


@fresh
def byte_limit_makes_charon_rekey(lab, net):
    net.lns_charon(edit=lambda text: text.replace(
        'rekey_time = 4h', 'rekey_time = 4h\n\t\t\t\trekey_bytes = 1000000\n\t\t\t\tlife_bytes = 40000000\n'
        '\t\t\t\trand_bytes = 0'))
    direct(net)
    net.dial('lac0')
    before, spis = net.drops(), inbound(net, 'lac0')
    traffic(net, 'lac0', 5)
    eventually(lambda: not spis & {row['spi'] for row in net.sas(direction='in')} or None, 'charon has rekeyed',
               timeout=20, interval=0.5)
    net.check_works('lac0')
    net.check_no_drops(before)
    net.hang_up('lac0')


@fresh
def cleartext_is_refused_from_who_must_encrypt(lab, net):
    net.lac_charon('lac0')
    before = net.control('sccrq-needs-ipsec')
    net.run('start_xl2tpd lac0; dial lac0; sleep 4')
    check_equal(net.tunnels(), [], 'tunnels')
    check('ppp0' not in net.run('ip -n lac0 link'), 'no ppp0')
    check(net.control('sccrq-needs-ipsec') > before, 'counted by name')
    net.run('stop_xl2tpd lac0')
    # the same LAC with SAs is welcome
    net.connect('lac0')
    net.dial('lac0')
    net.check_works('lac0')
    # a tunnel that came up inside ESP takes nothing in the clear, nor has charon a say in it
    before = net.drops()
    net.run('flush_sas lac0')
    check_equal(net.ping('lac0', count=3), 0, 'pings in the clear')
    after = net.drops()
    check(after.get('l2tp_wrong_sa', 0) > before.get('l2tp_wrong_sa', 0), f'counted: {before} {after}')


@fresh
def dead_peer_is_taken_down(lab, net):
    net.lns_charon(edit=lambda text: text.replace('dpd_delay = 30s', 'dpd_delay = 2s'),
                   settings='retransmit_timeout = 0.5\n\tretransmit_tries = 2')
    direct(net)
    net.dial('lac0')
    net.check_works('lac0')
    net.run('ip -n wire link set lac0 down')
    try:
        eventually(lambda: not net.sas(), 'the SAs are gone', timeout=40, interval=0.5)
        eventually(lambda: not net.tunnels(), 'the tunnel is gone', timeout=40, interval=0.5)
        check_equal(net.rows('sessions'), [], 'sessions')
    finally:
        net.run('ip -n wire link set lac0 up')
    net.run('stop_xl2tpd lac0 KILL')
    direct(net)
    net.dial('lac0')
    net.check_works('lac0')
    net.hang_up('lac0')


@fresh
def charon_killed_and_started_again(lab, net):
    direct(net)
    net.dial('lac0')
    session = net.rows('sessions')[0]
    net.run('stop_charon front KILL')
    net.check_works('lac0', 'without charon')
    net.run('start_charon front', timeout=60)
    net.check_works('lac0', 'with a new charon that knows no SA')
    spis = inbound(net, 'lac0')
    net.run('stop_charon lac0 KILL; flush_sas lac0; start_charon lac0',
            timeout=60)
    net.connect('lac0')
    check(not spis & inbound(net, 'lac0'), 'new SAs')
    net.check_works('lac0', 'on the new SAs')
    check_equal([row['session'] for row in net.rows('sessions')], [session['session']],
                'the session has lived through it')
    net.hang_up('lac0')


@fresh
def lnsd_killed_and_started_again(lab, net):
    """The SAs come back from the kernel, and no number of theirs comes twice."""
    direct(net)
    keys = esp_capture.keys(net.xfrm('lac0'))
    net.run('''rm -f /run/esp.pcap
start wire tcpdump.log tcpdump -i lns -n -U -s 0 -w /run/esp.pcap 'ip proto 50 or (ip[6:2] & 0x1fff != 0)' >/run/tcpdump.wire
sleep 1''')
    spis = inbound(net, 'lac0')
    for round_ in range(3):
        net.dial('lac0')
        check_equal(net.ping('lac0', count=40 + 10 * round_), 40 + 10 * round_, 'pings')
        net.kill_lnsd()
        net.run('stop_xl2tpd lac0 KILL')
        net.start()
        eventually(lambda: len(net.sas()) == 2, 'the SAs are back', timeout=15)
    net.dial('lac0')
    net.check_works('lac0')
    check_equal(inbound(net, 'lac0'), spis, 'SPIs: charon was not asked')
    net.run('sleep 0.5; end /run/tcpdump.wire; on wire cp /run/esp.pcap /x/esp.pcap')
    counts = esp_capture.check_numbers(lab.path('guest/esp.pcap'), keys)
    check(counts.get(LNS, 0) > 150 and counts.get('10.1.0.2', 0) > 150, f'packets decrypted: {counts}')
    net.hang_up('lac0')
    return f'{sum(counts.values())} packets, each with a number of its own'


@fresh
def a_nat_gives_a_client_another_port(lab, net):
    net.lac_charon('lac1', psk=CLIENT_PSK, version=1, esp='aes128-sha1', ike='aes256-sha1-modp2048')
    net.connect('lac1')
    address = net.dial('lac1')
    net.check_works('lac1')
    ports = {row['peer'] for row in net.sas()}
    net.run('masquerade 40000-49999')
    eventually(lambda: net.ping('lac1', count=2) == 2, 'the client is reached on its new port', timeout=20)
    check(not ports & {row['peer'] for row in net.sas()}, f'{ports} before, {net.sas()} now')
    check_equal([row['address'] for row in net.rows('sessions')], [address], 'the same session')
    net.hang_up('lac1')


@case
def libreswan_on_the_lns(lab, net):
    net.reset()
    net.lns_libreswan()
    direct(net, rekey='5s')
    spis = inbound(net, 'lac0')
    check_l2tp(net, 'lac0')
    eventually(lambda: not spis & inbound(net, 'lac0'), 'the LAC has rekeyed', timeout=30, interval=0.5)
    net.check_works('lac0', 'after a rekeying')
    rows = net.sas()
    check_equal(len({row['group'] for row in rows}), 1, f'groups: {rows}')
    check(max(row['rekeys'] for row in rows) > 0, f'rekeys: {rows}')
    net.lac_charon('lac1', psk=CLIENT_PSK, version=1, esp='aes128-sha1', ike='aes256-sha1-modp2048')
    net.connect('lac1')
    net.dial('lac1')
    net.check_works('lac1', 'an IKEv1 client behind a NAT')
    check_equal(len({row['group'] for row in net.sas()}), 2, 'groups')
    for name in ('lac0', 'lac1'):
        net.run(f'hang_up {name}', timeout=40)
    eventually(lambda: not net.rows('sessions'), 'lnsd has no session', timeout=15)


def finish(lab, net):
    net.reset()
    eventually(lambda: not net.sas(), 'no SA is left', timeout=10)
    net.stop()
    net.guest.end()


main(setup, finish=finish)
