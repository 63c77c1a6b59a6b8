/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any conversation with the DHCPv6 server (messages of two bytes' length and that many bytes): what is
 * read stays in the message, what is answered is a good message that fits.
 */
#include "dhcp6_server.h"

#include <crypto/digest.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (digest_init() < 0)
		abort();
	return 0;
}

static void answer_check(const uint8_t *bytes, size_t len)
{
	struct dhcp6_message message;
	struct dhcp6_option option, inner;
	struct dhcp6_lease_option lease;
	struct dhcp6_ia ia;
	const uint8_t *p, *q;

	if (!dhcp6_parse(bytes, len, &message) ||
		(message.type != DHCP6_ADVERTISE && message.type != DHCP6_REPLY))
		abort();
	p = message.options;
	while (dhcp6_option_next(&p, message.options + message.len, &option)) {
		if (option.type != DHCP6_OPTION_IA_NA && option.type != DHCP6_OPTION_IA_PD)
			continue;
		if (!dhcp6_ia_parse(&option, &ia))
			abort();
		q = ia.options;
		while (dhcp6_option_next(&q, ia.options + ia.len, &inner))
			if (inner.type != DHCP6_OPTION_STATUS && !dhcp6_lease_parse(&inner, &lease))
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t domains[] = {3, 'i', 's', 'p', 0}, secret[DHCP6_SECRET_LEN];
	const struct dhcp6_lease lease = {
		.reconfigure = size % 5,
		.has_prefix = size % 2,
		.has_address = size % 3,
		.has_link = true,
		.prefix_length = 56,
		.preferred = 3600,
		.valid = 7200,
		.dns = {{.family = 6, .bytes = {0x20, 1}}},
		.domains = domains,
		.domains_len = sizeof(domains),
	};
	struct dhcp6_binding binding = {0};
	struct dhcp6_server server;
	uint8_t out[1232];

	dhcp6_server_init(&server, "fuzz", secret, UINT64_MAX - 3);
	/* the one DUID that a request is answered for, within the input's reach */
	memset(server.duid, 0, sizeof(server.duid));
	while (size >= 3) {
		size_t len = (size_t)(data[0] & 0x7f) << 8 | data[1], room = sizeof(out), answer;
		bool multicast = !(data[0] & 0x80);
		uint8_t *bytes;

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		bytes = malloc(len ? len : 1);
		memcpy(bytes, data, len);
		if (len && bytes[len - 1] == 0xee)
			room = bytes[0];
		answer = dhcp6_server_input(
			&server, &lease, &binding, multicast, bytes, len, out, room);
		if (answer > room)
			abort();
		if (answer)
			answer_check(out, answer);
		free(bytes);
		answer = dhcp6_reconfigure(&server, &lease, &binding, out, room);
		if (answer > room)
			abort();
		data += len;
		size -= len;
	}
	dhcp6_binding_clear(&binding);
	return 0;
}
