/* SPDX-License-Identifier: BSD-3-Clause */
/* The far end: a socket on the internet side of the LNS, served by a thread of its own. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "flow.h"
#include "options.h"
#include "port.h"

/* where a session's packets go; address in network order, 0: the session is not up */
struct internet_target {
	_Atomic uint32_t address;
	uint8_t address6[16]; /* of a flow by IPv6; written before address becomes 1 */
};

struct internet {
	const struct options *options;
	struct port port, port6;
	pthread_t thread;
	bool started;
	uint32_t run;
	uint32_t sessions;
	uint32_t flows; /* as in struct traffic */
	uint32_t cursor;
	atomic_bool sending, stop;
	/* written by the thread */
	struct flow_pacer pacer;
	struct internet_target *targets; /* by session; written by the LAC */
	struct flow_tx *tx;
	struct flow_rx *rx;
	struct flow_sum sum;
	uint64_t sent, sent_bytes;
	_Atomic uint64_t last_received_ns;
};

/* 0 or -errno after a message. */
int internet_open(struct internet *in, const struct options *options, uint32_t run);
void internet_close(struct internet *in);
