/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lnsd's own writes into the kernel by rtnetlink: routes out of the TUNs, requests for neighbours.
 */
#include "kernel_announce.h"
#include "install_table.h"
#include "kernel_netlink.h"
#include "log.h"
#include "rtnl_wire.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <sys/socket.h>

#define BATCH_MESSAGES 128
#define MESSAGE_MAX    128
#define RECENT         1024 /* requests whose errors can still be named; a power of two */
#define WITHDRAW_MS    5000

struct own_route {
	struct own_route *next; /* in its bucket */
	TAILQ_ENTRY(own_route) queue;
	struct ip_prefix prefix;
	uint32_t references;
	uint16_t vrf;
	bool queued, in_kernel, again;
};

struct recent {
	uint32_t seq;
	uint16_t vrf;
	bool add, again;
	struct ip_prefix prefix;
};

struct kernel_announce {
	struct mnl_socket *socket;
	uint8_t protocol;
	unsigned int n_vrfs;
	struct kernel_announce_vrf vrfs[CONFIG_VRFS_MAX];
	struct own_route **buckets;
	unsigned int bits;
	/* growing, two buckets with each new route: those from `moved` on are still here; NULL = done */
	struct own_route **small;
	unsigned int small_bits;
	size_t moved;
	uint64_t seed;
	TAILQ_HEAD(, own_route) queue;
	uint32_t seq;
	struct recent recent[RECENT];
	struct kernel_announce_stats stats;
};

static uint64_t route_hash(
	const struct kernel_announce *announce, uint16_t vrf, const struct ip_prefix *prefix)
{
	uint32_t key = (uint32_t)vrf << 16 | (uint32_t)prefix->addr.family << 8 | prefix->length;

	return install_hash(announce->seed, key, prefix->addr.bytes);
}

static struct own_route **route_bucket(
	const struct kernel_announce *announce, uint16_t vrf, const struct ip_prefix *prefix)
{
	uint64_t hash = route_hash(announce, vrf, prefix);

	if (announce->small && hash >> (64 - announce->small_bits) >= announce->moved)
		return &announce->small[hash >> (64 - announce->small_bits)];
	return &announce->buckets[hash >> (64 - announce->bits)];
}

static struct own_route *route_find(
	const struct kernel_announce *announce, uint16_t vrf, const struct ip_prefix *prefix)
{
	struct own_route *route = *route_bucket(announce, vrf, prefix);

	while (route &&
		(route->vrf != vrf || route->prefix.length != prefix->length ||
			route->prefix.addr.family != prefix->addr.family ||
			memcmp(route->prefix.addr.bytes, prefix->addr.bytes, 16)))
		route = route->next;
	return route;
}

static void table_move(struct kernel_announce *announce, size_t n)
{
	for (; announce->small && n; n--) {
		struct own_route *route;

		while ((route = announce->small[announce->moved])) {
			uint64_t hash = route_hash(announce, route->vrf, &route->prefix);
			struct own_route **to = &announce->buckets[hash >> (64 - announce->bits)];

			announce->small[announce->moved] = route->next;
			route->next = *to;
			*to = route;
		}
		if (++announce->moved >> announce->small_bits) {
			free(announce->small);
			announce->small = NULL;
		}
	}
}

static void table_grow(struct kernel_announce *announce)
{
	unsigned int bits = announce->bits + 2;
	struct own_route **buckets = calloc((size_t)1 << bits, sizeof(*buckets));

	if (!buckets)
		return;
	announce->small = announce->buckets;
	announce->small_bits = announce->bits;
	announce->moved = 0;
	announce->buckets = buckets;
	announce->bits = bits;
}

static void route_queue(struct kernel_announce *announce, struct own_route *route)
{
	if (route->queued)
		return;
	route->queued = true;
	TAILQ_INSERT_TAIL(&announce->queue, route, queue);
	announce->stats.pending++;
}

static void route_unqueue(struct kernel_announce *announce, struct own_route *route)
{
	if (!route->queued)
		return;
	route->queued = false;
	TAILQ_REMOVE(&announce->queue, route, queue);
	announce->stats.pending--;
}

