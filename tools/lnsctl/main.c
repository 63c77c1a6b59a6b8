/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lnsctl: what an operator types.
 */
#include "client.h"
#include "request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SOCKET_DEFAULT "/run/lnsd/lnsd.sock"

static void usage(FILE *out)
{
	fprintf(out,
		"usage: lnsctl [-s SOCKET] [--json] [--watch SECONDS] COMMAND\n"
		"  -s SOCKET        lnsd's control socket (" SOCKET_DEFAULT ")\n"
		"  --json           the rows as a JSON array\n"
		"  --watch SECONDS  again and again, until interrupted\n"
		"commands:\n%s"
		"exit status: 0 done, 1 refused by lnsd, 2 usage, 3 lnsd cannot be reached\n",
		request_help);
}

static int fail_usage(const char *text)
{
	fprintf(stderr, "lnsctl: %s\n", text);
	fprintf(stderr, "lnsctl: \"lnsctl --help\" lists the commands\n");
	return EXIT_USAGE;
}

static int watch(const char *path, const json_t *request, bool json, double seconds)
{
	struct timespec pause = {.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
	bool terminal = isatty(STDOUT_FILENO);

	for (;;) {
		time_t now = time(NULL);
		char text[32];
		struct tm tm;
		int result;

		if (terminal)
			fputs("\033[H\033[2J", stdout);
		if (!json) {
			strftime(text, sizeof(text), "%F %T", localtime_r(&now, &tm));
			printf("%s\n", text);
		}
		result = client_run(path, request, json, stdout);
		if (result != EXIT_OK)
			return result;
		if (!terminal && !json)
			putchar('\n');
		fflush(stdout);
		nanosleep(&pause, NULL);
	}
}

int main(int argc, char **argv)
{
	const char *path = SOCKET_DEFAULT;
	char *words[64], error[320], *end;
	double seconds = 0;
	bool json = false;
	json_t *request;
	int n = 0, result;

	/* lnsctl's own options may stand anywhere: "lnsctl show drops --json" */
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
			usage(stdout);
			return EXIT_OK;
		}
		if (strcmp(argv[i], "--version") == 0) {
			printf("lnsctl " LNSD_VERSION "\n");
			return EXIT_OK;
		}
		if (strcmp(argv[i], "--json") == 0) {
			json = true;
		} else if (strcmp(argv[i], "-s") == 0 || strcmp(argv[i], "--socket") == 0) {
			if (++i == argc)
				return fail_usage("-s needs the path of a socket");
			path = argv[i];
		} else if (strcmp(argv[i], "--watch") == 0) {
			if (++i == argc || (seconds = strtod(argv[i], &end)) < 0.1 || *end ||
				seconds > 86400)
				return fail_usage(
					"--watch needs a number of seconds, at least 0.1");
		} else if (n == 64) {
			return fail_usage("too many words");
		} else {
			words[n++] = argv[i];
		}
	}
	if (n == 0) {
		usage(stderr);
		return EXIT_USAGE;
	}
	request = request_parse(n, words, error, sizeof(error));
	if (!request)
		return fail_usage(error);
	result = seconds > 0 ? watch(path, request, json, seconds)
			     : client_run(path, request, json, stdout);
	json_decref(request);
	return result;
}
