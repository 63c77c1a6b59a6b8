/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames of a capture in memory, into buffers, through ESP, into the ring of a device. */
#include "worker_generator.h"

#include <lns.h>

#include <crypto/esp.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING_SIZE (2 * WORKER_GENERATOR_BATCH)
#define BURST     32
#define ETHERNET  14u
#define FRAME_MAX 1600u

struct worker_generator {
	struct rte_ring *ring, *nothing; /* what the worker receives; what it would send there */
	struct rte_mempool *pool;
	struct sa_store *store;
	struct sa *sa;
	struct esp_engine *engine;
	uint8_t *frames;
	uint32_t *ends; /* of each frame in frames */
	uint32_t n, next;
	uint16_t ethdev;
	uint8_t ethernet[ETHERNET];
	struct rte_mbuf *staged[WORKER_GENERATOR_BATCH];
};

static void *failed(struct worker_generator *generator, const char *what, const char *why)
{
	fprintf(stderr, "bench_worker: --generate: %s: %s\n", what, why);
	worker_generator_close(generator);
	return NULL;
}

/* All of a capture as lnsload writes it, without the Ethernet headers. */
static const char *frames_read(struct worker_generator *generator, const char *path)
{
	FILE *f = fopen(path, "re");
	const char *wrong = NULL;
	uint32_t record[4];
	size_t used = 0, size = 0, room = 0;

	if (!f || fseek(f, 24, SEEK_SET))
		wrong = "cannot be read";
	while (!wrong && fread(record, sizeof(record), 1, f) == 1) {
		if (record[2] <= ETHERNET || record[2] > FRAME_MAX) {
			wrong = "a frame of 15 to 1600 bytes was expected";
			break;
		}
		if (used + record[2] > size) {
			size = 2 * size + 65536;
			generator->frames = realloc(generator->frames, size);
		}
		if (generator->n == room) {
			room = 2 * room + 1024;
			generator->ends = realloc(generator->ends, room * sizeof(uint32_t));
		}
		if (!generator->frames || !generator->ends)
			wrong = "out of memory";
		else if (fseek(f, ETHERNET, SEEK_CUR) ||
			fread(generator->frames + used, record[2] - ETHERNET, 1, f) != 1)
			wrong = "ends within a frame";
		else
			generator->ends[generator->n++] = (uint32_t)(used += record[2] - ETHERNET);
	}
	if (f)
		fclose(f);
	return !wrong && !generator->n ? "there is no frame in it" : wrong;
}

static const struct config_sa *sa_inbound(const struct config *config)
{
	for (unsigned int i = 0; i < config->n_sas; i++)
		if (config->sas[i].direction == CONFIG_SA_IN)
			return &config->sas[i];
	return NULL;
}

/* The peer's end of an inbound SA. */
static const char *sa_open(struct worker_generator *generator, const struct config *config)
{
	const struct config_sa *inbound = sa_inbound(config);
	struct install_sa_spec spec;

	if (!inbound)
		return "expected an inbound security association";
	lns_sa_spec(inbound, &spec);
	spec.params.direction = SA_OUTBOUND;
	spec.params.window = 0;
	spec.params.next_header = 0;
	generator->engine = esp_engine_create(config->ipsec.engine, SOCKET_ID_ANY);
	generator->store = sa_store_create(config->ipsec.engine, SOCKET_ID_ANY);
	if (!generator->engine || !generator->store ||
		sa_create(generator->store, &spec.params, &generator->sa))
		return esp_reason();
	return NULL;
}

struct worker_generator *worker_generator_open(const struct config *config, const char *capture)
{
	struct worker_generator *generator = calloc(1, sizeof(*generator));
	const char *wrong;
	int ethdev;

	if (!generator)
		return failed(NULL, capture, "out of memory");
	wrong = frames_read(generator, capture);
	if (wrong)
		return failed(generator, capture, wrong);
	wrong = sa_open(generator, config);
	if (wrong)
		return failed(generator, "ESP", wrong);
	generator->ring = rte_ring_create(
		"generated", RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	generator->nothing = rte_ring_create("returned", BURST, SOCKET_ID_ANY, 0);
	if (!generator->ring || !generator->nothing)
		return failed(generator, "rings", "out of memory");
	ethdev = rte_eth_from_rings("gen0", &generator->ring, 1, &generator->nothing, 1, 0);
	if (ethdev < 0)
		return failed(generator, "net_ring", "no device can be made of the rings");
	generator->ethdev = (uint16_t)ethdev;
	return generator;
}

int worker_generator_attach(struct worker_generator *generator, struct dataplane *dp)
{
	struct rte_ether_addr mac;

	generator->pool = dataplane_mempool(dp);
	if (rte_eth_macaddr_get(generator->ethdev, &mac)) {
		fprintf(stderr, "bench_worker: --generate: the device has no MAC address\n");
		return -1;
	}
	memcpy(generator->ethernet, &mac, 6);
	memcpy(generator->ethernet + 6, (const uint8_t[8]){2, 0, 0, 0, 0, 2, 0x08, 0x00}, 8);
	return 0;
}

static int burst_make(struct worker_generator *generator, struct rte_mbuf **pkts)
{
	struct esp_result results[BURST];
	uint16_t n;

	if (rte_pktmbuf_alloc_bulk(generator->pool, pkts, BURST))
		return -1;
	for (unsigned int i = 0; i < BURST; i++) {
		uint32_t at = generator->next++;
		uint32_t start = at ? generator->ends[at - 1] : 0;
		uint32_t length = generator->ends[at] - start;

		if (generator->next == generator->n)
			generator->next = 0;
		rte_memcpy(rte_pktmbuf_append(pkts[i], (uint16_t)length), generator->frames + start,
			length);
	}
	n = esp_outbound_burst(generator->engine, generator->sa, pkts, BURST, results);
	for (unsigned int i = 0; i < n; i++)
		memcpy(rte_pktmbuf_prepend(pkts[i], ETHERNET), generator->ethernet, ETHERNET);
	if (n == BURST)
		return 0;
	rte_pktmbuf_free_bulk(pkts, BURST);
	return -1;
}

int worker_generator_stage(struct worker_generator *generator)
{
	for (unsigned int i = 0; i < WORKER_GENERATOR_BATCH; i += BURST)
		if (burst_make(generator, generator->staged + i)) {
			rte_pktmbuf_free_bulk(generator->staged, i);
			return -1;
		}
	return 0;
}

void worker_generator_release(struct worker_generator *generator)
{
	rte_ring_sp_enqueue_bulk(
		generator->ring, (void **)generator->staged, WORKER_GENERATOR_BATCH, NULL);
}

void worker_generator_close(struct worker_generator *generator)
{
	if (!generator)
		return;
	sa_destroy(generator->store, generator->sa);
	sa_store_destroy(generator->store);
	esp_engine_destroy(generator->engine);
	rte_ring_free(generator->ring);
	rte_ring_free(generator->nothing);
	free(generator->frames);
	free(generator->ends);
	free(generator);
}
