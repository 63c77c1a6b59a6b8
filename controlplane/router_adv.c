/* SPDX-License-Identifier: BSD-3-Clause */
/* The router's side of neighbour discovery on every session. */
#include "router_adv.h"

#include "dns_name.h"

#include <dataplane/reserve.h>

#include <errno.h>
#include <string.h>

#define SCAN_MAX 16384 /* sessions looked at in one go */

static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};

static const char *const counter_names[] = {
#define X(name, text) "nd_" #name,
	ROUTER_ADV_COUNTERS(X)
#undef X
};
static const char *const counter_texts[] = {
#define X(name, text) text,
	ROUTER_ADV_COUNTERS(X)
#undef X
};

const char *router_adv_counter_name(enum router_adv_counter counter)
{
	return counter < ROUTER_ADV_COUNTERS_N ? counter_names[counter] : "?";
}

const char *router_adv_counter_text(enum router_adv_counter counter)
{
	return counter < ROUTER_ADV_COUNTERS_N ? counter_texts[counter] : "?";
}

size_t router_adv_make(const struct config_ipv6 *config, const struct router_adv_link *link,
	const uint8_t *destination, uint8_t *out, size_t room,
	uint64_t counters[ROUTER_ADV_COUNTERS_N])
{
	uint8_t domains[CONFIG_DOMAINS_MAX * DNS_NAME_MAX];
	struct nd_router_advertisement advertisement = {
		.hop_limit = config->hop_limit,
		.managed = config->managed || link->managed,
		.other = config->other,
		.lifetime = (uint16_t)config->ra_lifetime,
		.mtu = link->mtu,
		.has_prefix = link->has_prefix,
		.valid = config->valid_lifetime,
		.preferred = config->preferred_lifetime,
		.domains = domains,
		/* RFC 8106, 5.1: three times the longest pause */
		.dns_lifetime = 3 * config->ra_interval,
		.former = link->former,
	};
	size_t len;

	ip6_link_local(advertisement.source, link->our_id);
	memcpy(advertisement.destination, destination ? destination : all_nodes, 16);
	memcpy(advertisement.prefix, link->prefix, 16);
	for (unsigned int i = 0; i < CONFIG_DNS6_MAX; i++)
		if (link->dns[i].family == 6)
			memcpy(advertisement.dns[advertisement.n_dns++], link->dns[i].bytes, 16);
	advertisement.domains_len =
		dns_names_put(domains, sizeof(domains), config->domains, config->n_domains);
	if (room > link->mtu)
		room = link->mtu;
	len = nd_router_advertisement_put(out, room, &advertisement);
	/* a search list that fills the link is not worth the advertisement */
	if (!len && advertisement.domains_len) {
		advertisement.domains_len = 0;
		len = nd_router_advertisement_put(out, room, &advertisement);
	}
	counters[len ? ROUTER_ADV_ra_sent : ROUTER_ADV_not_sent]++;
	return len;
}

static size_t neighbour_answer(const struct nd_message *message, const uint8_t ours[16],
	uint8_t *out, size_t room, uint64_t *counters)
{
	bool probe = ip6_is_unspecified(message->source); /* RFC 4862, 5.4: would it be free? */
	size_t len;

	if (memcmp(message->target, ours, 16)) {
		counters[ROUTER_ADV_ns_other]++;
		return 0;
	}
	counters[ROUTER_ADV_ns]++;
	len = nd_neighbour_advertisement_put(
		out, room, ours, probe ? all_nodes : message->source, ours, !probe);
	counters[len ? ROUTER_ADV_na_sent : ROUTER_ADV_not_sent]++;
	return len;
}

static size_t echo_answer(const struct nd_message *message, const uint8_t ours[16], uint8_t *out,
	size_t room, uint64_t *counters)
{
	size_t len;

	if (memcmp(message->destination, ours, 16) || !ip6_is_link_local(message->source)) {
		counters[ROUTER_ADV_ignored]++;
		return 0;
	}
	len = nd_echo_reply_put(out, room, ours, message);
	counters[len ? ROUTER_ADV_echo : ROUTER_ADV_not_sent]++;
	return len;
}

