/* SPDX-License-Identifier: BSD-3-Clause */
/* A session that is up gets other prefixes or DNS servers. */
#include "lns.h"
#include "log.h"
#include "subscriber_ipv6.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REC_TIMEOUT_MS 2000 /* RFC 8415, 7.6; doubled each time */
#define REC_MAX_RC     8
#define ADVERTISEMENTS 3 /* RFC 4861, 6.2.4: as when the link has just come up */

/*
 * Allocated by the first renumbering, until no host can still believe in what was before. Hosts that had slept through
 * the first advertisements learn from the later ones.
 */
struct renumbering {
	struct timer timer;
	struct subscriber *subscriber;
	uint64_t until;    /* ms */
	unsigned int step; /* how often the timer has fired since the last change */
	struct nd_former former;
};

const struct nd_former *subscriber_renumber_former(const struct subscriber *subscriber)
{
	const struct renumbering *renumbering = subscriber->ipv6->renumbering;

	return renumbering ? &renumbering->former : NULL;
}

void subscriber_renumber_end(struct subscriber *subscriber)
{
	struct subscriber_ipv6 *ipv6 = subscriber->ipv6;

	if (!ipv6->renumbering)
		return;
	timer_cancel(&subscriber->lns->wheel, &ipv6->renumbering->timer);
	free(ipv6->renumbering);
	ipv6->renumbering = NULL;
	ipv6->binding.reconfiguring = false;
}

/* The timer: Reconfigures until one is answered, some advertisements, and in the end nothing. */
static void renumbering_step(struct timer *timer, uint64_t now)
{
	struct renumbering *renumbering = RTE_PTR_SUB(timer, offsetof(struct renumbering, timer));
	struct subscriber *subscriber = renumbering->subscriber;
	struct lns *lns = subscriber->lns;
	bool *reconfiguring = &subscriber->ipv6->binding.reconfiguring;

	if (now >= renumbering->until) {
		subscriber_renumber_end(subscriber);
		return;
	}
	renumbering->step++;
	/* with a pause of 3 seconds and more between them (RFC 4861, 10) */
	if (renumbering->step > 1 && renumbering->step <= ADVERTISEMENTS)
		subscriber_link6_advertise(subscriber);
	if (*reconfiguring && renumbering->step == REC_MAX_RC) {
		*reconfiguring = false;
		lns->ipv6.dhcp6.counters[DHCP6_COUNT_reconfigure_unanswered]++;
	}
	if (*reconfiguring)
		subscriber_link6_reconfigure(subscriber);
	if (*reconfiguring || renumbering->step < ADVERTISEMENTS)
		timer_set(&lns->wheel, timer,
			RTE_MIN(now + ((uint64_t)REC_TIMEOUT_MS << renumbering->step),
				renumbering->until));
	else
		timer_set(&lns->wheel, timer, renumbering->until);
}

/* Of a list of addresses, the one at the end is the latest: a full one forgets the first. */
static void former_add(uint8_t (*list)[16], uint8_t *n, unsigned int max, const uint8_t addr[16])
{
	if (*n == max)
		memmove(list[0], list[1], (size_t)-- * n * 16);
	memcpy(list[(*n)++], addr, 16);
}

static void former_remove(uint8_t (*list)[16], uint8_t *n, const uint8_t addr[16])
{
	for (unsigned int i = 0; i < *n; i++)
		if (!memcmp(list[i], addr, 16)) {
			memmove(list[i], list[i + 1], (*n - i - 1u) * 16);
			--*n;
			return;
		}
}

static void former_link(
	struct nd_former *former, const struct held_prefix *old, const struct held_prefix *fresh)
{
	if (old->length == 64)
		former_add(former->prefixes, &former->n_prefixes, ND_FORMER_MAX, old->addr);
	former_remove(former->prefixes, &former->n_prefixes, fresh->addr);
}

static void former_dns(
	struct nd_former *former, const struct ip_addr *old, const struct ip_addr *now)
{
	for (unsigned int i = 0; i < CONFIG_DNS6_MAX; i++)
		if (old[i].family == 6)
			former_remove(former->dns, &former->n_dns, old[i].bytes);
	for (unsigned int i = 0; i < CONFIG_DNS6_MAX; i++)
		if (old[i].family == 6)
			former_add(former->dns, &former->n_dns, ND_DNS_MAX, old[i].bytes);
	for (unsigned int i = 0; i < CONFIG_DNS6_MAX; i++)
		if (now[i].family == 6)
			former_remove(former->dns, &former->n_dns, now[i].bytes);
}

