/* SPDX-License-Identifier: BSD-3-Clause */
/* The users of the configuration: is this request right, and what does the user get? */
#pragma once

#include "aaa.h"

/* Fills *answer, accepted or refused with the reason; counts the reason. */
void aaa_local_check(const struct config *config, const struct aaa_request *request,
	struct aaa_answer *answer, struct aaa_counters *counters);
/* Is the name one of theirs? */
bool aaa_local_knows(const struct config *config, const struct aaa_request *request);
