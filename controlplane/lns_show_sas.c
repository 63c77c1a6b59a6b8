/* SPDX-License-Identifier: BSD-3-Clause */
/* show sas: every security association, the refused ones too, never a key; show ipsec: what is around them. */
#include "lns_commands.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static const struct ctl_column sa_columns[] = {
	{"spi", "SPI", CTL_TEXT},
	{"direction", "Dir", CTL_TEXT},
	{"peer", "Peer", CTL_TEXT},
	{"local", "Local", CTL_TEXT},
	{"mode", "Mode", CTL_TEXT},
	{"algorithm", "Algorithm", CTL_TEXT},
	{"engine", "Engine", CTL_TEXT},
	{"worker", "Worker", CTL_ID},
	{"state", "State", CTL_TEXT},
	{"age", "Age", CTL_SECONDS},
	{"rekeys", "Rekeys", CTL_COUNT},
	{"packets", "Packets", CTL_COUNT},
	{"bytes", "Bytes", CTL_BYTES},
	{"drops", "Drops", CTL_LIST},
	{"group", "Group", CTL_ID},
	{"tunnels", "Tunnels", CTL_COUNT},
	{"source", "From", CTL_TEXT},
	{"reason", "Reason", CTL_TEXT},
	{NULL, NULL, 0},
};

static json_t *place_text(uint8_t family, const uint8_t address[16], uint16_t port)
{
	char ip[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];

	inet_ntop(family == 6 ? AF_INET6 : AF_INET, address, ip, sizeof(ip));
	if (!port)
		return json_string(ip);
	snprintf(text, sizeof(text), family == 6 ? "[%s]:%u" : "%s:%u", ip, port);
	return json_string(text);
}

static json_t *algorithm_text(const struct install_sa *sa)
{
	char text[80];

	if (!sa->key_bits && sa->cipher != ESP_CIPHER_NULL)
		return json_string(""); /* refused before it was looked at */
	snprintf(text, sizeof(text), "%s", esp_cipher_name(sa->cipher));
	if (sa->key_bits)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "-%u", sa->key_bits);
	if (sa->auth != ESP_AUTH_NONE)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s",
			esp_auth_name(sa->auth));
	if (sa->esn)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " esn");
	return json_string(text);
}

/* By reason for programs, with the name of each for people. */
static void drops_put(json_t *row, const struct sa_state *state)
{
	json_t *list = json_array(), *by_reason = json_object();

	for (unsigned int i = 1; state && i < ESP_REJECTS; i++) {
		uint64_t n = state->rejects[i];
		char text[64];

		if (!n)
			continue;
		snprintf(text, sizeof(text), "%s %llu", esp_reject_name(i), (unsigned long long)n);
		json_array_append_new(list, json_string(text));
		json_object_set_new(by_reason, esp_reject_name(i), json_integer((json_int_t)n));
	}
	json_object_set_new(row, "drops", list);
	json_object_set_new(row, "drops_by_reason", by_reason);
}

static json_t *sa_row(struct lns *lns, const struct install_sa *sa)
{
	const struct sa_state *state = sa->sa ? &sa->sa->state : NULL;
	const struct install_sa_group *group = sa->group;
	char spi[16], engine[96] = "";
	json_t *row;

	snprintf(spi, sizeof(spi), "0x%08x", sa->spi);
	if (sa->sa)
		sa_engine_name(sa->sa, engine, sizeof(engine));
	row = json_pack(
		"{s:s,s:s,s:o,s:o,s:s,s:o,s:s,s:o,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:s,s:b}",
		"spi", spi, "direction", sa->direction == SA_INBOUND ? "in" : "out", "peer",
		place_text(sa->family, sa->peer, sa->peer_port), "local",
		place_text(sa->family, sa->local, sa->local_port), "mode",
		sa->mode == SA_TUNNEL ? "tunnel" : "transport", "algorithm", algorithm_text(sa),
		"engine", engine, "worker", group ? json_integer(group->owner) : json_null(),
		"state", install_sa_state_name(lns->sas, sa), "age",
		(json_int_t)((lns->now - sa->created) / 1000), "rekeys",
		(json_int_t)(group ? group->rekeys : 0), "packets",
		(json_int_t)(state ? state->packets : sa->packets), "bytes",
		(json_int_t)(state ? state->bytes : sa->bytes), "group",
		(json_int_t)(group ? group->id : 0), "tunnels",
		(json_int_t)(group ? group->holds : 0), "source",
		sa->source == INSTALL_SA_KERNEL ? "kernel" : "configuration", "name", sa->name,
		"reason", sa->reason, "esn", sa->esn);
	if (!row)
		return NULL;
	if (group)
		json_object_set_new(row, "reqid", json_integer(group->reqid));
	drops_put(row, state);
	if (state) {
		bool in = sa->direction == SA_INBOUND;

		json_object_set_new(row, "sequence",
			json_integer((json_int_t)(in ? state->replay.top : state->sequence)));
		if (in)
			json_object_set_new(
				row, "replay_window", json_integer(state->replay.window));
		else if (sa->sa->sequence_limit <= INT64_MAX)
			json_object_set_new(row, "sequence_limit",
				json_integer((json_int_t)sa->sa->sequence_limit));
	}
	return row;
}

