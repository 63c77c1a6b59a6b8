/* SPDX-License-Identifier: BSD-3-Clause */
/* The mirror of the kernel's SAs: sockets, dumps, events, the list of those that are ours. */
#include "kernel_xfrm.h"

#include "kernel_netlink.h"
#include "kernel_xfrm_private.h"
#include "log.h"

#include <config/secret_memory.h>

#include <rte_jhash.h>

#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RECEIVE_BUFFER (16 << 20)
#define DUMP_DELAY_MS  20
#define DUMP_RETRY_MS  1000
#define MESSAGE_MAX    1024
#define PROTOCOL_ALL   255 /* IPSEC_PROTO_ANY */

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- the list ---- */

static struct kernel_sa **chain_of(const struct kernel_xfrm *xfrm, const struct xfrm_id_key *id)
{
	return &xfrm->chains[rte_jhash(id->destination, 16, id->spi) & xfrm->mask];
}

static bool id_equal(const struct xfrm_id_key *a, const struct xfrm_id_key *b)
{
	return a->spi == b->spi && a->family == b->family && a->protocol == b->protocol &&
		a->mark == b->mark && a->mark_mask == b->mark_mask &&
		!memcmp(a->destination, b->destination, sizeof(a->destination));
}

struct kernel_sa *kernel_sa_find(const struct kernel_xfrm *xfrm, const struct xfrm_id_key *id)
{
	struct kernel_sa *sa = *chain_of(xfrm, id);

	while (sa && !id_equal(&sa->id, id))
		sa = sa->next;
	return sa;
}

static int slots_grow(struct kernel_xfrm *xfrm)
{
	uint32_t size = xfrm->size ? 2 * xfrm->size : 64;
	struct kernel_sa **slots = realloc(xfrm->slots, size * sizeof(struct kernel_sa *));

	if (!slots)
		return -ENOMEM;
	xfrm->slots = slots;
	xfrm->size = size;
	return 0;
}

struct kernel_sa *kernel_sa_create(struct kernel_xfrm *xfrm, const struct xfrm_id_key *id)
{
	struct kernel_sa *sa, **chain = chain_of(xfrm, id);

	if (xfrm->n == xfrm->size && slots_grow(xfrm))
		return NULL;
	sa = calloc(1, sizeof(*sa));
	if (!sa)
		return NULL;
	sa->id = *id;
	sa->slot = xfrm->n;
	xfrm->slots[xfrm->n++] = sa;
	sa->next = *chain;
	*chain = sa;
	return sa;
}

void kernel_sa_remove(struct kernel_xfrm *xfrm, struct kernel_sa *sa)
{
	struct kernel_sa **at = chain_of(xfrm, &sa->id);

	while (*at != sa)
		at = &(*at)->next;
	*at = sa->next;
	xfrm->n--;
	xfrm->slots[sa->slot] = xfrm->slots[xfrm->n];
	xfrm->slots[sa->slot]->slot = sa->slot;
	if (sa->sa)
		install_sa_remove(xfrm->settings.sas, sa->sa, xfrm->now);
	free(sa);
}

/* As recv(); longer than size: truncated. kernels: false, if another process has sent it. */
static ssize_t receive(int fd, void *buffer, size_t size, bool *kernels)
{
	struct sockaddr_nl from = {0};
	socklen_t length = sizeof(from);
	ssize_t n = recvfrom(
		fd, buffer, size, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &length);

	*kernels = length != sizeof(from) || from.nl_pid == 0;
	return n > (ssize_t)size ? (ssize_t)size + 1 : n;
}

/* ---- requests ---- */

static void acknowledgements_take(struct kernel_xfrm *xfrm)
{
	_Alignas(8) uint8_t buffer[8192];

	for (;;) {
		bool kernels;
		ssize_t n = receive(xfrm->requests, buffer, sizeof(buffer), &kernels);
		const uint8_t *p = buffer, *end = buffer + (n > 0 ? n : 0);
		struct xfrm_event event;

		if (n < 0 && (errno == EINTR || errno == ENOBUFS))
			continue; /* lost ones are asked for again */
		if (n <= 0)
			return;
		if (!kernels || (size_t)n > sizeof(buffer))
			continue;
		while (p < end)
			if (!xfrm_parse(&p, end, &event) &&
				(event.type == XFRM_DONE || event.type == XFRM_ERROR))
				kernel_sa_acknowledged(xfrm, event.seq, event.error);
	}
}

