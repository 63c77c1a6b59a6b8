/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of install_sa share. */
#pragma once

#include "install_sa.h"
#include "install_sa_past.h"

#define WORKERS_MAX 64

struct install_sas {
	struct sa_table *table;
	struct dataplane *dp;
	struct sa_store *store;
	char store_error[256];
	unsigned int n_workers, permit;
	uint32_t max;
	uint8_t salt[32]; /* of the digests */
	struct sa_past *past;
	/* all: a slot each */
	struct install_sa **slots;
	uint32_t *slots_free;
	uint32_t n_slots, n_slots_free, slots_high;
	uint32_t n_sas, n_refused;
	/* chains: by identity, by key, groups by address, groups by slot of their id */
	uint32_t mask;
	struct install_sa **by_id, **by_key;
	struct install_sa_group **by_address, **by_group;
	struct install_sa_group *empty;  /* groups without SAs */
	struct install_sa_group *moving; /* groups that change their owner */
	uint32_t n_groups;
	uint32_t load[WORKERS_MAX]; /* groups of each worker */
	/* of these, such as have shown where they arrive: in the open, behind a NAT */
	uint32_t settled[2][WORKERS_MAX];
	bool endings_left; /* removals that found no memory */
	uint64_t now;      /* as the last call said: what ends, ends between two */
};

/* ---- install_sa_group.c ---- */
/* The peer's group, made if need be; NULL: no memory, no room. */
struct install_sa_group *group_get(
	struct install_sas *sas, const struct install_sa_spec *spec, uint64_t now);
struct install_sa_group *group_by_id(const struct install_sas *sas, uint32_t id);
/* Its peer is found where the SA is from now on. */
void group_move(struct install_sas *sas, struct install_sa_group *group,
	const struct install_sa_spec *spec);
/*
 * What goes to its peer goes to that port from now on. Elsewhere than where IKE has it, only its keys find the
 * group. True: it was another port.
 */
bool group_answer_at(struct install_sas *sas, struct install_sa_group *group, uint16_t peer_port);
void group_join(struct install_sas *sas, struct install_sa_group *group, struct install_sa *sa,
	uint64_t now);
void group_leave(struct install_sas *sas, struct install_sa *sa, uint64_t now);
/* Puts its newest outbound SA that is live to use, one that is held only if there is no other. */
void group_choose(struct install_sas *sas, struct install_sa_group *group);
void groups_poll(struct install_sas *sas, uint64_t now);
void groups_destroy(struct install_sas *sas);

/* ---- install_sa_owner.c ---- */
/* Who has the least groups: a new one's owner, until it shows where its packets arrive. */
uint8_t owner_first(const struct install_sas *sas);
/* The group is forgotten. */
void owner_forget(struct install_sas *sas, struct install_sa_group *group);
/* The last tunnel has left: the next message counts. */
void owner_unsettle(struct install_sas *sas, struct install_sa_group *group);
void owners_poll(struct install_sas *sas);
