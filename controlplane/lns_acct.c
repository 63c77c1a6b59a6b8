/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounting of subscribers: joins sessions, spool and servers. */
#include "lns_acct.h"

#include "log.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define AUTHENTIC_RADIUS 1
#define AUTHENTIC_LOCAL  2
#define READ_MAX         256

static uint64_t wall_seconds(void)
{
	return (uint64_t)time(NULL);
}

static bool on_ask(void *user)
{
	return !subscriber_counters_ask(user);
}

/* ---- start, reload, end ---- */

static int servers_open(struct lns *lns, const struct config *config, struct radius_io **io,
	char *error, size_t error_size)
{
	*io = NULL;
	if (!radius_io_servers(config, RADIUS_ACCOUNTING))
		return 0;
	*io = radius_io_create(config, RADIUS_ACCOUNTING, &lns->wheel, lns->now, error, error_size);
	return *io ? 0 : -EIO;
}

static struct radius_client *client_of(struct radius_io *io)
{
	return io ? radius_io_client(io) : NULL;
}

static size_t nas_write(const struct config *config, uint8_t buffer[RADIUS_PACKET_MAX])
{
	struct radius_writer nas;

	radius_writer_init(&nas, buffer, RADIUS_PACKET_MAX, RADIUS_ACCOUNTING_REQUEST, 0, NULL);
	radius_nas_write(&nas, config);
	return (size_t)(nas.at - buffer) - RADIUS_HEADER;
}

static int acct_open(struct lns *lns, const struct config *config, char *error, size_t error_size)
{
	uint8_t buffer[RADIUS_PACKET_MAX];
	struct radius_acct_settings settings = {
		.wheel = &lns->wheel,
		.now = &lns->now,
		.wall = wall_seconds,
		.window = config->radius.max_in_flight,
		.memory_max = (uint64_t)config->radius.spool_mb << 20,
		.nas = buffer + RADIUS_HEADER,
		.nas_length = nas_write(config, buffer),
		.erx_ipv6 = config->radius.ipv6_counters == CONFIG_IPV6_COUNTERS_ERX,
		.ask = on_ask,
	};
	struct radius_spool_status spool;
	unsigned int damaged;
	int rc;

	lns->acct = radius_acct_create(&settings);
	if (!lns->acct) {
		snprintf(error, error_size, "out of memory for accounting");
		return -ENOMEM;
	}
	lns->spool = radius_spool_open(
		config->radius.spool, radius_acct_found, lns->acct, &damaged, error, error_size);
	if (!lns->spool)
		return -EIO;
	radius_spool_status(lns->spool, &spool);
	if (damaged > spool.set_aside)
		log_warning(NULL,
			"accounting: the ends of %u files in %s were cut, as a crash leaves them; "
			"what stands before was read",
			damaged - spool.set_aside, config->radius.spool);
	if (spool.set_aside)
		log_error(NULL,
			"accounting: %u files in %s are damaged; what is whole in them was read, "
			"they are kept as *.spool.damaged",
			spool.set_aside, config->radius.spool);
	rc = radius_acct_begin(lns->acct, lns->spool, client_of(lns->acct_io));
	if (rc)
		snprintf(error, error_size, "accounting: %s", strerror(-rc));
	return rc;
}

int lns_acct_start(struct lns *lns, const struct config *config, char *error, size_t error_size)
{
	int rc = servers_open(lns, config, &lns->acct_io, error, error_size);

	if (rc || !lns->acct_io)
		return rc;
	rc = acct_open(lns, config, error, error_size);
	if (rc)
		lns_acct_stop(lns); /* all of it or nothing: the next reload may try again */
	return rc;
}

