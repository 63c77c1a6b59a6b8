/* SPDX-License-Identifier: BSD-3-Clause */
/* The control core's loop. */
#include "control_loop.h"

#include "carrier_hold.h"
#include "ctl_show.h"
#include "lns_acct.h"
#include "lns_coa.h"
#include "log.h"
#include "metrics.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/* Budgets of one turn. */
#define KNOWN_MAX      256 /* control messages of known tunnels, PPP frames */
#define UNKNOWN_MAX    16  /* messages of unknown senders: SCCRQ */
#define EXCEPTION_MAX  64  /* packets for the kernel */
#define REPLIES_MAX    256
#define TIMERS_MAX     512
#define AAA_MAX        64
#define COA_MAX        16  /* requests to end or change a session */
#define RADIUS_MAX     256 /* answers of RADIUS servers */
#define RELEASES_MAX   512
#define TAP_MAX        KERNEL_TAP_BATCH /* packets of one device */
#define NETLINK_MAX    256
#define SWEEP_MS       30000 /* every session's counters are read once in this time */
#define SWEEP_MAX      256   /* and at most so many in one turn */
#define SWEEP_SCAN_MAX 4096
#define SAS_FIRST_MAX \
	64 /* times NETLINK_MAX: of XFRM events before a packet that may follow from them */
#define SAS_POLL_MS  1000
#define LINK_POLL_MS 100
#define STOP_MS      5000 /* a shutdown waits so long for StopCCNs to be acknowledged */
#define ACCT_MS      2000 /* and then so long for the last accounting records */
#define IDLE_MIN_NS  50000
#define IDLE_MAX_NS  1000000

#define TAPS_MAX (CONFIG_INTERFACES_MAX + CONFIG_VRFS_MAX)

enum source {
	SOURCE_SIGNAL,
	SOURCE_CTL,
	SOURCE_METRICS,
	SOURCE_ROUTE,
	SOURCE_RADIUS,
	SOURCE_COA,
	SOURCE_XFRM,
	SOURCE_TAP
};

struct control_loop {
	struct lns *lns;
	int epoll, signals;
	int coa;            /* -1: not yet among the descriptors */
	uint64_t addresses; /* version that SAs were looked at with */
	uint64_t ctl_next, link_next, sas_next, sweep_from;
	uint64_t idle_ns;
	bool reload_wanted;
	bool ctl_ready, metrics_ready, route_more, radius_ready, coa_ready, xfrm_more;
	bool taps_ready[TAPS_MAX];
	struct carrier_hold carriers[CONFIG_INTERFACES_MAX];
};

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void control_loop_stop(struct lns *lns, const char *why)
{
	if (lns->stopping)
		return;
	log_info(NULL, "shutting down: %s; %u sessions", why, lns->subscribers.n);
	lns->stopping = true;
	lns->stop_by = lns->now + STOP_MS;
	l2tp_lns_shutdown(lns->l2tp, lns->now);
}

/* A signal while one is under way: the file may be another one by now. */
static void reload(struct control_loop *loop)
{
	struct config_errors report = {0};

	loop->reload_wanted = lns_reload(loop->lns, &report) == -EBUSY;
	config_errors_free(&report);
}

