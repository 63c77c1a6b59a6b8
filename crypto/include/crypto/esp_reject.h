/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a packet did not pass ESP: one enum, one table of names. */
#pragma once

enum esp_reject {
	ESP_ACCEPTED,
	/* Inbound, in the order in which they are looked at. */
	ESP_REJECT_SEGMENTS,      /* a chain that does not fit into its first segment (both ways) */
	ESP_REJECT_ENCAPSULATION, /* neither ESP nor UDP directly after the IP header */
	ESP_REJECT_TRUNCATED,     /* shorter than its header, IV, trailer and ICV */
	ESP_REJECT_BLOCK,         /* ciphertext is no multiple of the cipher's block */
	ESP_REJECT_SEQUENCE,      /* number zero, or past the last one */
	ESP_REJECT_REPLAYED,      /* seen before */
	ESP_REJECT_OLD,           /* left of the window */
	ESP_REJECT_ICV,           /* not authentic */
	ESP_REJECT_PADDING,       /* pad length beyond the packet */
	ESP_REJECT_DUMMY,         /* next header 59: traffic flow padding (RFC 4303, 2.6) */
	ESP_REJECT_NEXT_HEADER,   /* not what this SA carries */
	ESP_REJECT_INNER,         /* tunnel mode: no IP packet of that length inside */
	/* Outbound. */
	ESP_REJECT_IP,        /* what is to be protected does not begin with an IP header */
	ESP_REJECT_TOO_LONG,  /* more than 65535 bytes in the end */
	ESP_REJECT_ROOM,      /* head- or tailroom too small for what ESP adds */
	ESP_REJECT_LIMIT,     /* the next number is not reserved (yet) */
	ESP_REJECT_EXHAUSTED, /* the last number was used: only a new SA helps */
	ESP_REJECT_ENGINE,    /* the engine refused the operation (both ways) */
	ESP_REJECTS,
};

/* For counters and operators: lower case, underscores; "unknown" if out of range. */
const char *esp_reject_name(enum esp_reject reject);
