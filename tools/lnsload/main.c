/* SPDX-License-Identifier: BSD-3-Clause */
/* lnsload: from the command line to the exit status. */
#include <stdio.h>
#include <stdlib.h>

#include "capture.h"
#include "options.h"
#include "reflect.h"
#include "run.h"

#define EXIT_USAGE 2

static void main_conclude(const struct run *run, bool ok, const char *why)
{
	const struct lac_stats *s = &run->lac.stats;
	struct run_loss l;

	if (run->options->quiet && ok)
		return;
	run_loss(run, &l);
	fprintf(stderr,
		"lnsload: %s%s  sessions up %llu of %llu  up %llu/%llu  down %llu/%llu received\n",
		ok ? "ok" : "FAILED: ", why, (unsigned long long)s->sessions_up,
		(unsigned long long)run->options->sessions * run->options->cycles,
		(unsigned long long)l.up_received, (unsigned long long)l.up_sent,
		(unsigned long long)l.down_received, (unsigned long long)l.down_sent);
}

static int main_print_sas(const struct options *o)
{
	static struct secure secure;
	int rc = secure_open(&secure, o, NULL, NULL);

	if (rc == 0)
		rc = secure_print(&secure, stdout);
	secure_close(&secure);
	return rc;
}

int main(int argc, char **argv)
{
	static struct options options;
	static struct run run;
	char why[400];
	bool ok;
	int rc = options_parse(&options, argc, argv);

	if (rc != 0)
		return rc > 0 ? EXIT_SUCCESS : EXIT_USAGE;
	if (options.esp.print)
		return main_print_sas(&options) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	if (options.capture.file[0] != '\0')
		return capture_write(&options) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	if (options.reflect)
		return reflect_run(&options) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	rc = run_open(&run, &options);
	if (rc == 0) {
		run_loop(&run);
		ok = run_ok(&run, why, sizeof(why));
		if (report_write(&run, ok, why) != 0)
			rc = -1;
		main_conclude(&run, ok, why);
		if (!ok)
			rc = -1;
	}
	run_close(&run);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
