/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounting of subscribers: without servers for it there is none, and all of this does nothing. */
#pragma once

#include "lns.h"

/* Reads the spool, which may take a while: before the loop. */
int lns_acct_start(struct lns *lns, const struct config *config, char *error, size_t error_size);
void lns_acct_reload(struct lns *lns, const struct config *old, const struct config *config);
/* After the last session's final counters. What is not acknowledged waits in the spool. */
void lns_acct_stop(struct lns *lns);
unsigned int lns_acct_poll(struct lns *lns);
/* At the end: Accounting-Off is sent, the first time; true once nothing waits any more. */
bool lns_acct_finished(struct lns *lns);
