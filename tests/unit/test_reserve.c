/* SPDX-License-Identifier: BSD-3-Clause */
/* Where tables' memory lies, and when it is taken: what the kernel says of it. */
#include <dataplane/reserve.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096u
#define SIZE (64u * PAGE)

enum { DEFAULT = 0, PREFERRED = 1, LOCAL = 4, OF_ADDRESS = 2 /* MPOL_F_ADDR */ };

/* Of a range, or of what the thread touches; -1: this kernel, or who confines us, does not say. */
static int policy(const void *at, unsigned long *nodes)
{
	int mode = -1;

	*nodes = 0;
	if (syscall(SYS_get_mempolicy, &mode, nodes, 65, at, at != NULL ? OF_ADDRESS : 0) != 0)
		return -1;
	return mode;
}

static void expect_policy(const void *at, int mode, unsigned long nodes, const char *what)
{
	unsigned long found;

	cr_expect_eq(policy(at, &found), mode, "%s", what);
	cr_expect_eq(found, nodes, "%s: nodes %lx", what, found);
}

Test(reserve, what_workers_read_prefers_their_node_and_the_rest_stays_with_the_control_core)
{
	unsigned long nodes;
	void *before, *hot, *cold, *placed;

	if (policy(NULL, &nodes) < 0)
		cr_skip_test("no NUMA policies here");
	before = reserve_memory(SIZE, RESERVE_HOT, -1);
	reserve_nodes(1);
	if (policy(NULL, &nodes) == DEFAULT)
		cr_skip_test("NUMA policies may not be set here");
	hot = reserve_memory(SIZE, RESERVE_HOT, -1);
	cold = reserve_memory(SIZE, RESERVE_COLD, -1);
	placed = reserve_memory(SIZE, RESERVE_COLD, 0);
	expect_policy(hot, PREFERRED, 1, "hot");
	expect_policy(cold, LOCAL, 0, "cold");
	expect_policy(placed, PREFERRED, 1, "placed");
	/* tunnels, groups, keys: small, from malloc, first written here */
	expect_policy(NULL, PREFERRED, 1, "thread");
	reserve_nodes(0);
	expect_policy(NULL, DEFAULT, 0, "thread, afterwards");
	expect_policy(before, DEFAULT, 0, "reserved before");
	reserve_free(before, SIZE);
	reserve_free(hot, SIZE);
	reserve_free(cold, SIZE);
	reserve_free(placed, SIZE);
}

static bool resident(const char *at)
{
	unsigned char page;

	cr_assert_eq(mincore((void *)(uintptr_t)at, PAGE, &page), 0);
	return page & 1;
}

Test(reserve, memory_is_taken_where_it_is_asked_for_and_keeps_what_is_in_it)
{
	char *memory = reserve_memory(SIZE, RESERVE_COLD, -1);

	if (madvise(memory + SIZE - PAGE, PAGE, 23 /* MADV_POPULATE_WRITE */) != 0)
		cr_skip_test("a kernel before 5.14");
	cr_expect_not(resident(memory));
	memory[3 * PAGE - 1] = 7;
	/* across the end of a page */
	reserve_populate(memory + 3 * PAGE - 64, 128);
	cr_expect_not(resident(memory + PAGE));
	cr_expect(resident(memory + 2 * PAGE));
	cr_expect(resident(memory + 3 * PAGE));
	cr_expect_not(resident(memory + 4 * PAGE));
	cr_expect_eq(memory[3 * PAGE - 1], 7);
	reserve_free(memory, SIZE);
}
