/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A LAC on the control core: packets of a capture, encrypted with a new sequence number each time.
 *
 * A capture that net_pcap repeats has each number again and again, which a replay window refuses. Here the frames (plain
 * L2TP, from a capture) go through ESP with the key of the configuration's first inbound SA, and to the worker
 * by a ring that is a device.
 */
#pragma once

#include <config/config.h>
#include <dataplane/dataplane.h>

#define WORKER_GENERATOR_DEVICE "net_ring_gen0"
#define WORKER_GENERATOR_BATCH  4096

struct worker_generator;

/* After eal_start(), before the dataplane is made: the device. NULL after a message. */
struct worker_generator *worker_generator_open(const struct config *config, const char *capture);
/* Once there is a dataplane: its buffers are used. 0, or -1 after a message. */
int worker_generator_attach(struct worker_generator *generator, struct dataplane *dp);
/*
 * Encrypts a batch of WORKER_GENERATOR_BATCH packets, and lets all of it go at once: the worker never waits for the
 * generator. 0, or -1: there are no buffers.
 */
int worker_generator_stage(struct worker_generator *generator);
void worker_generator_release(struct worker_generator *generator);
/* After the workers have stopped. */
void worker_generator_close(struct worker_generator *generator);
