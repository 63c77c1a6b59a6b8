/* SPDX-License-Identifier: BSD-3-Clause */
/* Start and end of a daemon: its parts made in order, and unmade in the reverse. */
#include "lns.h"

#include "ctl_show.h"
#include "lns_acct.h"
#include "lns_coa.h"
#include "lns_commands.h"
#include "lns_start.h"
#include "log.h"
#include "metrics.h"

#include <dataplane/reserve.h>

#include <rte_lcore.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AAA_PENDING_MAX 65536
#define SYNC_MS         5000
#define ICMP_RATE       1000 /* errors a second and worker */

static const char *const drop_names[] = {
#define X(name, text) #name,
	LNS_DROPS(X)
#undef X
};
static const char *const drop_texts[] = {
#define X(name, text) text,
	LNS_DROPS(X)
#undef X
};

const char *lns_drop_name(enum lns_drop drop)
{
	return drop < LNS_DROP_MAX ? drop_names[drop] : "?";
}

const char *lns_drop_text(enum lns_drop drop)
{
	return drop < LNS_DROP_MAX ? drop_texts[drop] : "?";
}

struct dataplane *lns_dataplane(const struct config *config, char *error, size_t error_size)
{
	struct iface_settings ifaces[CONFIG_INTERFACES_MAX];
	unsigned int lcores[CONFIG_WORKERS_MAX];
	const char *vrfs[CONFIG_VRFS_MAX];
	struct dataplane_settings settings = {
		.n_workers = config->dpdk.n_workers,
		.worker_lcores = lcores,
		.mbufs = config->dpdk.mbufs,
		.max_sessions = config->dpdk.max_sessions,
		.max_routes4 = config->dpdk.max_routes4,
		.max_routes6 = config->dpdk.max_routes6,
		.max_adjacencies = 65536,
		/* what waits for its grace period needs room too */
		.max_sas = RTE_MIN(2 * config->ipsec.max_sas, SA_TABLE_MAX),
		.esp_engine = strcmp(config->ipsec.engine, "auto") ? config->ipsec.engine : NULL,
		.n_vrfs = config->n_vrfs,
		.vrf_names = vrfs,
		.n_ifaces = config->n_interfaces,
		.ifaces = ifaces,
		.rx_descriptors = config->dpdk.rx_descriptors,
		.tx_descriptors = config->dpdk.tx_descriptors,
		.idle = (enum dataplane_idle)config->dpdk.idle,
		.idle_us = config->dpdk.idle_us,
		.icmp_rate = ICMP_RATE,
		.reassembly = true,
		.fragment_timeout_ms = 2000,
		.fragment_max = 1024,
	};

	/* lcore 0 is the control core, worker i is lcore i + 1: see eal.h */
	for (unsigned int i = 0; i < settings.n_workers; i++)
		lcores[i] = i + 1;
	for (unsigned int i = 0; i < config->n_vrfs; i++)
		vrfs[i] = config->vrfs[i].name;
	for (unsigned int i = 0; i < config->n_interfaces; i++) {
		const struct config_interface *from = &config->interfaces[i];

		ifaces[i] = (struct iface_settings){
			.name = from->name,
			.device = from->device,
			.role = from->role,
			.vrf = (uint16_t)from->vrf,
			.mtu = from->mtu,
			.vlan = from->vlan,
			.outer_vlan = from->outer_vlan,
			.promiscuous = from->promiscuous,
		};
	}
	return dataplane_create(&settings, error, error_size);
}

/* What makes tables slow, and can be mended by who runs the machine. */
static void memory_log(const struct lns *lns)
{
	int node = dataplane_node(lns->dp);

	if (!reserve_has_huge_pages())
		log_warning(NULL,
			"tables lie on 4 KiB pages, which is slower: "
			"/sys/kernel/mm/transparent_hugepage/enabled says never, expected madvise");
	for (unsigned int i = 1; i < rte_lcore_count(); i++)
		if ((int)rte_lcore_to_socket_id(i) != node)
			log_warning(NULL,
				"dpdk.worker-cores: worker %u is on NUMA node %u, worker 0 and all "
				"packet buffers on node %d: expected workers of one node",
				i - 1, rte_lcore_to_socket_id(i), node);
}

