/* SPDX-License-Identifier: BSD-3-Clause */
/* The mirror of SAs against a kernel that the test plays: dumps, events, losses, reservations, limits, restarts. */
#include "kernel_xfrm.h"

#include "eal.h"
#include "xfrm_messages.h"

#include <crypto/digest.h>
#include <crypto/esp.h>

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <unistd.h>

static struct rcu *rcu;
static struct sa_table *table;
static struct sa_store *store;
static struct install_sas *sas;
static struct kernel_xfrm *mirror;
static struct kernel_xfrm_stats stats;
static uint64_t now;

/* The kernel's ends of the sockets. */
static int events, requests;
static uint32_t dump_seq;
static _Alignas(8) uint8_t buffer[65536 + 4096];

/* What arrived of XFRM_MSG_NEWAE and XFRM_MSG_EXPIRE. */
static struct {
	unsigned int updates, expires, counters;
	bool hard;
	uint32_t seqs[64];
	uint64_t sent, received, packets, bytes;
} got;

static int vrf_of(void *user, uint8_t family, const uint8_t address[16])
{
	static const uint8_t ours4[16] = {10, 9, 0, 2}, ours6[16] = {0x20, 1, 0xd, 0xb8, [15] = 2};

	(void)user;
	return memcmp(address, family == 4 ? ours4 : ours6, 16) ? -1 : 0;
}

static void kernel_sends(const struct nlmsghdr *nlh)
{
	cr_assert_eq(send(events, nlh, nlh->nlmsg_len, 0), (ssize_t)nlh->nlmsg_len);
}

/* The dump request that has come; false: none. */
static bool dump_asked(void)
{
	struct nlmsghdr nlh;

	if (recv(events, &nlh, sizeof(nlh), MSG_DONTWAIT) < (ssize_t)sizeof(nlh))
		return false;
	cr_assert_eq(nlh.nlmsg_type, XFRM_MSG_GETSA);
	dump_seq = nlh.nlmsg_seq;
	return true;
}

/* Also that of policies, which follows. */
static void dump_ends(void)
{
	struct nlmsghdr nlh;

	kernel_sends(message_status(buffer, NLMSG_DONE, dump_seq, 0));
	while (kernel_xfrm_read(mirror, 100, now))
		;
	if (recv(events, &nlh, sizeof(nlh), MSG_DONTWAIT) < (ssize_t)sizeof(nlh))
		return; /* it was interrupted */
	cr_assert_eq(nlh.nlmsg_type, XFRM_MSG_GETPOLICY);
	kernel_sends(message_status(buffer, NLMSG_DONE, nlh.nlmsg_seq, 0));
}

static void start(void)
{
	struct kernel_xfrm_settings settings = {
		.sas = sas, .replay_window = 1024, .vrf_of = vrf_of};
	int a[2], b[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, a), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, b), 0);
	events = a[1];
	requests = b[1];
	mirror = kernel_xfrm_create_on(&settings, a[0], b[0]);
	cr_assert_not_null(mirror);
	cr_assert(dump_asked());
}

static void sas_start(void)
{
	struct install_sa_settings settings = {.n_workers = 1, .max = 64};

	rcu = rcu_create(1);
	table = sa_table_create(128, rcu);
	store = sa_store_create("ipsec-mb", -1);
	cr_assert(rcu && table && store, "%s", esp_reason());
	settings.table = table;
	settings.store = store;
	sas = install_sas_create(&settings);
	cr_assert_not_null(sas);
}

static void stop(void)
{
	rcu_worker_offline(rcu, 0);
	rcu_drain(rcu);
	kernel_xfrm_destroy(mirror);
	install_sas_destroy(sas);
	sa_store_destroy(store);
	sa_table_destroy(table);
	rcu_destroy(rcu);
	close(events);
	close(requests);
}

static void setup(void)
{
	eal_init();
	cr_assert_eq(digest_init(), 0);
	sas_start();
	start();
	/* from here on the clock is the test's */
	now = 1u << 30;
	kernel_xfrm_poll(mirror, now);
}

static void teardown(void)
{
	stop();
	digest_fini();
}

TestSuite(kernel_xfrm, .init = setup, .fini = teardown);

static void reads(void)
{
	while (kernel_xfrm_read(mirror, 100, now))
		;
	kernel_xfrm_stats(mirror, &stats);
}

static void passes(uint64_t ms)
{
	now += ms;
	kernel_xfrm_poll(mirror, now);
	kernel_xfrm_stats(mirror, &stats);
}

static void update_take(const struct nlmsghdr *nlh)
{
	const struct nlattr *attribute;

	got.seqs[got.updates++ % 64] = nlh->nlmsg_seq;
	mnl_attr_for_each(attribute, nlh, sizeof(struct xfrm_aevent_id))
	{
		const void *value = mnl_attr_get_payload(attribute);
		const struct xfrm_replay_state_esn *esn = value;
		const struct xfrm_replay_state *replay = value;
		const struct xfrm_lifetime_cur *lifetime = value;

		switch (mnl_attr_get_type(attribute)) {
		case XFRMA_REPLAY_ESN_VAL:
			got.sent = (uint64_t)esn->oseq_hi << 32 | esn->oseq;
			got.received = (uint64_t)esn->seq_hi << 32 | esn->seq;
			break;
		case XFRMA_REPLAY_VAL:
			got.sent = replay->oseq;
			got.received = replay->seq;
			break;
		case XFRMA_LTIME_VAL:
			got.counters++;
			got.packets = lifetime->packets;
			got.bytes = lifetime->bytes;
			break;
		}
	}
}

