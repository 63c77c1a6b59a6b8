/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of several captures a session's packets are in (--pcap-part), for those who replay them. */
#pragma once

#include <stdint.h>

/* As a NIC spreads over its queues: by a hash of who it is from. From 0. */
static inline uint32_t capture_part(uint32_t session, uint32_t parts)
{
	return (session * 2654435761u >> 16) % parts;
}
