/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounting that a reload adds, takes away, or cannot begin. */
#include "config_minimal.h"
#include "lns_acct.h"

#include <crypto/digest.h>

#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct lns lns;
static char folder[64];

static struct config *config_of(const char *rest)
{
	static const char text[] = MINIMAL_LNS
		"pools: [{name: main, ranges: [10.0.0.0/24]}]\n"
		"subscribers: {pool: main, local-address: 10.255.0.1}\n";
	struct config_errors errors = {0};
	struct config *config;
	char yaml[2048];
	int n = snprintf(yaml, sizeof(yaml),
		"%sradius: {spool: %s/spool, nas-address: 192.0.2.1}\n%s", text, folder, rest);
	int rc = config_parse("test.yaml", yaml, (size_t)n, &config, &errors);

	cr_assert_eq(rc, 0, "%s", errors.n ? errors.text[0] : "");
	config_errors_free(&errors);
	return config;
}

static const char servers[] = "radius-servers:\n"
			      "  - {name: r1, address: 127.0.0.1, secret: a-long-secret-here, "
			      "acct-port: 1}\n";

static void setup(void)
{
	cr_assert_eq(digest_init(), 0);
	memset(&lns, 0, sizeof(lns));
	lns.now = 1000;
	timer_wheel_init(&lns.wheel, lns.now);
	strcpy(folder, "/tmp/test_lns_acct.XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
}

static void teardown(void)
{
	char path[128];
	struct dirent *file;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/spool", folder);
	dir = opendir(path);
	while (dir && (file = readdir(dir)))
		unlinkat(dirfd(dir), file->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(path);
	unlink(path);
	rmdir(folder);
	digest_fini();
}

TestSuite(lns_acct, .init = setup, .fini = teardown);

static void run(uint64_t ms)
{
	for (; ms; ms--)
		timer_wheel_run(&lns.wheel, ++lns.now, UINT32_MAX);
}

Test(lns_acct, a_spool_that_cannot_be_used_leaves_no_accounting_until_a_reload_finds_it_better)
{
	struct config *without = config_of(""), *with = config_of(servers);
	struct radius_acct_status status;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/spool", folder);
	file = fopen(path, "w");
	cr_assert_not_null(file);
	fclose(file);
	lns_acct_reload(&lns, without, with);
	run(30000);
	cr_assert_null(lns.acct);
	cr_assert_null(lns.acct_io);
	cr_assert(lns_acct_finished(&lns));
	cr_assert_eq(unlink(path), 0);
	lns_acct_reload(&lns, with, with);
	cr_assert_not_null(lns.acct);
	radius_acct_status(lns.acct, &status);
	cr_assert_eq(status.waiting, 1);
	lns_acct_stop(&lns);
	cr_assert_eq(lns.wheel.count, 0);
	config_free(without);
	config_free(with);
}

Test(lns_acct, when_the_last_server_is_taken_away_nothing_is_waited_for_at_the_end)
{
	struct config *without = config_of(""), *with = config_of(servers);
	struct radius_acct_status status;
	char error[256];

	cr_assert_eq(lns_acct_start(&lns, with, error, sizeof(error)), 0, "%s", error);
	lns_acct_reload(&lns, with, without);
	cr_assert_null(lns.acct_io);
	cr_assert(lns_acct_finished(&lns));
	radius_acct_status(lns.acct, &status);
	cr_assert_eq(status.waiting, 1, "only Accounting-On, which nobody acknowledged");
	/* and back: it is sent to the new one */
	lns_acct_reload(&lns, without, with);
	cr_assert_not_null(lns.acct_io);
	cr_assert_eq(radius_client_in_flight(radius_io_client(lns.acct_io)), 1);
	lns_acct_stop(&lns);
	config_free(without);
	config_free(with);
}
