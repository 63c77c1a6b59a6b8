/* SPDX-License-Identifier: BSD-3-Clause */
/* The DHCPv6 server: RFC 8415's sections 16 and 18.3 as a table, bindings, and what is no message. */
#include "dhcp6_server.h"
#include "nd_packets.h"

#include <crypto/digest.h>

#include <stdlib.h>

static struct dhcp6_server server;
static struct dhcp6_lease lease;
static struct dhcp6_binding binding;
static uint8_t request[65536], reply[1500];
static const uint8_t secret[DHCP6_SECRET_LEN] = {1, 2, 3};
static size_t request_len, reply_len;

static void setup(void)
{
	static const uint8_t domains[] = {3, 'i', 's', 'p', 0};

	digest_init();
	dhcp6_server_init(&server, "lns1.example", secret, 0x1234ull << 32);
	binding = (struct dhcp6_binding){0};
	lease = (struct dhcp6_lease){.has_prefix = true,
		.has_address = true,
		.reconfigure = true,
		.session = 7,
		.has_link = true,
		.prefix_length = 56,
		.preferred = 3600,
		.valid = 7200,
		.domains = domains,
		.domains_len = sizeof(domains)};
	memcpy(lease.prefix, in6_of("2001:db8:0:100::").b, 16);
	memcpy(lease.address, in6_of("2001:db8:1::5").b, 16);
	memcpy(lease.link, in6_of("2001:db8:2::").b, 16);
	lease.dns[0].family = 6;
	memcpy(lease.dns[0].bytes, in6_of("2001:db8::53").b, 16);
}

static void begin(uint8_t type)
{
	memset(request, 0, 4);
	request[0] = type;
	request[3] = 77;
	request_len = 4;
}

static void add(uint16_t type, const void *data, size_t len)
{
	request[request_len] = (uint8_t)(type >> 8);
	request[request_len + 1] = (uint8_t)type;
	request[request_len + 2] = (uint8_t)(len >> 8);
	request[request_len + 3] = (uint8_t)len;
	if (len)
		memcpy(request + request_len + 4, data, len);
	request_len += 4 + len;
}

static void add_client(void)
{
	static const uint8_t duid[] = {0, 3, 0, 1, 2, 0, 0, 0, 0, 1};

	add(DHCP6_OPTION_CLIENT_ID, duid, sizeof(duid));
}

static void add_server(void)
{
	add(DHCP6_OPTION_SERVER_ID, server.duid, sizeof(server.duid));
}

/* with an address or prefix in it, if text is given */
static void add_ia(uint16_t type, uint8_t iaid, const char *text, uint8_t length)
{
	uint8_t ia[64] = {0, 0, 0, iaid};
	size_t len = type == DHCP6_OPTION_IA_TA ? 4 : 12;

	if (text) {
		struct in6 address = in6_of(text);

		ia[len + 1] = type == DHCP6_OPTION_IA_PD ? DHCP6_OPTION_IA_PREFIX
							 : DHCP6_OPTION_IA_ADDRESS;
		ia[len + 3] = type == DHCP6_OPTION_IA_PD ? 25 : 24;
		if (type == DHCP6_OPTION_IA_PD) {
			ia[len + 12] = length;
			memcpy(ia + len + 13, address.b, 16);
			len += 29;
		} else {
			memcpy(ia + len + 4, address.b, 16);
			len += 28;
		}
	}
	add(type, ia, len);
}

static size_t serve(bool multicast)
{
	reply_len = dhcp6_server_input(
		&server, &lease, &binding, multicast, request, request_len, reply, sizeof(reply));
	return reply_len;
}

