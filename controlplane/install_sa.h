/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The only writer of the dataplane's SAs and of their groups, whoever they come from.
 *
 * A group is one IPsec peer: VRF, address pair, behind a NAT the peer's UDP port, and the reqid by which the IKE daemon
 * keeps the SAs of one child and its rekeyings together. The address alone is nobody's name: a daemon may have
 * authenticated somebody else at it while SAs of who had it before are still there, who would be sent the other's
 * packets with keys of his own. A group is made with the first SA and has one owner worker. It lives on without SAs as
 * long as a tunnel holds it (behind a NAT not longer than INSTALL_SA_NAT_GRACE_MS: the port may be another peer's by
 * then), so that a peer that comes back with new keys finds its tunnels again. Of its outbound SAs the newest is used.
 *
 * A number is never used twice with a key: an SA whose key was used before starts where that one ended. It waits
 * for the grace period after which the owner has written its last number (state "waiting"). What ended is
 * remembered by a digest of its key. Control core only.
 */
#pragma once

#include <crypto/sa.h>
#include <dataplane/sa_table.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSTALL_SA_GRACE_MS     30000 /* a group without SAs and tunnels */
#define INSTALL_SA_NAT_GRACE_MS 60000 /* a group behind a NAT without SAs, whatever holds it */
#define INSTALL_SA_HELD_MS      30000
/*
 * A peer that sends again what it has lost the answer to may have old numbers, so often at most: for all of its tunnels
 * together, since who guesses has 65,535 of them to choose from.
 */
#define INSTALL_SA_MISSES 32
#define INSTALL_SA_DIGEST 20

struct dataplane;
struct worker_load;

enum install_sa_source { INSTALL_SA_CONFIG, INSTALL_SA_KERNEL };

enum install_sa_state {
	INSTALL_SA_WAITING, /* for the last number of the SA that had its key before */
	INSTALL_SA_LIVE,
	INSTALL_SA_ENDING,  /* unpublished; freed after a grace period */
	INSTALL_SA_STOPPED, /* its limit is reached: the kernel has still to remove it */
	INSTALL_SA_REFUSED,
};

/* What is to be installed. Keys are used during the call only. */
struct install_sa_spec {
	uint8_t source;   /* enum install_sa_source */
	const char *name; /* in the configuration; NULL */
	uint16_t vrf;
	uint8_t family;                 /* of the addresses: 4 or 6 */
	uint8_t local[16], peer[16];    /* network byte order; IPv4 in the first four, the rest 0 */
	uint16_t local_port, peer_port; /* of UDP around ESP, host byte order; 0: native */
	uint32_t reqid;                 /* 0: whoever installed it does not say */
	struct sa_selector inner;       /* inbound in tunnel mode */
	uint64_t age_ms;                /* it has existed for so long */
	/*
	 * Since when it exists (whatever the unit). What a dump brings, the newest first, takes its place in the group
	 * by that; else it is the newest.
	 */
	uint64_t born;
	bool dumped;
	const char *refused; /* not to be tried, and why (copied); NULL */
	/*
	 * SPI, direction, mode, algorithm, keys, ESN, window, next_header, sequence, sequence_limit, iv_base. The
	 * rest follows from the above.
	 */
	struct sa_params params;
};

struct install_sa_group {
	struct install_sa_group *hash_next, *id_next; /* hash chains */
	struct install_sa_group *empty_next;          /* of those that have no SA */
	struct install_sa_group *moving_next;         /* of those that change their owner */
	struct install_sa *newest;                    /* its SAs, newest first */
	uint32_t id;
	uint8_t owner; /* worker; while it is moving, who it is to be */
	uint8_t family;
	bool settled;       /* the owner stays who it is */
	bool settled_nat;   /* counted among those behind a NAT */
	bool moving, asked; /* the owner is to change, and was asked to say so */
	uint16_t vrf;
	uint8_t local[16], peer[16];
	uint16_t peer_port; /* 0: native */
	uint32_t reqid;
	bool hashed;    /* found by its address; false: another peer has that by now */
	bool listed;    /* on the list of empty ones */
	uint32_t n_sas; /* not those that are refused */
	uint32_t holds; /* tunnels */
	uint32_t
		misses; /* messages to tunnels of others that could have followed to it and were not its */
	uint64_t created, empty_since;
	uint64_t rekeys; /* outbound SAs that came while there was another */
};

struct install_sa {
	struct install_sa *id_next, *key_next; /* hash chains */
	struct install_sa *group_next;         /* older ones of the group */
	struct install_sa *successor;          /* waits for our last number */
	struct install_sa *before;             /* whose last number we wait for */
	struct install_sa_group *group;        /* NULL: refused, or ended */
	struct install_sas *sas;
	struct sa *sa;              /* NULL: refused; stopped and no worker has it any more */
	void *user;                 /* of whom installed it */
	uint32_t slot;              /* in the list of all */
	uint32_t group_id;          /* also after it has left */
	uint32_t index, generation; /* in the table, while it is live */
	uint32_t spi;               /* host byte order */
	uint8_t source, state, direction, mode;
	uint8_t cipher, auth, family;
	bool esn;
	bool dumped;            /* takes its place in the group by born */
	bool unpublish_left;    /* there was no memory to take it out */
	bool named;             /* see install_sa_named() */
	bool owner_asked;       /* to give it to the group's new one */
	bool final;             /* refused for what it is: another try would come to the same */
	bool used_up;           /* refused: its key has no number left */
	uint64_t held_until;    /* not used before, while an older one is named; 0: not held */
	uint16_t vrf, key_bits; /* without salt */
	uint16_t local_port, peer_port;
	uint8_t local[16], peer[16];
	struct sa_selector inner;
	uint64_t created, born;
	uint64_t packets, bytes;               /* in all, once sa is gone */
	uint8_t key_digest[INSTALL_SA_DIGEST]; /* while sa is there */
	/* few have them: allocated, "" without */
	const char *name;   /* in the configuration */
	const char *reason; /* refused, stopped: why */
};

