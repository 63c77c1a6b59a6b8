/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Small rtnetlink requests at start-up: one message, one answer, waiting for it.
 */
#include "kernel_netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

struct open_request {
	int bus;
	uint32_t groups;
	struct mnl_socket *socket;
};

static int open_inside(void *argument)
{
	struct open_request *request = argument;

	request->socket = mnl_socket_open2(request->bus, SOCK_CLOEXEC);
	if (!request->socket)
		return -errno;
	if (mnl_socket_bind(request->socket, request->groups, MNL_SOCKET_AUTOPID) < 0) {
		int r = -errno;

		mnl_socket_close(request->socket);
		request->socket = NULL;
		return r;
	}
	return 0;
}

struct mnl_socket *kernel_netlink_open(struct kernel_netns *netns, int bus, uint32_t groups)
{
	struct open_request request = {.bus = bus, .groups = groups};
	int r = kernel_netns_run(netns, open_inside, &request);

	if (r < 0)
		errno = -r;
	return request.socket;
}

struct nlmsghdr *kernel_netlink_request(void *buffer, uint16_t type, uint16_t flags)
{
	static uint32_t seq;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++seq;
	return nlh;
}

static int exchange(struct mnl_socket *socket, struct nlmsghdr *request,
	int (*each)(const struct nlmsghdr *message, void *user), void *user)
{
	_Alignas(8) char buffer[32768];
	int result = 0;

	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		struct sockaddr_nl from = {0};
		socklen_t from_length = sizeof(from);
		ssize_t received = recvfrom(mnl_socket_get_fd(socket), buffer, sizeof(buffer),
			MSG_TRUNC, (struct sockaddr *)&from, &from_length);
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)buffer;
		int left = (int)received;

		if (received < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (from_length != sizeof(from) || from.nl_pid != 0)
			continue; /* another process, not the kernel */
		if ((size_t)received > sizeof(buffer))
			return -ENOSPC;
		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_seq != request->nlmsg_seq)
				continue;
			if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
				int error = 0;

				if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(int))
					error = *(const int *)mnl_nlmsg_get_payload(nlh);
				return error < 0 ? error : result;
			}
			/* the rest is still read, so that the next exchange finds an empty socket */
			if (each && result >= 0)
				result = each(nlh, user);
		}
	}
}

int kernel_netlink_talk(struct mnl_socket *socket, struct nlmsghdr *request)
{
	request->nlmsg_flags |= NLM_F_ACK;
	return exchange(socket, request, NULL, NULL);
}

int kernel_netlink_dump(struct mnl_socket *socket, struct nlmsghdr *request,
	int (*each)(const struct nlmsghdr *message, void *user), void *user)
{
	request->nlmsg_flags |= NLM_F_DUMP;
	return exchange(socket, request, each, user);
}
