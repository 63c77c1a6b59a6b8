/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operator's commands that show the mirror of the kernel: routes, neighbours, kernel. Private to ctl_show.c.
 */
#pragma once

#include "ctl_socket.h"
#include "install_route.h"
#include "kernel_route.h"

struct ctl_show_kernel {
	struct dataplane *dataplane; /* NULL: interfaces are shown by number */
	struct install_route *routes;
	struct kernel_route *mirror;
};

/* kernel must live as long as the socket. Leaves out what is NULL. */
int ctl_show_kernel_register(struct ctl_socket *ctl, struct ctl_show_kernel *kernel);
