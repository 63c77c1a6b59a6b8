/* SPDX-License-Identifier: BSD-3-Clause */
/* Interfaces, routes, security associations, tunnels and sessions, as a running daemon would have them. */
#include "worker_setup.h"

#include <lns.h>
#include <lns_start.h>

#include "../lnsload/capture_part.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define L2TP_PORT   1701
#define POLICE_RATE UINT64_C(12500000000) /* bytes per second */

static int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int fail(const char *format, ...)
{
	va_list values;

	fputs("bench_worker: ", stderr);
	va_start(values, format);
	vfprintf(stderr, format, values);
	va_end(values);
	fputc('\n', stderr);
	return -1;
}

static void mask(uint8_t *addr, unsigned int bits)
{
	for (unsigned int i = 0; i < 16; i++)
		if (bits < 8 * (i + 1))
			addr[i] &= bits > 8 * i ? (uint8_t)(0xff00 >> (bits - 8 * i)) : 0;
}

/* ---- interfaces and routes, which lnsd mirrors from the kernel ---- */

static int route_set(struct install_route *routes, unsigned int iface,
	const struct ip_addr *gateway, const struct ip_addr *addr, uint8_t length)
{
	struct install_kernel_route route = {.family = addr->family,
		.length = length,
		.kind = INSTALL_UNICAST,
		.n_hops = 1,
		.hops = {{.iface = (uint8_t)iface, .family = gateway ? gateway->family : 0}}};
	int rc;

	memcpy(route.addr, addr->bytes, sizeof(route.addr));
	mask(route.addr, length);
	if (gateway)
		memcpy(route.hops[0].gateway, gateway->bytes, sizeof(gateway->bytes));
	rc = install_route_kernel_set(routes, &route, true);
	return rc ? fail("a route of interface %u: %s", iface, strerror(-rc)) : 0;
}

static int interface_open(
	struct worker_setup *setup, const struct config_interface *from, unsigned int iface)
{
	static const struct ip_addr anywhere[2] = {{.family = 4}, {.family = 6}};
	struct iface_addr addresses[16] = {0};
	int rc;

	if (from->n_addresses > 16)
		return fail("interface %s: more than 16 addresses", from->name);
	for (unsigned int i = 0; i < from->n_addresses; i++) {
		const struct ip_prefix *address = &from->addresses[i];

		addresses[i].family = address->addr.family;
		memcpy(addresses[i].addr, address->addr.bytes, sizeof(addresses[i].addr));
		if (route_set(setup->routes, iface, NULL, &address->addr, address->length))
			return -1;
	}
	rc = dataplane_iface_addresses(setup->dp, iface, addresses, from->n_addresses);
	if (rc)
		return fail("addresses of interface %s: %s", from->name, strerror(-rc));
	for (unsigned int i = 0; i < from->n_neighbours; i++) {
		const struct config_neighbour *neighbour = &from->neighbours[i];

		rc = install_route_neighbour_set(setup->routes, (uint8_t)iface,
			neighbour->addr.family, neighbour->addr.bytes, neighbour->mac, false);
		if (rc)
			return fail("neighbour of interface %s: %s", from->name, strerror(-rc));
		if (from->role & CONFIG_ROLE_CORE &&
			route_set(setup->routes, iface, &neighbour->addr,
				&anywhere[neighbour->addr.family == 6], 0))
			return -1;
	}
	return 0;
}

static int interfaces_open(struct worker_setup *setup, const struct worker_plan *plan)
{
	struct install_route_settings settings;

	install_route_settings_of(&settings, setup->dp);
	setup->routes = install_route_create(&settings);
	if (!setup->routes)
		return fail("out of memory for the routing tables");
	for (unsigned int i = 0; i < plan->config->n_interfaces; i++)
		if (interface_open(setup, &plan->config->interfaces[i], i))
			return -1;
	while (install_route_poll(setup->routes, 1024))
		rcu_poll(dataplane_rcu(setup->dp), 64);
	return 0;
}

/* ---- security associations ---- */

