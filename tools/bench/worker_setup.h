/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A daemon's tables without its control plane: everything that comes by L2TP, PPP, IKE and routing protocols
 * is installed at once, through the same install_*.c that those use.
 *
 * Session n is in tunnel 1 + n mod tunnels, has id 1 + n / tunnels, the address 10.0.0.0 + n and the /56 of
 * 2001:db8::/32 with n in the next 24 bits: what lnsload --write-pcap writes. Tunnel t comes from LAC (t - 1) mod lacs.
 * The LACs and all default routes are behind the interfaces' first static neighbour of each family.
 */
#pragma once

#include <config/config.h>
#include <dataplane/dataplane.h>
#include <install.h>
#include <install_sa.h>

struct worker_plan {
	const struct config *config;
	uint32_t tunnels, sessions;
	unsigned int n_lacs;
	struct ip_addr lacs[64];
	bool ipv6;   /* sessions have a delegated prefix, too */
	bool police; /* every session has a rate limit, of a hundred gigabits each way */
	/*
	 * The captures that the access device's queues bring, with lnsload's part of the sessions each (--pcap-part): what
	 * a NIC with RSS on the session id does. So their first frames would have come, and sessions are owned, there.
	 * 0: by any queue.
	 */
	uint32_t parts;
};

struct worker_setup {
	struct dataplane *dp;
	struct install_route *routes;
	struct install *install;
	struct sa_store *store;
	struct install_sas *sas;
	struct subscriber_record *records;
	uint32_t n_sessions;
};

/* After eal_start(); the workers do not run yet. 0, or -1 after a message. */
int worker_setup_open(struct worker_setup *setup, const struct worker_plan *plan);
/* Once the workers run: what only they may change. */
int worker_setup_police(struct worker_setup *setup, const struct worker_plan *plan);
void worker_setup_close(struct worker_setup *setup);
