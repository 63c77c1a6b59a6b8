/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets: namespaces by setns, sendmmsg and recvmmsg, drops by SO_MEMINFO. */
#include "port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_BUFFER (64 * 1024 * 1024)

struct port_queue {
	struct mmsghdr messages[PORT_BATCH];
	struct iovec iov[PORT_BATCH];
	struct sockaddr_storage to[PORT_BATCH];
	uint8_t data[PORT_BATCH][PORT_TX];
};

/* one reader at a time and thread: the receive buffers are the thread's */
struct port_rx {
	struct mmsghdr messages[PORT_BATCH];
	struct iovec iov[PORT_BATCH];
	struct sockaddr_storage from[PORT_BATCH];
	uint8_t control[PORT_BATCH][128];
	uint8_t data[PORT_BATCH][PORT_PACKET];
};

static _Thread_local struct port_rx rx;

socklen_t port_address_length(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* the namespace to come back to in *back, -1 if none was entered */
static int port_enter_netns(const char *name, int *back)
{
	char path[320];
	int fd, rc;

	*back = -1;
	if (name == NULL || name[0] == '\0')
		return 0;
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	*back = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	rc = *back < 0 || fd < 0 || setns(fd, CLONE_NEWNET) != 0 ? -errno : 0;
	if (rc != 0)
		fprintf(stderr, "lnsload: network namespace '%s': %s (expected %s, and root)\n",
			name, strerror(-rc), path);
	if (fd >= 0)
		close(fd);
	if (rc != 0 && *back >= 0) {
		close(*back);
		*back = -1;
	}
	return rc;
}

static void port_leave_netns(int back)
{
	if (back < 0)
		return;
	if (setns(back, CLONE_NEWNET) != 0) {
		perror("lnsload: back to the own network namespace");
		abort();
	}
	close(back);
}

static void port_buffers(int fd)
{
	int size = SOCKET_BUFFER;

	/* FORCE needs CAP_NET_ADMIN; without it the sysctl limits apply */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static void port_options(int fd, const struct port_config *c)
{
	int on = 1, family = c->bind.ss_family;
	int df = family == AF_INET6 ? IPV6_PMTUDISC_DONT : IP_PMTUDISC_DONT;

	port_buffers(fd);
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	if (c->no_checksum && family == AF_INET)
		setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof(on));
	if (c->ttl && family == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
	if (c->ttl && family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (c->fragment && family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &df, sizeof(df));
	else if (c->fragment)
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &df, sizeof(df));
}

int port_open(struct port *p, uint32_t index, const struct port_config *c)
{
	char text[INET6_ADDRSTRLEN] = "any";
	int back, rc;

	memset(p, 0, sizeof(*p));
	p->index = index;
	p->fd = -1;
	rc = port_enter_netns(c->netns, &back);
	if (rc != 0)
		return rc;
	p->fd = socket(c->bind.ss_family,
		(c->type != 0 ? c->type : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, c->protocol);
	rc = p->fd < 0 ? -errno : 0;
	if (rc == 0) {
		port_options(p->fd, c);
		if (bind(p->fd, (const struct sockaddr *)&c->bind, port_address_length(&c->bind)) !=
			0)
			rc = -errno;
	}
	if (rc != 0) {
		const struct sockaddr_in *v4 = (const void *)&c->bind;
		const struct sockaddr_in6 *v6 = (const void *)&c->bind;

		inet_ntop(c->bind.ss_family,
			v4->sin_family == AF_INET ? (const void *)&v4->sin_addr
						  : (const void *)&v6->sin6_addr,
			text, sizeof(text));
		fprintf(stderr, "lnsload: %s socket at %s port %u%s%s: %s\n", c->what, text,
			ntohs(v4->sin_port), c->netns && c->netns[0] ? " in namespace " : "",
			c->netns ? c->netns : "", strerror(-rc));
		if (p->fd >= 0)
			close(p->fd);
		p->fd = -1;
	}
	port_leave_netns(back);
	return rc;
}

void port_close(struct port *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	free(p->queue);
	p->queue = NULL;
}

int port_connect(struct port *p, const struct sockaddr_storage *to)
{
	port_flush(p);
	if (connect(p->fd, (const struct sockaddr *)to, port_address_length(to)) != 0)
		return -errno;
	p->connected = true;
	return 0;
}

uint32_t port_drops(const struct port *p)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);

	/* the counter behind SO_RXQ_OVFL, without waiting for a next packet to carry it */
	if (p->fd < 0 || getsockopt(p->fd, SOL_SOCKET, SO_MEMINFO, info, &len) != 0)
		return 0;
	return info[SK_MEMINFO_DROPS];
}

unsigned port_send_batch(struct port *p, struct mmsghdr *messages, unsigned n)
{
	unsigned done = 0, errors = 0;

	while (done < n) {
		int rc = sendmmsg(p->fd, messages + done, n - done, 0);

		if (rc > 0) {
			done += (unsigned)rc;
			p->sent += (unsigned)rc;
			continue;
		}
		p->last_errno = errno;
		/* an ICMP error of an earlier packet is reported once: try this one again */
		if ((errno == ECONNREFUSED || errno == EINTR || errno == EHOSTUNREACH ||
			    errno == ENETUNREACH) &&
			errors++ < 4)
			continue;
		p->send_errors++;
		return done;
	}
	return done;
}

void port_flush(struct port *p)
{
	struct pollfd wait = {.fd = p->fd, .events = POLLOUT};
	unsigned done = 0;

	while (done < p->queued) {
		done += port_send_batch(p, p->queue->messages + done, p->queued - done);
		if (done == p->queued)
			break;
		/* a full buffer gets a moment; anything else loses one packet, not the batch */
		if (p->last_errno != EAGAIN || poll(&wait, 1, 10) <= 0)
			done++;
	}
	p->queued = 0;
}

void port_queue_packet(
	struct port *p, const struct sockaddr_storage *to, const void *packet, size_t len)
{
	struct port_queue *q = p->queue;
	unsigned i = p->queued;

	if (q == NULL) {
		q = p->queue = calloc(1, sizeof(*q));
		if (q == NULL) {
			p->send_errors++;
			return;
		}
		for (unsigned k = 0; k < PORT_BATCH; k++) {
			q->iov[k].iov_base = q->data[k];
			q->messages[k].msg_hdr.msg_iov = &q->iov[k];
			q->messages[k].msg_hdr.msg_iovlen = 1;
		}
	}
	if (len > PORT_TX) {
		p->send_errors++;
		return;
	}
	memcpy(q->data[i], packet, len);
	q->iov[i].iov_len = len;
	if (p->connected) {
		q->messages[i].msg_hdr.msg_name = NULL;
		q->messages[i].msg_hdr.msg_namelen = 0;
	} else {
		q->to[i] = *to;
		q->messages[i].msg_hdr.msg_name = &q->to[i];
		q->messages[i].msg_hdr.msg_namelen = port_address_length(to);
	}
	if (++p->queued == PORT_BATCH)
		port_flush(p);
}

static void port_read_control(struct msghdr *m, struct port_received *r)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec ts;

			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			r->stamp = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
		} else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
			(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) {
			memcpy(&r->ttl, CMSG_DATA(c), sizeof(r->ttl));
		}
	}
}

unsigned port_receive(struct port *p, port_fn *fn, void *ctx)
{
	int n;

	for (unsigned i = 0; i < PORT_BATCH; i++) {
		struct msghdr *m = &rx.messages[i].msg_hdr;

		rx.iov[i].iov_base = rx.data[i];
		rx.iov[i].iov_len = PORT_PACKET;
		m->msg_iov = &rx.iov[i];
		m->msg_iovlen = 1;
		m->msg_name = &rx.from[i];
		m->msg_namelen = sizeof(rx.from[i]);
		m->msg_control = rx.control[i];
		m->msg_controllen = sizeof(rx.control[i]);
		m->msg_flags = 0;
	}
	n = recvmmsg(p->fd, rx.messages, PORT_BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return 0;
	p->received += (unsigned)n;
	for (int i = 0; i < n; i++) {
		struct port_received r = {rx.data[i], rx.messages[i].msg_len, 0, -1, &rx.from[i]};

		port_read_control(&rx.messages[i].msg_hdr, &r);
		fn(ctx, p->index, &r);
	}
	return (unsigned)n;
}
