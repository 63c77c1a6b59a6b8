/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Creation, start and end of the dataplane.
 */
#include "dataplane_private.h"
#include "packet_pool.h"
#include "policy.h"
#include "port.h"
#include "worker.h"

#include <dataplane/reserve.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_malloc.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MBUF_CACHE       256
#define GROUPS_MAX       4096
#define SAS_DEFAULT      65536
#define INDIRECT_MBUFS   4095 /* references live for one call of fragment_packet */
#define PREFIXES6        2    /* IPv6 prefixes of a session: its link's and a delegated one */
#define LARGE_MBUFS      64   /* a worker */
#define HANDOFF_RING_MIN 1024u
#define HANDOFF_RING_MAX 4096u
#define BURSTS_MIN       32 /* buffers that each worker needs at the least, in bursts */

static int settings_check(const struct dataplane_settings *s, char *error, size_t size)
{
	uint32_t least = s->n_workers * BURSTS_MIN * BURST;

	if (s->n_workers == 0 || s->n_workers > WORKERS_MAX)
		snprintf(error, size, "%u worker cores: expected 1 to %u", s->n_workers,
			WORKERS_MAX);
	else if (s->n_ifaces == 0 || s->n_ifaces > IFACES_MAX)
		snprintf(error, size, "%u interfaces: expected 1 to %u", s->n_ifaces, IFACES_MAX);
	else if (s->n_vrfs == 0 || s->n_vrfs > DATAPLANE_VRFS_MAX)
		snprintf(error, size, "%u VRFs: expected 1 to %u", s->n_vrfs, DATAPLANE_VRFS_MAX);
	else if (s->mbufs < least)
		snprintf(error, size, "%u packet buffers: %u workers need at least %u", s->mbufs,
			s->n_workers, least);
	else if (s->reassembly && (s->fragment_max == 0 || s->fragment_timeout_ms == 0))
		snprintf(error, size,
			"reassembly of %u datagrams within %u ms: expected at least 1 of each",
			s->fragment_max, s->fragment_timeout_ms);
	else
		return 0;
	return -EINVAL;
}

static int lcores_check(const struct dataplane_settings *s, char *error, size_t size)
{
	for (unsigned int i = 0; i < s->n_workers; i++) {
		unsigned int lcore = s->worker_lcores[i];

		if (lcore == rte_get_main_lcore() || !rte_lcore_is_enabled(lcore)) {
			snprintf(error, size,
				"worker core %u: expected an lcore that EAL was given, other than "
				"the main one (%u)",
				lcore, rte_get_main_lcore());
			return -EINVAL;
		}
	}
	return 0;
}

