/* SPDX-License-Identifier: BSD-3-Clause */
/* The identifiers towards one server. */
#include "radius_ids.h"

#include <errno.h>
#include <stdlib.h>

int radius_ids_take(struct radius_ids *ids, void *request, unsigned int *socket, uint8_t *id)
{
	for (unsigned int i = 0; i < RADIUS_SOCKETS_MAX; i++) {
		struct radius_socket *from = ids->sockets[i];

		if (!from || from->busy == RADIUS_IDS_PER_SOCKET)
			continue;
		while (from->slots[from->next].state == RADIUS_SLOT_BUSY)
			from->next++;
		*socket = i;
		*id = from->next++;
		from->slots[*id] = (struct radius_slot){request, RADIUS_SLOT_BUSY};
		from->busy++;
		ids->busy++;
		return 0;
	}
	return -EAGAIN;
}

unsigned int radius_ids_sockets(const struct radius_ids *ids)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < RADIUS_SOCKETS_MAX; i++)
		n += ids->sockets[i] != NULL;
	return n;
}

int radius_ids_open(struct radius_ids *ids, unsigned int limit, uint64_t now)
{
	for (unsigned int i = 0; i < limit && i < RADIUS_SOCKETS_MAX; i++) {
		if (ids->sockets[i])
			continue;
		ids->sockets[i] = calloc(1, sizeof(**ids->sockets));
		if (!ids->sockets[i])
			return -ENOMEM;
		ids->sockets[i]->idle_since = now;
		return (int)i;
	}
	return -ENOSPC;
}

void radius_ids_release(struct radius_ids *ids, unsigned int socket, uint8_t id,
	enum radius_slot_state state, uint64_t now)
{
	struct radius_socket *of = ids->sockets[socket];

	of->slots[id] = (struct radius_slot){NULL, (uint8_t)state};
	ids->busy--;
	if (!--of->busy)
		of->idle_since = now;
}

struct radius_slot *radius_ids_slot(struct radius_ids *ids, unsigned int socket, uint8_t id)
{
	return socket < RADIUS_SOCKETS_MAX && ids->sockets[socket]
		? &ids->sockets[socket]->slots[id]
		: NULL;
}

int radius_ids_idle(const struct radius_ids *ids, uint64_t now, uint64_t idle_ms)
{
	if (radius_ids_sockets(ids) < 2)
		return -1;
	for (unsigned int i = RADIUS_SOCKETS_MAX; i-- > 0;)
		if (ids->sockets[i] && !ids->sockets[i]->busy &&
			now - ids->sockets[i]->idle_since >= idle_ms)
			return (int)i;
	return -1;
}

void radius_ids_close(struct radius_ids *ids, unsigned int socket)
{
	free(ids->sockets[socket]);
	ids->sockets[socket] = NULL;
}
