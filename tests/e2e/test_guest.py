# SPDX-License-Identifier: BSD-3-Clause
# e2e: limit 900
"""A Debian kernel in a virtual machine: xl2tpd and pppd (pppol2tp) as the LAC with its subscriber, dhcpcd behind them as
the customer's router with a host of the delegated prefix; lnsd on VRF devices."""
import ipaddress
import json
import re
import time
import types

import dial
import guest_vrf
import load
from guest import Guest
from lib import FAR, Capture, Lnsd, case, check, check_equal, default_config, eventually, main

SECRET, PORTAL = 'guest-tunnel-secret', 'portal-secret'
FAR6 = load.FAR6
IPV6 = {**load.IPV6, 'prefix-pools': load.IPV6['prefix-pools'] + [
    {'name': 'other', 'prefixes': ['2001:db8:1200::/48']}]}
USER, PASSWORD = 'kernel@isp.example', 'kernel-password'

XL2TPD = f'''[global]
port = 1701
auth file = /x/l2tp-secrets
debug tunnel = yes
debug state = yes
[lac isp]
lns = 10.1.0.1
pppoptfile = /x/ppp-options
hostname = guest
challenge = yes
length bit = yes
redial = no
'''
OPTIONS = f'''user {USER}
noauth
mtu 1400
mru 1400
noccp
+ipv6
nodefaultroute
usepeerdns
ipcp-accept-local
ipcp-accept-remote
lcp-echo-interval 5
lcp-echo-failure 4
debug
logfile /x/pppd.log
'''
# interface lan0 gets the second /64 of what is delegated
DHCPCD = '''duid
ipv6only
allowinterfaces ppp0 lan0
nohook resolv.conf
logfile /x/dhcpcd.log
debug
interface ppp0
	ipv6rs
	iaid 1
	ia_pd 1 lan0/1
	option dhcp6_reconfigure_accept
interface lan0
	noipv6rs
'''
# in tcpdump's words: T bit, or a PPP protocol of 0x8000 and above behind the short header, with ff 03 or without
CONTROL = ('src host 10.1.0.1 and udp and (udp[8] & 0x80 != 0 or (udp[14:2] = 0xff03 and udp[16] & 0x80 != 0) or '
           '(udp[14:2] != 0xff03 and udp[14] & 0x80 != 0))')
UP = 'ip -4 -o addr show ppp0 2>/dev/null | grep -q peer'


def setup(lab):
    lab.run('inet', 'true')
    # gigabytes of TCP pass here: tshark gets L2TP's control messages and PPP's other than network data
    capture = Capture(lab, filter_text=CONTROL)
    lnsd = Lnsd(lab, default_config(
        lab,
        peers=[{'name': 'guest', 'sources': ['10.1.0.3/32'], 'host-name': 'guest', 'secret': SECRET,
                'challenge': True}],
        users=[{'name': USER, 'password': PASSWORD}],
        **{'radius-clients': [{'name': 'portal', 'sources': ['127.0.0.1'], 'secret': PORTAL}]}, **IPV6)).start()
    guest = Guest(lab, timeout=850, memory=2048)
    guest.write('xl2tpd.conf', XL2TPD)
    guest.write('l2tp-secrets', f'* * {SECRET}\n', 0o600)
    guest.write('ppp-options', OPTIONS)
    guest.write('dhcpcd.conf', DHCPCD)
    guest.run(f'''modprobe -a l2tp_ppp ppp_async sch_netem
mkdir -p /var/run/xl2tpd
echo '"{USER}" * "{PASSWORD}" *' >/etc/ppp/chap-secrets
cp /etc/ppp/chap-secrets /etc/ppp/pap-secrets
chmod 600 /etc/ppp/*-secrets
setsid xl2tpd -D -c /x/xl2tpd.conf -p /run/xl2tpd.pid -C /run/xl2tpd.ctl >/x/xl2tpd.log 2>&1 &
for i in $(seq 50); do [ -p /run/xl2tpd.ctl ] && exit 0; sleep 0.1; done; exit 1''')
    return types.SimpleNamespace(lnsd=lnsd, capture=capture, guest=guest)


def explain(state):
    return ('\nxl2tpd: ' + state.guest.read('xl2tpd.log')[-1500:] + '\npppd: '
            + state.guest.read('pppd.log')[-1500:])


