/* SPDX-License-Identifier: BSD-3-Clause */
/* A subscriber's prefixes: whose they are, and when they go back to their pool. */
#include "config_minimal.h"
#include "log.h"
#include "lns.h"

#include <crypto/digest.h>

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS 16

static const char yaml[] = MINIMAL_LNS "pools: [{name: main, ranges: [10.0.0.0/24]}]\n"
				       "subscribers: {pool: main, local-address: 10.255.0.1}\n"
				       "users: [{name: carol, password: x}]\n"
				       "prefix-pools:\n";
static const char pools[] = "  - {name: lan, prefixes: ['2001:db8:1::/62']}\n"
			    "  - {name: cpe, length: 56, prefixes: ['2001:db8:2::/54']}\n";

static struct lns lns;
static struct subscriber sessions[SESSIONS];

/* The configuration with these prefix-pools, as by a reload. */
static void configure(const char *prefix_pools)
{
	struct profile *old = lns.profile;
	struct prefix_pool **made;
	struct subscriber *subscriber;
	uint32_t index = 0;
	struct config_errors errors = {0};
	struct config *config;
	char text[2048];
	int length = snprintf(text, sizeof(text), "%s%s", yaml, prefix_pools);
	int rc = config_parse("test.yaml", text, (size_t)length, &config, &errors);

	cr_assert_eq(rc, 0, "%s", errors.n ? errors.text[0] : "");
	config_errors_free(&errors);
	made = prefix_pools_create(config);
	cr_assert_not_null(made);
	while ((subscriber = subscribers_next(&lns.subscribers, &index)))
		prefix_pools_carry(made, config, subscriber);
	prefix_pools_destroy(lns.prefix_pools, lns.n_prefix_pools);
	lns.prefix_pools = made;
	lns.n_prefix_pools = config->n_prefix_pools;
	lns.profile = profile_create(config, &lns.ppp_counters, old);
	cr_assert_not_null(lns.profile);
	if (old)
		profile_release(old);
}

static void setup(void)
{
	memset(&lns, 0, sizeof(lns));
	cr_assert_eq(digest_init(), 0);
	cr_assert_eq(subscribers_init(&lns.subscribers, SESSIONS), 0);
	cr_assert_eq(ipv6_state_init(&lns.ipv6, &lns.subscribers, "lns"), 0);
	configure(pools);
	for (unsigned int i = 0; i < SESSIONS; i++)
		sessions[i] = (struct subscriber){.lns = &lns, .record.mtu = 1500};
}

static void teardown(void)
{
	for (unsigned int i = 0; i < SESSIONS; i++) {
		if (sessions[i].lns && sessions[i].user)
			subscriber_ipv6_free(&sessions[i]);
		free(sessions[i].user);
	}
	prefix_pools_destroy(lns.prefix_pools, lns.n_prefix_pools);
	profile_release(lns.profile);
	ipv6_state_fini(&lns.ipv6);
	subscribers_fini(&lns.subscribers);
	digest_fini();
}

TestSuite(subscriber_ipv6, .init = setup, .fini = teardown);

static struct subscriber *session(unsigned int i, const char *user)
{
	sessions[i].user = strdup(user);
	sessions[i].user_hash = subscribers_hash(&lns.subscribers, user, strlen(user));
	sessions[i].record.index = i;
	subscribers_add(&lns.subscribers, &sessions[i]);
	return &sessions[i];
}

static struct ip_prefix v6(const char *text, uint8_t length)
{
	struct ip_prefix prefix = {.addr.family = 6, .length = length};

	cr_assert_eq(inet_pton(AF_INET6, text, prefix.addr.bytes), 1, "%s", text);
	return prefix;
}

static struct aaa_ipv6 of_pools(int link, int delegated)
{
	return (struct aaa_ipv6){.pool = link, .delegated_pool = delegated, .address_pool = -1};
}

static int get(struct subscriber *subscriber, const struct aaa_ipv6 *wanted)
{
	struct ppp_ipv6 ids;

	cr_assert_eq(subscriber_ipv6_keep(subscriber, wanted), 0);
	return subscriber_ipv6_get(subscriber, &ids);
}

static const char *shown(const struct subscriber *subscriber, enum ipv6_part part)
{
	static char text[50];

	return subscriber_ipv6_text(subscriber, part, text);
}

static uint64_t used(unsigned int pool)
{
	struct slot_pool_usage usage;

	prefix_pool_usage(lns.prefix_pools[pool], &usage);
	return usage.used;
}

Test(subscriber_ipv6, what_it_has_as_one_part_it_does_not_get_as_another_one_too)
{
	struct subscriber *alice = session(0, "alice");
	struct aaa_ipv6 wanted = of_pools(-1, -1);

	wanted.prefix = wanted.delegated = v6("2001:db8:77::", 64);
	cr_expect_eq(get(alice, &wanted), 0);
	cr_expect_null(alice->donor, "of itself");
	cr_expect_null(alice->heir);
	cr_expect_str_eq(shown(alice, IPV6_LINK), "2001:db8:77::/64");
	cr_expect_str_eq(shown(alice, IPV6_DELEGATED), "");
	cr_expect_eq(lns.ipv6.no_prefix, 1u);
}

