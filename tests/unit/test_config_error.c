/* SPDX-License-Identifier: BSD-3-Clause */
/* Shows every mistake of the host's sections, and the line that names it. */
#include "config_fixture.h"

#define ROWS(rows) config_rows_run(rows, sizeof(rows) / sizeof(*rows))

Test(config_error, mistakes_in_keys_and_shape_of_the_file)
{
	static const struct config_row rows[] = {
		{"", "f:1:1: interfaces: not given, expected a value"},
		{"- a\n", "f:1:1: (file): a list, expected a mapping of keys"},
		{"a: [\n",
			"f:2:1: (syntax): did not find expected node content while parsing a "
			"flow node, expected valid YAML"},
		{DPDK INTERFACES "peer: []\n", "f:3:1: peer: unknown key, did you mean peers?"},
		{DPDK INTERFACES "frobnicate: 1\n",
			"f:3:1: frobnicate: unknown key, expected one of lns, metrics, dpdk, "
			"interfaces, peers, subscribers, users, pools, ipv6, prefix-pools, vrfs, "
			"kernel, ipsec, "
			"security-associations, aaa, radius, radius-servers, radius-clients, "
			"policies"},
		{DPDK INTERFACES "lns: [a]\n", "f:3:6: lns: a list, expected a mapping of keys"},
		{DPDK INTERFACES "peers: {}\n", "f:3:8: peers: a mapping, expected a list"},
		{DPDK INTERFACES "peers: ~\n"
				 "lns:\n",
			""},
		{DPDK INTERFACES "lns: {log-level: info}\n"
				 "lns: {log-level: debug}\n",
			"f:4:1: lns: given a second time, expected once (line 3 has it)"},
		{DPDK INTERFACES "users: &x []\n",
			"f:3:8: users: an anchor (not supported), expected a list"},
		{DPDK INTERFACES "lns: &x {log-level: info}\n",
			"f:3:6: lns: an anchor (not supported), expected a mapping of keys"},
		{DPDK INTERFACES "<<: *x\n",
			"f:3:1: <<: unknown key, expected one of lns, metrics, dpdk, interfaces, "
			"peers, "
			"subscribers, users, pools, ipv6, prefix-pools, vrfs, kernel, ipsec, "
			"security-associations, aaa, radius, radius-servers, radius-clients, "
			"policies"},
		{DPDK INTERFACES "lns: {log-level: !!str info}\n",
			"f:3:18: lns.log-level: a tag (not supported), expected one of error, "
			"warning, info, debug"},
	};

	ROWS(rows);
}

