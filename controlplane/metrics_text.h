/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Prometheus reads (text exposition format 0.0.4), made from the rows of the operator's commands: what
 * lnsctl shows and what is scraped cannot disagree.
 *
 * A scrape runs the commands one after the other, some rows at a time, and takes as long as the slowest of
 * them (workers are asked for their counters, at most a second). A command that fails leaves its metrics
 * out and is counted in lnsd_scrape_errors; the rest is there. On the control core.
 */
#pragma once

#include "ctl_socket.h"

struct metrics_scrape;

/* per_tunnel: with the metrics of each tunnel. NULL: out of memory. */
struct metrics_scrape *metrics_scrape_start(struct ctl_socket *ctl, bool per_tunnel);
void metrics_scrape_free(struct metrics_scrape *scrape);
/* Goes on for up to rows rows. CTL_END: the text is complete; CTL_ROW: there is more; CTL_WAIT: later; -ENOMEM. */
int metrics_scrape_run(struct metrics_scrape *scrape, uint64_t now, unsigned int rows);
/* After CTL_END: the text, malloc()ed, the caller's from now on. */
char *metrics_scrape_take(struct metrics_scrape *scrape, size_t *length);
