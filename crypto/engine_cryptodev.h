/* SPDX-License-Identifier: BSD-3-Clause */
/* An engine's queue pair on a crypto device: bursts there and back again. */
#pragma once

#include "device.h"

struct engine_op;
struct crypto_queue;

/* Takes a queue pair of the device. NULL with errno and reason. */
struct crypto_queue *crypto_queue_create(struct crypto_device *device, int socket);
void crypto_queue_destroy(struct crypto_queue *queue);

/*
 * Seals (outbound SAs) or opens n operations, at most ENGINE_BURST, all of them finished on return. A device that
 * answers nothing for a twentieth of a second is given up: what it still holds keeps its packets from being
 * used again, and every further operation is refused until it has given them back.
 */
void crypto_queue_run(
	struct crypto_queue *queue, const struct sa *sa, struct engine_op *ops, uint16_t n);
