/* SPDX-License-Identifier: BSD-3-Clause */
/* Which session a CoA- or Disconnect-Request means, by every attribute that may name it. */
#include "config_minimal.h"
#include "l2tp_lns.h"
#include "l2tp_tunnel.h"
#include "lns_coa.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define MANY      300
#define NUMBER_OF ((uint16_t)sizeof(struct l2tp_call))

static const char yaml[] = MINIMAL_LNS
	"peers: [{name: p, sources: [192.0.2.0/24], local-name: lns}]\n"
	"vrfs: [{name: red, table: 100}]\n"
	"radius: {nas-port-id: '{lac}/{tunnel}/{session}'}\n";

/* A session and what is told of it. */
struct line {
	const char *user;
	uint8_t address[4];
	uint16_t vrf, tunnel, session;
	const char *calling, *called;
	uint8_t link; /* 2001:db8:0:LINK::/64, interface identifier ::LINK; 0: no IPv6 */
	enum subscriber_state state;
};

static const struct line lines[] = {
	{"alice", {100, 64, 0, 1}, 0, 1, 1, "0301", "800", 1, SUBSCRIBER_UP},
	{"bob", {100, 64, 0, 2}, 0, 1, 2, "0302", "800", 2, SUBSCRIBER_UP},
	{"dsl", {100, 64, 0, 1}, 1, 2, 1, "0303", "801", 1, SUBSCRIBER_UP},
	{"dsl", {100, 64, 0, 3}, 0, 2, 2, "0304", "802", 0, SUBSCRIBER_UP},
	{"carol", {100, 64, 0, 4}, 0, 2, 3, "0305", "803", 0, SUBSCRIBER_NETWORK},
	{NULL, {100, 64, 0, 5}, 0, 2, 4, NULL, NULL, 0, SUBSCRIBER_UP},
};
#define LINES (sizeof(lines) / sizeof(*lines))

static struct lns lns;
static struct config *config;
static struct ppp_config ppp_config;
static struct profile profile;
static char lac[] = "lac";
static struct l2tp_tunnel tunnels[3];
static struct l2tp_session sessions[LINES];
static struct subscriber all[LINES], many[MANY];

static struct l2tp_call *call_make(const char *calling, const char *called)
{
	size_t n = calling ? strlen(calling) : 0, m = called ? strlen(called) : 0;
	struct l2tp_call *call = calloc(1, sizeof(*call) + n + m);

	if (calling) {
		call->calling_number = (struct l2tp_field){NUMBER_OF, (uint16_t)n};
		memcpy((uint8_t *)call + NUMBER_OF, calling, n);
	}
	if (called) {
		call->called_number = (struct l2tp_field){(uint16_t)(NUMBER_OF + n), (uint16_t)m};
		memcpy((uint8_t *)call + NUMBER_OF + n, called, m);
	}
	return call;
}

static void subscriber_make(
	struct subscriber *subscriber, uint32_t index, const char *user, uint32_t serial)
{
	*subscriber = (struct subscriber){
		.lns = &lns,
		.profile = &profile,
		.state = SUBSCRIBER_UP,
		.record = {.index = index},
	};
	subscriber->ppp.config = &ppp_config;
	subscriber->serial = serial;
	subscribers_add(&lns.subscribers, subscriber);
	if (!user)
		return;
	subscriber->user = strdup(user);
	subscriber->user_hash = subscribers_hash(&lns.subscribers, user, strlen(user));
	subscribers_user_add(&lns.subscribers, subscriber);
}

static void line_make(unsigned int i)
{
	const struct line *line = &lines[i];
	struct subscriber *subscriber = &all[i];

	subscriber_make(subscriber, i, line->user, i);
	subscriber->state = (uint8_t)line->state;
	subscriber->record.vrf = line->vrf;
	subscriber->record.tunnel_id = line->tunnel;
	subscriber->record.session_id = line->session;
	memcpy(&subscriber->address, line->address, 4);
	subscribers_address_add(&lns.subscribers, subscriber);
	tunnels[line->tunnel].host_name = lac;
	sessions[i].tunnel = &tunnels[line->tunnel];
	sessions[i].call = call_make(line->calling, line->called);
	subscriber->l2tp = &sessions[i];
	if (!line->link)
		return;
	subscriber->ipv6 = calloc(1, sizeof(*subscriber->ipv6));
	subscriber->ipv6->up = true;
	subscriber->ipv6->parts[IPV6_LINK] = (struct held_prefix){
		.vrf = line->vrf, .length = 64, .addr = {0x20, 1, 0x0d, 0xb8, 0, 0, 0, line->link}};
	prefix_table_add(&lns.ipv6.holders, subscriber, IPV6_LINK);
	subscriber->ppp.ipv6cp.agreed_id[7] = line->link;
}

