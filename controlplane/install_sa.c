/* SPDX-License-Identifier: BSD-3-Clause */
/* SAs in the dataplane: their life from what somebody wants to the last number used. */
#include "install_sa.h"

#include "install_sa_private.h"
#include "log.h"

#include <crypto/digest.h>

#include <rte_jhash.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* ---- the lists ---- */

static struct install_sa **id_chain(const struct install_sas *sas, uint8_t direction, uint16_t vrf,
	const uint8_t address[16], uint32_t spi)
{
	uint32_t hash = rte_jhash(address, 16, (uint32_t)direction << 16 | vrf);

	return &sas->by_id[rte_jhash_1word(spi, hash) & sas->mask];
}

/* What an SA is looked up by (RFC 4301, 4.1): outbound ones by the peer, as in the kernel. */
static const uint8_t *id_address(const struct install_sa *sa)
{
	return sa->direction == SA_INBOUND ? sa->local : sa->peer;
}

struct install_sa *install_sa_find(const struct install_sas *sas, uint8_t direction, uint16_t vrf,
	uint8_t family, const uint8_t address[16], uint32_t spi)
{
	struct install_sa *sa = *id_chain(sas, direction, vrf, address, spi);

	for (; sa; sa = sa->id_next)
		if (sa->spi == spi && sa->direction == direction && sa->vrf == vrf &&
			sa->family == family && !memcmp(id_address(sa), address, 16))
			return sa;
	return NULL;
}

static struct install_sa **key_chain(
	const struct install_sas *sas, const uint8_t digest[INSTALL_SA_DIGEST])
{
	uint32_t hash;

	memcpy(&hash, digest, sizeof(hash));
	return &sas->by_key[hash & sas->mask];
}

static void id_unlink(struct install_sas *sas, struct install_sa *sa)
{
	struct install_sa **at = id_chain(sas, sa->direction, sa->vrf, id_address(sa), sa->spi);

	while (*at && *at != sa)
		at = &(*at)->id_next;
	if (*at)
		*at = sa->id_next;
}

static void key_unlink(struct install_sas *sas, struct install_sa *sa)
{
	struct install_sa **at = key_chain(sas, sa->key_digest);

	while (*at != sa)
		at = &(*at)->key_next;
	*at = sa->key_next;
}

/* Without memory for it the text is empty. */
static void text_set(const char **at, const char *text)
{
	char *copy = *text ? strdup(text) : NULL;

	if (**at)
		free((void *)(uintptr_t)*at);
	*at = copy ? copy : "";
}

static void record_destroy(struct install_sa *sa)
{
	text_set(&sa->name, "");
	text_set(&sa->reason, "");
	free(sa);
}

static struct install_sa *record_create(
	struct install_sas *sas, const struct install_sa_spec *spec, uint64_t now)
{
	const struct sa_params *params = &spec->params;
	struct install_sa *sa, **chain;

	if (!sas->n_slots_free && sas->slots_high == sas->n_slots) {
		errno = ENOSPC;
		return NULL;
	}
	sa = calloc(1, sizeof(*sa));
	if (!sa)
		return NULL;
	sa->slot = sas->n_slots_free ? sas->slots_free[--sas->n_slots_free] : sas->slots_high++;
	sas->slots[sa->slot] = sa;
	sa->sas = sas;
	sa->source = spec->source;
	sa->spi = params->spi;
	sa->direction = (uint8_t)params->direction;
	sa->mode = (uint8_t)params->mode;
	sa->cipher = (uint8_t)params->cipher;
	sa->auth = (uint8_t)params->auth;
	sa->esn = params->esn;
	sa->family = spec->family;
	sa->vrf = spec->vrf;
	sa->local_port = spec->local_port;
	sa->peer_port = spec->peer_port;
	memcpy(sa->local, spec->local, sizeof(sa->local));
	memcpy(sa->peer, spec->peer, sizeof(sa->peer));
	sa->inner = spec->inner;
	sa->created = now > spec->age_ms ? now - spec->age_ms : 0;
	sa->index = SA_NONE;
	sa->born = spec->born;
	sa->dumped = spec->dumped;
	sa->name = sa->reason = "";
	text_set(&sa->name, spec->name ? spec->name : "");
	chain = id_chain(sas, sa->direction, sa->vrf, id_address(sa), sa->spi);
	sa->id_next = *chain;
	*chain = sa;
	return sa;
}

