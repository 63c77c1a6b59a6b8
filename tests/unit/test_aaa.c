/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests and answers: in order, never from within the question, never after a cancel. */
#include "aaa.h"
#include "aaa_radius.h"
#include "config_minimal.h"

#include <crypto/digest.h>
#include <crypto/mschap.h>

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char yaml[] = MINIMAL_LNS
	"peers:\n"
	"  - {name: p, sources: [192.0.2.0/24]}\n"
	"pools:\n"
	"  - {name: pool, ranges: [10.0.0.0/24]}\n"
	"  - {name: other, ranges: [10.1.0.0/24]}\n"
	"subscribers:\n"
	"  pool: pool\n"
	"  local-address: 10.255.0.1\n"
	"  dns: [9.9.9.9, 8.8.8.8]\n"
	"  session-timeout: 3600\n"
	"users:\n"
	"  - {name: alice, password: alicepw, address: 198.51.100.7, session-timeout: 60}\n"
	"  - {name: bob, password: bobpw, pool: other, routes: [203.0.113.0/28]}\n"
	"  - {name: \"*@isp.example\", password: realm}\n";

static struct config *config;
static struct aaa *aaa;

/* A configuration with these pools. */
static struct config *parsed(const char *pools)
{
	static const char head[] = MINIMAL_LNS "vrfs: [{name: red, table: 100}]\n";
	struct config_errors errors = {0};
	struct config *made;
	char text[2048];
	int n = snprintf(text, sizeof(text), "%s%s", head, pools);
	int rc = config_parse("test.yaml", text, (size_t)n, &made, &errors);

	cr_assert_eq(rc, 0, "%s", errors.n ? errors.text[0] : "");
	config_errors_free(&errors);
	return made;
}

static void set_up(void)
{
	struct config_errors errors = {0};
	int rc = config_parse("test.yaml", yaml, sizeof(yaml) - 1, &config, &errors);

	cr_assert_eq(rc, 0, "%s", errors.n ? errors.text[0] : "");
	config_errors_free(&errors);
	cr_assert_eq(digest_init(), 0);
	aaa = aaa_create(config, 4);
}

static void tear_down(void)
{
	aaa_destroy(aaa);
	config_free(config);
	digest_fini();
}

TestSuite(aaa, .init = set_up, .fini = tear_down);

static struct {
	unsigned int n;
	uint32_t id;
	struct aaa_answer answer;
} last;

static void keep(void *user, uint32_t id, const struct aaa_answer *answer)
{
	last.n++;
	last.id = id;
	last.answer = *answer;
}

static int64_t ask_pap(const char *user, const char *password)
{
	const struct aaa_request request = {
		.method = AAA_PAP,
		.user = (const uint8_t *)user,
		.user_length = strlen(user),
		.password = (const uint8_t *)password,
		.password_length = strlen(password),
	};

	return aaa_submit(aaa, &request, keep, NULL);
}

Test(aaa, pap_truth_table)
{
	static const struct {
		const char *user, *password;
		bool accept;
	} rows[] = {
		{"alice", "alicepw", true},
		{"alice", "alicepw ", false},
		{"alice", "", false},
		{"alice", "bobpw", false},
		{"Alice", "alicepw", false},
		{"carol", "alicepw", false},
		{"", "", false},
		{"x@isp.example", "realm", true},
		{"@isp.example", "realm", true},
		{"x@isp.example.org", "realm", false},
		{"*@isp.example", "realm", true},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned int before = last.n;
		int64_t id = ask_pap(rows[i].user, rows[i].password);

		cr_assert_gt(id, 0);
		cr_assert_eq(last.n, before, "row %u: answered from within the question", i);
		cr_assert_eq(aaa_poll(aaa, 10), 1);
		cr_assert_eq(last.n, before + 1);
		cr_assert_eq(last.id, id);
		cr_assert_eq(last.answer.accept, rows[i].accept, "row %u", i);
		cr_assert_eq(last.answer.refusal == NULL, rows[i].accept);
	}
}

Test(aaa, a_name_with_a_nul_inside_is_nobody)
{
	const struct aaa_request request = {
		.method = AAA_PAP,
		.user = (const uint8_t *)"alice\0x",
		.user_length = 7,
		.password = (const uint8_t *)"alicepw",
		.password_length = 7,
	};

	cr_assert_gt(aaa_submit(aaa, &request, keep, NULL), 0);
	aaa_poll(aaa, 1);
	cr_assert_not(last.answer.accept);
	cr_assert_eq(aaa_counters(aaa)->rejects_unknown_user, 1);
}

Test(aaa, the_answer_says_what_the_user_gets)
{
	ask_pap("alice", "alicepw");
	aaa_poll(aaa, 1);
	cr_assert_eq(last.answer.address.family, 4);
	cr_assert_eq(last.answer.address.bytes[0], 198);
	cr_assert_eq(last.answer.session_timeout, 60);
	cr_assert_eq(last.answer.dns[0].bytes[0], 9);
	ask_pap("bob", "bobpw");
	aaa_poll(aaa, 1);
	cr_assert_eq(last.answer.address.family, 0);
	cr_assert_str_eq(config->pools[last.answer.pool].name, "other");
	cr_assert_eq(last.answer.session_timeout, 3600);
	cr_assert_eq(last.answer.n_routes, 1);
	cr_assert_eq(last.answer.routes[0].prefix.length, 28);
}

