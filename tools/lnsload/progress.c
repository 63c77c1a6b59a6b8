/* SPDX-License-Identifier: BSD-3-Clause */
/* The live line on stderr. */
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "run.h"

static const char *progress_phase(enum run_phase phase)
{
	static const char *const names[] = {
		"set-up", "mtu", "traffic", "drain", "hold", "teardown", "done"};

	return names[phase];
}

/* " esp 8": so many of the tunnels that are up are inside ESP */
static const char *progress_esp(const struct run *run, char text[16])
{
	unsigned up = 0;

	text[0] = '\0';
	if (!run->options->esp.on)
		return text;
	for (uint32_t i = 0; i < run->options->tunnels; i++)
		up += run->secure.link_of[i] != SECURE_CLEAR &&
			run->lac.tunnels[i].state == TUNNEL_UP;
	snprintf(text, 16, " esp %u", up);
	return text;
}

void progress_show(struct run *run, bool last)
{
	const struct lac_stats *s = &run->lac.stats;
	uint64_t now = run->now_ns, up = run->internet.sum.received, down;
	double seconds = (double)(now - run->progress_ns) / 1e9;
	bool terminal;
	struct run_loss l = {0};
	char esp[16];

	if (run->options->quiet || run->phase == RUN_DONE)
		return;
	if (!last && seconds < run->options->interval_seconds)
		return;
	if (run->progress_ns == 0)
		seconds = (double)(now - run->started_ns) / 1e9;
	if (seconds < 0.001)
		seconds = 0.001;
	down = run->traffic.sum.received;
	/* while packets are under way the difference is no loss yet */
	if (run->phase > RUN_DRAIN)
		run_loss(run, &l);
	terminal = isatty(STDERR_FILENO);
	fprintf(stderr,
		"%slnsload %6.1fs %-8s tunnels %u/%u%s  sessions up %u failed %llu lost %llu  "
		"%.0f/s "
		" "
		"up %.0f pps  down %.0f pps  loss %llu%s",
		terminal ? "\r\033[K" : "", (double)(now - run->started_ns) / 1e9,
		progress_phase(run->phase), run->lac.tunnels_open, run->options->tunnels,
		progress_esp(run, esp), run->lac.live, (unsigned long long)s->sessions_failed,
		(unsigned long long)s->sessions_lost,
		(double)(s->sessions_up - run->progress_sessions) / seconds,
		(double)(up - run->progress_up) / seconds,
		(double)(down - run->progress_down) / seconds,
		(unsigned long long)(l.up_lost + l.down_lost), terminal && !last ? "" : "\n");
	fflush(stderr);
	run->progress_ns = now;
	run->progress_sessions = s->sessions_up;
	run->progress_up = up;
	run->progress_down = down;
}
