/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop of a run: sockets, timers, phases. */
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clock.h"

#define EVENTS       64
#define READ_BATCHES 8
#define TICK_NS      150000u
#define WAIT_MAX_NS  50000000u
#define REFRESH_NS   200000000u
#define STRAGGLER_NS 2000000000u
#define QUERY_NS     300000000u
#define QUERY_ROUNDS 1000u
/* the LNS gets the last message of the last set-up before the first packet: a slow one may still work on it */
#define SETTLE_NS 100000000u

static volatile sig_atomic_t run_signals;

static void run_signal(int number)
{
	run_signals++;
}

static void run_queue(struct run *run, struct port *p, const struct sockaddr_storage *to,
	const uint8_t *packet, size_t len)
{
	if (!p->listed) {
		p->listed = true;
		run->dirty[run->dirty_count++] = p->index;
	}
	port_queue_packet(p, to, packet, len);
}

static void run_emit(void *ctx, void *where, const uint8_t *packet, size_t len, uint64_t stamp)
{
	struct run *run = ctx;
	struct tunnel *t = where;
	struct port *p = &run->ports[t->port];

	if (p->link != NULL)
		secure_send(&run->secure, p->link, run->now_ns / 1000000u, &t->peer, packet, len);
	else
		run_queue(run, p, &t->peer, packet, len);
}

/* what is inside ESP already */
static void run_emit_link(void *ctx, void *where, const uint8_t *packet, size_t len, uint64_t stamp)
{
	struct run *run = ctx;
	struct secure_link *l = where;

	run_queue(run, &run->ports[run->clear_count + l->number], &l->lns, packet, len);
}

static void run_flush(struct run *run)
{
	while (run->dirty_count > 0) {
		struct port *p = &run->ports[run->dirty[--run->dirty_count]];

		p->listed = false;
		port_flush(p);
	}
}

static void run_send(void *ctx, struct tunnel *t, const uint8_t *packet, size_t len)
{
	struct run *run = ctx;

	if (impair_active(&run->control_out))
		impair_packet(&run->control_out, run->now_ns / 1000000u, t, packet, len, 0,
			run_emit, run);
	else
		run_emit(run, t, packet, len, 0);
}

static void run_ip(void *ctx, struct session *s, const uint8_t *packet, size_t len, uint64_t stamp)
{
	struct run *run = ctx;

	if (run->phase == RUN_MTU && mtu_receive(&run->mtu, s, packet, len))
		return;
	if (run->far_end)
		traffic_receive(&run->traffic, s, packet, len, stamp);
}

static const struct lac_ops run_lac_ops = {run_send, run_ip};

/* from impairment: the source is no longer known, the port is */
static void run_input(void *ctx, void *where, const uint8_t *packet, size_t len, uint64_t stamp)
{
	struct run *run = ctx;
	struct port *p = where;

	lac_input(&run->lac, run->now_ns, NULL, p->index, packet, len, stamp);
}

static void run_received(void *ctx, uint32_t port, const struct port_received *r)
{
	struct run *run = ctx;
	struct impair *im = &run->control_in;
	struct port_received inner = *r;
	struct sockaddr_storage source;

	if (run->ports[port].link != NULL) {
		inner.len = secure_receive(
			&run->secure, run->ports[port].link, r, &inner.data, &source);
		inner.from = &source;
		if (inner.len == 0)
			return;
		r = &inner;
	}
	if (impair_active(&run->data_in) || impair_active(im)) {
		if (lac_is_user_data(r->data, r->len))
			im = &run->data_in;
		if (impair_active(im)) {
			impair_packet(im, run->now_ns / 1000000u, &run->ports[port], r->data,
				r->len, r->stamp, run_input, run);
			return;
		}
	}
	lac_input(&run->lac, run->now_ns, r->from, port, r->data, r->len, r->stamp);
}

