/* SPDX-License-Identifier: BSD-3-Clause */
/* show sessions, show session, show user: with counters as of now, a page at a time. */
#include "lns_commands.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define PAGE        256   /* sessions whose counters are asked for together */
#define SCAN_MAX    20000 /* sessions looked at in one go */
#define COUNTERS_MS 250   /* how long the owners may take */

static const struct ctl_column session_columns[] = {
	{"tunnel", "Tunnel", CTL_ID},
	{"session", "Session", CTL_ID},
	{"user", "User", CTL_TEXT},
	{"address", "Address", CTL_TEXT},
	{"ipv6", "IPv6", CTL_TEXT},
	{"state", "State", CTL_TEXT},
	{"uptime", "Up", CTL_SECONDS},
	{"up_packets", "Up packets", CTL_COUNT},
	{"up_bytes", "Up bytes", CTL_BYTES},
	{"down_packets", "Down packets", CTL_COUNT},
	{"down_bytes", "Down bytes", CTL_BYTES},
	{"worker", "Worker", CTL_ID},
	{"calling", "Calling number", CTL_TEXT},
	{NULL, NULL, 0},
};

static const struct ctl_column session_details[] = {
	{"tunnel", "Tunnel", CTL_ID},
	{"session", "Session", CTL_ID},
	{"peer_session", "LAC's session id", CTL_ID},
	{"lac", "LAC", CTL_TEXT},
	{"lac_name", "LAC host name", CTL_TEXT},
	{"user", "User", CTL_TEXT},
	{"auth", "Authentication", CTL_TEXT},
	{"state", "State", CTL_TEXT},
	{"phase", "PPP phase", CTL_TEXT},
	{"vrf", "VRF", CTL_TEXT},
	{"address", "Address", CTL_TEXT},
	{"ipv4_up", "IPv4", CTL_BOOL},
	{"ipv6_up", "IPv6", CTL_BOOL},
	{"ipv6_prefix", "IPv6 prefix", CTL_TEXT},
	{"ipv6_delegated", "Delegated prefix", CTL_TEXT},
	{"ipv6_address", "IPv6 address", CTL_TEXT},
	{"dhcp6_prefix", "Prefix bound by DHCPv6", CTL_BOOL},
	{"dhcp6_address", "Address bound by DHCPv6", CTL_BOOL},
	{"dhcp6_reconfigure", "DHCPv6 client accepts Reconfigure", CTL_BOOL},
	{"link_local", "Our link-local address", CTL_TEXT},
	{"peer_link_local", "Its link-local address", CTL_TEXT},
	{"prefixes", "Prefixes", CTL_LIST},
	{"mtu", "MTU", CTL_ID},
	{"mss", "MSS clamp", CTL_ID},
	{"peer_mru", "Peer's MRU", CTL_ID},
	{"uptime", "Up", CTL_SECONDS},
	{"session_timeout", "Session timeout", CTL_SECONDS},
	{"idle_timeout", "Idle timeout", CTL_SECONDS},
	{"up_packets", "Up packets", CTL_COUNT},
	{"up_bytes", "Up bytes", CTL_BYTES},
	{"up_drops", "Up drops", CTL_COUNT},
	{"down_packets", "Down packets", CTL_COUNT},
	{"down_bytes", "Down bytes", CTL_BYTES},
	{"down_drops", "Down drops", CTL_COUNT},
	{"up_packets6", "of these, IPv6 up packets", CTL_COUNT},
	{"up_bytes6", "IPv6 up bytes", CTL_BYTES},
	{"down_packets6", "IPv6 down packets", CTL_COUNT},
	{"down_bytes6", "IPv6 down bytes", CTL_BYTES},
	{"worker", "Worker", CTL_ID},
	{"calling", "Calling number", CTL_TEXT},
	{"called", "Called number", CTL_TEXT},
	{"sub_address", "Sub-address", CTL_TEXT},
	{"circuit_id", "Circuit id", CTL_TEXT},
	{"remote_id", "Remote id", CTL_TEXT},
	{"tx_speed", "Speed to subscriber", CTL_BITRATE},
	{"rx_speed", "Speed from subscriber", CTL_BITRATE},
	{"private_group", "Private group", CTL_TEXT},
	{"sequencing", "Sequencing", CTL_BOOL},
	{"acct_session_id", "Acct-Session-Id", CTL_TEXT},
	{"policy", "Policy", CTL_TEXT},
	{"up_rate", "Limit from subscriber", CTL_BITRATE},
	{"down_rate", "Limit to subscriber", CTL_BITRATE},
	{"interim_interval", "Interim interval", CTL_SECONDS},
	{"dns", "DNS servers", CTL_LIST},
	{"routes", "Framed routes", CTL_LIST},
	{"class", "Class", CTL_LIST},
	{"ipv6", "IPv6 from RADIUS", CTL_LIST},
	{NULL, NULL, 0},
};

