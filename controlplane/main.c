/* SPDX-License-Identifier: BSD-3-Clause */
/* lnsd: the command line, the EAL, and the control core's life. */
#include "control_loop.h"
#include "eal.h"
#include "lns_start.h"
#include "log.h"

#include <crypto/digest.h>

#include <rte_eal.h>

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define EXIT_USAGE 2

static void usage(FILE *out)
{
	fprintf(out,
		"usage: lnsd -c FILE [--check]\n"
		"  -c, --config FILE  the configuration (YAML, see docs/configuration.md)\n"
		"      --check        only check the configuration: 0 good, 1 errors\n"
		"  -V, --version\n"
		"  -h, --help\n");
}

struct options {
	const char *config;
	bool check;
};

/* -1: go on; else the exit status. */
static int options_parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, 'k'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:Vh", table, NULL)) >= 0) {
		switch (option) {
		case 'c':
			options->config = optarg;
			break;
		case 'k':
			options->check = true;
			break;
		case 'V':
			printf("lnsd %s\n", LNSD_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "lnsd: %s: expected options only\n", argv[optind]);
		return EXIT_USAGE;
	}
	if (!options->config) {
		fprintf(stderr, "lnsd: no configuration: expected -c FILE\n");
		usage(stderr);
		return EXIT_USAGE;
	}
	return -1;
}

/* ---- life ---- */

static int daemon_run(struct config *config)
{
	static struct lns lns;
	char error[512] = "";
	int rc;

	if (lns_start(&lns, config, error, sizeof(error))) {
		log_error(NULL, "cannot start: %s", error);
		if (!lns.profile)
			config_free(config);
		lns_stop(&lns);
		return EXIT_FAILURE;
	}
	log_start(STDERR_FILENO);
	log_info(NULL, "lnsd %s up: %u workers, %u interfaces, control socket %s", LNSD_VERSION,
		dataplane_workers(lns.dp), dataplane_ifaces(lns.dp), config->lns.control_socket);
	rc = control_loop_run(&lns);
	if (rc)
		log_error(NULL, "the control loop cannot run: %s", strerror(-rc));
	lns_stop(&lns);
	log_info(NULL, "lnsd ended");
	log_stop();
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct config_errors errors = {0};
	struct config *config;
	sigset_t signals;
	int rc = options_parse(argc, argv, &options);

	if (rc >= 0)
		return rc;
	rc = config_load(options.config, &config, &errors);
	for (unsigned int i = 0; i < errors.n; i++)
		fprintf(stderr, "%s\n", errors.text[i]);
	config_errors_free(&errors);
	if (rc)
		return EXIT_FAILURE;
	if (options.check) {
		config_free(config);
		printf("%s: ok\n", options.config);
		return EXIT_SUCCESS;
	}
	/* keys and passwords are in this memory: no core dump, no ptrace by others */
	prctl(PR_SET_DUMPABLE, 0);
	log_set_level(config->lns.log_level);
	/* before there is a second thread: all inherit the mask, and a signal that one took would end the process */
	control_loop_signals(&signals);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	rc = EXIT_FAILURE;
	if (geteuid() != 0 && config->dpdk.n_vdevs)
		log_warning(NULL,
			"not started as root: TAPs and raw sockets need CAP_NET_ADMIN and "
			"CAP_NET_RAW");
	if (digest_init())
		log_error(NULL, "libcrypto: %s", digest_init_error());
	else if (!eal_start(&config->dpdk)) {
		rc = daemon_run(config);
		rte_eal_cleanup();
		digest_fini();
		return rc;
	}
	config_free(config);
	digest_fini();
	return rc;
}