def dial_up(state, options=''):
    """ppp0 up in the guest; its address, which is also what lnsd shows."""
    guest = state.guest
    guest.write('ppp-options', OPTIONS + options)
    guest.run('echo "c isp" >/run/xl2tpd.ctl')
    try:
        guest.wait(UP, 'ppp0', 30)
    except AssertionError as error:
        raise type(error)(str(error) + explain(state)) from None
    shown = guest.run('ip -4 -o addr show ppp0')
    address = re.search(r'inet (\S+) peer (\S+)/32', shown)
    check(address, 'address of ppp0: ' + shown)
    check_equal(address.group(2), '100.64.0.1', "the LNS's end")
    row = dial.session_of(state, USER)
    check(address.group(1) in str(row), f'show sessions has {address.group(1)}: {row}')
    guest.run(f'ip route replace {FAR}/32 dev ppp0')
    return address.group(1)


def hang_up(state):
    state.guest.run('echo "d isp" >/run/xl2tpd.ctl')
    state.guest.wait('! ip link show ppp0 2>/dev/null', 'ppp0 is gone', 20)
    eventually(lambda: not state.lnsd.sessions(), 'lnsd has no session', timeout=10)


@case
def ppp0_comes_up_and_pings(lab, state):
    address = dial_up(state)
    out = state.guest.run(f'ping -n -q -c 20 -i 0.1 -W 2 {FAR}')
    check(' 0% packet loss' in out, out)
    out = state.guest.run('ping -n -q -c 3 -W 2 100.64.0.1')
    check(' 0% packet loss' in out, out)
    check_equal(lab.ping('inet', address, 5, extra=('-I', FAR)), 5, 'pings from the internet')
    out = state.guest.run('cat /etc/ppp/resolv.conf')
    check('9.9.9.9' in out, f'DNS server by IPCP: {out}')
    return re.search(r'rtt.*', state.guest.run(f'ping -n -q -c 5 -i 0.1 {FAR}')).group(0)


@case
def mtu_of_the_link_is_kept(lab, state):
    state.guest.run(f'ping -n -q -c 2 -W 2 -M do -s 1372 {FAR}')
    address = re.search(r'inet (\S+)', state.guest.run('ip -4 -o addr show ppp0')).group(1)
    check_equal(lab.ping('inet', address, 2, size=1372, extra=('-M', 'do', '-I', FAR)), 2, 'pings of 1400 bytes downlink')
    done = lab.run('inet', 'ping', '-n', '-c', '2', '-W', '1', '-M', 'do', '-I', FAR, '-s', '1373', address,
                   check_status=False)
    check(done.returncode != 0 and 'mtu' in (done.stdout + done.stderr).lower(),
          f'1401 bytes with DF: {done.stdout} {done.stderr}')
    check_equal(lab.ping('inet', address, 2, size=1450, extra=('-M', 'dont', '-I', FAR)), 2, 'fragmented pings downlink')
    lab.run('inet', 'ip', 'route', 'flush', 'cache')


@case
def tcp_both_ways_through_ppp0(lab, state):
    server = lab.spawn('inet', 'iperf3', '-s', '-B', FAR, '--forceflush', log='iperf3.log')
    eventually(lambda: 'listening' in lab.read('iperf3.log'), 'iperf3 listens')
    rates = []
    for direction in ('', '-R'):
        out = state.guest.run(f'iperf3 -J -c {FAR} -t 5 {direction}', timeout=60)
        end = json.loads(out)['end']
        got = end['sum_received']['bytes']
        check(got > 5_000_000, f'TCP {direction or "up"}: only {got} bytes in 5 s')
        rates.append(f"{'down' if direction else 'up'} {end['sum_received']['bits_per_second'] / 1e6:.0f} Mbit/s")
    lab.end(server)
    return ', '.join(rates)


def details(state):
    row = dial.session_of(state, USER)
    return state.lnsd.row('session', f"{row['tunnel']}/{row['session']}")


def host_moves_in(state):
    """The host behind lan0 takes an address there, as a router advertisement would have told it; the address."""
    prefix = ipaddress.ip_network(details(state)['ipv6_delegated'])
    router, host = (str(prefix[(1 << 64) + number]) for number in (1, 2))
    state.guest.wait(f"ip -6 -o addr show dev lan0 | grep -q ' {router}/64'", f'{router} on lan0', 30)
    state.guest.run(f'''ip -n home -6 addr flush dev eth0 scope global
ip -n home addr add {host}/64 dev eth0 nodad
ip -n home -6 route replace default via {router}''')
    return host


