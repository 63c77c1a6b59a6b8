/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control plane of one daemon: what its parts share.
 *
 * Owned by the control core. now is read from the clock once each turn of the loop and is everybody's time.
 */
#pragma once

#include "aaa.h"
#include "aaa_radius.h"
#include "admission.h"
#include "ctl_socket.h"
#include "install.h"
#include "install_sa.h"
#include "ip_pool.h"
#include "kernel_route.h"
#include "kernel_tap.h"
#include "kernel_xfrm.h"
#include "l2tp_lns.h"
#include "prefix_pool.h"
#include "profile.h"
#include "radius_acct.h"
#include "radius_io.h"
#include "radius_server.h"
#include "subscriber_ipv6.h"
#include "subscribers.h"
#include "timer.h"

#include <dataplane/dataplane.h>

#include <stdbool.h>
#include <stdint.h>

/* Packets that the control core itself refuses, by name (lnsctl show drops). X(name, text) */
#define LNS_DROPS(X)                                                           \
	X(PUNT_MALFORMED, "punted packet whose headers do not fit its length") \
	X(PPP_STALE, "PPP frame of a session that has ended")                  \
	X(PPP_EARLY, "PPP frames before ICCN, above what is kept")             \
	X(INJECT_NO_MBUF, "no packet buffer for a control packet")             \
	X(SEND_TOO_LONG, "control packet longer than a packet buffer")         \
	X(PATH_MTU_FOREIGN, "Packet Too Big that quotes no packet of a tunnel: not believed")

enum lns_drop {
#define X(name, text) LNS_DROP_##name,
	LNS_DROPS(X)
#undef X
		LNS_DROP_MAX
};

struct lns {
	uint64_t now; /* ms, monotonic */
	struct timer_wheel wheel;
	struct dataplane *dp;
	struct install *install;
	struct install_route *routes;
	struct sa_store *sa_store; /* NULL: no engine for ESP */
	struct install_sas *sas;
	struct install_sa **static_sas; /* by the index in the configuration */
	uint64_t iv_base, iv_base_at;   /* the last one given out, and when (monotonic ns) */
	struct kernel_netns *netns;
	struct kernel_taps *taps;
	struct kernel_route *kernel_route;
	struct kernel_xfrm *kernel_xfrm;
	struct ctl_socket *ctl;
	struct ctl_show *show;
	struct metrics *metrics; /* NULL: not configured */
	struct l2tp_lns *l2tp;
	struct profile *profile; /* the configuration in force */
	struct profile *initial; /* the one that ports and mirrors were made from */
	struct aaa *aaa;
	struct aaa_radius *radius;
	struct admission admission;
	struct timer admission_timer;
	struct radius_acct *acct; /* NULL: no accounting */
	struct radius_spool *spool;
	struct radius_io *acct_io;
	struct radius_server_cache *coa; /* NULL: no radius-clients */
	int coa_socket;
	uint32_t coa_looked;              /* at how many sessions for the last request */
	bool acct_off;                    /* Accounting-Off was sent */
	uint32_t acct_epoch, acct_serial; /* the halves of the next Acct-Session-Id */
	struct subscribers subscribers;
	unsigned int n_pools;
	struct ip_pool **pools; /* by the index in the configuration */
	unsigned int n_prefix_pools;
	struct prefix_pool **prefix_pools;     /* the same */
	struct lns_pools_change *pools_change; /* to another configuration's; NULL: none */
	struct lns_reload *reload;             /* under way; NULL: none */
	struct ipv6_state ipv6;
	struct ppp_counters ppp_counters;
	uint32_t n_early; /* PPP frames kept until the session's ICCN */
	struct path_mtus *paths;
	uint64_t paths_again;
	uint64_t drops[LNS_DROP_MAX];
	uint64_t turns, busy_turns; /* of the control loop */
	bool stopping;
	uint64_t stop_by; /* when waiting for StopCCNs ends */
	uint64_t started_at;
};

const char *lns_drop_name(enum lns_drop drop);
const char *lns_drop_text(enum lns_drop drop);

static inline const struct config *lns_config(const struct lns *lns)
{
	return lns->profile->config;
}

/* Cryptographic randomness, buffered: no system call for most calls. */
void entropy_fill(void *out, size_t length);

/* ---- lns_admission.c ---- */
void lns_admission_start(struct lns *lns);
void lns_admission_stop(struct lns *lns);
/* May another call wait for RADIUS? Counts refusals. */
bool lns_may_wait(struct lns *lns);

/* ---- lns_paths.c ---- */
int lns_paths_create(struct lns *lns);
/* A frame that the kernel is going to get, which may tell of a path's MTU. */
void lns_paths_notice(struct lns *lns, const struct rte_mbuf *packet);
void lns_paths_poll(struct lns *lns);

/* ---- lns_pools.c ---- */
/*
 * Pools of a configuration: those of the running one are replaced, what sessions hold is carried over. A million of
 * them is walked in slices, while they come and go: begin (-ENOMEM), carry until it returns false, switch, from where
 * on the configuration has to be in force, settle until it returns false. Both configurations must be there until
 * then. cancel: at any time, as it is. set: all of it.
 */
