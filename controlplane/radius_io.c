/* SPDX-License-Identifier: BSD-3-Clause */
/* A RADIUS client with sockets. */
#include "radius_io.h"

#include "lns.h"
#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH         32
#define RECEIVE_BYTES (1 << 20) /* asked of the kernel for each socket's queue */

struct radius_io {
	struct radius_client *client;
	enum radius_role role;
	int epoll;
	struct ip_addr source;
	int sockets[RADIUS_SERVERS_MAX][RADIUS_SOCKETS_MAX]; /* -1: not open */
	struct sockaddr_storage to[RADIUS_SERVERS_MAX];
	socklen_t to_length[RADIUS_SERVERS_MAX];
	char names[RADIUS_SERVERS_MAX][CONFIG_NAME_MAX];
};

socklen_t radius_sockaddr(
	struct sockaddr_storage *storage, const struct ip_addr *address, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)storage;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)storage;

	memset(storage, 0, sizeof(*storage));
	if (address->family == 6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, address->bytes, 16);
		return sizeof(*in6);
	}
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	memcpy(&in->sin_addr, address->bytes, 4);
	return sizeof(*in);
}

void radius_endpoint_of(const struct sockaddr_storage *storage, struct radius_endpoint *endpoint)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)storage;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)storage;

	*endpoint = (struct radius_endpoint){0};
	if (storage->ss_family == AF_INET6) {
		endpoint->family = 6;
		endpoint->port = ntohs(in6->sin6_port);
		memcpy(endpoint->address, &in6->sin6_addr, 16);
	} else {
		endpoint->family = 4;
		endpoint->port = ntohs(in->sin_port);
		memcpy(endpoint->address, &in->sin_addr, 4);
	}
}

/* ---- the client's side ---- */

