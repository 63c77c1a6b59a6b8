/* SPDX-License-Identifier: BSD-3-Clause */
/* Shows every mistake of the subscribers' sections, and the line that names it. */
#include "config_fixture.h"

#define ROWS(rows) config_rows_run(rows, sizeof(rows) / sizeof(*rows))

Test(config_error_peer, mistakes_in_peers)
{
	static const struct config_row rows[] = {
		{DPDK INTERFACES "peers: [{}]\n",
			"f:3:9: peers[0].name: not given, expected a value\n"
			"f:3:9: peers[0].sources: not given, expected a value"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], secret: \"\"}\n",
			"f:4:45: peers[p].secret: a text of 0 bytes (not shown), expected 1 to "
			"255 characters"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], secret: [hunter2]}\n",
			"f:4:45: peers[p].secret: a list, expected 1 to 255 characters"},
		{DPDK INTERFACES
			"peers:\n"
			"- {name: p, sources: [10.9.0.0/16], secret: {hunter2: hunter2}}\n",
			"f:4:45: peers[p].secret: a mapping, expected 1 to 255 characters"},
		{DPDK INTERFACES
			"peers:\n"
			"- {name: p, sources: [10.9.0.0/16], secret: "
			"hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2"
			"hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2"
			"hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2"
			"hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2"
			"}\n",
			"f:4:45: peers[p].secret: a text of 280 bytes (not shown), expected 1 "
			"to 255 characters"},
		{DPDK INTERFACES
			"peers:\n"
			"- {name: p, sources: [10.9.0.0/16], secret: \"hunter2\\nhunter2\"}\n",
			"f:4:45: peers[p].secret: a text of 15 bytes (not shown), expected one "
			"line without control characters"},
		{DPDK INTERFACES
			"peers:\n"
			"- {name: p, sources: [10.9.0.0/16], secret: hunter2, secret-file: "
			"/nonexistent}\n",
			"f:4:67: peers[p].secret-file: /nonexistent cannot be read (No such "
			"file or directory), expected a file\n"
			"f:4:67: peers[p].secret-file: given beside secret, expected one of "
			"the two"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], secret-file: none.txt}\n",
			"f:4:50: peers[p].secret-file: none.txt cannot be read (No such file "
			"or directory), expected a file"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], secret-file: /dev/null}\n",
			"f:4:50: peers[p].secret-file: /dev/null is no regular file, expected "
			"one"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], challenge: true}\n",
			"f:4:48: peers[p].challenge: true without a secret, expected secret or "
			"secret-file too"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], receive-window: 0}\n",
			"f:4:53: peers[p].receive-window: 0, expected a number from 1 to 1024"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], hello-interval: 500ms}\n",
			"f:4:53: peers[p].hello-interval: 500ms, expected a time from 1s to "
			"1h, or 0"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], hello-interval: 1 minute}\n",
			"f:4:53: peers[p].hello-interval: 1 minute, expected a time from 1s to "
			"1h, or 0 (such as 500ms, 60s, 5m, 1h)"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], hello-interval: 2h}\n",
			"f:4:53: peers[p].hello-interval: 2h, expected a time from 1s to 1h, "
			"or 0"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], retries: 31}\n",
			"f:4:46: peers[p].retries: 31, expected a number from 1 to 30"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], retry-interval: 10s}\n",
			"f:4:53: peers[p].retry-interval: 10000 ms, expected no more than "
			"retry-cap (8000 ms)"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], retry-cap: 4s}\n",
			"f:4:48: peers[p].retry-cap: 4s, expected a time from 8s to 5m"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], ipsec: maybe}\n",
			"f:4:44: peers[p].ipsec: maybe, expected one of none, optional, "
			"required"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], quirks: {acfc: never}}\n",
			"f:4:52: peers[p].quirks.acfc: never, expected one of negotiated, "
			"always-send-ff03, never-send-ff03"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], quirks: {sequencing: on}}\n",
			"f:4:58: peers[p].quirks.sequencing: on, expected true or false (write "
			"true)"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], host-name: \"lac[12]\"}\n",
			"f:4:48: peers[p].host-name: the text \"lac[12]\", expected a pattern "
			"with only * and ? as wildcards"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16], max-sessions: 20, mtu: 3}\n",
			"f:4:55: peers[p]: unknown key (not shown, it may be a piece of a "
			"secret that needs quotes), expected one of name, sources, host-name, "
			"local-name, secret, secret-file, challenge, receive-window, "
			"hello-interval, retries, retry-interval, retry-cap, ipsec, "
			"max-tunnels, max-sessions, quirks"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16]}\n"
				 "- {name: p, sources: [10.8.0.0/16]}\n",
			"f:5:10: peers[p].name: p, expected a name that no other peer has "
			"(line 4 has it)"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.0/16]}\n"
				 "- {name: q, sources: [10.9.1.0/24, 10.9.2.0/24]}\n",
			"f:5:22: peers[q].sources: never reached, expected before peer p, "
			"which takes all of these (line 4)"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: [10.9.0.1/16, 300.0.0.0/8, \"::1/129\"]}\n",
			"f:4:23: peers[p].sources[0]: 10.9.0.1/16, expected 10.9.0.0/16 (host "
			"bits are set)\n"
			"f:4:36: peers[p].sources[1]: 300.0.0.0/8, expected a network or an "
			"address (192.0.2.0/24, 2001:db8::/32)\n"
			"f:4:49: peers[p].sources[2]: the text \"::1/129\", expected a network "
			"or an address (192.0.2.0/24, 2001:db8::/32)"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: 10.9.0.0/16}\n",
			"f:4:22: peers[p].sources: 10.9.0.0/16, expected a list"},
		{DPDK INTERFACES "peers:\n"
				 "- {name: p, sources: []}\n",
			"f:4:22: peers[p].sources: 0 elements, expected 1 to 1024"},
		{"dpdk: {vdevs: [net_null0], max-sessions: 1000}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n"
		 "peers:\n"
		 "- {name: p, sources: [10.9.0.0/16], max-sessions: 2000}\n",
			"f:4:51: peers[p].max-sessions: 2000, expected no more than "
			"dpdk.max-sessions (1000)"},
	};

	ROWS(rows);
}

