/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests of a subscriber's packets start with: one worker, a tunnel with one session, each in a dataplane of its own. */
#pragma once

#include "path_rig.h"

#define SESSION 3

static struct rig rig;
static struct frame in, out, inner;

static inline void path_start_with(uint16_t mtu)
{
	rig_start(&rig, 1);
	rig_tunnel(&rig);
	rig_session(&rig, RIG_TUNNEL, SESSION, 0, mtu, RIG_FLAGS);
}

static inline void path_start(void)
{
	path_start_with(1492);
}

static inline void path_finish(void)
{
	rig_destroy(&rig);
}

/* What is in inner, from the session's subscriber. */
static inline void send_up(void)
{
	frame_data(&rig, &in, RIG_TUNNEL, SESSION, inner.data[0] >> 4 == 6 ? 0x57 : 0x21,
		inner.data, inner.n);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
}
