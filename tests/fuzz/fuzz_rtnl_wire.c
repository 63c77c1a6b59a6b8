/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rtnetlink messages: whatever the bytes, the parser moves on, stays inside, and what it returns is in bounds.
 */
#include "rtnl_wire.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_event(const struct rtnl_event *event)
{
	const struct rtnl_route *route = &event->route;

	switch (event->type) {
	case RTNL_LINK:
		check(memchr(event->link.name, 0, sizeof(event->link.name)));
		break;
	case RTNL_ADDRESS:
		check(event->address.family == 4
				? event->address.length <= 32
				: event->address.family == 6 && event->address.length <= 128);
		break;
	case RTNL_NEIGHBOUR:
		check(event->neighbour.family == 4 || event->neighbour.family == 6);
		break;
	case RTNL_ROUTE:
		check(route->family == 4 || route->family == 6);
		check(route->length <= (route->family == 4 ? 32 : 128));
		check(route->n_hops <= RTNL_HOPS_MAX);
		for (unsigned int bit = route->length; bit < 128; bit++)
			check(!(route->addr[bit / 8] & 0x80 >> bit % 8));
		for (unsigned int i = 0; i < route->n_hops; i++)
			check(route->hops[i].family == 0 || route->hops[i].family == 4 ||
				route->hops[i].family == 6);
		break;
	case RTNL_NEXTHOP:
		check(event->nexthop.id);
		check(event->nexthop.n_members <= RTNL_HOPS_MAX);
		check(event->nexthop.hop.family == 0 || event->nexthop.hop.family == 4 ||
			event->nexthop.hop.family == 6);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *p = data, *end = data + size;

	while (p < end) {
		const uint8_t *before = p;
		struct rtnl_event event, again;
		int r = rtnl_parse(&p, end, &event);

		check(p > before && p <= end);
		check(r == 0 || event.type == RTNL_OTHER);
		check_event(&event);
		/* a message alone is what it was among others */
		if (r == 0) {
			const uint8_t *alone = before;

			check(rtnl_parse(&alone, p, &again) == 0);
			check(alone == p && memcmp(&event, &again, sizeof(event)) == 0);
		}
	}
	return 0;
}