/* "type [option ...]": IAs with what is in them, statuses by number. */
static const char *seen(void)
{
	static char text[1024];
	struct dhcp6_message message;
	const uint8_t *p, *end;
	struct dhcp6_option option;
	size_t n;

	if (!reply_len)
		return "none";
	cr_assert(dhcp6_parse(reply, reply_len, &message));
	cr_assert_eq(message.transaction[2], 77);
	n = (size_t)snprintf(text, sizeof(text), "%u", message.type);
	p = message.options;
	end = p + message.len;
	while (dhcp6_option_next(&p, end, &option)) {
		struct dhcp6_ia ia;
		const uint8_t *q, *q_end;
		struct dhcp6_option inner;

		if (option.type == DHCP6_OPTION_STATUS)
			n += (size_t)snprintf(
				text + n, sizeof(text) - n, " status=%u", option.data[1]);
		if (option.type == DHCP6_OPTION_RAPID_COMMIT)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " rapid");
		if (option.type == DHCP6_OPTION_PREFERENCE)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " preference");
		if (option.type == DHCP6_OPTION_DNS)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " dns");
		if (option.type == DHCP6_OPTION_DOMAINS)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " domains");
		if (option.type == DHCP6_OPTION_REFRESH_TIME)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " refresh");
		if (option.type != DHCP6_OPTION_IA_NA && option.type != DHCP6_OPTION_IA_PD &&
			option.type != DHCP6_OPTION_IA_TA)
			continue;
		cr_assert(dhcp6_ia_parse(&option, &ia));
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s%u(",
			option.type == DHCP6_OPTION_IA_NA           ? "na"
				: option.type == DHCP6_OPTION_IA_PD ? "pd"
								    : "ta",
			ia.iaid);
		q = ia.options;
		q_end = q + ia.len;
		while (dhcp6_option_next(&q, q_end, &inner)) {
			struct dhcp6_lease_option got;
			char address[INET6_ADDRSTRLEN];

			if (inner.type == DHCP6_OPTION_STATUS) {
				n += (size_t)snprintf(
					text + n, sizeof(text) - n, "!%u", inner.data[1]);
				continue;
			}
			cr_assert(dhcp6_lease_parse(&inner, &got));
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s/%u:%u ",
				inet_ntop(AF_INET6, got.addr, address, sizeof(address)), got.length,
				got.valid);
		}
		n += (size_t)snprintf(text + n, sizeof(text) - n, ")");
	}
	return text;
}

TestSuite(dhcp6_server, .init = setup, .fini = digest_fini);

#define PD    DHCP6_OPTION_IA_PD
#define NA    DHCP6_OPTION_IA_NA
#define OURS  "2001:db8:0:100::"
#define OTHER "2001:db8:dead::"
#define ADDR  "2001:db8:1::5"

#define GIVEN_PD "pd1(2001:db8:0:100::/56:7200 )"
#define GIVEN_NA "na2(2001:db8:1::5/128:7200 )"

enum who { NOBODY = 0, CLIENT = 1, SERVER = 2, RAPID = 4 };