static void record_free(struct install_sas *sas, struct install_sa *sa)
{
	if (sa->state == INSTALL_SA_REFUSED)
		sas->n_refused--;
	sas->slots[sa->slot] = NULL;
	sas->slots_free[sas->n_slots_free++] = sa->slot;
	record_destroy(sa);
}

static void record_refuse(struct install_sas *sas, struct install_sa *sa, const char *reason)
{
	sa->state = INSTALL_SA_REFUSED;
	text_set(&sa->reason, reason);
	sas->n_refused++;
}

/*
 * What must not be used with the same number twice. Combined modes: the key alone (RFC 4106, 8.1). Else IVs are
 * random, and only the peer's replay window wants to see the numbers of this SPI go on; inbound our own.
 */
static void key_digest(const struct install_sas *sas, const struct install_sa_spec *spec,
	const struct sa *sa, uint8_t digest[INSTALL_SA_DIGEST])
{
	const struct sa_params *params = &spec->params;
	const struct {
		uint32_t spi;
		uint32_t direction;
	} place = {
		.direction = params->direction,
		.spi = params->direction == SA_INBOUND || !sa->algorithm.aead ? params->spi : 0,
	};
	const struct iovec parts[] = {
		{(void *)(uintptr_t)sas->salt, sizeof(sas->salt)},
		{(void *)(uintptr_t)&place, sizeof(place)},
		{(void *)(uintptr_t)params->key, params->key_len},
		{(void *)(uintptr_t)params->auth_key, params->auth_key_len},
	};

	digest_sha1(parts, 4, digest);
}

/* ---- numbers ---- */

static uint64_t last_number(const struct sa *sa)
{
	return sa->direction == SA_INBOUND ? sa->state.replay.top : sa->state.sequence;
}

/* Nobody but us has it yet: goes on where the key's last use ended. False: there is no number left. */
static bool continue_after(struct sa *sa, uint64_t last)
{
	if (sa->direction == SA_OUTBOUND) {
		if (sa->state.sequence < last)
			sa->state.sequence = last;
		return sa->state.sequence < sa->sequence_max;
	}
	if (sa->state.replay.window && sa->state.replay.top < last)
		replay_init(&sa->state.replay, sa->ring, sa->state.replay.window, last);
	return true;
}

/* ---- begin and end ---- */

static void crypto_destroy(struct install_sas *sas, struct install_sa *sa)
{
	key_unlink(sas, sa);
	sa_destroy(sas->store, sa->sa);
	sa->sa = NULL;
}

/* Every SA with its key has ended. */
static void publish(struct install_sas *sas, struct install_sa *sa, uint64_t now)
{
	struct install_sa_group *group = sa->group;
	struct sa_place place = {
		.vrf = sa->vrf, .family = sa->family, .group = group->id, .inner = sa->inner};
	const char *why = "its key is used up: no sequence number is left";
	uint32_t unused;
	int64_t index = -ERANGE;
	bool used_up = true;

	memcpy(place.local, sa->local, sizeof(place.local));
	memcpy(place.peer, sa->peer, sizeof(place.peer));
	if (continue_after(sa->sa, sa_past_get(sas->past, sa->key_digest, &unused))) {
		used_up = false;
		index = sa_publish(sas->table, &place, sa->sa, &sa->generation);
		why = index == -ENOSPC ? "no room in the table of SAs (ipsec.max-sas)"
				       : strerror((int)-index);
	}
	if (index < 0) {
		group_leave(sas, sa, now);
		crypto_destroy(sas, sa);
		record_refuse(sas, sa, why);
		sa->used_up = sa->final = used_up;
		return;
	}
	sa->index = (uint32_t)index;
	sa->state = INSTALL_SA_LIVE;
	if (sa->direction == SA_OUTBOUND)
		group_choose(sas, group);
}

