/* SPDX-License-Identifier: BSD-3-Clause */
/* The LAC as a whole: which tunnel and session starts or ends next, and whose packet this is. */
#include "lac.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define ID_FACTOR       40503u
#define BATCH           64u /* starts per call: packets are read in between */
#define TUNNELS_AT_ONCE 256u
#define CHANNEL_BACKLOG 8u /* messages waiting for the window of a tunnel */

int lac_init(struct lac *lac, const struct options *options, const struct lac_ops *ops, void *ctx,
	uint64_t now_ns)
{
	uint32_t sessions = options->sessions, tunnels = options->tunnels;

	memset(lac, 0, sizeof(*lac));
	lac->options = options;
	lac->ops = ops;
	lac->ctx = ctx;
	lac->now_ns = now_ns;
	lac->random.state = options->seed;
	lac->ppp_settings.mru = (uint16_t)options->mru;
	lac->ppp_settings.restart_ms = options->ppp_restart_ms;
	lac->ppp_settings.compress = options->compress;
	lac->tunnels = calloc(tunnels, sizeof(*lac->tunnels));
	lac->sessions = calloc(sessions > 0 ? sessions : 1, sizeof(*lac->sessions));
	lac->by_id = calloc(65536, sizeof(struct tunnel *));
	if (lac->tunnels == NULL || lac->sessions == NULL || lac->by_id == NULL) {
		lac_free(lac);
		return -ENOMEM;
	}
	wheel_init(&lac->wheel, lac_now_ms(lac));
	for (uint32_t i = 0; i < tunnels; i++) {
		lac->tunnels[i].number = i;
		lac->tunnels[i].lac = lac;
		lac->tunnels[i].slots = sessions / tunnels + (i < sessions % tunnels);
	}
	for (uint32_t i = 0; i < sessions; i++) {
		lac->sessions[i].number = i;
		lac->sessions[i].tunnel = i % tunnels;
	}
	return 0;
}

void lac_free(struct lac *lac)
{
	free(lac->tunnels);
	free(lac->sessions);
	free(lac->by_id);
	buffer_pool_free(&lac->pool);
	lac->tunnels = NULL;
	lac->sessions = NULL;
	lac->by_id = NULL;
}

static uint16_t lac_permute(uint16_t salt, uint32_t slot)
{
	uint16_t id = (uint16_t)(slot * ID_FACTOR + salt);

	/* 0 is no id: the slot that would get it takes that of the one slot never in use */
	return id != 0 ? id : (uint16_t)(65535u * ID_FACTOR + salt);
}

uint16_t session_local_id(const struct lac *lac, uint32_t slot)
{
	return lac_permute(lac->id_salt, slot);
}

struct session *tunnel_session(struct tunnel *t, uint16_t local_id)
{
	const struct lac *lac = t->lac;
	uint32_t inverse = ID_FACTOR;
	uint32_t slot;

	for (unsigned i = 0; i < 3; i++)
		inverse *= 2 - ID_FACTOR * inverse;
	slot = (uint16_t)((uint16_t)(local_id - lac->id_salt) * inverse);
	if (slot == 65535)
		slot = (uint16_t)((uint16_t)(0u - lac->id_salt) * inverse);
	if (local_id == 0 || slot >= t->slots)
		return NULL;
	return &lac->sessions[slot * lac->options->tunnels + t->number];
}

void lac_cycle_begin(struct lac *lac, uint64_t now_ns)
{
	uint32_t tunnels = lac->options->tunnels;

	lac->now_ns = now_ns;
	lac->id_salt = (uint16_t)random_next(&lac->random);
	memset(lac->by_id, 0, 65536 * sizeof(struct tunnel *));
	for (uint32_t i = 0; i < tunnels; i++) {
		struct tunnel *t = &lac->tunnels[i];

		wheel_cancel(&lac->wheel, &t->timer);
		channel_free(&t->channel);
		t->state = TUNNEL_IDLE;
		t->next_slot = 0;
		t->local_id = lac_permute(lac->id_salt, i);
		t->ack_listed = false;
		lac->by_id[t->local_id] = t;
	}
	for (uint32_t i = 0; i < lac->options->sessions; i++) {
		struct session *s = &lac->sessions[i];

		wheel_cancel(&lac->wheel, &s->timer);
		s->state = SESSION_IDLE;
		s->local_id = session_local_id(lac, i / tunnels);
		s->ppp.phase = PPP_DEAD;
	}
	lac->cycle++;
	lac->started_ns = 0;
	lac->starting = lac->closing = lac->live = lac->settled = lac->started = 0;
	lac->tunnel_cursor = lac->close_cursor = lac->stop_cursor = 0;
	lac->tunnels_settled = lac->tunnels_started = lac->tunnels_open = 0;
	lac->stopping = false;
	lac->ack_list = NULL;
	lac->stats.first_icrq_ns = lac->stats.last_up_ns = 0;
}

