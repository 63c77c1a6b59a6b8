/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operator's commands that show the dataplane: workers, drops, interfaces, routes, neighbours, version.
 */
#pragma once

#include "ctl_socket.h"
#include "install_route.h"
#include "kernel_route.h"
#include "kernel_tap.h"

#include <dataplane/dataplane.h>

struct ctl_show;

/* Registers the commands. routes, mirror and taps may be NULL (then theirs are not registered). */
struct ctl_show *ctl_show_create(struct ctl_socket *ctl, struct dataplane *dataplane,
	struct install_route *routes, struct kernel_route *mirror, struct kernel_taps *taps);
void ctl_show_destroy(struct ctl_show *show); /* after ctl_socket_close() */
/* Every answer of type MESSAGE_WORKER_STATS that dataplane_replies() brings. */
void ctl_show_reply(struct ctl_show *show, const struct message_reply *reply);
