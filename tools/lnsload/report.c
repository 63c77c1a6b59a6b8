/* SPDX-License-Identifier: BSD-3-Clause */
/* The summary in JSON, and the table of sessions. */
#include <arpa/inet.h>
#include <jansson.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "run.h"

static void put(json_t *o, const char *name, uint64_t value)
{
	json_object_set_new(o, name, json_integer((json_int_t)value));
}

static void put_real(json_t *o, const char *name, double value)
{
	json_object_set_new(o, name, json_real(value));
}

static json_t *report_histogram(const struct histogram *h, double unit)
{
	json_t *o = json_object();

	put(o, "count", h->count);
	put_real(o, "min", (double)h->min / unit);
	put_real(o, "avg", h->count ? (double)h->sum / (double)h->count / unit : 0);
	put_real(o, "p50", (double)histogram_quantile(h, 0.5) / unit);
	put_real(o, "p90", (double)histogram_quantile(h, 0.9) / unit);
	put_real(o, "p99", (double)histogram_quantile(h, 0.99) / unit);
	put_real(o, "max", (double)h->max / unit);
	return o;
}

static json_t *report_results(const uint64_t results[LAC_CDN_RESULTS])
{
	json_t *o = json_object();

	for (unsigned i = 0; i < LAC_CDN_RESULTS; i++) {
		char name[8];

		snprintf(name, sizeof(name), "%u", i);
		if (results[i] > 0)
			put(o, name, results[i]);
	}
	return o;
}

static json_t *report_causes(const uint64_t causes[LAC_FAILURES])
{
	json_t *o = json_object();

	for (unsigned i = 0; i < LAC_FAILURES; i++)
		put(o, lac_failure_name((enum lac_failure)i), causes[i]);
	return o;
}

static json_t *report_sessions_part(const struct run *run)
{
	const struct lac_stats *s = &run->lac.stats;
	json_t *o = json_object(), *cycles = json_array();
	double seconds = 0, teardown = 0;

	for (uint32_t i = 0; i < run->options->cycles; i++) {
		const struct run_cycle *c = &run->cycles[i];
		json_t *one = json_object();

		put(one, "up", c->sessions_up);
		put(one, "failed", c->sessions_failed);
		put_real(one, "setup_seconds", (double)c->setup_ns / 1e9);
		put_real(one, "rate",
			c->setup_ns ? (double)c->sessions_up * 1e9 / (double)c->setup_ns : 0);
		put_real(one, "teardown_seconds", (double)c->teardown_ns / 1e9);
		json_array_append_new(cycles, one);
		seconds += (double)c->setup_ns / 1e9;
		teardown += (double)c->teardown_ns / 1e9;
	}
	put(o, "wanted", (uint64_t)run->options->sessions * run->options->cycles);
	put(o, "started", s->sessions_started);
	put(o, "up", s->sessions_up);
	put(o, "failed", s->sessions_failed);
	put(o, "lost", s->sessions_lost);
	put(o, "closed", s->sessions_closed);
	if (run->options->ipv6)
		put(o, "ipv6", s->sessions_up); /* up means both families */
	put(o, "address_conflicts", s->address_conflicts);
	put(o, "terminate_without_cdn", s->terminate_without_cdn);
	put_real(o, "rate", seconds > 0 ? (double)s->sessions_up / seconds : 0);
	put_real(o, "setup_seconds", seconds);
	put_real(o, "teardown_seconds", teardown);
	json_object_set_new(o, "setup_ms", report_histogram(&s->setup_us, 1000));
	json_object_set_new(o, "failures", report_causes(s->failures));
	json_object_set_new(o, "losses", report_causes(s->losses));
	json_object_set_new(o, "cdn_results", report_results(s->cdn_results));
	json_object_set_new(o, "cycles", cycles);
	return o;
}

static json_t *report_protocol(const struct run *run)
{
	const struct lac_stats *s = &run->lac.stats;
	json_t *o = json_object();

	put(o, "control_sent", s->channel.sent);
	put(o, "control_resent", s->channel.resent);
	put(o, "control_received", s->channel.received);
	put(o, "control_duplicates", s->channel.duplicates);
	put(o, "control_out_of_order", s->channel.out_of_order);
	put(o, "control_outside_window", s->channel.outside_window);
	put(o, "zlb_sent", s->channel.zlb_sent);
	put(o, "hellos_received", s->hellos_received);
	put(o, "hellos_sent", s->hellos_sent);
	put(o, "malformed", s->malformed);
	put(o, "unexpected", s->unexpected);
	put(o, "unknown_tunnel", s->unknown_tunnel);
	put(o, "unknown_session", s->unknown_session);
	put(o, "wrong_source", s->wrong_source);
	put(o, "data_sequence_gaps", s->data_gaps);
	put(o, "ppp_malformed", s->ppp.malformed);
	put(o, "ppp_resent", s->ppp.resent);
	put(o, "ppp_renegotiations", s->ppp.renegotiations);
	put(o, "ppp_dropped_in_phase", s->ppp.dropped_in_phase);
	put(o, "ppp_protocol_rejects_sent", s->ppp.protocol_rejects_sent);
	put(o, "ppp_implicit_auth", s->ppp.implicit_auth);
	put(o, "lcp_echo_requests", s->ppp.echo_requests);
	return o;
}

