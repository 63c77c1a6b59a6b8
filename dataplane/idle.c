/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker does while there is nothing to do.
 */
#include "idle.h"

#include <rte_bus.h>
#include <rte_cpuflags.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <rte_power_intrinsics.h>

#include <sys/prctl.h>
#include <time.h>

#define WIRE_BITS      (84 * 8) /* the smallest frame with preamble and gap */
#define WAIT_MIN_NS    2000     /* the first wait */
#define PAUSE_MAX_NS   10000    /* busy waiting without TPAUSE: rings are looked at so often */
#define PAUSES_AT_ONCE 16

uint64_t idle_fill_ns(uint32_t descriptors, uint32_t mbps)
{
	return (uint64_t)descriptors / 2 * WIRE_BITS * 1000 / mbps;
}

struct idle_info idle_choose(const struct idle_facts *facts)
{
	struct idle_info info = {
		.mode = facts->asked,
		.longest_ns = RTE_MIN(facts->asked_ns, facts->fill_ns),
		.fill_ns = facts->fill_ns,
	};

	if (info.mode == DATAPLANE_IDLE_MONITOR && !facts->watchable) {
		info.mode = DATAPLANE_IDLE_PAUSE;
		info.reason = IDLE_NO_MONITOR;
	}
	if (info.mode == DATAPLANE_IDLE_SLEEP) {
		if (facts->fill_ns >= IDLE_SLEEP_MIN_NS) {
			info.longest_ns =
				RTE_MIN(facts->asked_ns, facts->fill_ns - IDLE_OVERSHOOT_NS);
		} else if (facts->lenient) {
			info.reason = IDLE_RINGS_RISK;
			info.longest_ns = facts->asked_ns;
		} else {
			info.mode = DATAPLANE_IDLE_PAUSE;
			info.reason = IDLE_RINGS_SMALL;
		}
	}
	if (info.mode == DATAPLANE_IDLE_PAUSE && !facts->tpause)
		info.longest_ns = RTE_MIN(info.longest_ns, (uint64_t)PAUSE_MAX_NS);
	return info;
}

/* ---- what there is ---- */