static int run_open_far_end(struct run *run)
{
	const struct options *o = run->options;
	uint32_t id = (uint32_t)random_next(&run->lac.random);
	int rc;

	if (!o->internet_local && !o->internet_remote)
		return 0;
	rc = traffic_init(
		&run->traffic, o, &run->lac, run->ports, &run->data_out, run_emit, run, id);
	if (rc == 0 && o->internet_local)
		rc = internet_open(&run->internet, o, id);
	run->far_end = rc == 0;
	return rc;
}

int run_open(struct run *run, const struct options *options)
{
	struct sigaction action = {.sa_handler = run_signal};
	int rc;

	memset(run, 0, sizeof(*run));
	run->options = options;
	run->epoll = -1;
	run->internet.port.fd = -1;
	payload_init();
	prctl(PR_SET_TIMERSLACK, 1000);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	run->now_ns = run->started_ns = clock_monotonic_ns();
	rc = lac_init(&run->lac, options, &run_lac_ops, run, run->now_ns);
	run->cycles = calloc(options->cycles, sizeof(*run->cycles));
	if (rc == 0 && run->cycles == NULL)
		rc = -ENOMEM;
	if (rc == 0)
		rc = secure_open(&run->secure, options, run_emit_link, run);
	if (rc == 0)
		rc = run_open_ports(run);
	if (rc == 0)
		rc = impair_init(&run->control_out, &options->impair, options->seed + 1);
	if (rc == 0)
		rc = impair_init(&run->control_in, &options->impair, options->seed + 2);
	if (rc == 0)
		rc = impair_init(&run->data_out, &options->impair_data, options->seed + 3);
	if (rc == 0)
		rc = impair_init(&run->data_in, &options->impair_data, options->seed + 4);
	if (rc == 0)
		rc = run_open_far_end(run);
	if (rc == -ENOMEM)
		fprintf(stderr, "lnsload: out of memory for %u sessions over %u tunnels\n",
			options->sessions, options->tunnels);
	return rc;
}

void run_close(struct run *run)
{
	internet_close(&run->internet);
	mtu_close(&run->mtu);
	traffic_free(&run->traffic);
	for (uint32_t i = 0; run->ports != NULL && i < run->port_count; i++)
		port_close(&run->ports[i]);
	secure_close(&run->secure);
	impair_free(&run->control_out);
	impair_free(&run->control_in);
	impair_free(&run->data_out);
	impair_free(&run->data_in);
	if (run->epoll >= 0)
		close(run->epoll);
	free(run->ports);
	free(run->dirty);
	free(run->cycles);
	lac_free(&run->lac);
}

static void run_enter(struct run *run, enum run_phase phase)
{
	progress_show(run, true);
	run->phase = phase;
	run->phase_ns = run->now_ns;
}

static void run_refresh_target6(struct run *run, const struct session *s, bool up)
{
	struct internet_target *target;
	uint8_t address[16];

	if (!run->options->by_ipv6)
		return;
	target = &run->internet.targets[run->options->sessions + s->number];
	link6_address(&s->link6, address);
	/* an address stays the session's while packets go there */
	if (up && !atomic_load_explicit(&target->address, memory_order_relaxed))
		memcpy(target->address6, address, sizeof(address));
	atomic_store_explicit(&target->address, up ? 1 : 0, memory_order_release);
}

/* the far end learns which sessions are there */
static void run_refresh_targets(struct run *run)
{
	for (uint32_t i = 0; run->internet.started && i < run->options->sessions; i++) {
		const struct session *s = &run->lac.sessions[i];
		bool up = s->state == SESSION_UP && s->ppp.phase == PPP_UP;

		atomic_store_explicit(&run->internet.targets[i].address,
			up ? htonl(s->ppp.address) : 0, memory_order_relaxed);
		run_refresh_target6(run, s, up);
	}
	run->refreshed_ns = run->now_ns;
}

static void run_start_traffic(struct run *run)
{
	run_enter(run, RUN_TRAFFIC);
	run_connect_ports(run);
	traffic_start(&run->traffic, run->now_ns);
	if (run->options->direction & OPTIONS_DOWN)
		atomic_store_explicit(&run->internet.sending, true, memory_order_release);
}