/* The source address may come to an interface later than we: until then what is sent is lost. */
static int source_bind(const struct radius_io *io, int fd)
{
	struct sockaddr_storage from;
	socklen_t length = radius_sockaddr(&from, &io->source, 0);
	int on = 1;

	if (io->source.family == 6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	return bind(fd, (struct sockaddr *)&from, length);
}

static int on_socket_open(void *user, unsigned int server, unsigned int socket_number)
{
	struct radius_io *io = user;
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = server << 16 | socket_number};
	int bytes = RECEIVE_BYTES, rc;
	int fd = socket(io->to[server].ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		goto fail;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (io->source.family && source_bind(io, fd))
		goto fail;
	if (epoll_ctl(io->epoll, EPOLL_CTL_ADD, fd, &event))
		goto fail;
	io->sockets[server][socket_number] = fd;
	return 0;
fail:
	rc = -errno;
	log_ratelimited(LOG_LEVEL_ERROR, NULL, "RADIUS server %s: no socket: %s", io->names[server],
		strerror(-rc));
	if (fd >= 0)
		close(fd);
	return rc;
}

static void on_socket_close(void *user, unsigned int server, unsigned int socket_number)
{
	struct radius_io *io = user;

	if (io->sockets[server][socket_number] >= 0)
		close(io->sockets[server][socket_number]);
	io->sockets[server][socket_number] = -1;
}

static void on_send(void *user, unsigned int server, unsigned int socket_number,
	const uint8_t *packet, size_t length)
{
	struct radius_io *io = user;

	if (sendto(io->sockets[server][socket_number], packet, length, MSG_DONTWAIT | MSG_NOSIGNAL,
		    (struct sockaddr *)&io->to[server], io->to_length[server]) < 0)
		log_ratelimited(LOG_LEVEL_WARNING, NULL, "RADIUS server %s: cannot send: %s",
			io->names[server], strerror(errno));
}

static void on_random_bytes(void *user, void *out, size_t length)
{
	entropy_fill(out, length);
}

static const char *role_name(const struct radius_io *io)
{
	return io->role == RADIUS_ACCOUNTING ? "accounting" : "authentication";
}

static void on_state_changed(void *user, unsigned int server, bool dead)
{
	struct radius_io *io = user;
	struct radius_server_status status;

	radius_client_status(io->client, server, &status);
	if (dead)
		log_warning(NULL, "RADIUS server %s does not answer (%s): dead until it does",
			io->names[server], role_name(io));
	else if (status.held_until)
		log_warning(NULL,
			"RADIUS server %s answers Status-Server but no requests (%s): not asked "
			"for %lu s while another server can be",
			io->names[server], role_name(io),
			(status.held_until - status.changed_at) / 1000);
	else
		log_info(NULL, "RADIUS server %s answers again (%s)", io->names[server],
			role_name(io));
}

static void on_dropped(void *user, unsigned int server, enum radius_drop drop)
{
	struct radius_io *io = user;

	if (drop == RADIUS_DROP_NO_MESSAGE_AUTHENTICATOR)
		log_ratelimited(LOG_LEVEL_ERROR, NULL,
			"RADIUS server %s: an answer without Message-Authenticator is dropped, it "
			"could be forged (CVE-2024-3596). FreeRADIUS: in post-auth, and in "
			"Post-Auth-Type REJECT and Challenge, add \"update reply { "
			"Message-Authenticator := 0x00 }\", or update to 3.2.5; a server that "
			"cannot send it: require-message-authenticator: false",
			io->names[server]);
	else
		log_ratelimited(LOG_LEVEL_WARNING, NULL,
			"RADIUS server %s: an answer is dropped: %s", io->names[server],
			radius_drop_name(drop));
}

static const struct radius_client_ops io_ops = {
	.socket_open = on_socket_open,
	.socket_close = on_socket_close,
	.send = on_send,
	.random_bytes = on_random_bytes,
	.state_changed = on_state_changed,
	.dropped = on_dropped,
};

/* ---- life ---- */

static uint16_t server_port(const struct config_radius_server *server, enum radius_role role)
{
	return role == RADIUS_AUTHENTICATION ? server->auth_port : server->acct_port;
}

bool radius_io_same(const struct config *a, const struct config *b)
{
	if (a->n_radius_servers != b->n_radius_servers ||
		memcmp(&a->radius, &b->radius, sizeof(a->radius)) ||
		memcmp(&a->aaa, &b->aaa, sizeof(a->aaa)))
		return false;
	for (unsigned int i = 0; i < a->n_radius_servers; i++) {
		struct config_radius_server other = b->radius_servers[i];

		other.line = a->radius_servers[i].line;
		if (memcmp(&a->radius_servers[i], &other, sizeof(other)))
			return false;
	}
	return true;
}

unsigned int radius_io_servers(const struct config *config, enum radius_role role)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < config->n_radius_servers; i++)
		n += server_port(&config->radius_servers[i], role) != 0;
	return n;
}

static void server_fill(struct radius_io *io, struct radius_server_settings *settings,
	unsigned int n, const struct config_radius_server *from, uint16_t port)
{
	*settings = (struct radius_server_settings){
		.name = from->name,
		.secret = {(const uint8_t *)from->secret, strlen(from->secret)},
		.priority = from->priority,
		.weight = from->weight,
		.timeout_ms = from->timeout,
		.tries = from->tries,
		.dead_ms = from->dead_after,
		.probe_ms = from->probe_interval,
		.status_server = from->status_server,
		.require_message_authenticator = from->require_message_authenticator,
	};
	io->to_length[n] = radius_sockaddr(&io->to[n], &from->address, port);
	radius_endpoint_of(&io->to[n], &settings->endpoint);
	strcpy(io->names[n], from->name);
	if (!from->require_message_authenticator && io->role == RADIUS_AUTHENTICATION)
		log_warning(NULL,
			"RADIUS server %s: answers without Message-Authenticator are believed; who "
			"can send packets in between can forge an Access-Accept (CVE-2024-3596)",
			from->name);
}