struct install_sa_settings {
	struct sa_table *table;
	struct dataplane *dp;   /* whose workers are asked; NULL: owners stay who they are */
	struct sa_store *store; /* NULL: all are refused, with store_error */
	const char *store_error;
	unsigned int n_workers;
	unsigned int permit; /* ESP_PERMIT_* */
	uint32_t max;        /* SAs; as many refused ones are kept besides, to be shown */
};

struct install_sas;

struct install_sas *install_sas_create(const struct install_sa_settings *settings);
/* After rcu_drain(): nothing of it is held any more. */
void install_sas_destroy(struct install_sas *sas);
void install_sas_permit(struct install_sas *sas, unsigned int permit);

/*
 * Installs an SA. What cannot be installed - also inbound if its SPI is in use at its address - is kept as refused,
 * with the reason, until it is removed. NULL and errno: ENOMEM; ENOSPC: too many are kept as refused.
 */
struct install_sa *install_sa_add(
	struct install_sas *sas, const struct install_sa_spec *spec, uint64_t now);
/* The caller may not use it any more; the next outbound SA of its group takes over. */
void install_sa_remove(struct install_sas *sas, struct install_sa *sa, uint64_t now);
/* Takes it out of use for good, but keeps it to be shown until it is removed. */
void install_sa_stop(
	struct install_sas *sas, struct install_sa *sa, const char *reason, uint64_t now);
/*
 * The policy of an IKE daemon names this outbound SA as the one to send by. Where one is named, those that come later wait
 * until they are, INSTALL_SA_HELD_MS at most, or until there is no other: the peer may not have its half yet.
 */
void install_sa_named(struct install_sas *sas, struct install_sa *sa, uint64_t now);
/*
 * Outbound, not refused: the number above which it will begin, or goes on. An upper bound while an SA that had its key
 * may still be sending.
 */
uint64_t install_sa_last_number(const struct install_sa *sa);
/* Is there room for one more? */
bool install_sas_room(const struct install_sas *sas);
/* Is it the one that its group sends by? */
bool install_sa_in_use(const struct install_sas *sas, const struct install_sa *sa);

/*
 * The peer of an SA sends from that port: its group sends there. Who the peer is remains IKE's word: SAs with new
 * keys join the group where IKE had it last, and not there. True: it was another port.
 */
bool install_sa_moved(struct install_sas *sas, uint32_t index, uint32_t generation, uint16_t port);

/*
 * A control message of L2TP came out of the group's ESP, authentic so, by the queue of worker arrival. A NIC that spreads
 * ESP by addresses will bring all others there too, also after a rekeying: so the group becomes that worker's, as far as
 * it has not much more to do than others, by groups and by sessions. Only the first call counts, until the last tunnel
 * has left the group: one that comes after it may come by another way.
 *
 * The worker that has the group hands it over between two bursts, nothing is lost and no number is used twice: what
 * arrives at it afterwards is handed on. install_sas_poll() goes on with what found no room in its ring.
 */
void install_sas_arrived(
	struct install_sas *sas, uint32_t group, uint8_t arrival, const struct worker_load *load);

/* A tunnel has come up on a group, or left it. */
void install_sas_hold(struct install_sas *sas, uint32_t group);
void install_sas_release(struct install_sas *sas, uint32_t group, uint64_t now);

/*
 * May a tunnel of one group go on in another, if its peer proves to be the same there? The other is at the same
 * address, which the IKE daemon has authenticated anew, and nothing can come in on the one any more. Nor has the other
 * tried INSTALL_SA_MISSES times to be the peer of some tunnel and was not.
 */
bool install_sas_follows(const struct install_sas *sas, uint32_t group, uint32_t other);
/* A message from a group that a tunnel could have followed to was not its peer's. */
void install_sas_missed(struct install_sas *sas, uint32_t group);

/* Groups that nobody needs, removals that waited for memory; call it now and then. */
void install_sas_poll(struct install_sas *sas, uint64_t now);

struct install_sa *install_sa_find(const struct install_sas *sas, uint8_t direction, uint16_t vrf,
	uint8_t family, const uint8_t address[16], uint32_t spi);
/* All, one by one: *at begins with 0. NULL: no more. */
struct install_sa *install_sas_next(const struct install_sas *sas, uint32_t *at);
const struct install_sa_group *install_sas_group(const struct install_sas *sas, uint32_t id);
const char *install_sa_state_name(const struct install_sas *sas, const struct install_sa *sa);

struct install_sas_counts {
	uint32_t sas, groups, refused, remembered;
};
void install_sas_counts(const struct install_sas *sas, struct install_sas_counts *counts);