static json_t *report_direction(const struct flow_sum *sum, uint64_t sent, uint64_t sent_bytes,
	uint64_t received, uint64_t lost, double seconds)
{
	json_t *o = json_object();

	put(o, "sent", sent);
	put(o, "received", received);
	put(o, "lost", lost);
	put(o, "reordered", sum->reordered);
	put(o, "duplicated", sum->duplicated);
	put(o, "misdelivered", sum->misdelivered);
	put(o, "corrupt", sum->corrupt);
	put(o, "bad_ttl", sum->bad_ttl);
	put(o, "foreign", sum->foreign);
	put(o, "bytes_sent", sent_bytes);
	put(o, "bytes_received", sum->bytes);
	put_real(o, "pps_sent", seconds > 0 ? (double)sent / seconds : 0);
	put_real(o, "pps", seconds > 0 ? (double)received / seconds : 0);
	json_object_set_new(o, "latency_us", report_histogram(&sum->latency_ns, 1000));
	return o;
}

static void report_traffic(const struct run *run, json_t *root)
{
	struct flow_sum up = run->internet.sum;
	double seconds = (double)run->traffic_ns / 1e9;
	struct run_loss l;

	run_loss(run, &l);
	for (uint32_t i = 0; run->traffic.reports != NULL && i < run->traffic.flows; i++) {
		const struct payload_report *r = &run->traffic.reports[i];

		up.reordered += r->reordered;
		up.duplicated += r->duplicated;
		up.corrupt += r->corrupt;
		up.bytes += r->bytes;
	}
	put_real(root, "traffic_seconds", seconds);
	json_object_set_new(root, "up",
		report_direction(
			&up, l.up_sent, l.up_sent_bytes, l.up_received, l.up_lost, seconds));
	json_object_set_new(root, "down",
		report_direction(&run->traffic.sum, l.down_sent, l.down_sent_bytes, l.down_received,
			l.down_lost, seconds));
}

static json_t *report_own_drops(const struct run *run)
{
	json_t *o = json_object();
	uint64_t drops = 0, errors = 0;

	for (uint32_t i = 0; i < run->port_count; i++) {
		drops += port_drops(&run->ports[i]);
		errors += run->ports[i].send_errors;
	}
	put(o, "lac_receive", drops);
	put(o, "lac_send", errors);
	put(o, "internet_receive", port_drops(&run->internet.port));
	put(o, "internet_send", run->internet.port.send_errors);
	return o;
}

static json_t *report_impair(const struct impair *out, const struct impair *in)
{
	json_t *o = json_object();

	put(o, "lost", out->lost + in->lost);
	put(o, "duplicated", out->duplicated + in->duplicated);
	put(o, "reordered", out->reordered + in->reordered);
	return o;
}

static json_t *report_esp(const struct secure *s)
{
	json_t *o = json_object(), *rejects = json_object(), *injected = json_object();

	json_object_set_new(o, "algorithm", json_string(s->options->esp.transform.name));
	json_object_set_new(
		o, "encapsulation", json_string(s->options->esp.natt ? "udp" : "native"));
	put(o, "tunnels", s->tunnel_count);
	put(o, "links", s->link_count);
	put(o, "sent", s->stats.sent);
	put(o, "received", s->stats.received);
	put(o, "not_sent", s->stats.exhausted);
	put(injected, "replay", s->inject.duplicated);
	put(injected, "corrupt", s->stats.forged);
	put(injected, "reorder", s->inject.reordered);
	json_object_set_new(o, "injected", injected);
	for (unsigned i = 1; i < SECURE_REJECTS; i++)
		put(rejects, secure_reject_name(i), s->stats.rejects[i]);
	json_object_set_new(o, "rejected", rejects);
	return o;
}

static json_t *report_mtu(const struct mtu *m)
{
	json_t *o = json_object();

	put(o, "sessions", m->count);
	put(o, "whole_missing", m->whole_missing);
	put(o, "icmp_missing", m->icmp_missing);
	put(o, "icmp_wrong_mtu", m->icmp_wrong);
	put(o, "fragments_missing", m->fragments_missing);
	put(o, "too_big_delivered", m->too_big);
	return o;
}

