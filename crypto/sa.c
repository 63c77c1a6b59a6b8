/* SPDX-License-Identifier: BSD-3-Clause */
/* Creation and destruction of security associations. */
#include <crypto/sa.h>

#include "engine_set.h"
#include "key_store.h"
#include "reason.h"

#include <rte_byteorder.h>
#include <rte_malloc.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sa_store {
	struct key_store *keys;
	struct engine_set set;
	int socket;
};

struct sa_store *sa_store_create(const char *engine, int socket)
{
	struct sa_store *store = calloc(1, sizeof(*store));
	int rc;

	if (store == NULL)
		goto no_memory;
	store->socket = socket;
	store->keys = key_store_create(sizeof(struct sa_keys));
	if (store->keys == NULL)
		goto no_memory;
	rc = engine_set_open(&store->set, engine, socket);
	if (rc < 0) {
		key_store_destroy(store->keys);
		free(store);
		errno = -rc;
		return NULL;
	}
	return store;
no_memory:
	free(store);
	reason_set("no memory for the store of SAs");
	errno = ENOMEM;
	return NULL;
}

void sa_store_destroy(struct sa_store *store)
{
	if (store == NULL)
		return;
	engine_set_close(&store->set);
	key_store_destroy(store->keys);
	free(store);
}

/* Sets the reason and returns false. */
static bool sa_params_valid(const struct sa_params *params)
{
	if (params->spi < 256)
		reason_set("SPI %u is reserved: 256 or more was expected", params->spi);
	else if ((unsigned int)params->mode > SA_TUNNEL)
		reason_set("mode %d is neither transport nor tunnel", (int)params->mode);
	else if (!params->esn && params->sequence > UINT32_MAX)
		reason_set("sequence number %lu needs ESN", params->sequence);
	else if (params->direction == SA_INBOUND && params->window == 0 && params->esn)
		reason_set("ESN needs a replay window");
	else if (params->direction == SA_INBOUND && params->window != 0 &&
		(params->window < REPLAY_WINDOW_MIN || params->window > REPLAY_WINDOW_MAX))
		reason_set("replay window %u: %d to %d was expected", params->window,
			REPLAY_WINDOW_MIN, REPLAY_WINDOW_MAX);
	else if ((unsigned int)params->direction > SA_OUTBOUND)
		reason_set("direction %d is neither in nor out", (int)params->direction);
	else if (params->direction == SA_OUTBOUND && params->mode == SA_TUNNEL &&
		params->outer_family != 4 && params->outer_family != 6)
		reason_set("tunnel mode with an outer header of IPv%u: 4 or 6 was expected",
			params->outer_family);
	else if (params->direction == SA_OUTBOUND && params->encap &&
		(params->encap_source == 0 || params->encap_destination == 0))
		reason_set("UDP ports %u and %u around ESP: none may be 0", params->encap_source,
			params->encap_destination);
	else
		return true;
	return false;
}

/* Keys for one engine of the set. */
static int sa_bind_to(struct sa_store *store, const struct sa_params *params, struct sa *sa,
	struct sa_keys *keys, unsigned int engine)
{
	struct crypto_device *device;

	sa->engine = (uint8_t)engine;
	if (engine == ENGINE_IPSEC_MB)
		return store->set.mgr == NULL ? -ENOTSUP
					      : sa_keys_expand(store->set.mgr, params, keys);
	device = store->set.devices[engine - 1];
	return device == NULL
		? -ENOTSUP
		: crypto_device_session_create(device, params, &sa->algorithm, &sa->session);
}

/* The preferred engine of the set that can do it. */
static int sa_bind(
	struct sa_store *store, const struct sa_params *params, struct sa *sa, struct sa_keys *keys)
{
	unsigned int preferred = store->set.preferred[params->cipher][params->auth];
	int rc = sa_bind_to(store, params, sa, keys, preferred);

	for (unsigned int engine = 0; rc == -ENOTSUP && engine <= CRYPTO_DEVICES; engine++) {
		if (engine != preferred)
			rc = sa_bind_to(store, params, sa, keys, engine);
	}
	return rc;
}

static uint32_t encap_ports(uint16_t source, uint16_t destination)
{
	return rte_cpu_to_be_32((uint32_t)source << 16 | destination);
}

/* On the workers' node; on another one rather than nowhere. */
static struct sa *sa_alloc(const struct sa_store *store, size_t size)
{
	struct sa *sa = rte_zmalloc_socket("sa", size, RTE_CACHE_LINE_SIZE, store->socket);