static json_t *bytes_string(const uint8_t *bytes, size_t length)
{
	char text[1024];

	if (!bytes)
		return json_null();
	log_escape(text, sizeof(text), (const char *)bytes, length);
	return json_string(text);
}

static json_t *call_string(const struct l2tp_call *call, struct l2tp_field field)
{
	size_t length;
	const uint8_t *bytes = l2tp_call_bytes(call, field, &length);

	return bytes_string(bytes, length);
}

static json_t *line_string(const struct l2tp_call *call, unsigned int attribute)
{
	size_t length;
	const uint8_t *bytes = l2tp_call_access_line(call, attribute, &length);

	return bytes_string(bytes, length);
}

static json_t *session_row(const struct subscriber *subscriber)
{
	const struct session_counters *counters = &subscriber->counters;
	uint64_t now = subscriber->lns->now;
	char address[16] = "", ipv6[50];

	if (subscriber->address || subscriber->given_up)
		subscriber_address_text(subscriber, address);
	/* what it is known by: its customer's network, else its link's */
	if (!*subscriber_ipv6_text(subscriber, IPV6_DELEGATED, ipv6))
		subscriber_ipv6_text(subscriber, IPV6_LINK, ipv6);
	return json_pack("{s:i,s:i,s:o,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:i,s:o}", "tunnel",
		subscriber->record.tunnel_id, "session", subscriber->record.session_id, "user",
		ctl_string(subscriber->user ? subscriber->user : ""), "address", address, "ipv6",
		ipv6, "state", subscriber_state_name(subscriber->state), "uptime",
		(json_int_t)(subscriber->up_at ? (now - subscriber->up_at) / 1000 : 0),
		"up_packets", (json_int_t)(counters->up_packets4 + counters->up_packets6),
		"up_bytes", (json_int_t)(counters->up_bytes4 + counters->up_bytes6), "down_packets",
		(json_int_t)(counters->down_packets4 + counters->down_packets6), "down_bytes",
		(json_int_t)(counters->down_bytes4 + counters->down_bytes6), "worker",
		subscriber->record.owner, "calling",
		subscriber->l2tp ? call_string(subscriber->l2tp->call,
					   subscriber->l2tp->call->calling_number)
				 : json_null());
}

static void call_details(json_t *row, const struct subscriber *subscriber)
{
	const struct l2tp_session *session = subscriber->l2tp;
	const struct l2tp_call *call = session->call;
	const struct l2tp_endpoint *peer = &session->tunnel->path.peer;
	char address[INET6_ADDRSTRLEN], lac[INET6_ADDRSTRLEN + 8];

	inet_ntop(peer->family == 4 ? AF_INET : AF_INET6, peer->address, address, sizeof(address));
	snprintf(lac, sizeof(lac), peer->family == 4 ? "%s:%u" : "[%s]:%u", address, peer->port);
	json_object_set_new(row, "lac", json_string(lac));
	json_object_set_new(row, "lac_name", ctl_string(session->tunnel->host_name));
	json_object_set_new(row, "called", call_string(call, call->called_number));
	json_object_set_new(row, "sub_address", call_string(call, call->sub_address));
	json_object_set_new(row, "private_group", call_string(call, call->private_group));
	json_object_set_new(row, "circuit_id", line_string(call, 1));
	json_object_set_new(row, "remote_id", line_string(call, 2));
	json_object_set_new(row, "tx_speed", json_integer((json_int_t)call->tx_speed));
	json_object_set_new(row, "rx_speed", json_integer((json_int_t)call->rx_speed));
	json_object_set_new(row, "sequencing", json_boolean(call->sequencing_required));
}

