/* SPDX-License-Identifier: BSD-3-Clause */
/* The control core's side of the forwarding table: what fib.c puts together. */
#pragma once

#include <dataplane/fib.h>

#include <stdbool.h>

/* A prefix's bits at the front, the rest zero; IPv4 in the first four bytes. */
struct fib_prefix {
	uint8_t addr[16];
	uint8_t length;
};

/* Answer and length of a prefix that covers another; target 0, length 0: none but the default route. */
struct fib_cover {
	uint32_t target;
	uint8_t length;
};

/* fib_tree.c */
int fib_tree_create(struct fib_tree *tree, unsigned int bits, int socket, struct rcu *rcu);
void fib_tree_destroy(struct fib_tree *tree); /* RCU queue drained; a tree of zeros is fine */
/* is_new: the tree does not hold this prefix yet. -ENOSPC: no page left. */
int fib_tree_set(
	struct fib_tree *tree, const struct fib_prefix *prefix, uint32_t target, bool is_new);
/* The prefix is there; cover is the longest of those that remain above it. -ENOMEM. */
int fib_tree_delete(
	struct fib_tree *tree, const struct fib_prefix *prefix, const struct fib_cover *cover);
/* The target of a prefix of full length, 0 if there is none. */
uint32_t fib_tree_host(const struct fib_tree *tree, const uint8_t *addr);
uint32_t fib_tree_pages(const struct fib_tree *tree);
uint32_t fib_tree_waiting(const struct fib_tree *tree);

/* fib_hosts6.c */
int fib_hosts6_create(struct fib_hosts6 *hosts, int socket, struct rcu *rcu);
void fib_hosts6_destroy(struct fib_hosts6 *hosts); /* RCU queue drained; zeros are fine */
int fib_hosts6_set(struct fib_hosts6 *hosts, const uint8_t addr[16], uint32_t target); /* -ENOSPC */
int fib_hosts6_delete(struct fib_hosts6 *hosts, const uint8_t addr[16]); /* -ENOENT, -ENOMEM */
uint32_t fib_hosts6_waiting(const struct fib_hosts6 *hosts);

/* fib_routes.c: which prefixes there are, exactly. Workers do not read it. */
struct fib_route {
	struct fib_prefix prefix;
	uint32_t target; /* 0 = free slot */
} __rte_packed;

struct fib_routes {
	struct fib_route *slots;
	uint32_t size; /* larger by a quarter than n, or more */
	uint32_t n, max;
	uint32_t n_length[129];
	uint64_t seed[2];
};

/* Room for `first`, grown as needed for as many as first + more. */
int fib_routes_create(struct fib_routes *routes, uint32_t first, uint32_t more);
void fib_routes_destroy(struct fib_routes *routes); /* zeros are fine */
/* NULL: not there. Valid until the next add or delete. */
struct fib_route *fib_routes_find(const struct fib_routes *routes, const struct fib_prefix *prefix);
int fib_routes_add(struct fib_routes *routes, const struct fib_prefix *prefix, uint32_t target);
void fib_routes_delete(struct fib_routes *routes, struct fib_route *route);
/* The longest prefix above this one, the default route aside. */
struct fib_cover fib_routes_cover(const struct fib_routes *routes, const struct fib_prefix *prefix);
