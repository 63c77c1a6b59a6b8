/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls that wait for RADIUS: no more of them than its servers answer in time. */
#include "lns.h"

#include "log.h"

#define SAMPLE_MS 500

static struct admission_limits limits_of(const struct lns *lns)
{
	const struct config_radius *radius = &lns_config(lns)->radius;

	return (struct admission_limits){radius->max_waiting, radius->deadline};
}

static uint64_t answers(const struct lns *lns)
{
	const uint64_t *counters = aaa_radius_counters(lns->radius);

	return counters[AAA_RADIUS_ACCEPTED] + counters[AAA_RADIUS_REJECTED] +
		counters[AAA_RADIUS_CHALLENGED] + counters[AAA_RADIUS_REFUSED];
}

static void sample_timer(struct timer *timer, uint64_t now)
{
	struct lns *lns = RTE_PTR_SUB(timer, offsetof(struct lns, admission_timer));
	const struct radius_client *client = aaa_radius_client(lns->radius);
	struct admission_load load = {.answers = answers(lns)};
	unsigned int shed = 0;

	timer_set(&lns->wheel, timer, now + SAMPLE_MS);
	if (client) {
		load.queued = radius_client_queued(client);
		load.all_dead = radius_client_all_dead(client);
	}
	admission_sample(&lns->admission, now, &load);
	/* dead ones may be back at any moment */
	if (!load.all_dead)
		shed = aaa_radius_shed(lns->radius, lns->admission.rate, ADMISSION_LEAST);
	if (shed)
		log_ratelimited(LOG_LEVEL_WARNING, NULL,
			"%u calls are told to try later: the RADIUS servers answer %u a second",
			shed, lns->admission.rate);
}

void lns_admission_start(struct lns *lns)
{
	admission_init(&lns->admission, lns->now);
	timer_init(&lns->admission_timer, sample_timer);
	timer_set(&lns->wheel, &lns->admission_timer, lns->now + SAMPLE_MS);
}

void lns_admission_stop(struct lns *lns)
{
	timer_cancel(&lns->wheel, &lns->admission_timer);
}

bool lns_may_wait(struct lns *lns)
{
	struct admission_limits limits = limits_of(lns);

	return !aaa_radius_client(lns->radius) || admission_ask(&lns->admission, &limits);
}
