/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole runs of lnsload over loopback against a small LNS that can be told to misbehave. */
#include <criterion/criterion.h>
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bytes.h"
#include "clock.h"
#include "lnsload_lns.h"
#include "reflect.h"
#include "run.h"

#define SESSIONS 12u

enum fault {
	FAULT_NONE,
	FAULT_LOSE_UP,
	FAULT_DUPLICATE_DOWN,
	FAULT_SWAP_DOWN,
	FAULT_TTL_DOWN,
	FAULT_TTL_UP,
	FAULT_CORRUPT_DOWN,
	FAULT_SPOOF_UP,
};

/* subscriber n lives at 127.X.Y.(n + 1), X and Y by process since tests run side by side: the socket bound to it is its way to the far end */
struct box {
	struct lns lns;
	int l2tp;
	int subscriber[SESSIONS];
	enum fault fault;
	uint32_t up, down;
	atomic_bool stop;
	pthread_t thread;
};

static struct box box;
static struct options options;
static struct run run;

static void box_send(void *ctx, const struct sockaddr_storage *to, const uint8_t *p, size_t len)
{
	sendto(box.l2tp, p, len, 0, (const struct sockaddr *)to, sizeof(struct sockaddr_in));
}

static void box_up(void *ctx, struct lns_session *s, const uint8_t *p, size_t len)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	uint32_t from = s->number;

	box.up++;
	if (box.fault == FAULT_LOSE_UP && box.up % 50 == 0)
		return;
	if (box.fault == FAULT_SPOOF_UP && box.up % 50 == 0)
		from = (from + 1) % SESSIONS;
	memcpy(&to.sin_addr, p + 16, 4);
	memcpy(&to.sin_port, p + 22, 2);
	sendto(box.subscriber[from], p + 28, len - 28, 0, (struct sockaddr *)&to, sizeof(to));
}

static void box_down(uint32_t n, const uint8_t *payload, size_t len, const struct sockaddr_in *from)
{
	struct lns_session *s = NULL;
	uint8_t ip[1600];

	box.down++;
	if (box.fault == FAULT_SWAP_DOWN && box.down % 50 == 0)
		n = (n + 1) % SESSIONS;
	for (uint32_t i = 0; i < LNS_SESSIONS && s == NULL; i++)
		if (box.lns.sessions[i].used && box.lns.sessions[i].number == n)
			s = &box.lns.sessions[i];
	if (s == NULL)
		return;
	memcpy(ip + 28, payload, len);
	flow_headers(ip, ntohl(from->sin_addr.s_addr), s->address, ntohs(from->sin_port),
		flow_subscriber_port(n), 0, payload, len);
	if (box.fault != FAULT_TTL_DOWN)
		ip[8]--;
	ip[10] = ip[11] = 0;
	put_be16(ip + 10, flow_fold(flow_sum_bytes(ip, 20, 0)));
	if (box.fault == FAULT_CORRUPT_DOWN && box.down % 50 == 0)
		ip[28 + 40] ^= 4;
	lns_send_ppp(&box.lns, s, PPP_IP, ip, len + 28);
	if (box.fault == FAULT_DUPLICATE_DOWN && box.down % 50 == 0)
		lns_send_ppp(&box.lns, s, PPP_IP, ip, len + 28);
}

static void *box_main(void *arg)
{
	struct pollfd fds[SESSIONS + 1] = {{.fd = box.l2tp, .events = POLLIN}};
	uint8_t data[2000];

	for (uint32_t i = 0; i < SESSIONS; i++)
		fds[i + 1] = (struct pollfd){.fd = box.subscriber[i], .events = POLLIN};
	while (!atomic_load(&box.stop)) {
		uint64_t now = clock_monotonic_ns() / 1000000;
		struct sockaddr_storage from = {0};
		socklen_t from_len = sizeof(from);
		ssize_t n;

		poll(fds, SESSIONS + 1, 10);
		while ((n = recvfrom(box.l2tp, data, sizeof(data), MSG_DONTWAIT,
				(struct sockaddr *)&from, &from_len)) > 0)
			lns_input(&box.lns, now, &from, data, (size_t)n);
		for (uint32_t i = 0; i < SESSIONS; i++)
			while ((n = recvfrom(box.subscriber[i], data, sizeof(data), MSG_DONTWAIT,
					(struct sockaddr *)&from, &from_len)) > 0)
				box_down(i, data, (size_t)n, (struct sockaddr_in *)&from);
		lns_expire(&box.lns, now);
	}
	return NULL;
}

static uint32_t box_network(void)
{
	uint32_t pid = (uint32_t)getpid();

	return 0x7f000000 | (1 + pid % 200) << 16 | (pid / 200 % 250) << 8;
}

