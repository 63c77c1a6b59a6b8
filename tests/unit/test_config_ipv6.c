/* SPDX-License-Identifier: BSD-3-Clause */
/* What the configuration says of IPv6, and how it is told when it is wrong. */
#include "config_fixture.h"

#define POOLS                                                                                \
	"prefix-pools:\n"                                                                    \
	"- {name: lan, prefixes: ['2001:db8:100::/40']}\n"                                   \
	"- {name: cpe, length: 56, prefixes: ['2001:db8:200::/40', '2001:db8:8000::/48']}\n" \
	"- {name: one, length: 128, prefixes: ['2001:db8:300::/112']}\n"

Test(config_ipv6, everything_given_is_there)
{
	struct config *config = must_parse(MINIMAL POOLS
		"ipv6: {pool: lan, delegated-pool: cpe, address-pool: one, dns: ['2001:db8::53'],\n"
		"  domains: [isp.example, home.isp.example], ra-interval: 5m, managed: true,\n"
		"  other: false, hop-limit: 0, preferred-lifetime: 10m, valid-lifetime: 20m}\n"
		"users:\n"
		"- {name: v6, password: x, ipv6-prefix: '2001:db8:100:7::/64',\n"
		"   ipv6-delegated: '2001:db8:8000:700::/56', ipv6-address: '2001:db8:300::7',\n"
		"   ipv6-interface-id: '211:22ff:fe33:4455', routes: ['2001:db8:f000::/48']}\n"
		"- {name: '*@x', password: x, ipv6-pool: lan, ipv6-delegated-pool: cpe}\n");
	const struct config_ipv6 *ipv6 = &config->ipv6;
	const struct config_user *user = config_user_find(config, "v6");
	char text[50];

	cr_expect_eq(ipv6->pool, 0);
	cr_expect_eq(ipv6->delegated_pool, 1);
	cr_expect_eq(ipv6->address_pool, 2);
	cr_expect_str_eq(ip_addr_text(&ipv6->dns[0], text), "2001:db8::53");
	cr_expect_eq(ipv6->dns[1].family, 0);
	cr_assert_eq(ipv6->n_domains, 2);
	cr_expect_str_eq(ipv6->domains[1], "home.isp.example");
	cr_expect_eq(ipv6->ra_interval, 300);
	cr_expect_eq(ipv6->ra_lifetime, 1800);
	cr_expect_eq(ipv6->preferred_lifetime, 600);
	cr_expect_eq(ipv6->valid_lifetime, 1200);
	cr_expect(ipv6->managed);
	cr_expect_not(ipv6->other);
	cr_expect_eq(ipv6->hop_limit, 0);
	cr_expect_eq(config->prefix_pools[1].length, 56);
	cr_expect_eq(config->prefix_pools[1].n_prefixes, 2);
	cr_expect_str_eq(ip_prefix_text(&user->ipv6_prefix, text), "2001:db8:100:7::/64");
	cr_expect_str_eq(ip_prefix_text(&user->ipv6_delegated, text), "2001:db8:8000:700::/56");
	cr_expect_eq(user->ipv6_interface_id[1], 0x11);
	cr_expect_eq(user->ipv6_interface_id[7], 0x55);
	cr_expect_eq(user->ipv6_pool, -1);
	cr_expect_eq(config_user_find(config, "a@x")->ipv6_delegated_pool, 1);
	config_free(config);
}

Test(config_ipv6, nothing_given_means_no_ipv6)
{
	struct config *config = must_parse(MINIMAL);

	cr_expect_eq(config->ipv6.pool, -1);
	cr_expect_eq(config->ipv6.delegated_pool, -1);
	cr_expect_eq(config->ipv6.address_pool, -1);
	cr_expect_eq(config->n_prefix_pools, 0);
	config_free(config);
}

