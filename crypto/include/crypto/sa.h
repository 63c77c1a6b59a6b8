/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A security association of ESP (RFC 4301, 4.4.2): one direction, its keys, its numbers, its counters.
 *
 * The control core creates and destroys; between these one worker, the owner, passes the SA to
 * esp_inbound_burst or esp_outbound_burst. Key schedules live in locked memory that no core dump contains,
 * and are overwritten on destruction.
 */
#pragma once

#include <crypto/algorithm.h>
#include <crypto/esp_reject.h>
#include <crypto/replay.h>

#include <rte_common.h>

#include <assert.h>

enum sa_direction {
	SA_INBOUND,
	SA_OUTBOUND,
};

enum sa_mode {
	SA_TRANSPORT,
	SA_TUNNEL,
};

struct sa_params {
	uint32_t spi; /* host byte order; 0..255 are reserved (RFC 4303, 2.1) */
	enum sa_direction direction;
	enum sa_mode mode;
	enum esp_cipher cipher;
	enum esp_auth auth;
	unsigned int permit; /* ESP_PERMIT_* */
	const uint8_t *key;  /* KEYMAT, its salt at the end; copied into schedules, kept nowhere */
	size_t key_len;
	const uint8_t *auth_key;
	size_t auth_key_len;
	bool esn;

	/* Inbound. */
	uint32_t window;     /* 32..4096; 0: none, for benchmarks only, and never with ESN */
	uint8_t next_header; /* transport: what must be inside (17 for L2TP); 0: anything */

	/*
	 * Inbound: the highest number seen. Outbound: the last one that was, or may have been, used.
	 * Above 2^32 - 1 only with ESN.
	 */
	uint64_t sequence;

	/* Outbound. */
	uint64_t sequence_limit; /* the last number that the owner may use, until it is raised */
	/*
	 * The IV of a combined mode is iv_base + sequence number, so neither can repeat without the other.
	 * 0 where keys come from IKE. Manual keys survive a restart: there it is above all of the past.
	 */
	uint64_t iv_base;
	bool encap;                               /* in UDP (RFC 3948) */
	uint16_t encap_source, encap_destination; /* ports, host byte order */
	/* Tunnel mode: the outer header. */
	uint8_t outer_family; /* 4 or 6 */
	uint8_t outer_source[16],
		outer_destination[16]; /* network byte order; IPv4: the first four */
};

struct sa_keys;
struct sa_store;

/* Written by the owner, read by anybody for display. */
struct sa_state {
	/* outbound: the last number used, and how many CBC IVs were made; inbound: the window */
	uint64_t sequence;
	uint64_t iv_counter;
	struct replay replay;
	uint64_t packets;
	uint64_t bytes; /* of payload inside ESP, without padding */
	uint64_t rejects[ESP_REJECTS];
};

struct sa {
	/* Written before publication only; read by the owner. */
	const struct sa_keys *keys;
	struct esp_algorithm algorithm;
	uint8_t direction, mode, cipher, auth;
	uint8_t key_class; /* 0, 1, 2: a key of 128, 192, 256 bits */
	uint8_t next_header;
	bool esn, encap;
	uint8_t outer_family;
	uint8_t overhead; /* outbound: bytes put in front of the payload, without an outer IP header */
	uint8_t engine; /* 0: libipsec-mb; else one more than the slot of a crypto device */
	uint32_t spi;   /* network byte order */
	uint64_t iv_base;
	uint64_t sequence_max; /* number and IV are still unique up to here */
	void *session;         /* on the crypto device */

	/* The first two written by the control core at any time, atomic; read by the owner per burst. */
	uint64_t sequence_limit __rte_cache_aligned;
	uint32_t encap_ports; /* source and destination as in the packet */
	uint8_t outer_source[16], outer_destination[16];

	struct sa_state state __rte_cache_aligned;

	uint64_t ring[] __rte_cache_aligned; /* of the replay window */
} __rte_cache_aligned;

static_assert(offsetof(struct sa, sequence_limit) == 64, "what each burst reads is one line");
static_assert(offsetof(struct sa_state, rejects) <= 64, "what each packet writes is one line");
static_assert(sizeof(struct sa) + REPLAY_WINDOW_DEFAULT / 8 <= 512, "512 B per SA with its window");

/*
 * Where schedules are made and kept. engine: as esp_engine_create takes it, and the same for all stores and
 * engines that have to do with each other. socket: NUMA node of the SAs, or SOCKET_ID_ANY. NULL: errno as
 * there, and esp_reason.
 */
struct sa_store *sa_store_create(const char *engine, int socket);
/* Every SA was destroyed before. */
void sa_store_destroy(struct sa_store *store);

/*
 * -EINVAL: a field is out of its range or two do not go together; -EPERM: the algorithm needs a permit, or
 * the process may not lock memory (RLIMIT_MEMLOCK); -ENOTSUP: the engine does not have the algorithm; -ENOMEM.
 * Always with esp_reason.
 */
int sa_create(struct sa_store *store, const struct sa_params *params, struct sa **sa);

/* Wipes the keys. The owner holds the SA no longer (the caller has waited for a grace period). */
void sa_destroy(struct sa_store *store, struct sa *sa);

/* Who does its arithmetic, for operators: "ipsec-mb", "cryptodev crypto_openssl0". */
void sa_engine_name(const struct sa *sa, char *name, size_t size);

/*
 * Why the last call of this thread that should have made a store, an SA or an engine failed, for operators. Names
 * the field or device, what it was, what was expected; never a key.
 */
const char *esp_reason(void);

/* Control core: the owner may use numbers up to limit (never lowers it). */
void sa_raise_limit(struct sa *sa, uint64_t limit);

/* Control core: the peer's NAT gave it another port. Host byte order. */
void sa_set_encap(struct sa *sa, uint16_t source, uint16_t destination);
