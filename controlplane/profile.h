/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One configuration in force, in the form that the protocol engines read.
 *
 * A reload makes a new profile; sessions and tunnels that began under the old one keep it alive until
 * they end. Control core only.
 */
#pragma once

#include "l2tp_tunnel.h"
#include "ppp.h"

#include <config/config.h>

#include <stdint.h>

/* What a peer uses, whichever of the profiles that name it are still held. */
struct peer_usage {
	uint32_t references; /* of profiles */
	uint32_t sessions,
		tunnels; /* calls that are not ending; tunnels between SCCCN and their end */
};

struct profile {
	uint32_t references;
	struct config *config;  /* owned */
	struct ppp_config *ppp; /* one for each of config->peers */
	struct l2tp_peer *l2tp;
	struct peer_usage **usage;
};

/*
 * Takes over config. NULL: no memory, config is still the caller's. counters must outlive it. Peers that
 * previous (NULL: none) has by the same name go on being counted together.
 */
struct profile *profile_create(
	struct config *config, struct ppp_counters *counters, const struct profile *previous);
struct profile *profile_hold(struct profile *profile);
void profile_release(struct profile *profile); /* frees it with the last reference */
/* The index of the peer that a path and a host name (bytes of the LAC) match; -1: none. */
int profile_peer(const struct profile *profile, const struct l2tp_path *path,
	const uint8_t *host_name, size_t length);