static int box_socket(uint32_t address, uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), ttl = box.fault == FAULT_TTL_UP ? 62 : 63;

	at.sin_addr.s_addr = htonl(address);
	setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0, "%s", strerror(errno));
	return fd;
}

static void set_up(enum fault fault)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);

	memset(&box, 0, sizeof(box));
	box.fault = fault;
	box.lns.send = box_send;
	box.lns.ip = box_up;
	box.lns.first = AUTH_MSCHAPV2;
	box.lns.password = "secret%d";
	box.lns.base_address = box_network() + 1;
	box.l2tp = box_socket(INADDR_LOOPBACK, 0);
	cr_assert_eq(getsockname(box.l2tp, (struct sockaddr *)&at, &len), 0);
	for (uint32_t i = 0; i < SESSIONS; i++)
		box.subscriber[i] = box_socket(box_network() + 1 + i, flow_subscriber_port(i));
	pthread_create(&box.thread, NULL, box_main, NULL);
	memset(&options, 0, sizeof(options));
	memcpy(&options.lns, &at, sizeof(at));
	options.source_port_any = true;
	options.tunnels = 2;
	options.sessions = SESSIONS;
	options.pending = 100;
	options.seed = 3;
	options.window = 64;
	options.retries = 5;
	options.mru = 1492;
	options.ppp_restart_ms = 500;
	options.setup_timeout_seconds = 5;
	strcpy(options.hostname, "lac");
	strcpy(options.user, "sub%d@isp");
	strcpy(options.password, "secret%d");
	options.internet_local = true;
	options.internet.sin_family = AF_INET;
	options.internet.sin_addr.s_addr = htonl(box_network() + 250);
	options.internet.sin_port = htons(17007);
	options.pps = 2000;
	options.traffic_seconds = 1;
	options.direction = OPTIONS_UP | OPTIONS_DOWN;
	options.hops = 1;
	options.cycles = 1;
	options.quiet = true;
	options.interval_seconds = 1;
}

static bool go(struct run_loss *l, char why[400])
{
	bool ok;

	cr_assert_eq(run_open(&run, &options), 0);
	run_loop(&run);
	run_loss(&run, l);
	ok = run_ok(&run, why, 400);
	return ok;
}

static void tear_down(void)
{
	run_close(&run);
	atomic_store(&box.stop, true);
	pthread_join(box.thread, NULL);
	close(box.l2tp);
	for (uint32_t i = 0; i < SESSIONS; i++)
		close(box.subscriber[i]);
	lns_free(&box.lns);
}

Test(lnsload_run, traffic_both_ways_arrives_and_is_counted_exactly)
{
	char why[400], path[] = "/tmp/lnsload-test-XXXXXX";
	uint64_t tx = 0, rx = 0;
	struct run_loss l;
	json_t *root;

	set_up(FAULT_NONE);
	close(mkstemp(path));
	strcpy(options.json, path);
	cr_assert(go(&l, why), "%s", why);
	cr_assert_geq(l.up_sent, 1500u);
	cr_assert_leq(l.up_sent, 2100u);
	cr_assert_geq(l.down_sent, 1500u);
	cr_assert_eq(l.up_sent, l.up_received);
	cr_assert_eq(l.down_sent, l.down_received);
	for (uint32_t i = 0; i < SESSIONS; i++) {
		cr_assert_gt(run.traffic.tx[i].packets, 100u, "every session had its share");
		cr_assert_eq(run.traffic.tx[i].bytes, run.internet.rx[i].bytes);
		cr_assert_eq(run.internet.tx[i].bytes, run.traffic.rx[i].bytes);
		tx += run.traffic.tx[i].bytes;
		rx += run.traffic.rx[i].bytes;
	}
	cr_assert_eq(tx, run.traffic.sent_bytes);
	cr_assert_eq(rx, run.traffic.sum.bytes);
	cr_assert_eq(report_write(&run, true, ""), 0);
	root = json_load_file(path, 0, NULL);
	cr_assert_not_null(root);
	cr_assert_eq((uint64_t)json_integer_value(
			     json_object_get(json_object_get(root, "up"), "received")),
		l.up_received);
	cr_assert_gt(json_real_value(json_object_get(
			     json_object_get(json_object_get(root, "down"), "latency_us"), "p99")),
		0);
	json_decref(root);
	unlink(path);
	tear_down();
}

Test(lnsload_run, imix_and_three_cycles)
{
	struct run_loss l;
	char why[400];

	set_up(FAULT_NONE);
	options.size = 0;
	options.cycles = 3;
	options.teardown = OPTIONS_TEARDOWN_MIX;
	cr_assert(go(&l, why), "%s", why);
	cr_assert_eq(run.lac.stats.sessions_up, 3 * SESSIONS);
	cr_assert_eq(l.up_sent, l.up_received);
	tear_down();
}

