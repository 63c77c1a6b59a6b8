/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LACs that speak ESP with the dataplane of path_rig.h: both ends of their SAs, and frames through them.
 *
 * The LAC's ends are the same library in an engine of their own; that it is right is shown by test_esp_vectors
 * and test_esp_algorithms.
 */
#pragma once

#include "path_rig.h"

#include <crypto/esp.h>

#include <errno.h>

enum { LAC_GCM, LAC_CBC_SHA1, LAC_CBC_SHA256, LAC_ALGORITHMS };
static const struct {
	const char *name;
	enum esp_cipher cipher;
	size_t key_len;
	enum esp_auth auth;
	size_t auth_key_len;
} lac_algorithms[LAC_ALGORITHMS] = {
	{"gcm-128", ESP_CIPHER_AES_GCM_16, 20, ESP_AUTH_NONE, 0},
	{"cbc-128 sha1", ESP_CIPHER_AES_CBC, 16, ESP_AUTH_HMAC_SHA1_96, 20},
	{"cbc-256 sha256", ESP_CIPHER_AES_CBC, 32, ESP_AUTH_HMAC_SHA256_128, 32},
};

/* How a LAC's packets travel. */
struct lac_settings {
	int algorithm;
	uint8_t family;
	uint16_t port; /* of the NAT's; 0: native */
	bool tunnel;   /* mode; the LAC is 10.9.9.9 or 2001:db8:9::9 inside */
	struct sa_selector inner;
	uint8_t owner;
	uint32_t group;    /* 0: a new one */
	uint64_t sequence; /* outbound: the last one used */
	uint64_t limit;    /* outbound; 0: none */
};

/* A pair of SAs: in and out are the LNS's and in its table, the others the LAC's. */
struct lac {
	struct lac_settings settings;
	uint32_t group, spi;
	struct sa *in, *out, *sends, *receives;
	uint32_t in_index, out_index;
	uint32_t in_generation, out_generation;
};

#define LAC_INNER RIG_IP(10, 9, 9, 9)
static const uint8_t lac_inner6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 9, [15] = 9};

static struct sa_store *lac_store;
static struct esp_engine *lac_engine;
static struct rte_mempool *lac_pool;
static uint32_t lac_next_spi;
static struct sa *lac_sas[512]; /* all that were made and not destroyed yet */

/* engine: the dataplane's, as esp_engine_create takes it. */
static inline void lac_init_with(const char *engine)
{
	lac_store = sa_store_create(engine, SOCKET_ID_ANY);
	lac_engine = esp_engine_create(engine, SOCKET_ID_ANY);
	lac_pool = rte_pktmbuf_pool_create("lac", 15, 0, 0, 16384, SOCKET_ID_ANY);
	cr_assert_not_null(lac_store);
	cr_assert_not_null(lac_engine);
	cr_assert_not_null(lac_pool);
	lac_next_spi = 0x1000;
}

static inline void lac_init(void)
{
	lac_init_with("auto");
}

static inline struct sa *lac_sa(
	const struct lac *lac, enum sa_direction direction, uint32_t spi, bool lac_side)
{
	static const uint8_t key[2][ESP_KEY_MAX] = {
		"from the LAC to the LNS, not secret", "from the LNS to the LAC, not secret"};
	static const uint8_t auth_key[ESP_AUTH_KEY_MAX] = "the same both ways";
	const struct lac_settings *s = &lac->settings;
	bool downward = lac_side == (direction == SA_INBOUND);
	uint32_t addresses[2] = {RIG_LNS, RIG_LAC};
	struct sa_params params = {
		.spi = spi,
		.direction = direction,
		.mode = s->tunnel ? SA_TUNNEL : SA_TRANSPORT,
		.cipher = lac_algorithms[s->algorithm].cipher,
		.auth = lac_algorithms[s->algorithm].auth,
		.key = key[downward],
		.key_len = lac_algorithms[s->algorithm].key_len,
		.auth_key = auth_key,
		.auth_key_len = lac_algorithms[s->algorithm].auth_key_len,
		.window = REPLAY_WINDOW_DEFAULT,
		.next_header = lac_side || s->tunnel ? 0 : IPPROTO_UDP,
		.sequence_limit = UINT64_MAX,
		.encap = direction == SA_OUTBOUND && s->port != 0,
		.encap_source = lac_side ? s->port : 4500,
		.encap_destination = lac_side ? 4500 : s->port,
		.outer_family = s->family,
	};
	struct sa *sa = NULL;

	if (direction == SA_OUTBOUND && !lac_side) {
		params.sequence = s->sequence;
		if (s->limit != 0)
			params.sequence_limit = s->limit;
	}
	if (s->family == 4) {
		memcpy(params.outer_source, &addresses[lac_side], 4);
		memcpy(params.outer_destination, &addresses[!lac_side], 4);
	} else {
		memcpy(params.outer_source, lac_side ? rig_lac6 : rig_lns6, 16);
		memcpy(params.outer_destination, lac_side ? rig_lns6 : rig_lac6, 16);
	}
	int rc = sa_create(lac_store, &params, &sa);

	cr_assert_eq(rc, 0, "SA: %d", rc);
	for (unsigned int i = 0; i < RTE_DIM(lac_sas); i++) {
		if (lac_sas[i] == NULL) {
			lac_sas[i] = sa;
			return sa;
		}
	}
	cr_assert_not_null(NULL, "too many SAs");
	return NULL;
}

