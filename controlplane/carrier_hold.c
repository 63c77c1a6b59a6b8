/* SPDX-License-Identifier: BSD-3-Clause */
/* A port that flaps is down until it is steady. */
#include "carrier_hold.h"

bool carrier_hold_sample(struct carrier_hold *hold, bool up, uint64_t now)
{
	bool steady = now - hold->since >= CARRIER_STEADY_MS;

	if (up != hold->seen) {
		if (!up)
			hold->flapping = !steady;
		hold->seen = up;
		hold->since = now;
		return up && !hold->flapping;
	}
	return up && (steady || !hold->flapping);
}