/* Takes what was sent to the kernel; error: of the answers to what wants one; 1: no answer. */
static void kernel_answers(int error)
{
	static _Alignas(8) uint8_t request[16384], answer[256];
	ssize_t n;

	memset(&got, 0, sizeof(got));
	while ((n = recv(requests, request, sizeof(request), MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)request;
		int left = (int)n;

		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_type == XFRM_MSG_NEWAE) {
				update_take(nlh);
			} else {
				cr_assert_eq(nlh->nlmsg_type, XFRM_MSG_EXPIRE);
				got.expires++;
				got.hard = ((const struct xfrm_user_expire *)mnl_nlmsg_get_payload(
						    nlh))
						   ->hard;
			}
			if (!(nlh->nlmsg_flags & NLM_F_ACK) || error > 0)
				continue;
			message_status(answer, NLMSG_ERROR, nlh->nlmsg_seq, error);
			cr_assert_gt(
				send(requests, answer, ((struct nlmsghdr *)answer)->nlmsg_len, 0),
				0);
		}
	}
}

static struct nlmsghdr *in(uint32_t spi)
{
	struct nlmsghdr *nlh = message_sa(buffer, XFRM_MSG_UPDSA, "10.9.0.1", "10.9.0.2", spi);

	message_aead(nlh, "rfc4106(gcm(aes))", 20, 128, (uint8_t)spi);
	message_info(nlh)->replay_window = 32;
	return nlh;
}

static struct nlmsghdr *out(uint32_t spi, uint32_t sent)
{
	struct nlmsghdr *nlh = message_sa(buffer, XFRM_MSG_NEWSA, "10.9.0.2", "10.9.0.1", spi);

	message_aead(nlh, "rfc4106(gcm(aes))", 20, 128, (uint8_t)(spi + 128));
	message_replay(nlh, sent, 0);
	return nlh;
}

static struct nlmsghdr *out_esn(uint32_t spi, uint64_t sent)
{
	struct nlmsghdr *nlh = message_sa(buffer, XFRM_MSG_NEWSA, "10.9.0.2", "10.9.0.1", spi);

	message_aead(nlh, "rfc4106(gcm(aes))", 20, 128, (uint8_t)(spi + 128));
	message_info(nlh)->flags = XFRM_STATE_ESN;
	message_replay_esn(nlh, 1, sent, 0);
	return nlh;
}

static struct install_sa *find(uint8_t direction, uint32_t spi)
{
	static const uint8_t ours[16] = {10, 9, 0, 2}, theirs[16] = {10, 9, 0, 1};

	return install_sa_find(sas, direction, 0, 4, direction == SA_INBOUND ? ours : theirs, spi);
}

/* An outbound SA whose first numbers are acknowledged. */
static struct install_sa *running(uint32_t spi)
{
	struct install_sa *sa;

	kernel_sends(out(spi, 0));
	reads();
	kernel_answers(0);
	passes(KERNEL_XFRM_ROUND_MS);
	sa = find(SA_OUTBOUND, spi);
	cr_assert_not_null(sa);
	cr_assert_eq(sa->state, INSTALL_SA_LIVE, "%s", sa->reason);
	return sa;
}

static void grace_period(void)
{
	for (int i = 0; i < 2; i++) {
		rcu_poll(rcu, 1000);
		rcu_worker_quiescent(rcu_qsbr(rcu), 0);
	}
	rcu_poll(rcu, 1000);
}

Test(kernel_xfrm, another_replay_window_of_ours_is_for_new_sas_and_leaves_the_others_alone)
{
	const struct install_sa *sa, *other;

	kernel_sends(in(0x1001));
	reads();
	sa = find(SA_INBOUND, 0x1001);
	cr_assert_eq(sa->state, INSTALL_SA_LIVE);
	kernel_xfrm_replay_window(mirror, 2048);
	kernel_sends(in(0x1001));
	kernel_sends(in(0x1002));
	reads();
	cr_assert_eq(find(SA_INBOUND, 0x1001), sa);
	cr_assert_eq(sa->state, INSTALL_SA_LIVE);
	cr_assert_eq(sa->sa->state.replay.window, 1024);
	other = find(SA_INBOUND, 0x1002);
	cr_assert_eq(other->sa->state.replay.window, 2048);
}

Test(kernel_xfrm, the_dump_and_events_bring_sas_and_take_them)
{
	struct nlmsghdr *nlh = in(0x1001);

	nlh->nlmsg_seq = dump_seq;
	kernel_sends(nlh);
	reads();
	cr_assert_not(stats.synced);
	dump_ends();
	reads();
	cr_assert(stats.synced);
	cr_assert_eq(find(SA_INBOUND, 0x1001)->state, INSTALL_SA_LIVE);
	cr_assert_eq(find(SA_INBOUND, 0x1001)->sa->state.replay.window, 1024);
	kernel_sends(out(0x2001, 0));
	kernel_sends(in(0x1002));
	reads();
	cr_assert_eq(stats.sas, 3);
	cr_assert_eq(find(SA_OUTBOUND, 0x2001)->group, find(SA_INBOUND, 0x1001)->group);
	kernel_sends(message_delete(buffer, "10.9.0.2", 0x1001));
	reads();
	cr_assert_null(find(SA_INBOUND, 0x1001));
	cr_assert_eq(stats.sas, 2);
	/* soft: the IKE daemon's business; hard: gone */
	kernel_sends(message_expire(buffer, "10.9.0.2", 0x1002, 0));
	reads();
	cr_assert_eq(stats.sas, 2);
	kernel_sends(message_expire(buffer, "10.9.0.2", 0x1002, 1));
	reads();
	cr_assert_eq(stats.sas, 1);
	kernel_sends(message_flush(buffer, IPPROTO_AH));
	reads();
	cr_assert_eq(stats.sas, 1);
	kernel_sends(message_flush(buffer, 255));
	reads();
	cr_assert_eq(stats.sas, 0);
}