static void on_random(void *user, uint8_t *out, size_t length)
{
	memset(out, 0, length);
}

static void setup(void)
{
	static const struct l2tp_ops ops = {.random_bytes = on_random};
	static const struct l2tp_settings settings = {.host_name = "lns", .vendor_name = ""};
	struct config_errors errors = {0};
	int rc = config_parse("test.yaml", yaml, sizeof(yaml) - 1, &config, &errors);

	cr_assert_eq(rc, 0, "%s", errors.n ? errors.text[0] : "");
	config_errors_free(&errors);
	profile = (struct profile){.config = config, .ppp = &ppp_config};
	lns.profile = &profile;
	lns.acct_epoch = 0xABCD0000;
	cr_assert_eq(subscribers_init(&lns.subscribers, 1024), 0);
	cr_assert_eq(prefix_table_init(&lns.ipv6.holders, &lns.subscribers, 1), 0);
	lns.l2tp = l2tp_lns_create(&ops, &lns, &settings);
	cr_assert(lns.l2tp);
	for (unsigned int i = 0; i < LINES; i++)
		line_make(i);
}

static void subscriber_unmake(struct subscriber *subscriber)
{
	subscribers_user_remove(&lns.subscribers, subscriber);
	subscribers_remove(&lns.subscribers, subscriber);
	free(subscriber->user);
	free(subscriber->ipv6);
}

static void teardown(void)
{
	for (unsigned int i = 0; i < LINES; i++) {
		subscriber_unmake(&all[i]);
		free(sessions[i].call);
	}
	l2tp_lns_destroy(lns.l2tp, 0);
	prefix_table_fini(&lns.ipv6.holders);
	subscribers_fini(&lns.subscribers);
	config_free(config);
}

TestSuite(lns_coa_find, .init = setup, .fini = teardown);

struct name {
	uint8_t type;
	const char *text;
	uint8_t length; /* 0: text's */
};

static enum radius_error_cause find(
	const struct name *names, unsigned int n, struct subscriber **found, uint32_t *looked)
{
	uint8_t bytes[RADIUS_PACKET_MAX];
	struct radius_packet packet;
	struct radius_writer writer;
	size_t length;

	radius_writer_init(&writer, bytes, sizeof(bytes), RADIUS_DISCONNECT_REQUEST, 1, NULL);
	for (unsigned int i = 0; i < n && names[i].type; i++)
		radius_add(&writer, names[i].type, names[i].text,
			names[i].length ? names[i].length : strlen(names[i].text));
	length = (size_t)(writer.at - bytes);
	bytes[2] = (uint8_t)(length >> 8);
	bytes[3] = (uint8_t)length;
	cr_assert_eq(radius_packet_parse(&packet, bytes, length), RADIUS_WIRE_OK);
	return lns_coa_find(&lns, &packet, found, looked);
}

#define ACCT(digit)                                                 \
	{                                                           \
		RADIUS_ACCT_SESSION_ID, "ABCD00000000000" #digit, 0 \
	}
#define USER(name)                        \
	{                                 \
		RADIUS_USER_NAME, name, 0 \
	}
#define CALLING(no)                              \
	{                                        \
		RADIUS_CALLING_STATION_ID, no, 0 \
	}
#define CALLED(no)                              \
	{                                       \
		RADIUS_CALLED_STATION_ID, no, 0 \
	}
#define ADDRESS(last)                                            \
	{                                                        \
		RADIUS_FRAMED_IP_ADDRESS, "\x64\x40\x00" last, 4 \
	}
#define LINK(number)                                                                         \
	{                                                                                    \
		RADIUS_FRAMED_IPV6_PREFIX, "\x00\x40\x20\x01\x0d\xb8\x00\x00\x00" number, 10 \
	}
