/* SPDX-License-Identifier: BSD-3-Clause */
/* Which worker owns a session. */
#include "worker_load.h"

uint8_t worker_load_take(struct worker_load *load, uint8_t esp)
{
	unsigned int owner = load->next;

	for (unsigned int i = 0; i < load->n; i++) {
		unsigned int other = (load->next + i) % load->n;

		if (load->load[other] < load->load[owner])
			owner = other;
	}
	if (esp < load->n && load->load[esp] <= load->load[owner] + WORKER_LOAD_SLACK)
		owner = esp;
	load->next = (owner + 1) % load->n;
	load->load[owner] += WORKER_LOAD_SESSION;
	if (esp < load->n)
		load->load[esp] += WORKER_LOAD_ESP;
	return (uint8_t)owner;
}

void worker_load_give(struct worker_load *load, uint8_t owner, uint8_t esp)
{
	load->load[owner] -= WORKER_LOAD_SESSION;
	if (esp < load->n)
		load->load[esp] -= WORKER_LOAD_ESP;
}
