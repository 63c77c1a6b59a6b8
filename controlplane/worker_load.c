/* SPDX-License-Identifier: BSD-3-Clause */
/* Which worker owns a session. */
#include "worker_load.h"

/* Who has the least; of equals, whose turn it is. */
static unsigned int worker_load_least(const struct worker_load *load)
{
	unsigned int least = load->next;

	for (unsigned int i = 0; i < load->n; i++) {
		unsigned int other = (load->next + i) % load->n;

		if (load->load[other] < load->load[least])
			least = other;
	}
	return least;
}

uint8_t worker_load_take(struct worker_load *load, uint8_t esp)
{
	unsigned int owner = worker_load_least(load);

	if (esp < load->n && load->load[esp] <= load->load[owner] + WORKER_LOAD_SLACK)
		owner = esp;
	load->next = (owner + 1) % load->n;
	load->load[owner] += WORKER_LOAD_SESSION;
	if (esp < load->n)
		load->load[esp] += WORKER_LOAD_ESP;
	return (uint8_t)owner;
}

bool worker_load_room(const struct worker_load *load, uint8_t worker)
{
	return worker < load->n &&
		load->load[worker] < load->load[worker_load_least(load)] + WORKER_LOAD_SLACK;
}

bool worker_load_move(struct worker_load *load, uint8_t owner, uint8_t arrival)
{
	if (arrival == owner || !worker_load_room(load, arrival))
		return false;
	load->load[owner] -= WORKER_LOAD_SESSION;
	load->load[arrival] += WORKER_LOAD_SESSION;
	return true;
}

void worker_load_give(struct worker_load *load, uint8_t owner, uint8_t esp)
{
	load->load[owner] -= WORKER_LOAD_SESSION;
	if (esp < load->n)
		load->load[esp] -= WORKER_LOAD_ESP;
}