static uint32_t lac_budget(struct lac *lac)
{
	double due;

	if (lac->options->rate <= 0)
		return BATCH;
	if (lac->started_ns == 0)
		lac->started_ns = lac->now_ns;
	due = (double)(lac->now_ns - lac->started_ns) * lac->options->rate / 1e9 + 1 -
		(double)lac->started;
	return due <= 0 ? 0 : due > BATCH ? BATCH : (uint32_t)due;
}

bool lac_setup(struct lac *lac, uint64_t now_ns)
{
	const struct options *o = lac->options;
	uint32_t budget, idle = 0;

	lac->now_ns = now_ns;
	while (lac->tunnels_started < o->tunnels &&
		lac->tunnels_started - lac->tunnels_settled < TUNNELS_AT_ONCE)
		tunnel_start(&lac->tunnels[lac->tunnels_started++]);
	if (lac->stats.tunnels_up == 0)
		return lac->settled >= o->sessions && lac->tunnels_settled >= o->tunnels;
	budget = lac_budget(lac);
	while (budget > 0 && lac->started < o->sessions && lac->starting < o->pending &&
		idle < o->tunnels && idle < 4 * BATCH) {
		struct tunnel *t = &lac->tunnels[lac->tunnel_cursor];

		lac->tunnel_cursor = (lac->tunnel_cursor + 1) % o->tunnels;
		if (t->state != TUNNEL_UP || t->next_slot >= t->slots ||
			t->channel.waiting >= CHANNEL_BACKLOG) {
			idle++;
			continue;
		}
		session_start(lac, &lac->sessions[t->next_slot++ * o->tunnels + t->number]);
		budget--;
		idle = 0;
	}
	return lac->settled >= o->sessions && lac->tunnels_settled >= o->tunnels;
}

static enum options_teardown lac_teardown_of(const struct lac *lac, const struct session *s)
{
	static const enum options_teardown mix[] = {
		OPTIONS_TEARDOWN_STOPCCN, OPTIONS_TEARDOWN_CDN, OPTIONS_TEARDOWN_TERMINATE};

	if (lac->options->teardown != OPTIONS_TEARDOWN_MIX)
		return lac->options->teardown;
	return mix[s->number / lac->options->tunnels % 3];
}

bool lac_teardown(struct lac *lac, uint64_t now_ns)
{
	const struct options *o = lac->options;
	uint32_t budget = BATCH;

	lac->now_ns = now_ns;
	lac->stopping = true;
	while (lac->close_cursor < o->sessions) {
		struct session *s = &lac->sessions[lac->close_cursor];
		enum options_teardown how = lac_teardown_of(lac, s);

		if (budget == 0 || lac->closing >= o->pending)
			return false;
		if (s->state == SESSION_UP && how != OPTIONS_TEARDOWN_STOPCCN) {
			if (lac->tunnels[s->tunnel].channel.waiting >= BATCH)
				return false;
			budget--;
			if (how == OPTIONS_TEARDOWN_TERMINATE) {
				session_terminate(lac, s);
			} else {
				session_cdn(lac, s, 3);
				session_end(lac, s, LAC_FAILURES);
			}
		}
		lac->close_cursor++;
	}
	if (lac->closing > 0)
		return false;
	while (lac->stop_cursor < o->tunnels && budget > 0) {
		struct tunnel *t = &lac->tunnels[lac->stop_cursor++];

		budget--;
		if (t->state == TUNNEL_UP || t->state == TUNNEL_WAIT_SCCRP)
			tunnel_stop(t, 6, "lnsload is done");
	}
	return lac->stop_cursor >= o->tunnels && lac->tunnels_open == 0;
}

static bool lac_same_source(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr && a4->sin_port == b4->sin_port;
	return memcmp(&a6->sin6_addr, &b6->sin6_addr, 16) == 0 && a6->sin6_port == b6->sin6_port;
}