void batch_flush(struct kernel_xfrm *xfrm)
{
	if (xfrm->requests < 0)
		return;
	if (xfrm->batch_length &&
		send(xfrm->requests, xfrm->batch, xfrm->batch_length, MSG_DONTWAIT | MSG_NOSIGNAL) <
			0)
		log_ratelimited(LOG_LEVEL_WARNING, NULL, "XFRM netlink: request not sent: %s",
			strerror(errno));
	xfrm->batch_length = 0;
	acknowledgements_take(xfrm);
}

uint8_t *batch_room(struct kernel_xfrm *xfrm, uint32_t *seq)
{
	if (xfrm->batch_length + MESSAGE_MAX > sizeof(xfrm->batch))
		batch_flush(xfrm);
	if (++xfrm->seq == 0)
		xfrm->seq = 1;
	*seq = xfrm->seq;
	return xfrm->batch + xfrm->batch_length;
}

void batch_add(struct kernel_xfrm *xfrm, size_t length)
{
	xfrm->batch_length += length;
}

/* Not by the socket of requests: it comes as an event does, in its order among them. */
void kernel_sa_ask(struct kernel_xfrm *xfrm, struct kernel_sa *sa)
{
	_Alignas(8) uint8_t message[128];
	size_t length;

	if (++xfrm->seq == 0)
		xfrm->seq = 1;
	length = xfrm_write_get(message, sizeof(message), xfrm->seq, &sa->id);
	sa->asked_again = send(xfrm->events, message, length, MSG_DONTWAIT | MSG_NOSIGNAL) ==
		(ssize_t)length;
}

/* ---- dumps ---- */

static void disable(struct kernel_xfrm *xfrm, int error)
{
	log_warning(NULL,
		"this kernel has no IPsec (%s): only security associations of the configuration "
		"are "
		"used",
		strerror(error));
	xfrm->stats.available = false;
	xfrm->synced = true;
	xfrm->dumping = false;
	xfrm->dump_at = 0;
}

