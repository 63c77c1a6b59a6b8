/* SPDX-License-Identifier: BSD-3-Clause */
/* The LAC: its tunnels, sessions, their set-up and teardown; bytes and time in, bytes out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "buffer.h"
#include "channel.h"
#include "histogram.h"
#include "link6.h"
#include "options.h"
#include "ppp.h"
#include "random.h"
#include "wheel.h"

#define LAC_DATA_HEADER_MAX 18u /* flags, length, ids, Ns, Nr, ff 03, protocol */
#define LAC_CDN_RESULTS     32u

enum lac_timer_kind {
	LAC_TIMER_SESSION,
	LAC_TIMER_TUNNEL,
};

enum tunnel_state {
	TUNNEL_IDLE,
	TUNNEL_WAIT_SCCRP,
	TUNNEL_UP,
	TUNNEL_STOPPING, /* our StopCCN is out */
	TUNNEL_CLOSED,
	TUNNEL_FAILED,
};

enum session_state {
	SESSION_IDLE,
	SESSION_WAIT_ICRP,
	SESSION_PPP, /* ICCN sent, PPP negotiates */
	SESSION_UP,
	SESSION_TERMINATING, /* Terminate-Request sent, CDN awaited */
	SESSION_DOWN,        /* ended as planned */
	SESSION_FAILED,      /* never came up */
	SESSION_LOST,        /* was up, ended by the LNS or by its silence */
};

enum lac_failure {
	LAC_FAIL_AUTH_REFUSED, /* first ones in the order of enum ppp_failure */
	LAC_FAIL_AUTH_METHOD,
	LAC_FAIL_AUTH_PEER,
	LAC_FAIL_NO_ADDRESS,
	LAC_FAIL_NEGOTIATION,
	LAC_FAIL_TERMINATED,
	LAC_FAIL_TIMEOUT,
	LAC_FAIL_CDN,
	LAC_FAIL_STOPCCN,
	LAC_FAIL_TUNNEL, /* never came up, or went silent */
	LAC_FAILURES,
};

struct session {
	uint32_t number;
	uint32_t tunnel; /* index */
	uint16_t local_id, peer_id;
	uint8_t state;
	bool term_acked;
	uint16_t data_ns; /* of data we send, with --sequencing */
	uint16_t data_nr;
	uint64_t started_ns;
	struct wheel_timer timer;
	struct ppp ppp;
	struct link6 link6; /* with --ipv6 */
};

struct tunnel {
	uint32_t number;
	uint16_t local_id, peer_id;
	uint8_t state;
	bool ack_listed;
	uint32_t port;      /* index of the socket */
	uint32_t next_slot; /* next session to start */
	uint32_t slots;     /* sessions of this tunnel */
	uint32_t open;      /* sessions neither idle nor ended */
	uint64_t stopped_ms;
	uint64_t last_sent_ms; /* for Hello */
	struct tunnel *ack_next;
	struct sockaddr_storage peer; /* learned from the SCCRP */
	struct channel channel;
	struct wheel_timer timer;
	uint8_t challenge[16];
	struct lac *lac;
};

struct lac_stats {
	uint64_t tunnels_up, tunnels_failed, tunnels_lost, tunnel_auth_failed;
	uint64_t sessions_started, sessions_up, sessions_failed, sessions_lost, sessions_closed;
	uint64_t failures[LAC_FAILURES], losses[LAC_FAILURES];
	uint64_t cdn_results[LAC_CDN_RESULTS], stopccn_results[LAC_CDN_RESULTS];
	uint64_t address_conflicts;
	uint64_t terminate_without_cdn;
	uint64_t malformed, unknown_tunnel, unknown_session, wrong_source, unexpected,
		hellos_received;
	uint64_t hellos_sent, data_gaps;
	uint64_t first_icrq_ns, last_up_ns;
	struct histogram setup_us;
	struct channel_stats channel;
	struct ppp_stats ppp;
	char first_error[160]; /* the first failure in words */
};

struct lac_ops {
	/* A packet to the tunnel's peer; the bytes are the caller's again on return. */
	void (*send)(void *ctx, struct tunnel *t, const uint8_t *packet, size_t len);
	/* A subscriber's IP packet; session is up. stamp as given to lac_input. */
	void (*ip)(void *ctx, struct session *s, const uint8_t *packet, size_t len, uint64_t stamp);
};