/* 1 RFC 8415's section; 2 message; 3 ids; 4 IAs with what is in them; 5 the answer */
Test(dhcp6_server, messages_truth_table)
{
	static const struct {
		const char *section;
		uint8_t type, who;
		struct {
			uint16_t type;
			uint8_t iaid;
			const char *text;
			uint8_t length;
		} ia[4];
		const char *answer;
	} rows[] = {
		{"18.3.1", DHCP6_SOLICIT, CLIENT, {{PD, 1}, {NA, 2}},
			"2 preference " GIVEN_PD " " GIVEN_NA " dns domains"},
		{"18.3.1 rapid", DHCP6_SOLICIT, CLIENT | RAPID, {{PD, 1}},
			"7 rapid " GIVEN_PD " dns domains"},
		{"18.3.1 a hint is a hint", DHCP6_SOLICIT, CLIENT, {{PD, 1, OTHER, 48}},
			"2 preference " GIVEN_PD " dns domains"},
		{"18.3.1 nothing asked", DHCP6_SOLICIT, CLIENT, {{0}}, "2 preference dns domains"},
		{"18.3.2", DHCP6_REQUEST, CLIENT | SERVER, {{PD, 1}, {NA, 2}},
			"7 " GIVEN_PD " " GIVEN_NA " dns domains"},
		{"18.3.2 two of each", DHCP6_REQUEST, CLIENT | SERVER,
			{{PD, 1}, {PD, 3}, {NA, 2}, {NA, 4}},
			"7 " GIVEN_PD " pd3(!6) " GIVEN_NA " na4(!2) dns domains"},
		{"18.3.2 temporary", DHCP6_REQUEST, CLIENT | SERVER, {{DHCP6_OPTION_IA_TA, 5}},
			"7 ta5(!2) dns domains"},
		{"18.3.4", DHCP6_RENEW, CLIENT | SERVER, {{PD, 1, OURS, 56}},
			"7 " GIVEN_PD " dns domains"},
		{"18.3.4 renumbered", DHCP6_RENEW, CLIENT | SERVER, {{PD, 1, OTHER, 56}},
			"7 pd1(2001:db8:0:100::/56:7200 2001:db8:dead::/56:0 ) dns domains"},
		{"18.3.4 another length", DHCP6_RENEW, CLIENT | SERVER, {{PD, 1, OURS, 60}},
			"7 pd1(2001:db8:0:100::/56:7200 2001:db8:0:100::/60:0 ) dns domains"},
		{"18.3.5", DHCP6_REBIND, CLIENT, {{PD, 1, OURS, 56}, {NA, 2, ADDR}},
			"7 " GIVEN_PD " " GIVEN_NA " dns domains"},
		{"18.3.5 renumbered", DHCP6_REBIND, CLIENT, {{NA, 2, "2001:db8::9"}},
			"7 na2(2001:db8:1::5/128:7200 2001:db8::9/128:0 ) dns domains"},
		{"18.3.3 ours", DHCP6_CONFIRM, CLIENT, {{NA, 2, ADDR}}, "7 status=0"},
		{"18.3.3 of the link", DHCP6_CONFIRM, CLIENT, {{NA, 2, "2001:db8:2::77"}},
			"7 status=0"},
		{"18.3.3 not", DHCP6_CONFIRM, CLIENT, {{NA, 2, "2001:db8:3::77"}}, "7 status=4"},
		{"18.3.3 one of two", DHCP6_CONFIRM, CLIENT, {{NA, 2, ADDR}, {NA, 3, OTHER}},
			"7 status=4"},
		{"18.3.3 nothing", DHCP6_CONFIRM, CLIENT, {{NA, 2}}, "none"},
		{"18.3.6", DHCP6_INFORMATION_REQUEST, CLIENT, {{0}}, "7 refresh dns domains"},
		{"18.3.6 anonymous", DHCP6_INFORMATION_REQUEST, NOBODY, {{0}},
			"7 refresh dns domains"},
		{"18.3.6 ours", DHCP6_INFORMATION_REQUEST, SERVER, {{0}}, "7 refresh dns domains"},
		{"18.3.7 not bound", DHCP6_RELEASE, CLIENT | SERVER, {{PD, 1, OURS, 56}},
			"7 pd1(!3) status=0"},
		{"18.3.8 not bound", DHCP6_DECLINE, CLIENT | SERVER, {{NA, 2, ADDR}},
			"7 na2(!3) status=0"},
		{"16.2 no client", DHCP6_SOLICIT, NOBODY, {{PD, 1}}, "none"},
		{"16.2 a server", DHCP6_SOLICIT, CLIENT | SERVER, {{PD, 1}}, "none"},
		{"16.3", DHCP6_ADVERTISE, CLIENT | SERVER, {{PD, 1}}, "none"},
		{"16.4 no server", DHCP6_REQUEST, CLIENT, {{PD, 1}}, "none"},
		{"16.4 no client", DHCP6_REQUEST, SERVER, {{PD, 1}}, "none"},
		{"16.5 a server", DHCP6_CONFIRM, CLIENT | SERVER, {{NA, 2, ADDR}}, "none"},
		{"16.6 no server", DHCP6_RENEW, CLIENT, {{PD, 1}}, "none"},
		{"16.7 a server", DHCP6_REBIND, CLIENT | SERVER, {{PD, 1}}, "none"},
		{"16.8 no server", DHCP6_DECLINE, CLIENT, {{NA, 2, ADDR}}, "none"},
		{"16.9 no server", DHCP6_RELEASE, CLIENT, {{PD, 1}}, "none"},
		{"16.10", DHCP6_REPLY, CLIENT | SERVER, {{PD, 1}}, "none"},
		{"16.11", DHCP6_RECONFIGURE, CLIENT | SERVER, {{0}}, "none"},
		{"16.12 with an IA", DHCP6_INFORMATION_REQUEST, CLIENT, {{PD, 1}}, "none"},
		{"16.13", DHCP6_RELAY_FORW, CLIENT, {{0}}, "none"},
		{"16.14", DHCP6_RELAY_REPL, CLIENT, {{0}}, "none"},
		{"unknown", 99, CLIENT, {{0}}, "none"},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		binding = (struct dhcp6_binding){0};
		begin(rows[i].type);
		if (rows[i].who & CLIENT)
			add_client();
		if (rows[i].who & SERVER)
			add_server();
		if (rows[i].who & RAPID)
			add(DHCP6_OPTION_RAPID_COMMIT, NULL, 0);
		for (unsigned int j = 0; j < 4 && rows[i].ia[j].type; j++)
			add_ia(rows[i].ia[j].type, rows[i].ia[j].iaid, rows[i].ia[j].text,
				rows[i].ia[j].length);
		serve(true);
		cr_expect_str_eq(seen(), rows[i].answer, "%s: %s, not %s", rows[i].section, seen(),
			rows[i].answer);
	}
}