Test(aaa, chap_and_mschapv2_are_checked_against_the_same_password)
{
	uint8_t challenge[16] = "0123456789abcdef", response[49] = {0}, hash[16], digest[8];
	struct aaa_request request = {
		.method = AAA_CHAP_MD5,
		.user = (const uint8_t *)"alice",
		.user_length = 5,
		.chap_id = 9,
		.challenge = challenge,
		.challenge_length = 16,
		.response = response,
		.response_length = 16,
	};

	chap_md5_response(9, "alicepw", 7, challenge, 16, response);
	aaa_submit(aaa, &request, keep, NULL);
	aaa_poll(aaa, 1);
	cr_assert(last.answer.accept);
	response[3] ^= 1;
	aaa_submit(aaa, &request, keep, NULL);
	aaa_poll(aaa, 1);
	cr_assert_not(last.answer.accept);

	request.method = AAA_MSCHAP_V2;
	request.response_length = 49;
	memset(response, 0, sizeof(response));
	memcpy(response, "fedcba9876543210", 16);
	mschap_password_hash("alicepw", 7, hash);
	mschap_challenge_hash(response, challenge, "alice", 5, digest);
	mschap_challenge_response(digest, hash, response + 24);
	aaa_submit(aaa, &request, keep, NULL);
	aaa_poll(aaa, 1);
	cr_assert(last.answer.accept);
	cr_assert(last.answer.has_authenticator);
	cr_assert(!strncmp(last.answer.authenticator, "S=", 2));
	cr_assert_eq(strlen(last.answer.authenticator), 42);
	request.response_length = 48;
	aaa_submit(aaa, &request, keep, NULL);
	aaa_poll(aaa, 1);
	cr_assert_not(last.answer.accept, "a short response");
}

Test(aaa, cancelled_requests_are_never_answered_and_the_queue_is_bounded)
{
	int64_t ids[4];

	for (unsigned int i = 0; i < 4; i++) {
		ids[i] = ask_pap("alice", "alicepw");
		cr_assert_gt(ids[i], 0);
	}
	cr_assert_eq(ask_pap("alice", "alicepw"), -ENOBUFS);
	aaa_cancel(aaa, (uint32_t)ids[1]);
	aaa_cancel(aaa, (uint32_t)ids[1]);
	aaa_cancel(aaa, 12345);
	cr_assert_eq(aaa_poll(aaa, 1), 1);
	cr_assert_eq(last.id, ids[0]);
	cr_assert_gt(ask_pap("alice", "alicepw"), 0);
	cr_assert_eq(aaa_poll(aaa, 100), 3);
	cr_assert_eq(last.n, 4);
	cr_assert_eq(aaa_pending(aaa), 0);
	cr_assert_eq(aaa_counters(aaa)->cancelled, 1);
	cr_assert_eq(aaa_counters(aaa)->overflow, 1);
}

Test(aaa, fields_longer_than_a_protocol_can_carry_are_refused)
{
	uint8_t big[300] = {0};
	struct aaa_request request = {.method = AAA_PAP, .user = big, .user_length = 256};

	cr_assert_eq(aaa_submit(aaa, &request, keep, NULL), -EMSGSIZE);
	request.user_length = 255;
	request.password = big;
	request.password_length = 256;
	cr_assert_eq(aaa_submit(aaa, &request, keep, NULL), -EMSGSIZE);
}

Test(aaa, a_pool_is_the_same_after_a_reload_by_its_name_and_vrf)
{
	static const char before_text[] =
		"pools:\n"
		"  - {name: a, ranges: [10.0.0.0/24]}\n"
		"  - {name: b, vrf: red, ranges: [10.1.0.0/24]}\n"
		"  - {name: c, ranges: [10.2.0.0/24]}\n"
		"  - {name: d, ranges: [10.3.0.0/24]}\n"
		"prefix-pools:\n"
		"  - {name: x, prefixes: ['2001:db8:100::/48']}\n"
		"  - {name: y, length: 56, prefixes: ['2001:db8:200::/48']}\n"
		"  - {name: z, length: 128, prefixes: ['2001:db8:300::/120']}\n";
	static const char after_text[] =
		"pools:\n"
		"  - {name: b, vrf: red, ranges: [10.1.0.0/24]}\n"
		"  - {name: a, ranges: [10.0.0.0/24]}\n"
		"  - {name: d, vrf: red, ranges: [10.3.0.0/24]}\n"
		"prefix-pools:\n"
		"  - {name: z, length: 128, prefixes: ['2001:db8:300::/120']}\n"
		"  - {name: x, prefixes: ['2001:db8:100::/48']}\n";
	static const int pools[][2] = {{0, 1}, {1, 0}, {2, -1}, {3, -1}, {4, -1}, {-1, -1}};
	struct config *before = parsed(before_text), *after = parsed(after_text);
	struct aaa_ipv6 ipv6 = {.pool = 0, .delegated_pool = 1, .address_pool = 2};

	for (unsigned int i = 0; i < sizeof(pools) / sizeof(*pools); i++)
		cr_assert_eq(aaa_pool_follow(before, after, pools[i][0]), pools[i][1], "row %u", i);
	aaa_ipv6_follow(before, after, &ipv6);
	cr_assert_eq(ipv6.pool, 1);
	cr_assert_eq(ipv6.delegated_pool, -1);
	cr_assert_eq(ipv6.address_pool, 0);
	ipv6 = (struct aaa_ipv6){.pool = -1, .delegated_pool = -1, .address_pool = -1};
	aaa_ipv6_follow(before, after, &ipv6);
	cr_assert(ipv6.pool == -1 && ipv6.delegated_pool == -1 && ipv6.address_pool == -1);
	config_free(before);
	config_free(after);
}