void lns_acct_reload(struct lns *lns, const struct config *old, const struct config *config)
{
	struct radius_io *before = lns->acct_io, *io;
	uint8_t nas[RADIUS_PACKET_MAX];
	char error[256] = "";
	int rc;

	/* without accounting, what failed is tried again by every reload */
	if (!lns->acct) {
		if (lns_acct_start(lns, config, error, sizeof(error)))
			log_error(NULL, "reload: no accounting: %s", error);
		return;
	}
	if (radius_acct_set_nas(lns->acct, nas + RADIUS_HEADER, nas_write(config, nas)))
		log_error(NULL, "reload: no memory for accounting's NAS attributes");
	if (radius_io_same(old, config))
		return;
	rc = servers_open(lns, config, &io, error, sizeof(error));
	if (rc) {
		log_error(NULL, "reload: the accounting servers stay as they were: %s", error);
		return;
	}
	if (!io)
		log_warning(NULL,
			"reload: no accounting server is left: what waits stays in the spool, new "
			"sessions are not accounted for");
	lns->acct_io = io;
	radius_acct_set_client(lns->acct, client_of(io));
	radius_io_destroy(before);
}

void lns_acct_stop(struct lns *lns)
{
	radius_acct_destroy(lns->acct);
	radius_io_destroy(lns->acct_io);
	radius_spool_close(lns->spool);
	lns->acct = NULL;
	lns->acct_io = NULL;
	lns->spool = NULL;
}

unsigned int lns_acct_poll(struct lns *lns)
{
	/* sockets are looked at while an answer may come */
	if (!lns->acct_io || !radius_client_in_flight(radius_io_client(lns->acct_io)))
		return 0;
	return radius_io_read(lns->acct_io, lns->now, READ_MAX);
}

bool lns_acct_finished(struct lns *lns)
{
	struct radius_acct_status status;

	if (!lns->acct_io)
		return true;
	if (!lns->acct_off) {
		radius_acct_off(lns->acct);
		lns->acct_off = true;
	}
	radius_acct_status(lns->acct, &status);
	return !status.waiting;
}

/* ---- subscribers ---- */

void subscriber_acct_start(struct subscriber *subscriber)
{
	struct lns *lns = subscriber->lns;
	const struct aaa_extra *extra = subscriber->extra;
	uint32_t interim = lns_config(lns)->radius.interim_interval;
	uint8_t buffer[RADIUS_PACKET_MAX];
	struct radius_writer writer;
	struct subscriber_told told;
	size_t length;

	/* without servers only those that were told of before go on, to their Stop */
	if (!lns->acct_io && !subscriber->acct)
		return;
	radius_writer_init(&writer, buffer, sizeof(buffer), RADIUS_ACCOUNTING_REQUEST, 0, NULL);
	subscriber_tell(subscriber, &told);
	radius_session_write(&writer, lns_config(lns), &told.session);
	/* RFC 2866 5.11: without multilink each session is the only one of its bundle */
	radius_add_text(&writer, RADIUS_ACCT_MULTI_SESSION_ID, told.session.id);
	if (subscriber->address)
		radius_add(&writer, RADIUS_FRAMED_IP_ADDRESS, &subscriber->address,
			sizeof(subscriber->address));
	radius_add_u32(&writer, RADIUS_ACCT_AUTHENTIC, extra ? AUTHENTIC_RADIUS : AUTHENTIC_LOCAL);
	if (extra)
		radius_add_encoded(&writer, extra->bytes, extra->class_length);
	subscriber_ipv6_tell(subscriber, &writer);
	length = (size_t)(writer.at - buffer) - RADIUS_HEADER;
	if (subscriber->acct) {
		radius_acct_rebase(subscriber->acct, buffer + RADIUS_HEADER, length);
		return;
	}
	if (extra && extra->interim_interval)
		interim = extra->interim_interval;
	subscriber->acct = radius_acct_start(
		lns->acct, told.session.id, buffer + RADIUS_HEADER, length, interim, subscriber);
	if (!subscriber->acct)
		log_ratelimited(LOG_LEVEL_ERROR, NULL, "no memory for a session's accounting");
}

