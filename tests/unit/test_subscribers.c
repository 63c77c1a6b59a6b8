/* SPDX-License-Identifier: BSD-3-Clause */
/* Subscribers are found by name, also when thousands of lines share one. */
#include "subscribers.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define LINES 20000

static void named(struct subscribers *all, struct subscriber *subscriber, const char *name)
{
	subscriber->user = strdup(name);
	subscriber->user_hash = subscribers_hash(all, name, strlen(name));
	subscribers_user_add(all, subscriber);
}

Test(subscribers, a_names_hash_depends_on_its_bytes_and_length_only)
{
	struct subscribers all;
	char longest[300];

	cr_assert_eq(subscribers_init(&all, 1024), 0);
	memset(longest, 'x', sizeof(longest));
	for (size_t length = 0; length < sizeof(longest); length++) {
		/* memory that ends with the name: a read beyond it is an error under ASan */
		char *name = malloc(length + 1);
		uint64_t hash;

		memset(name, 'x', length + 1);
		hash = subscribers_hash(&all, name + 1, length);
		cr_assert_eq(hash, subscribers_hash(&all, longest, length));
		if (length && length <= 256)
			cr_assert_neq(hash, subscribers_hash(&all, longest, length - 1));
		free(name);
	}
	subscribers_fini(&all);
}

Test(subscribers, sessions_of_one_name_leave_in_any_order, .timeout = 10)
{
	struct subscriber *lines = calloc(LINES, sizeof(*lines)), *at = NULL;
	struct subscribers all;
	unsigned int n = 0;

	cr_assert_eq(subscribers_init(&all, LINES), 0);
	for (unsigned int i = 0; i < LINES; i++) {
		lines[i].record.index = i;
		subscribers_add(&all, &lines[i]);
		named(&all, &lines[i], i % 100 ? "dsl@isp.example" : "other@isp.example");
	}
	for (unsigned int i = 0; i < LINES; i += 2) {
		subscribers_user_remove(&all, &lines[i]);
		subscribers_user_remove(&all, &lines[i]);
	}
	while ((at = subscribers_of_user(&all, "dsl@isp.example", at))) {
		cr_assert_eq((at - lines) % 2, 1);
		n++;
	}
	cr_assert_eq(n, LINES / 2);
	cr_assert_null(subscribers_of_user(&all, "other@isp.example", NULL));
	for (unsigned int i = LINES; i-- > 0;) {
		subscribers_user_remove(&all, &lines[i]);
		free(lines[i].user);
	}
	cr_assert_null(subscribers_of_user(&all, "dsl@isp.example", NULL));
	subscribers_fini(&all);
	free(lines);
}

Test(subscribers, address_is_found_in_its_vrf_until_it_is_given_back)
{
	struct subscriber *lines = calloc(LINES, sizeof(*lines));
	struct subscribers all;

	cr_assert_eq(subscribers_init(&all, LINES), 0);
	for (unsigned int i = 0; i < LINES; i++) {
		lines[i].record.index = i;
		lines[i].record.vrf = i % 2;
		lines[i].address = 1 + i / 2;
		subscribers_add(&all, &lines[i]);
		subscribers_address_add(&all, &lines[i]);
	}
	for (unsigned int i = 0; i < LINES; i += 3)
		subscribers_address_remove(&all, &lines[i]);
	for (unsigned int i = 0; i < LINES; i++)
		cr_assert_eq(
			subscribers_of_address(&all, i % 2, 1 + i / 2), i % 3 ? &lines[i] : NULL);
	cr_assert_null(subscribers_of_address(&all, 2, 1));
	subscribers_fini(&all);
	free(lines);
}
