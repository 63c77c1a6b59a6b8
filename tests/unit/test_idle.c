/* SPDX-License-Identifier: BSD-3-Clause */
/* What an idle worker does, and for how long: never longer than its rings hold what arrives. */
#include "path_rig.h"

#include "idle.h"

static struct rig rig;

Test(idle, no_wait_is_longer_than_half_a_receive_ring_fills)
{
	cr_expect_eq(idle_fill_ns(1024, 10000), 34406); /* 512 frames at 14.88 Mpps */
	cr_expect_eq(idle_fill_ns(1024, 25000), 13762);
	cr_expect_eq(idle_fill_ns(4096, 100000), 13762);
	/* a device that says nothing of itself */
	cr_expect_eq(idle_fill_ns(IDLE_RING_UNKNOWN, IDLE_MBPS_UNKNOWN), 8601);
}

#define US 1000ull

static const struct {
	const char *what;
	struct idle_facts facts;
	enum dataplane_idle mode;
	enum idle_reason reason;
	uint64_t longest_ns;
} rows[] = {
	{"pause, TPAUSE: idle-us", {DATAPLANE_IDLE_PAUSE, 20 * US, 34 * US, .tpause = true},
		DATAPLANE_IDLE_PAUSE, IDLE_AS_ASKED, 20 * US},
	{"pause, TPAUSE: half a ring", {DATAPLANE_IDLE_PAUSE, 10000 * US, 34 * US, .tpause = true},
		DATAPLANE_IDLE_PAUSE, IDLE_AS_ASKED, 34 * US},
	{"pause without TPAUSE", {DATAPLANE_IDLE_PAUSE, 100 * US, 34 * US}, DATAPLANE_IDLE_PAUSE,
		IDLE_AS_ASKED, 10 * US},
	{"pause without TPAUSE, small ring", {DATAPLANE_IDLE_PAUSE, 100 * US, 3 * US},
		DATAPLANE_IDLE_PAUSE, IDLE_AS_ASKED, 3 * US},
	{"monitor: bounded by the rings that it does not watch",
		{DATAPLANE_IDLE_MONITOR, 100 * US, 68 * US, .tpause = true, .watchable = true},
		DATAPLANE_IDLE_MONITOR, IDLE_AS_ASKED, 68 * US},
	{"monitor on a CPU without", {DATAPLANE_IDLE_MONITOR, 100 * US, 68 * US},
		DATAPLANE_IDLE_PAUSE, IDLE_NO_MONITOR, 10 * US},
	{"sleep at 1 Gb/s", {DATAPLANE_IDLE_SLEEP, 100 * US, 344 * US}, DATAPLANE_IDLE_SLEEP,
		IDLE_AS_ASKED, 100 * US},
	{"sleep at 10 Gb/s, 4,096 descriptors: woken late, and still in time",
		{DATAPLANE_IDLE_SLEEP, 100 * US, 137 * US}, DATAPLANE_IDLE_SLEEP, IDLE_AS_ASKED,
		137 * US - IDLE_OVERSHOOT_NS},
	{"sleep at 25 Gb/s, 1,024 descriptors", {DATAPLANE_IDLE_SLEEP, 100 * US, 13762},
		DATAPLANE_IDLE_PAUSE, IDLE_RINGS_SMALL, 10 * US},
	{"the same with TPAUSE", {DATAPLANE_IDLE_SLEEP, 100 * US, 13762, .tpause = true},
		DATAPLANE_IDLE_PAUSE, IDLE_RINGS_SMALL, 13762},
	{"10 ms asked for, nothing known of the device",
		{DATAPLANE_IDLE_SLEEP, 10000 * US, 8601, .tpause = true}, DATAPLANE_IDLE_PAUSE,
		IDLE_RINGS_SMALL, 8601},
	{"shared CPU", {DATAPLANE_IDLE_SLEEP, 100 * US, 8601, .lenient = true},
		DATAPLANE_IDLE_SLEEP, IDLE_RINGS_RISK, 100 * US},
	{"shared CPU, rings that hold it",
		{DATAPLANE_IDLE_SLEEP, 100 * US, 344 * US, .lenient = true}, DATAPLANE_IDLE_SLEEP,
		IDLE_AS_ASKED, 100 * US},
	{"poll", {DATAPLANE_IDLE_POLL, 100 * US, 34 * US}, DATAPLANE_IDLE_POLL, IDLE_AS_ASKED,
		34 * US},
};

Test(idle, sleep_becomes_a_pause_where_no_sleep_is_as_short_as_the_rings_need)
{
	for (unsigned int i = 0; i < RTE_DIM(rows); i++) {
		struct idle_info idle = idle_choose(&rows[i].facts);

		cr_expect_eq(idle.mode, rows[i].mode, "%s", rows[i].what);
		cr_expect_eq(idle.reason, rows[i].reason, "%s", rows[i].what);
		cr_expect_eq(idle.longest_ns, rows[i].longest_ns, "%s: %lu", rows[i].what,
			idle.longest_ns);
	}
}

/* The rig's devices: no speed, and rings that they do not tell of; each has one queue. */
static struct idle_info idle_of(
	const char *lcores, unsigned int n_workers, unsigned int worker, uint32_t *handoff_ring)
{
	struct dataplane_settings settings = rig_settings(n_workers);
	struct idle_info idle;

	settings.idle = DATAPLANE_IDLE_SLEEP;
	settings.idle_us = 10000;
	rig_eal_init(lcores);
	rig_create(&rig, &settings);
	cr_expect_not(rig.dp->ports[0].rx_descriptors_told);
	cr_expect_gt(rig.dp->ports[0].rx_descriptors, IDLE_RING_UNKNOWN);
	*handoff_ring = rig.dp->handoff_size;
	idle = dataplane_idle(rig.dp, worker);
	rig_destroy(&rig);
	return idle;
}

Test(idle, device_that_says_nothing_is_taken_for_ten_gigabits_and_a_small_ring)
{
	uint32_t handoff_ring;
	struct idle_info idle = idle_of("0@0,1@1", 1, 0, &handoff_ring);

	cr_expect_eq(idle.fill_ns, idle_fill_ns(IDLE_RING_UNKNOWN, IDLE_MBPS_UNKNOWN));
	/* a laboratory's: only a NIC makes it pause */
	cr_expect_eq(idle.mode, DATAPLANE_IDLE_SLEEP);
	cr_expect_eq(idle.reason, IDLE_RINGS_RISK);
	cr_expect_eq(idle.longest_ns, 10000 * US);
}

Test(idle, worker_without_a_receive_queue_is_bound_by_the_rings_from_others)
{
	uint32_t handoff_ring;
	struct idle_info idle = idle_of("0@0,1@1,2@1,3@1", 3, 2, &handoff_ring);

	cr_expect_geq(handoff_ring, 1024);
	cr_expect_eq(idle.fill_ns, idle_fill_ns(handoff_ring, 2 * IDLE_MBPS_UNKNOWN));
}
