/* SPDX-License-Identifier: BSD-3-Clause */
/* The operator's commands about tunnels, sessions, pools and the daemon itself. */
#pragma once

#include "lns.h"

/* Each registers its commands; -errno. */
int lns_commands_show(struct lns *lns);   /* lns_show.c: sessions, session, user */
int lns_commands_sas(struct lns *lns);    /* lns_show_sas.c: sas */
int lns_commands_status(struct lns *lns); /* lns_status.c: tunnels, pools, memory, control */
int lns_commands_act(struct lns *lns);    /* lns_act.c: disconnect, reload, shutdown */

static inline struct lns *lns_of(const struct ctl_request *request)
{
	return request->command->user;
}
