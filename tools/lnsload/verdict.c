/* SPDX-License-Identifier: BSD-3-Clause */
/* Judges a run: what was lost, and whether everything was as it has to be. */
#include <stdio.h>

#include "run.h"

void run_loss(const struct run *run, struct run_loss *l)
{
	const struct traffic *t = &run->traffic;
	const struct internet *in = &run->internet;

	*l = (struct run_loss){0};
	if (!run->far_end)
		return;
	l->up_sent = t->sent;
	l->up_sent_bytes = t->sent_bytes;
	l->down_sent = in->sent;
	l->down_sent_bytes = in->sent_bytes;
	for (uint32_t i = 0; i < t->flows; i++) {
		l->down_received += t->rx[i].sequence.received;
		if (t->reports != NULL) {
			l->up_received += t->reports[i].received;
			l->down_sent += t->reports[i].sent;
			l->down_sent_bytes += t->reports[i].sent_bytes;
		} else {
			l->up_received += in->rx[i].sequence.received;
		}
	}
	l->up_lost = l->up_sent > l->up_received ? l->up_sent - l->up_received : 0;
	l->down_lost = l->down_sent > l->down_received ? l->down_sent - l->down_received : 0;
}

#define REFUSE(condition, ...)                                \
	do {                                                  \
		if (condition) {                              \
			snprintf(why, capacity, __VA_ARGS__); \
			return false;                         \
		}                                             \
	} while (0)

/* Others may share our address, and dummies and keepalives are allowed. */
static bool verdict_harmless(unsigned reject)
{
	return reject == ASSOCIATION_SPI || reject == SECURE_SOURCE || reject == SECURE_IKE ||
		reject == SECURE_KEEPALIVE || reject == SECURE_DUMMY;
}

bool run_ok(const struct run *run, char *why, size_t capacity)
{
	const struct lac_stats *s = &run->lac.stats;
	const struct options *o = run->options;
	const struct flow_sum *down = &run->traffic.sum, *up = &run->internet.sum;
	uint64_t wanted = (uint64_t)o->sessions * o->cycles;
	bool lossy = o->impair_data.loss > 0 || o->impair_data.duplicate > 0 ||
		o->impair_data.reorder > 0;
	struct run_loss l;

	run_loss(run, &l);
	for (unsigned i = 1; i < SECURE_REJECTS; i++)
		if (!verdict_harmless(i))
			REFUSE(run->secure.stats.rejects[i] > 0,
				"%llu ESP packets from the LNS were refused: %s",
				(unsigned long long)run->secure.stats.rejects[i],
				secure_reject_name(i));
	REFUSE(run->secure.stats.exhausted > 0, "%llu packets could not be sent inside ESP",
		(unsigned long long)run->secure.stats.exhausted);
	REFUSE(s->tunnels_failed > 0 || s->tunnels_lost > 0,
		"%llu tunnels failed, %llu were lost%s%s", (unsigned long long)s->tunnels_failed,
		(unsigned long long)s->tunnels_lost, s->first_error[0] ? "; first: " : "",
		s->first_error);
	REFUSE(s->sessions_up < wanted, "%llu of %llu sessions did not come up%s%s",
		(unsigned long long)(wanted - s->sessions_up), (unsigned long long)wanted,
		s->first_error[0] ? "; first: " : "", s->first_error);
	REFUSE(s->sessions_lost > 0, "%llu sessions were lost%s%s",
		(unsigned long long)s->sessions_lost, s->first_error[0] ? "; first: " : "",
		s->first_error);
	REFUSE(s->address_conflicts > 0, "%llu addresses were given to two sessions at a time",
		(unsigned long long)s->address_conflicts);
	REFUSE(s->malformed + s->ppp.malformed > 0, "%llu malformed messages from the LNS%s%s",
		(unsigned long long)(s->malformed + s->ppp.malformed),
		s->first_error[0] ? "; first: " : "", s->first_error);
	REFUSE(down->misdelivered + up->misdelivered > 0, "%llu packets were misdelivered",
		(unsigned long long)(down->misdelivered + up->misdelivered));
	REFUSE(down->corrupt + up->corrupt > 0, "%llu packets came corrupted",
		(unsigned long long)(down->corrupt + up->corrupt));
	REFUSE(down->bad_ttl + up->bad_ttl > 0, "%llu packets had a TTL not lowered by %u",
		(unsigned long long)(down->bad_ttl + up->bad_ttl), o->hops);
	REFUSE(!lossy && l.up_lost + l.down_lost > 0, "%llu packets were lost up, %llu down",
		(unsigned long long)l.up_lost, (unsigned long long)l.down_lost);
	REFUSE(!lossy && run->far_end && run->traffic.reports != NULL &&
			run->traffic.reports_missing > 0,
		"the reflector did not report on %llu sessions",
		(unsigned long long)run->traffic.reports_missing);
	REFUSE(mtu_failures(&run->mtu) > 0, "MTU: %u of %u checks failed", mtu_failures(&run->mtu),
		run->mtu.count * 3);
	REFUSE(o->pps > 0 && o->traffic_seconds > 0 && l.up_sent + l.down_sent == 0 &&
			o->sessions > 0,
		"no packet could be sent");
	REFUSE(run->interrupted, "interrupted");
	why[0] = '\0';
	return true;
}
