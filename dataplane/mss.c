/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Clamping of the TCP MSS option on SYNs, both ways, with the checksum adjusted.
 */
#include "mss.h"

#define TCP_OPTION_END 0
#define TCP_OPTION_NOP 1
#define TCP_OPTION_MSS 2

/* An option may begin at an odd offset: its bytes then belong to two words of the checksum. */
static void mss_set(uint8_t *tcp, uint32_t offset, uint16_t mss)
{
	uint16_t checksum = load16(tcp + 16);

	if (offset % 2 == 0) {
		uint16_t old = load16(tcp + offset);

		store_be16(tcp + offset, mss);
		checksum = checksum_update(checksum, old, load16(tcp + offset));
	} else {
		uint16_t first = load16(tcp + offset - 1), second = load16(tcp + offset + 1);

		store_be16(tcp + offset, mss);
		checksum = checksum_update(checksum, first, load16(tcp + offset - 1));
		checksum = checksum_update(checksum, second, load16(tcp + offset + 1));
	}
	store16(tcp + 16, checksum);
}

bool mss_clamp_syn(uint8_t *tcp, uint32_t room, uint16_t mss)
{
	uint32_t header = (tcp[12] >> 4) * 4u;

	if (mss == 0 || header < 20 || header > room)
		return false;
	for (uint32_t i = 20; i < header && tcp[i] != TCP_OPTION_END;) {
		if (tcp[i] == TCP_OPTION_NOP) {
			i++;
			continue;
		}
		if (i + 1 >= header || tcp[i + 1] < 2 || i + tcp[i + 1] > header)
			return false;
		if (tcp[i] == TCP_OPTION_MSS && tcp[i + 1] == 4) {
			if (load_be16(tcp + i + 2) <= mss)
				return false;
			mss_set(tcp, i + 2, mss);
			return true;
		}
		i += tcp[i + 1];
	}
	return false;
}