static void signals_read(struct control_loop *loop)
{
	struct signalfd_siginfo info;

	while (read(loop->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			reload(loop);
		else
			control_loop_stop(
				loop->lns, info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
	}
}

/* ---- the rings ---- */

static unsigned int known_serve(struct lns *lns)
{
	struct rte_mbuf *packets[KNOWN_MAX];
	unsigned int n = dataplane_punt_poll(lns->dp, PUNT_RING_KNOWN, packets, KNOWN_MAX);

	for (unsigned int i = 0; i < n; i++) {
		const struct meta *meta = meta_of(packets[i]);
		struct subscriber *subscriber;

		if (meta->kind == PUNT_L2TP_KNOWN) {
			lns_l2tp_punt(lns, packets[i]);
			continue;
		}
		subscriber = subscribers_get(&lns->subscribers, meta->session, meta->generation);
		if (!subscriber)
			lns->drops[LNS_DROP_PPP_STALE]++;
		if (!subscriber || !subscriber_frame(subscriber, packets[i]))
			rte_pktmbuf_free(packets[i]);
	}
	return n;
}

static unsigned int unknown_serve(struct lns *lns)
{
	struct rte_mbuf *packets[UNKNOWN_MAX];
	unsigned int n = dataplane_punt_poll(lns->dp, PUNT_RING_UNKNOWN, packets, UNKNOWN_MAX);

	for (unsigned int i = 0; i < n; i++)
		lns_l2tp_punt(lns, packets[i]);
	return n;
}

/* Neighbour discovery and DHCPv6 of a session. */
static void link6_serve(struct lns *lns, struct rte_mbuf *packet)
{
	const struct meta *meta = meta_of(packet);
	struct subscriber *subscriber =
		subscribers_get(&lns->subscribers, meta->session, meta->generation);

	if (subscriber)
		subscriber_link6_input(subscriber, packet);
	else
		lns->drops[LNS_DROP_PPP_STALE]++;
	rte_pktmbuf_free(packet);
}

static unsigned int exceptions_serve(struct lns *lns)
{
	struct rte_mbuf *packets[EXCEPTION_MAX];
	unsigned int n = dataplane_punt_poll(lns->dp, PUNT_RING_EXCEPTION, packets, EXCEPTION_MAX);
	unsigned int kernel = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (subscriber_link6_takes(packets[i])) {
			link6_serve(lns, packets[i]);
			continue;
		}
		if (meta_of(packets[i])->kind == PUNT_UNRESOLVED)
			kernel_route_unresolved(lns->kernel_route, packets[i], lns->now);
		else {
			lns_paths_notice(lns, packets[i]);
			packets[kernel++] = packets[i];
		}
	}
	kernel_tap_write(lns->taps, packets, kernel);
	return n;
}

static unsigned int replies_serve(struct lns *lns)
{
	struct message_reply replies[REPLIES_MAX];
	unsigned int n = dataplane_replies(lns->dp, replies, REPLIES_MAX);

	for (unsigned int i = 0; i < n; i++) {
		const struct message_reply *reply = &replies[i];
		struct subscriber *subscriber;

		if (reply->type == MESSAGE_WORKER_STATS) {
			ctl_show_reply(lns->show, reply);
			continue;
		}
		if (reply->type == MESSAGE_NOTICE_ESP) {
			lns_sas_notice(lns, reply);
			continue;
		}
		if (reply->type != MESSAGE_SESSION_COUNTERS)
			continue;
		subscriber = subscribers_get(&lns->subscribers, reply->index, reply->generation);
		if (!subscriber || subscriber->state == SUBSCRIBER_ENDING)
			continue;
		/* an error is an answer, too: another worker owns the session now, the next sweep asks that one */
		subscriber->counters_asked--;
		if (!reply->status)
			subscriber_counted(subscriber, reply);
	}
	if (n)
		ctl_socket_wake(lns->ctl);
	return n;
}

/* Asks the owners for the counters of the next sessions, all of them once in SWEEP_MS. */
static void counters_sweep(struct control_loop *loop)
{
	struct lns *lns = loop->lns;
	struct subscribers *subscribers = &lns->subscribers;
	uint64_t elapsed = lns->now - loop->sweep_from;
	uint32_t due = (uint32_t)(elapsed >= SWEEP_MS ? subscribers->high
						      : subscribers->high * elapsed / SWEEP_MS);

	/* most places may be empty: what is looked at is bounded as well as what is asked */
	for (unsigned int n = 0, asked = 0;
		n < SWEEP_SCAN_MAX && asked < SWEEP_MAX && subscribers->sweep < due;
		n++, subscribers->sweep++) {
		struct subscriber *subscriber = subscribers->by_index[subscribers->sweep];

		if (!subscriber || subscriber->state != SUBSCRIBER_UP)
			continue;
		if (subscriber_counters_ask(subscriber))
			return;
		asked++;
	}
	if (elapsed >= SWEEP_MS && subscribers->sweep >= due) {
		subscribers->sweep = 0;
		loop->sweep_from = lns->now;
	}
}

/* ---- the descriptors ---- */

static void events_take(struct control_loop *loop, const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++) {
		uint32_t source = events[i].data.u32;

		if (source == SOURCE_SIGNAL)
			signals_read(loop);
		else if (source == SOURCE_CTL)
			loop->ctl_ready = true;
		else if (source == SOURCE_METRICS)
			loop->metrics_ready = true;
		else if (source == SOURCE_ROUTE)
			loop->route_more = true;
		else if (source == SOURCE_RADIUS)
			loop->radius_ready = true;
		else if (source == SOURCE_COA)
			loop->coa_ready = true;
		else if (source == SOURCE_XFRM)
			loop->xfrm_more = true;
		else
			loop->taps_ready[source - SOURCE_TAP] = true;
	}
}

