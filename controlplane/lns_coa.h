/* SPDX-License-Identifier: BSD-3-Clause */
/* RADIUS requests that end a session or change it. */
#pragma once

#include "lns.h"

/* Without radius-clients nothing is listened to. */
int lns_coa_start(struct lns *lns, const struct config *config, char *error, size_t error_size);
void lns_coa_stop(struct lns *lns);
int lns_coa_fd(const struct lns *lns); /* -1: none */
/* Takes at most max requests; returns how many. */
unsigned int lns_coa_read(struct lns *lns, unsigned int max);