int report_write(const struct run *run, bool ok, const char *why)
{
	const struct lac_stats *s = &run->lac.stats;
	const char *path = run->options->json;
	json_t *root, *tunnels;
	int rc;

	if (path[0] == '\0')
		return 0;
	root = json_object();
	tunnels = json_object();
	json_object_set_new(root, "ok", json_boolean(ok));
	/* what came from the peer may be no UTF-8 */
	json_object_set_new(root, "why", json_stringn_nocheck(why, strlen(why)));
	put(root, "seed", run->options->seed);
	put_real(root, "seconds", (double)(run->now_ns - run->started_ns) / 1e9);
	put(tunnels, "wanted", (uint64_t)run->options->tunnels * run->options->cycles);
	put(tunnels, "up", s->tunnels_up);
	put(tunnels, "failed", s->tunnels_failed);
	put(tunnels, "lost", s->tunnels_lost);
	put(tunnels, "auth_failed", s->tunnel_auth_failed);
	json_object_set_new(tunnels, "stopccn_results", report_results(s->stopccn_results));
	json_object_set_new(root, "tunnels", tunnels);
	json_object_set_new(root, "sessions", report_sessions_part(run));
	json_object_set_new(root, "protocol", report_protocol(run));
	report_traffic(run, root);
	put(root, "icmp_received", run->traffic.icmp);
	put(root, "fragments_received", run->traffic.fragments);
	json_object_set_new(root, "own_drops", report_own_drops(run));
	json_object_set_new(root, "impaired", report_impair(&run->control_out, &run->control_in));
	json_object_set_new(root, "impaired_data", report_impair(&run->data_out, &run->data_in));
	if (run->options->esp.on)
		json_object_set_new(root, "esp", report_esp(&run->secure));
	if (run->options->verify_mtu)
		json_object_set_new(root, "mtu", report_mtu(&run->mtu));
	if (strcmp(path, "-") == 0) {
		rc = json_dumpf(root, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF &&
				fflush(stdout) == 0
			? 0
			: -EIO;
	} else {
		rc = json_dump_file(root, path, JSON_INDENT(2)) == 0 ? 0 : -EIO;
	}
	if (rc != 0)
		fprintf(stderr, "lnsload: --json: '%s': cannot be written: %s\n", path,
			strerror(errno));
	json_decref(root);
	return rc;
}

int report_sessions(const struct run *run)
{
	const char *path = run->options->write_sessions;
	char temporary[OPTIONS_TEXT + 8], user[OPTIONS_TEXT];
	FILE *f;

	if (path[0] == '\0')
		return 0;
	/* renamed into place: a script that waits for the file never sees half of it */
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	f = fopen(temporary, "we");
	if (f == NULL)
		goto failed;
	fputs("# session state local_tunnel peer_tunnel local_session peer_session user address "
	      "up_packets up_bytes up_received down_packets down_bytes down_received\n",
		f);
	for (uint32_t i = 0; i < run->options->sessions; i++) {
		static const char *const states[] = {
			"idle", "icrq", "ppp", "up", "terminating", "down", "failed", "lost"};
		const struct session *s = &run->lac.sessions[i];
		const struct tunnel *t = &run->lac.tunnels[s->tunnel];
		struct in_addr address = {htonl(s->ppp.address)};
		struct flow_tx up = {0}, down = {0};
		struct flow_rx up_rx = {0}, down_rx = {0};

		if (run->far_end) {
			up = run->traffic.tx[i];
			down_rx = run->traffic.rx[i];
		}
		if (run->internet.started) {
			up_rx = run->internet.rx[i];
			down = run->internet.tx[i];
		}
		if (run->options->by_ipv6 && run->far_end) {
			uint32_t six = run->options->sessions + i;

			up.packets += run->traffic.tx[six].packets;
			up.bytes += run->traffic.tx[six].bytes;
			down_rx.bytes += run->traffic.rx[six].bytes;
			down_rx.sequence.received += run->traffic.rx[six].sequence.received;
		}
		if (run->options->by_ipv6 && run->internet.started) {
			uint32_t six = run->options->sessions + i;

			up_rx.sequence.received += run->internet.rx[six].sequence.received;
			down.packets += run->internet.tx[six].packets;
		}
		lac_user_name(&run->lac, s, user, sizeof(user));
		fprintf(f, "%u %s %u %u %u %u %s %s %u %" PRIu64 " %u %u %" PRIu64 " %u\n", i,
			states[s->state], t->local_id, t->peer_id, s->local_id, s->peer_id, user,
			inet_ntoa(address), up.packets, up.bytes, up_rx.sequence.received,
			down.packets, down_rx.bytes, down_rx.sequence.received);
	}
	if (fclose(f) == 0 && rename(temporary, path) == 0)
		return 0;
failed:
	fprintf(stderr, "lnsload: --write-sessions: '%s': %s\n", path, strerror(errno));
	return -EIO;
}
