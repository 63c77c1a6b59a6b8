/* SPDX-License-Identifier: BSD-3-Clause */
/* The key schedules of one SA, in a slot of locked memory. */
#pragma once

#include <crypto/sa.h>

#include <intel-ipsec-mb.h>

/*
 * Written at creation, read by the owner's engine. Schedules first: ipsec-mb wants them on 64 bytes. For an SA
 * on a crypto device, whose driver has the keys, there is nothing but the salt.
 */
struct sa_keys {
	union {
		struct gcm_key_data gcm; /* AES-GCM, AES-GMAC */
		uint8_t chacha20[32];
		struct {
			union {
				struct {
					uint8_t encrypt[15 * 16], decrypt[15 * 16];
				} aes;
				struct {
					uint64_t schedule[3][IMB_DES_KEY_SCHED_SIZE / 8];
					const void
						*schedules[3]; /* of them, as the job takes them */
				} des3;
			};
			uint8_t inner[64]
				__attribute__((aligned(16))); /* HMAC's first blocks, hashed */
			uint8_t outer[64];
		} hmac;
	};
	/* Of the SA's own key that makes CBC IVs out of a counter. */
	uint8_t iv_schedule[11 * 16] __attribute__((aligned(16)));
	uint8_t salt[ESP_SALT_LEN];
} __attribute__((aligned(64)));

static_assert(sizeof(struct sa_keys) <= 1536, "AVX-512 keeps 48 powers of the hash key");

/*
 * Expands params' keys for libipsec-mb; the salt is the caller's. All managers of a process use the same
 * instructions, so that what one expanded is good for all. -EIO and reason: no randomness for the IV key.
 */
int sa_keys_expand(IMB_MGR *mgr, const struct sa_params *params, struct sa_keys *keys);

/* A manager that passed its self-test, or NULL with errno and reason (see esp_engine_create). */
IMB_MGR *ipsec_mb_create(void);
