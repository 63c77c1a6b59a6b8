/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds users by name and fixed addresses by value, in logarithmic time. */
#include "draft.h"
#include "address.h"
#include "value.h"

#include <config/secret_memory.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LENGTHS 256 /* of a suffix: below sizeof(config_user.name) */

struct fixed_address {
	unsigned int vrf;
	struct ip_addr addr;
};

struct config_user_index {
	unsigned int n_exact; /* users before the wildcards */
	/* Wildcards that begin with '*', by what follows it. */
	unsigned int n_suffixes;
	const struct config_user **suffixes;
	bool lengths[LENGTHS]; /* of these suffixes: one search for each that occurs */
	/* The others, in the order of the file. */
	unsigned int n_others;
	const struct config_user **others;
	unsigned int n_fixed;
	struct fixed_address *fixed; /* sorted */
};

static int user_order(const void *a, const void *b)
{
	const struct config_user *x = *(const struct config_user *const *)a;
	const struct config_user *y = *(const struct config_user *const *)b;
	int order = 0;

	if (x->wildcard != y->wildcard)
		return x->wildcard ? 1 : -1;
	if (!x->wildcard)
		order = strcmp(x->name, y->name);
	/* In the order of the file: that of the array that is being sorted. */
	return order ? order : x < y ? -1 : 1;
}

static int suffix_order(const void *a, const void *b)
{
	const struct config_user *x = *(const struct config_user *const *)a;
	const struct config_user *y = *(const struct config_user *const *)b;

	return strcmp(x->name + 1, y->name + 1);
}

static int fixed_order(const void *a, const void *b)
{
	const struct fixed_address *x = a, *y = b;

	if (x->vrf != y->vrf)
		return x->vrf < y->vrf ? -1 : 1;
	return ip_addr_compare(&x->addr, &y->addr);
}

/* By way of pointers, so that no sort leaves a copy of a password behind. */
static int users_sort(struct config *config)
{
	size_t n = config->n_users, i;
	const struct config_user **order = calloc(n + 1, sizeof(*order));
	struct config_user *users = secret_memory_alloc((n + 1) * sizeof(*users));

	if (!order || !users) {
		free(order);
		secret_memory_free(users);
		return -ENOMEM;
	}
	for (i = 0; i < n; i++)
		order[i] = &config->users[i];
	qsort(order, n, sizeof(*order), user_order);
	for (i = 0; i < n; i++)
		users[i] = *order[i];
	free(order);
	secret_memory_free(config->users);
	config->users = users;
	return 0;
}

int config_users_index(struct config *config)
{
	struct config_user_index *index;
	unsigned int i, n = config->n_users;

	if (users_sort(config))
		return -ENOMEM;
	index = calloc(1, sizeof(*index));
	if (!index)
		return -ENOMEM;
	config->user_index = index;
	index->suffixes = calloc((size_t)n + 1, sizeof(*index->suffixes));
	index->others = calloc((size_t)n + 1, sizeof(*index->others));
	index->fixed = calloc((size_t)n + 1, sizeof(*index->fixed));
	if (!index->suffixes || !index->others || !index->fixed)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		const struct config_user *user = &config->users[i];

		if (user->address.family)
			index->fixed[index->n_fixed++] =
				(struct fixed_address){user->vrf, user->address};
		if (!user->wildcard) {
			index->n_exact++;
		} else if (*user->name == '*') {
			index->suffixes[index->n_suffixes++] = user;
			index->lengths[strlen(user->name + 1)] = true;
		} else {
			index->others[index->n_others++] = user;
		}
	}
	qsort(index->suffixes, index->n_suffixes, sizeof(*index->suffixes), suffix_order);
	qsort(index->fixed, index->n_fixed, sizeof(*index->fixed), fixed_order);
	return 0;
}

void config_users_free(struct config *config)
{
	struct config_user_index *index = config->user_index;

	if (!index)
		return;
	free(index->suffixes);
	free(index->others);
	free(index->fixed);
	free(index);
	config->user_index = NULL;
}

static int exact_match(const void *name, const void *user)
{
	return strcmp(name, ((const struct config_user *)user)->name);
}

static int suffix_match(const void *name, const void *user)
{
	return strcmp(name, (*(const struct config_user *const *)user)->name + 1);
}

const struct config_user *config_user_find(const struct config *config, const char *name)
{
	const struct config_user_index *index = config->user_index;
	const struct config_user *user, *first = NULL;
	size_t length = strlen(name), l;
	unsigned int i;

	user = bsearch(name, config->users, index->n_exact, sizeof(*user), exact_match);
	if (user)
		return user;
	/* Wildcards stand in the order of the file: the lowest address comes first. */
	for (l = 0; l < LENGTHS && l <= length; l++) {
		const struct config_user *const *match;

		if (!index->lengths[l])
			continue;
		match = bsearch(name + length - l, index->suffixes, index->n_suffixes,
			sizeof(*index->suffixes), suffix_match);
		if (match && (!first || *match < first))
			first = *match;
	}
	for (i = 0; i < index->n_others && (!first || index->others[i] < first); i++)
		if (value_glob(index->others[i]->name, name))
			return index->others[i];
	return first;
}

bool config_address_reserved(
	const struct config *config, unsigned int vrf, const struct ip_addr *addr)
{
	const struct config_user_index *index = config->user_index;
	struct fixed_address key = {vrf, *addr};

	return !ip_addr_compare(addr, &config->subscribers.local_address) ||
		bsearch(&key, index->fixed, index->n_fixed, sizeof(key), fixed_order);
}