static void expect_failure(enum fault fault, const char *word)
{
	struct run_loss l;
	char why[400];

	set_up(fault);
	cr_assert_not(go(&l, why), "a fault must not pass");
	cr_assert_not_null(strstr(why, word), "'%s' in '%s'", word, why);
	tear_down();
}

Test(lnsload_run, a_lost_packet_is_told)
{
	expect_failure(FAULT_LOSE_UP, "lost up");
	cr_assert_gt(box.up, 0u);
}

Test(lnsload_run, delivery_in_another_session_is_told)
{
	expect_failure(FAULT_SWAP_DOWN, "misdelivered");
}

Test(lnsload_run, an_uplink_packet_under_another_address_is_told)
{
	expect_failure(FAULT_SPOOF_UP, "misdelivered");
}

Test(lnsload_run, a_changed_byte_is_told)
{
	expect_failure(FAULT_CORRUPT_DOWN, "corrupt");
}

Test(lnsload_run, a_ttl_not_lowered_down_is_told)
{
	expect_failure(FAULT_TTL_DOWN, "TTL");
}

Test(lnsload_run, a_ttl_lowered_twice_up_is_told)
{
	expect_failure(FAULT_TTL_UP, "TTL");
}

Test(lnsload_run, duplicates_are_counted_and_are_no_loss)
{
	struct run_loss l;
	char why[400];

	set_up(FAULT_DUPLICATE_DOWN);
	cr_assert(go(&l, why), "%s", why);
	cr_assert_eq(run.traffic.sum.duplicated, box.down / 50);
	cr_assert_eq(l.down_received, l.down_sent);
	tear_down();
}

Test(lnsload_run, impaired_data_is_lost_but_no_failure)
{
	struct run_loss l;
	char why[400];

	set_up(FAULT_NONE);
	options.impair_data.loss = 5;
	options.impair_data.duplicate = 5;
	options.impair_data.reorder = 5;
	cr_assert(go(&l, why), "%s", why);
	cr_assert_gt(l.up_lost, 10u);
	cr_assert_gt(l.down_lost, 10u);
	cr_assert_eq(l.up_lost, run.data_out.lost);
	cr_assert_eq(run.internet.sum.duplicated, run.data_out.duplicated);
	cr_assert_gt(run.internet.sum.reordered, 10u);
	tear_down();
}

Test(lnsload_run, a_reflector_answers_and_reports)
{
	static struct options far;
	struct run_loss l;
	char why[400];
	pid_t child;

	far.listen.sin_family = AF_INET;
	far.listen.sin_port = htons(17007);
	far.listen.sin_addr.s_addr = htonl(box_network() + 250);
	far.quiet = true;
	child = fork();
	if (child == 0)
		_exit(reflect_run(&far) == 0 ? 0 : 1);
	usleep(100000);
	set_up(FAULT_LOSE_UP);
	options.internet_local = false;
	options.internet_remote = true;
	cr_assert_not(go(&l, why));
	cr_assert_not_null(strstr(why, "lost up"), "%s", why);
	cr_assert_gt(l.up_lost, 10u);
	cr_assert_eq(l.up_sent, l.up_received + l.up_lost);
	cr_assert_eq(l.down_sent, l.up_received, "every packet that came is answered");
	cr_assert_eq(l.down_lost, 0u);
	kill(child, SIGTERM);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	tear_down();
}

/* ESP in UDP towards lnsload, plain L2TP towards the box: a relay with a socket for each link */
#define LINKS 4u

static struct {
	int natt, inner[LINKS];
	struct sockaddr_in at, client[LINKS];
	struct association in[LINKS], out[LINKS];
	uint64_t refused;
	atomic_bool stop;
	pthread_t thread;
} gate;

static void gate_up(const uint8_t *packet, size_t len, const struct sockaddr_in *from)
{
	struct association_content content;
	uint8_t clear[2000];
	uint32_t link = (get_be32(packet) - options.esp.spi) / 2;

	if (link >= LINKS ||
		association_unprotect(&gate.in[link], packet, len, clear, &content) !=
			ASSOCIATION_OK) {
		gate.refused++;
		return;
	}
	gate.client[link] = *from;
	send(gate.inner[link], content.payload + 8, content.len - 8, 0);
}

static void gate_down(uint32_t link, uint8_t *udp, size_t len)
{
	uint8_t packet[2000];

	put_be16(udp, 1701);
	put_be16(udp + 2, 1701);
	put_be16(udp + 4, (uint16_t)(len + 8));
	put_be16(udp + 6, 0);
	len = association_protect(&gate.out[link], 17, udp, len + 8, packet, sizeof(packet));
	sendto(gate.natt, packet, len, 0, (struct sockaddr *)&gate.client[link],
		sizeof(gate.client[link]));
}

