/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The words of the command line as a request for the control socket.
 */
#include "request.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char request_help[] =
	"  show tunnels                          one line a tunnel\n"
	"  show sessions [--tunnel N] [--user GLOB] [--limit N]\n"
	"  show session TUNNEL/SESSION           all about one session\n"
	"  show user NAME|GLOB                   all about a user's sessions\n"
	"  show sas                              security associations of ESP\n"
	"  show ipsec                            the mirror of the kernel's SAs\n"
	"  show pools                            address pools and what is in use\n"
	"  show radius                           RADIUS servers: state, latency, drops\n"
	"  show accounting                       records that wait, the spool\n"
	"  show workers                          load and counters of each worker core\n"
	"  show interfaces                       ports: link, packets, losses\n"
	"  show ports                            devices: queues, steering, offloads\n"
	"  show drops [--all]                    dropped packets by reason (--all: zeroes too)\n"
	"  show control                          counters of L2TP, PPP and AAA\n"
	"  show routes [ADDRESS|PREFIX] [--best] [--vrf N] [--limit N]\n"
	"  show neighbours                       next hops and hosts on connected subnets\n"
	"  show kernel                           state of the mirror of the kernel's tables\n"
	"  show memory | show version\n"
	"  disconnect session TUNNEL/SESSION | user NAME|GLOB | tunnel N | all\n"
	"  reload                                read the configuration again\n"
	"  shutdown                              end all tunnels and stop\n";

enum operand {
	OPERAND_NONE,
	OPERAND_SESSION,
	OPERAND_TUNNEL,
	OPERAND_USER,
	OPERAND_PREFIX,
	OPERAND_ALL
};

#define OPTION_TUNNEL (1 << 0)
#define OPTION_USER   (1 << 1)
#define OPTION_LIMIT  (1 << 2)
#define OPTION_ALL    (1 << 3)
#define OPTION_BEST   (1 << 4)
#define OPTION_VRF    (1 << 5)

static const struct option {
	const char *name, *arg;
	int bit;
	enum { VALUE_FLAG, VALUE_NUMBER, VALUE_TEXT } value;
} options[] = {
	{"--tunnel", "tunnel", OPTION_TUNNEL, VALUE_NUMBER},
	{"--user", "user", OPTION_USER, VALUE_TEXT},
	{"--limit", "limit", OPTION_LIMIT, VALUE_NUMBER},
	{"--all", "all", OPTION_ALL, VALUE_FLAG},
	{"--best", "best", OPTION_BEST, VALUE_FLAG},
	{"--vrf", "vrf", OPTION_VRF, VALUE_NUMBER},
};

static const struct form {
	const char *words[3];
	const char *command;
	enum operand operand;
	bool optional;
	int options;
} forms[] = {
	{{"show", "tunnels"}, "show tunnels", OPERAND_NONE},
	{{"show", "sessions"}, "show sessions", OPERAND_NONE, false,
		OPTION_TUNNEL | OPTION_USER | OPTION_LIMIT},
	{{"show", "session"}, "show session", OPERAND_SESSION},
	{{"show", "user"}, "show user", OPERAND_USER, false, OPTION_LIMIT},
	{{"show", "pools"}, "show pools", OPERAND_NONE},
	{{"show", "sas"}, "show sas", OPERAND_NONE},
	{{"show", "radius"}, "show radius", OPERAND_NONE},
	{{"show", "ipsec"}, "show ipsec", OPERAND_NONE},
	{{"show", "accounting"}, "show accounting", OPERAND_NONE},
	{{"show", "workers"}, "show workers", OPERAND_NONE},
	{{"show", "interfaces"}, "show interfaces", OPERAND_NONE},
	{{"show", "ports"}, "show ports", OPERAND_NONE},
	{{"show", "drops"}, "show drops", OPERAND_NONE, false, OPTION_ALL},
	{{"show", "control"}, "show control", OPERAND_NONE},
	{{"show", "routes"}, "show routes", OPERAND_PREFIX, true,
		OPTION_BEST | OPTION_VRF | OPTION_LIMIT},
	{{"show", "neighbours"}, "show neighbours", OPERAND_NONE},
	{{"show", "kernel"}, "show kernel", OPERAND_NONE},
	{{"show", "memory"}, "show memory", OPERAND_NONE},
	{{"show", "version"}, "show version", OPERAND_NONE},
	{{"disconnect", "session"}, "disconnect", OPERAND_SESSION},
	{{"disconnect", "user"}, "disconnect", OPERAND_USER},
	{{"disconnect", "tunnel"}, "disconnect", OPERAND_TUNNEL},
	{{"disconnect", "all"}, "disconnect", OPERAND_ALL},
	{{"reload"}, "reload", OPERAND_NONE},
	{{"shutdown"}, "shutdown", OPERAND_NONE},
};

