/* SPDX-License-Identifier: BSD-3-Clause */
/* The tunnels that run inside ESP (RFC 3193): their pairs of associations, native or in UDP (RFC 3948). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "association.h"
#include "impair.h"
#include "options.h"
#include "port.h"

#define SECURE_CLEAR      UINT32_MAX /* no link: the tunnel is not inside ESP */
#define SECURE_NATT_PORT  4500u
#define SECURE_L2TP_PORT  1701u
#define SECURE_PACKET_MAX PORT_TX

/* Why a packet that came for a link did not become L2TP; ASSOCIATION_OK to ASSOCIATION_PADDING come first. */
enum secure_reject {
	SECURE_SOURCE = ASSOCIATION_VERDICTS, /* not from the LNS's address and port */
	SECURE_IKE,
	SECURE_KEEPALIVE,
	SECURE_DUMMY,       /* traffic flow padding (RFC 4303, 2.6) */
	SECURE_NEXT_HEADER, /* no UDP inside */
	SECURE_INNER,       /* UDP of a wrong length, port or checksum inside */
	SECURE_REJECTS,
};

struct secure_link {
	struct sockaddr_storage local, lns; /* around ESP: port 0 if native */
	uint32_t number;
	struct association out, in;
};

struct secure_stats {
	uint64_t sent, received;
	uint64_t exhausted; /* not sent: no number left, or too long */
	uint64_t forged;    /* spoiled copies sent ahead of a good packet */
	uint64_t rejects[SECURE_REJECTS];
};

struct secure {
	const struct options *options;
	struct secure_link *links;
	uint32_t link_count, tunnel_count;
	uint32_t *link_of;    /* by tunnel number; SECURE_CLEAR */
	bool reserved;        /* the state file holds numbers above ours until we close */
	struct impair inject; /* replays and reorders what is protected already */
	struct random random;
	impair_fn *emit; /* queues a packet; where is a struct secure_link */
	void *emit_ctx;
	struct secure_stats stats;
	uint8_t buffer[PORT_PACKET];
};

/*
 * Which tunnel is in ESP, over which link, with which keys. 0 or -errno after a message. Without --esp there
 * are no links.
 */
int secure_open(struct secure *s, const struct options *o, impair_fn *emit, void *emit_ctx);
/* Writes how far the numbers went, if they are to go on in another run. */
void secure_close(struct secure *s);
/* L2TP to that UDP port (host byte order), as an ESP packet in out: its length, 0 if there is none. */
size_t secure_protect(struct secure *s, struct secure_link *l, uint16_t peer_port,
	const uint8_t *packet, size_t len, uint8_t *out, size_t capacity);
/* Of a UDP packet between these addresses; 0 over one that contains its own right checksum. */
uint16_t secure_udp_checksum(const struct sockaddr_storage *source,
	const struct sockaddr_storage *destination, const uint8_t *udp, size_t len);
/* The same to the port of peer, sent. */
void secure_send(struct secure *s, struct secure_link *l, uint64_t now_ms,
	const struct sockaddr_storage *peer, const uint8_t *packet, size_t len);
/*
 * What came for a link: length of the L2TP packet inside, which stays until the next call, and its source. 0:
 * there is none, counted.
 */
size_t secure_receive(struct secure *s, struct secure_link *l, const struct port_received *r,
	const uint8_t **packet, struct sockaddr_storage *source);
/* The key configuration of the LNS's side of all links, as it stands in lnsd's YAML; 0 or -errno. */
int secure_print(const struct secure *s, FILE *f);
const char *secure_reject_name(unsigned reject);