Test(kernel_xfrm, after_a_restart_the_newest_outbound_sa_is_used_although_the_dump_brings_it_first)
{
	static const struct {
		uint32_t spi;
		uint64_t added;
	} dump[] = {{0x2003, 1700000060}, {0x2002, 1700000060}, {0x2001, 1700000000}};

	for (size_t i = 0; i < 3; i++) {
		struct nlmsghdr *nlh = out(dump[i].spi, 0);

		nlh->nlmsg_seq = dump_seq;
		message_info(nlh)->curlft.add_time = dump[i].added;
		kernel_sends(nlh);
	}
	dump_ends();
	reads();
	cr_assert(install_sa_in_use(sas, find(SA_OUTBOUND, 0x2003)));
	/* a rekey is the newest, whatever the clock says */
	kernel_sends(out(0x2004, 0));
	reads();
	cr_assert(install_sa_in_use(sas, find(SA_OUTBOUND, 0x2004)));
	kernel_sends(message_delete(buffer, "10.9.0.1", 0x2004));
	kernel_sends(message_delete(buffer, "10.9.0.1", 0x2003));
	reads();
	cr_assert(install_sa_in_use(sas, find(SA_OUTBOUND, 0x2002)));
}

Test(kernel_xfrm, what_is_not_ours_is_ignored)
{
	struct nlmsghdr *nlh = message_sa(buffer, XFRM_MSG_NEWSA, "10.9.0.7", "10.9.0.8", 0x1001);

	message_aead(nlh, "rfc4106(gcm(aes))", 20, 128, 1);
	kernel_sends(nlh);
	/* larval, AH */
	kernel_sends(message_sa(buffer, XFRM_MSG_NEWSA, "10.9.0.1", "10.9.0.2", 0x1002));
	nlh = in(0x1003);
	message_info(nlh)->id.proto = IPPROTO_AH;
	kernel_sends(nlh);
	nlh = in(0x1004);
	nlh->nlmsg_type = XFRM_MSG_NEWAE;
	kernel_sends(nlh);
	reads();
	cr_assert_eq(stats.sas, 0);
	cr_assert_eq(stats.ignored, 4);
}

Test(kernel_xfrm, what_cannot_be_is_shown_refused_and_nothing_else_is_affected)
{
	struct nlmsghdr *nlh = in(0x1001);

	message_info(nlh)->mode = XFRM_MODE_BEET;
	kernel_sends(nlh);
	nlh = message_sa(buffer, XFRM_MSG_NEWSA, "10.9.0.1", "10.9.0.2", 0x1002);
	message_aead(nlh, "rfc4106(gcm(aes))", 20, 128, 0);
	kernel_sends(nlh);
	nlh = out(0x2001, 0);
	message_encap(nlh, UDP_ENCAP_ESPINUDP, 4500, 0);
	kernel_sends(nlh);
	kernel_sends(in(0x1003));
	reads();
	cr_assert_str_eq(find(SA_INBOUND, 0x1001)->reason, "mode BEET");
	cr_assert_str_eq(find(SA_OUTBOUND, 0x2001)->reason, "UDP port 0 around ESP");
	cr_assert_str_eq(find(SA_INBOUND, 0x1002)->reason,
		"the kernel does not show its keys (lockdown=confidentiality)");
	cr_assert_eq(find(SA_INBOUND, 0x1003)->state, INSTALL_SA_LIVE);
	kernel_sends(message_delete(buffer, "10.9.0.2", 0x1001));
	reads();
	cr_assert_null(find(SA_INBOUND, 0x1001));
}

Test(kernel_xfrm, no_number_is_used_before_the_kernel_has_acknowledged_it)
{
	struct install_sa *sa;

	kernel_sends(out(0x2001, 0));
	reads();
	sa = find(SA_OUTBOUND, 0x2001);
	cr_assert_eq(sa->sa->sequence_limit, 0);
	/* no answer: nothing, until it is asked for again */
	kernel_answers(1);
	cr_assert_eq(got.updates, 1);
	cr_assert_eq(got.sent, KERNEL_XFRM_AHEAD);
	passes(900);
	kernel_answers(1);
	cr_assert_eq(got.updates, 0);
	passes(200);
	passes(100);
	cr_assert_eq(sa->sa->sequence_limit, 0);
	cr_assert_eq(stats.reservation_failures, 1);
	passes(1000);
	kernel_answers(-EINVAL);
	cr_assert_geq(got.updates, 1);
	passes(100);
	cr_assert_eq(sa->sa->sequence_limit, 0);
	passes(1000);
	kernel_answers(0);
	cr_assert_geq(got.updates, 1);
	passes(100);
	cr_assert_eq(sa->sa->sequence_limit, KERNEL_XFRM_AHEAD, "%lu", sa->sa->sequence_limit);
	cr_assert_eq(stats.reservations, 1);
	/* an answer to a question that nobody asked */
	message_status(buffer, NLMSG_ERROR, 0x7fffffff, 0);
	cr_assert_gt(send(requests, buffer, ((struct nlmsghdr *)buffer)->nlmsg_len, 0), 0);
	passes(100);
	cr_assert_eq(sa->sa->sequence_limit, KERNEL_XFRM_AHEAD, "%lu", sa->sa->sequence_limit);
}