static const char *ask(uint8_t type, uint16_t ia, uint8_t iaid, const char *text)
{
	begin(type);
	add_client();
	if (type != DHCP6_SOLICIT && type != DHCP6_REBIND)
		add_server();
	add_ia(ia, iaid, text, 56);
	serve(true);
	return seen();
}

Test(dhcp6_server, the_ia_that_is_bound_keeps_the_prefix_until_its_release)
{
	cr_expect_str_eq(ask(DHCP6_SOLICIT, PD, 1, NULL), "2 preference " GIVEN_PD " dns domains");
	cr_expect_not(binding.prefix_bound, "an Advertise binds nothing");
	cr_expect_str_eq(ask(DHCP6_REQUEST, PD, 1, NULL), "7 " GIVEN_PD " dns domains");
	cr_expect(binding.prefix_bound);
	cr_expect_str_eq(ask(DHCP6_REQUEST, PD, 9, NULL), "7 pd9(!6) dns domains");
	cr_expect_str_eq(ask(DHCP6_RENEW, PD, 1, OURS), "7 " GIVEN_PD " dns domains");
	cr_expect_str_eq(ask(DHCP6_RELEASE, PD, 9, OURS), "7 pd9(!3) status=0");
	cr_expect_str_eq(ask(DHCP6_RELEASE, PD, 1, OURS), "7 status=0");
	cr_expect_not(binding.prefix_bound);
	cr_expect_str_eq(
		ask(DHCP6_REQUEST, PD, 9, NULL), "7 pd9(2001:db8:0:100::/56:7200 ) dns domains");
	cr_expect_eq(server.counters[DHCP6_COUNT_bound_prefix], 2u);
}

Test(dhcp6_server, a_declined_address_is_not_given_again)
{
	cr_expect_str_eq(ask(DHCP6_REQUEST, NA, 2, NULL), "7 " GIVEN_NA " dns domains");
	cr_expect_str_eq(ask(DHCP6_DECLINE, NA, 2, ADDR), "7 status=0");
	cr_expect_str_eq(ask(DHCP6_REQUEST, NA, 2, NULL), "7 na2(!2) dns domains");
	cr_expect_str_eq(ask(DHCP6_REQUEST, PD, 1, NULL), "7 " GIVEN_PD " dns domains");
}

