/* SPDX-License-Identifier: BSD-3-Clause */
/* The far end on another host: answers uplink packets, counts them, reports when asked. */
#pragma once

#include "options.h"

/* Until SIGINT or SIGTERM; 0 or -errno after a message. */
int reflect_run(const struct options *options);
