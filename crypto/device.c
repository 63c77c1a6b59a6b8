/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's crypto devices: opened by name, shared by SAs and engines. */
#include "device.h"
#include "reason.h"

#include <rte_bus_vdev.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Waiting for a queue: a few bursts of every worker. */
#define DESCRIPTORS 512

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct crypto_device *devices[CRYPTO_DEVICES];

static struct crypto_device *device_find(const char *name, unsigned int *free_slot)
{
	struct crypto_device *found = NULL;

	*free_slot = CRYPTO_DEVICES;
	for (unsigned int i = CRYPTO_DEVICES; i-- > 0;) {
		if (devices[i] == NULL)
			*free_slot = i;
		else if (strcmp(devices[i]->name, name) == 0)
			found = devices[i];
	}
	return found;
}

/* As many queue pairs as there are cores to use them, if it has so many. */
static int device_start(struct crypto_device *device)
{
	struct rte_cryptodev_info info;
	unsigned int n;
	int rc;

	rte_cryptodev_info_get(device->id, &info);
	if ((info.feature_flags & RTE_CRYPTODEV_FF_SYMMETRIC_CRYPTO) == 0) {
		reason_set("crypto device %s has no symmetric algorithms", device->name);
		return -ENOTSUP;
	}
	n = RTE_MIN(RTE_MIN(info.max_nb_queue_pairs, rte_lcore_count()), 64u);
	device->n_queues = (uint16_t)RTE_MAX(n, 1u);

	struct rte_cryptodev_config config = {
		.socket_id = device->socket,
		.nb_queue_pairs = device->n_queues,
		.ff_disable = RTE_CRYPTODEV_FF_SECURITY | RTE_CRYPTODEV_FF_ASYMMETRIC_CRYPTO,
	};
	struct rte_cryptodev_qp_conf queue = {.nb_descriptors = DESCRIPTORS};

	rc = rte_cryptodev_configure(device->id, &config);
	for (uint16_t i = 0; rc == 0 && i < device->n_queues; i++)
		rc = rte_cryptodev_queue_pair_setup(device->id, i, &queue, device->socket);
	if (rc == 0)
		rc = rte_cryptodev_start(device->id);
	if (rc < 0)
		reason_set("crypto device %s with %u queue pairs does not start: %s", device->name,
			device->n_queues, rte_strerror(-rc));
	return rc;
}

static void device_free(struct crypto_device *device)
{
	for (unsigned int i = 0; i < device->n_pools; i++)
		rte_mempool_free(device->pools[i]);
	if (device->made)
		rte_vdev_uninit(device->name);
	free(device);
}

static struct crypto_device *device_open(const char *name, unsigned int slot, int socket)
{
	struct crypto_device *device = calloc(1, sizeof(*device));
	int id = rte_cryptodev_get_dev_id(name), rc;

	if (device == NULL) {
		reason_set("no memory for crypto device %s", name);
		errno = ENOMEM;
		return NULL;
	}
	snprintf(device->name, sizeof(device->name), "%s", name);
	device->slot = (uint8_t)slot;
	if (id < 0) {
		rc = rte_vdev_init(name, NULL);
		if (rc < 0) {
			reason_set("no crypto device is called '%s', and no driver makes one (%s): "
				   "a device that "
				   "DPDK was started with, or a name like crypto_openssl0 was "
				   "expected",
				name, rte_strerror(-rc));
			errno = ENODEV;
			goto fail;
		}
		device->made = true;
		id = rte_cryptodev_get_dev_id(name);
		if (id < 0) {
			reason_set("device %s is no crypto device", name);
			errno = ENODEV;
			goto fail;
		}
	}
	device->id = (uint8_t)id;
	device->socket = socket != SOCKET_ID_ANY ? socket : rte_cryptodev_socket_id(device->id);
	if (device->socket < 0)
		device->socket = SOCKET_ID_ANY;
	rc = device_start(device);
	if (rc < 0) {
		errno = -rc;
		goto fail;
	}
	return device;
fail:
	rc = errno;
	device_free(device);
	errno = rc;
	return NULL;
}

struct crypto_device *crypto_device_open(const char *name, int socket)
{
	struct crypto_device *device;
	unsigned int slot;

	if (strlen(name) >= RTE_CRYPTODEV_NAME_MAX_LEN) {
		reason_set("'%s' is too long for the name of a crypto device", name);
		errno = EINVAL;
		return NULL;
	}
	pthread_mutex_lock(&lock);
	device = device_find(name, &slot);
	if (device == NULL && slot == CRYPTO_DEVICES) {
		reason_set("%u crypto devices are open, %s would be one more", slot, name);
		errno = EBUSY;
	} else if (device == NULL) {
		device = device_open(name, slot, socket);
		devices[slot] = device;
	}
	if (device != NULL)
		device->references++;
	pthread_mutex_unlock(&lock);
	return device;
}

void crypto_device_close(struct crypto_device *device)
{
	if (device == NULL)
		return;
	pthread_mutex_lock(&lock);
	if (--device->references == 0) {
		devices[device->slot] = NULL;
		rte_cryptodev_stop(device->id);
		/* what a virtual device has is given back when it is removed */
		if (!device->made)
			rte_cryptodev_close(device->id);
		device_free(device);
	}
	pthread_mutex_unlock(&lock);
}

const char *crypto_device_name(unsigned int slot)
{
	const struct crypto_device *device = slot < CRYPTO_DEVICES ? devices[slot] : NULL;

	return device == NULL ? NULL : device->name;
}

int crypto_device_queue_take(struct crypto_device *device)
{
	int queue = -EBUSY;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < device->n_queues && queue < 0; i++) {
		if ((device->queues_used >> i & 1) == 0)
			queue = i;
	}
	if (queue >= 0)
		device->queues_used |= (uint64_t)1 << queue;
	else
		reason_set("crypto device %s has %u queue pairs, and all are in use: every worker "
			   "needs one of its own",
			device->name, device->n_queues);
	pthread_mutex_unlock(&lock);
	return queue;
}

void crypto_device_queue_give(struct crypto_device *device, int queue)
{
	pthread_mutex_lock(&lock);
	device->queues_used &= ~((uint64_t)1 << queue);
	pthread_mutex_unlock(&lock);
}