Test(subscriber_ipv6, a_change_does_not_put_the_link_into_what_is_delegated)
{
	struct subscriber *alice = session(0, "alice");
	struct aaa_ipv6 wanted = of_pools(-1, -1);
	struct held_prefix fresh;

	wanted.prefix = v6("2001:db8:77::", 64);
	wanted.delegated = v6("2001:db8:78::", 56);
	wanted.address = v6("2001:db8:77::1", 128).addr;
	cr_assert_eq(get(alice, &wanted), 0);
	cr_expect_str_eq(shown(alice, IPV6_ADDRESS), "2001:db8:77::1", "an address may be there");
	wanted.prefix = v6("2001:db8:78:7::", 64);
	cr_expect_eq(subscriber_ipv6_reserve(alice, IPV6_LINK, &wanted, &fresh), -EBUSY);
	wanted.delegated = v6("2001:db8:77::", 56);
	cr_expect_eq(subscriber_ipv6_reserve(alice, IPV6_DELEGATED, &wanted, &fresh), -EBUSY);
	wanted.prefix = v6("2001:db8:79::", 64);
	cr_expect_eq(subscriber_ipv6_reserve(alice, IPV6_LINK, &wanted, &fresh), 0);
}

Test(subscriber_ipv6, an_accept_may_give_to_the_link_what_was_delegated)
{
	struct subscriber *alice = session(0, "alice");
	struct aaa_ipv6 wanted = of_pools(-1, -1);

	wanted.prefix = v6("2001:db8:77::", 64);
	wanted.delegated = v6("2001:db8:78::", 64);
	cr_assert_eq(get(alice, &wanted), 0);
	wanted.prefix = v6("2001:db8:78::", 64);
	wanted.delegated = v6("2001:db8:77::", 64);
	cr_assert_eq(get(alice, &wanted), 0);
	cr_expect_str_eq(shown(alice, IPV6_LINK), "2001:db8:78::/64");
	cr_expect_str_eq(shown(alice, IPV6_DELEGATED), "2001:db8:77::/64");
	cr_expect_eq(lns.ipv6.no_prefix, 0u);
}

Test(subscriber_ipv6, nobody_is_its_own_heir)
{
	struct subscriber *alice = session(0, "alice");

	subscriber_address_inherit(alice, alice);
	cr_expect_null(alice->donor);
	cr_expect_null(alice->heir);
}

Test(subscriber_ipv6, what_the_heir_shares_is_the_heirs_when_the_donor_has_no_ipv6_any_more)
{
	const struct aaa_ipv6 wanted = of_pools(0, 1), none = of_pools(-1, -1);

	for (unsigned int row = 0; row < 2; row++) {
		struct subscriber *donor = session(row * 3, "alice");
		struct subscriber *heir = session(row * 3 + 1, "alice");
		struct subscriber *other = session(row * 3 + 2, "bob");
		struct ppp_ipv6 ids;
		char link[50], delegated[50];

		cr_assert_eq(get(donor, &wanted), 0);
		strcpy(link, shown(donor, IPV6_LINK));
		strcpy(delegated, shown(donor, IPV6_DELEGATED));
		subscriber_address_inherit(heir, donor);
		cr_assert_eq(get(heir, &wanted), 0);
		cr_expect_str_eq(shown(heir, IPV6_LINK), link);
		cr_expect_eq(used(0), row + 1u, "once for both");
		if (row == 0) {
			/* LCP begins anew, with a small MRU */
			donor->record.mtu = 1000;
			cr_expect_eq(subscriber_ipv6_get(donor, &ids), -EMSGSIZE);
		} else {
			cr_expect_eq(subscriber_ipv6_keep(donor, &none), 0);
		}
		cr_expect_str_eq(shown(donor, IPV6_LINK), "");
		cr_expect_str_eq(shown(heir, IPV6_LINK), link);
		cr_expect_str_eq(shown(heir, IPV6_DELEGATED), delegated);
		cr_expect_eq(used(0), row + 1u, "the heir's");
		cr_expect_eq(used(1), row + 1u);
		cr_assert_eq(get(other, &wanted), 0);
		cr_expect_str_neq(shown(other, IPV6_LINK), link);
		cr_expect_str_neq(shown(other, IPV6_DELEGATED), delegated);
		subscriber_ipv6_free(other);
		heir->donor = donor->heir = NULL;
	}
	for (unsigned int i = 0; i < SESSIONS; i++)
		if (sessions[i].user)
			subscriber_ipv6_free(&sessions[i]);
	cr_expect_eq(used(0), 0u, "all of them go back in the end");
	cr_expect_eq(used(1), 0u);
}