Test(kernel_xfrm, numbers_are_reserved_ahead_of_the_rate)
{
	struct install_sa *sa = running(0x2001);
	uint64_t sequence = 0;

	/* 10 million packets a second, looked at every 100 ms: never dry */
	for (unsigned int round = 0; round < 300; round++) {
		sequence += 1000000;
		cr_assert_leq(sequence, sa->sa->sequence_limit, "round %u", round);
		sa->sa->state.sequence = sequence;
		passes(KERNEL_XFRM_ROUND_MS);
		kernel_answers(0);
		passes(1);
		cr_assert_geq(sa->sa->sequence_limit - sequence, 1000000);
	}
	/* idle: no more */
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	for (unsigned int round = 0; round < 20; round++)
		passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.updates - got.counters, 0);
}

Test(kernel_xfrm, without_esn_no_number_beyond_32_bits_is_asked_for_and_a_rekey_in_time)
{
	struct install_sa *sa = running(0x2001);

	sa->sa->state.sequence = 3ull << 30;
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.expires, 1);
	cr_assert_not(got.hard);
	cr_assert_eq(sa->state, INSTALL_SA_LIVE);
	sa->sa->state.sequence = UINT32_MAX - 10;
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	passes(KERNEL_XFRM_ROUND_MS);
	cr_assert_eq(sa->sa->sequence_limit, UINT32_MAX);
	cr_assert_eq(got.expires, 0, "said once");
	sa->sa->state.sequence = UINT32_MAX;
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.expires, 1);
	cr_assert(got.hard);
	cr_assert_eq(sa->state, INSTALL_SA_STOPPED);
	cr_assert_str_eq(sa->reason, "its last sequence number is used");
	kernel_sends(message_expire(buffer, "10.9.0.1", 0x2001, 1));
	reads();
	cr_assert_eq(stats.sas, 0);
}

Test(kernel_xfrm, limits_of_bytes_and_packets)
{
	struct nlmsghdr *nlh = in(0x1001);
	struct install_sa *sa;

	message_info(nlh)->lft.soft_packet_limit = 100;
	message_info(nlh)->lft.hard_byte_limit = 50000;
	message_info(nlh)->curlft.packets = 40; /* before the daemon's restart */
	message_info(nlh)->curlft.bytes = 20000;
	kernel_sends(nlh);
	reads();
	sa = find(SA_INBOUND, 0x1001);
	sa->sa->state.packets = 59;
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.expires, 0);
	sa->sa->state.packets = 60;
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.expires, 1);
	cr_assert_not(got.hard);
	sa->sa->state.bytes = 30000;
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert(got.hard);
	cr_assert_str_eq(sa->reason, "its limit of bytes");
	cr_assert_eq(stats.soft_expires, 1);
	cr_assert_eq(stats.hard_expires, 1);
}

Test(kernel_xfrm, counters_go_back_now_and_then)
{
	struct nlmsghdr *nlh = in(0x1001);
	struct install_sa *sa;

	message_info(nlh)->curlft.packets = 5;
	message_replay(nlh, 0, 0);
	kernel_sends(nlh);
	reads();
	sa = find(SA_INBOUND, 0x1001);
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.updates, 0, "nothing has changed");
	sa->sa->state.packets = 10;
	sa->sa->state.bytes = 1234;
	replay_accept(&sa->sa->state.replay, 10);
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.counters, 1);
	cr_assert_eq(got.packets, 15);
	cr_assert_eq(got.bytes, 1234);
	cr_assert_eq(got.received, 10);
	sa->sa->state.packets = 11;
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.counters, 0, "not every time");
	passes(10000);
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.counters, 1);
	cr_assert_eq(got.packets, 16);
}

Test(kernel_xfrm, counters_of_an_outbound_sa_leave_its_reservation_alone)
{
	struct install_sa *sa = running(0x2001);

	sa->sa->state.packets = sa->sa->state.sequence = 10;
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.counters, 1);
	cr_assert_eq(got.packets, 10);
	cr_assert_eq(got.sent, 0, "no replay state in it");
}

Test(kernel_xfrm, lost_events_lead_to_a_dump_that_reconciles)
{
	struct install_sa *stays;
	struct nlmsghdr *nlh;

	dump_ends();
	kernel_sends(in(0x1001));
	kernel_sends(in(0x1002));
	reads();
	stays = find(SA_INBOUND, 0x1001);
	replay_accept(&stays->sa->state.replay, 5);
	/* longer than any message: the socket's buffer was full */
	cr_assert_eq(send(events, buffer, sizeof(buffer), 0), (ssize_t)sizeof(buffer));
	reads();
	cr_assert_eq(stats.overruns, 1);
	passes(50);
	cr_assert(dump_asked());
	nlh = in(0x1001);
	nlh->nlmsg_seq = dump_seq;
	kernel_sends(nlh);
	nlh = in(0x1003);
	nlh->nlmsg_seq = dump_seq;
	kernel_sends(nlh);
	/* one that comes in between is not the dump's, and stays all the same */
	kernel_sends(in(0x1004));
	dump_ends();
	reads();
	cr_assert_eq(find(SA_INBOUND, 0x1001), stays, "untouched");
	cr_assert_eq(stays->sa->state.replay.top, 5);
	cr_assert_null(find(SA_INBOUND, 0x1002));
	cr_assert_not_null(find(SA_INBOUND, 0x1003));
	cr_assert_not_null(find(SA_INBOUND, 0x1004));
}

