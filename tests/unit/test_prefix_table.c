/* SPDX-License-Identifier: BSD-3-Clause */
/* Who holds an IPv6 prefix is found until it gives it back, whatever else is in the same chain. */
#include "subscribers.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

/* more than there are chains: some hold several prefixes */
#define SESSIONS 3000

static struct subscribers all;
static struct prefix_table table;
static struct subscriber *sessions;

static void begin(void)
{
	cr_assert_eq(subscribers_init(&all, SESSIONS), 0);
	all.capacity = 16; /* the fewest chains */
	cr_assert_eq(prefix_table_init(&table, &all, 7), 0);
	all.capacity = SESSIONS;
	sessions = calloc(SESSIONS, sizeof(*sessions));
	for (uint32_t i = 0; i < SESSIONS; i++) {
		sessions[i].record.index = i;
		sessions[i].ipv6 = calloc(1, sizeof(*sessions[i].ipv6));
		subscribers_add(&all, &sessions[i]);
	}
}

static void end(void)
{
	for (uint32_t i = 0; i < SESSIONS; i++)
		free(sessions[i].ipv6);
	free(sessions);
	prefix_table_fini(&table);
	subscribers_fini(&all);
}

static struct held_prefix prefix_of(uint32_t session, unsigned int part)
{
	struct held_prefix held = {.vrf = session % 2, .length = part == IPV6_LINK ? 64 : 56};
	uint32_t number = session / 2; /* the same one in two VRFs */

	held.addr[0] = 0x20;
	memcpy(held.addr + 2, &number, sizeof(number));
	return held;
}

static struct subscriber *holder(uint32_t session, unsigned int part)
{
	struct held_prefix held = prefix_of(session, part);

	return prefix_table_holder(&table, held.vrf, held.addr, held.length);
}

Test(prefix_table, each_prefix_has_its_holder_until_it_is_removed, .init = begin, .fini = end)
{
	for (uint32_t i = 0; i < SESSIONS; i++)
		for (unsigned int part = IPV6_LINK; part <= IPV6_DELEGATED; part++) {
			cr_assert_null(holder(i, part));
			sessions[i].ipv6->parts[part] = prefix_of(i, part);
			prefix_table_add(&table, &sessions[i], part);
			cr_assert(sessions[i].ipv6->parts[part].held);
		}
	/* delegated ones of every third session go */
	for (uint32_t i = 0; i < SESSIONS; i += 3) {
		prefix_table_remove(&table, &sessions[i], IPV6_DELEGATED);
		cr_assert_not(sessions[i].ipv6->parts[IPV6_DELEGATED].held);
		cr_assert_eq(sessions[i].ipv6->parts[IPV6_DELEGATED].next, 0);
	}
	for (uint32_t i = 0; i < SESSIONS; i++) {
		cr_assert_eq(holder(i, IPV6_LINK), &sessions[i]);
		cr_assert_eq(holder(i, IPV6_DELEGATED), i % 3 ? &sessions[i] : NULL);
	}
}

Test(prefix_table, prefix_goes_from_one_session_to_another, .init = begin, .fini = end)
{
	struct subscriber *old = &sessions[0], *new = &sessions[SESSIONS - 1];

	old->ipv6->parts[IPV6_ADDRESS] = prefix_of(10, IPV6_ADDRESS);
	prefix_table_add(&table, old, IPV6_ADDRESS);
	cr_assert_eq(holder(10, IPV6_ADDRESS), old);
	new->ipv6->parts[IPV6_ADDRESS] = prefix_of(10, IPV6_ADDRESS);
	/* not held: it is in nobody's way */
	prefix_table_remove(&table, new, IPV6_ADDRESS);
	cr_assert_eq(holder(10, IPV6_ADDRESS), old);
	prefix_table_remove(&table, old, IPV6_ADDRESS);
	cr_assert_null(holder(10, IPV6_ADDRESS));
	prefix_table_add(&table, new, IPV6_ADDRESS);
	cr_assert_eq(holder(10, IPV6_ADDRESS), new);
}