static void *gate_main(void *arg)
{
	struct pollfd fds[LINKS + 1] = {{.fd = gate.natt, .events = POLLIN}};
	struct sockaddr_in from;
	uint8_t data[2000];
	ssize_t n;

	for (uint32_t i = 0; i < LINKS; i++)
		fds[i + 1] = (struct pollfd){.fd = gate.inner[i], .events = POLLIN};
	while (!atomic_load(&gate.stop)) {
		socklen_t len = sizeof(from);

		poll(fds, LINKS + 1, 10);
		while ((n = recvfrom(gate.natt, data, sizeof(data), MSG_DONTWAIT,
				(struct sockaddr *)&from, &len)) > 0)
			gate_up(data, (size_t)n, &from);
		for (uint32_t i = 0; i < LINKS; i++)
			while ((n = recv(gate.inner[i], data + 8, sizeof(data) - 8, MSG_DONTWAIT)) >
				0)
				gate_down(i, data, (size_t)n);
	}
	return NULL;
}

/* The four tunnels are inside ESP from now on, each over a link of its own. */
static void gate_open(const char *algorithm)
{
	uint8_t key[TRANSFORM_KEY_MAX], auth_key[TRANSFORM_AUTH_MAX];
	struct sockaddr_in *local = (struct sockaddr_in *)&options.local[0];
	struct association_config c = {
		.key = key, .auth_key = auth_key, .transform = &options.esp.transform};

	memset(&gate, 0, sizeof(gate));
	gate.natt = box_socket(box_network() + 240, 4500);
	for (uint32_t i = 0; i < LINKS; i++) {
		gate.inner[i] = box_socket(box_network() + 240, 0);
		cr_assert_eq(
			connect(gate.inner[i], (struct sockaddr *)&options.lns, sizeof(*local)), 0);
	}
	options.tunnels = LINKS;
	options.local_count = 1;
	local->sin_family = AF_INET;
	local->sin_addr.s_addr = htonl(box_network() + 241);
	((struct sockaddr_in *)&options.lns)->sin_addr.s_addr = htonl(box_network() + 240);
	((struct sockaddr_in *)&options.lns)->sin_port = htons(1701);
	options.esp = (struct options_esp){
		.on = true, .tunnels = LINKS, .natt = true, .natt_port = 31000, .spi = 0x8000};
	strcpy(options.esp.passphrase, "gate");
	cr_assert(transform_find(algorithm, &options.esp.transform));
	for (uint32_t i = 0; i < LINKS; i++) {
		c.spi = options.esp.spi + 2 * i;
		association_derive(c.transform, "gate", c.spi, key, auth_key);
		cr_assert_eq(association_init(&gate.in[i], &c, false), 0);
		c.spi++;
		association_derive(c.transform, "gate", c.spi, key, auth_key);
		cr_assert_eq(association_init(&gate.out[i], &c, true), 0);
	}
	pthread_create(&gate.thread, NULL, gate_main, NULL);
}

static void gate_close(void)
{
	atomic_store(&gate.stop, true);
	pthread_join(gate.thread, NULL);
	close(gate.natt);
	for (uint32_t i = 0; i < LINKS; i++) {
		close(gate.inner[i]);
		association_free(&gate.in[i]);
		association_free(&gate.out[i]);
	}
}

Test(lnsload_run, tunnels_inside_esp_carry_everything)
{
	struct run_loss l;
	char why[400];

	set_up(FAULT_NONE);
	gate_open("aes128gcm16");
	options.size = 0;
	cr_assert(go(&l, why), "%s", why);
	cr_assert_eq(run.port_count, LINKS);
	cr_assert_gt(run.secure.stats.sent, l.up_sent);
	cr_assert_gt(run.secure.stats.received, l.down_received);
	cr_assert_eq(l.up_received, l.up_sent);
	cr_assert_eq(gate.refused, 0u);
	tear_down();
	gate_close();
}

Test(lnsload_run, replays_forgeries_and_disorder_inside_esp_lose_nothing)
{
	struct run_loss l;
	char why[400];

	set_up(FAULT_NONE);
	gate_open("aes256-sha256");
	options.esp.replay = options.esp.corrupt = options.esp.reorder = 10;
	cr_assert(go(&l, why), "%s", why);
	cr_assert_gt(run.secure.inject.duplicated, 100u);
	cr_assert_gt(run.secure.inject.reordered, 100u);
	cr_assert_gt(run.secure.stats.forged, 100u);
	cr_assert_gt(run.internet.sum.reordered, 50u);
	cr_assert_eq(l.up_received, l.up_sent);
	/* what was still held at the end is let go nowhere */
	cr_assert_leq(gate.refused, run.secure.stats.forged + run.secure.inject.duplicated);
	cr_assert_geq(gate.refused + 20, run.secure.stats.forged + run.secure.inject.duplicated);
	tear_down();
	gate_close();
}