Test(kernel_xfrm, an_interrupted_or_failed_dump_is_made_again_and_sweeps_nothing)
{
	struct nlmsghdr *nlh;

	kernel_sends(in(0x1001));
	nlh = in(0x1002);
	nlh->nlmsg_seq = dump_seq;
	nlh->nlmsg_flags = NLM_F_DUMP_INTR;
	kernel_sends(nlh);
	dump_ends();
	reads();
	cr_assert_not(stats.synced);
	passes(50);
	cr_assert(dump_asked());
	kernel_sends(message_status(buffer, NLMSG_DONE, dump_seq, -ENOMEM));
	reads();
	cr_assert_eq(stats.sas, 2);
	passes(1100);
	cr_assert(dump_asked());
	dump_ends();
	reads();
	cr_assert(stats.synced);
	cr_assert_eq(stats.sas, 0);
}

Test(kernel_xfrm, a_kernel_without_ipsec_is_said_once_and_no_error)
{
	kernel_sends(message_status(buffer, NLMSG_ERROR, dump_seq, -ENOSYS));
	reads();
	cr_assert_not(stats.available);
	cr_assert(stats.synced);
	passes(5000);
	cr_assert_not(dump_asked());
	kernel_xfrm_addresses_changed(mirror);
	passes(5000);
	cr_assert_not(dump_asked());
}

Test(kernel_xfrm, an_update_that_changes_nothing_leaves_the_sa_alone)
{
	struct install_sa *sa = running(0x2001);
	uint32_t generation = sa->generation;

	sa->sa->state.sequence = 55;
	kernel_sends(out(0x2001, 0));
	reads();
	cr_assert_eq(find(SA_OUTBOUND, 0x2001), sa);
	cr_assert_eq(sa->generation, generation);
	cr_assert_eq(sa->sa->state.sequence, 55);
}

Test(kernel_xfrm, a_nat_update_goes_on_above_what_was_used)
{
	struct nlmsghdr *nlh = out(0x2001, 0);
	struct install_sa *sa;
	uint32_t group;

	message_encap(nlh, UDP_ENCAP_ESPINUDP, 4500, 5000);
	kernel_sends(nlh);
	reads();
	kernel_answers(0);
	passes(KERNEL_XFRM_ROUND_MS);
	sa = find(SA_OUTBOUND, 0x2001);
	group = sa->group->id;
	sa->sa->state.sequence = 1000;
	/* as charon does it; the kernel's idea of the numbers comes back */
	kernel_sends(message_delete(buffer, "10.9.0.1", 0x2001));
	nlh = out(0x2001, KERNEL_XFRM_AHEAD);
	message_encap(nlh, UDP_ENCAP_ESPINUDP, 4500, 6000);
	kernel_sends(nlh);
	reads();
	grace_period();
	kernel_answers(0);
	passes(KERNEL_XFRM_ROUND_MS);
	sa = find(SA_OUTBOUND, 0x2001);
	cr_assert_eq(sa->state, INSTALL_SA_LIVE);
	cr_assert_eq(sa->sa->state.sequence, KERNEL_XFRM_AHEAD);
	cr_assert_eq(sa->sa->sequence_limit, 2 * KERNEL_XFRM_AHEAD);
	cr_assert_eq(sa->group->id, group);
	cr_assert_eq(sa->group->peer_port, 6000);
}

Test(kernel_xfrm, a_key_added_again_with_its_numbers_forgotten_still_goes_on)
{
	struct install_sa *sa = running(0x2001);

	sa->sa->state.sequence = 5 * (uint64_t)KERNEL_XFRM_AHEAD;
	kernel_sends(message_delete(buffer, "10.9.0.1", 0x2001));
	kernel_sends(out(0x2001, 0));
	reads();
	grace_period();
	kernel_answers(0);
	passes(KERNEL_XFRM_ROUND_MS);
	sa = find(SA_OUTBOUND, 0x2001);
	cr_assert_eq(sa->sa->state.sequence, 5 * (uint64_t)KERNEL_XFRM_AHEAD);
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	passes(KERNEL_XFRM_ROUND_MS);
	cr_assert_gt(sa->sa->sequence_limit, sa->sa->state.sequence);
}

