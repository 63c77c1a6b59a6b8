/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GET /metrics for Prometheus, over HTTP, by libmicrohttpd on the control core: never blocking, at most 8
 * connections, each given 10 s of silence. No TLS and no password: the address is the management network's.
 */
#pragma once

#include "ctl_socket.h"

#include <config/config.h>

struct metrics;

/* Listens as settings say. NULL with a sentence in error. */
struct metrics *metrics_open(const struct config_metrics *settings, struct ctl_socket *ctl,
	char *error, size_t error_size);
void metrics_close(struct metrics *metrics);

int metrics_fd(const struct metrics *metrics); /* for epoll: EPOLLIN */
/*
 * Serves what is ready, and goes on with the scrapes that wait. ready: the descriptor was. To be called every
 * turn; costs nothing while nobody is connected. True: there is more to do at once.
 */
bool metrics_service(struct metrics *metrics, bool ready, uint64_t now);