Test(config_ipv6, mistakes_are_named)
{
	static const struct config_row rows[] = {
		{MINIMAL POOLS "ipv6: {pool: cpe}\n",
			"f:7:14: ipv6.pool: prefix pool cpe has length 56, expected one of length "
			"64"},
		{MINIMAL POOLS "ipv6: {delegated-pool: one}\n",
			"f:7:24: ipv6.delegated-pool: prefix pool one has length 128, expected one "
			"of "
			"length 48 to 64"},
		{MINIMAL POOLS "ipv6: {address-pool: lan}\n",
			"f:7:22: ipv6.address-pool: prefix pool lan has length 64, expected one of "
			"length 128"},
		{MINIMAL POOLS "ipv6: {pool: lam}\n",
			"f:7:14: ipv6.pool: lam, expected the name of a prefix pool (did you mean "
			"lan?)"},
		{MINIMAL "ipv6: {preferred-lifetime: 3h}\n",
			"f:3:28: ipv6.preferred-lifetime: 10800 s, expected no more than "
			"valid-lifetime (7200 s)"},
		{MINIMAL "ipv6: {ra-lifetime: 5m}\n",
			"f:3:21: ipv6.ra-lifetime: 300 s, expected 0 or no less than ra-interval "
			"(600 "
			"s)"},
		{MINIMAL "ipv6: {dns: [192.0.2.1]}\n",
			"f:3:14: ipv6.dns[0]: 192.0.2.1, expected an IPv6 address of a host"},
		{MINIMAL "ipv6: {domains: [isp..example]}\n",
			"f:3:18: ipv6.domains[0]: isp..example, expected a domain name "
			"(isp.example), no "
			"final dot"},
		{MINIMAL "prefix-pools: [{name: a, length: 96, prefixes: ['2001:db8::/90']}]\n",
			"f:3:34: prefix-pools[a].length: 96, expected 48 to 64, or 128 for single "
			"addresses"},
		{MINIMAL "prefix-pools: [{name: a, prefixes: ['2001:db8::/32']}]\n",
			"f:3:37: prefix-pools[a].prefixes[0]: 2001:db8::/32, expected a network of "
			"40 to "
			"64 bits (length is 64)"},
		{MINIMAL "prefix-pools: [{name: a, prefixes: ['2001:db8::1/64']}]\n",
			"f:3:37: prefix-pools[a].prefixes[0]: the text \"2001:db8::1/64\", "
			"expected "
			"2001:db8::/64 "
			"(host bits are set)"},
		{MINIMAL "prefix-pools: [{name: a, prefixes: ['fe80::/40']}]\n",
			"f:3:37: prefix-pools[a].prefixes[0]: the text \"fe80::/40\", expected a "
			"network of "
			"unicast "
			"addresses"},
		{MINIMAL "prefix-pools:\n- {name: a, prefixes: ['2001:db8::/48']}\n"
			 "- {name: b, prefixes: ['2001:db8:0:1::/64']}\n",
			"f:5:24: prefix-pools[b].prefixes[0]: 2001:db8:0:1::/64 overlaps prefix "
			"pool a, "
			"expected a network apart from it"},
		{DPDK "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24, "
		      "'2001:db8::1/64']}]\n"
		      "prefix-pools: [{name: a, prefixes: ['2001:db8::/48']}]\n",
			"f:3:37: prefix-pools[a].prefixes[0]: 2001:db8::/48 overlaps the subnet of "
			"interface a0, expected a network apart from it"},
		{MINIMAL POOLS "users: [{name: u, password: hunter2, ipv6-prefix: "
			       "'2001:db8:200::/64'}]\n",
			"f:7:51: users[u].ipv6-prefix: 2001:db8:200::/64 overlaps prefix pool cpe, "
			"expected a prefix of the pool's length, or one apart from it"},
		{MINIMAL "users:\n- {name: u, password: hunter2, ipv6-prefix: '2001:db8:1::/64'}\n"
			 "- {name: v, password: hunter2, ipv6-delegated: '2001:db8:1::/56'}\n",
			"f:5:48: users[v].ipv6-delegated: 2001:db8:1::/56 overlaps what the user "
			"of "
			"line 4 has, expected a network apart from it"},
		{MINIMAL POOLS "users: [{name: u, password: hunter2, ipv6-pool: lan, ipv6-prefix: "
			       "'2001:db8:1:1::/64'}]\n",
			"f:7:49: users[u].ipv6-pool: given beside a fixed prefix, expected one of "
			"the "
			"two"},
		{MINIMAL "users: [{name: '*@u', password: hunter2, ipv6-prefix: "
			 "'2001:db8:1:1::/64'}]\n",
			"f:3:55: users[*@u].ipv6-prefix: a fixed prefix for a wildcard, expected a "
			"pool"},
		{MINIMAL POOLS
			"users: [{name: u, password: hunter2, ipv6-pool: lan, ipv6-interface-id: "
			"'0:0:0:0'}]\n",
			"f:7:73: users[u].ipv6-interface-id: the text \"0:0:0:0\", expected an "
			"interface "
			"identifier, "
			"not zero, as four groups (0:0:0:1, 211:22ff:fe33:4455)"},
		{MINIMAL POOLS "users: [{name: u, password: hunter2, ipv6-pool: lan, routes: "
			       "['2001:db8:100::/48']}]\n",
			"f:7:63: users[u].routes[0]: 2001:db8:100::/48 overlaps prefix pool lan, "
			"expected a network apart from it"},
	};

	config_rows_run(rows, sizeof(rows) / sizeof(*rows));
}