static bool number_parse(const char *text, json_int_t *value)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	return end != text && *end == '\0' && !errno && *value >= 0;
}

static int operand_put(
	json_t *args, enum operand operand, const char *word, char *error, size_t size)
{
	json_int_t tunnel, session;
	char text[32];
	char *slash;

	switch (operand) {
	case OPERAND_SESSION:
		snprintf(text, sizeof(text), "%s", word);
		slash = strchr(text, '/');
		if (slash)
			*slash = '\0';
		if (!slash || !number_parse(text, &tunnel) || !number_parse(slash + 1, &session)) {
			snprintf(error, size, "'%s': expected TUNNEL/SESSION, as in 12/345", word);
			return -EINVAL;
		}
		json_object_set_new(args, "tunnel", json_integer(tunnel));
		json_object_set_new(args, "session", json_integer(session));
		return 0;
	case OPERAND_TUNNEL:
		if (!number_parse(word, &tunnel)) {
			snprintf(error, size, "'%s': expected a tunnel's number", word);
			return -EINVAL;
		}
		json_object_set_new(args, "tunnel", json_integer(tunnel));
		return 0;
	case OPERAND_USER:
	case OPERAND_PREFIX:
		if (json_object_set_new(args, operand == OPERAND_USER ? "user" : "prefix",
			    json_string(word)) < 0) {
			snprintf(error, size, "'%s' is no UTF-8 text", word);
			return -EINVAL;
		}
		return 0;
	default:
		return 0;
	}
}

/* Returns how many words it took, 0: not this option, -EINVAL. */
static int option_put(
	json_t *args, int allowed, int n, char *const *words, char *error, size_t size)
{
	json_int_t number;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const struct option *option = &options[i];

		if (strcmp(words[0], option->name) || !(allowed & option->bit))
			continue;
		if (option->value == VALUE_FLAG) {
			json_object_set_new(args, option->arg, json_true());
			return 1;
		}
		if (n < 2) {
			snprintf(error, size, "%s needs a value", words[0]);
			return -EINVAL;
		}
		if (option->value == VALUE_TEXT)
			return operand_put(args, OPERAND_USER, words[1], error, size) < 0 ? -EINVAL
											  : 2;
		if (!number_parse(words[1], &number)) {
			snprintf(error, size, "%s: '%s', expected a number", words[0], words[1]);
			return -EINVAL;
		}
		json_object_set_new(args, option->arg, json_integer(number));
		return 2;
	}
	return 0;
}

static const struct form *form_find(int n, char *const *words, int *used)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		int k = 0;

		while (k < n && forms[i].words[k] && strcmp(words[k], forms[i].words[k]) == 0)
			k++;
		if (!forms[i].words[k]) {
			*used = k;
			return &forms[i];
		}
	}
	return NULL;
}

json_t *request_parse(int n, char *const *words, char *error, size_t error_size)
{
	const struct form *form;
	bool operand = false;
	json_t *args;
	int at;

	form = form_find(n, words, &at);
	if (!form) {
		snprintf(error, error_size, "unknown command '%s%s%s'", n ? words[0] : "",
			n > 1 ? " " : "", n > 1 ? words[1] : "");
		return NULL;
	}
	args = json_object();
	if (form->operand == OPERAND_ALL)
		json_object_set_new(args, "all", json_true());
	while (at < n) {
		int used = option_put(args, form->options, n - at, words + at, error, error_size);

		if (used < 0)
			goto fail;
		at += used;
		if (used)
			continue;
		if (operand || form->operand == OPERAND_NONE || form->operand == OPERAND_ALL ||
			words[at][0] == '-') {
			snprintf(error, error_size, "%s: '%s' is not expected here", form->command,
				words[at]);
			goto fail;
		}
		if (operand_put(args, form->operand, words[at++], error, error_size) < 0)
			goto fail;
		operand = true;
	}
	if (!operand && !form->optional && form->operand != OPERAND_NONE &&
		form->operand != OPERAND_ALL) {
		static const char *const expected[] = {[OPERAND_SESSION] = "TUNNEL/SESSION",
			[OPERAND_TUNNEL] = "a tunnel's number",
			[OPERAND_USER] = "a name or pattern",
			[OPERAND_PREFIX] = "a prefix"};

		snprintf(error, error_size, "%s %s: expected %s", form->words[0], form->words[1],
			expected[form->operand]);
		goto fail;
	}
	return json_pack("{s:s, s:o}", "command", form->command, "args", args);

fail:
	json_decref(args);
	return NULL;
}
