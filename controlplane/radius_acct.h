/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accounting that loses nothing: each session's Start, Interims and Stop, delivered at least once and in order.
 *
 * A record is in the spool and in memory until a server has acknowledged it. Records of one session go out one after
 * the other; Accounting-On and -Off wait for everything before them, and everything after waits for them. What a
 * session has counted is in the spool at least every interim interval: sessions that were up when lnsd was
 * killed get their Stop from that at the next start, before Accounting-On. A duplicate is told by Acct-Session-Id,
 * Event-Timestamp and Acct-Status-Type. Control core only; no I/O of its own.
 */
#pragma once

#include "radius_client.h"
#include "radius_spool.h"
#include "timer.h"

#include <stdbool.h>
#include <stdint.h>

enum radius_acct_type { /* RFC 2866 5.1 */
	RADIUS_ACCT_START = 1,
	RADIUS_ACCT_STOP = 2,
	RADIUS_ACCT_INTERIM = 3,
	RADIUS_ACCT_ON = 7,
	RADIUS_ACCT_OFF = 8,
};

enum radius_acct_cause { /* RFC 2866 5.10 */
	RADIUS_CAUSE_USER_REQUEST = 1,
	RADIUS_CAUSE_LOST_CARRIER = 2,
	RADIUS_CAUSE_LOST_SERVICE = 3,
	RADIUS_CAUSE_IDLE_TIMEOUT = 4,
	RADIUS_CAUSE_SESSION_TIMEOUT = 5,
	RADIUS_CAUSE_ADMIN_RESET = 6,
	RADIUS_CAUSE_ADMIN_REBOOT = 7,
	RADIUS_CAUSE_PORT_ERROR = 8,
	RADIUS_CAUSE_NAS_ERROR = 9,
	RADIUS_CAUSE_NAS_REQUEST = 10,
	RADIUS_CAUSE_NAS_REBOOT = 11,
	RADIUS_CAUSE_PORT_PREEMPTED = 13,
	RADIUS_CAUSE_SERVICE_UNAVAILABLE = 15,
	RADIUS_CAUSE_USER_ERROR = 17,
};

/* From and to the subscriber. */
struct radius_acct_counters {
	uint64_t input_octets, output_octets, input_packets, output_packets;
	/* of these, IPv6's */
	uint64_t input_octets6, output_octets6, input_packets6, output_packets6;
};

struct radius_acct;
struct radius_acct_session;

struct radius_acct_settings {
	struct timer_wheel *wheel;
	const uint64_t *now;    /* ms */
	uint64_t (*wall)(void); /* seconds since 1970 */
	uint32_t window;        /* records handed to the client at a time */
	uint64_t memory_max;    /* bytes of records that wait */
	const uint8_t *nas;     /* encoded NAS-Identifier and address, for On and Off; copied */
	size_t nas_length;
	bool erx_ipv6; /* IPv6's share of the counters is told by Juniper's ERX attributes */
	/* A session's counters are wanted, by radius_acct_update(); false: not now, soon again */
	bool (*ask)(void *user);
};

struct radius_acct *radius_acct_create(const struct radius_acct_settings *settings);
/* For radius_spool_open(): user is the struct radius_acct. */
radius_spool_found radius_acct_found;
/*
 * After radius_spool_open(): what was found and is still owed is written anew, sessions that were up get their Stop,
 * then Accounting-On. The client may be replaced later; NULL: nothing is sent for now. -ENOMEM.
 */
int radius_acct_begin(
	struct radius_acct *acct, struct radius_spool *spool, struct radius_client *client);
/* Without a client no Interims are made, only the journal goes on; Stops are, and wait. */
void radius_acct_set_client(struct radius_acct *acct, struct radius_client *client);
/* From now on, of On and Off; copied. -ENOMEM: as before. */
int radius_acct_set_nas(struct radius_acct *acct, const uint8_t *nas, size_t nas_length);
/* Before the client and the spool. What is not acknowledged stays in the spool. */
void radius_acct_destroy(struct radius_acct *acct);
/* Accounting-Off: after the last Stop. */
void radius_acct_off(struct radius_acct *acct);

/*
 * A session is up. base: encoded attributes of all its records, copied. interim_s: 0 = no Interims, only the journal.
 * NULL: no memory.
 */
struct radius_acct_session *radius_acct_start(struct radius_acct *acct, const char *id,
	const uint8_t *base, size_t base_length, uint32_t interim_s, void *user);
/* What its records say from now on, in place of base; copied. -ENOMEM: as before. */
int radius_acct_rebase(
	struct radius_acct_session *session, const uint8_t *base, size_t base_length);
/* Counters that were asked for; otherwise nothing happens. */
void radius_acct_update(
	struct radius_acct_session *session, const struct radius_acct_counters *counters);
/* An Interim as soon as there are counters; interim_s for those after it. */
void radius_acct_changed(struct radius_acct_session *session, uint32_t interim_s);
/* The session has ended; it is the caller's no more. */
void radius_acct_stop(struct radius_acct_session *session,
	const struct radius_acct_counters *counters, enum radius_acct_cause cause);

struct radius_acct_status {
	uint64_t starts, interims, stops, acknowledged, recovered, recovered_stops;
	uint64_t dropped_interims, dropped_starts; /* no room */
	uint64_t waiting, waiting_bytes;
	uint32_t sessions;
};
void radius_acct_status(const struct radius_acct *acct, struct radius_acct_status *status);
