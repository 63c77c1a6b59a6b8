/* SPDX-License-Identifier: BSD-3-Clause */
/* Shows every mistake of the AAA's sections, and the line that names it. */
#include "config_fixture.h"

#define ROWS(rows) config_rows_run(rows, sizeof(rows) / sizeof(*rows))
#define SERVER     "radius-servers:\n- {name: r, address: 192.0.2.9, secret: s"

Test(config_error_radius, mistakes_in_servers)
{
	static const struct config_row rows[] = {
		{DPDK INTERFACES "radius-servers: [{}]\n",
			"f:3:18: radius-servers[0].name: not given, expected a value\n"
			"f:3:18: radius-servers[0].address: not given, expected a value\n"
			"f:3:18: radius-servers[0].secret: not given, expected secret or "
			"secret-file"},
		{DPDK INTERFACES SERVER ", timeout: 5s}\n",
			"f:4:3: radius-servers[r].dead-after: 3000 ms, expected more than timeout "
			"(5000 ms)"},
		{DPDK INTERFACES SERVER "}\n- {name: r, address: 192.0.2.8, secret: s}\n",
			"f:5:10: radius-servers[r].name: r, expected a name that no other RADIUS "
			"server has (line 4 has it)"},
		{DPDK INTERFACES
			"radius: {source-address: 192.0.2.1}\n"
			"radius-servers: [{name: r, address: \"2001:db8::1\", secret: s}]\n",
			"f:4:37: radius-servers[r].address: of another family than "
			"radius.source-address, expected the same"},
		{DPDK INTERFACES "aaa: {order: [radius]}\n",
			"f:3:14: aaa.order: radius without radius-servers that have an auth-port, "
			"expected at least one"},
		{DPDK INTERFACES "aaa: {order: [local, local]}\n",
			"f:3:22: aaa.order[1]: local, expected each source only once"},
		{DPDK INTERFACES "aaa: {order: [tacacs]}\n",
			"f:3:15: aaa.order[0]: tacacs, expected local or radius"},
		{DPDK INTERFACES "radius: {max-in-flight: 512, max-sockets: 2}\n",
			"f:3:25: radius.max-in-flight: 512, expected less than 256 for each of "
			"max-sockets (2)"},
		{DPDK INTERFACES "radius: {nas-port-id: \"{lac}/{nothing}\"}\n",
			"f:3:23: radius.nas-port-id: the text \"{lac}/{nothing}\", expected text "
			"with {lac}, "
			"{tunnel}, {session}, {circuit}, {remote}, {port} in it"},
		{DPDK INTERFACES SERVER ", auth-port: 0, acct-port: 0}\n",
			"f:4:55: radius-servers[r].auth-port: 0 as acct-port is, expected a port "
			"for one of the two"},
	};

	ROWS(rows);
}

Test(config_error_radius, mistakes_in_policies)
{
	static const struct config_row rows[] = {
		{DPDK INTERFACES "policies: [{name: p, up-rate: 10x}]\n",
			"f:3:31: policies[p].up-rate: 10x, expected bits per second from 8k to "
			"400G, as in 64k, 10M or 1G; 0 = no limit"},
		{DPDK INTERFACES "policies: [{name: p, up-rate: 7k}]\n",
			"f:3:31: policies[p].up-rate: 7k, expected bits per second from 8k to "
			"400G, as in 64k, 10M or 1G; 0 = no limit"},
		{DPDK INTERFACES "policies: [{name: p, down-rate: 401G}]\n",
			"f:3:33: policies[p].down-rate: 401G, expected bits per second from 8k to "
			"400G, as in 64k, 10M or 1G; 0 = no limit"},
	};

	ROWS(rows);
}
