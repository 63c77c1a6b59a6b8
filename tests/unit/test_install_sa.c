/* SPDX-License-Identifier: BSD-3-Clause */
/* SAs of a peer are one group; what a key was used for is never used again, whatever comes and goes. */
#include "install_sa.h"

#include "eal.h"

#include <crypto/digest.h>
#include <crypto/esp.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static struct rcu *rcu;
static struct sa_table *table;
static struct sa_store *store;
static struct install_sas *sas;
static uint64_t now = 1000000;

static void setup_with(unsigned int n_workers, uint32_t max)
{
	struct install_sa_settings settings = {.n_workers = n_workers, .max = max};

	eal_init();
	cr_assert_eq(digest_init(), 0);
	/* one worker that reports */
	rcu = rcu_create(1);
	table = sa_table_create(2 * max, rcu);
	store = sa_store_create("ipsec-mb", -1);
	cr_assert(rcu && table && store, "%s", esp_reason());
	settings.table = table;
	settings.store = store;
	sas = install_sas_create(&settings);
	cr_assert_not_null(sas);
}

static void setup(void)
{
	setup_with(3, 64);
}

static void grace_period(void)
{
	for (int i = 0; i < 2; i++) {
		rcu_poll(rcu, 1000);
		rcu_worker_quiescent(rcu_qsbr(rcu), 0);
	}
	rcu_poll(rcu, 1000);
}

static void teardown(void)
{
	rcu_worker_offline(rcu, 0);
	rcu_drain(rcu);
	install_sas_destroy(sas);
	sa_store_destroy(store);
	sa_table_destroy(table);
	rcu_destroy(rcu);
	digest_fini();
}

TestSuite(install_sa, .init = setup, .fini = teardown);

static uint8_t key[36];

/* An AES-128-GCM SA with a key of its own for each number. */
static struct install_sa_spec spec_of(enum sa_direction direction, const char *peer, uint16_t port,
	uint32_t spi, uint8_t key_number)
{
	struct install_sa_spec spec = {.source = INSTALL_SA_KERNEL,
		.family = 4,
		.local_port = port ? 4500 : 0,
		.peer_port = port,
		.params = {.spi = spi,
			.direction = direction,
			.cipher = ESP_CIPHER_AES_GCM_16,
			.key = key,
			.key_len = 20,
			.window = 64,
			.sequence_limit = 1000000}};

	memset(key, key_number, sizeof(key));
	inet_pton(AF_INET, "198.51.100.1", spec.local);
	cr_assert_eq(inet_pton(AF_INET, peer, spec.peer), 1);
	return spec;
}

static struct install_sa *add(enum sa_direction direction, const char *peer, uint16_t port,
	uint32_t spi, uint8_t key_number)
{
	struct install_sa_spec spec = spec_of(direction, peer, port, spi, key_number);
	struct install_sa *sa = install_sa_add(sas, &spec, now);

	cr_assert_not_null(sa);
	return sa;
}

static uint32_t outbound_spi(uint32_t group)
{
	const struct sa_group *g = sa_group_at(table, group);

	cr_assert_not_null(g);
	return g->outbound == SA_NONE ? 0 : ntohl(sa_at(table, g->outbound)->spi);
}

Test(install_sa, a_peer_s_sas_are_one_group_with_one_owner)
{
	struct install_sa *in = add(SA_INBOUND, "192.0.2.1", 0, 0x1001, 1);
	struct install_sa *out = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2001, 2);
	struct install_sa *other = add(SA_INBOUND, "192.0.2.2", 0, 0x1002, 3);

	cr_assert_eq(in->state, INSTALL_SA_LIVE, "%s", in->reason);
	cr_assert_eq(in->group, out->group);
	cr_assert_neq(in->group, other->group);
	cr_assert_neq(in->group->owner, other->group->owner, "the least loaded worker");
	cr_assert_eq(outbound_spi(in->group->id), 0x2001);
	cr_assert_eq(in->group->rekeys, 0);
}

