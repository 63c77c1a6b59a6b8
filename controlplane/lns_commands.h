/* SPDX-License-Identifier: BSD-3-Clause */
/* The operator's commands about tunnels, sessions, pools and the daemon itself. */
#pragma once

#include "lns.h"

/* Each registers its commands; -errno. */
int lns_commands_show(struct lns *lns);   /* lns_show.c: sessions, session, user */
int lns_commands_sas(struct lns *lns);    /* lns_show_sas.c: sas, ipsec */
int lns_commands_status(struct lns *lns); /* lns_status.c: tunnels, pools, memory, control */
int lns_commands_act(struct lns *lns);    /* lns_act.c: disconnect, reload, shutdown */

/* lns_show_grant.c: what the AAA gave, into a row of show session */
void lns_show_grant(json_t *row, const struct subscriber *subscriber);

int lns_commands_radius(struct lns *lns); /* lns_radius.c: radius */

static inline struct lns *lns_of(const struct ctl_request *request)
{
	return request->command->user;
}