int lns_pools_begin(struct lns *lns, const struct config *config);
bool lns_pools_carry(struct lns *lns, unsigned int max);
void lns_pools_switch(struct lns *lns);
bool lns_pools_settle(struct lns *lns, unsigned int max);
void lns_pools_cancel(struct lns *lns);
int lns_pools_set(struct lns *lns, const struct config *config);
/* It has just been given an address or a prefix: taken in the pools that are to come, too. */
void lns_pools_note(struct lns *lns, const struct subscriber *subscriber);
/* The prefix pools that are to come, and their configuration; NULL: none are. */
struct prefix_pool **lns_pools_to_come(const struct lns *lns, const struct config **config);
void lns_pools_free(struct lns *lns);
/* The routes of pools: announced; they cover nothing any more; out of the kernel. */
enum lns_aggregate_step { AGGREGATE_ANNOUNCE, AGGREGATE_UNCOVER, AGGREGATE_WITHDRAW };
/* One step for one network of a pool; what does not work is logged. */
void lns_aggregate(struct lns *lns, const char *pool, unsigned int vrf,
	const struct ip_prefix *prefix, enum lns_aggregate_step step);
/* From the pool by its index. 0, -ENOSPC exhausted, -ENOENT no such pool. */
int lns_pool_take(struct lns *lns, int pool, uint64_t user, uint32_t *address);
/* Exactly this one, in whichever pool of the VRF has it. -EBUSY; -ERANGE: no pool has it. */
int lns_pool_take_exact(struct lns *lns, unsigned int vrf, uint64_t user, uint32_t address);
void lns_pool_release(struct lns *lns, unsigned int vrf, uint32_t address);
/* Exactly this one of the pool by its index. 0, -EBUSY, -ERANGE: not in it, -ENOENT no such pool. */
int lns_pool_take_from(struct lns *lns, int pool, uint64_t user, uint32_t address);

/* ---- lns_prefixes.c ---- */
/* Those of a configuration; NULL without memory. */
struct prefix_pool **prefix_pools_create(const struct config *config);
/* What a session holds is taken. */
void prefix_pools_carry(struct prefix_pool **pools, const struct config *config,
	const struct subscriber *subscriber);
void prefix_pools_destroy(struct prefix_pool **pools, unsigned int n);
/* A step for all of their networks; what does not work is logged. */
void prefix_pools_aggregates(
	struct lns *lns, const struct config *config, enum lns_aggregate_step step);
/* From the pool by its index. 0, -ENOSPC exhausted, -ENOENT no such pool. */
int lns_prefix_take(struct lns *lns, int pool, uint64_t user, uint8_t prefix[16]);
/* Of the prefixes of a pool; 0: no such pool. */
uint8_t lns_prefix_length(const struct lns *lns, int pool);
/* The index of the VRF's pool that has exactly this one, taken or not; -1: none. */
int lns_prefix_pool(
	const struct lns *lns, unsigned int vrf, const uint8_t prefix[16], uint8_t length);
/* Has a part of what the VRF's pools give. */
bool lns_prefix_overlaps(
	const struct lns *lns, unsigned int vrf, const uint8_t prefix[16], uint8_t length);
/* Exactly this one, in whichever pool of the VRF has it. -EBUSY; -ERANGE: no pool has it. */
int lns_prefix_take_exact(
	struct lns *lns, unsigned int vrf, uint64_t user, const uint8_t prefix[16], uint8_t length);
void lns_prefix_release(
	struct lns *lns, unsigned int vrf, const uint8_t prefix[16], uint8_t length);

/* ---- lns_l2tp.c ---- */
extern const struct l2tp_ops lns_l2tp_ops; /* user: struct lns */
/* A punted L2TP control packet (data at the outer IP header); frees it. */
void lns_l2tp_punt(struct lns *lns, struct rte_mbuf *packet);
/* Data came from a tunnel's peer lately: as good as a HELLO. */
void lns_l2tp_data_seen(struct lns *lns, uint16_t tunnel_id);

/* ---- lns_sas.c ---- */
int lns_sas_start(struct lns *lns, char *error, size_t error_size);
/* After the workers have stopped and rcu_drain(). */
void lns_sas_stop(struct lns *lns);
/* What to install for an SA of the configuration, which must outlive the call; iv_base is the caller's. */
void lns_sa_spec(const struct config_sa *config, struct install_sa_spec *spec);
/*
 * Security associations of a configuration: what differs from the old one is removed and added. What a change
 * takes is allocated first (-ENOMEM), so that it cannot fail half-way; then set or cancelled.
 */
struct lns_sas_change {
	struct install_sa **handles;
	void *names;
};
int lns_sas_prepare(const struct config *new, struct lns_sas_change *change);
void lns_sas_set(struct lns *lns, const struct config *old, const struct config *new,
	struct lns_sas_change *change);
void lns_sas_cancel(struct lns_sas_change *change);
/* An answer of type MESSAGE_NOTICE_ESP. */
void lns_sas_notice(struct lns *lns, const struct message_reply *reply);

/* ---- lns_reload.c ---- */
/*
 * Begins: 0; -EINVAL: refused, report tells why. What needs a restart is in the report too. -EBUSY: one is under way,
 * which cannot fail any more: lns->reload until all is done.
 */
int lns_reload(struct lns *lns, struct config_errors *report);
/* Each turn of the loop: some of what a reload has still to do. True: there is more. */
bool lns_reload_poll(struct lns *lns);
/* At the end: as far as it is. */
void lns_reload_cancel(struct lns *lns);