Test(config_ipv6, a_user_of_ipv6_alone_needs_no_pool_of_addresses)
{
	struct config *config =
		must_parse(MINIMAL POOLS "users: [{name: u, password: x, ipv6-pool: lan}]\n");

	cr_expect_eq(config_user_find(config, "u")->pool, -1);
	config_free(config);
}

Test(config_ipv6, a_vrf_has_pools_and_realms_of_its_own)
{
	static const char pools[] = MINIMAL
		"pools: [{name: p, ranges: [10.9.0.0/24]}, {name: b, ranges: [10.9.0.0/24], vrf: "
		"biz}]\n"
		"prefix-pools: [{name: p6, prefixes: ['2001:db8::/48']}, {name: b6, vrf: biz, "
		"prefixes: ['2001:db8::/48']}, {name: bd, vrf: biz, length: 56, prefixes: "
		"['2001:db8:1::/48']}]\n";
	static const struct config_row rows[] = {
		{MINIMAL "vrfs: [{name: biz, table: 9, realms: [a.example, A.Example]}]\n",
			"f:3:50: vrfs[biz].realms[1]: A.Example, expected a realm of its own (VRF "
			"biz has it)"},
		{MINIMAL "vrfs: [{name: biz, table: 9, realms: [a.example]}, {name: x, table: 10, "
			 "realms: [a.example]}]\n",
			"f:3:82: vrfs[x].realms[0]: a.example, expected a realm of its own (VRF "
			"biz has it)"},
		{MINIMAL "vrfs: [{name: biz, table: 9, pool: nowhere}]\n",
			"f:3:36: vrfs[biz].pool: nowhere, expected the name of a pool"},
		{MINIMAL "policies: [{name: gold, vrf: nowhere}]\n",
			"f:3:30: policies[gold].vrf: nowhere, expected the name of a VRF"},
	};
	char text[1024];
	struct config *config;

	config_rows_run(rows, sizeof(rows) / sizeof(*rows));
	snprintf(text, sizeof(text),
		"%svrfs: [{name: biz, table: 9, realms: [biz.example], pool: b, ipv6-pool: b6, "
		"ipv6-delegated-pool: bd}]\nsubscribers: {pool: p}\n"
		"policies: [{name: gold}, {name: business, vrf: biz}]\n"
		"users: [{name: '*@x.example', password: x, vrf: biz}]\n",
		pools);
	config = must_parse(text);
	cr_expect_eq(config->vrfs[0].pool, -1);
	cr_expect_eq(config_pool_of_vrf(config, 0), 0);
	cr_expect_eq(config_pool_of_vrf(config, 1), 1);
	cr_expect_eq(config->vrfs[1].ipv6_pool, 1);
	cr_expect_eq(config->vrfs[1].ipv6_delegated_pool, 2);
	cr_expect_eq(config->vrfs[1].ipv6_address_pool, -1);
	cr_expect_eq(config->policies[0].vrf, -1);
	cr_expect_eq(config->policies[1].vrf, 1);
	config_free(config);
	/* of another VRF, of another length */
	snprintf(text, sizeof(text),
		"%svrfs: [{name: biz, table: 9, pool: p, ipv6-pool: p6, ipv6-address-pool: bd}]\n",
		pools);
	config_rows_run(
		&(struct config_row){text,
			"f:5:36: vrfs[biz].pool: pool p is in VRF default, expected one in VRF "
			"biz\n"
			"f:5:50: vrfs[biz].ipv6-pool: pool p6 is in VRF default, expected one in "
			"VRF biz\n"
			"f:5:73: vrfs[biz].ipv6-address-pool: prefix pool bd has length 56, "
			"expected one of length 128"},
		1);
}
