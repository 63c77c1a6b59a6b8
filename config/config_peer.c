/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the peer entry that a LAC belongs to. */
#include <config/config.h>

#include "value.h"

const struct config_peer *config_peer_find(
	const struct config *config, const struct ip_addr *addr, const char *host_name)
{
	unsigned int i, j;

	for (i = 0; i < config->n_peers; i++) {
		const struct config_peer *peer = &config->peers[i];

		for (j = 0; j < peer->n_sources; j++)
			if (ip_prefix_holds(&peer->sources[j], addr))
				break;
		if (j < peer->n_sources && (!host_name || value_glob(peer->host_name, host_name)))
			return peer;
	}
	return NULL;
}
