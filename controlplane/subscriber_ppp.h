/* SPDX-License-Identifier: BSD-3-Clause */
/* The PPP engine's side of a subscriber: frames out, credentials to the AAA, addresses from the pools. */
#pragma once

#include "subscriber.h"

extern const struct ppp_ops subscriber_ppp_ops; /* user: struct subscriber */
/*
 * The session's prefixes and flags into the dataplane. False: without memory for it the session forwards nothing, and is
 * being closed.
 */
bool subscriber_forwarding_install(struct subscriber *subscriber);
