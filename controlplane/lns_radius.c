/* SPDX-License-Identifier: BSD-3-Clause */
/* show radius: the servers, how they do and what of theirs was dropped. */
#include "lns_commands.h"

#include <arpa/inet.h>
#include <errno.h>

static const struct ctl_column radius_columns[] = {
	{"role", "Role", CTL_TEXT},
	{"server", "Server", CTL_TEXT},
	{"address", "Address", CTL_TEXT},
	{"priority", "Priority", CTL_ID},
	{"state", "State", CTL_TEXT},
	{"since", "For", CTL_SECONDS},
	{"in_flight", "In flight", CTL_COUNT},
	{"window", "Window", CTL_COUNT},
	{"queued", "Queued", CTL_COUNT},
	{"sockets", "Sockets", CTL_COUNT},
	{"latency_us", "Latency µs", CTL_COUNT},
	{"sent", "Sent", CTL_COUNT},
	{"resent", "Resent", CTL_COUNT},
	{"answered", "Answered", CTL_COUNT},
	{"accepts", "Accepts", CTL_COUNT},
	{"rejects", "Rejects", CTL_COUNT},
	{"timeouts", "Timeouts", CTL_COUNT},
	{"probes", "Probes", CTL_COUNT},
	{"deaths", "Deaths", CTL_COUNT},
	{"dropped", "Dropped", CTL_COUNT},
	{"drops", "Drops", CTL_LIST},
	{NULL, NULL, 0},
};

static json_t *drops_list(const struct radius_server_status *status, uint64_t *total)
{
	json_t *list = json_array();
	char text[64];

	*total = 0;
	for (unsigned int i = 0; i < RADIUS_DROP_MAX; i++) {
		*total += status->drops[i];
		if (!status->drops[i] || !list)
			continue;
		snprintf(text, sizeof(text), "%s %lu", radius_drop_name(i), status->drops[i]);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static void row_put(json_t *row, const char *name, uint64_t value)
{
	json_object_set_new(row, name, json_integer((json_int_t)value));
}

static const char *state_name(const struct radius_server_status *status, uint64_t now)
{
	if (status->dead)
		return "dead";
	return now < status->held_until ? "held" : "alive";
}

static json_t *server_row(const struct lns *lns, const struct radius_client *client,
	const char *role, unsigned int index)
{
	const struct radius_endpoint *endpoint;
	struct radius_server_status status;
	char address[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];
	uint64_t dropped;
	json_t *row, *drops;

	radius_client_status(client, index, &status);
	endpoint = &status.settings->endpoint;
	inet_ntop(endpoint->family == 6 ? AF_INET6 : AF_INET, endpoint->address, address,
		sizeof(address));
	snprintf(text, sizeof(text), endpoint->family == 6 ? "[%s]:%u" : "%s:%u", address,
		endpoint->port);
	drops = drops_list(&status, &dropped);
	row = json_pack("{s:s,s:o,s:s,s:i,s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "role", role, "server",
		ctl_string(status.settings->name), "address", text, "priority",
		(int)status.settings->priority, "state", state_name(&status, lns->now), "since",
		(json_int_t)((lns->now - status.changed_at) / 1000), "in_flight",
		(json_int_t)status.in_flight, "window", (json_int_t)status.window, "queued",
		(json_int_t)radius_client_queued(client), "sockets", (json_int_t)status.sockets,
		"latency_us", (json_int_t)status.latency_us);
	if (!row) {
		json_decref(drops);
		return NULL;
	}
	row_put(row, "sent", status.sent);
	row_put(row, "resent", status.resent);
	row_put(row, "answered", status.answered);
	row_put(row, "accepts", status.accepts);
	row_put(row, "rejects", status.rejects);
	row_put(row, "timeouts", status.timeouts);
	row_put(row, "probes", status.probes);
	row_put(row, "deaths", status.deaths);
	row_put(row, "dropped", dropped);
	json_object_set_new(row, "drops", drops);
	return row;
}

static const struct ctl_column accounting_columns[] = {
	{"sessions", "Sessions", CTL_COUNT},
	{"starts", "Starts", CTL_COUNT},
	{"interims", "Interims", CTL_COUNT},
	{"stops", "Stops", CTL_COUNT},
	{"acknowledged", "Acknowledged", CTL_COUNT},
	{"waiting", "Waiting", CTL_COUNT},
	{"waiting_bytes", "Waiting, memory", CTL_BYTES},
	{"recovered", "Records of the last run", CTL_COUNT},
	{"recovered_stops", "Stops made for it", CTL_COUNT},
	{"dropped_interims", "Interims dropped", CTL_COUNT},
	{"dropped_starts", "Starts dropped", CTL_COUNT},
	{"spool_waiting", "Not yet on disk", CTL_BYTES},
	{"spool_written", "Written", CTL_BYTES},
	{"spool_syncs", "Syncs", CTL_COUNT},
	{"spool_errors", "Disk errors", CTL_COUNT},
	{"spool_segments", "Segments", CTL_COUNT},
	{NULL, NULL, 0},
};

static int accounting_next_row(struct ctl_request *request, json_t **row)
{
	struct lns *lns = lns_of(request);
	struct radius_acct_status status;
	struct radius_spool_status spool;

	if (!lns->acct || request->cursor[0]++)
		return CTL_END;
	radius_acct_status(lns->acct, &status);
	radius_spool_status(lns->spool, &spool);
	*row = json_object();
	row_put(*row, "sessions", status.sessions);
	row_put(*row, "starts", status.starts);
	row_put(*row, "interims", status.interims);
	row_put(*row, "stops", status.stops);
	row_put(*row, "acknowledged", status.acknowledged);
	row_put(*row, "waiting", status.waiting);
	row_put(*row, "waiting_bytes", status.waiting_bytes);
	row_put(*row, "recovered", status.recovered);
	row_put(*row, "recovered_stops", status.recovered_stops);
	row_put(*row, "dropped_interims", status.dropped_interims);
	row_put(*row, "dropped_starts", status.dropped_starts);
	row_put(*row, "spool_waiting", spool.waiting);
	row_put(*row, "spool_written", spool.written);
	row_put(*row, "spool_syncs", spool.syncs);
	row_put(*row, "spool_errors", spool.errors);
	row_put(*row, "spool_segments", spool.segments);
	return *row ? CTL_ROW : -ENOMEM;
}

static int radius_next_row(struct ctl_request *request, json_t **row)
{
	struct lns *lns = lns_of(request);
	unsigned int at = (unsigned int)request->cursor[0]++;
	const struct radius_client *client = aaa_radius_client(lns->radius);
	unsigned int n = client ? radius_client_servers(client) : 0;
	const char *role = "authentication";

	if (at >= n) {
		at -= n;
		role = "accounting";
		client = lns->acct_io ? radius_io_client(lns->acct_io) : NULL;
	}
	if (!client || at >= radius_client_servers(client))
		return CTL_END;
	*row = server_row(lns, client, role, at);
	return *row ? CTL_ROW : -ENOMEM;
}

int lns_commands_radius(struct lns *lns)
{
	const struct ctl_command servers = {
		"show radius", lns, CTL_LAYOUT_TABLE, radius_columns, NULL, radius_next_row, NULL};
	const struct ctl_command accounting = {"show accounting", lns, CTL_LAYOUT_RECORD,
		accounting_columns, NULL, accounting_next_row, NULL};
	int rc = ctl_socket_register(lns->ctl, &servers);

	return rc ? rc : ctl_socket_register(lns->ctl, &accounting);
}