Test(install_sa, clients_behind_one_nat_have_a_group_each)
{
	struct install_sa *a = add(SA_INBOUND, "192.0.2.1", 4500, 0x1001, 1);
	struct install_sa *a_out = add(SA_OUTBOUND, "192.0.2.1", 4500, 0x2001, 2);
	struct install_sa *b = add(SA_INBOUND, "192.0.2.1", 62418, 0x1002, 3);
	struct install_sa *b_out = add(SA_OUTBOUND, "192.0.2.1", 62418, 0x2002, 4);

	cr_assert_neq(a->group, b->group);
	cr_assert_eq(a->group, a_out->group);
	cr_assert_eq(b->group, b_out->group);
	cr_assert_eq(outbound_spi(a->group->id), 0x2001);
	cr_assert_eq(outbound_spi(b->group->id), 0x2002);
}

Test(install_sa, the_newest_outbound_is_used_and_its_end_brings_the_one_before_back)
{
	struct install_sa *first = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2001, 1);
	struct install_sa *second = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2002, 2);
	struct install_sa *third = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2003, 3);
	uint32_t group = first->group->id;

	cr_assert_eq(outbound_spi(group), 0x2003);
	cr_assert_eq(first->group->rekeys, 2);
	cr_assert(install_sa_in_use(sas, third));
	cr_assert_not(install_sa_in_use(sas, second));
	/* the old one goes after the rekey: nothing changes */
	install_sa_remove(sas, first, now);
	cr_assert_eq(outbound_spi(group), 0x2003);
	install_sa_remove(sas, third, now);
	cr_assert_eq(outbound_spi(group), 0x2002);
	install_sa_remove(sas, second, now);
	cr_assert_eq(outbound_spi(group), 0);
	grace_period();
}

Test(install_sa, both_inbound_sas_of_a_rekey_are_found_until_the_old_one_is_deleted)
{
	struct install_sa *old = add(SA_INBOUND, "192.0.2.1", 0, 0x1001, 1), *new;
	uint8_t local[16] = {198, 51, 100, 1};

	new = add(SA_INBOUND, "192.0.2.1", 0, 0x1002, 2);
	cr_assert_eq(sa_lookup(table, 0, 4, local, htonl(0x1001)), old->index);
	cr_assert_eq(sa_lookup(table, 0, 4, local, htonl(0x1002)), new->index);
	install_sa_remove(sas, old, now);
	cr_assert_eq(sa_lookup(table, 0, 4, local, htonl(0x1001)), SA_NONE);
	grace_period();
	cr_assert_eq(new->state, INSTALL_SA_LIVE);
}

Test(install_sa, a_known_key_waits_for_the_last_number_and_goes_on_after_it)
{
	struct install_sa *old = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2001, 1), *new;
	struct sa *worker = old->sa;

	worker->state.sequence = 5000;
	install_sa_remove(sas, old, now);
	new = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2001, 1);
	cr_assert_eq(new->state, INSTALL_SA_WAITING);
	/* a worker that still holds the old one sends some more */
	worker->state.sequence = 5032;
	grace_period();
	cr_assert_eq(new->state, INSTALL_SA_LIVE);
	cr_assert_eq(new->sa->state.sequence, 5032);
	cr_assert_eq(outbound_spi(new->group->id), 0x2001);
}

Test(install_sa, a_known_key_is_remembered_after_its_sa_is_gone)
{
	struct install_sa *sa = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2001, 1);

	sa->sa->state.sequence = 77;
	install_sa_remove(sas, sa, now);
	grace_period();
	/* GCM: the key counts, whatever the SPI and the peer */
	sa = add(SA_OUTBOUND, "192.0.2.9", 0, 0x2fff, 1);
	cr_assert_eq(sa->state, INSTALL_SA_LIVE);
	cr_assert_eq(sa->sa->state.sequence, 77);
	/* another key starts at its beginning */
	sa = add(SA_OUTBOUND, "192.0.2.9", 0, 0x2ffe, 2);
	cr_assert_eq(sa->sa->state.sequence, 0);
}