/* What workers, from one to another, do when there is nothing to do. */
static void idle_log_of(const struct idle_info *idle, unsigned int from, unsigned int to)
{
	static const char *const modes[] = {
		[DATAPLANE_IDLE_PAUSE] = "pause",
		[DATAPLANE_IDLE_MONITOR] = "monitor",
		[DATAPLANE_IDLE_SLEEP] = "sleep",
	};
	double fill = (double)idle->fill_ns / 1000;
	char who[64], wait[64];

	if (from == to)
		snprintf(who, sizeof(who), "idle worker %u", from);
	else
		snprintf(who, sizeof(who), "idle workers %u to %u", from, to);
	snprintf(wait, sizeof(wait), "%s, up to %.1f us at once", modes[idle->mode],
		(double)idle->longest_ns / 1000);
	switch (idle->reason) {
	case IDLE_AS_ASKED:
		log_info(NULL, "%s: %s", who, wait);
		break;
	case IDLE_NO_MONITOR:
		log_warning(NULL, "%s: %s, not monitor: this CPU or a device cannot", who, wait);
		break;
	case IDLE_RINGS_SMALL:
		log_warning(NULL,
			"%s: %s, not sleep: half a ring can fill in %.1f us, which no sleep keeps",
			who, wait, fill);
		break;
	case IDLE_RINGS_RISK:
		log_info(NULL, "%s: %s, though half a ring could fill in %.1f us", who, wait, fill);
		break;
	}
}

static void idle_log(const struct lns *lns)
{
	unsigned int n = dataplane_workers(lns->dp);

	if (lns_config(lns)->dpdk.idle == CONFIG_IDLE_POLL)
		return;
	for (unsigned int from = 0, to; from < n; from = to + 1) {
		struct idle_info idle = dataplane_idle(lns->dp, from);

		for (to = from; to + 1 < n; to++) {
			struct idle_info next = dataplane_idle(lns->dp, to + 1);

			if (next.mode != idle.mode || next.reason != idle.reason ||
				next.longest_ns != idle.longest_ns)
				break;
		}
		idle_log_of(&idle, from, to);
	}
}
static_assert((int)CONFIG_IDLE_PAUSE == DATAPLANE_IDLE_PAUSE &&
		(int)CONFIG_IDLE_MONITOR == DATAPLANE_IDLE_MONITOR &&
		(int)CONFIG_IDLE_SLEEP == DATAPLANE_IDLE_SLEEP,
	"the configuration's modes are the dataplane's");

static int kernel_start(struct lns *lns, char *error, size_t error_size)
{
	const struct config *config = lns_config(lns);
	struct install_route_settings settings;

	if (lns_paths_create(lns)) {
		snprintf(error, error_size, "out of memory for the paths' MTUs");
		return -ENOMEM;
	}
	install_route_settings_of(&settings, lns->dp);
	lns->routes = install_route_create(&settings);
	if (!lns->routes) {
		snprintf(error, error_size, "out of memory for the routing tables");
		return -ENOMEM;
	}
	lns->netns = kernel_netns_open(config, error, error_size);
	if (!lns->netns)
		return -EIO;
	lns->taps = kernel_taps_create(config, lns->dp, lns->netns, error, error_size);
	if (!lns->taps)
		return -EIO;
	lns->kernel_route = kernel_route_create(
		config, lns->dp, lns->netns, lns->taps, lns->routes, error, error_size);
	if (!lns->kernel_route)
		return -EIO;
	if (kernel_route_sync(lns->kernel_route, SYNC_MS)) {
		snprintf(error, error_size,
			"the kernel did not answer the dump of its routes in %u s", SYNC_MS / 1000);
		return -ETIMEDOUT;
	}
	return 0;
}

/* What a subscriber's traceroute shows of us: our end of its link. */
static void icmp_source_set(struct lns *lns)
{
	const struct ip_addr *local = &lns_config(lns)->subscribers.local_address;
	struct iface_addr source = {.family = local->family};

	if (local->family != 4)
		return;
	memcpy(source.addr, local->bytes, sizeof(source.addr));
	for (unsigned int vrf = 0; vrf < lns_config(lns)->n_vrfs; vrf++)
		dataplane_icmp_source(lns->dp, vrf, &source);
}

static int engines_start(struct lns *lns, char *error, size_t error_size)
{
	const struct config *config = lns_config(lns);
	const struct l2tp_settings settings = {
		.host_name = config->lns.host_name,
		.vendor_name = config->lns.vendor_name,
		.half_open_max = config->lns.half_open_max,
		.half_open_per_source = config->lns.half_open_per_source,
	};
	int rc = subscribers_init(&lns->subscribers, config->dpdk.max_sessions);

	if (!rc)
		rc = ipv6_state_init(&lns->ipv6, &lns->subscribers, config->lns.host_name);
	lns->aaa = aaa_create(config, AAA_PENDING_MAX);
	lns->acct_epoch = (uint32_t)time(NULL);
	entropy_fill(&lns->acct_serial, sizeof(lns->acct_serial));
	lns->install = install_create(lns->dp, lns->routes);
	lns->l2tp = l2tp_lns_create(&lns_l2tp_ops, lns, &settings);
	if (!rc && lns->aaa && lns->install && lns->l2tp)
		rc = lns_pools_set(lns, config);
	else
		rc = -ENOMEM;
	if (rc) {
		snprintf(error, error_size, "out of memory for %u sessions",
			config->dpdk.max_sessions);
		return rc;
	}
	lns->radius = aaa_radius_create(config, &lns->wheel, &lns->now, error, error_size);
	if (!lns->radius)
		return -EIO;
	aaa_set_radius(lns->aaa, lns->radius);
	lns_admission_start(lns);
	rc = lns_coa_start(lns, config, error, error_size);
	return rc ? rc : lns_acct_start(lns, config, error, error_size);
}