/* An Access-Accept with Framed-Pool "b" to the request that comes. */
static void server_accept(int fd)
{
	static const struct radius_secret secret = {(const uint8_t *)"xyzzy5461", 9};
	uint8_t bytes[RADIUS_PACKET_MAX], reply[RADIUS_PACKET_MAX];
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	struct radius_writer writer;
	size_t length;

	cr_assert_gt(recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size),
		RADIUS_HEADER);
	radius_writer_init(&writer, reply, sizeof(reply), RADIUS_ACCESS_ACCEPT, bytes[1], NULL);
	radius_add_message_authenticator(&writer);
	radius_add_text(&writer, RADIUS_FRAMED_POOL, "b");
	length = radius_reply_sign(&writer, bytes + 4, secret);
	cr_assert_eq(sendto(fd, reply, length, 0, (struct sockaddr *)&from, size), (ssize_t)length);
}

Test(aaa, an_answer_that_waits_during_a_reload_names_the_same_pool, .timeout = 20)
{
	static const char *const after_text[] = {
		"pools: [{name: b, ranges: [10.1.0.0/24]}, {name: a, ranges: [10.0.0.0/24]}]\n",
		"pools: [{name: c, ranges: [10.2.0.0/24]}, {name: d, ranges: [10.1.0.0/24]}]\n"};
	static const int pools[] = {0, -1};
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct timeval limit = {.tv_sec = 5};
	socklen_t size = sizeof(own);
	char servers[512], text[1024], error[256] = "";
	uint64_t now = 1000;

	cr_assert_eq(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&own, &size), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	snprintf(servers, sizeof(servers),
		"aaa: {order: [radius]}\n"
		"subscribers: {local-address: 10.255.0.1}\n"
		"radius-servers: [{name: one, address: 127.0.0.1, auth-port: %u, acct-port: 0, "
		"secret: xyzzy5461}]\n",
		ntohs(own.sin_port));
	for (unsigned int i = 0; i < 2; i++) {
		struct config *before, *after;
		struct aaa_radius *radius;
		struct timer_wheel wheel;
		struct pollfd ready = {.events = POLLIN};
		struct aaa *own_aaa;
		const struct aaa_request request = {.method = AAA_PAP,
			.user = (const uint8_t *)"joe",
			.user_length = 3,
			.password = (const uint8_t *)"pw",
			.password_length = 2};

		snprintf(text, sizeof(text),
			"%spools: [{name: a, ranges: [10.0.0.0/24]}, {name: b, ranges: "
			"[10.1.0.0/24]}]\n",
			servers);
		before = parsed(text);
		snprintf(text, sizeof(text), "%s%s", servers, after_text[i]);
		after = parsed(text);
		timer_wheel_init(&wheel, now);
		radius = aaa_radius_create(before, &wheel, &now, error, sizeof(error));
		cr_assert(radius, "%s", error);
		own_aaa = aaa_create(before, 4);
		aaa_set_radius(own_aaa, radius);
		cr_assert_gt(aaa_submit(own_aaa, &request, keep, NULL), 0);
		last.n = 0;
		aaa_poll(own_aaa, 10);
		server_accept(fd);
		ready.fd = aaa_radius_fd(radius);
		cr_assert_eq(poll(&ready, 1, 5000), 1);
		cr_assert_eq(aaa_radius_read(radius, 10), 1);
		cr_assert_eq(last.n, 0);
		aaa_set_config(own_aaa, after);
		aaa_radius_set_config(radius, after);
		config_free(before);
		aaa_poll(own_aaa, 10);
		cr_assert_eq(last.n, 1);
		cr_assert(last.answer.accept, "%s", last.answer.refusal);
		cr_assert_eq(last.answer.pool, pools[i], "row %u: %d", i, last.answer.pool);
		aaa_destroy(own_aaa);
		aaa_radius_destroy(radius);
		config_free(after);
	}
	close(fd);
}