Test(config_error, mistakes_in_lns)
{
	static const struct config_row rows[] = {
		{DPDK INTERFACES "lns: {hostname: a}\n",
			"f:3:7: lns.hostname: unknown key, did you mean host-name?"},
		{DPDK INTERFACES "lns: {host: a}\n",
			"f:3:7: lns.host: unknown key, did you mean host-name?"},
		{DPDK INTERFACES "lns: {zzzzzzzz: a}\n",
			"f:3:7: lns.zzzzzzzz: unknown key, expected one of host-name, "
			"vendor-name, control-socket, log-level, half-open-max, "
			"half-open-per-source"},
		{DPDK INTERFACES "lns: {host-name: }\n",
			"f:3:18: lns.host-name: nothing, expected 1 to 63 characters"},
		{DPDK INTERFACES "lns: {host-name: \"\"}\n",
			"f:3:18: lns.host-name: the text \"\", expected 1 to 63 characters"},
		{DPDK INTERFACES "lns: {host-name: a b}\n",
			"f:3:18: lns.host-name: a b, expected a host name, no spaces"},
		{DPDK INTERFACES "lns: {host-name: [a]}\n",
			"f:3:18: lns.host-name: a list, expected 1 to 63 characters"},
		{DPDK INTERFACES
			"lns: {host-name: "
			"hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh}\n",
			"f:3:18: lns.host-name: "
			"hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh, "
			"expected 1 to 63 characters"},
		{DPDK INTERFACES "lns: {host-name: \"a\\tb\"}\n",
			"f:3:18: lns.host-name: the text \"a?b\", expected one line without "
			"control characters"},
		{DPDK INTERFACES "lns: {host-name: \"a\\0b\"}\n",
			"f:3:18: lns.host-name: the text \"a?b\", expected 1 to 63 characters"},
		{DPDK INTERFACES "lns: {control-socket: lnsd.sock}\n",
			"f:3:23: lns.control-socket: lnsd.sock, expected an absolute path"},
		{DPDK INTERFACES "lns: {log-level: verbose}\n",
			"f:3:18: lns.log-level: verbose, expected one of error, warning, info, "
			"debug"},
		{DPDK INTERFACES "lns: {log-level: debug, log-level: info}\n",
			"f:3:25: lns.log-level: given a second time, expected once (line 3 has "
			"it)"},
		{DPDK INTERFACES "lns: {half-open-max: 0}\n",
			"f:3:22: lns.half-open-max: 0, expected a number from 1 to 65535"},
		{DPDK INTERFACES "lns: {half-open-max: 40, half-open-per-source: 50}\n",
			"f:3:48: lns.half-open-per-source: 50, expected no more than "
			"half-open-max (40)"},
		{DPDK INTERFACES "lns:\n"
				 "  half-open-max: \"40\"\n",
			"f:4:18: lns.half-open-max: the text \"40\", expected a number from 1 to "
			"65535 without quotes"},
		{DPDK INTERFACES "lns: {half-open-max: 010}\n",
			"f:3:22: lns.half-open-max: 010, expected a number from 1 to 65535"},
		{DPDK INTERFACES "lns: {half-open-max: 0x10}\n",
			"f:3:22: lns.half-open-max: 0x10, expected a number from 1 to 65535"},
		{DPDK INTERFACES "lns: {half-open-max: -1}\n",
			"f:3:22: lns.half-open-max: -1, expected a number from 1 to 65535"},
		{DPDK INTERFACES "lns: {half-open-max: 99999999999999999999999}\n",
			"f:3:22: lns.half-open-max: 99999999999999999999999, expected a number "
			"from 1 to 65535"},
	};

	ROWS(rows);
}