static void dump_ask(struct kernel_xfrm *xfrm, bool policies)
{
	_Alignas(8) uint8_t message[64];
	size_t length;

	if (++xfrm->seq == 0)
		xfrm->seq = 1;
	xfrm->dump_seq = xfrm->seq;
	length = policies ? xfrm_write_dump_policies(message, sizeof(message), xfrm->dump_seq)
			  : xfrm_write_dump(message, sizeof(message), xfrm->dump_seq);
	xfrm->restart = xfrm->interrupted = false;
	xfrm->policies = policies;
	xfrm->dumping = true;
	if (send(xfrm->events, message, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		xfrm->dumping = false;
		xfrm->dump_at = xfrm->now + DUMP_RETRY_MS;
	}
}

static void dump_start(struct kernel_xfrm *xfrm)
{
	xfrm->dump_at = 0;
	xfrm->mark++;
	xfrm->stats.dumps++;
	dump_ask(xfrm, false);
}

/* What the dump did not bring again has gone without an event. */
static void sweep(struct kernel_xfrm *xfrm)
{
	for (uint32_t i = 0; i < xfrm->n;) {
		if (xfrm->slots[i]->mark == xfrm->mark)
			i++;
		else
			kernel_sa_remove(xfrm, xfrm->slots[i]);
	}
}

static void dump_done(struct kernel_xfrm *xfrm, int error)
{
	xfrm->dumping = false;
	if (xfrm->restart || xfrm->interrupted || error == -EBUSY) {
		xfrm->dump_at = xfrm->now + DUMP_DELAY_MS;
		return;
	}
	if (xfrm->policies)
		return; /* without them the newest SAs are used, which is right but for an instant */
	if (error == -ENOSYS || error == -EOPNOTSUPP || error == -EPROTONOSUPPORT ||
		(error == -EINVAL && !xfrm->synced)) {
		disable(xfrm, -error);
		return;
	}
	if (error) {
		log_ratelimited(LOG_LEVEL_ERROR, NULL, "XFRM dump failed: %s", strerror(-error));
		xfrm->dump_at = xfrm->now + DUMP_RETRY_MS;
		return;
	}
	sweep(xfrm);
	if (!xfrm->synced)
		log_info(NULL, "kernel's security associations mirrored: %u are ours", xfrm->n);
	xfrm->synced = true;
	dump_ask(xfrm, true);
}

static void overrun(struct kernel_xfrm *xfrm)
{
	xfrm->stats.overruns++;
	log_ratelimited(LOG_LEVEL_WARNING, NULL,
		"XFRM events were lost (socket buffer full): the security associations are read "
		"again");
	xfrm->restart = xfrm->dumping;
	/* a dump that was cut off may never end: the new one does not wait for it */
	xfrm->dump_at = xfrm->now + DUMP_DELAY_MS;
}

/* ---- events ---- */

static void flush_all(struct kernel_xfrm *xfrm, uint8_t protocol)
{
	if (protocol && protocol != PROTOCOL_ALL && protocol != IPPROTO_ESP)
		return;
	while (xfrm->n)
		kernel_sa_remove(xfrm, xfrm->slots[xfrm->n - 1]);
}

static void event_take(struct kernel_xfrm *xfrm, const struct xfrm_event *event)
{
	struct kernel_sa *sa;

	xfrm->stats.events++;
	switch (event->type) {
	case XFRM_NEW:
		kernel_sa_set(xfrm, &event->sa, xfrm->dumping && event->seq == xfrm->dump_seq);
		return;
	case XFRM_FLUSH:
		flush_all(xfrm, event->protocol);
		return;
	case XFRM_EXPIRE:
		if (!event->hard)
			return; /* the IKE daemon's business; our own come back too */
				/* fall through */
	case XFRM_DELETE:
		sa = kernel_sa_find(xfrm, &event->sa.id);
		if (sa)
			kernel_sa_remove(xfrm, sa);
		else
			xfrm->stats.ignored++;
		return;
	case XFRM_POLICY:
		sa = kernel_sa_find(xfrm, &event->sa.id);
		if (sa && sa->sa && sa->outbound)
			install_sa_named(xfrm->settings.sas, sa->sa, xfrm->now);
		return;
	default:
		xfrm->stats.ignored++;
	}
}

static unsigned int handle(struct kernel_xfrm *xfrm, size_t length)
{
	const uint8_t *p = xfrm->buffer, *end = p + length;
	unsigned int n = 0;

	for (; p < end; n++) {
		struct xfrm_event event;

		if (xfrm_parse(&p, end, &event) < 0) {
			xfrm->stats.malformed++;
			log_ratelimited(LOG_LEVEL_WARNING, NULL, "XFRM message not understood");
		} else if (event.type == XFRM_DONE || event.type == XFRM_ERROR) {
			if (xfrm->dumping && event.seq == xfrm->dump_seq)
				dump_done(xfrm, event.error);
		} else {
			xfrm->interrupted |= event.interrupted && event.seq == xfrm->dump_seq;
			event_take(xfrm, &event);
		}
	}
	/* keys were in it */
	explicit_bzero(xfrm->buffer, length);
	return n;
}

bool kernel_xfrm_read(struct kernel_xfrm *xfrm, unsigned int budget, uint64_t now)
{
	xfrm->now = now;
	if (xfrm->events < 0)
		return false;
	while (budget) {
		bool kernels;
		ssize_t n = receive(xfrm->events, xfrm->buffer, sizeof(xfrm->buffer), &kernels);
		unsigned int handled;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			overrun(xfrm);
			continue;
		}
		if (n < 0 && errno != EAGAIN)
			log_ratelimited(LOG_LEVEL_ERROR, NULL, "XFRM netlink: %s", strerror(errno));
		if (n <= 0)
			return false;
		if (!kernels)
			continue;
		if ((size_t)n > sizeof(xfrm->buffer)) {
			explicit_bzero(xfrm->buffer, sizeof(xfrm->buffer));
			overrun(xfrm);
			continue;
		}
		handled = handle(xfrm, (size_t)n);
		budget -= handled < budget ? handled : budget;
	}
	return true;
}

int kernel_xfrm_sync(struct kernel_xfrm *xfrm, unsigned int timeout_ms)
{
	uint64_t end = clock_ms() + timeout_ms;

	while (!xfrm->synced) {
		struct pollfd fd = {.fd = xfrm->events, .events = POLLIN};

		xfrm->now = clock_ms();
		if (xfrm->now >= end)
			return -ETIMEDOUT;
		kernel_xfrm_poll(xfrm, xfrm->now);
		poll(&fd, 1, 5);
		kernel_xfrm_read(xfrm, 4096, clock_ms());
	}
	return 0;
}

/* ---- timed work ---- */

void kernel_xfrm_poll(struct kernel_xfrm *xfrm, uint64_t now)
{
	uint64_t elapsed = now - xfrm->round_from;
	uint32_t due;

	xfrm->now = now;
	if (xfrm->events < 0)
		return;
	if (xfrm->dump_at && now >= xfrm->dump_at)
		dump_start(xfrm);
	due = elapsed >= KERNEL_XFRM_ROUND_MS
		? xfrm->n
		: (uint32_t)(xfrm->n * elapsed / KERNEL_XFRM_ROUND_MS);
	for (; xfrm->round_at < due; xfrm->round_at++)
		kernel_sa_tend(xfrm, xfrm->slots[xfrm->round_at]);
	if (elapsed >= KERNEL_XFRM_ROUND_MS) {
		xfrm->round_at = 0;
		xfrm->round_from = now;
	}
	if (xfrm->batch_length || now <= xfrm->answer_by)
		batch_flush(xfrm);
}