/* An SA is in place before the IKE message that announces it is on the wire. */
static void sas_first(void *user)
{
	struct lns *lns = user;
	unsigned int rounds = SAS_FIRST_MAX;

	while (rounds-- && kernel_xfrm_read(lns->kernel_xfrm, NETLINK_MAX, lns->now))
		;
}

static int source_add(struct control_loop *loop, int fd, uint32_t source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = source};

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* A reload may have opened it. */
static int coa_add(struct control_loop *loop)
{
	int fd = lns_coa_fd(loop->lns), rc = 0;

	if (loop->coa == fd)
		return 0;
	rc = source_add(loop, fd, SOURCE_COA);
	if (!rc)
		loop->coa = fd;
	return rc;
}

static unsigned int descriptors_serve(struct control_loop *loop)
{
	struct lns *lns = loop->lns;
	unsigned int n = 0;

	if (coa_add(loop))
		log_ratelimited(LOG_LEVEL_ERROR, NULL, "CoA: its socket is not listened to");
	/* routes and neighbours before the packets that follow from them */
	if (loop->route_more)
		loop->route_more = kernel_route_read(lns->kernel_route, NETLINK_MAX);
	if (loop->coa_ready) {
		loop->coa_ready = false;
		n += lns_coa_read(lns, COA_MAX);
	}
	if (loop->radius_ready) {
		loop->radius_ready = false;
		n += aaa_radius_read(lns->radius, RADIUS_MAX);
	}
	if (loop->xfrm_more)
		loop->xfrm_more = kernel_xfrm_read(lns->kernel_xfrm, NETLINK_MAX, lns->now);
	for (unsigned int k = 0; k < kernel_taps_count(lns->taps); k++) {
		unsigned int got;

		if (!loop->taps_ready[k])
			continue;
		got = kernel_tap_forward(lns->taps, k, TAP_MAX, sas_first, lns);
		loop->taps_ready[k] = got == TAP_MAX;
		n += got;
	}
	if (loop->ctl_ready || lns->now >= loop->ctl_next) {
		loop->ctl_ready = false;
		loop->ctl_next = ctl_socket_service(lns->ctl, lns->now);
	}
	if (lns->metrics) {
		n += metrics_service(lns->metrics, loop->metrics_ready, lns->now);
		loop->metrics_ready = false;
	}
	return n + loop->route_more + loop->xfrm_more;
}

static void links_poll(struct control_loop *loop)
{
	struct lns *lns = loop->lns;

	if (lns->now < loop->link_next)
		return;
	loop->link_next = lns->now + LINK_POLL_MS;
	for (unsigned int i = 0; i < dataplane_ifaces(lns->dp); i++) {
		bool up = carrier_hold_sample(
			&loop->carriers[i], dataplane_iface_link(lns->dp, i), lns->now);

		kernel_tap_carrier(lns->taps, i, up);
		kernel_route_link(lns->kernel_route, i, up);
	}
}

/* Waits for descriptors: not at all after a busy turn, then ever longer, up to a millisecond. */
static void loop_wait(struct control_loop *loop, bool busy)
{
	struct epoll_event events[16];
	struct timespec timeout = {0};
	bool poll = lns_config(loop->lns)->dpdk.control_poll;

	if (busy || poll)
		loop->idle_ns = 0;
	else
		loop->idle_ns = loop->idle_ns ? RTE_MIN(loop->idle_ns * 2, (uint64_t)IDLE_MAX_NS)
					      : IDLE_MIN_NS;
	/* descriptors are looked at every few turns even under full load */
	if ((busy || poll) && loop->lns->turns % 16)
		return;
	timeout.tv_nsec = (long)loop->idle_ns;
	events_take(loop, events, epoll_pwait2(loop->epoll, events, 16, &timeout, NULL));
}

void control_loop_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGHUP);
}