Test(dhcp6_server, a_session_without_prefix_and_address_says_so)
{
	lease.has_prefix = lease.has_address = false;
	lease.domains_len = 0;
	lease.dns[0].family = 0;
	cr_expect_str_eq(ask(DHCP6_SOLICIT, PD, 1, NULL), "2 preference pd1(!6)");
	cr_expect_str_eq(ask(DHCP6_REQUEST, NA, 2, NULL), "7 na2(!2)");
	cr_expect_str_eq(ask(DHCP6_REBIND, PD, 1, OTHER), "7 pd1(!62001:db8:dead::/56:0 )");
	cr_expect_not(binding.prefix_bound);
}

Test(dhcp6_server, t1_and_t2_are_a_half_and_four_fifths)
{
	struct dhcp6_message message;
	const uint8_t *p;
	struct dhcp6_option option;

	ask(DHCP6_REQUEST, PD, 1, NULL);
	cr_assert(dhcp6_parse(reply, reply_len, &message));
	p = message.options;
	while (dhcp6_option_next(&p, message.options + message.len, &option))
		if (option.type == PD)
			break;
	cr_assert_eq(option.type, PD);
	cr_expect_eq(option.data[6] << 8 | option.data[7], 1800);
	cr_expect_eq(option.data[10] << 8 | option.data[11], 2880);
}

Test(dhcp6_server, unicast_is_answered_by_use_multicast)
{
	static const uint8_t types[] = {DHCP6_REQUEST, DHCP6_RENEW, DHCP6_RELEASE, DHCP6_DECLINE};

	for (unsigned int i = 0; i < sizeof(types); i++) {
		begin(types[i]);
		add_client();
		add_server();
		add_ia(PD, 1, NULL, 0);
		serve(false);
		cr_expect_str_eq(seen(), "7 status=5", "%u", types[i]);
	}
	cr_expect_not(binding.prefix_bound);
}

Test(dhcp6_server, what_is_for_any_server_is_dropped_when_sent_to_one)
{
	static const uint8_t types[] = {
		DHCP6_SOLICIT, DHCP6_CONFIRM, DHCP6_REBIND, DHCP6_INFORMATION_REQUEST};

	for (unsigned int i = 0; i < sizeof(types); i++)
		for (unsigned int multicast = 0; multicast < 2; multicast++) {
			begin(types[i]);
			add_client();
			if (types[i] == DHCP6_CONFIRM)
				add_ia(NA, 2, ADDR, 128);
			else if (types[i] != DHCP6_INFORMATION_REQUEST)
				add_ia(PD, 1, NULL, 0);
			if (multicast)
				cr_expect_neq(serve(true), 0u, "%u", types[i]);
			else
				cr_expect_eq(serve(false), 0u, "%u", types[i]);
			cr_expect_eq(server.counters[DHCP6_COUNT_unicast], i + 1u);
		}
}

