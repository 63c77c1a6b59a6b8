/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker does while there is nothing to do.
 */
#include "idle.h"

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
	return mbps == 0 ? UINT64_MAX : (uint64_t)descriptors / 2 * WIRE_BITS * 1000 / mbps;
}

/* The fastest that a device can be, Mb/s; 0: it does not say, as software does. */
static uint32_t port_speed(uint16_t ethdev)
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

	if (rte_eth_dev_info_get(ethdev, &info) != 0)
		return 0;
	for (unsigned int i = 0; i < RTE_DIM(speeds); i++)
		if (info.speed_capa & speeds[i].capability)
			return speeds[i].mbps;
	return 0;
}

/* Every queue of a worker can be watched, all at once. */
static bool workers_can_monitor(const struct dataplane *dp, const struct rte_cpu_intrinsics *cpu)
{
	struct rte_power_monitor_cond condition;

	if (!cpu->power_monitor)
		return false;
	for (unsigned int i = 0; i < dp->n_workers; i++) {
		const struct worker *w = dp->workers[i];

		if (w->n_rx == 0 || w->n_rx > (cpu->power_monitor_multi ? IDLE_WATCHED : 1))
			return false;
		for (uint8_t k = 0; k < w->n_rx; k++)
			if (rte_eth_get_monitor_addr(w->rx[k].ethdev, w->rx[k].queue, &condition) !=
				0)
				return false;
	}
	return true;
}

void idle_prepare(struct dataplane *dp)
{
	struct rte_cpu_intrinsics cpu;
	uint64_t most = dp->idle_us * 1000ull;

	rte_cpu_get_intrinsics_support(&cpu);
	dp->idle_tpause = cpu.power_pause;
	if (dp->idle == DATAPLANE_IDLE_MONITOR && !workers_can_monitor(dp, &cpu))
		dp->idle = DATAPLANE_IDLE_PAUSE;
	for (unsigned int i = 0; i < dp->n_ports; i++)
		most = RTE_MIN(most,
			idle_fill_ns(dp->ports[i].rx_descriptors, port_speed(dp->ports[i].ethdev)));
	if (dp->idle == DATAPLANE_IDLE_PAUSE && !dp->idle_tpause)
		most = RTE_MIN(most, (uint64_t)PAUSE_MAX_NS);
	dp->idle_ns = most;
}

void idle_begin(struct worker *w)
{
	/* else the kernel adds up to 50 us to every sleep */
	if (w->dp->idle == DATAPLANE_IDLE_SLEEP)
		prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
}

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
	unsigned int doubled = RTE_MIN((turns - IDLE_TURNS) / 4, 20u);
	uint64_t ns = RTE_MIN((uint64_t)WAIT_MIN_NS << doubled, dp->idle_ns);
	uint64_t until = rte_rdtsc() + ns * rte_get_tsc_hz() / 1000000000;
	const struct timespec sleep = {.tv_nsec = (long)ns};

	/* out of the way of the grace periods */
	rcu_worker_offline(dp->rcu, w->id);
	switch (dp->idle) {
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