Test(install_sa, what_the_kernel_knows_of_the_numbers_counts_if_it_is_more)
{
	struct install_sa_spec spec = spec_of(SA_OUTBOUND, "192.0.2.1", 0, 0x2001, 1);
	struct install_sa *sa;

	spec.params.sequence = 1 << 20;
	sa = install_sa_add(sas, &spec, now);
	cr_assert_eq(sa->sa->state.sequence, 1 << 20);
	install_sa_remove(sas, sa, now);
	grace_period();
	spec.params.sequence = 2 << 20;
	sa = install_sa_add(sas, &spec, now);
	cr_assert_eq(sa->sa->state.sequence, 2 << 20);
}

Test(install_sa, the_same_gcm_key_in_two_outbound_sas_stops_the_older)
{
	struct install_sa *old = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2001, 1), *new;

	old->sa->state.sequence = 10;
	new = add(SA_OUTBOUND, "192.0.2.2", 0, 0x2002, 1);
	cr_assert_eq(old->state, INSTALL_SA_STOPPED);
	cr_assert_str_eq(old->reason, "its key is used by a newer SA");
	cr_assert_eq(new->state, INSTALL_SA_WAITING);
	grace_period();
	cr_assert_eq(new->state, INSTALL_SA_LIVE);
	cr_assert_eq(new->sa->state.sequence, 10);
	cr_assert_null(old->sa);
	install_sa_remove(sas, old, now);
}

Test(install_sa, the_same_key_both_ways_is_two_keys)
{
	struct install_sa *in = add(SA_INBOUND, "192.0.2.1", 0, 0x1001, 1);
	struct install_sa *out = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2001, 1);

	cr_assert_eq(in->state, INSTALL_SA_LIVE);
	cr_assert_eq(out->state, INSTALL_SA_LIVE);
}

Test(install_sa, cbc_sas_with_the_same_key_live_side_by_side)
{
	struct install_sa_spec spec = spec_of(SA_OUTBOUND, "192.0.2.1", 0, 0x2001, 1);
	struct install_sa *a, *b;

	spec.params.cipher = ESP_CIPHER_AES_CBC;
	spec.params.key_len = 16;
	spec.params.auth = ESP_AUTH_HMAC_SHA1_96;
	spec.params.auth_key = key;
	spec.params.auth_key_len = 20;
	a = install_sa_add(sas, &spec, now);
	spec.params.spi = 0x2002;
	b = install_sa_add(sas, &spec, now);
	cr_assert_eq(a->state, INSTALL_SA_LIVE, "%s", a->reason);
	cr_assert_eq(b->state, INSTALL_SA_LIVE, "%s", b->reason);
}

Test(install_sa, a_window_goes_on_where_it_ended)
{
	struct install_sa *old = add(SA_INBOUND, "192.0.2.1", 4500, 0x1001, 1), *new;

	replay_accept(&old->sa->state.replay, 900);
	install_sa_remove(sas, old, now);
	new = add(SA_INBOUND, "192.0.2.1", 4501, 0x1001, 1);
	cr_assert_eq(new->state, INSTALL_SA_WAITING);
	grace_period();
	cr_assert_eq(new->state, INSTALL_SA_LIVE);
	cr_assert_eq(replay_check(&new->sa->state.replay, 900), REPLAY_SEEN);
	cr_assert_eq(replay_check(&new->sa->state.replay, 850), REPLAY_SEEN);
	cr_assert_eq(replay_check(&new->sa->state.replay, 901), REPLAY_FRESH);
}

