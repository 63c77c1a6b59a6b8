/* SPDX-License-Identifier: BSD-3-Clause */
/* From one configuration's pools to another's, in slices, while sessions come, go and change. */
#include "config_minimal.h"
#include "lns.h"

#include <crypto/digest.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS 48
#define MAIN     "{name: main, ranges: [10.0.0.0/25]}"
#define LAN      "{name: lan, prefixes: ['2001:db8:1::/57']}"
#define CPE      "{name: cpe, length: 56, prefixes: ['2001:db8:2000::/49']}"

static struct lns lns;
static struct subscriber sessions[SESSIONS];
static const struct aaa_ipv6 wanted = {.pool = 0, .delegated_pool = 1, .address_pool = -1};

/* Without routes of pools: that those come and go in order is test_kernel_route's. */
static struct config *config_of(const char *pools, const char *prefix_pools)
{
	struct config_errors errors = {0};
	struct config *config;
	char text[2048];
	int length = snprintf(text, sizeof(text),
		MINIMAL_LNS "pools: [%s]\nprefix-pools: [%s]\n"
			    "subscribers: {pool: main, local-address: 10.255.0.1}\n",
		pools, prefix_pools);
	int rc = config_parse("test.yaml", text, (size_t)length, &config, &errors);

	cr_assert_eq(rc, 0, "%s", errors.n ? errors.text[0] : "");
	config_errors_free(&errors);
	for (unsigned int i = 0; i < config->n_pools; i++)
		config->pools[i].n_aggregates = 0;
	return config;
}

static void routes_none(struct config *config)
{
	for (unsigned int i = 0; i < config->n_prefix_pools; i++)
		config->prefix_pools[i].n_prefixes = 0;
}

static void setup(void)
{
	struct config *config = config_of(MAIN, LAN ", " CPE);

	memset(&lns, 0, sizeof(lns));
	cr_assert_eq(digest_init(), 0);
	cr_assert_eq(subscribers_init(&lns.subscribers, SESSIONS), 0);
	cr_assert_eq(ipv6_state_init(&lns.ipv6, &lns.subscribers, "lns"), 0);
	lns.profile = profile_create(config, &lns.ppp_counters, NULL);
	cr_assert_not_null(lns.profile);
	cr_assert_eq(lns_pools_begin(&lns, config), 0);
	routes_none(config);
	lns_pools_switch(&lns);
	cr_assert_null(lns.pools_change, "nothing to walk at the start");
}

static void leave(unsigned int i)
{
	struct subscriber *session = &sessions[i];

	subscriber_address_drop(session);
	subscriber_ipv6_free(session);
	subscribers_user_remove(&lns.subscribers, session);
	subscribers_remove(&lns.subscribers, session);
	free(session->user);
	*session = (struct subscriber){0};
}

static void teardown(void)
{
	for (unsigned int i = 0; i < SESSIONS; i++)
		if (sessions[i].lns)
			leave(i);
	lns_pools_cancel(&lns);
	lns_pools_free(&lns);
	profile_release(lns.profile);
	ipv6_state_fini(&lns.ipv6);
	subscribers_fini(&lns.subscribers);
	digest_fini();
}

TestSuite(lns_pools, .init = setup, .fini = teardown);

/* A session whose pools have these indices today. */
static void come(unsigned int i)
{
	static uint32_t serial;
	struct subscriber *session = &sessions[i];
	struct ppp_ipv6 ids;
	char user[16];

	snprintf(user, sizeof(user), "user%u", i);
	*session = (struct subscriber){
		.lns = &lns, .record = {.mtu = 1500, .index = i}, .serial = ++serial};
	session->user = strdup(user);
	session->user_hash = subscribers_hash(&lns.subscribers, user, strlen(user));
	subscribers_add(&lns.subscribers, session);
	subscribers_user_add(&lns.subscribers, session);
	cr_assert_eq(subscriber_address_get(session), 0);
	cr_assert_eq(subscriber_ipv6_keep(session, &wanted), 0);
	cr_assert_eq(subscriber_ipv6_get(session, &ids), 0);
}