Test(config_error, mistakes_in_dpdk)
{
	static const struct config_row rows[] = {
		{"dpdk: {vdevs: [net_null0], hugepages: yes}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:39: dpdk.hugepages: yes, expected true or false (write true)"},
		{"dpdk: {vdevs: [net_null0], hugepages: off}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:39: dpdk.hugepages: off, expected true or false (write false)"},
		{"dpdk: {vdevs: [net_null0], hugepages: \"true\"}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:39: dpdk.hugepages: the text \"true\", expected true or false "
			"without quotes"},
		{"dpdk: {vdevs: [net_null0], hugepages: maybe}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:39: dpdk.hugepages: maybe, expected true or false"},
		{"dpdk: {vdevs: [net_null0], hugepages: true, worker-cores: 1}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:59: dpdk.worker-cores: 1, expected a list of 1 to 64 elements"},
		{"dpdk: {vdevs: [net_null0], worker-cores: []}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:42: dpdk.worker-cores: 0 elements, expected 1 to 64"},
		{"dpdk: {vdevs: [net_null0], worker-cores: [a, 3-2, 1024]}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:43: dpdk.worker-cores[0]: a, expected a CPU number from 0 to "
			"1023, or a range (4-7)\n"
			"f:1:46: dpdk.worker-cores[1]: 3-2, expected a CPU number from 0 to "
			"1023, or a range (4-7)\n"
			"f:1:51: dpdk.worker-cores[2]: 1024, expected a CPU number from 0 to "
			"1023, or a range (4-7)"},
		{"dpdk: {vdevs: [net_null0], worker-cores: [0, 1]}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:42: dpdk.worker-cores: CPU 0 is main-core too, expected a CPU of "
			"its own for each (labs: share-cores: true)"},
		{"dpdk: {vdevs: [net_null0], worker-cores: [1, 2, 1]}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:42: dpdk.worker-cores: CPU 1 stands twice, expected a CPU of its "
			"own for each (labs: share-cores: true)"},
		{"dpdk: {vdevs: [net_null0], main-core: 1}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:7: dpdk.worker-cores: CPU 1 is main-core too, expected a CPU of "
			"its own for each (labs: share-cores: true)"},
		{"dpdk: {vdevs: [net_null0], worker-cores: [1-65]}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:42: dpdk.worker-cores: more than 64 workers, expected 1 to 64"},
		{"dpdk: {vdevs: [net_null0], memory: 1G}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:36: dpdk.memory: 1G, expected a number from 64 to 1048576, or 0"},
		{"dpdk: {vdevs: [net_null0], hugepages: false, memory: 0}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:54: dpdk.memory: 0 without hugepages, expected a number of "
			"megabytes from 64 to 1048576"},
		{"dpdk: {vdevs: [net_null0], memory: 100, mbufs: 100000}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:36: dpdk.memory: 100 MB, expected at least 245 MB for 100000 "
			"packet buffers"},
		{"dpdk: {vdevs: [net_null0], mbufs: 2048, worker-cores: [1-4]}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:35: dpdk.mbufs: 2048, expected at least 8192 (1 ports x 4 workers "
			"x 2048 descriptors)"},
		{"dpdk: {vdevs: [net_null0], rx-descriptors: 1000}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:44: dpdk.rx-descriptors: 1000, expected a power of two"},
		{"dpdk: {vdevs: [net_null0], idle: nap}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:34: dpdk.idle: nap, expected one of poll, pause, monitor, sleep"},
		{"dpdk: {vdevs: [net_null0], eal-args: [--vdev=net_tap0, -l2, "
		 "--no-huge]}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:39: dpdk.eal-args[0]: --vdev=net_tap0, expected the key "
			"dpdk.vdevs for this\n"
			"f:1:56: dpdk.eal-args[1]: -l2, expected the key dpdk.worker-cores for "
			"this\n"
			"f:1:61: dpdk.eal-args[2]: --no-huge, expected the key dpdk.hugepages "
			"for this"},
		{"dpdk: {vdevs: [net_null0], max-sessions: 2000000}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:42: dpdk.max-sessions: 2000000, expected a number from 1 to "
			"1048576"},
		{"dpdk: {devices: [\"81:00\"], vdevs: [net_null0]}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:18: dpdk.devices[0]: the text \"81:00\", expected a PCI address "
			"(0000:81:00.0), arguments after a comma"},
		{"dpdk: {devices: [\"81:00.0\", \"0000:81:00.0,x=1\"], vdevs: [net_null0, "
		 "\"net_null0,size=1\"]}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:29: dpdk.devices[1]: 0000:81:00.0, expected each device only once\n"
			"f:1:69: dpdk.vdevs[1]: net_null0, expected each device only once"},
		{"dpdk: {vdevs: [\"net null0\"]}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:16: dpdk.vdevs[0]: the text \"net null0\", expected a vdev as EAL "
			"takes it (net_af_packet0,iface=eth1), its name below 64 characters\n"
			"f:2:33: interfaces[a0].device: net_null0, expected a device of "
			"dpdk.devices or dpdk.vdevs"},
		{"dpdk: {vdevs: net_null0}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n",
			"f:1:15: dpdk.vdevs: net_null0, expected a list\n"
			"f:2:33: interfaces[a0].device: net_null0, expected a device of "
			"dpdk.devices or dpdk.vdevs"},
	};

	ROWS(rows);
}

