/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Packet Too Big (RFC 4443, 3.2) says about our outer packets, and for how long it is believed (RFC 8201).
 * No sockets and no clock in here; who asks has verified that the quoted packet is one of a tunnel's.
 */
#pragma once

#include <dataplane/path_mtu.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The quoted packet: as much of it as tells that only who saw one of ours can have sent it. */
struct path_mtu_notice {
	uint8_t router[16], local[16], peer[16];
	uint32_t mtu; /* as it stands there */
	bool esp;     /* else L2TP */
	uint32_t spi; /* host order */
	uint16_t local_port, peer_port, tunnel_id;
};

/*
 * Reads an Ethernet frame without tags. 0; -ENOENT: it is no Packet Too Big; -EBADMSG: one that is damaged, or
 * quotes neither L2TP nor ESP.
 */
int path_mtu_read(const uint8_t *frame, size_t length, struct path_mtu_notice *notice);

#define PATH_MTU_KEEP_MS (10 * 60 * 1000) /* RFC 8201, 4 */

struct path_mtus {
	struct path_mtu list[PATH_MTUS_MAX];
	uint64_t until[PATH_MTUS_MAX]; /* ms */
	unsigned int n;
	uint64_t next; /* when the next one ends, 0: none */
	bool changed;  /* since the caller last passed the list on */
};

/* False: not below what is known or taken by every link, or there is no room; nothing is changed then. */
bool path_mtus_learn(struct path_mtus *mtus, uint16_t vrf, const uint8_t peer[16], uint32_t mtu,
	uint16_t port_mtu, uint64_t now);
/* Takes out what has been believed for long enough. */
void path_mtus_expire(struct path_mtus *mtus, uint64_t now);