Test(config_error_peer, mistakes_in_subscribers)
{
	static const struct config_row rows[] = {
		{DPDK INTERFACES "subscribers: {auth: []}\n",
			"f:3:21: subscribers.auth: 0 elements, expected 1 to 3"},
		{DPDK INTERFACES "subscribers: {auth: chap}\n",
			"f:3:21: subscribers.auth: chap, expected a list of 1 to 3 elements"},
		{DPDK INTERFACES "subscribers: {auth: [chap, eap, chap]}\n",
			"f:3:28: subscribers.auth[1]: eap, expected one of pap, chap, mschapv2\n"
			"f:3:33: subscribers.auth[2]: chap, expected each method only once"},
		{DPDK INTERFACES "subscribers: {mru: 500}\n",
			"f:3:20: subscribers.mru: 500, expected a number from 576 to 9216"},
		{DPDK INTERFACES "subscribers: {lcp-echo-interval: 10ms}\n",
			"f:3:34: subscribers.lcp-echo-interval: 10ms, expected a time from 1s "
			"to 1h, or 0"},
		{DPDK INTERFACES "subscribers: {lcp-echo-failures: 0}\n",
			"f:3:34: subscribers.lcp-echo-failures: 0, expected a number from 1 to "
			"255"},
		{DPDK INTERFACES "subscribers: {dns: [10.0.0.53, 10.0.0.54, 10.0.0.55]}\n",
			"f:3:20: subscribers.dns: 3 elements, expected 1 to 2"},
		{DPDK INTERFACES "subscribers: {dns: [\"2001:db8::53\"]}\n",
			"f:3:21: subscribers.dns[0]: the text \"2001:db8::53\", expected an IPv4 "
			"address of a host"},
		{DPDK INTERFACES "subscribers: {local-address: 10.0.0.7}\n",
			"f:3:30: subscribers.local-address: 10.0.0.7 is in the subnet of "
			"interface a0, expected that interface's own address or one outside"},
		{DPDK INTERFACES "subscribers: {local-address: 127.0.0.1}\n",
			"f:3:30: subscribers.local-address: 127.0.0.1, expected an IPv4 "
			"address of a host"},
		{DPDK INTERFACES "subscribers: {session-timeout: 90500ms}\n",
			"f:3:32: subscribers.session-timeout: 90500ms, expected a time from 1m "
			"to 8760h, or 0, whole seconds"},
		{DPDK INTERFACES "subscribers: {session-timeout: 30s}\n",
			"f:3:32: subscribers.session-timeout: 30s, expected a time from 1m to "
			"8760h, or 0, whole seconds"},
		{DPDK INTERFACES "subscribers: {max-sessions: 0}\n",
			"f:3:29: subscribers.max-sessions: 0, expected a number from 1 to "
			"1048576"},
		{DPDK INTERFACES "subscribers: {pool: gold}\n",
			"f:3:21: subscribers.pool: gold, expected the name of a pool"},
		{DPDK INTERFACES "subscribers: {mss: 100}\n",
			"f:3:20: subscribers.mss: 100, expected a number from 536 to 9176, or 0"},
		{"dpdk: {vdevs: [net_null0], max-sessions: 1000}\n"
		 "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n"
		 "subscribers: {max-sessions: 2000}\n",
			"f:3:29: subscribers.max-sessions: 2000, expected no more than "
			"dpdk.max-sessions (1000)"},
	};

	ROWS(rows);
}