/* What the session shall have from now on, should its link begin anew. */
static void wanted_change(struct aaa_ipv6 *wanted, const struct aaa_ipv6_change *change)
{
	const struct aaa_ipv6 *to = &change->to;

	if (change->link) {
		wanted->prefix = to->prefix;
		wanted->pool = to->pool;
	}
	if (change->delegated) {
		wanted->delegated = to->delegated;
		wanted->delegated_pool = to->delegated_pool;
	}
	if (change->address) {
		wanted->address = to->address;
		wanted->address_pool = to->address_pool;
	}
	if (change->dns)
		memcpy(wanted->dns, to->dns, sizeof(wanted->dns));
}

static int parts_reserve(struct subscriber *subscriber, const struct aaa_ipv6_change *change,
	struct held_prefix fresh[IPV6_PARTS])
{
	const bool changes[IPV6_PARTS] = {
		[IPV6_LINK] = change->link,
		[IPV6_DELEGATED] = change->delegated,
		[IPV6_ADDRESS] = change->address,
	};

	for (unsigned int part = 0; part < IPV6_PARTS; part++) {
		int rc = changes[part]
			? subscriber_ipv6_reserve(subscriber, part, &change->to, &fresh[part])
			: 0;

		if (!rc)
			continue;
		while (part > 0)
			subscriber_ipv6_unreserve(subscriber, &fresh[--part]);
		return rc;
	}
	return 0;
}

/* False: the session is being closed. */
static bool parts_replace(struct subscriber *subscriber, const struct held_prefix fresh[IPV6_PARTS])
{
	for (unsigned int part = 0; part < IPV6_PARTS; part++)
		if (fresh[part].length)
			subscriber_ipv6_replace(subscriber, part, &fresh[part]);
	if (fresh[IPV6_ADDRESS].length)
		subscriber->ipv6->binding.address_declined = false;
	return subscriber_prefixes_replace(subscriber);
}

static void link_tell(struct subscriber *subscriber)
{
	struct renumbering *renumbering = subscriber->ipv6->renumbering;
	struct lns *lns = subscriber->lns;

	renumbering->step = 0;
	renumbering->until = lns->now + (uint64_t)lns_config(lns)->ipv6.valid_lifetime * 1000;
	subscriber_link6_advertise(subscriber);
	subscriber_link6_reconfigure(subscriber);
	timer_set(&lns->wheel, &renumbering->timer, lns->now + REC_TIMEOUT_MS);
}

int subscriber_renumber(struct subscriber *subscriber, const struct aaa_ipv6_change *change)
{
	struct log_context context = subscriber_log(subscriber);
	struct held_prefix fresh[IPV6_PARTS] = {0};
	struct subscriber_ipv6 *ipv6 = subscriber->ipv6;
	struct renumbering *renumbering;
	struct aaa_ipv6 before, wanted;
	char link[50], delegated[50];
	bool moved = false;
	int rc;

	if (!ipv6)
		return -ENOENT;
	/* it has negotiated what is to go */
	if (subscriber->heir)
		return -EAGAIN;
	rc = parts_reserve(subscriber, change, fresh);
	if (rc)
		return rc;
	for (unsigned int part = 0; part < IPV6_PARTS; part++)
		moved |= fresh[part].length != 0;
	before = *subscriber_ipv6_wanted(ipv6);
	wanted = before;
	wanted_change(&wanted, change);
	if (!moved && !change->dns)
		return subscriber_ipv6_share(subscriber, &wanted);
	renumbering = ipv6->renumbering;
	if (!renumbering && ipv6->up) {
		renumbering = calloc(1, sizeof(*renumbering));
		if (!renumbering) {
			for (unsigned int part = 0; part < IPV6_PARTS; part++)
				subscriber_ipv6_unreserve(subscriber, &fresh[part]);
			return -ENOMEM;
		}
		timer_init(&renumbering->timer, renumbering_step);
		renumbering->subscriber = subscriber;
		ipv6->renumbering = renumbering;
	}
	rc = subscriber_ipv6_share(subscriber, &wanted);
	if (rc) {
		for (unsigned int part = 0; part < IPV6_PARTS; part++)
			subscriber_ipv6_unreserve(subscriber, &fresh[part]);
		return rc;
	}
	if (renumbering && fresh[IPV6_LINK].length)
		former_link(&renumbering->former, &ipv6->parts[IPV6_LINK], &fresh[IPV6_LINK]);
	if (renumbering && change->dns)
		former_dns(&renumbering->former, before.dns, change->to.dns);
	if (moved && !parts_replace(subscriber, fresh))
		return -ENOMEM;
	if (renumbering)
		link_tell(subscriber);
	subscriber_ipv6_text(subscriber, IPV6_LINK, link);
	subscriber_ipv6_text(subscriber, IPV6_DELEGATED, delegated);
	log_info(&context, "IPv6 renumbered: prefix %s, delegated %s", *link ? link : "none",
		*delegated ? delegated : "none");
	return 0;
}
