/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration on its way from the file to the daemon: values read, not yet checked together. */
#pragma once

#include "reader.h"

/* What a packet buffer takes of the memory, with its headers and alignment. */
#define CONFIG_MBUF_BYTES 2560

struct config_draft {
	struct config_reader *reader;
	struct config *config;
	const struct yaml_node *root;
	/*
	 * The node of each element, index by index as in config (before users are sorted), for the
	 * positions of errors. A vrf's may be NULL: the default one that the file leaves out.
	 */
	const struct yaml_node **interfaces, **peers, **users, **pools, **vrfs, **sas,
		**prefix_pools;
	const struct yaml_node **radius_servers, **radius_clients, **policies;
};

/* A place in the file: "section.key", or "section[item].key", or "section[item].key[element]". */
struct draft_place {
	const char *section;
	const struct yaml_node *item; /* NULL: section is no list */
	unsigned int index;
	const char *key; /* NULL: the item as a whole */
	int element;     /* -1: key's value as a whole */
};

static inline struct draft_place place_key(const char *section, const char *key)
{
	return (struct draft_place){section, NULL, 0, key, -1};
}

static inline struct draft_place place_item(
	const char *section, const struct yaml_node **items, unsigned int index, const char *key)
{
	return (struct draft_place){section, items[index], index, key, -1};
}

static inline struct draft_place place_element(const char *section, const struct yaml_node **items,
	unsigned int index, const char *key, unsigned int element)
{
	return (struct draft_place){section, items[index], index, key, (int)element};
}

/* The node at a place, or the nearest one around it. */
const struct yaml_node *draft_node(const struct config_draft *draft, struct draft_place place);
/* Does the file give this key? */
bool draft_given(const struct config_draft *draft, struct draft_place place);
void draft_error(struct config_draft *draft, struct draft_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* config_resolve.c: names into indices, and defaults that depend on other values. 0 or -ENOMEM. */
int draft_resolve(struct config_draft *draft);
/* What follows from checked values: aggregates, users in order and their index. 0 or -ENOMEM. */
int draft_finish(struct config_draft *draft);
void draft_free(struct config_draft *draft);

/* config_check.c: names and numbers; config_check_address.c: addresses. 0 or -ENOMEM. */
int draft_check(struct config_draft *draft);
int draft_check_addresses(struct config_draft *draft);
/* config_radius.c: who is asked, and the servers. */
void draft_resolve_radius(struct config_draft *draft);
void draft_check_radius(struct config_draft *draft);

/* config_sa.c: keys of security associations into bytes, and what does not go together. 0 or -ENOMEM. */
int draft_check_sas(struct config_draft *draft);

/* config_ipv6.c: the same for the section ipv6, prefix pools and users' IPv6. */
void draft_ipv6_resolve(struct config_draft *draft);
int draft_ipv6_check(struct config_draft *draft);

/* config_vrf.c: the same for who comes into which VRF, and with which pools. 0 or -ENOMEM. */
void draft_vrf_resolve(struct config_draft *draft);
int draft_vrf_check(struct config_draft *draft);
/* config_ipv6.c */
int draft_prefix_pool(struct config_draft *draft, struct draft_place place);
void draft_prefix_pool_check(struct config_draft *draft, struct draft_place place, int pool,
	unsigned int low, unsigned int high);

/* The element of the file's list names (names first in each) that place names; -1: not given. */
int draft_reference(struct config_draft *draft, struct draft_place place, const void *elements,
	size_t size, unsigned int n, const char *what);

/* config_user.c: sorts the users, builds the index. 0 or -ENOMEM. */
int config_users_index(struct config *config);
void config_users_free(struct config *config);

/* A name that stands for nothing in the file (reported): checks leave its owner out. */
#define DRAFT_VRF_UNKNOWN  UINT32_MAX
#define DRAFT_POOL_UNKNOWN (-2)