size_t router_adv_input(const struct config_ipv6 *config, const struct router_adv_link *link,
	const struct ip6_packet *packet, uint8_t *out, size_t room,
	uint64_t counters[ROUTER_ADV_COUNTERS_N])
{
	static const enum router_adv_counter refused[ND_ERRORS] = {
		[ND_NOT_ICMPV6] = ROUTER_ADV_ignored,
		[ND_SHORT] = ROUTER_ADV_short,
		[ND_CHECKSUM] = ROUTER_ADV_checksum,
		[ND_HOP_LIMIT] = ROUTER_ADV_hop_limit,
		[ND_CODE] = ROUTER_ADV_code,
		[ND_OPTIONS] = ROUTER_ADV_options,
		[ND_ADDRESSES] = ROUTER_ADV_addresses,
	};
	enum nd_error error;
	struct nd_message message;
	uint8_t ours[16];

	error = nd_parse(packet, &message);
	if (error) {
		counters[refused[error]]++;
		return 0;
	}
	ip6_link_local(ours, link->our_id);
	if (room > link->mtu)
		room = link->mtu;
	switch (message.type) {
	case ND_ROUTER_SOLICITATION:
		counters[ROUTER_ADV_rs]++;
		/* RFC 4861, 6.2.6: unicast where the sender has an address */
		return router_adv_make(config, link,
			ip6_is_link_local(message.source) ? message.source : NULL, out, room,
			counters);
	case ND_NEIGHBOUR_SOLICITATION:
		return neighbour_answer(&message, ours, out, room, counters);
	case ND_ECHO_REQUEST:
		return echo_answer(&message, ours, out, room, counters);
	case ND_ROUTER_ADVERTISEMENT:
		counters[ROUTER_ADV_ra_from_subscriber]++;
		return 0;
	default:
		counters[ROUTER_ADV_ignored]++;
		return 0;
	}
}

/* ---- the clock ---- */

int router_adv_clock_init(struct router_adv_clock *clock, uint32_t capacity)
{
	*clock = (struct router_adv_clock){
		.capacity = capacity,
		.due = reserve_memory(capacity * sizeof(uint32_t), RESERVE_COLD, -1),
	};
	return clock->due ? 0 : -ENOMEM;
}

void router_adv_clock_fini(struct router_adv_clock *clock)
{
	reserve_free(clock->due, clock->capacity * sizeof(uint32_t));
	clock->due = NULL;
}

void router_adv_clock_set(struct router_adv_clock *clock, uint32_t index, uint64_t now,
	uint32_t interval, uint32_t random)
{
	uint32_t shortest = interval / 3 < 3 ? 3 : interval / 3;
	/* from the next whole second on, which is a part of the longest pause */
	uint32_t wait = shortest + (uint32_t)((uint64_t)random * (interval - shortest) >> 32);

	if (index >= clock->capacity)
		return;
	clock->due[index] = (uint32_t)((now + 999) / 1000) + wait;
	if (index >= clock->high)
		clock->high = index + 1;
}

void router_adv_clock_clear(struct router_adv_clock *clock, uint32_t index)
{
	if (index < clock->high)
		clock->due[index] = 0;
}

unsigned int router_adv_clock_run(struct router_adv_clock *clock, uint64_t now, unsigned int max,
	router_adv_due *due, void *user)
{
	uint32_t second = (uint32_t)(now / 1000), scanned = 0;
	unsigned int n = 0;

	if (clock->next >= clock->high) {
		if (clock->second == second)
			return 0;
		clock->second = second;
		clock->next = 0;
	}
	for (; clock->next < clock->high && scanned < SCAN_MAX && n < max; scanned++) {
		uint32_t index = clock->next++;

		if (!clock->due[index] || clock->due[index] > second)
			continue;
		clock->due[index] = 0;
		due(user, index);
		n++;
	}
	return n;
}