Test(config_error_peer, mistakes_in_users)
{
	static const struct config_row rows[] = {
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob}\n",
			"f:5:3: users[bob].password: not given, expected password or "
			"password-file"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {password: hunter2}\n",
			"f:5:3: users[0].name: not given, expected a value"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password: hunter2, password-file: x}\n",
			"f:5:49: users[bob].password-file: x cannot be read (No such file or "
			"directory), expected a file\n"
			"f:5:49: users[bob].password-file: given beside password, expected one "
			"of the two"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password: hunter2, pool: gg}\n",
			"f:5:40: users[bob].pool: gg, expected the name of a pool (did you "
			"mean g?)"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: \"a*b*c\", password: hunter2}\n",
			"f:5:10: users[a*b*c].name: the text \"a*b*c\", expected a name with at "
			"most one *"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: \"*@x\", password: hunter2, address: 100.64.0.9}\n",
			"f:5:45: users[*@x].address: a fixed address for a wildcard, expected "
			"a pool"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: \"*@x\", password: hunter2, routes: [10.7.0.0/16]}\n",
			"f:5:44: users[*@x].routes: routes for a wildcard, expected them at "
			"users of one name"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password: hunter2, address: 10.0.0.9}\n",
			"f:5:43: users[bob].address: 10.0.0.9 is in the subnet of interface "
			"a0, expected an address outside"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password: hunter2, address: 10.0.0.1}\n",
			"f:5:43: users[bob].address: 10.0.0.1 is in the subnet of interface "
			"a0, expected an address outside"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password: hunter2, address: 100.64.0.9, pool: g}\n",
			"f:5:61: users[bob].pool: given beside address, expected one of the two"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, pasword: hunter2}\n",
			"f:5:15: users[bob].pasword: unknown key, did you mean password?\n"
			"f:5:3: users[bob].password: not given, expected password or "
			"password-file"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password: hunter2, routes: [10.0.0.0/16, "
				 "100.64.0.128/25, 10.7.0.1/16, 0.0.0.0/0]}\n",
			"f:5:73: users[bob].routes[2]: 10.7.0.1/16, expected 10.7.0.0/16 (host "
			"bits are set)\n"
			"f:5:86: users[bob].routes[3]: 0.0.0.0/0, expected a network of "
			"unicast addresses\n"
			"f:5:43: users[bob].routes[0]: 10.0.0.0/16 overlaps the subnet of "
			"interface a0, expected a network apart from it\n"
			"f:5:56: users[bob].routes[1]: 100.64.0.128/25 overlaps pool g, "
			"expected a network apart from it"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password: hunter2, routes: [{prefix: 10.7.0.0/16, "
				 "metrik: 5}, 10.8.0.0/16, 10.8.0.0/16]}\n",
			"f:5:65: users[bob].routes[0].metrik: unknown key, did you mean "
			"metric?\n"
			"f:5:90: users[bob].routes[2]: 10.8.0.0/16, expected each network only "
			"once (line 5 has it)"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password: hunter2}\n"
				 "- {name: bob, password: hunter3}\n",
			"f:6:10: users[bob].name: bob, expected a name that no other user has "
			"(line 5 has it)"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password: hunter2, address: 100.64.0.9}\n"
				 "- {name: eve, password: hunter3, address: 100.64.0.9}\n",
			"f:6:43: users[eve].address: 100.64.0.9, expected an address that no "
			"other user has (line 5 has it)"},
		{DPDK INTERFACES "users:\n"
				 "- {name: bob, password: hunter2}\n",
			"f:4:3: users[bob]: no address and no pool, expected address, pool or "
			"subscribers.pool"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password: hunter2, vrf: blue}\n"
				 "vrfs: [{name: blue, table: 100}]\n",
			"f:5:3: users[bob].pool: pool g is in VRF default, expected a pool in "
			"the user's VRF blue"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password: ~}\n",
			"f:5:25: users[bob].password: nothing, expected 1 to 255 characters"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password: hunter2,hunter3}\n",
			"f:5:33: users[bob]: unknown key (not shown, it may be a piece of a "
			"secret that needs quotes), expected one of name, password, "
			"password-file, address, pool, vrf, session-timeout, idle-timeout, "
			"ipv6-prefix, ipv6-delegated, ipv6-address, "
			"ipv6-interface-id, ipv6-pool, ipv6-delegated-pool, routes"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password hunter2}\n",
			"f:5:15: users[bob]: unknown key (not shown, it may be a piece of a "
			"secret that needs quotes), expected one of name, password, "
			"password-file, address, pool, vrf, session-timeout, idle-timeout, "
			"ipv6-prefix, ipv6-delegated, ipv6-address, "
			"ipv6-interface-id, ipv6-pool, ipv6-delegated-pool, routes\n"
			"f:5:3: users[bob].password: not given, expected password or "
			"password-file"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password: a, hunter2: hunter3}\n",
			"f:5:28: users[bob]: unknown key (not shown, it may be a piece of a "
			"secret that needs quotes), expected one of name, password, "
			"password-file, address, pool, vrf, session-timeout, idle-timeout, "
			"ipv6-prefix, ipv6-delegated, ipv6-address, "
			"ipv6-interface-id, ipv6-pool, ipv6-delegated-pool, routes"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password: hunter2, address: 100.64.0.0/24}\n",
			"f:5:43: users[bob].address: 100.64.0.0/24, expected an IPv4 address "
			"of a host"},
		{DPDK INTERFACES "users: [bob]\n",
			"f:3:9: users[0]: bob, expected a mapping of keys"},
		{DPDK INTERFACES "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
				 "users:\n"
				 "- {name: bob, password: hunter2\n"
				 "  hunter3: [x}\n",
			"f:6:10: (syntax): did not find expected ',' or '}' while parsing a "
			"flow mapping, expected valid YAML"},
	};

	ROWS(rows);
}