static inline void lac_sa_destroy(struct sa *sa)
{
	for (unsigned int i = 0; i < RTE_DIM(lac_sas); i++)
		if (lac_sas[i] == sa)
			lac_sas[i] = NULL;
	sa_destroy(lac_store, sa);
}

/* After rig_destroy(). */
static inline void lac_fini(void)
{
	for (unsigned int i = 0; i < RTE_DIM(lac_sas); i++)
		if (lac_sas[i] != NULL)
			lac_sa_destroy(lac_sas[i]);
	rte_mempool_free(lac_pool);
	esp_engine_destroy(lac_engine);
	sa_store_destroy(lac_store);
}

static inline void lac_open(struct rig *rig, struct lac *lac, const struct lac_settings *settings)
{
	struct sa_table *table = dataplane_sas(rig->dp);
	struct sa_place place = {.family = settings->family, .inner = settings->inner};
	uint32_t local = RIG_LNS, peer = RIG_LAC;
	int64_t id;

	memset(lac, 0, sizeof(*lac));
	lac->settings = *settings;
	lac->group = settings->group;
	if (lac->group == 0) {
		id = sa_group_create(table, settings->owner);
		cr_assert_geq(id, 1);
		lac->group = (uint32_t)id;
	}
	lac->spi = lac_next_spi++;
	lac->in = lac_sa(lac, SA_INBOUND, lac->spi, false);
	lac->out = lac_sa(lac, SA_OUTBOUND, lac->spi + 0x100000, false);
	lac->sends = lac_sa(lac, SA_OUTBOUND, lac->spi, true);
	lac->receives = lac_sa(lac, SA_INBOUND, lac->spi + 0x100000, true);
	place.group = lac->group;
	memcpy(place.local, settings->family == 4 ? (uint8_t *)&local : rig_lns6,
		settings->family == 4 ? 4 : 16);
	memcpy(place.peer, settings->family == 4 ? (uint8_t *)&peer : rig_lac6,
		settings->family == 4 ? 4 : 16);
	id = sa_publish(table, &place, lac->in, &lac->in_generation);
	cr_assert_geq(id, 0);
	lac->in_index = (uint32_t)id;
	id = sa_publish(table, &place, lac->out, &lac->out_generation);
	cr_assert_geq(id, 0);
	lac->out_index = (uint32_t)id;
	cr_assert_eq(sa_group_set_outbound(table, lac->group, lac->out_index), 0);
}

static inline void lac_sa_done(void *user, uint32_t index, struct sa *sa)
{
	(void)user;
	(void)index;
	lac_sa_destroy(sa);
}

/* Takes one of its SAs out of the table: it is destroyed after the grace period. */
static inline void lac_unpublish(struct rig *rig, uint32_t index)
{
	cr_assert_eq(sa_unpublish(dataplane_sas(rig->dp), index, lac_sa_done, NULL), 0);
}

/* The path of a tunnel with this LAC. */
static inline struct tunnel_path lac_path(const struct lac *lac)
{
	struct tunnel_path path = lac->settings.family == 4 ? rig_path4() : rig_path6();
	uint32_t inner = LAC_INNER;

	if (lac->settings.tunnel && path.family == 4)
		memcpy(path.peer, &inner, 4);
	else if (lac->settings.tunnel)
		memcpy(path.peer, lac_inner6, 16);
	path.sa_group = lac->group;
	return path;
}

/* A LAC with one tunnel and one session, which is worker owner's. */
static inline void lac_tunnel(struct rig *rig, struct lac *lac, const struct lac_settings *settings,
	uint16_t tunnel_id, uint16_t session_id, uint8_t owner)
{
	struct tunnel_path path;

	lac_open(rig, lac, settings);
	path = lac_path(lac);
	rig_tunnel_to(rig, tunnel_id, &path, 0);
	rig_session(rig, tunnel_id, session_id, owner, 1492, RIG_FLAGS);
}