static void run_setup_done(struct run *run)
{
	struct run_cycle *c = &run->cycles[run->cycle];
	const struct lac_stats *s = &run->lac.stats;

	c->sessions_up = s->sessions_up;
	c->sessions_failed = s->sessions_failed;
	for (uint32_t i = 0; i < run->cycle; i++) {
		c->sessions_up -= run->cycles[i].sessions_up;
		c->sessions_failed -= run->cycles[i].sessions_failed;
	}
	if (s->last_up_ns > s->first_icrq_ns)
		c->setup_ns = s->last_up_ns - s->first_icrq_ns;
	if (lac_check_addresses(&run->lac) != 0)
		fputs("lnsload: out of memory, addresses were not compared\n", stderr);
	run_refresh_targets(run);
	if (report_sessions(run) != 0)
		run->interrupted = true;
	if (run->options->verify_mtu && run->lac.live > 0 && !run->mtu.done) {
		run_enter(run, RUN_MTU);
		if (mtu_open(&run->mtu, run->options, &run->lac, run->traffic.run, run->now_ns) !=
			0)
			run->interrupted = true;
	} else if (run->options->pps > 0 && run->lac.live > 0 && run->far_end) {
		run_start_traffic(run);
	} else {
		run_enter(run, RUN_HOLD);
	}
}

static uint64_t run_total_received(const struct run *run)
{
	return run->traffic.sum.received + run->internet.sum.received;
}

static bool run_drained(struct run *run)
{
	struct run_loss l;

	if (run_total_received(run) != run->seen_received) {
		run->seen_received = run_total_received(run);
		run->received_ns = run->now_ns;
	}
	if (run->traffic.reports != NULL) {
		/* the packets first, then the questions about them */
		if (run->now_ns - run->received_ns < STRAGGLER_NS / 4)
			return false;
		if (run->now_ns - run->queried_ns < QUERY_NS / 100)
			return false;
		run->queried_ns = run->now_ns;
		return traffic_query(&run->traffic, &run->query_cursor) ||
			run->queries++ > QUERY_ROUNDS + run->options->sessions / 64;
	}
	run_loss(run, &l);
	if (l.up_lost == 0 && l.down_lost == 0 && run->now_ns - run->phase_ns > STRAGGLER_NS / 20)
		return true;
	return run->now_ns - run->received_ns > STRAGGLER_NS;
}

static void run_teardown_done(struct run *run)
{
	run->cycles[run->cycle].teardown_ns = run->now_ns - run->phase_ns;
	if (++run->cycle >= run->options->cycles || run->interrupted) {
		run_enter(run, RUN_DONE);
		return;
	}
	impair_clear(&run->control_in);
	impair_clear(&run->control_out);
	impair_clear(&run->data_in);
	impair_clear(&run->data_out);
	impair_clear(&run->secure.inject);
	lac_cycle_begin(&run->lac, run->now_ns);
	run_enter(run, RUN_SETUP);
}

static void run_step(struct run *run)
{
	uint64_t in_phase = run->now_ns - run->phase_ns;
	uint64_t length;

	switch (run->phase) {
	case RUN_SETUP:
		if (lac_setup(&run->lac, run->now_ns) &&
			run->now_ns - run->lac.stats.last_up_ns > SETTLE_NS)
			run_setup_done(run);
		return;
	case RUN_MTU:
		if (!mtu_step(&run->mtu, run->now_ns))
			return;
		mtu_close(&run->mtu);
		if (run->options->pps > 0)
			run_start_traffic(run);
		else
			run_enter(run, RUN_HOLD);
		return;
	case RUN_TRAFFIC:
		length = (uint64_t)run->options->traffic_seconds * 1000000000u;
		if (run->now_ns - run->refreshed_ns > REFRESH_NS)
			run_refresh_targets(run);
		if (in_phase < length && run->lac.live > 0) {
			if (run->options->direction & OPTIONS_UP || run->options->internet_remote)
				traffic_send(&run->traffic, run->now_ns);
			return;
		}
		atomic_store_explicit(&run->internet.sending, false, memory_order_release);
		run->traffic_ns += in_phase;
		run->received_ns = run->now_ns;
		run->queries = 0;
		run_enter(run, RUN_DRAIN);
		return;
	case RUN_DRAIN:
		if (!run_drained(run))
			return;
		if (report_sessions(run) != 0)
			run->interrupted = true;
		run_enter(run, RUN_HOLD);
		return;
	case RUN_HOLD:
		length = (uint64_t)run->options->hold_seconds * 1000000000u;
		if (in_phase >= length)
			run_enter(run, run->options->no_teardown ? RUN_DONE : RUN_TEARDOWN);
		return;
	case RUN_TEARDOWN:
		if (lac_teardown(&run->lac, run->now_ns))
			run_teardown_done(run);
		return;
	default:
		return;
	}
}