Test(install_sa, only_the_last_of_several_in_a_row_waits)
{
	struct install_sa *old = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2001, 1), *one, *two;

	old->sa->state.sequence = 5;
	install_sa_remove(sas, old, now);
	one = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2001, 1);
	install_sa_remove(sas, one, now);
	two = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2001, 1);
	grace_period();
	cr_assert_eq(two->state, INSTALL_SA_LIVE);
	cr_assert_eq(two->sa->state.sequence, 5);
	install_sa_remove(sas, two, now);
	grace_period();
	cr_assert_eq(table->n_entries, 0);
}

Test(install_sa, a_nat_s_new_port_is_answered_and_is_no_name)
{
	struct install_sa *in = add(SA_INBOUND, "192.0.2.1", 4500, 0x1001, 1);
	struct install_sa *out = add(SA_OUTBOUND, "192.0.2.1", 4500, 0x2001, 2), *other;
	uint32_t group = in->group->id;

	/* what came before there was an outbound SA says nothing new */
	cr_assert(!install_sa_moved(sas, in->index, in->generation, 4500));
	cr_assert(install_sa_moved(sas, in->index, in->generation, 7000));
	cr_assert_eq(ntohl(out->sa->encap_ports), 4500u << 16 | 7000);
	cr_assert(!install_sa_moved(sas, in->index, in->generation, 7000));
	/* the port was another client's, or becomes it: the peer may have chosen it */
	other = add(SA_OUTBOUND, "192.0.2.1", 7000, 0x2002, 3);
	cr_assert_neq(other->group->id, group);
	cr_assert_eq(outbound_spi(group), 0x2001);
	/* who takes the old port is somebody else as well */
	other = add(SA_INBOUND, "192.0.2.1", 4500, 0x1009, 4);
	cr_assert_neq(other->group->id, group);
	/* where IKE has it, it is found again, whoever sent from there meanwhile */
	install_sa_remove(sas, in, now);
	in = add(SA_INBOUND, "192.0.2.1", 7000, 0x1001, 1);
	cr_assert_eq(in->group->id, group);
	cr_assert_eq(add(SA_OUTBOUND, "192.0.2.1", 7000, 0x2003, 5)->group->id, group);
	/* a notice about an SA that has ended changes nothing */
	cr_assert(!install_sa_moved(sas, out->index, out->generation + 1, 8000));
	cr_assert(!install_sa_moved(sas, UINT32_MAX, 1, 8000));
	cr_assert_eq(ntohl(out->sa->encap_ports), 4500u << 16 | 7000);
}

Test(install_sa, a_port_that_changes_and_changes_back_leaves_the_group_where_it_was)
{
	struct install_sa *in = add(SA_INBOUND, "192.0.2.1", 4500, 0x1001, 1);
	struct install_sa *out = add(SA_OUTBOUND, "192.0.2.1", 4500, 0x2001, 2), *other;

	install_sa_moved(sas, in->index, in->generation, 7000);
	install_sa_moved(sas, in->index, in->generation, 4500);
	cr_assert_eq(ntohl(out->sa->encap_ports), 4500u << 16 | 4500);
	cr_assert_eq(add(SA_OUTBOUND, "192.0.2.1", 4500, 0x2002, 3)->group, in->group);
	/* unless somebody else took its place */
	install_sa_moved(sas, in->index, in->generation, 7000);
	other = add(SA_INBOUND, "192.0.2.1", 4500, 0x1002, 4);
	install_sa_moved(sas, in->index, in->generation, 4500);
	cr_assert_eq(add(SA_OUTBOUND, "192.0.2.1", 4500, 0x2003, 5)->group, other->group);
	cr_assert_neq(other->group, in->group);
}

