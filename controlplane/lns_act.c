/* SPDX-License-Identifier: BSD-3-Clause */
/* disconnect, reload, shutdown: what an operator may do. */
#include "control_loop.h"
#include "lns_commands.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define CLOSE_MAX 256 /* sessions ended in one go */

static int message(json_t **row, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int message(json_t **row, const char *format, ...)
{
	va_list arguments;
	char text[512];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	*row = json_pack("{s:o}", "message", ctl_string(text));
	return *row ? CTL_ROW : -ENOMEM;
}

/* ---- disconnect ---- */

struct disconnect {
	int64_t tunnel, session; /* -1: not given */
	const char *user;
	bool all;
	uint32_t at;
	uint64_t closed;
	bool finished;
};

static int disconnect_start(struct ctl_request *request)
{
	struct disconnect *disconnect = calloc(1, sizeof(*disconnect));
	int rc;

	if (!disconnect)
		return -ENOMEM;
	disconnect->tunnel = disconnect->session = -1;
	request->state = disconnect;
	disconnect->all = json_is_true(json_object_get(request->args, "all"));
	rc = ctl_arg_integer(request, "tunnel", 1, UINT16_MAX, &disconnect->tunnel);
	if (!rc || rc == -ENOENT)
		rc = ctl_arg_integer(request, "session", 1, UINT16_MAX, &disconnect->session);
	if (!rc || rc == -ENOENT)
		rc = ctl_arg_string(request, "user", &disconnect->user);
	if (rc && rc != -ENOENT)
		goto refuse;
	rc = -EINVAL;
	if (disconnect->session >= 0 && disconnect->tunnel < 0) {
		snprintf(request->error, sizeof(request->error),
			"session %ld of which tunnel? expected \"disconnect session "
			"TUNNEL/SESSION\"",
			(long)disconnect->session);
		goto refuse;
	}
	if (disconnect->tunnel < 0 && !disconnect->user && !disconnect->all) {
		snprintf(request->error, sizeof(request->error),
			"disconnect what? expected session, user, tunnel or all");
		goto refuse;
	}
	return 0;
refuse:
	free(disconnect);
	return rc;
}

static int disconnect_tunnel(struct ctl_request *request, json_t **row)
{
	struct lns *lns = lns_of(request);
	struct disconnect *disconnect = request->state;
	struct l2tp_tunnel *tunnel = l2tp_lns_tunnel(lns->l2tp, (uint16_t)disconnect->tunnel);
	struct l2tp_session *session;

	if (!tunnel || tunnel->down) {
		snprintf(request->error, sizeof(request->error), "no tunnel %ld",
			(long)disconnect->tunnel);
		return -ENOENT;
	}
	disconnect->finished = true;
	if (disconnect->session < 0) {
		uint32_t sessions = tunnel->session_count;

		l2tp_tunnel_close(tunnel, lns->now, L2TP_STOPCCN_CLEAR, 0, "operator");
		return message(
			row, "tunnel %ld closed, %u sessions", (long)disconnect->tunnel, sessions);
	}
	session = l2tp_tunnel_session(tunnel, (uint16_t)disconnect->session);
	if (!session || !session->user) {
		snprintf(request->error, sizeof(request->error), "no session %ld in tunnel %ld",
			(long)disconnect->session, (long)disconnect->tunnel);
		return -ENOENT;
	}
	subscriber_close(session->user, PPP_CLOSE_ADMIN);
	return message(
		row, "session %ld/%ld closed", (long)disconnect->tunnel, (long)disconnect->session);
}

/* A bounded number of sessions at a time: a million of them do not hold up the loop. */
static int disconnect_next(struct ctl_request *request, json_t **row)
{
	struct lns *lns = lns_of(request);
	struct disconnect *disconnect = request->state;

	if (disconnect->finished)
		return CTL_END;
	if (disconnect->tunnel >= 0)
		return disconnect_tunnel(request, row);
	for (unsigned int n = 0; n < CLOSE_MAX; n++) {
		struct subscriber *subscriber =
			subscribers_next(&lns->subscribers, &disconnect->at);

		if (!subscriber) {
			disconnect->finished = true;
			if (disconnect->user && !disconnect->closed) {
				snprintf(request->error, sizeof(request->error),
					"no session of user \"%.128s\"", disconnect->user);
				return -ENOENT;
			}
			return message(
				row, "%lu sessions closed", (unsigned long)disconnect->closed);
		}
		if (subscriber->state == SUBSCRIBER_ENDING)
			continue;
		if (disconnect->user &&
			(!subscriber->user || fnmatch(disconnect->user, subscriber->user, 0)))
			continue;
		subscriber_close(subscriber, PPP_CLOSE_ADMIN);
		disconnect->closed++;
	}
	return CTL_WAIT;
}

static void disconnect_done(struct ctl_request *request)
{
	free(request->state);
}

/* ---- reload ---- */

struct reload {
	struct config_errors report;
	int rc; /* -EBUSY: begins when the one that is under way is done */
	unsigned int at;
};

static int reload_start(struct ctl_request *request)
{
	struct reload *reload = calloc(1, sizeof(*reload));

	if (!reload)
		return -ENOMEM;
	reload->rc = lns_reload(lns_of(request), &reload->report);
	request->state = reload;
	return 0;
}

static int reload_next(struct ctl_request *request, json_t **row)
{
	struct lns *lns = lns_of(request);
	struct reload *reload = request->state;
	unsigned int at;

	if (lns->reload)
		return CTL_WAIT;
	if (reload->rc == -EBUSY) {
		reload->rc = lns_reload(lns, &reload->report);
		return CTL_WAIT;
	}
	at = reload->at++;
	if (at < reload->report.n)
		return message(row, "%s%s",
			reload->rc ? "" : "needs a restart: ", reload->report.text[at]);
	if (reload->rc) {
		snprintf(request->error, sizeof(request->error),
			"refused, the running configuration stays: %s", strerror(-reload->rc));
		return reload->rc;
	}
	if (at == reload->report.n)
		return message(row, "reloaded");
	return CTL_END;
}

static void reload_done(struct ctl_request *request)
{
	struct reload *reload = request->state;

	config_errors_free(&reload->report);
	free(reload);
}

/* ---- shutdown ---- */

static int shutdown_next(struct ctl_request *request, json_t **row)
{
	if (request->cursor[0]++)
		return CTL_END;
	control_loop_stop(lns_of(request), "lnsctl shutdown");
	return message(row, "shutting down");
}

int lns_commands_act(struct lns *lns)
{
	const struct ctl_command commands[] = {
		{"disconnect", lns, CTL_LAYOUT_MESSAGE, NULL, disconnect_start, disconnect_next,
			disconnect_done},
		{"reload", lns, CTL_LAYOUT_MESSAGE, NULL, reload_start, reload_next, reload_done},
		{"shutdown", lns, CTL_LAYOUT_MESSAGE, NULL, NULL, shutdown_next, NULL},
	};

	for (unsigned int i = 0; i < RTE_DIM(commands); i++) {
		int rc = ctl_socket_register(lns->ctl, &commands[i]);

		if (rc)
			return rc;
	}
	return 0;
}