Test(dhcp6_server, what_is_no_message_is_dropped_under_a_name)
{
	static const uint8_t big[200] = {0, 3};
	uint8_t other[DHCP6_SERVER_DUID_LEN];

	/* 1 too short */
	request_len = 3;
	cr_expect_eq(serve(true), 0u);
	cr_expect_eq(server.counters[DHCP6_COUNT_malformed], 1u);
	/* 2 an option beyond the end */
	begin(DHCP6_SOLICIT);
	add_client();
	request[7] = 200;
	cr_expect_eq(serve(true), 0u);
	cr_expect_eq(server.counters[DHCP6_COUNT_malformed], 2u);
	/* 3 half an option's header */
	begin(DHCP6_SOLICIT);
	add_client();
	request_len += 3;
	memset(request + request_len - 3, 0, 3);
	cr_expect_eq(serve(true), 0u);
	cr_expect_eq(server.counters[DHCP6_COUNT_malformed], 3u);
	/* 4 options without end */
	begin(DHCP6_SOLICIT);
	add_client();
	for (unsigned int i = 0; i < DHCP6_OPTIONS_MAX; i++)
		add(999, NULL, 0);
	cr_expect_eq(serve(true), 0u);
	cr_expect_eq(server.counters[DHCP6_COUNT_malformed], 4u);
	/* 5 64 KiB of IAs */
	begin(DHCP6_SOLICIT);
	add_client();
	while (request_len + 64 < sizeof(request))
		add_ia(PD, (uint8_t)request_len, OTHER, 56);
	cr_expect_eq(serve(true), 0u);
	cr_expect_eq(server.counters[DHCP6_COUNT_malformed], 5u);
	/* 6 more IAs than are served */
	begin(DHCP6_SOLICIT);
	add_client();
	for (unsigned int i = 0; i <= DHCP6_IAS_MAX; i++)
		add_ia(PD, (uint8_t)i, NULL, 0);
	cr_expect_eq(serve(true), 0u);
	cr_expect_eq(server.counters[DHCP6_COUNT_too_many_ias], 1u);
	/* 7 an IA that is cut, one whose inside does not fit */
	begin(DHCP6_SOLICIT);
	add_client();
	add(PD, big, 11);
	cr_expect_eq(serve(true), 0u);
	begin(DHCP6_SOLICIT);
	add_client();
	add(PD, big, 14);
	cr_expect_eq(serve(true), 0u);
	cr_expect_eq(server.counters[DHCP6_COUNT_malformed], 7u);
	/* 8 a DUID too long, too short, twice */
	begin(DHCP6_SOLICIT);
	add(DHCP6_OPTION_CLIENT_ID, big, DHCP6_DUID_MAX + 1);
	cr_expect_eq(serve(true), 0u);
	begin(DHCP6_SOLICIT);
	add(DHCP6_OPTION_CLIENT_ID, big, 2);
	cr_expect_eq(serve(true), 0u);
	begin(DHCP6_SOLICIT);
	add_client();
	add_client();
	cr_expect_eq(serve(true), 0u);
	cr_expect_eq(server.counters[DHCP6_COUNT_client_id], 3u);
	/* 9 another server's */
	memcpy(other, server.duid, sizeof(other));
	other[17] ^= 1;
	begin(DHCP6_REQUEST);
	add_client();
	add(DHCP6_OPTION_SERVER_ID, other, sizeof(other));
	cr_expect_eq(serve(true), 0u);
	cr_expect_eq(server.counters[DHCP6_COUNT_server_id], 1u);
	/* 10 no room for the answer */
	begin(DHCP6_SOLICIT);
	add_client();
	add_ia(PD, 1, NULL, 0);
	for (size_t room = 0; room < 80; room++)
		cr_expect_eq(dhcp6_server_input(&server, &lease, &binding, true, request,
				     request_len, reply, room),
			0u);
	cr_expect_eq(server.counters[DHCP6_COUNT_too_big], 80u);
}

/* ---- Reconfigure ---- */

/* An option of the message, data NULL if it is not there. */
static struct dhcp6_option find(const uint8_t *bytes, size_t len, uint16_t type)
{
	struct dhcp6_message message;
	struct dhcp6_option option;
	const uint8_t *p;

	cr_assert(dhcp6_parse(bytes, len, &message));
	p = message.options;
	while (dhcp6_option_next(&p, message.options + message.len, &option))
		if (option.type == type)
			return option;
	return (struct dhcp6_option){0};
}

static uint64_t replay_of(const struct dhcp6_option *auth)
{
	uint64_t replay = 0;

	for (unsigned int i = 3; i < 11; i++)
		replay = replay << 8 | auth->data[i];
	return replay;
}

static void accept_reconfigure(uint8_t type)
{
	begin(type);
	add_client();
	if (type == DHCP6_REQUEST || type == DHCP6_RENEW)
		add_server();
	if (type != DHCP6_INFORMATION_REQUEST)
		add_ia(PD, 1, NULL, 0);
	add(DHCP6_OPTION_RECONF_ACCEPT, NULL, 0);
	serve(true);
}