Test(install_sa, a_nat_update_by_ike_finds_the_group_by_the_key)
{
	struct install_sa *in = add(SA_INBOUND, "192.0.2.1", 4500, 0x1001, 1);
	struct install_sa *out = add(SA_OUTBOUND, "192.0.2.1", 4500, 0x2001, 2);
	uint32_t group = in->group->id;

	out->sa->state.sequence = 42;
	install_sas_hold(sas, group);
	/* as charon does it: deletes and adds with the new port */
	install_sa_remove(sas, in, now);
	install_sa_remove(sas, out, now);
	in = add(SA_INBOUND, "192.0.2.1", 9999, 0x1001, 1);
	out = add(SA_OUTBOUND, "192.0.2.1", 9999, 0x2001, 2);
	grace_period();
	cr_assert_eq(in->group->id, group);
	cr_assert_eq(out->group->id, group);
	cr_assert_eq(out->sa->state.sequence, 42);
	cr_assert_eq(ntohl(out->sa->encap_ports), 4500u << 16 | 9999);
	cr_assert_eq(outbound_spi(group), 0x2001);
	/* and once more, when the old ones are long gone */
	install_sa_remove(sas, out, now);
	grace_period();
	out = add(SA_OUTBOUND, "192.0.2.1", 9998, 0x2001, 2);
	cr_assert_eq(out->group->id, group);
}

Test(install_sa, two_peers_whose_ports_a_nat_swaps_keep_their_groups)
{
	struct install_sa *a = add(SA_INBOUND, "192.0.2.1", 5000, 0x1001, 1);
	struct install_sa *b = add(SA_INBOUND, "192.0.2.1", 6000, 0x1002, 2), *c;
	uint32_t group_a = a->group->id, group_b = b->group->id;

	install_sa_moved(sas, a->index, a->generation, 6000);
	c = add(SA_INBOUND, "192.0.2.1", 6000, 0x1003, 3);
	cr_assert_eq(c->group->id, group_b);
	install_sa_moved(sas, b->index, b->generation, 5000);
	/* and by IKE, one after the other */
	install_sa_remove(sas, a, now);
	a = add(SA_INBOUND, "192.0.2.1", 6000, 0x1001, 1);
	cr_assert_eq(add(SA_INBOUND, "192.0.2.1", 6000, 0x1004, 4)->group->id, group_a);
	install_sa_remove(sas, b, now);
	b = add(SA_INBOUND, "192.0.2.1", 5000, 0x1002, 2);
	cr_assert_eq(add(SA_INBOUND, "192.0.2.1", 5000, 0x1005, 5)->group->id, group_b);
}

static struct install_sa *add_for(uint32_t reqid, enum sa_direction direction, uint16_t port,
	uint32_t spi, uint8_t key_number)
{
	struct install_sa_spec spec = spec_of(direction, "192.0.2.1", port, spi, key_number);
	struct install_sa *sa;

	spec.reqid = reqid;
	sa = install_sa_add(sas, &spec, now);
	cr_assert_not_null(sa);
	cr_assert_eq(sa->state, INSTALL_SA_LIVE, "%s", sa->reason);
	return sa;
}

Test(install_sa, who_is_given_an_address_gets_nothing_of_the_one_that_had_it)
{
	/* native ESP, and a NAT that gives a port again */
	for (uint16_t port = 0; port <= 4500; port += 4500) {
		uint32_t spi = port + 0x1000u;
		uint8_t key_number = port ? 100 : 1;
		uint32_t old, new;

		old = add_for(7, SA_INBOUND, port, spi, key_number)->group_id;
		cr_assert_eq(add_for(7, SA_OUTBOUND, port, spi + 1, key_number + 1)->group_id, old);
		install_sas_hold(sas, old);
		/* another child, whoever it is: the IKE daemon has given it a reqid of its own */
		new = add_for(8, SA_INBOUND, port, spi + 2, key_number + 2)->group_id;
		cr_assert_eq(add_for(8, SA_OUTBOUND, port, spi + 3, key_number + 3)->group_id, new);
		cr_assert_neq(new, old);
		cr_assert_eq(outbound_spi(old), spi + 1, "what is for the one before stays his");
		cr_assert_eq(outbound_spi(new), spi + 3);
		/* each one's rekeying finds its own */
		cr_assert_eq(add_for(7, SA_INBOUND, port, spi + 4, key_number + 4)->group_id, old);
		cr_assert_eq(add_for(8, SA_INBOUND, port, spi + 5, key_number + 5)->group_id, new);
		cr_assert_eq(add_for(7, SA_OUTBOUND, port, spi + 6, key_number + 6)->group_id, old);
		cr_assert_eq(outbound_spi(old), spi + 6);
		cr_assert_eq(outbound_spi(new), spi + 3);
	}
}

