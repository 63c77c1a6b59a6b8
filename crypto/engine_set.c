/* SPDX-License-Identifier: BSD-3-Clause */
/* What the name of an engine stands for: libipsec-mb, a crypto device, or the faster of all that there are. */
#include "engine_set.h"
#include "reason.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

/* What makes sense where the CPU cannot do AES and nobody named a device. */
#define LAST_RESORT "crypto_openssl0"

const char *ipsec_mb_arch(const IMB_MGR *mgr)
{
	switch (mgr->used_arch) {
	case IMB_ARCH_AVX512:
		return (mgr->features & IMB_FEATURE_VAES) != 0 ? "avx512 vaes" : "avx512";
	case IMB_ARCH_AVX2:
		return (mgr->features & IMB_FEATURE_VAES) != 0 ? "avx2 vaes" : "avx2";
	case IMB_ARCH_AVX:
		return "avx";
	case IMB_ARCH_SSE:
		return "sse";
	default:
		return "without AES instructions";
	}
}

static int set_add_device(struct engine_set *set, const char *name, int socket)
{
	struct crypto_device *device = crypto_device_open(name, socket);

	if (device == NULL)
		return -errno;
	set->devices[device->slot] = device;
	return 0;
}

static unsigned int set_size(const struct engine_set *set)
{
	unsigned int n = set->mgr != NULL;

	for (unsigned int i = 0; i < CRYPTO_DEVICES; i++)
		n += set->devices[i] != NULL;
	return n;
}

/* The measurement is made once: all workers and the control core have to agree. */
static void set_choose(struct engine_set *set, int socket)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct engine_set measured;
	static bool done;

	pthread_mutex_lock(&lock);
	if (!done || memcmp(measured.devices, set->devices, sizeof(set->devices)) != 0) {
		engine_set_measure(set, socket);
		measured = *set;
		done = true;
	}
	memcpy(set->preferred, measured.preferred, sizeof(set->preferred));
	pthread_mutex_unlock(&lock);
}

static int set_open_auto(struct engine_set *set, int socket)
{
	int rc;

	set->mgr = ipsec_mb_create(); /* NULL: the CPU cannot */
	for (uint8_t id = 0; id < RTE_CRYPTO_MAX_DEVS; id++) {
		if (rte_cryptodev_is_valid_dev(id) &&
			(rc = set_add_device(set, rte_cryptodev_name_get(id), socket)) == -ENOMEM)
			return rc;
	}
	if (set_size(set) == 0) {
		rc = set_add_device(set, LAST_RESORT, socket);
		if (rc < 0)
			return rc;
	}
	if (set_size(set) > 1)
		set_choose(set, socket);
	return 0;
}

int engine_set_open(struct engine_set *set, const char *name, int socket)
{
	static const char prefix[] = "cryptodev:";
	int rc;

	memset(set, 0, sizeof(*set));
	if (strcmp(name, "auto") == 0) {
		rc = set_open_auto(set, socket);
	} else if (strcmp(name, "ipsec-mb") == 0) {
		set->mgr = ipsec_mb_create();
		rc = set->mgr == NULL ? -errno : 0;
	} else if (strncmp(name, prefix, strlen(prefix)) == 0 && name[strlen(prefix)] != '\0') {
		rc = set_add_device(set, name + strlen(prefix), socket);
	} else {
		reason_set(
			"'%s' is no engine: auto, ipsec-mb or cryptodev:DEVICE was expected", name);
		rc = -EINVAL;
	}
	if (rc < 0)
		engine_set_close(set);
	return rc;
}

void engine_set_close(struct engine_set *set)
{
	if (set->mgr != NULL)
		free_mb_mgr(set->mgr);
	for (unsigned int i = 0; i < CRYPTO_DEVICES; i++)
		crypto_device_close(set->devices[i]);
	memset(set, 0, sizeof(*set));
}
