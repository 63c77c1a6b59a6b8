/* SPDX-License-Identifier: BSD-3-Clause */
/* Start and end of a daemon. */
#pragma once

#include "lns.h"

/*
 * Makes everything and launches the workers, after rte_eal_init(). Takes over config as soon as a profile
 * holds it. On failure a sentence in error; lns_stop() undoes what was done.
 */
int lns_start(struct lns *lns, struct config *config, char *error, size_t error_size);
void lns_stop(struct lns *lns);

/* The dataplane that the configuration describes, not started; NULL and a sentence in error. */
struct dataplane *lns_dataplane(const struct config *config, char *error, size_t error_size);