struct radius_io *radius_io_create(const struct config *config, enum radius_role role,
	struct timer_wheel *wheel, uint64_t now, char *error, size_t error_size)
{
	struct radius_server_settings servers[RADIUS_SERVERS_MAX];
	struct radius_client_settings settings = {
		.accounting = role == RADIUS_ACCOUNTING,
		.servers = servers,
		.in_flight_max = config->radius.max_in_flight,
		.sockets_max = config->radius.max_sockets,
		.queue_max = UINT32_MAX,
		.nas_identifier = config->radius.nas_identifier,
	};
	struct radius_io *io = calloc(1, sizeof(*io));

	if (!io) {
		snprintf(error, error_size, "out of memory for the RADIUS servers");
		return NULL;
	}
	memset(io->sockets, 0xff, sizeof(io->sockets));
	io->role = role;
	io->source = config->radius.source_address;
	for (unsigned int i = 0; i < config->n_radius_servers; i++) {
		const struct config_radius_server *server = &config->radius_servers[i];
		unsigned int n = settings.n_servers;

		if (server_port(server, role) && n < RADIUS_SERVERS_MAX)
			server_fill(io, &servers[settings.n_servers++], n, server,
				server_port(server, role));
	}
	/* where somebody else is asked next, nobody waits for dead servers */
	for (unsigned int i = 0; i + 1 < config->aaa.n_order; i++)
		settings.fail_fast |= role == RADIUS_AUTHENTICATION &&
			config->aaa.order[i] == CONFIG_AAA_RADIUS;
	settings.fail_fast |= role == RADIUS_AUTHENTICATION && config->aaa.existing;
	io->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (io->epoll < 0) {
		snprintf(error, error_size, "RADIUS: epoll: %s", strerror(errno));
		free(io);
		return NULL;
	}
	io->client = radius_client_create(&settings, &io_ops, io, wheel, now);
	if (!io->client) {
		snprintf(error, error_size, "out of memory for the RADIUS servers");
		radius_io_destroy(io);
		return NULL;
	}
	return io;
}

void radius_io_destroy(struct radius_io *io)
{
	if (!io)
		return;
	radius_client_destroy(io->client);
	close(io->epoll);
	free(io);
}

struct radius_client *radius_io_client(struct radius_io *io)
{
	return io->client;
}

int radius_io_fd(const struct radius_io *io)
{
	return io->epoll;
}

static unsigned int socket_read(
	struct radius_io *io, unsigned int server, unsigned int socket_number, uint64_t now)
{
	static uint8_t buffers[BATCH][RADIUS_PACKET_MAX]; /* control core only */
	struct sockaddr_storage sources[BATCH];
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	int n;

	for (unsigned int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){buffers[i], sizeof(buffers[i])};
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &sources[i],
			.msg_namelen = sizeof(sources[i]),
			.msg_iov = &parts[i],
			.msg_iovlen = 1,
		};
	}
	n = recvmmsg(io->sockets[server][socket_number], messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		struct radius_endpoint source;

		radius_endpoint_of(&sources[i], &source);
		radius_client_receive(io->client, now, server, socket_number, &source, buffers[i],
			messages[i].msg_len);
	}
	return n > 0 ? (unsigned int)n : 0;
}

unsigned int radius_io_read(struct radius_io *io, uint64_t now, unsigned int max)
{
	struct epoll_event events[16];
	unsigned int taken = 0;
	int n;

	while (taken < max && (n = epoll_wait(io->epoll, events, 16, 0)) > 0) {
		unsigned int before = taken;

		for (int i = 0; i < n; i++) {
			unsigned int server = events[i].data.u32 >> 16;
			unsigned int number = events[i].data.u32 & 0xffff;

			if (io->sockets[server][number] >= 0)
				taken += socket_read(io, server, number, now);
		}
		if (taken == before)
			break;
	}
	return taken;
}