static struct radius_acct_counters counters_of(const struct subscriber *subscriber)
{
	const struct session_counters *counters = &subscriber->counters;

	return (struct radius_acct_counters){
		.input_octets = counters->up_bytes4 + counters->up_bytes6,
		.output_octets = counters->down_bytes4 + counters->down_bytes6,
		.input_packets = counters->up_packets4 + counters->up_packets6,
		.output_packets = counters->down_packets4 + counters->down_packets6,
		.input_octets6 = counters->up_bytes6,
		.output_octets6 = counters->down_bytes6,
		.input_packets6 = counters->up_packets6,
		.output_packets6 = counters->down_packets6,
	};
}

void subscriber_acct_update(struct subscriber *subscriber)
{
	struct radius_acct_counters counters = counters_of(subscriber);

	if (subscriber->acct)
		radius_acct_update(subscriber->acct, &counters);
}

/* RFC 3145 5.1: what the LAC said of the end. */
static enum radius_acct_cause peer_cause(const struct subscriber *subscriber)
{
	switch (subscriber->peer_cause) {
	case 1:
		return RADIUS_CAUSE_ADMIN_RESET;
	case 3:
		return RADIUS_CAUSE_USER_REQUEST;
	case 7:
		return RADIUS_CAUSE_PORT_ERROR;
	case 13:
	case 14:
	case 15:
	case 16:
		return RADIUS_CAUSE_USER_ERROR;
	case 17:
	case 18:
	case 19:
	case 20:
		return RADIUS_CAUSE_SERVICE_UNAVAILABLE;
	default:
		return RADIUS_CAUSE_LOST_CARRIER;
	}
}

static enum radius_acct_cause terminate_cause(const struct subscriber *subscriber)
{
	switch ((enum ppp_close_cause)subscriber->close_cause) {
	case PPP_CLOSE_PEER:
		return RADIUS_CAUSE_USER_REQUEST;
	case PPP_CLOSE_LOWER_DOWN:
		return peer_cause(subscriber);
	case PPP_CLOSE_LCP_TIMEOUT:
	case PPP_CLOSE_ECHO:
		return RADIUS_CAUSE_LOST_CARRIER;
	case PPP_CLOSE_LOOPBACK:
		return RADIUS_CAUSE_PORT_ERROR;
	case PPP_CLOSE_LCP_FAILED:
	case PPP_CLOSE_AUTH_METHOD:
	case PPP_CLOSE_AUTH_TIMEOUT:
	case PPP_CLOSE_AUTH_FAILED:
		return RADIUS_CAUSE_USER_ERROR;
	case PPP_CLOSE_NCP_TIMEOUT:
	case PPP_CLOSE_NCP_FAILED:
	case PPP_CLOSE_NCP_NONE:
	case PPP_CLOSE_NO_ADDRESS:
	case PPP_CLOSE_SESSION_LIMIT:
		return RADIUS_CAUSE_SERVICE_UNAVAILABLE;
	case PPP_CLOSE_ADMIN:
		return RADIUS_CAUSE_ADMIN_RESET;
	case PPP_CLOSE_SESSION_TIMEOUT:
		return RADIUS_CAUSE_SESSION_TIMEOUT;
	case PPP_CLOSE_IDLE_TIMEOUT:
		return RADIUS_CAUSE_IDLE_TIMEOUT;
	case PPP_CLOSE_REPLACED:
		return RADIUS_CAUSE_PORT_PREEMPTED;
	case PPP_CLOSE_SHUTDOWN:
		return RADIUS_CAUSE_ADMIN_REBOOT;
	default:
		return RADIUS_CAUSE_NAS_ERROR;
	}
}

void subscriber_acct_stop(struct subscriber *subscriber)
{
	struct radius_acct_counters counters = counters_of(subscriber);

	if (subscriber->acct)
		radius_acct_stop(subscriber->acct, &counters, terminate_cause(subscriber));
	subscriber->acct = NULL;
}