static json_t *session_detail(const struct subscriber *subscriber)
{
	const struct subscriber_record *record = &subscriber->record;
	json_t *row = session_row(subscriber);
	json_t *plain = subscriber_record_to_json(record);

	if (!row || !plain) {
		json_decref(row);
		json_decref(plain);
		return NULL;
	}
	json_object_set(row, "prefixes", json_object_get(plain, "prefixes"));
	json_decref(plain);
	json_object_set_new(row, "peer_session", json_integer(record->peer_session_id));
	json_object_set_new(
		row, "auth", json_string(ppp_auth_method_name(subscriber->auth_method)));
	json_object_set_new(row, "phase", json_string(ppp_phase_name(ppp_phase(&subscriber->ppp))));
	json_object_set_new(
		row, "vrf", json_string(lns_config(subscriber->lns)->vrfs[record->vrf].name));
	subscriber_ipv6_show(subscriber, row);
	json_object_set_new(row, "mtu", json_integer(record->mtu));
	json_object_set_new(row, "mss", json_integer(record->mss));
	json_object_set_new(row, "peer_mru", json_integer(subscriber->peer_mru));
	json_object_set_new(row, "session_timeout", json_integer(subscriber->session_timeout));
	json_object_set_new(row, "idle_timeout", json_integer(subscriber->idle_timeout));
	json_object_set_new(row, "up_drops", json_integer(subscriber->up_drops));
	json_object_set_new(row, "down_drops", json_integer(subscriber->down_drops));
	if (subscriber->l2tp)
		call_details(row, subscriber);
	lns_show_grant(row, subscriber);
	return row;
}

/* ---- which sessions ---- */

struct session_filter {
	int64_t tunnel, session; /* -1: any */
	const char *user;        /* pattern; NULL: any; borrowed from the request */
	int64_t left;            /* rows that may still come */
	uint32_t at;             /* next index to look at */
	bool exact, looked_up;   /* found without looking at all sessions */
	struct {
		uint32_t index, generation;
	} page[PAGE];
	unsigned int n, next;
	uint64_t asked_at;
	bool ready;
};

static int filter_start(struct ctl_request *request)
{
	struct session_filter *filter = calloc(1, sizeof(*filter));
	int rc;

	if (!filter)
		return -ENOMEM;
	filter->tunnel = filter->session = -1;
	filter->left = INT64_MAX;
	request->state = filter;
	rc = ctl_arg_integer(request, "tunnel", 1, UINT16_MAX, &filter->tunnel);
	if (!rc || rc == -ENOENT)
		rc = ctl_arg_integer(request, "session", 1, UINT16_MAX, &filter->session);
	if (!rc || rc == -ENOENT)
		rc = ctl_arg_string(request, "user", &filter->user);
	if (!rc || rc == -ENOENT)
		rc = ctl_arg_integer(request, "limit", 1, INT64_MAX, &filter->left);
	if (rc && rc != -ENOENT) {
		free(filter);
		return rc;
	}
	filter->exact = (filter->tunnel >= 0 && filter->session >= 0) ||
		(filter->user && !strpbrk(filter->user, "*?[\\"));
	return 0;
}

static void filter_done(struct ctl_request *request)
{
	free(request->state);
}

static bool filter_takes(const struct session_filter *filter, const struct subscriber *subscriber)
{
	if (subscriber->state == SUBSCRIBER_ENDING)
		return false;
	if (filter->tunnel >= 0 && filter->tunnel != subscriber->record.tunnel_id)
		return false;
	if (filter->session >= 0 && filter->session != subscriber->record.session_id)
		return false;
	return !filter->user || (subscriber->user && !fnmatch(filter->user, subscriber->user, 0));
}

static void page_add(struct session_filter *filter, struct subscriber *subscriber)
{
	if (!filter_takes(filter, subscriber))
		return;
	filter->page[filter->n].index = subscriber->record.index;
	filter->page[filter->n].generation = subscriber->record.generation;
	filter->n++;
	subscriber_counters_ask(subscriber);
}

static void page_look_up(struct lns *lns, struct session_filter *filter)
{
	struct subscriber *subscriber = NULL;
	struct l2tp_tunnel *tunnel;
	struct l2tp_session *session;

	filter->looked_up = true;
	if (filter->session >= 0) {
		tunnel = l2tp_lns_tunnel(lns->l2tp, (uint16_t)filter->tunnel);
		session = tunnel ? l2tp_tunnel_session(tunnel, (uint16_t)filter->session) : NULL;
		if (session && session->user)
			page_add(filter, session->user);
		return;
	}
	while (filter->n < PAGE &&
		(subscriber = subscribers_of_user(&lns->subscribers, filter->user, subscriber)))
		page_add(filter, subscriber);
	if (filter->n < PAGE)
		return;
	/* a name that many lines share: page by page, through all sessions */
	filter->exact = false;
	filter->n = 0;
}

