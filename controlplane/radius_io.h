/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A RADIUS client with sockets: UDP, never blocking, in the namespace that lnsd itself runs in.
 *
 * Sockets are not connected: an answer from elsewhere is counted as such, and an ICMP error, which anybody
 * can forge, changes nothing.
 */
#pragma once

#include "radius_client.h"

#include <config/config.h>

#include <sys/socket.h>

struct radius_io;

enum radius_role { RADIUS_AUTHENTICATION, RADIUS_ACCOUNTING };

/* The servers that the configuration has for a role; NULL and a sentence in error. */
struct radius_io *radius_io_create(const struct config *config, enum radius_role role,
	struct timer_wheel *wheel, uint64_t now, char *error, size_t error_size);
void radius_io_destroy(struct radius_io *io);
struct radius_client *radius_io_client(struct radius_io *io);
int radius_io_fd(const struct radius_io *io); /* epoll: readable when a socket is */
/* Takes datagrams, at most about max; returns how many. */
unsigned int radius_io_read(struct radius_io *io, uint64_t now, unsigned int max);
/* Addresses as sockets have them, and back. */
socklen_t radius_sockaddr(
	struct sockaddr_storage *storage, const struct ip_addr *address, uint16_t port);
void radius_endpoint_of(const struct sockaddr_storage *storage, struct radius_endpoint *endpoint);
/* Are the servers of two configurations, and what they are told, the same? */
bool radius_io_same(const struct config *a, const struct config *b);
/* Servers of the configuration in a role. */
unsigned int radius_io_servers(const struct config *config, enum radius_role role);
