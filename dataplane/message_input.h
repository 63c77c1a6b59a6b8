/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control core's typed messages, carried out by the owner.
 */
#pragma once

#include "worker.h"

/* Takes waiting messages as long as there is room for their answers; false if there were none. */
bool message_poll(struct worker *w);
