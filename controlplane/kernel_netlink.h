/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Small rtnetlink requests at start-up: one message, one answer, waiting for it.
 */
#pragma once

#include "kernel_netns.h"

#include <libmnl/libmnl.h>

#include <stdint.h>

/* A socket inside netns, subscribed to groups (bit n - 1 = group n); NULL and errno. */
struct mnl_socket *kernel_netlink_open(struct kernel_netns *netns, int bus, uint32_t groups);
/* Sends request (its length < MNL_SOCKET_BUFFER_SIZE) and waits for the acknowledgement: 0 or -errno. */
int kernel_netlink_talk(struct mnl_socket *socket, struct nlmsghdr *request);
/* Sends a dump request and calls each() for every message of the answer. 0, -errno, or each()'s negative. */
int kernel_netlink_dump(struct mnl_socket *socket, struct nlmsghdr *request,
	int (*each)(const struct nlmsghdr *message, void *user), void *user);
/* A message with a fresh header and sequence number at the start of buffer. */
struct nlmsghdr *kernel_netlink_request(void *buffer, uint16_t type, uint16_t flags);