/* 1 message; 2 is it told that we send Reconfigures? 3 does it get a key? */
Test(dhcp6_server, a_client_that_accepts_reconfigure_gets_a_key)
{
	static const struct {
		uint8_t type;
		bool accept, key;
	} rows[] = {
		{DHCP6_SOLICIT, true, false},
		{DHCP6_REQUEST, true, true},
		{DHCP6_RENEW, true, true},
		{DHCP6_REBIND, true, true},
		{DHCP6_INFORMATION_REQUEST, true, true},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct dhcp6_option auth;

		accept_reconfigure(rows[i].type);
		auth = find(reply, reply_len, DHCP6_OPTION_AUTH);
		cr_expect_eq(find(reply, reply_len, DHCP6_OPTION_RECONF_ACCEPT).data != NULL,
			rows[i].accept, "row %u", i);
		cr_expect_eq(auth.data != NULL, rows[i].key, "row %u", i);
		/* protocol 3, HMAC-MD5, counter, type 1 (RFC 8415, 20.4) */
		if (auth.data) {
			static const uint8_t head[] = {3, 1, 0};

			cr_assert_eq(auth.len, 28);
			cr_expect_arr_eq(auth.data, head, 3);
			cr_expect_eq(auth.data[11], 1);
		}
		cr_expect_eq(binding.client != NULL, rows[i].key, "row %u", i);
		dhcp6_binding_clear(&binding);
		/* without the option, and where the configuration does not want it, nothing of it */
		lease.reconfigure = false;
		accept_reconfigure(rows[i].type);
		lease.reconfigure = true;
		cr_expect_null(find(reply, reply_len, DHCP6_OPTION_RECONF_ACCEPT).data);
		cr_expect_null(find(reply, reply_len, DHCP6_OPTION_AUTH).data);
	}
	ask(DHCP6_REQUEST, PD, 1, NULL);
	cr_expect_null(find(reply, reply_len, DHCP6_OPTION_AUTH).data);
	cr_expect_null(binding.client);
}

/* The client's side of RFC 8415, 20.4.3, by its own arithmetic. */
static void reconfigure_check(
	const uint8_t *bytes, size_t len, const uint8_t key[16], uint8_t type, uint64_t replay)
{
	struct dhcp6_option auth = find(bytes, len, DHCP6_OPTION_AUTH);
	struct dhcp6_option id = find(bytes, len, DHCP6_OPTION_CLIENT_ID);
	struct dhcp6_option us = find(bytes, len, DHCP6_OPTION_SERVER_ID);
	struct dhcp6_option asks = find(bytes, len, DHCP6_OPTION_RECONF_MSG);
	static const uint8_t head[] = {10, 0, 0, 0};
	uint8_t copy[512], digest[16];

	cr_assert_leq(len, sizeof(copy));
	cr_expect_arr_eq(bytes, head, 4, "transaction 0");
	cr_assert_eq(id.len, 10);
	cr_assert_eq(us.len, DHCP6_SERVER_DUID_LEN);
	cr_expect_arr_eq(us.data, server.duid, us.len);
	cr_assert_eq(asks.len, 1);
	cr_expect_eq(asks.data[0], type);
	cr_assert_eq(auth.len, 28);
	cr_expect_eq(auth.data[11], 2);
	cr_expect_gt(replay_of(&auth), replay);
	memcpy(copy, bytes, len);
	memset(copy + (auth.data - bytes) + 12, 0, 16);
	digest_hmac_md5(key, 16, &(const struct iovec){copy, len}, 1, digest);
	cr_expect_arr_eq(auth.data + 12, digest, 16);
}