#define ID(number)                                                     \
	{                                                              \
		RADIUS_FRAMED_INTERFACE_ID, "\0\0\0\0\0\0\0" number, 8 \
	}
#define PORT(number)                       \
	{                                  \
		RADIUS_NAS_PORT, number, 4 \
	}
#define PORT_ID(text)                       \
	{                                   \
		RADIUS_NAS_PORT_ID, text, 0 \
	}

Test(lns_coa_find, names_truth_table)
{
	enum { NONE = RADIUS_ERROR_SESSION_NOT_FOUND, SEVERAL = RADIUS_ERROR_MULTIPLE_SESSIONS };
	static const struct {
		struct name names[4];
		int found; /* or the Error-Cause */
	} rows[] = {
		{{ACCT(0)}, 0},
		{{ACCT(3)}, 3},
		{{ACCT(9)}, NONE},
		{{{RADIUS_ACCT_SESSION_ID, "ABCD0000000000000", 0}}, NONE},
		{{{RADIUS_ACCT_SESSION_ID, "ABCD000100000000", 0}}, NONE},
		{{{RADIUS_ACCT_SESSION_ID, "ABCD0000       0", 0}}, NONE},
		{{{RADIUS_ACCT_SESSION_ID,
			 "ABCD0000\0"
			 "0000000",
			 16}},
			NONE},
		{{{RADIUS_ACCT_SESSION_ID, "ABCD00000000000", 0}}, NONE},
		{{{RADIUS_ACCT_SESSION_ID, "abcd000000000000", 0}}, NONE},
		{{{RADIUS_ACCT_MULTI_SESSION_ID, "ABCD000000000003", 0}}, 3},
		{{{RADIUS_ACCT_MULTI_SESSION_ID, "ABCD000000000003", 0}, ACCT(2)}, NONE},
		/* not up */
		{{ACCT(4)}, NONE},
		{{USER("carol")}, NONE},
		{{CALLING("0305")}, NONE},
		{{USER("alice")}, 0},
		{{USER("Alice")}, NONE},
		{{USER("alic")}, NONE},
		{{{RADIUS_USER_NAME, "alice\0x", 7}}, NONE},
		{{{RADIUS_USER_NAME, "alice\0", 6}}, NONE},
		/* of one name two */
		{{USER("dsl")}, SEVERAL},
		{{USER("dsl"), CALLING("0304")}, 3},
		{{CALLING("0304"), USER("dsl")}, 3},
		{{USER("dsl"), CALLING("0301")}, NONE},
		/* one address, and one prefix, in two VRFs */
		{{ADDRESS("\x01")}, SEVERAL},
		{{ADDRESS("\x01"), USER("dsl")}, 2},
		{{USER("alice"), ADDRESS("\x01")}, 0},
		{{ADDRESS("\x02")}, 1},
		{{ADDRESS("\x05")}, 5},
		{{ADDRESS("\x09")}, NONE},
		{{{RADIUS_FRAMED_IP_ADDRESS, "\x64\x40\x00", 3}}, NONE},
		{{LINK("\x01")}, SEVERAL},
		{{LINK("\x01"), CALLING("0303")}, 2},
		{{LINK("\x02")}, 1},
		{{LINK("\x03")}, NONE},
		{{{RADIUS_FRAMED_IPV6_PREFIX, "\x00\x38\x20\x01\x0d\xb8\x00\x00\x00\x01", 10}},
			NONE},
		{{{RADIUS_FRAMED_IPV6_PREFIX, "\x00\x40\x20\x01", 4}}, NONE},
		{{ID("\x01")}, SEVERAL},
		{{ID("\x02")}, 1},
		{{ID("\x02"), LINK("\x01")}, NONE},
		{{CALLING("0301")}, 0},
		{{CALLING("0302")}, 1},
		{{CALLING("030")}, NONE},
		{{CALLED("800")}, SEVERAL},
		{{CALLED("800"), CALLING("0302")}, 1},
		{{CALLED("801")}, 2},
		{{PORT_ID("lac/1/2")}, 1},
		{{PORT_ID("lac/1/3")}, NONE},
		{{PORT_ID("lac/1/2"), ACCT(0)}, NONE},
		/* NAS-Port: of no tunnel that L2TP has; beside another name it is compared */
		{{PORT("\x00\x01\x00\x01")}, NONE},
		{{PORT("\x00\x01\x00\x01"), ACCT(0)}, 0},
		{{PORT("\x00\x01\x00\x02"), ACCT(0)}, NONE},
		{{{RADIUS_NAS_PORT, "\x00\x01", 2}, ACCT(0)}, NONE},
		/* everything must fit, also two of a kind */
		{{ACCT(0), USER("alice"), ADDRESS("\x01"), CALLING("0301")}, 0},
		{{ACCT(0), USER("bob")}, NONE},
		{{ACCT(0), ACCT(1)}, NONE},
		{{USER("alice"), USER("bob")}, NONE},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct subscriber *found;
		uint32_t looked;
		enum radius_error_cause cause = find(rows[i].names, 4, &found, &looked);

		if (rows[i].found >= RADIUS_ERROR_UNSUPPORTED_ATTRIBUTE) {
			cr_assert_eq((int)cause, rows[i].found, "row %u: %d", i, (int)cause);
			cr_assert_null(found);
			continue;
		}
		cr_assert_eq(cause, RADIUS_ERROR_NONE, "row %u: %d", i, (int)cause);
		cr_assert_eq(found, &all[rows[i].found], "row %u", i);
	}
}