static void route_free(struct kernel_announce *announce, struct own_route *route)
{
	struct own_route **p = route_bucket(announce, route->vrf, &route->prefix);

	while (*p != route)
		p = &(*p)->next;
	*p = route->next;
	route_unqueue(announce, route);
	announce->stats.routes--;
	free(route);
}

int kernel_announce_add(
	struct kernel_announce *announce, uint16_t vrf, const struct ip_prefix *prefix, bool *first)
{
	struct own_route *route, **bucket;

	if (vrf >= announce->n_vrfs)
		return -EINVAL;
	route = route_find(announce, vrf, prefix);
	*first = !route || !route->references;
	if (!route) {
		if (announce->small)
			table_move(announce, 2);
		else if (announce->stats.routes >= (uint64_t)2 << announce->bits)
			table_grow(announce);
		route = calloc(1, sizeof(*route));
		if (!route)
			return -ENOMEM;
		route->vrf = vrf;
		route->prefix = *prefix;
		bucket = route_bucket(announce, vrf, prefix);
		route->next = *bucket;
		*bucket = route;
		announce->stats.routes++;
	}
	if (!route->references++) {
		if (route->in_kernel)
			route_unqueue(announce, route); /* its withdrawal was still waiting */
		else
			route_queue(announce, route);
	}
	return 0;
}

int kernel_announce_remove(
	struct kernel_announce *announce, uint16_t vrf, const struct ip_prefix *prefix, bool *last)
{
	struct own_route *route = route_find(announce, vrf, prefix);

	if (!route || !route->references)
		return -ENOENT;
	*last = !--route->references;
	if (*last) {
		if (route->in_kernel)
			route_queue(announce, route);
		else
			route_free(announce, route); /* it never got there */
	}
	return 0;
}

void kernel_announce_again(struct kernel_announce *announce, uint16_t vrf)
{
	table_move(announce, SIZE_MAX);
	for (size_t b = 0; b < (size_t)1 << announce->bits; b++) {
		struct own_route *route, *next;

		for (route = announce->buckets[b]; route; route = next) {
			next = route->next;
			if (route->vrf != vrf)
				continue;
			route->in_kernel = false;
			route->again = true;
			if (route->references)
				route_queue(announce, route);
			else
				route_free(announce, route);
		}
	}
}

static size_t route_message(
	struct kernel_announce *announce, void *buffer, const struct own_route *route, bool add)
{
	const struct kernel_announce_vrf *vrf = &announce->vrfs[route->vrf];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	struct recent *recent;
	bool v4 = route->prefix.addr.family == 4;

