/* SPDX-License-Identifier: BSD-3-Clause */
/* Texts that RADIUS attributes hold: routes and rates. Bounded, not terminated. */
#pragma once

#include <config/config.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Framed-Route (RFC 2865 5.22): "192.0.2.0/24 0.0.0.0 1": network, gateway, metric; without a length the one of the
 * address's class. gateway: the subscriber's address or 0.0.0.0; host bits must be zero.
 */
bool aaa_route_parse(
	const uint8_t *text, size_t length, struct config_route *route, struct ip_addr *gateway);
/* "64k", "10M", "1G", "20000": bits per second, at most 400 Gbit/s. */
bool aaa_rate_parse(const char *text, size_t length, uint64_t *rate);
/* MikroTik-Rate-Limit: "up[/down] ...": only the first word counts. */
bool aaa_rate_limit_parse(const uint8_t *text, size_t length, uint64_t *up, uint64_t *down);