Test(config_error_peer, mistakes_in_pools)
{
	static const struct config_row rows[] = {
		{DPDK INTERFACES "pools:\n"
				 "- {name: g, ranges: [100.64.0.1/24]}\n",
			"f:4:22: pools[g].ranges[0]: 100.64.0.1/24, expected 100.64.0.0/24 "
			"(host bits are set)"},
		{DPDK INTERFACES "pools:\n"
				 "- {name: g, ranges: [100.64.0.9-100.64.0.1]}\n",
			"f:4:22: pools[g].ranges[0]: 100.64.0.9-100.64.0.1, expected an IPv4 "
			"network or range (192.0.2.0/24, 192.0.2.10-192.0.2.99)"},
		{DPDK INTERFACES "pools:\n"
				 "- {name: g, ranges: [\"2001:db8::/64\"]}\n",
			"f:4:22: pools[g].ranges[0]: the text \"2001:db8::/64\", expected an "
			"IPv4 network or range (192.0.2.0/24, 192.0.2.10-192.0.2.99)"},
		{DPDK INTERFACES "pools:\n"
				 "- {name: g, ranges: [10.0.0.128-10.0.1.5]}\n",
			"f:4:22: pools[g].ranges[0]: 10.0.0.128-10.0.1.5 overlaps the subnet "
			"of interface a0, expected a range apart from it"},
		{DPDK INTERFACES "pools:\n"
				 "- {name: g, ranges: [100.64.0.0/24, 100.64.0.128/25]}\n",
			"f:4:37: pools[g].ranges[1]: 100.64.0.128-100.64.0.255 overlaps a "
			"range of pool g, expected each address once"},
		{DPDK INTERFACES "pools:\n"
				 "- {name: g, ranges: [100.64.0.0/24]}\n"
				 "- {name: h, ranges: [100.64.0.200-100.64.1.10]}\n",
			"f:5:22: pools[h].ranges[0]: 100.64.0.200-100.64.1.10 overlaps a range "
			"of pool g, expected each address once"},
		{DPDK INTERFACES "pools:\n"
				 "- {name: g, ranges: [100.64.0.0/24]}\n"
				 "- {name: g, ranges: [100.65.0.0/24]}\n",
			"f:5:10: pools[g].name: g, expected a name that no other pool has "
			"(line 4 has it)"},
		{DPDK INTERFACES "pools:\n"
				 "- {name: g, ranges: [126.0.0.0-128.0.0.0]}\n",
			"f:4:22: pools[g].ranges[0]: 126.0.0.0-128.0.0.0, expected a range of "
			"unicast addresses"},
		{DPDK INTERFACES "pools:\n"
				 "- {name: g, ranges: [0.0.0.0/0]}\n",
			"f:4:22: pools[g].ranges[0]: 0.0.0.0/0, expected a range of unicast "
			"addresses"},
		{DPDK INTERFACES "pools: [{name: g}]\n",
			"f:3:9: pools[g].ranges: not given, expected a value"},
		{DPDK INTERFACES "pools: [{name: g g, ranges: []}]\n",
			"f:3:16: pools[g g].name: g g, expected letters, digits and ._-@:\n"
			"f:3:29: pools[g g].ranges: 0 elements, expected 1 to 1024"},
		{DPDK INTERFACES "pools:\n"
				 "- {name: g, ranges: [100.64.0.0/16]}\n"
				 "- {name: h, ranges: [100.64.1.0/24]}\n"
				 "- {name: i, ranges: [100.64.9.0/24]}\n",
			"f:5:22: pools[h].ranges[0]: 100.64.1.0-100.64.1.255 overlaps a range of "
			"pool g, expected each address once\n"
			"f:6:22: pools[i].ranges[0]: 100.64.9.0-100.64.9.255 overlaps a range of "
			"pool g, expected each address once"},
	};

	ROWS(rows);
}
