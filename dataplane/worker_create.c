/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker owns: made before it runs, emptied after it has returned.
 */
#include "port.h"
#include "punt.h"
#include "reassembly.h"
#include "worker.h"

#include <rte_ethdev.h>
#include <rte_ip_frag.h>
#include <rte_malloc.h>

#include <errno.h>
#include <stdio.h>

void worker_free_dropped(struct worker *w)
{
	if (w->n_dropped > 0)
		rte_pktmbuf_free_bulk(w->dropped, w->n_dropped);
	w->n_dropped = 0;
}

void token_bucket_init(struct token_bucket *bucket, uint32_t rate, uint32_t burst)
{
	/* price 0: nothing is ever admitted */
	bucket->price = rate == 0 ? 0 : rte_get_tsc_hz() / rate + 1;
	bucket->depth = bucket->price * burst;
	bucket->tokens = bucket->depth;
	bucket->last = rte_rdtsc();
}

static struct rte_ring *worker_ring(
	const char *what, unsigned int id, unsigned int size, int socket)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "lnsd_%s_%u", what, id);
	return rte_ring_create(name, size, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static struct rte_ring *worker_ring_elem(
	const char *what, unsigned int id, unsigned int element, unsigned int size, int socket)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "lnsd_%s_%u", what, id);
	return rte_ring_create_elem(name, element, size, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static bool worker_rings_create(struct worker *w, int socket)
{
	static const char *const punt_names[PUNT_RINGS] = {"known", "unknown", "exception"};

	for (unsigned int ring = 0; ring < PUNT_RINGS; ring++) {
		w->punt[ring].ring = worker_ring(
			punt_names[ring], w->id, punt_ring_size((enum punt_ring)ring), socket);
		if (w->punt[ring].ring == NULL)
			return false;
	}
	w->inject = worker_ring("inject", w->id, INJECT_RING_SIZE, socket);
	w->messages = worker_ring_elem(
		"messages", w->id, sizeof(struct message), MESSAGE_RING_SIZE, socket);
	w->replies = worker_ring_elem(
		"replies", w->id, sizeof(struct message_reply), MESSAGE_RING_SIZE, socket);
	return w->inject != NULL && w->messages != NULL && w->replies != NULL;
}

struct worker *worker_create(struct dataplane *dp, uint8_t id, unsigned int lcore)
{
	int socket = (int)rte_lcore_to_socket_id(lcore);
	struct worker *w = rte_zmalloc_socket("worker", sizeof(*w), RTE_CACHE_LINE_SIZE, socket);

	int code = ENOMEM;

	if (w == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	w->id = id;
	w->n_workers = (uint8_t)dp->n_workers;
	w->lanes = true;
	w->dp = dp;
	w->sessions = dp->sessions;
	w->adjacencies = dp->adjacencies;
	w->groups = dp->groups;
	w->fibs = dp->fibs;
	w->ifaces = dp->ifaces;
	w->ports = dp->ports;
	w->pool = dp->pool;
	w->indirect = dp->indirect;
	w->policers = dp->policers;
	w->sas = dp->sas;
	w->ip_id_first = (uint16_t)(65536u / dp->n_workers * id);
	w->ip_id_last = (uint16_t)(65536u / dp->n_workers * (id + 1) - 1);
	w->ip_id = w->ip_id_last;
	w->fragment_id = (uint32_t)rte_rdtsc() / dp->n_workers * dp->n_workers + id;
	overload_budget_init(&w->overload, rte_get_tsc_hz());
	token_bucket_init(&w->icmp_tokens, dp->icmp_rate, RTE_MIN(dp->icmp_rate, 50u));
	token_bucket_init(&w->too_big_tokens, dp->icmp_rate, RTE_MIN(dp->icmp_rate, 50u));
	w->punt_ppp_price = rte_get_tsc_hz() / PUNT_PPP_RATE;
	w->punt_local_price = rte_get_tsc_hz() / PUNT_LOCAL_RATE;
	token_bucket_init(&w->unresolved_tokens, PUNT_UNRESOLVED_RATE, 64);
	token_bucket_init(&w->esp_notice_tokens, ESP_NOTICES_RATE, ESP_NOTICES_RATE);
	token_bucket_init(&w->esp_move_tokens, ESP_MOVES_RATE, ESP_MOVES_BURST);
	if (!worker_rings_create(w, socket))
		goto fail;
	/* one that was asked for must be there; plain L2TP needs none */
	w->esp = esp_engine_create(dp->esp_engine != NULL ? dp->esp_engine : "auto", socket);
	if (w->esp == NULL && (dp->esp_engine != NULL || errno == ENOMEM)) {
		code = errno;
		goto fail;
	}
	if (dp->reassembly) {
		/* datagrams that never become whole hold a quarter of all buffers at the most */
		uint32_t most = RTE_MAX(
			dp->pool->size / dp->n_workers / 4 / RTE_LIBRTE_IP_FRAG_MAX_FRAG, 1u);

		w->reassembly = reassembly_create(dp, RTE_MIN((uint32_t)dp->fragment_max, most),
			dp->fragment_timeout_ms, socket);
		if (w->reassembly == NULL)
			goto fail;
	}
	ports_assign(dp, w);
	return w;

fail:
	worker_destroy(w);
	errno = code;
	return NULL;
}

void worker_destroy(struct worker *w)
{
	if (w == NULL)
		return;
	for (unsigned int ring = 0; ring < PUNT_RINGS; ring++)
		rte_ring_free(w->punt[ring].ring);
	rte_ring_free(w->inject);
	rte_ring_free(w->messages);
	rte_ring_free(w->replies);
	reassembly_destroy(w->reassembly);
	esp_engine_destroy(w->esp);
	rte_free(w);
}

static void worker_ring_empty(struct rte_ring *ring)
{
	struct rte_mbuf *pkts[BURST];
	unsigned int n;

	while ((n = rte_ring_sc_dequeue_burst(ring, (void **)pkts, BURST, NULL)) > 0)
		rte_pktmbuf_free_bulk(pkts, n);
}

void worker_drain(struct worker *w)
{
	struct message message;

	for (uint8_t i = 0; i < w->n_ports; i++) {
		rte_pktmbuf_free_bulk(w->tx[i].pkts, w->tx[i].n);
		w->tx[i].n = 0;
	}
	for (unsigned int ring = 0; ring < PUNT_RINGS; ring++)
		worker_ring_empty(w->punt[ring].ring);
	for (uint8_t from = 0; from < w->n_workers; from++)
		if (w->handoff_in[from] != NULL)
			worker_ring_empty(w->handoff_in[from]);
	worker_ring_empty(w->inject);
	while (rte_ring_sc_dequeue_elem(w->messages, &message, sizeof(message)) == 0)
		;
	if (w->reassembly != NULL)
		reassembly_empty(w);
	worker_free_dropped(w);
}
