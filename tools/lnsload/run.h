/* SPDX-License-Identifier: BSD-3-Clause */
/* One run of lnsload: its sockets, its LAC, its far end, and the phases it goes through. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "impair.h"
#include "internet.h"
#include "lac.h"
#include "mtu.h"
#include "port.h"
#include "secure.h"
#include "traffic.h"

enum run_phase {
	RUN_SETUP,
	RUN_MTU,
	RUN_TRAFFIC,
	RUN_DRAIN,
	RUN_HOLD,
	RUN_TEARDOWN,
	RUN_DONE,
};

struct run_cycle {
	uint64_t sessions_up, sessions_failed;
	uint64_t setup_ns; /* first ICRQ to last IPCP up */
	uint64_t teardown_ns;
};

struct run {
	const struct options *options;
	struct lac lac;
	struct port *ports;
	uint32_t port_count, clear_count; /* of all; of those before the links' */
	uint32_t *dirty;                  /* ports with something queued */
	uint32_t dirty_count;
	int epoll;
	struct secure secure; /* the tunnels inside ESP */
	struct impair control_out, control_in, data_out, data_in;
	bool far_end; /* traffic and internet are there */
	struct traffic traffic;
	struct internet internet;
	struct mtu mtu;
	enum run_phase phase;
	uint64_t now_ns, started_ns;
	uint64_t phase_ns; /* start of the phase */
	uint64_t refreshed_ns, received_ns, queried_ns;
	uint64_t seen_received;
	uint32_t query_cursor, queries;
	uint64_t traffic_ns; /* sum of all traffic phases */
	struct run_cycle *cycles;
	uint32_t cycle;
	bool interrupted;
	/* live line */
	uint64_t progress_ns;
	uint64_t progress_sessions, progress_up, progress_down;
};

/* 0 or -errno after a message. */
int run_open(struct run *run, const struct options *options);
void run_close(struct run *run);
/* Until everything is done or a signal ended it. */
void run_loop(struct run *run);

/* The sockets of all tunnels: in the clear first, then those of the links inside ESP. 0 or -errno after a message. */
int run_open_ports(struct run *run);
/* One peer per socket from now on is cheaper for the kernel, if it is one. */
void run_connect_ports(struct run *run);

/* Lost packets by direction, from the totals of sender and receiver. */
struct run_loss {
	uint64_t up_sent, up_sent_bytes, up_received, up_lost;
	uint64_t down_sent, down_sent_bytes, down_received, down_lost;
};

void run_loss(const struct run *run, struct run_loss *l);
/* true when all sessions came up and nothing was lost, misdelivered or spoiled; else why not. */
bool run_ok(const struct run *run, char *why, size_t capacity);
/* Writes the live line if it is time. */
void progress_show(struct run *run, bool last);
/* Writes the JSON summary; 0 or -errno after a message. */
int report_write(const struct run *run, bool ok, const char *why);
/* The table of sessions; 0 or -errno after a message. */
int report_sessions(const struct run *run);
