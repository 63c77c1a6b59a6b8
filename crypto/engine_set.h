/* SPDX-License-Identifier: BSD-3-Clause */
/* What the name of an engine stands for: libipsec-mb, a crypto device, or the faster of all that there are. */
#pragma once

#include "device.h"
#include "sa_keys.h"

/* enum for sa->engine: libipsec-mb, or one more than the slot of a crypto device. */
#define ENGINE_IPSEC_MB 0u

struct engine_set {
	IMB_MGR *mgr;                                  /* NULL: not in the set */
	struct crypto_device *devices[CRYPTO_DEVICES]; /* by slot */
	/* What is tried first. */
	uint8_t preferred[ESP_CIPHERS][ESP_AUTHS];
};

/* name: as esp_engine_create takes it. Negative errno and reason. */
int engine_set_open(struct engine_set *set, const char *name, int socket);
void engine_set_close(struct engine_set *set);

/* "avx512 vaes": the instructions that libipsec-mb uses. */
const char *ipsec_mb_arch(const IMB_MGR *mgr);

/*
 * Which of the engines is fastest at each algorithm: mgr's (if any), or a device's of the set. A device has to
 * beat libipsec-mb by a twentieth, and one with a lower slot by anything. Takes a few milliseconds per engine
 * and algorithm.
 */
void engine_set_measure(struct engine_set *set, int socket);