	nlh->nlmsg_type = add ? RTM_NEWROUTE : RTM_DELROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST | (add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	nlh->nlmsg_seq = ++announce->seq;
	rtm->rtm_family = v4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = route->prefix.length;
	rtm->rtm_table = vrf->table < 256 ? (uint8_t)vrf->table : RT_TABLE_UNSPEC;
	rtm->rtm_protocol = announce->protocol;
	rtm->rtm_scope = v4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put(nlh, RTA_DST, v4 ? 4 : 16, route->prefix.addr.bytes);
	mnl_attr_put_u32(nlh, RTA_OIF, (uint32_t)vrf->tun);
	mnl_attr_put_u32(nlh, RTA_TABLE, vrf->table);
	recent = &announce->recent[announce->seq & (RECENT - 1)];
	*recent = (struct recent){.seq = announce->seq,
		.vrf = route->vrf,
		.add = add,
		.again = route->again,
		.prefix = route->prefix};
	return nlh->nlmsg_len;
}

static void error_report(struct kernel_announce *announce, const struct rtnl_event *event)
{
	const struct recent *recent = &announce->recent[event->seq & (RECENT - 1)];
	char text[64];

	if (recent->seq != event->seq)
		return; /* a neighbour request: asked again when needed */
	if (!recent->add && event->error == -ESRCH)
		return;
	if (recent->again && event->error == -EEXIST)
		return;
	announce->stats.errors++;
	log_ratelimited(LOG_LEVEL_ERROR, NULL, "kernel route %s/%u could not be %s: %s%s",
		ip_addr_text(&recent->prefix.addr, text), recent->prefix.length,
		recent->add ? "added" : "removed", strerror(-event->error),
		event->error == -EEXIST ? " (somebody else's route for this prefix is in the table)"
					: "");
}

static void errors_read(struct kernel_announce *announce)
{
	_Alignas(8) uint8_t buffer[16384];
	ssize_t n;

	while ((n = recv(mnl_socket_get_fd(announce->socket), buffer, sizeof(buffer),
			MSG_DONTWAIT)) > 0) {
		const uint8_t *p = buffer, *end = buffer + n;
		struct rtnl_event event;

		while (p < end && rtnl_parse(&p, end, &event) == 0)
			if (event.type == RTNL_ERROR)
				error_report(announce, &event);
	}
	if (n < 0 && errno == ENOBUFS) {
		announce->stats.errors++;
		log_ratelimited(
			LOG_LEVEL_ERROR, NULL, "kernel routes: too many errors to read them all");
	}
}

bool kernel_announce_poll(struct kernel_announce *announce)
{
	_Alignas(8) uint8_t batch[BATCH_MESSAGES * MESSAGE_MAX];
	struct own_route *sent[BATCH_MESSAGES], *route;
	unsigned int n = 0;
	size_t used = 0;

	/* the kernel works the whole batch off inside of send(): a small one keeps the control core alive */
	for (route = TAILQ_FIRST(&announce->queue); route && n < BATCH_MESSAGES;
		route = TAILQ_NEXT(route, queue)) {
		used += route_message(announce, batch + used, route, route->references != 0);
		sent[n++] = route;
	}
	if (n && send(mnl_socket_get_fd(announce->socket), batch, used, MSG_DONTWAIT) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			log_ratelimited(LOG_LEVEL_ERROR, NULL,
				"kernel routes could not be sent: %s", strerror(errno));
		n = 0;
	}
	for (unsigned int i = 0; i < n; i++) {
		route_unqueue(announce, sent[i]);
		sent[i]->again = false;
		if (sent[i]->references) {
			sent[i]->in_kernel = true;
			announce->stats.announced++;
		} else {
			announce->stats.withdrawn++;
			route_free(announce, sent[i]);
		}
	}
	errors_read(announce);
	return !TAILQ_EMPTY(&announce->queue);
}

int kernel_announce_ask(
	struct kernel_announce *announce, int ifindex, uint8_t family, const uint8_t addr[16])
{
	_Alignas(8) uint8_t buffer[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	nlh->nlmsg_type = RTM_NEWNEIGH;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE;
	nlh->nlmsg_seq = ++announce->seq;
	announce->recent[announce->seq & (RECENT - 1)].seq = 0;
	ndm->ndm_family = family == 4 ? AF_INET : AF_INET6;
	ndm->ndm_ifindex = ifindex;
	ndm->ndm_state = NUD_NONE;
	ndm->ndm_flags = NTF_USE;
	mnl_attr_put(nlh, NDA_DST, family == 4 ? 4 : 16, addr);
	if (send(mnl_socket_get_fd(announce->socket), buffer, nlh->nlmsg_len, MSG_DONTWAIT) < 0)
		return -errno;
	announce->stats.asked++;
	return 0;
}

/* ---- what an earlier process left ---- */

struct leftover {
	struct leftover *next;
	size_t length;
	_Alignas(8) uint8_t message[];
};

struct collect {
	uint8_t protocol;
	struct leftover *list;
};

static int collect_route(const struct nlmsghdr *nlh, void *user)
{
	struct collect *collect = user;
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct leftover *leftover;

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) ||
		rtm->rtm_protocol != collect->protocol || rtm->rtm_flags & RTM_F_CLONED)
		return 0;
	leftover = malloc(sizeof(*leftover) + nlh->nlmsg_len);
	if (!leftover)
		return -ENOMEM;
	leftover->length = nlh->nlmsg_len;
	memcpy(leftover->message, nlh, nlh->nlmsg_len);
	leftover->next = collect->list;
	collect->list = leftover;
	return 0;
}

