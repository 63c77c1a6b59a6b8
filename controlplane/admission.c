/* SPDX-License-Identifier: BSD-3-Clause */
/* How many calls may wait for RADIUS. */
#include "admission.h"

#include <rte_common.h>

#define RATE_FIRST 1000 /* answers a second, until something is known */
#define SPAN_MAX   5000 /* ms: a longer span was no measurement */

void admission_init(struct admission *admission, uint64_t now)
{
	*admission = (struct admission){.rate = RATE_FIRST, .sampled_at = now};
}

/* What is answered in so many ms. */
static uint32_t capacity(
	const struct admission *admission, uint64_t ms, const struct admission_limits *limits)
{
	uint64_t n = RTE_MAX(admission->rate * ms / 1000, (uint64_t)ADMISSION_LEAST);

	return (uint32_t)RTE_MIN(n, (uint64_t)limits->max_waiting);
}

void admission_sample(struct admission *admission, uint64_t now, const struct admission_load *load)
{
	uint64_t span = now - admission->sampled_at;
	uint64_t answers = load->answers - admission->answers;
	uint64_t measured = span ? answers * 1000 / span : 0;
	bool saturated = load->queued > 0;

	if (span && span <= SPAN_MAX) {
		/* less than they could is told by servers that were busy all the time, and by dead ones not at all */
		if (measured > admission->rate)
			admission->rate = (uint32_t)RTE_MIN(measured, (uint64_t)UINT32_MAX);
		else if (admission->saturated && saturated && !load->all_dead)
			admission->rate = (uint32_t)((admission->rate + measured) / 2);
	}
	admission->sampled_at = now;
	admission->answers = load->answers;
	admission->saturated = saturated && !load->all_dead;
}

bool admission_ask(struct admission *admission, const struct admission_limits *limits)
{
	/* there is the way through LCP too, and a server that becomes slower */
	if (admission->waiting < capacity(admission, limits->deadline / 2, limits))
		return true;
	admission->refused++;
	return false;
}
