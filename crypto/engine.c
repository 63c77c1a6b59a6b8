/* SPDX-License-Identifier: BSD-3-Clause */
/* An engine of a worker: libipsec-mb, queue pairs on crypto devices, or both; each SA says which it needs. */
#include "engine.h"
#include "reason.h"

#include <rte_malloc.h>

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

/* "ipsec-mb avx512, cryptodev crypto_qat0" */
static void engine_name_make(struct esp_engine *engine)
{
	size_t at = 0, size = sizeof(engine->name);

	if (engine->set.mgr != NULL)
		at += (size_t)snprintf(
			engine->name, size, "ipsec-mb %s", ipsec_mb_arch(engine->set.mgr));
	for (unsigned int i = 0; i < CRYPTO_DEVICES && at < size; i++) {
		if (engine->queues[i] != NULL)
			at += (size_t)snprintf(engine->name + at, size - at, "%scryptodev %s",
				at == 0 ? "" : ", ", engine->set.devices[i]->name);
	}
}

struct esp_engine *esp_engine_create(const char *name, int socket)
{
	struct esp_engine *engine =
		rte_zmalloc_socket("esp_engine", sizeof(*engine), RTE_CACHE_LINE_SIZE, socket);
	int rc;

	if (engine == NULL) {
		reason_set("no memory for an engine on NUMA node %d", socket);
		errno = ENOMEM;
		return NULL;
	}
	rc = engine_set_open(&engine->set, name, socket);
	if (rc < 0)
		goto fail;
	for (unsigned int i = 0; i < CRYPTO_DEVICES; i++) {
		if (engine->set.devices[i] == NULL)
			continue;
		engine->queues[i] = crypto_queue_create(engine->set.devices[i], socket);
		if (engine->queues[i] == NULL) {
			rc = -errno;
			goto fail;
		}
	}
	if (engine->set.mgr != NULL)
		ipsec_mb_bind(engine);
	engine_name_make(engine);
	return engine;
fail:
	esp_engine_destroy(engine);
	errno = -rc;
	return NULL;
}

void esp_engine_destroy(struct esp_engine *engine)
{
	if (engine == NULL)
		return;
	for (unsigned int i = 0; i < CRYPTO_DEVICES; i++)
		crypto_queue_destroy(engine->queues[i]);
	engine_set_close(&engine->set);
	memset(engine, 0, sizeof(*engine));
	rte_free(engine);
}

const char *esp_engine_name(const struct esp_engine *engine)
{
	return engine->name;
}

bool engine_ready(struct esp_engine *engine, const struct sa *sa, uint16_t n)
{
	if (sa->engine == ENGINE_IPSEC_MB)
		return engine->set.mgr != NULL;
	if (engine->queues[sa->engine - 1] == NULL)
		return false;
	if (sa->direction == SA_INBOUND || sa->algorithm.aead ||
		engine->random_left >= (uint32_t)n * sa->algorithm.iv)
		return true;
	engine->random_left = 0;
	/* up to 256 bytes are never cut short (getrandom(2)) */
	for (size_t at = 0; at < sizeof(engine->random); at += 256) {
		if (getrandom(engine->random + at, 256, 0) != 256)
			return false;
	}
	engine->random_left = sizeof(engine->random);
	return true;
}

void engine_open(struct esp_engine *engine, const struct sa *sa, struct engine_op *ops, uint16_t n)
{
	if (likely(sa->engine == ENGINE_IPSEC_MB))
		ipsec_mb_open(engine, sa, ops, n);
	else
		crypto_queue_run(engine->queues[sa->engine - 1], sa, ops, n);
}

void engine_seal(struct esp_engine *engine, const struct sa *sa, struct engine_op *ops, uint16_t n)
{
	if (likely(sa->engine == ENGINE_IPSEC_MB))
		ipsec_mb_seal(engine, sa, ops, n);
	else
		crypto_queue_run(engine->queues[sa->engine - 1], sa, ops, n);
}