static int operator_start(struct lns *lns, char *error, size_t error_size)
{
	const struct config *config = lns_config(lns);
	int rc;

	lns->show = ctl_show_create(lns->ctl, lns->dp, lns->routes, lns->kernel_route, lns->taps);
	rc = lns->show ? lns_commands_show(lns) : -ENOMEM;
	if (!rc)
		rc = lns_commands_status(lns);
	if (!rc)
		rc = lns_commands_radius(lns);
	if (!rc)
		rc = lns_commands_act(lns);
	if (!rc)
		rc = lns_commands_sas(lns);
	if (rc)
		snprintf(error, error_size, "out of memory for the control socket");
	if (rc || !config->metrics.port)
		return rc;
	lns->metrics = metrics_open(&config->metrics, lns->ctl, error, error_size);
	if (!lns->metrics)
		return -EIO;
	log_info(NULL, "metrics: http, port %u, /metrics", config->metrics.port);
	return 0;
}

int lns_start(struct lns *lns, struct config *config, char *error, size_t error_size)
{
	struct timespec now;
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &now);
	lns->now = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	lns->started_at = lns->now;
	timer_wheel_init(&lns->wheel, lns->now);
	lns->profile = profile_create(config, &lns->ppp_counters, NULL);
	if (!lns->profile) {
		snprintf(error, error_size, "out of memory for the configuration");
		return -ENOMEM;
	}
	/* ports, TAPs and mirrors read the configuration they were made from until the end */
	lns->initial = profile_hold(lns->profile);
	/* first of all: a second daemon must not take the first one's TAPs */
	lns->ctl = ctl_socket_open(config->lns.control_socket, error, error_size);
	if (!lns->ctl)
		return -EIO;
	lns->dp = lns_dataplane(config, error, error_size);
	if (!lns->dp)
		return -EIO;
	memory_log(lns);
	idle_log(lns);
	icmp_source_set(lns);
	rc = kernel_start(lns, error, error_size);
	if (!rc)
		rc = engines_start(lns, error, error_size);
	if (!rc)
		rc = lns_sas_start(lns, error, error_size);
	if (!rc)
		rc = operator_start(lns, error, error_size);
	if (!rc) {
		rc = dataplane_start(lns->dp);
		if (rc)
			snprintf(error, error_size, "workers cannot be started: %s", strerror(-rc));
	}
	return rc;
}

void lns_stop(struct lns *lns)
{
	lns_reload_cancel(lns);
	if (lns->l2tp)
		l2tp_lns_destroy(lns->l2tp, lns->now);
	if (lns->dp) {
		dataplane_stop(lns->dp);
		rcu_drain(dataplane_rcu(lns->dp)); /* final counters of what was still ending */
	}
	metrics_close(lns->metrics);
	if (lns->ctl)
		ctl_socket_close(lns->ctl);
	if (lns->show)
		ctl_show_destroy(lns->show);
	if (lns->pools)
		lns_pools_free(lns);
	free(lns->paths);
	if (lns->kernel_route)
		kernel_route_destroy(lns->kernel_route);
	kernel_xfrm_destroy(lns->kernel_xfrm);
	if (lns->taps)
		kernel_taps_destroy(lns->taps);
	if (lns->netns)
		kernel_netns_close(lns->netns);
	lns_admission_stop(lns);
	aaa_destroy(lns->aaa);
	aaa_radius_destroy(lns->radius);
	lns_coa_stop(lns);
	lns_acct_stop(lns);
	install_destroy(lns->install);
	lns_sas_stop(lns);
	if (lns->routes)
		install_route_destroy(lns->routes);
	if (lns->dp)
		dataplane_destroy(lns->dp);
	subscribers_fini(&lns->subscribers);
	ipv6_state_fini(&lns->ipv6);
	profile_release(lns->profile);
	profile_release(lns->initial);
}
