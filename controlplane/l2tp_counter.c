/* SPDX-License-Identifier: BSD-3-Clause */
/* The operator's names of the L2TP counters. */
#include "l2tp_counter.h"

static const char *const counter_names[L2TP_COUNTER_MAX] = {
#define X(e, s) [L2TP_COUNTER_##e] = s,
	L2TP_COUNTERS(X)
#undef X
};

const char *l2tp_counter_name(enum l2tp_counter counter)
{
	return (unsigned)counter < L2TP_COUNTER_MAX ? counter_names[counter] : "unknown";
}