/* The owner has written its last: what was used with this key is known now. */
static void on_done(void *user, uint32_t index, struct sa *crypto)
{
	struct install_sa *sa = user, *successor = sa->successor;
	struct install_sas *sas = sa->sas;

	(void)index;
	sa_past_put(sas->past, sa->key_digest, last_number(crypto), sa->group_id);
	sa->packets = crypto->state.packets;
	sa->bytes = crypto->state.bytes;
	crypto_destroy(sas, sa);
	if (successor) {
		successor->before = NULL;
		publish(sas, successor, sas->now);
	}
	if (sa->state == INSTALL_SA_ENDING)
		record_free(sas, sa);
}

static void unpublish(struct install_sas *sas, struct install_sa *sa)
{
	sa->unpublish_left = sa_unpublish(sas->table, sa->index, on_done, sa) == -ENOMEM;
	sas->endings_left |= sa->unpublish_left;
}

/* Out of use, in its new state. Its crypto half lives until no worker holds it. */
static void take_out(
	struct install_sas *sas, struct install_sa *sa, enum install_sa_state state, uint64_t now)
{
	enum install_sa_state was = sa->state;
	struct install_sa_group *group = sa->group;

	sa->state = (uint8_t)state;
	if (was == INSTALL_SA_WAITING) {
		sa->before->successor = NULL;
		sa->before = NULL;
		crypto_destroy(sas, sa);
	}
	if (group) {
		group_leave(sas, sa, now);
		group_choose(sas, group);
	}
	if (was == INSTALL_SA_LIVE)
		unpublish(sas, sa);
}

void install_sa_stop(
	struct install_sas *sas, struct install_sa *sa, const char *reason, uint64_t now)
{
	sas->now = now;
	if (sa->state != INSTALL_SA_LIVE && sa->state != INSTALL_SA_WAITING)
		return;
	text_set(&sa->reason, reason);
	take_out(sas, sa, INSTALL_SA_STOPPED, now);
}

void install_sa_remove(struct install_sas *sas, struct install_sa *sa, uint64_t now)
{
	sas->now = now;
	id_unlink(sas, sa);
	sa->user = NULL;
	if (sa->state != INSTALL_SA_REFUSED)
		take_out(sas, sa, INSTALL_SA_ENDING, now);
	if (!sa->sa)
		record_free(sas, sa);
}

/* The SA that has, or had, this key and whose last number is not known yet. */
static struct install_sa *key_take(
	struct install_sas *sas, const uint8_t digest[INSTALL_SA_DIGEST], uint64_t now)
{
	struct install_sa *sa = *key_chain(sas, digest), *next, *before = NULL;

	for (; sa; sa = next) {
		next = sa->key_next;
		if (memcmp(sa->key_digest, digest, INSTALL_SA_DIGEST))
			continue;
		if (sa->state == INSTALL_SA_LIVE || sa->state == INSTALL_SA_WAITING) {
			log_warning(NULL, "SA 0x%08x is stopped: its key is used by a newer one",
				sa->spi);
			install_sa_stop(sas, sa, "its key is used by a newer SA", now);
		}
		if (sa->sa)
			before = sa;
	}
	return before;
}

/* Where the SA that had the key was, if that group is still there: the key says who it is. */
static struct install_sa_group *group_for(struct install_sas *sas,
	const struct install_sa_spec *spec, const struct install_sa *before,
	const uint8_t digest[INSTALL_SA_DIGEST], uint64_t now)
{
	struct install_sa_group *group;
	uint32_t id;

	sa_past_get(sas->past, digest, &id);
	if (before)
		id = before->group_id;
	group = id ? group_by_id(sas, id) : NULL;
	if (!group || group->vrf != spec->vrf)
		return group_get(sas, spec, now);
	group_move(sas, group, spec);
	return group;
}