Test(subscriber_ipv6, a_change_to_a_pool_goes_by_the_pool_that_has_what_is_held)
{
	struct subscriber *alice = session(0, "alice");
	struct aaa_ipv6 wanted = of_pools(0, 1);
	struct held_prefix fresh;

	cr_assert_eq(get(alice, &wanted), 0);
	cr_expect_eq(subscriber_ipv6_reserve(alice, IPV6_LINK, &wanted, &fresh), 0);
	cr_expect_eq(fresh.length, 0, "it has one of the pool");
	/* another pool has the index now */
	configure("  - {name: other, prefixes: ['2001:db8:5::/62']}\n"
		  "  - {name: lan, prefixes: ['2001:db8:1::/62']}\n");
	wanted = of_pools(1, -1);
	cr_expect_eq(subscriber_ipv6_reserve(alice, IPV6_LINK, &wanted, &fresh), 0);
	cr_expect_eq(fresh.length, 0, "the same pool, with another index");
	wanted = of_pools(0, -1);
	cr_expect_eq(subscriber_ipv6_reserve(alice, IPV6_LINK, &wanted, &fresh), 0);
	cr_expect_eq(fresh.length, 64, "another pool, with the same index");
	cr_expect_eq(fresh.addr[5], 5);
	subscriber_ipv6_unreserve(alice, &fresh);
	/* let in as what it has: from its pool by today's index; what no pool has any more is fixed */
	subscriber_ipv6_as_held(alice, &wanted);
	cr_expect_eq(wanted.pool, 1);
	cr_expect_eq(wanted.prefix.addr.family, 0);
	cr_expect_eq(wanted.delegated_pool, -1);
	cr_expect_eq(wanted.delegated.length, 56);
	cr_expect_arr_eq(wanted.delegated.addr.bytes, alice->ipv6->parts[IPV6_DELEGATED].addr, 16);
}

Test(subscriber_ipv6, pools_of_another_length_give_nothing_that_a_session_still_has)
{
	struct subscriber *alice = session(0, "alice");
	struct aaa_ipv6 wanted = of_pools(0, 1);
	struct ip_prefix held = {.addr.family = 6, .length = 56};

	wanted.address = v6("2001:db8:1::77", 128).addr;
	cr_assert_eq(get(alice, &wanted), 0);
	cr_assert_str_eq(shown(alice, IPV6_LINK), "2001:db8:1::/64");
	cr_assert_str_eq(shown(alice, IPV6_ADDRESS), "2001:db8:1::77");
	cr_assert_str_eq(shown(alice, IPV6_DELEGATED), "2001:db8:2::/56");
	memcpy(held.addr.bytes, alice->ipv6->parts[IPV6_DELEGATED].addr, 16);
	configure("  - {name: lan, prefixes: ['2001:db8:1::/62']}\n"
		  "  - {name: cpe, length: 60, prefixes: ['2001:db8:2::/54']}\n");
	wanted = of_pools(0, 1);
	for (unsigned int i = 0; i < 4 * 16 - 16; i++) {
		struct ip_addr addr = {.family = 6};

		cr_assert_eq(lns_prefix_take(&lns, 1, 0, addr.bytes), 0, "%u", i);
		cr_assert_not(ip_prefix_holds(&held, &addr), "%u", i);
	}
	cr_expect_eq(lns_prefix_take(&lns, 1, 0, held.addr.bytes), -ENOSPC);
	/* the link's prefix is given back for good, with the address in it */
	subscriber_ipv6_free(alice);
	for (unsigned int i = 0; i < 4; i++)
		cr_expect_eq(lns_prefix_take(&lns, 0, 0, held.addr.bytes), 0, "%u", i);
}

/* 1 which part is fixed; 2 what; 3 what comes of it, with pools of /64 (lan) and /56 (cpe) */
Test(subscriber_ipv6, a_fixed_prefix_is_a_whole_one_of_a_pool_or_apart_from_it)
{
	static const struct {
		enum ipv6_part part;
		const char *prefix;
		uint8_t length;
		int expected;
	} rows[] = {
		{IPV6_LINK, "2001:db8:1:2::", 64, 0},
		{IPV6_LINK, "2001:db8:9::", 64, 0},
		{IPV6_LINK, "2001:db8:2:100::", 64, -EINVAL},
		{IPV6_DELEGATED, "2001:db8:2:100::", 56, 0},
		{IPV6_DELEGATED, "2001:db8:2:100::", 60, -EINVAL},
		{IPV6_DELEGATED, "2001:db8:2::", 48, -EINVAL},
		{IPV6_DELEGATED, "2001:db8:1::", 48, -EINVAL},
		{IPV6_ADDRESS, "2001:db8:2::7", 128, -EINVAL},
		{IPV6_ADDRESS, "2001:db8:9::7", 128, 0},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct subscriber *alice = session(i, "alice");
		struct aaa_ipv6 wanted = of_pools(-1, -1);
		struct ip_prefix prefix = v6(rows[i].prefix, rows[i].length);

		if (rows[i].part == IPV6_LINK)
			wanted.prefix = prefix;
		else if (rows[i].part == IPV6_DELEGATED)
			wanted.delegated = prefix;
		else
			wanted.address = prefix.addr;
		cr_expect_eq(get(alice, &wanted), rows[i].expected, "row %u", i);
		subscriber_ipv6_free(alice);
	}
	cr_expect_eq(used(0), 0u);
	cr_expect_eq(used(1), 0u);
}
