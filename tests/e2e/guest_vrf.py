# SPDX-License-Identifier: BSD-3-Clause
"""lnsd inside the guest, on a kernel with VRF devices and VLANs, and three internets with the same addresses:

   subscribers (here, Scapy) ── eth0 [lnsd] core ──┬── inet                 red, the default VRF
                                                   ├── VLAN 20 ── blue      VRF device blue, table 100
                                                   └── VLAN 30 ── green     VRF device green, table 300

Each internet answers a datagram to port 7000 with its own name.
"""
import json
import shutil

import dial
from ipv6 import Client6, address_in
from lib import FAR, check, check_equal, eventually, program, yaml_text
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

LNS = '10.1.0.5'
ADDRESS, PREFIX, FAR6 = '100.65.0.77', '2001:db8:1400::/48', '2001:db8:ffff::1'
POOL, POOL6 = '100.64.16.0/20', '2001:db8:1100::/40'
VRFS = {'red': 'main', 'blue': 100, 'green': 300}  # in the order of their numbers
VLANS = {'blue': 20, 'green': 30}

MAKE = '''set -e
modprobe -a vrf 8021q tun veth
cp /x/lnsd /x/lnsctl /usr/bin/
for name in red blue green; do
	ip netns add $name
	ip netns exec $name sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
	ip -n $name link set lo up
done
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip addr flush dev eth0
ip link add name core type veth peer name core netns red
for pair in blue:20 green:30; do
	ip -n red link add link core name vlan0 type vlan id ${pair#*:}
	ip -n red link set vlan0 netns ${pair%:*}
	ip -n ${pair%:*} link set vlan0 name core
done
ethtool -K core tx off rx off tso off gso off gro off txvlan off rxvlan off >/dev/null 2>&1 || true
ip netns exec red ethtool -K core tx off rx off tso off gso off gro off txvlan off rxvlan off >/dev/null 2>&1 || true
ip link set core up
for name in red blue green; do
	ip -n $name link set core up
	ip -n $name addr add 10.2.0.2/24 dev core
	ip -n $name addr add 203.0.113.1/32 dev lo
	ip -n $name addr add fd00:2::2/64 dev core nodad
	ip -n $name addr add 2001:db8:ffff::1/128 dev lo nodad
	ip -n $name route add 100.64.0.0/10 via 10.2.0.1
	ip -n $name -6 route add 2001:db8:1000::/36 via fd00:2::1
	for family in 4:203.0.113.1 6:[2001:db8:ffff::1]; do
		setsid ip netns exec $name socat UDP${family%%:*}-RECVFROM:7000,bind=${family#*:},fork \\
			SYSTEM:"echo $name" >/dev/null 2>&1 </dev/null &
		echo $! >>/run/answerers
	done
done
'''

START = '''setsid lnsd -c /x/lnsd.yaml >>/x/lnsd.log 2>&1 </dev/null &
echo $! >/run/lnsd.pid
n=0
until lnsctl -s /run/lnsd.sock show version >/dev/null 2>&1; do
	n=$((n + 1))
	[ $n -lt 200 ] || { tail -n 20 /x/lnsd.log; exit 1; }
	sleep 0.2
done
'''

END = '''kill $(cat /run/lnsd.pid)
n=0
while kill -0 $(cat /run/lnsd.pid) 2>/dev/null; do
	n=$((n + 1))
	[ $n -lt 150 ] || { tail -n 20 /x/lnsd.log; exit 1; }
	sleep 0.2
done
kill $(cat /run/answerers)
for name in red blue green; do ip netns del $name; done
'''


def lnsd_config():
    core = {'device': 'net_pcap1', 'role': 'core', 'addresses': ['10.2.0.1/24', 'fd00:2::1/64']}
    vrfs = [name for name in VRFS if name != 'red']
    return {
        'lns': {'host-name': 'lns.example', 'control-socket': '/run/lnsd.sock'},
        'dpdk': {
            'main-core': 0, 'worker-cores': [1], 'hugepages': False, 'memory': 768, 'mbufs': 16384,
            'max-sessions': 1024, 'rx-descriptors': 256, 'tx-descriptors': 256, 'idle': 'sleep',
            'vdevs': [f'net_pcap{index},rx_iface_in={name},tx_iface={name}'
                      for index, name in enumerate(('eth0', 'core'))]},
        'interfaces': [
            {'name': 'access', 'device': 'net_pcap0', 'role': 'access', 'addresses': [LNS + '/24']},
            {'name': 'core', **core},
            *({'name': f'core{VLANS[name]}', 'vlan': VLANS[name], 'vrf': name, **core} for name in vrfs)],
        'vrfs': [{'name': name, 'table': VRFS[name]} for name in vrfs],
        'peers': [{'name': 'open', 'sources': ['10.1.0.2/32']}],
        'subscribers': {'auth': ['chap'], 'mru': 1460, 'local-address': '100.64.0.1', 'pool': 'red'},
        'users': [{'name': name + '@isp.example', 'password': name + '-password', 'address': ADDRESS,
                   'ipv6-delegated': PREFIX, **({} if name == 'red' else {'vrf': name})} for name in VRFS],
        'pools': [{'name': name, 'ranges': [POOL], **({} if name == 'red' else {'vrf': name})} for name in VRFS],
        'prefix-pools': [{'name': name + '6', 'length': 56, 'prefixes': [POOL6],
                          **({} if name == 'red' else {'vrf': name})} for name in VRFS],
        'ipv6': {'delegated-pool': 'red6'},
        'kernel': {'netns': 'front'},
    }