static int sas_open(struct worker_setup *setup, const struct config *config)
{
	struct install_sa_settings settings = {
		.table = dataplane_sas(setup->dp),
		.n_workers = dataplane_workers(setup->dp),
		.permit = ESP_PERMIT_NULL | ESP_PERMIT_GMAC | ESP_PERMIT_3DES,
		.max = config->ipsec.max_sas,
	};
	struct timespec now;

	setup->store = sa_store_create(config->ipsec.engine, SOCKET_ID_ANY);
	settings.store = setup->store;
	settings.store_error = setup->store ? NULL : esp_reason();
	setup->sas = install_sas_create(&settings);
	if (!setup->sas)
		return fail("out of memory for security associations");
	clock_gettime(CLOCK_REALTIME, &now);
	for (unsigned int i = 0; i < config->n_sas; i++) {
		struct install_sa_spec spec;
		const struct install_sa *sa;

		lns_sa_spec(&config->sas[i], &spec);
		spec.params.iv_base = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
		sa = install_sa_add(setup->sas, &spec, 1);
		if (!sa || sa->state != INSTALL_SA_LIVE)
			return fail("security association %s: %s", config->sas[i].name,
				sa ? sa->reason : "out of memory");
	}
	return 0;
}

/* How a LAC's packets come and go: with its SAs, if it has any. */
static int path_of(const struct worker_setup *setup, const struct worker_plan *plan,
	const struct ip_addr *lac, struct l2tp_path *path)
{
	const struct ip_addr *local = NULL;
	uint32_t at = 0;

	for (unsigned int i = 0; i < plan->config->n_interfaces && !local; i++) {
		const struct config_interface *iface = &plan->config->interfaces[i];

		for (unsigned int j = 0; j < iface->n_addresses && !local; j++)
			if (iface->role & CONFIG_ROLE_ACCESS &&
				iface->addresses[j].addr.family == lac->family)
				local = &iface->addresses[j].addr;
	}
	if (!local)
		return fail("no access interface has an address of the LAC's family");
	*path = (struct l2tp_path){.peer = {.port = L2TP_PORT, .family = lac->family},
		.local = {.port = L2TP_PORT, .family = lac->family}};
	memcpy(path->peer.address, lac->bytes, sizeof(lac->bytes));
	memcpy(path->local.address, local->bytes, sizeof(local->bytes));
	for (const struct install_sa *sa; (sa = install_sas_next(setup->sas, &at));)
		if (sa->family == lac->family && !memcmp(sa->peer, lac->bytes, sizeof(sa->peer)))
			path->sa_group = sa->group_id;
	if (plan->config->n_sas && !path->sa_group)
		return fail("a LAC has no security association, others have");
	return 0;
}

/* ---- tunnels and sessions ---- */

static int tunnels_open(struct worker_setup *setup, const struct worker_plan *plan)
{
	const struct install_framing framing = {0};

	for (uint32_t t = 0; t < plan->tunnels; t++) {
		uint16_t id = (uint16_t)(t + 1);
		struct l2tp_path path;
		int rc;

		if (path_of(setup, plan, &plan->lacs[t % plan->n_lacs], &path))
			return -1;
		rc = install_tunnel_open(setup->install, id, id, &path, &framing);
		if (rc)
			return fail("tunnel %u: %s", id, strerror(-rc));
		if (path.sa_group)
			install_sas_hold(setup->sas, path.sa_group);
	}
	return 0;
}

static unsigned int prefixes_of(
	const struct worker_plan *plan, uint32_t n, struct session_prefix prefixes[2])
{
	memset(prefixes, 0, 2 * sizeof(*prefixes));
	prefixes[0].family = 4;
	prefixes[0].length = 32;
	prefixes[0].addr[0] = 10;
	prefixes[1].family = 6;
	prefixes[1].length = 56;
	memcpy(prefixes[1].addr, (const uint8_t[4]){0x20, 1, 0xd, 0xb8}, 4);
	for (unsigned int i = 0; i < 3; i++) {
		prefixes[0].addr[1 + i] = (uint8_t)(n >> (16 - 8 * i));
		prefixes[1].addr[4 + i] = (uint8_t)(n >> (16 - 8 * i));
	}
	return plan->ipv6 ? 2 : 1;
}