	if (sa == NULL && store->socket != SOCKET_ID_ANY)
		sa = rte_zmalloc_socket("sa", size, RTE_CACHE_LINE_SIZE, SOCKET_ID_ANY);
	return sa;
}

int sa_create(struct sa_store *store, const struct sa_params *params, struct sa **result)
{
	struct esp_algorithm algorithm;
	struct sa_keys *keys;
	struct sa *sa;
	bool in = params->direction == SA_INBOUND;
	int rc;

	if (!sa_params_valid(params))
		return -EINVAL;
	rc = esp_algorithm_find(params->cipher, params->key_len, params->auth, params->auth_key_len,
		params->permit, &algorithm);
	if (rc == -EINVAL)
		reason_set("cipher %s with a key of %zu bytes and authentication %s with one of "
			   "%zu do "
			   "not go together",
			esp_cipher_name(params->cipher), params->key_len,
			esp_auth_name(params->auth), params->auth_key_len);
	else if (rc < 0)
		reason_set("%s is not permitted", esp_cipher_name(params->cipher));
	if (rc < 0)
		return rc;
	sa = sa_alloc(store, sizeof(*sa) + (in ? replay_ring_size(params->window) : 0));
	if (sa == NULL) {
		reason_set("no memory for an SA");
		return -ENOMEM;
	}
	keys = key_slot_alloc(store->keys);
	if (keys == NULL) {
		rc = errno == EAGAIN ? -EPERM : -errno;
		reason_set("no locked memory for keys: %s (RLIMIT_MEMLOCK)", strerror(errno));
		goto fail_sa;
	}
	sa->algorithm = algorithm;
	rc = sa_bind(store, params, sa, keys);
	if (rc < 0)
		goto fail_keys;

	size_t key_len = params->key_len - (algorithm.aead ? ESP_SALT_LEN : 0);

	if (algorithm.aead)
		memcpy(keys->salt, params->key + key_len, ESP_SALT_LEN);
	sa->keys = keys;
	sa->direction = (uint8_t)params->direction;
	sa->mode = (uint8_t)params->mode;
	sa->cipher = (uint8_t)params->cipher;
	sa->auth = (uint8_t)params->auth;
	sa->key_class = key_len == 16 ? 0 : key_len == 24 ? 1 : 2;
	sa->next_header = params->next_header;
	sa->esn = params->esn;
	sa->encap = params->encap;
	sa->outer_family = params->outer_family;
	sa->overhead = (uint8_t)((params->encap ? 8 : 0) + 8 + algorithm.iv);
	sa->spi = rte_cpu_to_be_32(params->spi);
	sa->encap_ports = encap_ports(params->encap_source, params->encap_destination);
	sa->iv_base = params->iv_base;
	sa->sequence_max = params->esn ? UINT64_MAX : UINT32_MAX;
	if (sa->sequence_max > UINT64_MAX - params->iv_base)
		sa->sequence_max = UINT64_MAX - params->iv_base;
	memcpy(sa->outer_source, params->outer_source, sizeof(sa->outer_source));
	memcpy(sa->outer_destination, params->outer_destination, sizeof(sa->outer_destination));
	sa->state.sequence = params->sequence;
	sa->sequence_limit = params->sequence_limit;
	if (in)
		replay_init(&sa->state.replay, sa->ring, params->window, params->sequence);
	*result = sa;
	return 0;
fail_keys:
	key_slot_free(store->keys, keys);
fail_sa:
	rte_free(sa);
	return rc;
}

void sa_destroy(struct sa_store *store, struct sa *sa)
{
	if (sa == NULL)
		return;
	if (sa->engine != ENGINE_IPSEC_MB)
		crypto_device_session_free(store->set.devices[sa->engine - 1], sa->session);
	key_slot_free(store->keys, (void *)(uintptr_t)sa->keys);
	rte_free(sa);
}

void sa_engine_name(const struct sa *sa, char *name, size_t size)
{
	if (sa->engine == ENGINE_IPSEC_MB)
		snprintf(name, size, "ipsec-mb");
	else
		snprintf(name, size, "cryptodev %s", crypto_device_name(sa->engine - 1u));
}

void sa_raise_limit(struct sa *sa, uint64_t limit)
{
	if (limit > sa->sequence_limit)
		__atomic_store_n(&sa->sequence_limit, limit, __ATOMIC_RELEASE);
}

void sa_set_encap(struct sa *sa, uint16_t source, uint16_t destination)
{
	__atomic_store_n(&sa->encap_ports, encap_ports(source, destination), __ATOMIC_RELAXED);
}