static int leftovers_remove(struct mnl_socket *socket, uint8_t protocol, unsigned int *n)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct collect collect = {.protocol = protocol};
	struct leftover *leftover;
	int r = 0;

	for (unsigned int i = 0; i < 2 && r >= 0; i++) {
		_Alignas(8) uint8_t buffer[128];
		struct nlmsghdr *nlh = kernel_netlink_request(buffer, RTM_GETROUTE, 0);
		struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

		rtm->rtm_family = families[i];
		r = kernel_netlink_dump(socket, nlh, collect_route, &collect);
		if (r == -EOPNOTSUPP)
			r = 0; /* no IPv6 */
	}
	while ((leftover = collect.list)) {
		struct nlmsghdr *nlh = (struct nlmsghdr *)leftover->message;
		int removed;

		nlh->nlmsg_type = RTM_DELROUTE;
		nlh->nlmsg_flags = NLM_F_REQUEST;
		removed = kernel_netlink_talk(socket, nlh);
		if (removed == 0)
			++*n;
		else if (removed != -ESRCH && r >= 0)
			r = removed;
		collect.list = leftover->next;
		free(leftover);
	}
	return r;
}

struct kernel_announce *kernel_announce_create(struct kernel_netns *netns, uint8_t protocol,
	unsigned int n_vrfs, const struct kernel_announce_vrf *vrfs, char *error, size_t error_size)
{
	struct kernel_announce *announce = calloc(1, sizeof(*announce));
	unsigned int leftovers = 0;
	int r;

	if (!announce)
		goto no_memory;
	announce->protocol = protocol;
	announce->n_vrfs = n_vrfs;
	announce->bits = 8;
	memcpy(announce->vrfs, vrfs, n_vrfs * sizeof(*vrfs));
	TAILQ_INIT(&announce->queue);
	announce->buckets = calloc((size_t)1 << announce->bits, sizeof(*announce->buckets));
	if (!announce->buckets ||
		getrandom(&announce->seed, sizeof(announce->seed), 0) != sizeof(announce->seed))
		goto no_memory;
	announce->socket = kernel_netlink_open(netns, NETLINK_ROUTE, 0);
	if (!announce->socket) {
		snprintf(error, error_size, "rtnetlink: %s", strerror(errno));
		goto fail;
	}
	/* up to RTPROT_STATIC the numbers belong to the kernel and the administrator */
	if (protocol <= RTPROT_STATIC) {
		snprintf(error, error_size,
			"kernel.route_protocol: %u is the kernel's or the administrator's, "
			"expected 5 to 255",
			protocol);
		goto fail;
	}
	r = leftovers_remove(announce->socket, protocol, &leftovers);
	if (r < 0) {
		snprintf(error, error_size, "routes of an earlier process (protocol %u): %s",
			protocol, strerror(-r));
		goto fail;
	}
	if (leftovers)
		log_info(NULL, "%u kernel routes of an earlier process removed", leftovers);
	return announce;

no_memory:
	snprintf(error, error_size, "kernel routes: out of memory");
fail:
	kernel_announce_destroy(announce);
	return NULL;
}

void kernel_announce_destroy(struct kernel_announce *announce)
{
	struct own_route *route, *next;

	if (!announce)
		return;
	table_move(announce, SIZE_MAX);
	for (size_t b = 0; announce->buckets && b < (size_t)1 << announce->bits; b++) {
		for (route = announce->buckets[b]; route; route = next) {
			next = route->next;
			route->references = 0;
			if (route->in_kernel)
				route_queue(announce, route);
			else
				route_free(announce, route);
		}
	}
	for (unsigned int i = 0; announce->socket && i < WITHDRAW_MS; i++) {
		uint32_t before = announce->stats.pending;

		if (!kernel_announce_poll(announce))
			break;
		if (announce->stats.pending == before)
			poll(NULL, 0, 1);
	}
	while ((route = TAILQ_FIRST(&announce->queue)))
		route_free(announce, route);
	if (announce->socket)
		mnl_socket_close(announce->socket);
	free(announce->buckets);
	free(announce);
}

void kernel_announce_stats(
	const struct kernel_announce *announce, struct kernel_announce_stats *stats)
{
	*stats = announce->stats;
}