void lac_input(struct lac *lac, uint64_t now_ns, const struct sockaddr_storage *from, uint32_t port,
	const uint8_t *packet, size_t len, uint64_t stamp)
{
	struct wire_header h;
	struct tunnel *t;
	struct session *s;

	lac->now_ns = now_ns;
	if (wire_header_parse(packet, len, &h) != 0) {
		lac->stats.malformed++;
		return;
	}
	t = lac->by_id[h.tunnel_id];
	if (t == NULL || t->port != port) {
		lac->stats.unknown_tunnel++;
		return;
	}
	if (from != NULL && t->state != TUNNEL_WAIT_SCCRP && !lac_same_source(from, &t->peer)) {
		lac->stats.wrong_source++;
		return;
	}
	if (h.control) {
		tunnel_input(t, &h, from);
		return;
	}
	s = tunnel_session(t, h.session_id);
	if (s == NULL)
		lac->stats.unknown_session++;
	else
		session_data(lac, s, &h, stamp);
}

static void lac_timer(void *ctx, struct wheel_timer *timer)
{
	struct lac *lac = ctx;

	if (timer->kind == LAC_TIMER_SESSION)
		session_expire(
			lac, (struct session *)((char *)timer - offsetof(struct session, timer)));
	else
		tunnel_expire((struct tunnel *)((char *)timer - offsetof(struct tunnel, timer)));
}

void lac_expire(struct lac *lac, uint64_t now_ns)
{
	lac->now_ns = now_ns;
	wheel_expire(&lac->wheel, lac_now_ms(lac), lac_timer, lac);
}

void lac_acknowledge(struct lac *lac)
{
	struct tunnel *t;

	while ((t = lac->ack_list) != NULL) {
		lac->ack_list = t->ack_next;
		t->ack_listed = false;
		channel_acknowledge(&t->channel);
	}
}

size_t lac_data_header(
	struct lac *lac, struct session *s, uint16_t protocol, size_t payload, uint8_t *out)
{
	uint16_t flags = 2;
	uint8_t *p = out + 2;
	bool sequencing = lac->options->sequencing;

	if (lac->options->length_bit) {
		flags |= 0x4000;
		p += 2;
	}
	put_be16(p, lac->tunnels[s->tunnel].peer_id);
	put_be16(p + 2, s->peer_id);
	p += 4;
	if (sequencing) {
		flags |= 0x0800;
		put_be16(p, s->data_ns++);
		put_be16(p + 2, 0);
		p += 4;
	}
	if (!s->ppp.acfc || protocol == PPP_LCP) {
		*p++ = 0xff;
		*p++ = 0x03;
	}
	if (s->ppp.pfc && protocol < 0x100) {
		*p++ = (uint8_t)protocol;
	} else {
		put_be16(p, protocol);
		p += 2;
	}
	put_be16(out, flags);
	if (lac->options->length_bit)
		put_be16(out + 2, (uint16_t)((size_t)(p - out) + payload));
	return (size_t)(p - out);
}

static int lac_compare_address(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int lac_check_addresses(struct lac *lac)
{
	uint32_t *all = malloc((size_t)lac->options->sessions * sizeof(*all) + 1);
	uint32_t n = 0;

	if (all == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < lac->options->sessions; i++)
		if (lac->sessions[i].state == SESSION_UP)
			all[n++] = lac->sessions[i].ppp.address;
	qsort(all, n, sizeof(*all), lac_compare_address);
	for (uint32_t i = 1; i < n; i++)
		lac->stats.address_conflicts += all[i] == all[i - 1];
	free(all);
	return 0;
}

const char *lac_failure_name(enum lac_failure f)
{
	static const char *const names[] = {"auth_refused", "auth_method", "auth_peer_unproven",
		"no_address", "negotiation", "terminated", "timeout", "cdn", "stopccn", "tunnel"};

	return f < LAC_FAILURES ? names[f] : "none";
}

void lac_user_name(const struct lac *lac, const struct session *s, char *out, size_t capacity)
{
	options_expand(lac->options->user, s->number, out, capacity);
}

bool lac_is_user_data(const uint8_t *packet, size_t len)
{
	struct wire_header h;

	if (wire_header_parse(packet, len, &h) != 0 || h.control)
		return false;
	if (h.body_len >= 2 && h.body[0] == 0xff && h.body[1] == 0x03) {
		h.body += 2;
		h.body_len -= 2;
	}
	if ((h.body_len >= 1 && h.body[0] == PPP_IP) ||
		(h.body_len >= 2 && get_be16(h.body) == PPP_IP))
		return true;
	/* IPv6 that is not the link's own: discovery and DHCPv6 come from link-local addresses */
	if (h.body_len >= 1 && h.body[0] == PPP_IPV6)
		return h.body_len >= 41 && h.body[9] != 0xfe;
	return h.body_len >= 42 && get_be16(h.body) == PPP_IPV6 && h.body[10] != 0xfe;
}
