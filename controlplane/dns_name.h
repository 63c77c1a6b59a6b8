/* SPDX-License-Identifier: BSD-3-Clause */
/* Domain names as labels (RFC 1035, 3.1; never compressed: RFC 8106 5.2, RFC 8415 10). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_MAX 255 /* bytes of one name on the wire */

/*
 * Writes names ("isp.example", as the configuration has checked them) one after the other; those that do
 * not fit into room any more are left out. Returns the bytes written.
 */
size_t dns_names_put(uint8_t *out, size_t room, char *const *names, unsigned int n);
