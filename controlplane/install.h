/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The only writer of the dataplane's tunnels, sessions and subscriber routes.
 *
 * What a subscriber has is one plain record (subscriber_record.h): whoever holds the record - the life of
 * a session, a restart, a standby - replays it through these calls. Control core only. Routes of the
 * kernel are install_route.c's.
 */
#pragma once

#include "install_route.h"
#include "l2tp_tunnel.h"
#include "subscriber_record.h"

#include <dataplane/dataplane.h>

#include <stdbool.h>
#include <stdint.h>

struct install;
struct worker_load;

struct install *install_create(struct dataplane *dp, struct install_route *routes);
void install_destroy(struct install *install);

/* How the tunnel's data packets are made; from the peer's configuration. */
struct install_framing {
	bool udp_checksum, length_bit;
};

/* 0, or -errno as tunnel_publish(). The tunnel's owner worker is chosen here. */
int install_tunnel_open(struct install *install, uint16_t id, uint16_t peer_id,
	const struct l2tp_path *path, const struct install_framing *framing);
/* The tunnel's packets take another path; its sessions' templates follow by messages, paced. */
int install_tunnel_move(struct install *install, uint16_t id, const struct l2tp_path *path);
void install_tunnel_close(struct install *install, uint16_t id);
/* What the workers have to do, by their sessions. */
const struct worker_load *install_load(const struct install *install);
/* The worker that sends the tunnel's control packets; 0 for an unknown tunnel. */
unsigned int install_tunnel_owner(const struct install *install, uint16_t id);

/*
 * Publishes a session that forwards nothing yet: its PPP frames come up. Fills record->index,
 * ->generation and ->owner. -errno as session_publish().
 */
int install_session_open(struct install *install, struct subscriber_record *record);
/*
 * The session's first frame came by the queue of worker arrival. A NIC that spreads by L2TP session id, or a capture per
 * queue, will bring all others there too: so the session becomes that worker's, if it is not in ESP and the worker has
 * not much more to do than others (worker_load.h). Only the first call counts, and only before
 * install_session_update() first lets the session forward. Updates record->owner.
 */
void install_session_arrived(
	struct install *install, struct subscriber_record *record, uint8_t arrival);
/*
 * The record's flags and MTU before the session forwards: how its frames are made (sequence numbers, field
 * compression). The owner rebuilds the template. -ENOBUFS: the owner's ring is full, the session's frames
 * stay as they were.
 */
int install_session_framing(struct install *install, const struct subscriber_record *record);
/*
 * Makes the dataplane agree with the record: MTU, flags, prefixes, and a route for every prefix of a
 * family that forwards. Prefixes that were the session's before and no longer are lose their route.
 * A route that points to another session is replaced in one step. -errno: nothing is half done, the
 * session does not forward.
 */
int install_session_update(struct install *install, struct subscriber_record *record);
/*
 * Stops the session, takes its routes away (those that still point to it) and, after a grace period,
 * calls final() with its last counters; the record must live until then. -ENOENT, -ENOMEM: the session
 * goes on, call again.
 */
int install_session_close(
	struct install *install, struct subscriber_record *record, subscriber_final *final);

/* Continues what waits for room in a ring; call it each turn of the loop. */
void install_poll(struct install *install);