Test(install_sa, a_group_that_is_left_waits_for_its_own_and_for_nobody_else)
{
	struct install_sa *in = add_for(7, SA_INBOUND, 0, 0x1001, 1);
	uint32_t old = in->group_id, new;

	install_sas_hold(sas, old);
	new = add_for(8, SA_INBOUND, 0, 0x1002, 2)->group_id;
	cr_assert_neq(new, old);
	cr_assert_not(install_sas_follows(sas, old, new), "while there are SAs, it is two");
	install_sa_remove(sas, in, now);
	grace_period();
	cr_assert(install_sas_follows(sas, old, new));
	cr_assert_not(install_sas_follows(sas, new, old));
	cr_assert_not(install_sas_follows(sas, old, old));
	cr_assert_not(install_sas_follows(sas, old, 0));
	cr_assert_not(install_sas_follows(sas, old, 4711));
	cr_assert_not(
		install_sas_follows(sas, old, add(SA_INBOUND, "192.0.2.2", 0, 0x1003, 3)->group_id),
		"another address");
	/* its own child again */
	cr_assert_eq(add_for(7, SA_INBOUND, 0, 0x1004, 4)->group_id, old);
}

/* Somebody else at the address, with keys of its own: the misses are its, at whichever tunnels. */
Test(install_sa, a_group_that_has_guessed_too_often_follows_nobody)
{
	struct install_sa *in = add_for(7, SA_INBOUND, 0, 0x1001, 1);
	uint32_t old = in->group_id, guesser, peer;

	install_sas_hold(sas, old);
	install_sa_remove(sas, in, now);
	grace_period();
	guesser = add_for(8, SA_INBOUND, 0, 0x1002, 2)->group_id;
	for (unsigned int i = 0; i < INSTALL_SA_MISSES; i++) {
		cr_assert(install_sas_follows(sas, old, guesser), "%u", i);
		install_sas_missed(sas, guesser);
	}
	cr_assert_not(install_sas_follows(sas, old, guesser));
	install_sas_missed(sas, 4711);
	peer = add_for(9, SA_INBOUND, 0, 0x1003, 3)->group_id;
	cr_assert(install_sas_follows(sas, old, peer), "the peer is not locked out by it");
}

Test(install_sa, a_key_tells_more_than_a_reqid)
{
	struct install_sa *in = add_for(7, SA_INBOUND, 4500, 0x1001, 1);
	uint32_t group = in->group_id;

	/* an IKE daemon that numbers anew, and a NAT that has moved the peer meanwhile */
	install_sa_remove(sas, in, now);
	grace_period();
	in = add_for(9, SA_INBOUND, 4501, 0x1001, 1);
	cr_assert_eq(in->group_id, group);
	cr_assert_eq(add_for(9, SA_OUTBOUND, 4501, 0x2001, 2)->group_id, group);
	cr_assert_neq(add_for(7, SA_OUTBOUND, 4501, 0x2002, 3)->group_id, group);
}

