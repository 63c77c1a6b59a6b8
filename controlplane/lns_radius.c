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
		(int)status.settings->priority, "state", status.dead ? "dead" : "alive", "since",
		(json_int_t)((lns->now - status.changed_at) / 1000), "in_flight",
		(json_int_t)status.in_flight, "window", (json_int_t)status.window, "queued",
		(json_int_t)radius_client_queued(client), "sockets", (json_int_t)status.sockets,
		"latency_us", (json_int_t)status.latency_us);
	if (!row) {
		json_decref(drops);
		return NULL;
	}
	json_object_set_new(row, "sent", json_integer((json_int_t)status.sent));
	json_object_set_new(row, "resent", json_integer((json_int_t)status.resent));
	json_object_set_new(row, "answered", json_integer((json_int_t)status.answered));
	json_object_set_new(row, "accepts", json_integer((json_int_t)status.accepts));
	json_object_set_new(row, "rejects", json_integer((json_int_t)status.rejects));
	json_object_set_new(row, "timeouts", json_integer((json_int_t)status.timeouts));
	json_object_set_new(row, "probes", json_integer((json_int_t)status.probes));
	json_object_set_new(row, "deaths", json_integer((json_int_t)status.deaths));
	json_object_set_new(row, "dropped", json_integer((json_int_t)dropped));
	json_object_set_new(row, "drops", drops);
	return row;
}

static int radius_next_row(struct ctl_request *request, json_t **row)
{
	struct lns *lns = lns_of(request);
	unsigned int at = (unsigned int)request->cursor[0]++;
	const struct radius_client *client = aaa_radius_client(lns->radius);

	if (!client || at >= radius_client_servers(client))
		return CTL_END;
	*row = server_row(lns, client, "authentication", at);
	return *row ? CTL_ROW : -ENOMEM;
}

int lns_commands_radius(struct lns *lns)
{
	const struct ctl_command command = {
		"show radius", lns, CTL_LAYOUT_TABLE, radius_columns, NULL, radius_next_row, NULL};

	return ctl_socket_register(lns->ctl, &command);
}