def tcp6(lab, state, host, seconds=3):
    """Connections from the host to the internet with data either way, and one from the internet to the host."""
    server = lab.spawn('inet', 'iperf3', '-s', '-B', FAR6, '-p', '5206', '--forceflush', log='iperf3-6.log')
    eventually(lambda: 'listening' in lab.read('iperf3-6.log'), 'iperf3 listens')
    rates = []
    try:
        for direction in ('', '-R'):
            out = state.guest.run(f'ip netns exec home iperf3 -6 -J -c {FAR6} -p 5206 -t {seconds} {direction}', timeout=60)
            rates.append(json.loads(out)['end']['sum_received'])
    finally:
        lab.end(server)
    state.guest.run('''ip netns exec home iperf3 -s -1 -D -p 5207
for i in $(seq 50); do ip netns exec home ss -Htln sport = :5207 | grep -q . && exit 0; sleep 0.1; done; exit 1''')
    out = lab.run('inet', 'iperf3', '-6', '-J', '-c', host, '-B', FAR6, '-p', 5207, '-t', seconds).stdout
    rates.append(json.loads(out)['end']['sum_received'])
    for rate, what in zip(rates, ('up', 'down', 'from the internet')):
        check(rate['bytes'] > 1_000_000 * seconds, f"TCP {what}: only {rate['bytes']} bytes")
    return ', '.join(f"{rate['bits_per_second'] / 1e6:.0f}" for rate in rates) + ' Mbit/s'


@case
def a_host_in_the_delegated_prefix_reaches_the_internet(lab, state):
    state.guest.run('''sysctl -qw net.ipv6.conf.all.forwarding=1
ip netns add home
ip link add lan0 type veth peer name eth0 netns home
ip link set lan0 up; ip -n home link set lo up; ip -n home link set eth0 up
dhcpcd -f /x/dhcpcd.conf -6 ppp0 >/x/dhcpcd.out 2>&1''')
    eventually(lambda: details(state)['dhcp6_prefix'], 'the prefix is bound', timeout=30)
    host = host_moves_in(state)
    for target, size in ((FAR6, 56), (FAR6, 1352), ('2001:db8:ffff::1', 1000)):
        out = state.guest.run(f'ip netns exec home ping -6 -n -q -c 3 -i 0.1 -W 2 -M do -s {size} {target}')
        check(' 0% packet loss' in out, out)
    # larger than the line: the LNS says so, or the router in the other direction
    out = state.guest.run(f'ip netns exec home ping -6 -n -c 1 -W 2 -M do -s 1353 {FAR6}', check_status=False)
    check('mtu' in out.lower() or 'too big' in out.lower() or 'too long' in out.lower(), out)
    return tcp6(lab, state, host)


@case
def the_router_is_renumbered_and_its_host_goes_on(lab, state):
    before = details(state)
    check(before['dhcp6_reconfigure'], 'dhcpcd accepts Reconfigure')
    request = lab.path('coa')
    with open(request, 'w') as file:
        file.write(f'User-Name = "{USER}"\nDelegated-IPv6-Prefix = 2001:db8:1120:4200::/56\n'
                   f'Framed-IPv6-Pool = "other"\nEvent-Timestamp = {int(time.time())}\n')
    done = lab.run('lns', 'radclient', '-r', 1, '-t', 2, '-x', '-f', request, '127.0.0.1:3799', 'coa', PORTAL)
    check('Received CoA-ACK' in done.stdout, done.stdout)
    host = host_moves_in(state)
    check(host.startswith('2001:db8:1120:4201:'), f'the host is {host}')
    check('RECONFIGURE6' in state.guest.read('dhcpcd.log'), 'dhcpcd was told')
    # the kernel's own addresses on the link: the new one is preferred, the old one deprecated or gone
    prefix = details(state)['ipv6_prefix'].split('::/')[0]
    state.guest.wait(f"ip -6 -o addr show dev ppp0 -deprecated | grep -q '{prefix}:'", 'the new prefix on ppp0')
    old = before['ipv6_prefix'].split('::/')[0]
    state.guest.wait(f"! ip -6 -o addr show dev ppp0 -deprecated | grep -q '{old}:'", 'the old one is not preferred')
    out = state.guest.run(f'ip netns exec home ping -6 -n -q -c 3 -i 0.1 -W 2 {FAR6}; ping -6 -n -q -c 3 -i 0.1 -W 2 {FAR6}')
    check(out.count(' 0% packet loss') == 2, out)
    return tcp6(lab, state, host, seconds=2)