static uint64_t run_wait(const struct run *run)
{
	uint64_t wait = WAIT_MAX_NS;
	uint64_t timer = wheel_wait(&run->lac.wheel, run->now_ns / 1000000u);

	if (timer < wait / 1000000u)
		wait = (timer + 1) * 1000000u;
	if (run->phase == RUN_SETUP || run->phase == RUN_TEARDOWN || run->phase == RUN_MTU ||
		run->phase == RUN_DRAIN)
		wait = wait < 1000000u ? wait : 1000000u;
	return wait;
}

static void run_poll(struct run *run)
{
	struct epoll_event events[EVENTS];
	struct timespec ts = {.tv_nsec = (long)run_wait(run)};
	int n;

	if (run->phase == RUN_TRAFFIC) {
		bool sending = run->options->direction & OPTIONS_UP ||
			run->options->internet_remote;
		uint64_t wait = flow_pacer_wait(&run->traffic.pacer, clock_monotonic_ns());

		/* packets come in all the time: read them in batches, not one by one */
		ts.tv_nsec = TICK_NS;
		if (wait > 0 || !sending)
			nanosleep(&ts, NULL);
		ts.tv_nsec = 0;
	}
	n = epoll_pwait2(run->epoll, events, EVENTS, &ts, NULL);
	if (n < 0 && errno == ENOSYS)
		n = epoll_wait(run->epoll, events, EVENTS, ts.tv_nsec > 0 ? 1 : 0);
	run->now_ns = clock_monotonic_ns();
	for (int i = 0; i < n; i++) {
		struct port *p = &run->ports[events[i].data.u32];

		for (int k = 0; k < READ_BATCHES; k++) {
			if (port_receive(p, run_received, run) < PORT_BATCH)
				break;
			run->now_ns = clock_monotonic_ns();
			if (run->phase == RUN_TRAFFIC)
				run_step(run);
		}
	}
}

static void run_impairments(struct run *run)
{
	uint64_t now = run->now_ns / 1000000u;

	impair_release(&run->control_in, now, run_input, run);
	impair_release(&run->data_in, now, run_input, run);
	impair_release(&run->control_out, now, run_emit, run);
	impair_release(&run->data_out, now, run_emit, run);
	impair_release(&run->secure.inject, now, run_emit_link, run);
}

void run_loop(struct run *run)
{
	int handled = 0;

	lac_cycle_begin(&run->lac, run->now_ns);
	run->phase_ns = run->now_ns;
	while (run->phase != RUN_DONE) {
		run_poll(run);
		run_impairments(run);
		lac_expire(&run->lac, run->now_ns);
		run_step(run);
		lac_acknowledge(&run->lac);
		run_flush(run);
		progress_show(run, false);
		if (run_signals > handled || (run->interrupted && run->phase < RUN_TEARDOWN)) {
			handled = run_signals;
			run->interrupted = true;
			atomic_store(&run->internet.sending, false);
			run_enter(run,
				handled > 1 || run->options->no_teardown ? RUN_DONE : RUN_TEARDOWN);
		}
	}
}
