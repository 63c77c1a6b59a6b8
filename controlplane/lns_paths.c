/* SPDX-License-Identifier: BSD-3-Clause */
/* Which Packet Too Big is believed: one that quotes a packet of a tunnel of ours. */
#include "lns.h"
#include "log.h"
#include "path_mtu.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 1000 /* a list that found no memory */

int lns_paths_create(struct lns *lns)
{
	lns->paths = calloc(1, sizeof(*lns->paths));
	return lns->paths ? 0 : -ENOMEM;
}

/* Ours: it names the SPI of an SA, or the id that the peer has given a tunnel, with all its addresses and ports. */
static bool notice_is_ours(struct lns *lns, uint16_t vrf, const struct path_mtu_notice *notice)
{
	struct l2tp_path path = {.vrf = vrf,
		.peer = {.family = 6, .port = notice->peer_port},
		.local = {.family = 6, .port = notice->local_port}};

	if (notice->esp)
		return install_sa_find(lns->sas, SA_OUTBOUND, vrf, 6, notice->peer, notice->spi) !=
			NULL;
	memcpy(path.peer.address, notice->peer, 16);
	memcpy(path.local.address, notice->local, 16);
	return l2tp_lns_knows(lns->l2tp, &path, notice->tunnel_id);
}

void lns_paths_notice(struct lns *lns, const struct rte_mbuf *packet)
{
	char router[INET6_ADDRSTRLEN], peer[INET6_ADDRSTRLEN];
	const struct meta *meta = meta_of((struct rte_mbuf *)(uintptr_t)packet);
	struct path_mtu_notice notice;
	struct iface_info info;
	int rc;

	if (meta->kind != PUNT_FRAME)
		return;
	rc = path_mtu_read(rte_pktmbuf_mtod(packet, const uint8_t *), packet->data_len, &notice);
	if (rc == -ENOENT || dataplane_iface_info(lns->dp, meta->iface, &info))
		return;
	/* IKE's and the kernel's own are none of these, and counted with them */
	if (rc || !notice_is_ours(lns, info.vrf, &notice)) {
		lns->drops[LNS_DROP_PATH_MTU_FOREIGN]++;
		return;
	}
	if (!path_mtus_learn(lns->paths, info.vrf, notice.peer, notice.mtu, info.mtu, lns->now))
		return;
	inet_ntop(AF_INET6, notice.router, router, sizeof(router));
	inet_ntop(AF_INET6, notice.peer, peer, sizeof(peer));
	log_ratelimited(
		LOG_LEVEL_INFO, NULL, "path to %s: MTU %u, says %s", peer, notice.mtu, router);
}

void lns_paths_poll(struct lns *lns)
{
	path_mtus_expire(lns->paths, lns->now);
	if (!lns->paths->changed || lns->now < lns->paths_again)
		return;
	if (dataplane_path_mtus(lns->dp, lns->paths->list, lns->paths->n) == 0)
		lns->paths->changed = false;
	else
		lns->paths_again = lns->now + AGAIN_MS;
}