Test(lns_coa_find, what_names_nothing_or_too_much_is_refused)
{
	static const struct name other = {RADIUS_FILTER_ID, "gold", 0};
	struct subscriber *found;
	struct name same[17];
	uint32_t looked;

	cr_assert_eq(find(&other, 1, &found, &looked), RADIUS_ERROR_MISSING_ATTRIBUTE);
	for (unsigned int i = 0; i < 17; i++)
		same[i] = (struct name)USER("alice");
	cr_assert_eq(find(same, 16, &found, &looked), RADIUS_ERROR_NONE);
	cr_assert_eq(find(same, 17, &found, &looked), RADIUS_ERROR_INVALID_REQUEST);
}

Test(lns_coa_find, a_number_longer_than_an_attribute_fits_what_was_told_of_it)
{
	struct name name = {RADIUS_CALLING_STATION_ID, NULL, 253};
	struct subscriber *found;
	char number[301];
	uint32_t looked;

	memset(number, '7', 300);
	number[300] = '\0';
	free(sessions[5].call);
	sessions[5].call = call_make(number, NULL);
	name.text = number;
	cr_assert_eq(find(&name, 1, &found, &looked), RADIUS_ERROR_NONE);
	cr_assert_eq(found, &all[5]);
	name.length = 252;
	cr_assert_eq(find(&name, 1, &found, &looked), RADIUS_ERROR_SESSION_NOT_FOUND);
}

Test(lns_coa_find, an_index_looks_at_few_of_many_sessions)
{
	static const struct {
		struct name name;
		uint32_t looked;
	} rows[] = {
		{ACCT(0), 1}, {ADDRESS("\x02"), 2}, /* VRFs */
		{LINK("\x02"), 2}, {USER("bob"), 1}, {PORT("\x00\x01\x00\x01"), 1},
		{CALLING("0301"), MANY + LINES}, {USER("all"), 2}, /* two are enough to refuse */
	};
	struct subscriber *found;
	uint32_t looked;

	for (unsigned int i = 0; i < MANY; i++)
		subscriber_make(&many[i], (uint32_t)(LINES + i), "all", LINES + i);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		find(&rows[i].name, 1, &found, &looked);
		cr_assert_eq(looked, rows[i].looked, "row %u: %u", i, looked);
	}
	/* those that have gone are not found */
	for (unsigned int i = 0; i < MANY; i++) {
		char id[RADIUS_SESSION_ID_MAX];
		struct name name = {RADIUS_ACCT_SESSION_ID, subscriber_acct_id(&many[i], id), 0};

		cr_assert_eq(find(&name, 1, &found, &looked), RADIUS_ERROR_NONE);
		cr_assert_eq(found, &many[i]);
		subscriber_unmake(&many[i]);
		cr_assert_eq(find(&name, 1, &found, &looked), RADIUS_ERROR_SESSION_NOT_FOUND);
	}
}
