/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a packet did not pass ESP: the names. */
#include <crypto/esp_reject.h>

#include <stddef.h>

static const char *const names[ESP_REJECTS] = {
	[ESP_ACCEPTED] = "accepted",
	[ESP_REJECT_SEGMENTS] = "segments",
	[ESP_REJECT_ENCAPSULATION] = "encapsulation",
	[ESP_REJECT_TRUNCATED] = "truncated",
	[ESP_REJECT_BLOCK] = "block",
	[ESP_REJECT_SEQUENCE] = "sequence",
	[ESP_REJECT_REPLAYED] = "replayed",
	[ESP_REJECT_OLD] = "old",
	[ESP_REJECT_ICV] = "icv",
	[ESP_REJECT_PADDING] = "padding",
	[ESP_REJECT_DUMMY] = "dummy",
	[ESP_REJECT_NEXT_HEADER] = "next_header",
	[ESP_REJECT_INNER] = "inner",
	[ESP_REJECT_IP] = "ip",
	[ESP_REJECT_TOO_LONG] = "too_long",
	[ESP_REJECT_ROOM] = "room",
	[ESP_REJECT_LIMIT] = "limit",
	[ESP_REJECT_EXHAUSTED] = "exhausted",
	[ESP_REJECT_ENGINE] = "engine",
};

const char *esp_reject_name(enum esp_reject reject)
{
	return (unsigned int)reject < ESP_REJECTS ? names[reject] : "unknown";
}