void kernel_xfrm_addresses_changed(struct kernel_xfrm *xfrm)
{
	if (xfrm->stats.available && !xfrm->dump_at)
		xfrm->dump_at = xfrm->now + DUMP_DELAY_MS;
}

void kernel_xfrm_retry(struct kernel_xfrm *xfrm)
{
	for (uint32_t i = 0; i < xfrm->n; i++)
		xfrm->slots[i]->retry_at = 0;
}

void kernel_xfrm_replay_window(struct kernel_xfrm *xfrm, uint32_t window)
{
	xfrm->settings.replay_window = window;
}

/* ---- life ---- */

struct kernel_xfrm *kernel_xfrm_create_on(
	const struct kernel_xfrm_settings *settings, int events, int requests)
{
	struct kernel_xfrm *xfrm = secret_memory_alloc(sizeof(*xfrm)); /* keys come through it */

	if (!xfrm) {
		if (events >= 0)
			close(events);
		if (requests >= 0)
			close(requests);
		return NULL;
	}
	xfrm->settings = *settings;
	xfrm->events = events;
	xfrm->requests = requests;
	xfrm->mask = 65535;
	xfrm->chains = calloc(xfrm->mask + 1ul, sizeof(struct kernel_sa *));
	if (!xfrm->chains ||
		getrandom(xfrm->salt, sizeof(xfrm->salt), 0) != (ssize_t)sizeof(xfrm->salt)) {
		kernel_xfrm_destroy(xfrm);
		return NULL;
	}
	xfrm->now = clock_ms();
	xfrm->stats.available = events >= 0;
	if (events >= 0)
		dump_start(xfrm);
	else
		xfrm->synced = true;
	return xfrm;
}

static int socket_open(struct kernel_netns *netns, uint32_t groups)
{
	struct mnl_socket *socket = kernel_netlink_open(netns, NETLINK_XFRM, groups);
	int fd, size = RECEIVE_BUFFER;

	if (!socket)
		return -errno;
	fd = dup(mnl_socket_get_fd(socket));
	if (fd < 0) {
		fd = -errno;
	} else if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	}
	mnl_socket_close(socket);
	return fd;
}

struct kernel_xfrm *kernel_xfrm_create(const struct kernel_xfrm_settings *settings,
	struct kernel_netns *netns, char *error, size_t error_size)
{
	const uint32_t groups = 1u << (XFRMNLGRP_SA - 1) | 1u << (XFRMNLGRP_EXPIRE - 1) |
		1u << (XFRMNLGRP_POLICY - 1);
	int events = socket_open(netns, groups), requests = -1;
	struct kernel_xfrm *xfrm;

	if (events >= 0)
		requests = socket_open(netns, 0);
	if (events < 0 && events != -EPROTONOSUPPORT && events != -EAFNOSUPPORT) {
		snprintf(error, error_size, "XFRM netlink: %s", strerror(-events));
		return NULL;
	}
	if (events >= 0 && requests < 0) {
		snprintf(error, error_size, "XFRM netlink: %s", strerror(-requests));
		close(events);
		return NULL;
	}
	xfrm = kernel_xfrm_create_on(settings, events < 0 ? -1 : events, requests);
	if (!xfrm)
		snprintf(error, error_size, "XFRM mirror: out of memory");
	else if (events < 0)
		disable(xfrm, -events);
	return xfrm;
}

void kernel_xfrm_destroy(struct kernel_xfrm *xfrm)
{
	if (!xfrm)
		return;
	for (uint32_t i = 0; i < xfrm->n; i++) {
		kernel_sa_write(xfrm, xfrm->slots[i]);
		batch_flush(xfrm);
	}
	for (uint32_t i = 0; i < xfrm->n; i++)
		free(xfrm->slots[i]);
	if (xfrm->events >= 0)
		close(xfrm->events);
	if (xfrm->requests >= 0)
		close(xfrm->requests);
	free(xfrm->slots);
	free(xfrm->chains);
	secret_memory_free(xfrm);
}

int kernel_xfrm_fd(const struct kernel_xfrm *xfrm)
{
	return xfrm->events;
}

void kernel_xfrm_stats(const struct kernel_xfrm *xfrm, struct kernel_xfrm_stats *stats)
{
	*stats = xfrm->stats;
	stats->synced = xfrm->synced;
	stats->sas = xfrm->n;
}