Test(install_sa, a_group_waits_for_its_tunnels_and_its_peer_s_return)
{
	struct install_sa *sa = add(SA_INBOUND, "192.0.2.1", 0, 0x1001, 1);
	uint32_t group = sa->group->id;

	install_sas_hold(sas, group);
	install_sa_remove(sas, sa, now);
	grace_period();
	install_sas_poll(sas, now + 3600000);
	/* a day later, new keys: the tunnel is found again */
	sa = add(SA_INBOUND, "192.0.2.1", 0, 0x1002, 2);
	cr_assert_eq(sa->group->id, group);
	install_sa_remove(sas, sa, now);
	grace_period();
	install_sas_release(sas, group, now);
	install_sas_poll(sas, now + INSTALL_SA_GRACE_MS - 1);
	cr_assert_not_null(sa_group_at(table, group));
	install_sas_poll(sas, now + INSTALL_SA_GRACE_MS);
	cr_assert_null(sa_group_at(table, group));
	cr_assert_null(install_sas_group(sas, group));
	install_sas_release(sas, group, now);
	sa = add(SA_INBOUND, "192.0.2.1", 0, 0x1003, 3);
	cr_assert_neq(sa->group->id, group);
}

Test(install_sa, behind_a_nat_a_group_does_not_wait_for_whoever_gets_the_port)
{
	struct install_sa *sa = add(SA_INBOUND, "192.0.2.1", 4500, 0x1001, 1);
	uint32_t group = sa->group->id;

	install_sas_hold(sas, group);
	install_sa_remove(sas, sa, now);
	grace_period();
	install_sas_poll(sas, now + INSTALL_SA_NAT_GRACE_MS - 1);
	cr_assert_not_null(sa_group_at(table, group));
	install_sas_poll(sas, now + INSTALL_SA_NAT_GRACE_MS);
	cr_assert_null(sa_group_at(table, group));
	sa = add(SA_INBOUND, "192.0.2.1", 4500, 0x1002, 2);
	cr_assert_neq(sa->group->id, group);
}

Test(install_sa, what_cannot_be_is_refused_by_name_and_harms_nothing)
{
	struct install_sa_spec spec = spec_of(SA_INBOUND, "192.0.2.1", 0, 0x1001, 1);
	struct install_sa *good = install_sa_add(sas, &spec, now), *bad;
	struct install_sas_counts counts;

	bad = install_sa_add(sas, &spec, now);
	cr_assert_eq(bad->state, INSTALL_SA_REFUSED);
	cr_assert_str_eq(bad->reason, "the SPI is in use at this address");
	install_sa_remove(sas, bad, now);
	spec.params.spi = 0x1002;
	spec.params.cipher = ESP_CIPHER_3DES_CBC;
	spec.params.key_len = 24;
	spec.params.auth = ESP_AUTH_HMAC_SHA1_96;
	spec.params.auth_key = key;
	spec.params.auth_key_len = 20;
	bad = install_sa_add(sas, &spec, now);
	cr_assert_eq(bad->state, INSTALL_SA_REFUSED);
	cr_assert(bad->reason[0]);
	cr_assert_null(bad->group);
	install_sas_permit(sas, ESP_PERMIT_3DES);
	install_sa_remove(sas, bad, now);
	bad = install_sa_add(sas, &spec, now);
	cr_assert_eq(bad->state, INSTALL_SA_LIVE, "%s", bad->reason);
	spec.refused = "mode BEET";
	spec.params.spi = 0x1003;
	bad = install_sa_add(sas, &spec, now);
	cr_assert_str_eq(bad->reason, "mode BEET");
	cr_assert_str_eq(install_sa_state_name(sas, bad), "refused");
	cr_assert_eq(good->state, INSTALL_SA_LIVE);
	install_sas_counts(sas, &counts);
	cr_assert_eq(counts.sas, 2);
	cr_assert_eq(counts.refused, 1);
}