/* UDP of port 1701 around payload, as the LAC has it before ESP; with an Ethernet header. */
static inline void lac_clear(
	struct rig *rig, const struct lac *lac, struct frame *f, const void *payload, uint32_t n)
{
	bool v4 = lac->settings.family == 4;

	frame_eth(f, rig->mac[RIG_ACCESS], rig_lac_mac,
		v4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	if (v4)
		frame_ip4(
			f, lac->settings.tunnel ? LAC_INNER : RIG_LAC, RIG_LNS, IPPROTO_UDP, 8 + n);
	else
		frame_ip6(f, lac->settings.tunnel ? lac_inner6 : rig_lac6, rig_lns6, IPPROTO_UDP,
			8 + n);
	frame_udp(f, 1701, 1701, n);
	frame_add(f, payload, n);
}

/* The LAC protects what is in f behind the Ethernet header. */
static inline void lac_wrap(struct lac *lac, struct frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(lac_pool);
	struct esp_result result;
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(f->n - 14));

	cr_assert_not_null(p);
	memcpy(p, f->data + 14, f->n - 14);
	cr_assert_eq(esp_outbound_burst(lac_engine, lac->sends, &m, 1, &result), 1);
	memcpy(f->data + 14, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
	f->n = 14u + m->data_len;
	rte_pktmbuf_free(m);
}

/* The LAC takes what is in f: its verdict. */
static inline enum esp_reject lac_unwrap(struct lac *lac, struct frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(lac_pool);
	struct esp_result result;
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(f->n - 14));

	cr_assert_not_null(p);
	memcpy(p, f->data + 14, f->n - 14);
	if (esp_inbound_burst(lac_engine, lac->receives, &m, 1, &result) == 1) {
		memcpy(f->data + 14, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
		f->n = 14u + m->data_len;
	}
	rte_pktmbuf_free(m);
	return (enum esp_reject)result.reject;
}

/* A data packet of a session around an inner IP packet, protected. */
static inline void lac_data(struct rig *rig, struct lac *lac, struct frame *f, uint16_t tunnel_id,
	uint16_t session_id, const struct frame *inner)
{
	static uint8_t payload[16384];

	memcpy(payload, (const uint8_t[10]){0, 2, 0, 0, 0, 0, 0xff, 3, 0, 0x21}, 10);
	store_be16(payload + 2, tunnel_id);
	store_be16(payload + 4, session_id);
	payload[9] = inner->data[0] >> 4 == 4 ? 0x21 : 0x57;
	memcpy(payload + 10, inner->data, inner->n);
	lac_clear(rig, lac, f, payload, 10 + inner->n);
	lac_wrap(lac, f);
}

/* Where the ESP header is in a frame. */
static inline uint8_t *lac_esp(const struct lac *lac, struct frame *f)
{
	return f->data + 14 + (lac->settings.family == 4 ? 20 : 40) +
		(lac->settings.port != 0 ? 8 : 0);
}

/* The payload of f, from its IP header's end on, in pieces. */
static inline void lac_send_pieces(
	struct rig *rig, const struct frame *f, const uint32_t *cuts, unsigned int n)
{
	static struct frame piece;
	bool v4 = f->data[14] >> 4 == 4;
	uint32_t l3 = v4 ? 20 : 40;

	for (unsigned int i = 0; i + 1 < n; i++) {
		uint32_t more = i + 2 < n, length = cuts[i + 1] - cuts[i];

		piece.n = 0;
		frame_add(&piece, f->data, 14 + l3);
		if (v4) {
			store_be16(piece.data + 16, (uint16_t)(20 + length));
			store_be16(piece.data + 20, (uint16_t)(cuts[i] / 8 | more << 13));
			ip4_header_set_checksum(piece.data + 14, 20);
		} else {
			uint8_t *fragment = frame_add(&piece, NULL, 8);

			fragment[0] = piece.data[20];
			store_be16(fragment + 2, (uint16_t)(cuts[i] | more));
			store32(fragment + 4, 77);
			piece.data[20] = IPPROTO_FRAGMENT;
			store_be16(piece.data + 18, (uint16_t)(8 + length));
		}
		frame_add(&piece, f->data + 14 + l3 + cuts[i], length);
		rig_send(rig, RIG_ACCESS, &piece);
	}
}

/* The next notice of ESP that a worker gave; false: none. Other answers are a mistake. */
static inline bool lac_notice(struct rig *rig, struct message_reply *reply)
{
	if (dataplane_replies(rig->dp, reply, 1) == 0)
		return false;
	cr_assert_eq(reply->type, MESSAGE_NOTICE_ESP);
	return true;
}