/* All the rest of the pools is given out: nobody gets what a session has. Returns how much there was. */
static void nothing_is_given_twice(
	int pool, unsigned int lan, unsigned int size, unsigned int lan_size)
{
	unsigned int n = 0, held = 0;
	uint8_t prefix[16];
	uint32_t address;

	for (unsigned int i = 0; i < SESSIONS; i++)
		held += sessions[i].lns != NULL;
	for (; lns_pool_take(&lns, pool, 0, &address) == 0; n++)
		cr_assert_null(subscribers_of_address(&lns.subscribers, 0, address));
	cr_expect_eq(n + held, size, "%u and %u", n, held);
	for (n = 0; lns_prefix_take(&lns, (int)lan, 0, prefix) == 0; n++)
		cr_assert_null(prefix_table_holder(&lns.ipv6.holders, 0, prefix, 64));
	cr_expect_eq(n + held, lan_size, "%u and %u", n, held);
}

static void switch_to(struct config *config)
{
	struct profile *old = lns.profile;
	unsigned int turns = 0;

	routes_none(config);
	lns_pools_switch(&lns);
	lns.profile = profile_create(config, &lns.ppp_counters, old);
	cr_assert_not_null(lns.profile);
	while (lns_pools_settle(&lns, 5))
		turns++;
	cr_expect(turns > 1, "in slices");
	cr_assert_null(lns.pools_change);
	profile_release(old);
}

/* Every one of them, at every turn of the walk. */
Test(lns_pools, what_comes_and_goes_while_pools_are_walked_is_in_the_new_ones, .timeout = 60)
{
	for (unsigned int round = 0; round < 40; round++) {
		struct config *config = config_of(MAIN, LAN ", " CPE);
		unsigned int turns = 0;
		bool more = true;

		for (unsigned int i = 0; i < SESSIONS; i++)
			if (!sessions[i].lns && rand() % 2)
				come(i);
		cr_assert_eq(lns_pools_begin(&lns, config), 0);
		while (more) {
			for (unsigned int n = 0; n < 3; n++) {
				unsigned int i = (unsigned int)rand() % SESSIONS;

				if (sessions[i].lns)
					leave(i);
				else
					come(i);
			}
			more = lns_pools_carry(&lns, 4);
			turns++;
		}
		cr_expect(turns > 3, "in slices");
		switch_to(config);
	}
	nothing_is_given_twice(0, 0, 128, 128);
}

Test(lns_pools, an_address_that_is_given_back_in_between_is_free)
{
	struct config *config = config_of(MAIN, LAN ", " CPE);
	uint32_t address;

	for (unsigned int i = 0; i < SESSIONS; i++)
		come(i);
	cr_assert_eq(lns_pools_begin(&lns, config), 0);
	cr_assert(lns_pools_carry(&lns, SESSIONS / 2));
	/* two that were walked, one that will be; one comes back to what it had */
	address = sessions[1].address;
	leave(1);
	leave(2);
	leave(SESSIONS - 1);
	come(1);
	cr_expect_eq(sessions[1].address, address);
	while (lns_pools_carry(&lns, 4))
		;
	switch_to(config);
	cr_expect_eq(lns_pool_take_exact(&lns, 0, 0, address), -EBUSY);
	nothing_is_given_twice(0, 0, 128, 128);
}

Test(lns_pools, sessions_follow_their_pools_to_another_place_in_the_list)
{
	struct config *config =
		config_of("{name: new, ranges: [10.9.0.0/24]}, " MAIN, CPE ", " LAN);

	for (unsigned int i = 0; i < SESSIONS; i++)
		come(i);
	cr_assert_eq(lns_pools_begin(&lns, config), 0);
	while (lns_pools_carry(&lns, 10))
		cr_expect_eq(sessions[0].pool, 0, "not yet");
	switch_to(config);
	for (unsigned int i = 0; i < SESSIONS; i++) {
		const struct aaa_ipv6 *has = subscriber_ipv6_wanted(sessions[i].ipv6);

		cr_assert_eq(sessions[i].pool, 1);
		cr_assert(has->pool == 1 && has->delegated_pool == 0);
	}
	nothing_is_given_twice(1, 1, 128, 128);
}

Test(lns_pools, a_change_that_is_cancelled_leaves_what_is_in_force)
{
	struct config *config = config_of("{name: main, ranges: [10.7.0.0/24]}", LAN ", " CPE);
	uint32_t address;

	come(0);
	address = sessions[0].address;
	cr_assert_eq(lns_pools_begin(&lns, config), 0);
	cr_assert(lns_pools_carry(&lns, 1));
	come(1);
	lns_pools_cancel(&lns);
	config_free(config);
	cr_expect_eq(sessions[0].address, address);
	leave(1);
	nothing_is_given_twice(0, 0, 128, 128);
}