/* The fastest that a device can be, Mb/s. */
static uint32_t port_speed(const struct port *port)
{
	static const struct {
		uint32_t capability, mbps;
	} speeds[] = {
		{RTE_ETH_LINK_SPEED_200G, 200000},
		{RTE_ETH_LINK_SPEED_100G, 100000},
		{RTE_ETH_LINK_SPEED_56G, 56000},
		{RTE_ETH_LINK_SPEED_50G, 50000},
		{RTE_ETH_LINK_SPEED_40G, 40000},
		{RTE_ETH_LINK_SPEED_25G, 25000},
		{RTE_ETH_LINK_SPEED_20G, 20000},
		{RTE_ETH_LINK_SPEED_10G, 10000},
		{RTE_ETH_LINK_SPEED_5G, 5000},
		{RTE_ETH_LINK_SPEED_2_5G, 2500},
		{RTE_ETH_LINK_SPEED_1G, 1000},
	};
	struct rte_eth_dev_info info;
	struct rte_eth_link link;

	if (rte_eth_dev_info_get(port->ethdev, &info) == 0)
		for (unsigned int i = 0; i < RTE_DIM(speeds); i++)
			if (info.speed_capa & speeds[i].capability)
				return speeds[i].mbps;
	if (rte_eth_link_get_nowait(port->ethdev, &link) == 0 &&
		link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
		return RTE_MAX(link.link_speed, (uint32_t)IDLE_MBPS_UNKNOWN);
	return IDLE_MBPS_UNKNOWN;
}

static uint32_t port_ring(const struct port *port)
{
	uint32_t asked = port->rx_descriptors;

	return port->rx_descriptors_told ? asked : RTE_MIN(asked, (uint32_t)IDLE_RING_UNKNOWN);
}

static bool port_is_software(const struct port *port)
{
	struct rte_eth_dev_info info;

	return rte_eth_dev_info_get(port->ethdev, &info) == 0 && info.device != NULL &&
		strcmp(rte_bus_name(rte_dev_bus(info.device)), "vdev") == 0;
}

/* Every queue of a worker can be watched, all at once. */
static bool worker_can_monitor(const struct worker *w, const struct rte_cpu_intrinsics *cpu)
{
	struct rte_power_monitor_cond condition;

	if (!cpu->power_monitor || w->n_rx == 0 ||
		w->n_rx > (cpu->power_monitor_multi ? IDLE_WATCHED : 1))
		return false;
	for (uint8_t k = 0; k < w->n_rx; k++)
		if (rte_eth_get_monitor_addr(w->rx[k].ethdev, w->rx[k].queue, &condition) != 0)
			return false;
	return true;
}

/* Another worker, or the control core, has one of its CPUs. */
static bool worker_shares_cpu(const struct dataplane *dp, unsigned int worker)
{
	rte_cpuset_t mine = rte_lcore_cpuset(dp->lcores[worker]), both,
		     other = rte_lcore_cpuset(rte_get_main_lcore());

	CPU_AND(&both, &mine, &other);
	for (unsigned int i = 0; i < dp->n_workers && CPU_COUNT(&both) == 0; i++) {
		if (i == worker)
			continue;
		other = rte_lcore_cpuset(dp->lcores[i]);
		CPU_AND(&both, &mine, &other);
	}
	return CPU_COUNT(&both) > 0;
}

void idle_prepare(struct dataplane *dp)
{
	struct rte_cpu_intrinsics cpu;
	uint32_t speed[PORTS_MAX], all = 0;
	bool software = true;

	rte_cpu_get_intrinsics_support(&cpu);
	dp->idle_tpause = cpu.power_pause;
	for (unsigned int i = 0; i < dp->n_ports; i++) {
		speed[i] = port_speed(&dp->ports[i]);
		all += speed[i];
		software &= port_is_software(&dp->ports[i]);
	}
	for (unsigned int i = 0; i < dp->n_workers; i++) {
		const struct worker *w = dp->workers[i];
		struct idle_facts facts = {
			.asked = (enum dataplane_idle)dp->idle,
			.asked_ns = dp->idle_us * 1000ull,
			.fill_ns = UINT64_MAX,
			.tpause = cpu.power_pause,
			.watchable = worker_can_monitor(w, &cpu),
			.lenient = software || worker_shares_cpu(dp, i),
		};

		if (dp->n_workers > 1)
			facts.fill_ns = idle_fill_ns(dp->handoff_size, all);
		for (uint8_t k = 0; k < w->n_rx; k++) {
			uint8_t port = dp->port_of_ethdev[w->rx[k].ethdev];

			facts.fill_ns = RTE_MIN(facts.fill_ns,
				idle_fill_ns(port_ring(&dp->ports[port]), speed[port]));
		}
		dp->idle_of[i] = idle_choose(&facts);
	}
}

void idle_begin(struct worker *w)
{
	/* else the kernel adds up to 50 us to every sleep */
	if (w->dp->idle_of[w->id].mode == DATAPLANE_IDLE_SLEEP)
		prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
}

/* ---- waiting ---- */

static void idle_pause(const struct dataplane *dp, uint64_t until)
{
	if (dp->idle_tpause && rte_power_pause(until) == 0)
		return;
	while (rte_rdtsc() < until)
		for (unsigned int i = 0; i < PAUSES_AT_ONCE; i++)
			rte_pause();
}

/* Until a device writes the next descriptor of a queue. One that has been written ends it before it begins. */
static void idle_monitor(struct worker *w, uint64_t until)
{
	struct rte_power_monitor_cond conditions[IDLE_WATCHED];
	int code = 0;

	for (uint8_t k = 0; k < w->n_rx && code == 0; k++)
		code = rte_eth_get_monitor_addr(w->rx[k].ethdev, w->rx[k].queue, &conditions[k]);
	if (code == 0)
		code = w->n_rx == 1 ? rte_power_monitor(&conditions[0], until)
				    : rte_power_monitor_multi(conditions, w->n_rx, until);
	if (code != 0)
		idle_pause(w->dp, until);
}

void idle_wait(struct worker *w, unsigned int turns)
{
	const struct dataplane *dp = w->dp;
	const struct idle_info *idle = &dp->idle_of[w->id];
	unsigned int doubled = RTE_MIN((turns - IDLE_TURNS) / 4, 20u);
	uint64_t ns = RTE_MIN((uint64_t)WAIT_MIN_NS << doubled, idle->longest_ns);
	uint64_t until = rte_rdtsc() + ns * rte_get_tsc_hz() / 1000000000;
	const struct timespec sleep = {.tv_nsec = (long)ns};

	/* out of the way of the grace periods */
	rcu_worker_offline(dp->rcu, w->id);
	switch (idle->mode) {
	case DATAPLANE_IDLE_PAUSE:
		idle_pause(dp, until);
		break;
	case DATAPLANE_IDLE_MONITOR:
		idle_monitor(w, until);
		break;
	default:
		nanosleep(&sleep, NULL); /* the only system call of a worker */
	}
	rcu_worker_online(dp->rcu, w->id);
	w->stats.sleeps++;
}