Test(config_error, mistakes_in_interfaces)
{
	static const struct config_row rows[] = {
		{DPDK "interfaces: []\n", "f:2:13: interfaces: 0 elements, expected 1 to 64"},
		{DPDK "interfaces: [x]\n", "f:2:14: interfaces[0]: x, expected a mapping of keys"},
		{DPDK "interfaces: [{}]\n",
			"f:2:14: interfaces[0].name: not given, expected a value\n"
			"f:2:14: interfaces[0].device: not given, expected a value\n"
			"f:2:14: interfaces[0].addresses: not given, expected an address that "
			"LACs connect to"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0}\n",
			"f:3:3: interfaces[a0].addresses: not given, expected an address that "
			"LACs connect to"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24], role: edge}\n",
			"f:3:65: interfaces[a0].role: edge, expected one of access, core, both"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24], role: core}\n",
			"f:3:1: interfaces: no interface with role access or both, expected "
			"one for the LACs"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24], role: "
		      "access}\n",
			"f:3:1: interfaces: no interface with role core or both, expected one "
			"towards the internet"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24], mtu: 9601}\n",
			"f:3:64: interfaces[a0].mtu: 9601, expected a number from 576 to 9600"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24], mtu: "
		      "1500.0}\n",
			"f:3:64: interfaces[a0].mtu: 1500.0, expected a number from 576 to 9600"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24], vlan: 4095}\n",
			"f:3:65: interfaces[a0].vlan: 4095, expected a number from 1 to 4094, "
			"or 0"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24], outer-vlan: "
		      "5}\n",
			"f:3:71: interfaces[a0].outer-vlan: 5 without vlan, expected both tags "
			"of a QinQ interface"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24], vrf: blue}\n",
			"f:3:64: interfaces[a0].vrf: blue, expected the name of a VRF"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24], vrf: "
		      "defualt}\n",
			"f:3:64: interfaces[a0].vrf: defualt, expected the name of a VRF (did "
			"you mean default?)"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24], neighbours: "
		      "[{address: 10.0.0.2}]}\n",
			"f:3:72: interfaces[a0].neighbours[0].mac: not given, expected a value"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24], neighbours: "
		      "[{address: 10.0.1.2, mac: \"02:00:00:00:00:01\"}]}\n",
			"f:3:72: interfaces[a0].neighbours[0]: 10.0.1.2, expected an address "
			"in a subnet of the interface"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24], neighbours: "
		      "[{address: 10.0.0.1, mac: \"02:00:00:00:00:01\"}]}\n",
			"f:3:72: interfaces[a0].neighbours[0]: 10.0.0.1, expected a "
			"neighbour's address (it is our own)"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24], neighbours: "
		      "[{address: 10.0.0.2, mac: \"01:00:00:00:00:01\"}, {address: x, mac: "
		      "\"02:00\"}]}\n",
			"f:3:97: interfaces[a0].neighbours[0].mac: the text "
			"\"01:00:00:00:00:01\", expected a unicast MAC address "
			"(02:00:5e:10:00:01)\n"
			"f:3:129: interfaces[a0].neighbours[1].address: x, expected an IPv4 or "
			"IPv6 address\n"
			"f:3:137: interfaces[a0].neighbours[1].mac: the text \"02:00\", expected "
			"a unicast MAC address (02:00:5e:10:00:01)"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24], neighbours: "
		      "[{address: 10.0.0.2, mac: \"02:00:00:00:00:01\"}, {address: 10.0.0.2, "
		      "mac: \"02:00:00:00:00:02\"}]}\n",
			"f:3:119: interfaces[a0].neighbours[1]: 10.0.0.2, expected each "
			"neighbour only once"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null9, addresses: [10.0.0.1/24]}\n",
			"f:3:22: interfaces[a0].device: net_null9, expected a device of "
			"dpdk.devices or dpdk.vdevs"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: \"net_null0,x=1\", addresses: [10.0.0.1/24]}\n",
			"f:3:22: interfaces[a0].device: the text \"net_null0,x=1\", expected a "
			"device of dpdk.devices or dpdk.vdevs, without arguments"},
		{DPDK "interfaces:\n"
		      "- {name: 0a, device: net_null0, addresses: [10.0.0.1/24]}\n",
			"f:3:10: interfaces[0a].name: 0a, expected a name for a Linux "
			"interface: a letter, then letters, digits and ._-"},
		{DPDK "interfaces:\n"
		      "- {name: abcdefghijklmnop, device: net_null0, addresses: "
		      "[10.0.0.1/24]}\n",
			"f:3:10: interfaces[abcdefghijklmnop].name: abcdefghijklmnop, expected "
			"1 to 15 characters"},
		{DPDK "interfaces:\n"
		      "- {name: lns0, device: net_null0, addresses: [10.0.0.1/24]}\n",
			"f:3:10: interfaces[lns0].name: lns0, expected a name other than the "
			"TUN's of VRF default"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1, 10.0.0.256/24, "
		      "10.0.0.0/24, 10.0.0.255/24, 224.0.0.1/24, 10.0.0.1/33, 10.0.0.1/08]}\n",
			"f:3:45: interfaces[a0].addresses[0]: 10.0.0.1, expected an address "
			"with its subnet's length (192.0.2.1/24, 2001:db8::1/64)\n"
			"f:3:55: interfaces[a0].addresses[1]: 10.0.0.256/24, expected an "
			"address with its subnet's length (192.0.2.1/24, 2001:db8::1/64)\n"
			"f:3:70: interfaces[a0].addresses[2]: 10.0.0.0/24, expected the "
			"address of a host (this is the network's own)\n"
			"f:3:83: interfaces[a0].addresses[3]: 10.0.0.255/24, expected the "
			"address of a host (this is the network's broadcast address)\n"
			"f:3:98: interfaces[a0].addresses[4]: 224.0.0.1/24, expected the "
			"unicast address of a host\n"
			"f:3:112: interfaces[a0].addresses[5]: 10.0.0.1/33, expected an "
			"address with its subnet's length (192.0.2.1/24, 2001:db8::1/64)\n"
			"f:3:125: interfaces[a0].addresses[6]: 10.0.0.1/08, expected an "
			"address with its subnet's length (192.0.2.1/24, 2001:db8::1/64)"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, mtu: 1000, addresses: [10.0.0.1/24, "
		      "\"2001:db8::1/64\"]}\n",
			"f:3:38: interfaces[a0].mtu: 1000 with an IPv6 address, expected 1280 "
			"or more"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [\"2001:db8::1/64\"]}\n",
			"f:1:1: subscribers.local-address: not given, expected an IPv4 address "
			"(no interface has one to borrow)"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24]}\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.1.1/24]}\n",
			"f:4:10: interfaces[a0].name: a0, expected a name that no other "
			"interface has (line 3 has it)\n"
			"f:4:22: interfaces[a0].device: net_null0, expected a device and VLAN "
			"that no other interface has (line 3 has it)"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24]}\n"
		      "- {name: a1, device: net_null0, vlan: 5, addresses: [10.0.0.129/25]}\n",
			"f:4:54: interfaces[a1].addresses[0]: 10.0.0.129/25 overlaps the "
			"subnet of interface a0, expected a subnet of its own"},
		{DPDK "interfaces:\n"
		      "- {name: a0, device: net_null0, addresses: [10.0.0.1/24]}\n"
		      "- {name: a1, device: net_null0, vlan: 5, addresses: [10.0.0.1/32]}\n",
			"f:4:54: interfaces[a1].addresses[0]: 10.0.0.1/32, expected an address "
			"that stands once (interface a0 has it)"},
	};

	ROWS(rows);
}

