/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions of SAs on a crypto device: what it can do, and where it keeps the keys. */
#include "device.h"
#include "reason.h"

#include <crypto/digest.h>

#include <rte_errno.h>
#include <rte_mempool.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define POOL_FIRST 256 /* sessions */

/* The transforms of an SA, in the order in which they are done. */
struct transforms {
	struct rte_crypto_sym_xform first, second;
};

static const enum rte_crypto_auth_algorithm auth_algorithms[ESP_AUTHS] = {
	[ESP_AUTH_HMAC_SHA1_96] = RTE_CRYPTO_AUTH_SHA1_HMAC,
	[ESP_AUTH_HMAC_SHA256_128] = RTE_CRYPTO_AUTH_SHA256_HMAC,
	[ESP_AUTH_HMAC_SHA384_192] = RTE_CRYPTO_AUTH_SHA384_HMAC,
	[ESP_AUTH_HMAC_SHA512_256] = RTE_CRYPTO_AUTH_SHA512_HMAC,
};

static struct rte_crypto_sym_xform aead_transform(const struct sa_params *params, bool seal)
{
	return (struct rte_crypto_sym_xform){
		.type = RTE_CRYPTO_SYM_XFORM_AEAD,
		.aead =
			{
				.op = seal ? RTE_CRYPTO_AEAD_OP_ENCRYPT
					   : RTE_CRYPTO_AEAD_OP_DECRYPT,
				.algo = params->cipher == ESP_CIPHER_AES_GCM_16
					? RTE_CRYPTO_AEAD_AES_GCM
					: RTE_CRYPTO_AEAD_CHACHA20_POLY1305,
				.key = {params->key, (uint16_t)(params->key_len - ESP_SALT_LEN)},
				.iv = {CRYPTO_NONCE_OFFSET, 12},
				.digest_length = 16,
				.aad_length = params->esn ? 12 : 8,
			},
	};
}

static struct rte_crypto_sym_xform auth_transform(
	const struct sa_params *params, const struct esp_algorithm *algorithm, bool seal)
{
	bool gmac = params->cipher == ESP_CIPHER_AES_GMAC;
	struct rte_crypto_sym_xform transform = {
		.type = RTE_CRYPTO_SYM_XFORM_AUTH,
		.auth =
			{
				.op = seal ? RTE_CRYPTO_AUTH_OP_GENERATE
					   : RTE_CRYPTO_AUTH_OP_VERIFY,
				.algo = gmac ? RTE_CRYPTO_AUTH_AES_GMAC
					     : auth_algorithms[params->auth],
				.key = {params->auth_key, (uint16_t)params->auth_key_len},
				.digest_length = algorithm->icv,
			},
	};

	if (gmac) {
		transform.auth.key.data = params->key;
		transform.auth.key.length = (uint16_t)(params->key_len - ESP_SALT_LEN);
		transform.auth.iv.offset = CRYPTO_NONCE_OFFSET;
		transform.auth.iv.length = 12;
	}
	return transform;
}

static struct rte_crypto_sym_xform cipher_transform(
	const struct sa_params *params, const struct esp_algorithm *algorithm, bool seal)
{
	return (struct rte_crypto_sym_xform){
		.type = RTE_CRYPTO_SYM_XFORM_CIPHER,
		.cipher =
			{
				.op = seal ? RTE_CRYPTO_CIPHER_OP_ENCRYPT
					   : RTE_CRYPTO_CIPHER_OP_DECRYPT,
				.algo = params->cipher == ESP_CIPHER_AES_CBC
					? RTE_CRYPTO_CIPHER_AES_CBC
					: RTE_CRYPTO_CIPHER_3DES_CBC,
				.key = {params->key, (uint16_t)params->key_len},
				.iv = {CRYPTO_NONCE_OFFSET, algorithm->iv},
			},
	};
}

static void transforms_fill(struct transforms *transforms, const struct sa_params *params,
	const struct esp_algorithm *algorithm)
{
	bool seal = params->direction == SA_OUTBOUND;

	memset(transforms, 0, sizeof(*transforms));
	switch (params->cipher) {
	case ESP_CIPHER_AES_GCM_16:
	case ESP_CIPHER_CHACHA20_POLY1305:
		transforms->first = aead_transform(params, seal);
		break;
	case ESP_CIPHER_AES_CBC:
	case ESP_CIPHER_3DES_CBC:
		/* encrypt then authenticate, whichever way: RFC 4303, 3.3.2 and 3.4.4 */
		transforms->first = cipher_transform(params, algorithm, seal);
		transforms->second = auth_transform(params, algorithm, seal);
		if (!seal) {
			struct rte_crypto_sym_xform cipher = transforms->first;

			transforms->first = transforms->second;
			transforms->second = cipher;
		}
		transforms->first.next = &transforms->second;
		break;
	default:
		transforms->first = auth_transform(params, algorithm, seal);
		break;
	}
}