Test(kernel_xfrm, a_key_added_again_without_its_numbers_sends_at_once_and_never_below_them)
{
	struct install_sa *sa = running(0x2001);

	sa->sa->state.sequence = 1000;
	kernel_sends(message_delete(buffer, "10.9.0.1", 0x2001));
	kernel_sends(out(0x2001, 0));
	reads();
	/* what it may still send until the grace period is over is bounded by its reservation */
	kernel_answers(0);
	cr_assert_eq(got.sent, 2 * KERNEL_XFRM_AHEAD);
	passes(1);
	sa = find(SA_OUTBOUND, 0x2001);
	cr_assert_eq(sa->state, INSTALL_SA_WAITING);
	grace_period();
	cr_assert_eq(sa->state, INSTALL_SA_LIVE);
	cr_assert_eq(sa->sa->state.sequence, 1000);
	cr_assert_eq(sa->sa->sequence_limit, 2 * KERNEL_XFRM_AHEAD);
	/* and once more, after it is gone */
	sa->sa->state.sequence = 2 * KERNEL_XFRM_AHEAD;
	kernel_sends(message_delete(buffer, "10.9.0.1", 0x2001));
	reads();
	grace_period();
	kernel_sends(out(0x2001, 0));
	reads();
	kernel_answers(0);
	cr_assert_eq(got.sent, 3 * KERNEL_XFRM_AHEAD);
	passes(1);
	sa = find(SA_OUTBOUND, 0x2001);
	cr_assert_eq(sa->sa->state.sequence, 2 * KERNEL_XFRM_AHEAD);
	cr_assert_eq(sa->sa->sequence_limit, 3 * KERNEL_XFRM_AHEAD);
}

/* The kernel is asked for one SA; its sequence number in seq. */
static bool sa_asked(uint32_t spi)
{
	struct {
		struct nlmsghdr nlh;
		struct xfrm_usersa_id id;
	} request;

	if (recv(events, &request, sizeof(request), MSG_DONTWAIT) != (ssize_t)sizeof(request))
		return false;
	cr_assert_eq(request.nlh.nlmsg_type, XFRM_MSG_GETSA);
	cr_assert_eq(request.nlh.nlmsg_flags, NLM_F_REQUEST);
	cr_assert_eq(request.id.spi, htonl(spi));
	cr_assert_eq(request.id.proto, IPPROTO_ESP);
	return true;
}

static struct nlmsghdr *in_3des(uint32_t spi)
{
	struct nlmsghdr *nlh = message_sa(buffer, XFRM_MSG_NEWSA, "10.9.0.1", "10.9.0.2", spi);

	message_crypt(nlh, XFRMA_ALG_CRYPT, "cbc(des3_ede)", 24, 7);
	message_auth_trunc(nlh, "hmac(sha1)", 20, 96, 8);
	message_info(nlh)->replay_window = 32;
	return nlh;
}

Test(kernel_xfrm, what_was_refused_is_tried_again_when_its_cause_may_have_gone)
{
	struct nlmsghdr *nlh;

	dump_ends();
	kernel_sends(in_3des(0x1001));
	nlh = in(0x1002);
	message_info(nlh)->mode = XFRM_MODE_BEET;
	kernel_sends(nlh);
	reads();
	cr_assert_eq(find(SA_INBOUND, 0x1001)->state, INSTALL_SA_REFUSED);
	passes(KERNEL_XFRM_ROUND_MS);
	cr_assert_not(sa_asked(0x1001), "not all the time");
	/* still not permitted: refused as before */
	passes(10000);
	passes(KERNEL_XFRM_ROUND_MS);
	cr_assert(sa_asked(0x1001));
	cr_assert_not(sa_asked(0x1002), "its mode stays what it is");
	kernel_sends(in_3des(0x1001));
	reads();
	cr_assert_eq(find(SA_INBOUND, 0x1001)->state, INSTALL_SA_REFUSED);
	/* a reload of the configuration permits it */
	install_sas_permit(sas, ESP_PERMIT_3DES);
	kernel_xfrm_retry(mirror);
	passes(KERNEL_XFRM_ROUND_MS);
	cr_assert(sa_asked(0x1001));
	kernel_sends(in_3des(0x1001));
	reads();
	cr_assert_eq(find(SA_INBOUND, 0x1001)->state, INSTALL_SA_LIVE);
	passes(20000);
	passes(KERNEL_XFRM_ROUND_MS);
	cr_assert_not(sa_asked(0x1001));
	cr_assert_eq(stats.sas, 2);
}

Test(kernel_xfrm, an_sa_that_found_the_table_full_is_used_when_there_is_room)
{
	struct nlmsghdr *nlh;

	dump_ends();
	for (uint32_t spi = 0x3001; spi <= 0x3000 + 64; spi++)
		kernel_sends(in(spi));
	nlh = out(0x2001, 0);
	message_info(nlh)->curlft.add_time = 1700000000;
	kernel_sends(nlh);
	reads();
	cr_assert_str_eq(find(SA_OUTBOUND, 0x2001)->reason, "more SAs than ipsec.max-sas");
	passes(20000);
	passes(KERNEL_XFRM_ROUND_MS);
	cr_assert_not(sa_asked(0x2001), "there is no room yet");
	kernel_sends(message_delete(buffer, "10.9.0.2", 0x3001));
	kernel_sends(message_delete(buffer, "10.9.0.2", 0x3002));
	reads();
	passes(KERNEL_XFRM_ROUND_MS);
	cr_assert(sa_asked(0x2001));
	/* it is older than another one that came meanwhile */
	nlh = out(0x2002, 0);
	message_info(nlh)->curlft.add_time = 1700000060;
	kernel_sends(nlh);
	nlh = out(0x2001, 0);
	message_info(nlh)->curlft.add_time = 1700000000;
	kernel_sends(nlh);
	reads();
	cr_assert_eq(find(SA_OUTBOUND, 0x2001)->state, INSTALL_SA_LIVE);
	cr_assert(install_sa_in_use(sas, find(SA_OUTBOUND, 0x2002)));
}

