/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network namespace that the TAPs and TUNs live in.
 *
 * Root: the one that the daemon was started in. Named: /run/netns/NAME as `ip netns` has it, made if it is
 * not there. The calling thread stays where it is but for the time of kernel_netns_run().
 */
#pragma once

#include <config/config.h>

#include <stdbool.h>
#include <stddef.h>

struct kernel_netns;

/*
 * Opens (makes, with lo up) the namespace that config->kernel names; auto = named as soon as one interface
 * is not on a PCI device. NULL with a sentence in error.
 */
struct kernel_netns *kernel_netns_open(const struct config *config, char *error, size_t error_size);
/* Name under /run/netns, NULL for the root one. */
const char *kernel_netns_name(const struct kernel_netns *netns);
/* Runs function(argument) with the calling thread inside; returns its value, or -errno if it could not enter. */
int kernel_netns_run(struct kernel_netns *netns, int (*function)(void *argument), void *argument);
/* Removes the namespace's name if kernel_netns_open() made it. */
void kernel_netns_close(struct kernel_netns *netns);