static int loop_open(struct control_loop *loop)
{
	struct lns *lns = loop->lns;
	sigset_t signals;
	int rc;

	control_loop_signals(&signals);
	loop->signals = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->signals < 0 || loop->epoll < 0)
		return -errno;
	rc = source_add(loop, loop->signals, SOURCE_SIGNAL);
	if (!rc)
		rc = source_add(loop, ctl_socket_fd(lns->ctl), SOURCE_CTL);
	if (!rc && lns->metrics)
		rc = source_add(loop, metrics_fd(lns->metrics), SOURCE_METRICS);
	if (!rc)
		rc = source_add(loop, kernel_route_fd(lns->kernel_route), SOURCE_ROUTE);
	if (!rc)
		rc = source_add(loop, aaa_radius_fd(lns->radius), SOURCE_RADIUS);
	if (!rc)
		rc = coa_add(loop);
	if (!rc && kernel_xfrm_fd(lns->kernel_xfrm) >= 0)
		rc = source_add(loop, kernel_xfrm_fd(lns->kernel_xfrm), SOURCE_XFRM);
	for (unsigned int k = 0; !rc && k < kernel_taps_count(lns->taps); k++)
		rc = source_add(loop, kernel_tap_fd(lns->taps, k), SOURCE_TAP + k);
	return rc;
}

static bool loop_finished(struct lns *lns)
{
	bool open;

	if (!lns->stopping)
		return false;
	open = l2tp_lns_tunnels_open(lns->l2tp) || lns->subscribers.n_ending;
	if (open && lns->now < lns->stop_by)
		return false;
	if (open && !lns->acct_off)
		log_warning(NULL, "shutdown: %u tunnels did not acknowledge their StopCCN in %u s",
			l2tp_lns_tunnels_open(lns->l2tp), STOP_MS / 1000);
	/* what the servers do not acknowledge by then waits in the spool */
	if (!lns->acct_off)
		lns->stop_by = lns->now + ACCT_MS;
	return lns_acct_finished(lns) || lns->now >= lns->stop_by;
}

static unsigned int loop_turn(struct control_loop *loop)
{
	struct lns *lns = loop->lns;
	unsigned int work = known_serve(lns);

	work += replies_serve(lns);
	work += aaa_poll(lns->aaa, AAA_MAX);
	work += lns_acct_poll(lns);
	work += timer_wheel_run(&lns->wheel, lns->now, TIMERS_MAX);
	work += unknown_serve(lns);
	work += exceptions_serve(lns);
	work += rcu_poll(dataplane_rcu(lns->dp), RELEASES_MAX);
	install_poll(lns->install);
	work += install_route_poll(lns->routes, NETLINK_MAX);
	kernel_route_poll(lns->kernel_route, lns->now);
	work += descriptors_serve(loop);
	kernel_xfrm_poll(lns->kernel_xfrm, lns->now);
	work += subscriber_link6_poll(lns);
	counters_sweep(loop);
	if (lns->now >= loop->sas_next) {
		loop->sas_next = lns->now + SAS_POLL_MS;
		install_sas_poll(lns->sas, lns->now);
		if (loop->addresses != kernel_route_addresses(lns->kernel_route)) {
			loop->addresses = kernel_route_addresses(lns->kernel_route);
			kernel_xfrm_addresses_changed(lns->kernel_xfrm);
		}
	}
	links_poll(loop);
	lns_paths_poll(lns);
	if (loop->reload_wanted && !lns->reload)
		reload(loop);
	return work + lns_reload_poll(lns);
}

int control_loop_run(struct lns *lns)
{
	struct control_loop loop = {.lns = lns, .epoll = -1, .signals = -1, .coa = -1};
	int rc = loop_open(&loop);

	if (rc)
		goto out;
	lns->now = clock_ms();
	loop.sweep_from = lns->now;
	loop.addresses = kernel_route_addresses(lns->kernel_route);
	while (!loop_finished(lns)) {
		unsigned int work;

		lns->now = clock_ms();
		work = loop_turn(&loop);
		lns->turns++;
		lns->busy_turns += work != 0;
		loop_wait(&loop, work != 0);
	}
out:
	if (loop.signals >= 0)
		close(loop.signals);
	if (loop.epoll >= 0)
		close(loop.epoll);
	return rc;
}