Test(kernel_xfrm, an_expiry_that_nobody_acts_on_is_sent_again)
{
	struct nlmsghdr *nlh = in(0x1001);
	struct install_sa *sa, *incoming;

	message_info(nlh)->lft.soft_packet_limit = 100;
	kernel_sends(nlh);
	sa = running(0x2001);
	incoming = find(SA_INBOUND, 0x1001);
	sa->sa->state.sequence = 3ull << 30;
	incoming->sa->state.packets = 200;
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.expires, 2);
	passes(50000);
	kernel_answers(0);
	cr_assert_eq(got.expires, 0);
	/* the inbound one that nothing comes by has been replaced, or its peer is idle */
	passes(11000);
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.expires, 1);
	incoming->sa->state.packets = 201;
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.expires, 1);
	cr_assert_eq(stats.soft_expires, 2, "each is counted once");
	/* its successor is there */
	running(0x2002);
	passes(70000);
	kernel_answers(0);
	cr_assert_eq(got.expires, 0);
	/* hard, until the kernel has deleted it */
	sa->sa->state.sequence = UINT32_MAX;
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert(got.hard);
	passes(9000);
	kernel_answers(0);
	cr_assert_eq(got.expires, 0);
	passes(2000);
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.expires, 1);
	cr_assert(got.hard);
	cr_assert_eq(stats.hard_expires, 1);
	kernel_sends(message_expire(buffer, "10.9.0.1", 0x2001, 1));
	reads();
	passes(20000);
	kernel_answers(0);
	cr_assert_eq(got.expires, 0);
}

Test(kernel_xfrm, an_sa_whose_numbers_are_used_up_when_it_comes_back_is_rekeyed)
{
	kernel_sends(out(0x2001, UINT32_MAX));
	dump_ends();
	reads();
	cr_assert_eq(find(SA_OUTBOUND, 0x2001)->state, INSTALL_SA_REFUSED);
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.expires, 1);
	cr_assert_not(got.hard);
	passes(20000);
	kernel_answers(0);
	cr_assert_eq(got.expires, 0);
	passes(11000);
	passes(KERNEL_XFRM_ROUND_MS);
	kernel_answers(0);
	cr_assert_eq(got.expires, 1, "the IKE daemon did nothing");
	cr_assert(got.hard);
	cr_assert_not(sa_asked(0x2001));
	kernel_sends(message_delete(buffer, "10.9.0.1", 0x2001));
	reads();
	cr_assert_eq(stats.sas, 0);
}

/* kill -9 at any moment: the next life starts above all that this one could have used. */
Test(kernel_xfrm, reservations_of_two_lives_never_overlap)
{
	uint64_t kernel_sent = 0, used_up_to = 0;
	struct install_sa *sa;

	srand(1);
	for (unsigned int life = 0; life < 20; life++) {
		kernel_sends(out_esn(0x2001, kernel_sent));
		dump_ends();
		reads();
		/* some lives end before the kernel has answered */
		kernel_answers(life % 5 == 4 ? 1 : 0);
		if (got.sent)
			kernel_sent = got.sent;
		passes(KERNEL_XFRM_ROUND_MS);
		sa = find(SA_OUTBOUND, 0x2001);
		cr_assert_geq(sa->sa->state.sequence, used_up_to, "life %u", life);
		cr_assert_leq(sa->sa->sequence_limit, kernel_sent);
		for (unsigned int round = 0; round < (unsigned int)rand() % 20; round++) {
			uint64_t left = sa->sa->sequence_limit - sa->sa->state.sequence;

			sa->sa->state.sequence += left ? (uint64_t)rand() % (left + 1) : 0;
			passes(KERNEL_XFRM_ROUND_MS);
			kernel_answers(rand() % 3 ? 0 : 1);
			if (got.sent)
				kernel_sent = got.sent;
			passes(1);
			cr_assert_leq(sa->sa->sequence_limit, kernel_sent);
			cr_assert_leq(sa->sa->state.sequence, kernel_sent);
		}
		used_up_to = sa->sa->state.sequence;
		stop();
		sas_start();
		start();
		kernel_xfrm_poll(mirror, now);
	}
}

static void policy_names(uint32_t spi)
{
	kernel_sends(message_policy(buffer, XFRM_MSG_UPDPOLICY, XFRM_POLICY_OUT, "10.9.0.1", spi));
	reads();
}

Test(kernel_xfrm, a_new_sa_waits_until_the_policy_names_it)
{
	struct install_sa *old = running(0x2001), *new;

	policy_names(0x2001);
	new = running(0x2002);
	cr_assert(install_sa_in_use(sas, old));
	cr_assert_not(install_sa_in_use(sas, new));
	policy_names(0x7777); /* nobody's */
	cr_assert(install_sa_in_use(sas, old));
	policy_names(0x2002);
	cr_assert(install_sa_in_use(sas, new));
	/* and again: the policy of two clients behind one NAT is one, and changes with either of them */
	policy_names(0x2001);
	cr_assert(install_sa_in_use(sas, new));
}

Test(kernel_xfrm, a_new_sa_that_no_policy_names_takes_over_from_one_that_ends_or_after_a_while)
{
	struct install_sa *first = running(0x2001), *second, *third;

	policy_names(0x2001);
	second = running(0x2002);
	cr_assert_not(install_sa_in_use(sas, second));
	kernel_sends(message_delete(buffer, "10.9.0.1", 0x2001));
	reads();
	cr_assert(install_sa_in_use(sas, second));
	first = second;
	policy_names(0x2002);
	third = running(0x2003);
	passes(INSTALL_SA_HELD_MS / 2);
	cr_assert(install_sa_in_use(sas, first));
	passes(INSTALL_SA_HELD_MS);
	cr_assert(install_sa_in_use(sas, third));
}

