/* SPDX-License-Identifier: BSD-3-Clause */
/* Creation and destruction of security associations. */
#include <crypto/sa.h>

#include "key_store.h"
#include "sa_keys.h"

#include <rte_byteorder.h>
#include <rte_malloc.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sa_store {
	struct key_store *keys;
	IMB_MGR *mgr;
	int socket;
};

struct sa_store *sa_store_create(int socket)
{
	struct sa_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return NULL;
	store->socket = socket;
	store->keys = key_store_create(sizeof(struct sa_keys));
	if (store->keys == NULL)
		goto fail;
	store->mgr = ipsec_mb_create();
	if (store->mgr == NULL)
		goto fail;
	return store;
fail:
	key_store_destroy(store->keys);
	free(store);
	return NULL;
}

void sa_store_destroy(struct sa_store *store)
{
	if (store == NULL)
		return;
	free_mb_mgr(store->mgr);
	key_store_destroy(store->keys);
	free(store);
}

static bool sa_params_valid(const struct sa_params *params)
{
	bool tunnel = params->mode == SA_TUNNEL;

	if (params->spi < 256 || (unsigned int)params->mode > SA_TUNNEL)
		return false;
	if (!params->esn && params->sequence > UINT32_MAX)
		return false;
	if (params->direction == SA_INBOUND) {
		if (params->window == 0)
			return !params->esn;
		return params->window >= REPLAY_WINDOW_MIN && params->window <= REPLAY_WINDOW_MAX;
	}
	if (params->direction != SA_OUTBOUND)
		return false;
	if (tunnel && params->outer_family != 4 && params->outer_family != 6)
		return false;
	return !params->encap || (params->encap_source != 0 && params->encap_destination != 0);
}

static uint32_t encap_ports(uint16_t source, uint16_t destination)
{
	return rte_cpu_to_be_32((uint32_t)source << 16 | destination);
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
	if (rc < 0)
		return rc;
	sa = rte_zmalloc_socket("sa", sizeof(*sa) + (in ? replay_ring_size(params->window) : 0),
		RTE_CACHE_LINE_SIZE, store->socket);
	if (sa == NULL)
		return -ENOMEM;
	keys = key_slot_alloc(store->keys);
	if (keys == NULL) {
		rc = errno == EAGAIN ? -EPERM : -errno;
		goto fail_sa;
	}
	rc = sa_keys_expand(store->mgr, params, keys);
	if (rc < 0)
		goto fail_keys;

	size_t key_bits = params->key_len - (algorithm.aead ? ESP_SALT_LEN : 0);

	sa->keys = keys;
	sa->algorithm = algorithm;
	sa->direction = (uint8_t)params->direction;
	sa->mode = (uint8_t)params->mode;
	sa->cipher = (uint8_t)params->cipher;
	sa->auth = (uint8_t)params->auth;
	sa->key_class = key_bits == 16 ? 0 : key_bits == 24 ? 1 : 2;
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
	key_slot_free(store->keys, (void *)(uintptr_t)sa->keys);
	rte_free(sa);
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
