/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's crypto devices: opened by name, shared by the SAs, which have sessions, and the engines of the
 * workers, which have a queue pair each.
 */
#pragma once

#include <crypto/sa.h>

#include <rte_cryptodev.h>

/* Open at a time. */
#define CRYPTO_DEVICES 8

struct crypto_device {
	char name[RTE_CRYPTODEV_NAME_MAX_LEN];
	uint8_t id;   /* DPDK's */
	uint8_t slot; /* 0..CRYPTO_DEVICES - 1 */
	/* Everything from here on: under the lock of device.c. */
	bool made; /* by us, so that nobody else needs it afterwards */
	unsigned int references;
	uint16_t n_queues;
	uint64_t queues_used; /* bits */
	int socket;
	unsigned int n_pools;
	struct rte_mempool *pools[16]; /* of sessions; each twice as large as the one before */
};

/* Where the nonce of an operation lies, behind struct rte_crypto_op. */
#define CRYPTO_NONCE_OFFSET (sizeof(struct rte_crypto_op) + sizeof(struct rte_crypto_sym_op))

/*
 * A device that is there, or a virtual one that is made now ("crypto_openssl0"), configured and started.
 * Opening it again counts. NULL with errno and reason.
 */
struct crypto_device *crypto_device_open(const char *name, int socket);
void crypto_device_close(struct crypto_device *device);
/* For display. NULL: nothing is open there. */
const char *crypto_device_name(unsigned int slot);

/* A queue pair that is the caller's alone: its number, or -EBUSY and reason. */
int crypto_device_queue_take(struct crypto_device *device);
void crypto_device_queue_give(struct crypto_device *device, int queue);

/*
 * What the device needs to know of an SA: algorithm, keys, direction. Control core. -ENOTSUP and reason: the
 * device does not do this; -ENOMEM. Sessions are wiped when they are freed; the pools that they lie in are
 * locked and not dumped.
 */
int crypto_device_session_create(struct crypto_device *device, const struct sa_params *params,
	const struct esp_algorithm *algorithm, void **session);
void crypto_device_session_free(struct crypto_device *device, void *session);
