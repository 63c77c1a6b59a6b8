/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker tells the control core unasked about ESP (struct esp_notice), within its rate.
 */
#include "esp_notice.h"

#include <netinet/in.h>

/* Answers to messages always find their half of the ring. */
static bool esp_notice_room(const struct worker *w)
{
	return rte_ring_free_count(w->replies) > MESSAGE_RING_SIZE / 2;
}

bool esp_notice_take(struct worker *w)
{
	return esp_notice_room(w) && token_bucket_take(&w->esp_notice_tokens, w->now);
}

bool esp_notice_take_move(struct worker *w)
{
	return esp_notice_room(w) && token_bucket_take(&w->esp_move_tokens, w->now);
}

static void esp_notice_send(struct worker *w, uint32_t sa, const struct esp_notice *notice)
{
	const struct message_reply reply = {
		.type = MESSAGE_NOTICE_ESP,
		.index = sa,
		.generation = sa == SA_NONE
			? 0
			: __atomic_load_n(&sa_at(w->sas, sa)->generation, __ATOMIC_RELAXED),
		.worker = w->id,
		.esp = *notice,
	};

	rte_ring_sp_enqueue_elem(w->replies, (void *)(uintptr_t)&reply, sizeof(reply));
}

/* local and peer: offsets of the two addresses in an IPv4 header; those of an IPv6 header follow. */
static void esp_notice_addresses(
	struct esp_notice *notice, const uint8_t *ip, uint32_t local, uint32_t peer)
{
	notice->family = ip[0] >> 4;
	if (notice->family == 4) {
		memcpy(notice->local, ip + local, 4);
		memcpy(notice->peer, ip + peer, 4);
	} else {
		memcpy(notice->local, ip + (local == 16 ? 24 : 8), 16);
		memcpy(notice->peer, ip + (peer == 16 ? 24 : 8), 16);
	}
}

void esp_notice_inbound(struct worker *w, const struct rte_mbuf *m, uint32_t esp, uint32_t sa,
	enum drop_reason reason)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	struct esp_notice notice = {
		.spi = load32(ip + esp),
		.sequence = rte_be_to_cpu_32(load32(ip + esp + 4)),
		.reason = (uint16_t)reason,
		.vrf = meta_of((struct rte_mbuf *)(uintptr_t)m)->vrf,
	};

	esp_notice_addresses(&notice, ip, 16, 12);
	if ((notice.family == 4 ? ip[9] : ip[6]) == IPPROTO_UDP)
		notice.peer_port = load_be16(ip + esp - 8);
	esp_notice_send(w, sa, &notice);
}

void esp_notice_peer(struct worker *w, uint32_t sa, const uint8_t *source, uint16_t port,
	enum drop_reason reason)
{
	const struct sa_entry *entry = sa_at(w->sas, sa);
	struct esp_notice notice = {
		.spi = entry->spi,
		.reason = (uint16_t)reason,
		.vrf = entry->vrf,
		.family = entry->family,
		.peer_port = rte_be_to_cpu_16(port),
	};

	memcpy(notice.local, entry->local, sizeof(notice.local));
	memcpy(notice.peer, source, entry->family == 4 ? 4 : 16);
	esp_notice_send(w, sa, &notice);
}

void esp_notice_outbound(
	struct worker *w, const struct rte_mbuf *m, uint32_t sa, enum drop_reason reason)
{
	struct esp_notice notice = {
		.reason = (uint16_t)reason,
		.vrf = meta_of((struct rte_mbuf *)(uintptr_t)m)->vrf,
	};

	esp_notice_addresses(&notice, rte_pktmbuf_mtod(m, const uint8_t *), 12, 16);
	if (sa != SA_NONE) {
		const struct sa_entry *entry = sa_at(w->sas, sa);

		notice.spi = entry->spi;
		notice.vrf = entry->vrf;
	}
	esp_notice_send(w, sa, &notice);
}
