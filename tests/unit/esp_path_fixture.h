/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests of ESP with one worker start with, each in a dataplane of its own, and data from a LAC. */
#pragma once

#include "esp_path_rig.h"

#define TUNNEL  20
#define SESSION 3

static struct rig rig;
static struct frame in, out, inner;
static struct lac lac;

static inline void esp_path_start(void)
{
	rig_start(&rig, 1);
	lac_init();
}

static inline void esp_path_finish(void)
{
	rig_destroy(&rig);
	lac_fini();
}

/* Every form of an SA. */
static const struct lac_settings ways[] = {
	{.family = 4},
	{.family = 4, .port = 4500},
	{.family = 4, .port = 61234},
	{.family = 6},
	{.family = 6, .port = 4500},
	{.family = 4, .tunnel = true},
	{.family = 4, .tunnel = true, .port = 4500},
	{.family = 6, .tunnel = true},
};

/* In in: a packet of length bytes from the session's subscriber. */
static inline void make_data(
	struct lac *peer, uint16_t tunnel_id, uint16_t session_id, uint32_t length)
{
	inner_udp4(&inner, rig_subscriber(session_id), RIG_SERVER, length);
	lac_data(&rig, peer, &in, tunnel_id, session_id, &inner);
}

static inline void send_data(struct lac *peer, uint16_t tunnel_id, uint16_t session_id)
{
	make_data(peer, tunnel_id, session_id, 100);
	rig_send(&rig, RIG_ACCESS, &in);
}

/* What make_data() made has left towards the core. */
static inline bool arrived(void)
{
	rig_turn(&rig);
	if (!rig_receive(&rig, RIG_CORE0, &out))
		return false;
	cr_expect_eq(out.n, 14 + inner.n);
	cr_expect_arr_eq(out.data + 14 + 20, inner.data + 20, inner.n - 20);
	return true;
}