class Network:
    def __init__(self, lab, guest):
        self.lab, self.guest, self.summary = lab, guest, ''

    def __enter__(self):
        for name in ('lnsd', 'lnsctl'):
            shutil.copy(program(name), self.guest.share)
        self.guest.write('lnsd.yaml', yaml_text(lnsd_config()), 0o600)
        self.guest.run(MAKE, timeout=60)
        self.guest.run(START, timeout=90)
        for name, table in VRFS.items():
            device = '' if name == 'red' else f'vrf {name}'
            self.guest.run(f'ip -n front route add default via 10.2.0.2 {device}')
            # IPv6 learns of the carrier a moment later, and its subnets with it
            self.guest.wait(f'ip -n front -6 route add default via fd00:2::2 {device} 2>/dev/null', 'IPv6 subnet')
            eventually(lambda: all(self.defaults(name)), f'default routes of {name}', interval=0.3)
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            print(self.guest.read('lnsd.log')[-4000:])
            print(self.guest.run('ip -n front rule; ip -n front route show table all; ip -n front -6 route show table all; '
                                 'lnsctl -s /run/lnsd.sock show drops', check_status=False)[-6000:])
        self.guest.run(END, timeout=60, check_status=error is None)
        if error is None:
            self.nothing_is_left()

    def rows(self, *what):
        answer = json.loads(self.guest.run('lnsctl -s /run/lnsd.sock --json show ' + ' '.join(map(str, what))))
        return answer if isinstance(answer, list) else [answer]

    def defaults(self, name):
        return [[row['via'] for row in self.rows('routes', prefix, '--vrf', list(VRFS).index(name))
                 if row['prefix'] == prefix and row['used']] for prefix in ('0.0.0.0/0', '::/0')]

    def subscribers(self, tunnel):
        return {name: Client6(tunnel.call(), user=name + '@isp.example', password=name + '-password').dual()
                for name in VRFS}

    def each_subscriber_reaches_its_own_internet(self):
        source = address_in(PREFIX, 9)
        with dial.tunnel_up(self.lab, remote=LNS) as tunnel:
            clients = self.subscribers(tunnel)
            for name, client in clients.items():
                check_equal(client.address, ADDRESS, 'address')
                client.ping(FAR, count=3)
                client.ping6(FAR6, source, count=3)
                client.udp_to(FAR, 7000, b'who')
                check_equal(bytes(client.next_ip()[UDP].payload), name.encode() + b'\n', 'who answered')
                client.send6(IPv6(src=source, dst=FAR6) / UDP(sport=40000, dport=7000) / Raw(b'who'))
                check_equal(bytes(client.next6(UDP)[UDP].payload), name.encode() + b'\n', 'who answered, IPv6')
            # from the box, by the VRF's device, to the internet of this VRF and to its subscriber
            for name in VLANS:
                for target in ('10.2.0.2', 'fd00:2::2'):
                    self.guest.run(f'ip netns exec front ping -n -q -c 1 -W 3 -I {name} {target}')
            self.guest.run(f'ip netns exec front ping -n -c 1 -W 1 -I lns1 {ADDRESS}', check_status=False)
            check_equal(clients['blue'].next_ip().dst, ADDRESS, 'an echo request from the box')
            # one without its default route is alone
            self.guest.run('ip -n front route del default vrf green; ip -n front -6 route del default vrf green')
            eventually(lambda: not any(self.defaults('green')), 'its default routes are gone', interval=0.3)
            for name in ('red', 'blue'):
                clients[name].ping(FAR)
                clients[name].ping6(FAR6, source)
            clients['green'].udp_to(FAR, 7000, b'who')
            check_equal(clients['green'].next_ip()['ICMP'].type, 3, 'ICMP unreachable')

    def the_kernel_has_devices_and_tables(self):
        shown = json.loads(self.guest.run('ip -n front -j -d link'))
        tables = {link['ifname']: link['linkinfo']['info_data']['table'] for link in shown
                  if link.get('linkinfo', {}).get('info_kind') == 'vrf'}
        check_equal(tables, {'blue': 100, 'green': 300}, 'VRF devices')
        members = {name: {link['ifname'] for link in shown if link.get('master') == name} for name in tables}
        check_equal(members, {'blue': {'core20', 'lns1'}, 'green': {'core30', 'lns2'}}, 'devices in them')
        check('lns1' not in self.guest.run('ip -n front rule'), 'rules are needed without VRF devices only')
        self.summary = f'VRF devices {tables}'

    def announced(self):
        found = {}
        for number, (name, table) in enumerate(VRFS.items()):
            text = self.guest.run(f'for f in -4 -6; do ip -n front $f route show table {table} proto 108; done')
            found[name] = {line.split()[0] for line in text.splitlines() if f'dev lns{number}' in line}
        return found

    def routes_go_with_the_session(self):
        pools = {name: {POOL, POOL6} for name in VRFS}
        eventually(lambda: self.announced() == pools, 'the pools and nothing else', interval=0.3)
        with dial.tunnel_up(self.lab, remote=LNS) as tunnel:
            client = Client6(tunnel.call(), user='green@isp.example', password='green-password').dual()
            wanted = {**pools, 'green': pools['green'] | {ADDRESS, PREFIX}}
            eventually(lambda: self.announced() == wanted, 'its routes in its table', interval=0.3)
            client.session.disconnect()
            eventually(lambda: self.announced() == pools, 'withdrawn', interval=0.3)

    def nothing_is_left(self):
        left = self.guest.run('ip netns; ip -n front link show type vrf 2>/dev/null', check_status=False)
        check('blue' not in left and 'front' not in left, f'left behind: {left}')