/* The next sessions that the filter takes, their counters asked for. False: there are no more. */
static bool page_gather(struct lns *lns, struct session_filter *filter)
{
	filter->n = filter->next = 0;
	filter->asked_at = lns->now;
	filter->ready = false;
	if (filter->exact) {
		if (filter->looked_up)
			return false;
		page_look_up(lns, filter);
		if (filter->exact)
			return filter->n;
	}
	for (unsigned int seen = 0; seen < SCAN_MAX && filter->n < PAGE; seen++) {
		struct subscriber *subscriber = subscribers_next(&lns->subscribers, &filter->at);

		if (!subscriber)
			return filter->n;
		page_add(filter, subscriber);
	}
	return true;
}

static bool page_answered(struct lns *lns, const struct session_filter *filter)
{
	if (lns->now - filter->asked_at >= COUNTERS_MS)
		return true;
	for (unsigned int i = 0; i < filter->n; i++) {
		const struct subscriber *subscriber = subscribers_get(
			&lns->subscribers, filter->page[i].index, filter->page[i].generation);

		if (subscriber && subscriber->counters_asked)
			return false;
	}
	return true;
}

static int filter_next(struct ctl_request *request, json_t **row,
	json_t *(*make)(const struct subscriber *subscriber))
{
	struct lns *lns = lns_of(request);
	struct session_filter *filter = request->state;

	while (filter->left > 0) {
		const struct subscriber *subscriber;

		if (filter->next == filter->n) {
			if (!page_gather(lns, filter))
				return CTL_END;
			return CTL_WAIT;
		}
		if (!filter->ready && !page_answered(lns, filter))
			return CTL_WAIT;
		filter->ready = true;
		subscriber = subscribers_get(&lns->subscribers, filter->page[filter->next].index,
			filter->page[filter->next].generation);
		filter->next++;
		if (!subscriber || subscriber->state == SUBSCRIBER_ENDING)
			continue;
		*row = make(subscriber);
		filter->left--;
		return *row ? CTL_ROW : -ENOMEM;
	}
	return CTL_END;
}

static int sessions_next(struct ctl_request *request, json_t **row)
{
	return filter_next(request, row, session_row);
}

static int user_next(struct ctl_request *request, json_t **row)
{
	int rc = filter_next(request, row, session_detail);

	if (rc == CTL_ROW)
		request->cursor[0]++;
	if (rc == CTL_END && !request->cursor[0]) {
		snprintf(request->error, sizeof(request->error), "no such session");
		return -ENOENT;
	}
	return rc;
}

static int session_start(struct ctl_request *request)
{
	int rc = filter_start(request);
	const struct session_filter *filter = request->state;

	if (rc || (filter->tunnel >= 0 && filter->session >= 0))
		return rc;
	filter_done(request);
	snprintf(request->error, sizeof(request->error),
		"which session? expected its tunnel and session id, as in \"show session 12/345\"");
	return -EINVAL;
}

static int user_start(struct ctl_request *request)
{
	int rc = filter_start(request);
	const struct session_filter *filter = request->state;

	if (rc || filter->user)
		return rc;
	filter_done(request);
	snprintf(
		request->error, sizeof(request->error), "which user? expected a name or a pattern");
	return -EINVAL;
}

int lns_commands_show(struct lns *lns)
{
	const struct ctl_command commands[] = {
		{"show sessions", lns, CTL_LAYOUT_TABLE, session_columns, filter_start,
			sessions_next, filter_done},
		{"show session", lns, CTL_LAYOUT_RECORD, session_details, session_start, user_next,
			filter_done},
		{"show user", lns, CTL_LAYOUT_RECORD, session_details, user_start, user_next,
			filter_done},
	};

	for (unsigned int i = 0; i < RTE_DIM(commands); i++) {
		int rc = ctl_socket_register(lns->ctl, &commands[i]);

		if (rc)
			return rc;
	}
	return 0;
}