static const char *try_add(struct install_sas *sas, struct install_sa *sa,
	const struct install_sa_spec *spec, uint64_t now)
{
	struct sa_params params = spec->params;
	struct install_sa_group *group;
	struct install_sa **chain;

	if (!sas->store)
		return sas->store_error;
	if (sas->n_sas >= sas->max)
		return "more SAs than ipsec.max-sas";
	params.permit = sas->permit;
	params.encap = spec->local_port && spec->peer_port;
	params.encap_source = spec->local_port;
	params.encap_destination = spec->peer_port;
	params.outer_family = spec->family;
	memcpy(params.outer_source, spec->local, sizeof(params.outer_source));
	memcpy(params.outer_destination, spec->peer, sizeof(params.outer_destination));
	if (sa_create(sas->store, &params, &sa->sa))
		return esp_reason();
	sa->key_bits =
		(uint16_t)(8 * (params.key_len - (sa->sa->algorithm.aead ? ESP_SALT_LEN : 0)));
	key_digest(sas, spec, sa->sa, sa->key_digest);
	sa->before = key_take(sas, sa->key_digest, now);
	group = group_for(sas, spec, sa->before, sa->key_digest, now);
	chain = key_chain(sas, sa->key_digest);
	sa->key_next = *chain;
	*chain = sa;
	if (!group) {
		sa->before = NULL;
		crypto_destroy(sas, sa);
		return "no room for another group of SAs (ipsec.max-sas)";
	}
	group_join(sas, group, sa, now);
	if (sa->before)
		sa->before->successor = sa;
	else
		publish(sas, sa, now);
	return NULL;
}

/* Why there is no place for it: inbound, who has it. Outbound SPIs are the peers' choice, and nothing is found by them. */
static const char *spi_taken(const struct install_sas *sas, const struct install_sa_spec *spec)
{
	const struct install_sa *there;

	if (spec->params.direction != SA_INBOUND)
		return NULL;
	there = *id_chain(sas, SA_INBOUND, spec->vrf, spec->local, spec->params.spi);
	for (; there; there = there->id_next)
		if (there->state != INSTALL_SA_REFUSED && there->spi == spec->params.spi &&
			there->direction == SA_INBOUND && there->vrf == spec->vrf &&
			there->family == spec->family && !memcmp(there->local, spec->local, 16))
			return there->source == INSTALL_SA_CONFIG
				? "the configuration has this SPI"
				: "the SPI is in use at this address";
	return NULL;
}

struct install_sa *install_sa_add(
	struct install_sas *sas, const struct install_sa_spec *spec, uint64_t now)
{
	const char *why = spec->refused ? spec->refused : spi_taken(sas, spec);
	struct install_sa *sa = NULL;

	sas->now = now;
	errno = ENOSPC;
	if (sas->n_refused < sas->max || !why)
		sa = record_create(sas, spec, now);
	if (!sa)
		return NULL;
	sa->final = spec->refused || !sas->store;
	if (!why)
		why = try_add(sas, sa, spec, now);
	if (why)
		record_refuse(sas, sa, why);
	return sa;
}

uint64_t install_sa_last_number(const struct install_sa *sa)
{
	const struct install_sa *before = sa->before;
	uint64_t last = sa->sa ? sa->sa->state.sequence : 0;

	return before && before->sa->sequence_limit > last ? before->sa->sequence_limit : last;
}

bool install_sas_room(const struct install_sas *sas)
{
	return sas->n_sas < sas->max;
}

bool install_sa_in_use(const struct install_sas *sas, const struct install_sa *sa)
{
	const struct sa_group *group;

	if (sa->state != INSTALL_SA_LIVE)
		return false;
	if (sa->direction == SA_INBOUND)
		return true;
	group = sa_group_at(sas->table, sa->group->id);
	return group && group->outbound == sa->index;
}

bool install_sa_moved(struct install_sas *sas, uint32_t index, uint32_t generation, uint16_t port)
{
	struct install_sa_group *group;
	const struct sa_entry *entry;

	if (index >= sas->table->capacity)
		return false;
	entry = sa_at(sas->table, index);
	if (!sa_is(entry, generation))
		return false;
	group = group_by_id(sas, entry->group);
	/* from native ESP into UDP, or back, takes new SAs: charon makes them */
	return group && group->peer_port && port && group_answer_at(sas, group, port);
}

