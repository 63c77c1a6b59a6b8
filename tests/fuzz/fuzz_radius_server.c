/* SPDX-License-Identifier: BSD-3-Clause */
/* Any CoA- or Disconnect-Request, authentic or not, is dropped, or answered by a packet that is one. */
#include "../unit/config_minimal.h"
#include "aaa_radius.h"
#include "radius_server.h"

#include <crypto/digest.h>

#include <stdlib.h>
#include <string.h>

#define WALL 1700000000u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char yaml[] = MINIMAL_LNS
	"policies: [{name: gold, up-rate: 5M, down-rate: 50M}]\n"
	"prefix-pools: [{name: lan, prefixes: ['2001:db8:1000::/48']}, {name: cpe, length: 56, "
	"prefixes: ['2001:db8:1100::/40']}]\n"
	"radius-clients: [{name: c, sources: [192.0.2.2], secret: secret}]\n";

static struct config *config;
static struct radius_server_cache *server;

static enum radius_error_cause on_request(void *user, const struct radius_packet *request)
{
	static const struct ip_addr address = {.family = 4, .bytes = {100, 64, 0, 9}};
	struct aaa_change change;

	return aaa_radius_change(&change, config, 0, &address, request);
}

/* What hangs on memory for secrets, which is locked and no heap, LeakSanitizer would not find. */
static void finish(void)
{
	config_free(config);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct config_errors errors;

	if (digest_init() < 0 ||
		config_parse("fuzz.yaml", yaml, sizeof(yaml) - 1, &config, &errors))
		abort();
	server = radius_server_create(on_request, NULL);
	return atexit(finish);
}

static void receive(const uint8_t *bytes, size_t size)
{
	static const struct radius_endpoint source = {4, {192, 0, 2, 2}, 40000};
	uint8_t reply[RADIUS_PACKET_MAX];
	struct radius_packet packet;
	size_t length = radius_server_receive(server, config, WALL, &source, bytes, size, reply);

	if (length && radius_packet_parse(&packet, reply, length) != RADIUS_WIRE_OK)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct radius_secret secret = {(const uint8_t *)"secret", 6};
	uint8_t *bytes = malloc(size ? size : 1), signed_[RADIUS_PACKET_MAX];
	struct radius_packet packet;
	struct radius_writer writer;

	if (!bytes)
		return 0;
	if (size)
		memcpy(bytes, data, size);
	receive(bytes, size);
	/* the same attributes with a right signature and time, to get further */
	if (radius_packet_parse(&packet, bytes, size) == RADIUS_WIRE_OK) {
		radius_writer_init(&writer, signed_, sizeof(signed_),
			packet.code % 2 ? RADIUS_COA_REQUEST : RADIUS_DISCONNECT_REQUEST, packet.id,
			NULL);
		radius_add_u32(&writer, RADIUS_EVENT_TIMESTAMP, WALL);
		radius_add_encoded(
			&writer, packet.attributes, (size_t)(packet.end - packet.attributes));
		size = radius_request_sign(&writer, secret);
		if (size)
			receive(signed_, size);
	}
	free(bytes);
	return 0;
}
