/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths that take less than their port: outer IPv6 packets leave in fragments, and nothing else changes. */
#include "path_rig.h"

#include <dataplane/path_mtu.h>

#include <errno.h>

#define TUNNEL6  9
#define SESSION4 3
#define SESSION6 21

static struct rig rig;
static struct frame in, out, inner;

/* The LAC is in this VRF. */
static void tunnels_make(uint16_t vrf)
{
	struct tunnel_path path = rig_path6();

	path.vrf = vrf;
	rig_tunnel(&rig);
	rig_tunnel_to(&rig, TUNNEL6, &path, 0);
	rig_session(&rig, RIG_TUNNEL, SESSION4, 0, 1400, RIG_FLAGS);
	rig_session(&rig, TUNNEL6, SESSION6, 0, 1400, RIG_FLAGS);
}

static void start(void)
{
	rig_start(&rig, 1);
	tunnels_make(0);
}

static void finish(void)
{
	rig_destroy(&rig);
}

TestSuite(path_table, .init = start, .fini = finish);

static void send_to(uint16_t session, uint16_t length)
{
	inner_udp4(&inner, RIG_SERVER, rig_subscriber(session), length);
	frame_core4(&rig, &in, &inner);
	rig_send(&rig, RIG_CORE0, &in);
	rig_turn(&rig);
}

/* How many frames came; the longest IP packet of them. */
static unsigned int came(uint32_t *longest, uint32_t *payload)
{
	unsigned int n = 0;

	*longest = *payload = 0;
	for (; rig_receive(&rig, RIG_ACCESS, &out); n++) {
		*longest = RTE_MAX(*longest, out.n - 14);
		if (out.data[14] >> 4 == 6 && out.data[14 + 6] == IPPROTO_FRAGMENT)
			*payload += out.n - 14 - 48;
	}
	return n;
}

static void path_set_in(uint16_t vrf, const uint8_t peer[16], uint16_t mtu)
{
	struct path_mtu list[3] = {{.peer = {0x20, 1, 1}, .mtu = 1280}, {.mtu = mtu},
		{.peer = {0x20, 1, 2}, .mtu = 1290}};

	list[1].vrf = vrf;
	memcpy(list[1].peer, peer, 16);
	cr_assert_eq(dataplane_path_mtus(rig.dp, list, 3), 0);
}

static void path_set(const uint8_t peer[16], uint16_t mtu)
{
	path_set_in(0, peer, mtu);
}

Test(path_table, what_a_path_does_not_take_leaves_in_fragments)
{
	uint32_t longest, payload, whole = 40 + 8 + 6 + 4 + 1300;

	send_to(SESSION6, 1300);
	cr_expect_eq(came(&longest, &payload), 1);
	cr_expect_eq(longest, whole);
	for (uint16_t mtu = 1280; mtu <= 1340; mtu += 7) {
		path_set(rig_lac6, mtu);
		send_to(SESSION6, 1300);
		cr_expect_eq(came(&longest, &payload), 2, "MTU %u", mtu);
		cr_expect_leq(longest, mtu);
		cr_expect_eq(payload, whole - 40);
	}
	/* as much as it takes goes whole, one byte more does not */
	path_set(rig_lac6, (uint16_t)whole);
	send_to(SESSION6, 1300);
	cr_expect_eq(came(&longest, &payload), 1);
	path_set(rig_lac6, (uint16_t)(whole - 1));
	send_to(SESSION6, 1300);
	cr_expect_eq(came(&longest, &payload), 2);
	cr_assert_eq(dataplane_path_mtus(rig.dp, NULL, 0), 0);
	send_to(SESSION6, 1300);
	cr_expect_eq(came(&longest, &payload), 1);
	cr_expect_eq(rig_drops_all(&rig), 0);
}

Test(path_table, other_paths_are_not_affected)
{
	static const uint8_t other[16] = {0x20, 1, 0xd, 0xb8, [15] = 77};
	uint32_t longest, payload;

	path_set(other, 1280);
	send_to(SESSION6, 1300);
	cr_expect_eq(came(&longest, &payload), 1);
	/* IPv4 has routers that cut it */
	path_set(rig_lac6, 1280);
	send_to(SESSION4, 1300);
	cr_expect_eq(came(&longest, &payload), 1);
	/* nor is what the kernel routes out of the port */
	cr_expect_eq(rig_drops_all(&rig), 0);
}

static void start_vrfs(void)
{
	static const char *const vrfs[] = {"default", "blue"};
	static struct iface_settings ifaces[RIG_IFACES];
	struct dataplane_settings settings = rig_settings(1);

	memcpy(ifaces, settings.ifaces, sizeof(ifaces));
	ifaces[RIG_ACCESS].vrf = 1;
	settings.n_vrfs = 2;
	settings.vrf_names = vrfs;
	settings.ifaces = ifaces;
	rig_eal_init("0@0,1@0,2@0,3@0,4@0");
	rig_create(&rig, &settings);
	tunnels_make(1);
	cr_assert_eq(fib_set6(dataplane_fib(rig.dp, 1), rig_lac6, 128,
			     fib_target(FIB_ADJACENCY, rig.adjacency6)),
		0);
}

TestSuite(path_table_vrfs, .init = start_vrfs, .fini = finish);

Test(path_table_vrfs, the_same_address_in_another_vrf_is_another_path)
{
	struct path_mtu both[2] = {{.vrf = 0, .mtu = 1280}, {.vrf = 1, .mtu = 1320}};
	uint32_t longest, payload;

	path_set_in(0, rig_lac6, 1280);
	send_to(SESSION6, 1300);
	cr_expect_eq(came(&longest, &payload), 1, "the LAC is in VRF 1");
	path_set_in(1, rig_lac6, 1280);
	send_to(SESSION6, 1300);
	cr_expect_eq(came(&longest, &payload), 2);
	for (unsigned int turn = 0; turn < 2; turn++) {
		memcpy(both[0].peer, rig_lac6, 16);
		memcpy(both[1].peer, rig_lac6, 16);
		cr_assert_eq(dataplane_path_mtus(rig.dp, both, 2), 0);
		send_to(SESSION6, 1300);
		cr_expect_eq(came(&longest, &payload), 2);
		cr_expect(longest > 1280 && longest <= 1320, "%u", longest);
		/* in either order */
		both[0] = (struct path_mtu){.vrf = 1, .mtu = 1320};
		both[1] = (struct path_mtu){.vrf = 0, .mtu = 1280};
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}

Test(path_table, a_list_is_taken_whole_or_not_at_all)
{
	struct path_mtu list[2] = {{.mtu = 1280}, {.mtu = 1279}};
	struct path_mtu *all = calloc(PATH_MTUS_MAX + 1, sizeof(*all));
	uint32_t longest, payload;

	memcpy(list[0].peer, rig_lac6, 16);
	cr_expect_eq(dataplane_path_mtus(rig.dp, list, 2), -EINVAL);
	send_to(SESSION6, 1300);
	cr_expect_eq(came(&longest, &payload), 1);
	for (unsigned int i = 0; i <= PATH_MTUS_MAX; i++) {
		all[i].mtu = 1280;
		store32(all[i].peer + 12, i + 1);
	}
	cr_expect_eq(dataplane_path_mtus(rig.dp, all, PATH_MTUS_MAX + 1), -EINVAL);
	memcpy(all[PATH_MTUS_MAX - 1].peer, rig_lac6, 16);
	cr_expect_eq(dataplane_path_mtus(rig.dp, all, PATH_MTUS_MAX), 0);
	send_to(SESSION6, 1300);
	cr_expect_eq(came(&longest, &payload), 2);
	free(all);
}