void install_sas_poll(struct install_sas *sas, uint64_t now)
{
	struct install_sa *sa;

	sas->now = now;
	if (sas->endings_left) {
		sas->endings_left = false;
		for (uint32_t at = 0; (sa = install_sas_next(sas, &at));)
			if (sa->unpublish_left)
				unpublish(sas, sa);
	}
	groups_poll(sas, now);
	owners_poll(sas);
}

/* ---- all of them ---- */

struct install_sa *install_sas_next(const struct install_sas *sas, uint32_t *at)
{
	while (*at < sas->slots_high) {
		struct install_sa *sa = sas->slots[(*at)++];

		if (sa)
			return sa;
	}
	return NULL;
}

const char *install_sa_state_name(const struct install_sas *sas, const struct install_sa *sa)
{
	static const char *const names[] = {
		[INSTALL_SA_WAITING] = "waiting",
		[INSTALL_SA_LIVE] = "standby",
		[INSTALL_SA_ENDING] = "ending",
		[INSTALL_SA_STOPPED] = "stopped",
		[INSTALL_SA_REFUSED] = "refused",
	};

	return install_sa_in_use(sas, sa) ? "in use" : names[sa->state];
}

void install_sas_counts(const struct install_sas *sas, struct install_sas_counts *counts)
{
	*counts = (struct install_sas_counts){
		.sas = sas->n_sas,
		.groups = sas->n_groups,
		.refused = sas->n_refused,
		.remembered = sa_past_count(sas->past),
	};
}

void install_sas_permit(struct install_sas *sas, unsigned int permit)
{
	sas->permit = permit;
}

struct install_sas *install_sas_create(const struct install_sa_settings *settings)
{
	struct install_sas *sas = calloc(1, sizeof(*sas));
	size_t chains;

	if (!sas)
		return NULL;
	sas->table = settings->table;
	sas->dp = settings->dp;
	sas->store = settings->store;
	snprintf(sas->store_error, sizeof(sas->store_error), "%s",
		settings->store_error ? settings->store_error : "");
	sas->n_workers = settings->n_workers < WORKERS_MAX ? settings->n_workers : WORKERS_MAX;
	sas->permit = settings->permit;
	sas->max = settings->max;
	sas->n_slots = 3 * settings->max; /* what ends, and what is refused, besides */
	sas->mask = 63;
	while (sas->mask < settings->max)
		sas->mask = sas->mask * 2 + 1;
	chains = sas->mask + 1ul;
	sas->slots = calloc(sas->n_slots, sizeof(struct install_sa *));
	sas->slots_free = calloc(sas->n_slots, sizeof(*sas->slots_free));
	sas->by_id = calloc(chains, sizeof(struct install_sa *));
	sas->by_key = calloc(chains, sizeof(struct install_sa *));
	sas->by_address = calloc(chains, sizeof(struct install_sa_group *));
	sas->by_group = calloc(chains, sizeof(struct install_sa_group *));
	sas->past = sa_past_create(2 * settings->max);
	if (sas->slots && sas->slots_free && sas->by_id && sas->by_key && sas->by_address &&
		sas->by_group && sas->past &&
		getrandom(sas->salt, sizeof(sas->salt), 0) == (ssize_t)sizeof(sas->salt))
		return sas;
	install_sas_destroy(sas);
	return NULL;
}

void install_sas_destroy(struct install_sas *sas)
{
	struct install_sa *sa;

	if (!sas)
		return;
	for (uint32_t at = 0; sas->slots && (sa = install_sas_next(sas, &at));) {
		if (sa->sa)
			sa_destroy(sas->store, sa->sa);
		record_destroy(sa);
	}
	if (sas->by_group)
		groups_destroy(sas);
	sa_past_destroy(sas->past);
	free(sas->slots);
	free(sas->slots_free);
	free(sas->by_id);
	free(sas->by_key);
	free(sas->by_address);
	free(sas->by_group);
	explicit_bzero(sas->salt, sizeof(sas->salt));
	free(sas);
}