static int session_open(struct worker_setup *setup, const struct worker_plan *plan, uint32_t n)
{
	struct subscriber_record *record = &setup->records[n];
	uint16_t mtu = plan->config->subscribers.mru;
	struct session_prefix prefixes[2];
	int rc;

	*record = (struct subscriber_record){
		.tunnel_id = (uint16_t)(1 + n % plan->tunnels),
		.session_id = (uint16_t)(1 + n / plan->tunnels),
		.peer_session_id = (uint16_t)(1 + n / plan->tunnels),
		.mtu = mtu,
		.mss = (uint16_t)(mtu - 40),
		.flags = SESSION_FORWARD4 | SESSION_MSS_CLAMP,
	};
	if (!plan->config->subscribers.subscriber_to_subscriber)
		record->flags |= SESSION_NO_HAIRPIN;
	if (plan->ipv6)
		record->flags |= SESSION_FORWARD6;
	rc = subscriber_record_set_prefixes(record, prefixes, prefixes_of(plan, n, prefixes));
	if (!rc)
		rc = install_session_open(setup->install, record);
	if (!rc && plan->parts)
		install_session_arrived(setup->install, record,
			(uint8_t)(capture_part(n, plan->parts) % dataplane_workers(setup->dp)));
	if (!rc)
		rc = install_session_update(setup->install, record);
	if (rc)
		return fail("session %u: %s", n, strerror(-rc));
	return 0;
}

int worker_setup_open(struct worker_setup *setup, const struct worker_plan *plan)
{
	char error[512];

	memset(setup, 0, sizeof(*setup));
	setup->dp = lns_dataplane(plan->config, error, sizeof(error));
	if (!setup->dp)
		return fail("%s", error);
	if (interfaces_open(setup, plan) || sas_open(setup, plan->config))
		return -1;
	setup->install = install_create(setup->dp, setup->routes);
	setup->records = calloc(plan->sessions, sizeof(*setup->records));
	if (!setup->install || !setup->records)
		return fail("out of memory for %u sessions", plan->sessions);
	if (tunnels_open(setup, plan))
		return -1;
	for (; setup->n_sessions < plan->sessions; setup->n_sessions++) {
		if (session_open(setup, plan, setup->n_sessions))
			return -1;
		rcu_poll(dataplane_rcu(setup->dp), 64);
	}
	return 0;
}

int worker_setup_police(struct worker_setup *setup, const struct worker_plan *plan)
{
	struct message_reply replies[64];

	for (uint32_t n = 0; n < setup->n_sessions && plan->police; n++) {
		struct subscriber_record *record = &setup->records[n];
		const struct message message = {
			.type = MESSAGE_SESSION_POLICER,
			.index = record->index,
			.generation = record->generation,
			.policer = {.up_rate = POLICE_RATE,
				.down_rate = POLICE_RATE,
				.up_burst = 1 << 30,
				.down_burst = 1 << 30},
		};

		record->flags |= SESSION_POLICY;
		if (install_session_update(setup->install, record))
			return fail("session %u has no rate limit", n);
		while (dataplane_message(setup->dp, record->owner, &message) == -ENOBUFS)
			dataplane_replies(setup->dp, replies, RTE_DIM(replies));
		dataplane_replies(setup->dp, replies, RTE_DIM(replies));
		rcu_poll(dataplane_rcu(setup->dp), 64);
	}
	return 0;
}

void worker_setup_close(struct worker_setup *setup)
{
	if (setup->dp) {
		dataplane_stop(setup->dp);
		rcu_drain(dataplane_rcu(setup->dp));
	}
	install_destroy(setup->install);
	install_sas_destroy(setup->sas);
	sa_store_destroy(setup->store);
	if (setup->routes)
		install_route_destroy(setup->routes);
	if (setup->dp)
		dataplane_destroy(setup->dp);
	for (uint32_t n = 0; setup->records && n < setup->n_sessions; n++)
		subscriber_record_free(&setup->records[n]);
	free(setup->records);
}