struct lac {
	const struct options *options;
	const struct lac_ops *ops;
	void *ctx;
	struct tunnel *tunnels;
	struct session *sessions; /* session n: tunnel n % tunnels, slot n / tunnels */
	struct tunnel **by_id;    /* 65536, our tunnel ids */
	struct wheel wheel;
	struct buffer_pool pool;
	struct random random;
	struct ppp_settings ppp_settings;
	struct lac_stats stats;
	uint64_t now_ns;
	uint64_t started_ns; /* set-up phase, for the rate */
	uint32_t cycle;
	uint32_t starting; /* sessions in set-up */
	uint32_t closing;  /* sessions in Terminate */
	uint32_t live;     /* sessions up now */
	uint32_t settled;  /* sessions up, failed or lost: set-up is over at all of them */
	uint32_t started;  /* in this cycle */
	uint32_t tunnel_cursor, close_cursor, stop_cursor;
	uint32_t tunnels_settled, tunnels_started, tunnels_open;
	uint16_t id_salt;
	bool stopping;
	struct tunnel *ack_list;
	/* name and password of the session in hand */
	char name[OPTIONS_TEXT], password[OPTIONS_TEXT];
};

/* 0 or -ENOMEM. options must outlive lac. seed as in options->seed. */
int lac_init(struct lac *lac, const struct options *options, const struct lac_ops *ops, void *ctx,
	uint64_t now_ns);
void lac_free(struct lac *lac);
/* Begins a cycle: everything idle again, under new ids. */
void lac_cycle_begin(struct lac *lac, uint64_t now_ns);
/* Starts what the rate and the windows allow; true when no session is left to settle. */
bool lac_setup(struct lac *lac, uint64_t now_ns);
/* Goes on with the teardown; true when nothing is left. */
bool lac_teardown(struct lac *lac, uint64_t now_ns);
/* A packet that came in on a socket. */
void lac_input(struct lac *lac, uint64_t now_ns, const struct sockaddr_storage *from, uint32_t port,
	const uint8_t *packet, size_t len, uint64_t stamp);
void lac_expire(struct lac *lac, uint64_t now_ns);
/* Sends the acknowledgements that became due since the last call. */
void lac_acknowledge(struct lac *lac);
/* L2TP and PPP header of a data packet; returns its length (≤ LAC_DATA_HEADER_MAX). */
size_t lac_data_header(
	struct lac *lac, struct session *s, uint16_t protocol, size_t payload, uint8_t *out);
/* Counts addresses given to two live sessions into stats.address_conflicts. */
int lac_check_addresses(struct lac *lac);
const char *lac_failure_name(enum lac_failure f);
void lac_user_name(const struct lac *lac, const struct session *s, char *out, size_t capacity);
/* Is this an IP packet of a subscriber (and not control of any kind)? Safe on any bytes. */
bool lac_is_user_data(const uint8_t *packet, size_t len);

/* Between tunnel.c, session.c and lac.c. */
static inline uint64_t lac_now_ms(const struct lac *lac)
{
	return lac->now_ns / 1000000u;
}

void tunnel_start(struct tunnel *t);
void tunnel_stop(struct tunnel *t, uint16_t result, const char *why);
void tunnel_expire(struct tunnel *t);
void tunnel_input(
	struct tunnel *t, const struct wire_header *h, const struct sockaddr_storage *from);
void tunnel_send(struct tunnel *t, uint16_t session_id, const struct wire_builder *b);
struct session *tunnel_session(struct tunnel *t, uint16_t local_id);
void session_start(struct lac *lac, struct session *s);
void session_message(struct lac *lac, struct session *s, const struct wire_message *m);
void session_data(struct lac *lac, struct session *s, const struct wire_header *h, uint64_t stamp);
void session_expire(struct lac *lac, struct session *s);
/* Ends it: as a failure or loss, or as planned when failure is LAC_FAILURES. */
void session_end(struct lac *lac, struct session *s, enum lac_failure failure);
void session_cdn(struct lac *lac, struct session *s, uint16_t result);
void session_terminate(struct lac *lac, struct session *s);
const char *session_secret(const struct lac *lac);
uint16_t session_local_id(const struct lac *lac, uint32_t slot);
