/* SPDX-License-Identifier: BSD-3-Clause */
/* Which tunnel has which socket: its own or a shared one, in the clear or of a link inside ESP. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "run.h"

#define NO_PORT UINT32_MAX

static int run_open_port(struct run *run, uint32_t index, const struct port_config *config)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
	int rc = port_open(&run->ports[index], index, config);

	if (rc == 0 && epoll_ctl(run->epoll, EPOLL_CTL_ADD, run->ports[index].fd, &event) != 0)
		rc = -errno;
	return rc;
}

static int run_open_clear(struct run *run, uint32_t tunnel)
{
	const struct options *o = run->options;
	struct port_config config = {
		.netns = o->netns, .no_checksum = !o->udp_checksum, .what = "LAC"};

	config.bind.ss_family = o->lns.ss_family;
	if (o->local_count > 0)
		config.bind = o->local[tunnel % o->local_count];
	/* the port is at the same place for both families */
	((struct sockaddr_in *)&config.bind)->sin_port = htons(o->source_port_any ? 0 : 1701);
	return run_open_port(run, run->clear_count++, &config);
}

static int run_open_link(struct run *run, struct secure_link *l)
{
	const struct options *o = run->options;
	struct port_config config = {.bind = l->local, .netns = o->netns, .fragment = true};
	int rc;

	if (o->esp.natt) {
		config.what = "ESP in UDP";
		config.no_checksum = true; /* RFC 3948, section 2.1 */
	} else {
		config.what = "ESP";
		config.type = SOCK_RAW;
		config.protocol = IPPROTO_ESP;
	}
	rc = run_open_port(run, run->clear_count + l->number, &config);
	run->ports[run->clear_count + l->number].link = l;
	return rc;
}

int run_open_ports(struct run *run)
{
	const struct options *o = run->options;
	uint32_t locals = o->local_count > 0 ? o->local_count : 1, most;
	uint32_t shared[OPTIONS_LOCALS];
	int rc = 0;

	most = run->secure.link_count + (o->source_port_any ? o->tunnels : locals);
	run->ports = calloc(most, sizeof(*run->ports));
	run->dirty = calloc(most, sizeof(*run->dirty));
	run->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (run->ports == NULL || run->dirty == NULL || run->epoll < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < most; i++)
		run->ports[i].fd = -1;
	run->port_count = most;
	memset(shared, 0xff, sizeof(shared));
	for (uint32_t n = 0; rc == 0 && n < o->tunnels; n++) {
		uint32_t *port = &shared[n % locals];

		if (run->secure.link_of[n] != SECURE_CLEAR)
			continue;
		if (o->source_port_any || *port == NO_PORT) {
			*port = run->clear_count;
			rc = run_open_clear(run, n);
		}
		run->lac.tunnels[n].port = *port;
	}
	for (uint32_t i = 0; rc == 0 && i < run->secure.link_count; i++)
		rc = run_open_link(run, &run->secure.links[i]);
	run->port_count = run->clear_count + run->secure.link_count;
	for (uint32_t n = 0; n < o->tunnels; n++)
		if (run->secure.link_of[n] != SECURE_CLEAR)
			run->lac.tunnels[n].port = run->clear_count + run->secure.link_of[n];
	return rc;
}

void run_connect_ports(struct run *run)
{
	const struct sockaddr_storage **peers = calloc(run->port_count, sizeof(*peers));
	bool *differ = calloc(run->port_count, sizeof(*differ));

	for (uint32_t i = 0; peers != NULL && differ != NULL && i < run->options->tunnels; i++) {
		const struct tunnel *t = &run->lac.tunnels[i];

		if (t->state != TUNNEL_UP ||
			(peers[t->port] != NULL &&
				memcmp(peers[t->port], &t->peer, sizeof(t->peer)) != 0))
			differ[t->port] = true;
		peers[t->port] = &t->peer;
	}
	/* the peer of a tunnel inside ESP is not the one of its socket */
	for (uint32_t p = 0; peers != NULL && differ != NULL && p < run->clear_count; p++)
		if (peers[p] != NULL && !differ[p] && !run->ports[p].connected)
			port_connect(&run->ports[p], peers[p]);
	free(peers);
	free(differ);
}
