/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which carrier is believed: a loss at once, and what came back too, unless it had been there for only a moment when it
 * was lost: a port that flaps is used again when it has been up for CARRIER_STEADY_MS. Each change moves routes, those
 * of the daemons that see it on the TAP, too, and what is sent to such a port is lost. No clock in here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CARRIER_STEADY_MS 2000

/* All zero at first. */
struct carrier_hold {
	uint64_t since; /* ms: as seen now */
	bool seen, flapping;
};

/* The port is seen up or down: is it to be used? */
bool carrier_hold_sample(struct carrier_hold *hold, bool up, uint64_t now);