static int ifaces_init(
	struct dataplane *dp, const struct dataplane_settings *settings, char *error, size_t size)
{
	for (unsigned int i = 0; i < settings->n_ifaces; i++) {
		const struct iface_settings *from = &settings->ifaces[i];
		struct iface *iface = &dp->ifaces[i];

		if (from->vrf >= settings->n_vrfs || from->mtu < 576 || from->mtu > 16000) {
			snprintf(error, size,
				"interface %s: VRF %u and MTU %u: expected less than %u and 576 to "
				"16000",
				from->name, from->vrf, from->mtu, settings->n_vrfs);
			return -EINVAL;
		}
		iface->index = (uint8_t)i;
		iface->role = from->role;
		iface->mtu = from->mtu;
		iface->vrf = from->vrf;
		iface->vlan = from->vlan;
		iface->outer_vlan = from->outer_vlan;
		iface->up = 1;
		iface->blank = (struct meta){
			.iface = (uint8_t)i,
			.vrf = from->vrf,
			.l2_length = RTE_ETHER_HDR_LEN,
			.session = SESSION_NONE,
			.sa = SA_NONE,
			.adjacency = ADJACENCY_NONE,
		};
		snprintf(iface->name, sizeof(iface->name), "%s", from->name);
		iface->addresses = calloc(1, sizeof(*iface->addresses));
		if (iface->addresses == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int tables_create(
	struct dataplane *dp, const struct dataplane_settings *settings, char *error, size_t size)
{
	dp->rcu = rcu_create(settings->n_workers);
	if (dp->rcu == NULL)
		return -errno;
	dp->qsbr = rcu_qsbr(dp->rcu);
	dp->sessions = session_table_create(settings->max_sessions, dp->rcu);
	if (dp->sessions == NULL) {
		snprintf(error, size, "table of %u sessions: %s", settings->max_sessions,
			strerror(errno));
		return -errno;
	}
	uint32_t max_sas = settings->max_sas != 0 ? settings->max_sas : SAS_DEFAULT;

	dp->sas = sa_table_create(max_sas, dp->rcu);
	if (dp->sas == NULL) {
		snprintf(error, size, "table of %u SAs: %s", max_sas, strerror(errno));
		return -errno;
	}
	dp->policers = policer_table_create(settings->max_sessions);
	if (dp->policers == NULL)
		return -errno;
	dp->adjacencies = adjacency_table_create(settings->max_adjacencies, dp->rcu);
	if (dp->adjacencies == NULL) {
		snprintf(error, size, "table of %u adjacencies: %s", settings->max_adjacencies,
			strerror(errno));
		return -errno;
	}
	dp->groups = group_table_create(GROUPS_MAX, dp->rcu);
	if (dp->groups == NULL)
		return -errno;
	for (unsigned int vrf = 0; vrf < settings->n_vrfs; vrf++) {
		const struct fib_settings fib = {
			.name = settings->vrf_names[vrf],
			.max_routes4 = settings->max_routes4,
			.max_routes6 = settings->max_routes6,
			.more_routes6 = settings->max_sessions * PREFIXES6,
			.socket = SOCKET_ID_ANY,
		};

		dp->fibs[vrf] = fib_create(&fib, dp->rcu);
		if (dp->fibs[vrf] == NULL) {
			snprintf(error, size,
				"forwarding table of VRF %s (%u IPv4, %u IPv6 routes): %s",
				fib.name, fib.max_routes4, fib.max_routes6, strerror(errno));
			return -ENOMEM;
		}
		dp->n_vrfs++;
	}
	return 0;
}

/* Buffers for the largest datagrams that fragments make, which is decrypted in one piece and leaves soon. */
static int large_pool_create(struct dataplane *dp, uint16_t room, char *error, size_t size)
{
	uint32_t large =
		RTE_MIN((uint32_t)room * RTE_LIBRTE_IP_FRAG_MAX_FRAG, (uint32_t)UINT16_MAX & ~63u);
	uint32_t n = LARGE_MBUFS * dp->n_workers - 1;

	dp->large = rte_pktmbuf_pool_create(
		"lnsd_large", n, 0, sizeof(struct meta), (uint16_t)large, dp->node);
	if (dp->large != NULL)
		return 0;
	snprintf(error, size, "%u packet buffers of %u bytes for what was in fragments: %s", n,
		large, rte_strerror(rte_errno));
	return -ENOMEM;
}

/*
 * What workers read lies where they are: on one node, or tables spread over theirs, and what there is one of (packets,
 * SAs) with the first of them.
 */
static int nodes_prefer(const struct dataplane_settings *settings)
{
	uint64_t nodes = 0;

	for (unsigned int i = 0; i < settings->n_workers; i++)
		nodes |= 1ull << rte_lcore_to_socket_id(settings->worker_lcores[i]) % 64;
	reserve_nodes(rte_socket_count() > 1 ? nodes : 0);
	return (int)rte_lcore_to_socket_id(settings->worker_lcores[0]);
}

static int pools_create(
	struct dataplane *dp, const struct dataplane_settings *settings, char *error, size_t size)
{
	uint16_t room = ports_data_room(settings) + RTE_PKTMBUF_HEADROOM;

	dp->pool = packet_pool_create(
		"lnsd_packets", settings->mbufs, MBUF_CACHE, sizeof(struct meta), room, dp->node);
	if (dp->pool == NULL) {
		snprintf(error, size, "%u packet buffers of %u bytes (%u MiB): %s", settings->mbufs,
			room, (unsigned int)((uint64_t)settings->mbufs * room >> 20),
			rte_strerror(rte_errno));
		return -ENOMEM;
	}
	dp->indirect =
		rte_pktmbuf_pool_create("lnsd_references", INDIRECT_MBUFS, 32, 0, 0, dp->node);
	if (dp->indirect == NULL)
		return -ENOMEM;
	return settings->reassembly ? large_pool_create(dp, room, error, size) : 0;
}

/*
 * A ring takes what arrives while its receiver works on one receive ring, or waits for its CPU where CPUs are
 * shared: 4,096 packets. All rings together hold a half of the packet buffers at the most.
 */
static uint32_t handoff_ring_size(const struct dataplane *dp)
{
	uint32_t most = dp->pool->size / 2 / (dp->n_workers * RTE_MAX(dp->n_workers - 1, 1u));

	return RTE_MAX(rte_align32prevpow2(RTE_MIN(most, HANDOFF_RING_MAX)), HANDOFF_RING_MIN);
}

static int handoff_create(struct dataplane *dp)
{
	dp->handoff_size = handoff_ring_size(dp);
	for (unsigned int from = 0; from < dp->n_workers; from++) {
		for (unsigned int to = 0; to < dp->n_workers; to++) {
			char name[48];

			if (from == to)
				continue;
			snprintf(name, sizeof(name), "lnsd_handoff_%u_%u", from, to);

			/* the receiver reads every slot, the sender writes whole lines of them */
			struct rte_ring *ring = rte_ring_create(name, dp->handoff_size,
				(int)rte_lcore_to_socket_id(dp->lcores[to]),
				RING_F_SP_ENQ | RING_F_SC_DEQ);

			if (ring == NULL)
				return -ENOMEM;
			dp->handoff[from][to] = ring;
			dp->workers[from]->handoff[to].ring = ring;
			dp->workers[to]->handoff_in[from] = ring;
		}
	}
	return 0;
}

static int workers_create(
	struct dataplane *dp, const struct dataplane_settings *settings, char *error, size_t size)
{
	for (unsigned int i = 0; i < settings->n_workers; i++) {
		dp->lcores[i] = settings->worker_lcores[i];
		dp->workers[i] = worker_create(dp, (uint8_t)i, dp->lcores[i]);
		if (dp->workers[i] == NULL) {
			if (errno != ENOMEM)
				snprintf(error, size, "ESP engine: %s", esp_reason());
			return -errno;
		}
	}
	return handoff_create(dp);
}

struct dataplane *dataplane_create(
	const struct dataplane_settings *settings, char *error, size_t error_size)
{
	struct dataplane *dp = NULL;
	int code = settings_check(settings, error, error_size), node;

	if (code != 0)
		goto fail;
	code = lcores_check(settings, error, error_size);
	if (code != 0)
		goto fail;
	snprintf(error, error_size, "out of memory");
	code = -ENOMEM;
	node = nodes_prefer(settings);
	dp = rte_zmalloc_socket("dataplane", sizeof(*dp), RTE_CACHE_LINE_SIZE, node);
	if (dp == NULL)
		goto fail;
	dp->node = node;
	dp->kernel_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	dp->n_workers = settings->n_workers;
	dp->n_ifaces = settings->n_ifaces;
	dp->idle = (uint8_t)settings->idle;
	dp->idle_us = settings->idle_us;
	dp->reassembly = settings->reassembly;
	dp->fragment_timeout_ms = settings->fragment_timeout_ms;
	/* fragments that wait must not take the buffers that the rest needs: half at the most */
	dp->fragment_max = (uint16_t)RTE_MAX(1u,
		RTE_MIN(settings->fragment_max,
			settings->mbufs / 2 / RTE_LIBRTE_IP_FRAG_MAX_FRAG / settings->n_workers));
	dp->rx_descriptors = settings->rx_descriptors;
	dp->tx_descriptors = settings->tx_descriptors;
	dp->icmp_rate = settings->icmp_rate;
	dp->esp_engine = settings->esp_engine;
	code = ifaces_init(dp, settings, error, error_size);
	if (code != 0)
		goto fail;
	code = tables_create(dp, settings, error, error_size);
	if (code != 0)
		goto fail;
	code = pools_create(dp, settings, error, error_size);
	if (code != 0)
		goto fail;
	code = ports_open(dp, settings, error, error_size);
	if (code != 0)
		goto fail;
	code = workers_create(dp, settings, error, error_size);
	if (code != 0)
		goto fail;
	code = ports_start(dp, error, error_size);
	if (code != 0)
		goto fail;
	for (unsigned int i = 0; i < settings->n_ifaces; i++)
		if (settings->ifaces[i].promiscuous)
			rte_eth_promiscuous_enable(dp->ports[dp->ifaces[i].port].ethdev);
	error[0] = '\0';
	return dp;

fail:
	if (dp != NULL)
		dataplane_destroy(dp);
	errno = -code;
	return NULL;
}

int dataplane_start(struct dataplane *dp)
{
	__atomic_store_n(&dp->stop, 0, __ATOMIC_RELAXED);
	dp->running = true;
	for (unsigned int i = 0; i < dp->n_workers; i++) {
		int code = rte_eal_remote_launch(worker_main, dp->workers[i], dp->lcores[i]);

		if (code != 0) {
			dataplane_stop(dp);
			return code;
		}
	}
	return 0;
}

void dataplane_stop(struct dataplane *dp)
{
	if (!dp->running)
		return;
	__atomic_store_n(&dp->stop, 1, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < dp->n_workers; i++)
		rte_eal_wait_lcore(dp->lcores[i]);
	for (unsigned int i = 0; i < dp->n_workers; i++)
		worker_drain(dp->workers[i]);
	dp->running = false;
}

void dataplane_destroy(struct dataplane *dp)
{
	dataplane_stop(dp);
	ports_stop(dp);
	for (unsigned int i = 0; i < dp->n_workers; i++) {
		if (dp->workers[i] != NULL)
			worker_drain(dp->workers[i]);
		for (unsigned int to = 0; to < dp->n_workers; to++)
			rte_ring_free(dp->handoff[i][to]);
		worker_destroy(dp->workers[i]);
	}
	if (dp->rcu != NULL)
		rcu_drain(dp->rcu);
	for (unsigned int i = 0; i < dp->n_vrfs; i++) {
		fib_destroy(dp->fibs[i]);
		free(dp->icmp_sources[i]);
	}
	free(dp->paths);
	sa_table_destroy(dp->sas);
	group_table_destroy(dp->groups);
	if (dp->adjacencies != NULL)
		adjacency_table_destroy(dp->adjacencies);
	if (dp->sessions != NULL)
		session_table_destroy(dp->sessions);
	policer_table_destroy(dp->policers);
	for (unsigned int i = 0; i < dp->n_ifaces; i++)
		free(dp->ifaces[i].addresses);
	rte_mempool_free(dp->indirect);
	rte_mempool_free(dp->large);
	rte_mempool_free(dp->pool);
	if (dp->rcu != NULL)
		rcu_destroy(dp->rcu);
	if (dp->kernel_socket >= 0)
		close(dp->kernel_socket);
	rte_free(dp);
}