static int sas_next(struct ctl_request *request, json_t **row)
{
	struct lns *lns = lns_of(request);
	uint32_t at = (uint32_t)request->cursor[0];
	const struct install_sa *sa = install_sas_next(lns->sas, &at);

	request->cursor[0] = at;
	if (!sa)
		return CTL_END;
	*row = sa_row(lns, sa);
	return *row ? CTL_ROW : -ENOMEM;
}

/* ---- show ipsec ---- */

static const struct ctl_column ipsec_columns[] = {
	{"engine", "Engine", CTL_TEXT},
	{"sas", "SAs in use", CTL_COUNT},
	{"groups", "IPsec peers", CTL_COUNT},
	{"refused", "SAs refused", CTL_COUNT},
	{"remembered", "Keys remembered", CTL_COUNT},
	{"kernel", "Kernel has IPsec", CTL_BOOL},
	{"synced", "Mirror complete", CTL_BOOL},
	{"kernel_sas", "SAs in the kernel, ours", CTL_COUNT},
	{"events", "Netlink events", CTL_COUNT},
	{"ignored", "Netlink events ignored", CTL_COUNT},
	{"malformed", "Netlink messages malformed", CTL_COUNT},
	{"overruns", "Netlink overruns", CTL_COUNT},
	{"dumps", "Dumps", CTL_COUNT},
	{"reservations", "Reservations of numbers", CTL_COUNT},
	{"reservation_failures", "... that failed", CTL_COUNT},
	{"soft_expires", "Rekeys asked for", CTL_COUNT},
	{"hard_expires", "SAs ended at a limit", CTL_COUNT},
	{"updates", "Counters written back", CTL_COUNT},
	{NULL, NULL, 0},
};

static int ipsec_next(struct ctl_request *request, json_t **row)
{
	struct lns *lns = lns_of(request);
	const char *engine = dataplane_esp_engine(lns->dp);
	struct install_sas_counts counts;
	struct kernel_xfrm_stats stats;

	if (request->cursor[0]++)
		return CTL_END;
	install_sas_counts(lns->sas, &counts);
	kernel_xfrm_stats(lns->kernel_xfrm, &stats);
	*row = json_pack(
		"{s:s,s:I,s:I,s:I,s:I,s:b,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}",
		"engine", engine ? engine : "none", "sas", (json_int_t)counts.sas, "groups",
		(json_int_t)counts.groups, "refused", (json_int_t)counts.refused, "remembered",
		(json_int_t)counts.remembered, "kernel", stats.available, "synced", stats.synced,
		"kernel_sas", (json_int_t)stats.sas, "events", (json_int_t)stats.events, "ignored",
		(json_int_t)stats.ignored, "malformed", (json_int_t)stats.malformed, "overruns",
		(json_int_t)stats.overruns, "dumps", (json_int_t)stats.dumps, "reservations",
		(json_int_t)stats.reservations, "reservation_failures",
		(json_int_t)stats.reservation_failures, "soft_expires",
		(json_int_t)stats.soft_expires, "hard_expires", (json_int_t)stats.hard_expires,
		"updates", (json_int_t)stats.updates);
	return *row ? CTL_ROW : -ENOMEM;
}

int lns_commands_sas(struct lns *lns)
{
	const struct ctl_command sas = {
		"show sas", lns, CTL_LAYOUT_TABLE, sa_columns, NULL, sas_next, NULL};
	const struct ctl_command ipsec = {
		"show ipsec", lns, CTL_LAYOUT_RECORD, ipsec_columns, NULL, ipsec_next, NULL};
	int rc = ctl_socket_register(lns->ctl, &sas);

	return rc ? rc : ctl_socket_register(lns->ctl, &ipsec);
}