Test(dhcp6_server, a_reconfigure_is_signed_by_the_key_and_asks_for_what_the_client_has)
{
	uint8_t message[512], key[16], other[16];
	struct dhcp6_option auth;
	uint64_t replay;
	size_t len;

	cr_expect_eq(dhcp6_reconfigure(&server, &lease, &binding, message, sizeof(message)), 0u,
		"nobody accepts it");
	accept_reconfigure(DHCP6_INFORMATION_REQUEST);
	auth = find(reply, reply_len, DHCP6_OPTION_AUTH);
	memcpy(key, auth.data + 12, 16);
	replay = replay_of(&auth);
	len = dhcp6_reconfigure(&server, &lease, &binding, message, sizeof(message));
	reconfigure_check(message, len, key, DHCP6_INFORMATION_REQUEST, replay);
	accept_reconfigure(DHCP6_REQUEST);
	auth = find(reply, reply_len, DHCP6_OPTION_AUTH);
	cr_expect_arr_eq(auth.data + 12, key, 16, "the same client has the same key");
	len = dhcp6_reconfigure(&server, &lease, &binding, message, sizeof(message));
	reconfigure_check(message, len, key, DHCP6_RENEW, replay_of(&auth));
	cr_expect(binding.reconfiguring);
	/* another session's key is another one */
	lease.session++;
	accept_reconfigure(DHCP6_REQUEST);
	memcpy(other, find(reply, reply_len, DHCP6_OPTION_AUTH).data + 12, 16);
	cr_expect_arr_neq(other, key, 16);
	for (size_t room = 0; room < len; room++)
		cr_expect_eq(dhcp6_reconfigure(&server, &lease, &binding, message, room), 0u);
	dhcp6_binding_clear(&binding);
}

Test(dhcp6_server, a_renew_of_the_client_itself_ends_the_reconfigure)
{
	static const uint8_t duid[] = {0, 3, 0, 1, 2, 0, 0, 0, 0, 9};
	uint8_t message[512];

	accept_reconfigure(DHCP6_REQUEST);
	cr_assert_gt(dhcp6_reconfigure(&server, &lease, &binding, message, sizeof(message)), 0u);
	/* somebody else behind the same line */
	begin(DHCP6_RENEW);
	add(DHCP6_OPTION_CLIENT_ID, duid, sizeof(duid));
	add_server();
	add_ia(PD, 1, OURS, 56);
	serve(true);
	cr_expect(binding.reconfiguring);
	ask(DHCP6_REQUEST, PD, 1, NULL);
	cr_expect(binding.reconfiguring, "a Request is no answer");
	/* renumbered: the new prefix, and the old one's end */
	memcpy(lease.prefix, in6_of("2001:db8:0:700::").b, 16);
	cr_expect_str_eq(ask(DHCP6_RENEW, PD, 1, OURS),
		"7 pd1(2001:db8:0:700::/56:7200 2001:db8:0:100::/56:0 ) dns domains");
	cr_expect_not(binding.reconfiguring);
	cr_expect_eq(server.counters[DHCP6_COUNT_reconfigure_sent], 1u);
	cr_expect_eq(server.counters[DHCP6_COUNT_reconfigure_answered], 1u);
	dhcp6_binding_clear(&binding);
}

Test(dhcp6_server, the_largest_answer_fits_the_smallest_link)
{
	static const uint8_t duid[DHCP6_DUID_MAX] = {0, 2};

	begin(DHCP6_RENEW);
	add(DHCP6_OPTION_CLIENT_ID, duid, sizeof(duid));
	add_server();
	for (unsigned int i = 0; i < DHCP6_IAS_MAX; i++)
		add_ia(PD, (uint8_t)i, OTHER, 56);
	cr_assert_gt(dhcp6_server_input(&server, &lease, &binding, true, request, request_len,
			     reply, 1280 - 48),
		0u);
}

Test(dhcp6_server, the_duid_follows_from_the_text)
{
	struct dhcp6_server again, other;

	dhcp6_server_init(&again, "lns1.example", secret, 0);
	dhcp6_server_init(&other, "lns2.example", secret, 0);
	cr_assert_arr_eq(again.duid, server.duid, sizeof(server.duid));
	cr_assert_arr_neq(other.duid, server.duid, sizeof(server.duid));
	cr_assert_eq(server.duid[1], 4);
}
