/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * XFRM netlink messages (linux/xfrm.h): a bounded parser of what the kernel tells about security associations, and the
 * few messages that go back. No state.
 */
#pragma once

#include <crypto/algorithm.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XFRM_BITMAP_WORDS 128 /* of the largest window: 4096 numbers */

enum xfrm_type {
	XFRM_OTHER, /* nothing that the mirror needs: replay and lifetime updates, ... */
	XFRM_DONE,  /* the end of a dump, or an acknowledgement: error = 0 or -errno */
	XFRM_ERROR, /* error = -errno */
	XFRM_NEW,   /* there is an SA, new or changed */
	XFRM_DELETE,
	XFRM_FLUSH, /* all of protocol */
	XFRM_EXPIRE,
	XFRM_POLICY, /* an outbound policy names the SA that it sends by */
};

/* What names an SA in the kernel. */
struct xfrm_id_key {
	uint8_t family; /* 4, 6; 0: another */
	uint8_t protocol;
	uint8_t destination[16]; /* network byte order; IPv4 in the first four, the rest 0 */
	uint32_t spi;            /* host byte order */
	uint32_t mark, mark_mask;
};

struct xfrm_limits { /* UINT64_MAX: none */
	uint64_t soft_bytes, hard_bytes, soft_packets, hard_packets;
};

struct xfrm_sa {
	struct xfrm_id_key id;
	uint8_t source[16];
	/* Its selector, of which tunnel mode needs who is behind the peer; family 0: it has none. */
	uint8_t inner_family, inner_length, inner_source[16];
	uint32_t
		reqid; /* who it is for, in the IKE daemon's words (see install_sa.h); 0: it does not say */
	uint8_t mode; /* XFRM_MODE_ */
	bool esn;
	bool larval; /* only an SPI yet (XFRM_MSG_ALLOCSPI) */
	bool blank;  /* keys are zeroes: the kernel does not show them (lockdown) */
	/*
	 * What we cannot do, for the operator; then cipher, auth and keys mean nothing. A buffer of the
	 * message's: copy it.
	 */
	char refused[96];
	enum esp_cipher cipher;
	enum esp_auth auth;
	/* Into the message. */
	const uint8_t *key, *auth_key;
	uint16_t key_len, auth_key_len;
	bool encap;
	uint16_t encap_source, encap_destination; /* ports, host byte order */
	uint32_t window;
	bool replay_esn;         /* state is kept in struct xfrm_replay_state_esn, ... */
	uint32_t bitmap_words;   /* ... with so many of these */
	uint64_t sent, received; /* sequence numbers: the last one sent, the highest received */
	struct xfrm_limits limits;
	uint64_t bytes, packets;  /* so far */
	uint64_t added, last_use; /* seconds since 1970; 0: not told, never */
};

struct xfrm_event {
	enum xfrm_type type;
	bool interrupted; /* NLM_F_DUMP_INTR: the dump is not consistent */
	bool hard;        /* XFRM_EXPIRE */
	uint8_t protocol; /* XFRM_FLUSH: 0, 255 = all */
	uint32_t seq, pid;
	int32_t error;
	struct xfrm_sa sa; /* XFRM_NEW; of XFRM_DELETE, XFRM_EXPIRE and XFRM_POLICY its id only */
};

/*
 * Takes one message at *p and moves *p behind it. 0; -EBADMSG: it does not fit before end (*p = end) or its
 * inside is malformed (*p behind it, event type and seq still valid, type = XFRM_OTHER).
 */
int xfrm_parse(const uint8_t **p, const uint8_t *end, struct xfrm_event *event);

/* Each writes one message with its padding into a buffer of size; its length, 0: no room. */

size_t xfrm_write_dump(uint8_t *buffer, size_t size, uint32_t seq);
size_t xfrm_write_dump_policies(uint8_t *buffer, size_t size, uint32_t seq);
/* One SA is wanted: it comes as XFRM_NEW. */
size_t xfrm_write_get(uint8_t *buffer, size_t size, uint32_t seq, const struct xfrm_id_key *id);

/* What XFRM_MSG_NEWAE sets. */
struct xfrm_update {
	bool replay; /* the numbers, with the kind of state that the SA has */
	bool replay_esn;
	uint32_t bitmap_words, window;
	uint64_t sent, received;
	bool lifetime;
	uint64_t bytes, packets, added, last_use;
};
/*
 * Numbers up to received count as seen, all of them: which of the window really were is the worker's knowledge, and an
 * SA that resumes after them accepts none anyway.
 */
size_t xfrm_write_update(uint8_t *buffer, size_t size, uint32_t seq, bool acknowledge,
	const struct xfrm_id_key *id, const struct xfrm_update *update);

size_t xfrm_write_expire(
	uint8_t *buffer, size_t size, uint32_t seq, const struct xfrm_id_key *id, bool hard);