@case
def the_router_releases_its_prefix(lab, state):
    state.guest.run('dhcpcd -f /x/dhcpcd.conf -6 -k ppp0 >/x/dhcpcd.out 2>&1', check_status=False)
    eventually(lambda: not details(state)['dhcp6_prefix'], 'the prefix is released', timeout=15)
    values = {row['name']: row['value'] for row in state.lnsd.rows('control') if row['group'] == 'dhcp6'}
    for name in ('solicit', 'request', 'renew', 'release', 'reconfigure_sent', 'reconfigure_answered', 'taken_back'):
        check(values['dhcp6_' + name] >= 1, f'dhcp6_{name}: {values}')


@case
def teardown_by_xl2tpd(lab, state):
    hang_up(state)
    check('Terminate' in state.guest.read('pppd.log') or 'TermReq' in state.guest.read('pppd.log'),
          'pppd terminated LCP')


@case
def teardown_by_the_operator(lab, state):
    dial_up(state)
    done = state.lnsd.command('disconnect', 'user', USER)
    check_equal(done.returncode, 0, 'lnsctl disconnect: ' + done.stderr)
    state.guest.wait('! ip link show ppp0 2>/dev/null', 'ppp0 is gone', 20)
    eventually(lambda: not state.lnsd.sessions(), 'lnsd has no session', timeout=10)


@case
def pap_and_mschapv2(lab, state):
    for options in ('refuse-chap\nrefuse-mschap-v2\nrefuse-mschap\nrefuse-eap\n',
                    'refuse-chap\nrefuse-pap\nrefuse-mschap\nrefuse-eap\n'):
        dial_up(state, options)
        state.guest.run(f'ping -n -q -c 3 -W 2 {FAR}')
        hang_up(state)


@case
def wrong_password_is_refused(lab, state):
    guest = state.guest
    guest.run(f'''sed -i 's/{PASSWORD}/not-it/' /etc/ppp/chap-secrets /etc/ppp/pap-secrets
: >/x/pppd.log
echo "c isp" >/run/xl2tpd.ctl''')
    try:
        guest.wait("grep -qi 'authentication failed' /x/pppd.log", 'pppd is told', 20)
    except AssertionError as error:
        raise type(error)(str(error) + explain(state)) from None
    guest.run(f"sed -i 's/not-it/{PASSWORD}/' /etc/ppp/chap-secrets /etc/ppp/pap-secrets")
    eventually(lambda: not state.lnsd.sessions(), 'no session', timeout=15)
    # xl2tpd keeps the call on its books until it is told to hang up
    guest.run('echo "d isp" >/run/xl2tpd.ctl; sleep 1')
    dial_up(state)
    hang_up(state)


@case
def a_bad_line(lab, state):
    """20 ms, 2 % loss, duplicates and reordering in the guest's network card, both for L2TP and TCP."""
    guest = state.guest
    guest.run('tc qdisc add dev eth0 root netem delay 20ms 2ms loss 2% reorder 5% duplicate 1%')
    try:
        dial_up(state)
        out = guest.run(f'ping -n -q -c 50 -i 0.05 -W 2 {FAR}')
        received = int(re.search(r'(\d+) received', out).group(1))
        check(received >= 40, out)
        hang_up(state)
    finally:
        guest.run('tc qdisc del dev eth0 root', check_status=False)
    return f'{received} of 50 pings'


@case
def shutdown_of_lnsd_is_told_to_the_lac(lab, state):
    dial_up(state)
    state.lnsd.stop()
    state.guest.wait('! ip link show ppp0 2>/dev/null', 'ppp0 is gone', 20)
    check('StopCCN' in state.guest.read('xl2tpd.log') or 'Stop' in state.guest.read('xl2tpd.log')
          or 'closed' in state.guest.read('xl2tpd.log').lower(), 'xl2tpd was told: ' + explain(state))
    state.lnsd.start()
    dial_up(state)
    state.guest.run(f'ping -n -q -c 3 -W 2 {FAR}')
    hang_up(state)


@case
def vrf_devices_and_vlans(lab, state):
    """lnsd in the guest, whose kernel has both: three VRFs with the same addresses, two of them VLANs of one port."""
    with guest_vrf.Network(lab, state.guest) as network:
        network.each_subscriber_reaches_its_own_internet()
        network.the_kernel_has_devices_and_tables()
        network.routes_go_with_the_session()
    return network.summary


def finish(lab, state):
    state.guest.end()
    return dial.finish(lab, state)


main(setup, guest=True, finish=finish)
