/* SPDX-License-Identifier: BSD-3-Clause */
/* What radius_client.c (requests), radius_client_queue.c (those that wait) and radius_client_server.c (servers) share. */
#pragma once

#include "radius_client.h"

struct radius_queue {
	struct radius_request *first, *last;
	uint32_t n;
};

struct radius_request {
	/* waiting: its deadline or the end of its rest; sent: the next resend, or the deadline */
	struct timer timer;
	struct radius_client *client;
	struct radius_queue *queue; /* that it waits in; NULL: it was sent */
	struct radius_request *next, *previous;
	struct radius_server *server; /* that was asked; NULL: it waits */
	bool probe;                   /* the client's own Status-Server */
	uint8_t code;                 /* enum radius_code */
	uint8_t id;
	unsigned int socket, sends;
	uint32_t tried; /* servers that did not answer, by bit */
	uint32_t wait_ms;
	unsigned int rests; /* so often all servers were asked in vain; then it is a doubtful one */
	uint64_t rests_until; /* ms */
	uint64_t waits_since;
	uint64_t sent_at, deadline; /* ms; UINT64_MAX = never */
	int64_t happened_at;
	uint8_t authenticator[RADIUS_AUTHENTICATOR];
	uint8_t *packet; /* as it was sent, for resends */
	size_t packet_length;
	radius_done *done;
	void *user;
	size_t attributes_length, password_length;
	bool has_password;
	uint8_t bytes[]; /* attributes, then password */
};

struct radius_server {
	struct radius_client *client;
	unsigned int index;
	struct radius_server_settings settings; /* name and secret are own copies */
	struct radius_ids ids;
	uint32_t doubtful;    /* of those under way */
	struct timer timer;   /* dead: the next probe; alive: idle sockets */
	struct timer silence; /* when it is found dead, unless it answers */
	struct radius_request *probe;
	bool dead;
	bool trial; /* dead, and the next request may try it */
	/* Status-Server brought it back and no request was answered since: it has room for one */
	bool unproven;
	uint32_t hold_ms;    /* the latest hold-down of one that died so again */
	uint64_t held_until; /* not asked before, while another is proven */
	uint64_t mute_until; /* no socket could be opened */
	uint64_t changed_at;
	uint64_t answered_sent_at;         /* the latest that was answered was sent first at */
	uint64_t silent_since;             /* first thing sent since the last answer; 0 = nothing */
	uint32_t window, window_threshold; /* in 1/RADIUS_WINDOW_UNIT requests */
	uint64_t halved_at;
	/* the shortest time to an answer, of late and in the span that runs now; 0 = none */
	uint32_t least_us, least_next_us;
	uint64_t least_from; /* when the span began */
	int credit;          /* of the weighted round robin */
	uint32_t latency_us;
	uint64_t sent, resent, answered, accepts, rejects, challenges, timeouts, probes, deaths;
	uint64_t drops[RADIUS_DROP_MAX];
};
#define RADIUS_WINDOW_UNIT 16

struct radius_client {
	const struct radius_client_ops *ops;
	void *user;
	struct timer_wheel *wheel;
	bool accounting, fail_fast;
	unsigned int in_flight_max, sockets_max;
	uint32_t queue_max;
	char nas_identifier[64];
	struct radius_queue fresh, again, resting, doubtful; /* see radius_client_queue.c */
	struct timer retry;                                  /* while requests wait for room */
	struct radius_client_counters counters;
	unsigned int n_servers;
	struct radius_server servers[RADIUS_SERVERS_MAX];
};

/* ---- radius_client.c ---- */
/* An id of the server and the first packet. -errno: no socket. */
int radius_request_send(struct radius_request *request, struct radius_server *server, uint64_t now);
/* The id is free again; the packet is forgotten. */
void radius_request_leave(
	struct radius_request *request, enum radius_slot_state state, uint64_t now);
void radius_request_free(struct radius_request *request);
struct radius_request *radius_request_create(
	struct radius_client *client, const struct radius_question *question);

/* ---- radius_client_queue.c ---- */
/* A new one, behind all others. */
void radius_request_wait(struct radius_request *request, uint64_t now);
/* Its server, now among the tried, did not answer: the next one, or a rest. */
void radius_request_requeue(struct radius_request *request, uint64_t now);
/* The timer of one that waits is due: false if that is its end. */
bool radius_request_wake(struct radius_request *request, uint64_t now);
void radius_queue_remove(struct radius_request *request);
/* Sends what waits to servers that have room. */
void radius_client_pump(struct radius_client *client, uint64_t now);
timer_fire radius_client_retry;
/* Requests that wait for nothing but room. */
uint32_t radius_client_ready(const struct radius_client *client);
void radius_client_all_died(struct radius_client *client, uint64_t now);

/* ---- radius_client_server.c ---- */
int radius_server_init(struct radius_server *server, struct radius_client *client,
	unsigned int index, const struct radius_server_settings *settings, uint64_t now);
void radius_server_fini(struct radius_server *server);
/* The one to ask next; NULL: none has room. */
struct radius_server *radius_server_choose(struct radius_request *request, uint64_t now);
/* Is there any that is not among the tried, by bit, and may be asked, with room or without? */
bool radius_servers_usable(const struct radius_request *request, uint32_t tried, uint64_t now);
/* An authentic answer came. */
void radius_server_answered(
	struct radius_server *server, const struct radius_request *request, uint64_t now);
/* Something was sent to it. */
void radius_server_asked(struct radius_server *server, uint64_t now);
/* A request to it timed out. */
void radius_server_timed_out(
	struct radius_server *server, const struct radius_request *request, uint64_t now);
/* The probe was not answered. */
void radius_server_probe_failed(struct radius_server *server, uint64_t now);
