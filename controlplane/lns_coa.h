/* SPDX-License-Identifier: BSD-3-Clause */
/* RADIUS requests that end a session or change it. */
#pragma once

#include "lns.h"

/* Without radius-clients nothing is listened to. */
int lns_coa_start(struct lns *lns, const struct config *config, char *error, size_t error_size);
/* A reload may bring the first radius-clients. */
void lns_coa_reload(struct lns *lns, const struct config *config);
void lns_coa_stop(struct lns *lns);
int lns_coa_fd(const struct lns *lns); /* -1: none */
/* Takes at most max requests, none after one that looked at many sessions; returns how many. */
unsigned int lns_coa_read(struct lns *lns, unsigned int max);

/* ---- lns_coa_find.c ---- */
/*
 * The session that is up and fits everything by which a request names it; *looked: at how many sessions for that. By
 * Acct-Session-Id, Acct-Multi-Session-Id, NAS-Port, Framed-IP-Address, Framed-IPv6-Prefix and User-Name it is looked up,
 * otherwise all sessions are looked at.
 */
enum radius_error_cause lns_coa_find(struct lns *lns, const struct radius_packet *request,
	struct subscriber **found, uint32_t *looked);
/* Does an attribute of this type name a session (RFC 5176, 3)? */
bool lns_coa_names(uint8_t type);