Test(config_error, mistakes_in_vrfs_and_kernel)
{
	static const struct config_row rows[] = {
		{DPDK INTERFACES "vrfs: [{name: blue}]\n",
			"f:3:8: vrfs[blue].table: not given, expected the number of a kernel "
			"routing table"},
		{DPDK INTERFACES "vrfs: [{name: blue, table: 254}]\n",
			"f:3:28: vrfs[blue].table: 254, expected a table that the kernel does "
			"not use itself (253 to 255)"},
		{DPDK INTERFACES
			"vrfs: [{name: blue, table: 9}, {name: blue, table: 9, tun: lns0}]\n",
			"f:3:39: vrfs[blue].name: blue, expected a name that no other VRF has "
			"(line 3 has it)\n"
			"f:3:60: vrfs[blue].tun: lns0, expected a name of its own (VRF default "
			"has it)\n"
			"f:3:52: vrfs[blue].table: 9, expected a table of its own (VRF blue "
			"has it)"},
		{DPDK INTERFACES "kernel: {netns: /run/netns/x}\n",
			"f:3:17: kernel.netns: /run/netns/x, expected auto, root, or a name of "
			"1 to 63 letters, digits and ._- (no path)"},
		{DPDK INTERFACES "kernel: {route-protocol: 12}\n",
			"f:3:26: kernel.route-protocol: 12 is BIRD's, expected a number that "
			"is free on this host"},
		{DPDK INTERFACES "kernel: {route-protocol: 4}\n",
			"f:3:26: kernel.route-protocol: 4, expected a number from 5 to 254"},
		{DPDK INTERFACES "kernel: {tun-mtu: 1000}\n",
			"f:3:19: kernel.tun-mtu: 1000, expected a number from 1280 to 9600"},
		{DPDK INTERFACES "kernel: {netns: a b}\n",
			"f:3:17: kernel.netns: a b, expected auto, root, or a name of 1 to 63 "
			"letters, digits and ._- (no path)"},
	};

	ROWS(rows);
}