/* Peers choose the SPIs that we send by, also two behind one NAT. */
Test(install_sa, two_peers_at_one_address_may_choose_the_same_spi)
{
	struct install_sa *first = add(SA_OUTBOUND, "192.0.2.1", 4500, 0x2001, 1);
	struct install_sa *second = add(SA_OUTBOUND, "192.0.2.1", 1024, 0x2001, 2), *refused;

	cr_assert_eq(first->state, INSTALL_SA_LIVE);
	cr_assert_eq(second->state, INSTALL_SA_LIVE, "%s", second->reason);
	cr_assert_neq(first->group, second->group);
	cr_assert(install_sa_in_use(sas, first));
	cr_assert(install_sa_in_use(sas, second));
	/* inbound they are ours, and found by it */
	first = add(SA_INBOUND, "192.0.2.1", 4500, 0x1001, 3);
	for (uint8_t i = 0; i < 2; i++) {
		refused = add(SA_INBOUND, "192.0.2.1", 1024, 0x1001, (uint8_t)(4 + i));
		cr_assert_str_eq(refused->reason, "the SPI is in use at this address");
		cr_assert_not(refused->final);
	}
	cr_assert_eq(first->state, INSTALL_SA_LIVE);
}

/* It has waited for another one's last number, and there is none left: its group ends then, not long before. */
Test(install_sa, what_is_refused_only_when_its_turn_comes_leaves_its_group_for_a_while)
{
	struct install_sa *before = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2001, 1), *after;
	uint32_t group = before->group->id;

	before->sa->state.sequence = UINT32_MAX;
	install_sa_remove(sas, before, now);
	after = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2002, 1);
	cr_assert_eq(after->state, INSTALL_SA_WAITING);
	grace_period();
	cr_assert_eq(after->state, INSTALL_SA_REFUSED);
	install_sas_poll(sas, now + INSTALL_SA_GRACE_MS - 1);
	cr_assert_not_null(sa_group_at(table, group));
	install_sas_poll(sas, now + INSTALL_SA_GRACE_MS);
	cr_assert_null(sa_group_at(table, group));
}

Test(install_sa, the_limit_of_sas_refuses_the_next_one)
{
	for (uint32_t i = 0; i < 64; i++)
		cr_assert_eq(add(SA_INBOUND, "192.0.2.1", 0, 0x1000 + i, (uint8_t)i)->state,
			INSTALL_SA_LIVE);

	struct install_sa *sa = add(SA_INBOUND, "192.0.2.1", 0, 0x2000, 99);

	cr_assert_str_eq(sa->reason, "more SAs than ipsec.max-sas");
	/* refused ones are bounded too */
	for (uint32_t i = 1; i < 64; i++)
		add(SA_INBOUND, "192.0.2.1", 0, 0x2000 + i, 99);

	struct install_sa_spec spec = spec_of(SA_INBOUND, "192.0.2.1", 0, 0x3000, 99);

	spec.refused = "one too many";
	errno = 0;
	cr_assert_null(install_sa_add(sas, &spec, now));
	cr_assert_eq(errno, ENOSPC, "not for want of memory");
}

Test(install_sa, a_key_without_numbers_left_is_refused)
{
	struct install_sa *sa = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2001, 1);

	sa->sa->state.sequence = UINT32_MAX;
	install_sa_remove(sas, sa, now);
	grace_period();
	sa = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2002, 1);
	cr_assert_eq(sa->state, INSTALL_SA_REFUSED);
	cr_assert_str_eq(sa->reason, "its key is used up: no sequence number is left");
}

Test(install_sa, what_is_stopped_is_shown_until_it_is_removed)
{
	struct install_sa *sa = add(SA_OUTBOUND, "192.0.2.1", 0, 0x2001, 1), *seen;
	uint32_t at = 0;

	sa->sa->state.packets = 17;
	install_sa_stop(sas, sa, "byte limit reached", now);
	cr_assert_str_eq(install_sa_state_name(sas, sa), "stopped");
	grace_period();
	seen = install_sas_next(sas, &at);
	cr_assert_eq(seen, sa);
	cr_assert_eq(seen->packets, 17);
	install_sa_remove(sas, sa, now);
	at = 0;
	cr_assert_null(install_sas_next(sas, &at));
}
