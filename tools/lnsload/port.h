/* SPDX-License-Identifier: BSD-3-Clause */
/* UDP and raw sockets in any namespace, read and written in batches. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define PORT_BATCH  64u
#define PORT_PACKET 2048u
#define PORT_TX     1700u

struct port_received {
	const uint8_t *data;
	size_t len;
	uint64_t stamp; /* arrival by the kernel's clock (CLOCK_REALTIME, ns), 0: unknown */
	int ttl;        /* -1: not asked for */
	const struct sockaddr_storage *from;
};

struct secure_link;

typedef void port_fn(void *ctx, uint32_t port, const struct port_received *r);

struct port {
	int fd;
	uint32_t index;
	bool connected;
	bool listed; /* the owner's: on its list of ports to flush */
	uint32_t queued;
	uint64_t send_errors; /* packets that the kernel did not take */
	uint64_t sent, received;
	int last_errno;
	struct secure_link *link; /* what it carries is inside ESP; NULL: in the clear */
	/* taken while queued; NULL as long as nothing was ever queued here */
	struct port_queue *queue;
};

struct port_config {
	struct sockaddr_storage bind; /* family 0: any */
	const char *netns;            /* "" or NULL: ours */
	int type, protocol;           /* 0: UDP */
	bool no_checksum, ttl;
	bool fragment;    /* what is too long goes in fragments, nothing has DF */
	const char *what; /* for messages */
};

/* 0 or -errno after a message on stderr that names the address and the namespace. */
int port_open(struct port *p, uint32_t index, const struct port_config *c);
void port_close(struct port *p);
/* From now on only this peer; sending is cheaper. */
int port_connect(struct port *p, const struct sockaddr_storage *to);
/* Queues a copy; full queues are sent. */
void port_queue_packet(
	struct port *p, const struct sockaddr_storage *to, const void *packet, size_t len);
void port_flush(struct port *p);
/* Sends up to PORT_BATCH prepared messages; returns how many the kernel took. */
unsigned port_send_batch(struct port *p, struct mmsghdr *messages, unsigned n);
/* Reads up to PORT_BATCH packets and hands each to fn; returns their number. */
unsigned port_receive(struct port *p, port_fn *fn, void *ctx);
/* Packets that the kernel dropped at this socket: it was full, we read too slowly. */
uint32_t port_drops(const struct port *p);
socklen_t port_address_length(const struct sockaddr_storage *a);