static bool transform_supported(uint8_t id, const struct rte_crypto_sym_xform *transform)
{
	struct rte_cryptodev_sym_capability_idx index = {.type = transform->type};
	const struct rte_cryptodev_symmetric_capability *capability;

	switch (transform->type) {
	case RTE_CRYPTO_SYM_XFORM_AEAD:
		index.algo.aead = transform->aead.algo;
		capability = rte_cryptodev_sym_capability_get(id, &index);
		return capability != NULL &&
			rte_cryptodev_sym_capability_check_aead(capability,
				transform->aead.key.length, transform->aead.digest_length,
				transform->aead.aad_length, transform->aead.iv.length) == 0;
	case RTE_CRYPTO_SYM_XFORM_AUTH:
		index.algo.auth = transform->auth.algo;
		capability = rte_cryptodev_sym_capability_get(id, &index);
		return capability != NULL &&
			rte_cryptodev_sym_capability_check_auth(capability,
				transform->auth.key.length, transform->auth.digest_length,
				transform->auth.iv.length) == 0;
	default:
		index.algo.cipher = transform->cipher.algo;
		capability = rte_cryptodev_sym_capability_get(id, &index);
		return capability != NULL &&
			rte_cryptodev_sym_capability_check_cipher(capability,
				transform->cipher.key.length, transform->cipher.iv.length) == 0;
	}
}

/* The first that the device cannot do; NULL: it can do all. */
static const char *transforms_missing(uint8_t id, const struct transforms *transforms)
{
	struct rte_cryptodev_info info;

	for (const struct rte_crypto_sym_xform *t = &transforms->first; t != NULL; t = t->next) {
		if (transform_supported(id, t))
			continue;
		switch (t->type) {
		case RTE_CRYPTO_SYM_XFORM_AEAD:
			return rte_crypto_aead_algorithm_strings[t->aead.algo];
		case RTE_CRYPTO_SYM_XFORM_AUTH:
			return rte_crypto_auth_algorithm_strings[t->auth.algo];
		default:
			return rte_crypto_cipher_algorithm_strings[t->cipher.algo];
		}
	}
	rte_cryptodev_info_get(id, &info);
	if (transforms->first.next != NULL &&
		(info.feature_flags & RTE_CRYPTODEV_FF_SYM_OPERATION_CHAINING) == 0)
		return "chains of cipher and authentication";
	return NULL;
}

/* Its memory may be that of a device, so it is DPDK's, and only shut in afterwards. */
static void pool_memory_lock(
	struct rte_mempool *pool, void *opaque, struct rte_mempool_memhdr *memory, unsigned int i)
{
	const struct rte_memseg *segment = rte_mem_virt2memseg(memory->addr, NULL);
	uintptr_t page = segment != NULL ? segment->hugepage_sz : 4096;
	uintptr_t begin = (uintptr_t)memory->addr / page * page;
	uintptr_t end = ((uintptr_t)memory->addr + memory->len + page - 1) / page * page;
	int *error = opaque;

	(void)pool;
	(void)i;
	if (mlock((void *)begin, end - begin) < 0 ||
		madvise((void *)begin, end - begin, MADV_DONTDUMP) < 0)
		*error = errno;
}

static int device_grow(struct crypto_device *device)
{
	unsigned int size = rte_cryptodev_sym_get_private_session_size(device->id);
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *pool;
	int error = 0;

	if (device->n_pools == RTE_DIM(device->pools))
		return -ENOMEM;
	snprintf(name, sizeof(name), "sa_sessions_%u_%u", device->id, device->n_pools);
	pool = rte_cryptodev_sym_session_pool_create(
		name, POOL_FIRST << device->n_pools, size, 0, 0, device->socket);
	if (pool == NULL)
		return -ENOMEM;
	rte_mempool_mem_iter(pool, pool_memory_lock, &error);
	if (error != 0) {
		rte_mempool_free(pool);
		return error == EAGAIN ? -EPERM : -error;
	}
	device->pools[device->n_pools++] = pool;
	return 0;
}

int crypto_device_session_create(struct crypto_device *device, const struct sa_params *params,
	const struct esp_algorithm *algorithm, void **session)
{
	struct transforms transforms;
	struct rte_mempool *pool = NULL;
	const char *missing;
	int rc;

	transforms_fill(&transforms, params, algorithm);
	missing = transforms_missing(device->id, &transforms);
	if (missing != NULL) {
		reason_set("crypto device %s cannot do %s %s with keys of %zu bits: it lacks %s",
			device->name, esp_cipher_name(params->cipher), esp_auth_name(params->auth),
			8 * (params->key_len - (algorithm->aead ? ESP_SALT_LEN : 0)), missing);
		return -ENOTSUP;
	}
	for (unsigned int i = device->n_pools; pool == NULL && i-- > 0;) {
		if (rte_mempool_avail_count(device->pools[i]) > 0)
			pool = device->pools[i];
	}
	if (pool == NULL) {
		rc = device_grow(device);
		if (rc < 0) {
			reason_set("no more sessions on crypto device %s: %s", device->name,
				rte_strerror(-rc));
			return rc;
		}
		pool = device->pools[device->n_pools - 1];
	}
	*session = rte_cryptodev_sym_session_create(device->id, &transforms.first, pool);
	if (*session == NULL) {
		rc = rte_errno == ENOMEM ? -ENOMEM : -ENOTSUP;
		reason_set("crypto device %s refuses a session of %s %s: %s", device->name,
			esp_cipher_name(params->cipher), esp_auth_name(params->auth),
			rte_strerror(rte_errno));
		return rc;
	}
	return 0;
}

void crypto_device_session_free(struct crypto_device *device, void *session)
{
	size_t size;

	if (session == NULL)
		return;
	size = rte_mempool_from_obj(session)->elt_size;
	rte_cryptodev_sym_session_free(device->id, session);
	/* back in its pool, out of which nobody but this thread takes anything */
	digest_wipe(session, size);
}