Test(kernel_xfrm, after_a_restart_the_policies_tell_which_sa_is_used)
{
	struct nlmsghdr nlh;

	kernel_sends(out(0x2002, 0));
	kernel_sends(out(0x2001, 0));
	kernel_sends(message_status(buffer, NLMSG_DONE, dump_seq, 0));
	reads();
	cr_assert(stats.synced);
	cr_assert_gt(recv(events, &nlh, sizeof(nlh), 0), 0);
	cr_assert_eq(nlh.nlmsg_type, XFRM_MSG_GETPOLICY);
	kernel_sends(
		message_policy(buffer, XFRM_MSG_NEWPOLICY, XFRM_POLICY_OUT, "10.9.0.1", 0x2002));
	kernel_sends(message_status(buffer, NLMSG_DONE, nlh.nlmsg_seq, 0));
	reads();
	cr_assert(install_sa_in_use(sas, find(SA_OUTBOUND, 0x2002)));
	cr_assert_not(dump_asked());
}

Test(kernel_xfrm, a_newcomer_with_another_reqid_at_an_address_has_a_group_of_its_own)
{
	struct install_sa *old = running(0x2001), *new;
	struct nlmsghdr *nlh = out(0x2002, 0);

	message_info(nlh)->reqid = 2;
	kernel_sends(nlh);
	reads();
	new = find(SA_OUTBOUND, 0x2002);
	cr_assert_eq(new->state, INSTALL_SA_LIVE, "%s", new->reason);
	cr_assert_neq(new->group, old->group);
	cr_assert(install_sa_in_use(sas, old), "nothing for the one before goes by these keys");
	cr_assert(install_sa_in_use(sas, new));
	/* a rekeying of the one before */
	new = running(0x2003);
	cr_assert_eq(new->group, old->group);
	cr_assert(install_sa_in_use(sas, new));
}

/* A process can send to a netlink socket too: on this bus anyone, on that of XFRM who has CAP_NET_ADMIN. */
static void spoofs(struct mnl_socket *to, const struct nlmsghdr *nlh)
{
	struct mnl_socket *from = mnl_socket_open(NETLINK_USERSOCK);
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_pid = mnl_socket_get_portid(to)};

	cr_assert_not_null(from);
	cr_assert_eq(mnl_socket_bind(from, 0, MNL_SOCKET_AUTOPID), 0);
	cr_assert_eq(sendto(mnl_socket_get_fd(from), nlh, nlh->nlmsg_len, 0,
			     (struct sockaddr *)&address, sizeof(address)),
		(ssize_t)nlh->nlmsg_len);
	mnl_socket_close(from);
}

Test(kernel_xfrm, only_the_kernel_is_believed)
{
	struct kernel_xfrm_settings settings = {
		.sas = sas, .replay_window = 1024, .vrf_of = vrf_of};
	struct mnl_socket *bus[2];
	int pair[2];

	for (int i = 0; i < 2; i++) {
		bus[i] = mnl_socket_open(NETLINK_USERSOCK);
		cr_assert_not_null(bus[i]);
		cr_assert_eq(mnl_socket_bind(bus[i], 0, MNL_SOCKET_AUTOPID), 0);
	}
	/* acknowledgements of numbers */
	kernel_xfrm_destroy(mirror);
	close(events);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	events = pair[1];
	mirror = kernel_xfrm_create_on(&settings, pair[0], dup(mnl_socket_get_fd(bus[0])));
	cr_assert_not_null(mirror);
	kernel_sends(out(0x2001, 0));
	reads();
	for (uint32_t seq = 1; seq < 20; seq++)
		spoofs(bus[0], message_status(buffer, NLMSG_ERROR, seq, 0));
	passes(KERNEL_XFRM_ROUND_MS);
	cr_assert_eq(recv(mnl_socket_get_fd(bus[0]), buffer, 1, MSG_DONTWAIT), -1, "all were read");
	cr_assert_eq(stats.reservations, 0);
	cr_assert_eq(find(SA_OUTBOUND, 0x2001)->sa->sequence_limit, 0);
	/* SAs */
	kernel_xfrm_destroy(mirror);
	mirror = kernel_xfrm_create_on(&settings, dup(mnl_socket_get_fd(bus[1])), -1);
	cr_assert_not_null(mirror);
	spoofs(bus[1], in(0x1001));
	reads();
	cr_assert_eq(recv(mnl_socket_get_fd(bus[1]), buffer, 1, MSG_DONTWAIT), -1, "it was read");
	cr_assert_eq(stats.events, 0);
	cr_assert_null(find(SA_INBOUND, 0x1001));
	for (int i = 0; i < 2; i++)
		mnl_socket_close(bus[i]);
}

Test(kernel_xfrm, addresses_that_come_and_go_are_looked_at_again)
{
	dump_ends();
	reads();
	kernel_xfrm_addresses_changed(mirror);
	passes(50);
	cr_assert(dump_asked());
}

Test(kernel_xfrm, malformed_messages_are_counted)
{
	struct nlmsghdr *nlh = in(0x1001);

	nlh->nlmsg_len -= 3;
	cr_assert_gt(send(events, nlh, nlh->nlmsg_len, 0), 0);
	reads();
	cr_assert_eq(stats.malformed, 1);
	cr_assert_eq(stats.sas, 0);
}
