/* SPDX-License-Identifier: BSD-3-Clause */
/* Any Access-Accept is honoured as a whole or refused with a reason. */
#include "../unit/config_minimal.h"
#include "aaa_radius.h"

#include <crypto/digest.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char yaml[] = MINIMAL_LNS
	"pools: [{name: main, ranges: [10.0.0.0/24]}, {name: p, vrf: v, ranges: [10.1.0.0/24]}]\n"
	"vrfs: [{name: v, table: 100}]\n"
	"subscribers: {pool: main, local-address: 10.255.0.1}\n"
	"policies: [{name: gold, up-rate: 5M, down-rate: 50M}]\n";

static struct config *config;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct config_errors errors;

	if (digest_init() < 0 ||
		config_parse("fuzz.yaml", yaml, sizeof(yaml) - 1, &config, &errors))
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t authenticator[RADIUS_AUTHENTICATOR];
	struct aaa_request request = {.method = size % 2 ? AAA_MSCHAP_V2 : AAA_PAP, .chap_id = 7};
	struct radius_answer answer = {
		.request_authenticator = authenticator,
		.secret = {(const uint8_t *)"secret", 6},
	};
	uint64_t counters[AAA_RADIUS_COUNTER_MAX] = {0};
	uint8_t *bytes = malloc(size ? size : 1);
	struct aaa_accept *accept = malloc(sizeof(*accept));

	if (!bytes || !accept)
		goto out;
	if (size)
		memcpy(bytes, data, size);
	if (radius_packet_parse(&answer.packet, bytes, size) != RADIUS_WIRE_OK)
		goto out;
	if (aaa_radius_accept(accept, config, &request, &answer, counters)) {
		if (!accept->answer.accept || !accept->answer.extra ||
			accept->answer.extra->size > sizeof(accept->block) ||
			accept->answer.n_routes > AAA_ROUTES_MAX)
			abort();
	} else if (!accept->answer.refusal || !*accept->answer.refusal || accept->answer.accept) {
		abort();
	}
out:
	free(accept);
	free(bytes);
	return 0;
}
