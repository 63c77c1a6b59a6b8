/* SPDX-License-Identifier: BSD-3-Clause */
/* The subscriber's IPCP (RFC 1332, DNS of RFC 1877): asks for an address and name servers. */
#include <string.h>

#include "bytes.h"
#include "ppp.h"

#define IPCP_ADDRESS 3
#define IPCP_DNS1    129
#define IPCP_DNS2    131
#define FRAME_MAX    1500
#define MAX_REJECTS  8

static uint8_t *ipcp_option(uint8_t *o, uint8_t type, uint32_t value)
{
	o[0] = type;
	o[1] = 6;
	put_be32(o + 2, value);
	return o + 6;
}

static void ipcp_request(const struct ppp_context *c, struct ppp *p)
{
	uint8_t options[18], *o = options;

	o = ipcp_option(o, IPCP_ADDRESS, p->address);
	if (!(p->dns_rejected & 1))
		o = ipcp_option(o, IPCP_DNS1, p->dns[0]);
	if (!(p->dns_rejected & 2))
		o = ipcp_option(o, IPCP_DNS2, p->dns[1]);
	p->ipcp.local_acked = false;
	ppp_send(c, PPP_IPCP, PPP_CONF_REQ, p->ipcp.id, options, (size_t)(o - options));
	c->ops->arm(c->ctx, c->settings->restart_ms);
}

void ipcp_start(const struct ppp_context *c, struct ppp *p)
{
	uint8_t id = p->ipcp.id;

	memset(&p->ipcp, 0, sizeof(p->ipcp));
	p->ipcp.id = (uint8_t)(id + 1);
	p->address = 0;
	p->dns[0] = p->dns[1] = 0;
	p->dns_rejected = 0;
	ipcp_request(c, p);
}

static void ipcp_opened(const struct ppp_context *c, struct ppp *p)
{
	if (!p->ipcp.local_acked || !p->ipcp.remote_acked || p->phase != PPP_NETWORK)
		return;
	if (p->address == 0) {
		ppp_fail(c, p, PPP_FAIL_NO_ADDRESS, NULL, 0);
		return;
	}
	p->phase = PPP_UP;
	c->ops->up(c->ctx);
}

static void ipcp_requested(
	const struct ppp_context *c, struct ppp *p, uint8_t id, const uint8_t *options, size_t len)
{
	uint8_t reject[FRAME_MAX];
	size_t reject_len = 0;
	uint32_t address = 0;

	for (size_t at = 0; at < len; at += options[at + 1]) {
		const uint8_t *o = options + at;

		if (len - at < 2 || o[1] < 2 || o[1] > len - at ||
			(o[0] == IPCP_ADDRESS && o[1] != 6)) {
			c->stats->malformed++;
			return;
		}
		if (o[0] == IPCP_ADDRESS) {
			address = get_be32(o + 2);
		} else {
			memcpy(reject + reject_len, o, o[1]);
			reject_len += o[1];
		}
	}
	if (p->phase == PPP_UP) {
		c->stats->renegotiations++;
		p->phase = PPP_NETWORK;
		ipcp_start(c, p);
	}
	p->ipcp.remote_acked = false;
	if (reject_len > 0) {
		if (++p->ipcp.naks > MAX_REJECTS) {
			ppp_fail(c, p, PPP_FAIL_NEGOTIATION, NULL, 0);
			return;
		}
		ppp_send(c, PPP_IPCP, PPP_CONF_REJ, id, reject, reject_len);
		return;
	}
	p->peer_address = address;
	p->ipcp.remote_acked = true;
	ppp_send(c, PPP_IPCP, PPP_CONF_ACK, id, options, len);
	ipcp_opened(c, p);
}

static void ipcp_refused(
	const struct ppp_context *c, struct ppp *p, bool reject, const uint8_t *options, size_t len)
{
	for (size_t at = 0; at < len; at += options[at + 1]) {
		const uint8_t *o = options + at;

		if (len - at < 2 || o[1] < 2 || o[1] > len - at || (!reject && o[1] != 6)) {
			c->stats->malformed++;
			return;
		}
		if (reject && o[0] == IPCP_ADDRESS) {
			ppp_fail(c, p, PPP_FAIL_NO_ADDRESS, NULL, 0);
			return;
		}
		if (reject)
			p->dns_rejected |= o[0] == IPCP_DNS1 ? 1 : o[0] == IPCP_DNS2 ? 2 : 0;
		else if (o[0] == IPCP_ADDRESS)
			p->address = get_be32(o + 2);
		else if (o[0] == IPCP_DNS1 || o[0] == IPCP_DNS2)
			p->dns[o[0] == IPCP_DNS2] = get_be32(o + 2);
	}
	if (++p->ipcp.tries > PPP_MAX_TRIES) {
		ppp_fail(c, p, PPP_FAIL_NEGOTIATION, NULL, 0);
		return;
	}
	p->ipcp.id++;
	ipcp_request(c, p);
}

void ipcp_input(const struct ppp_context *c, struct ppp *p, const uint8_t *frame, size_t len)
{
	const uint8_t *data = frame + 4;
	bool ours = frame[1] == p->ipcp.id && !p->ipcp.local_acked;

	switch (frame[0]) {
	case PPP_CONF_REQ:
		ipcp_requested(c, p, frame[1], data, len - 4);
		return;
	case PPP_CONF_ACK:
		if (ours) {
			p->ipcp.local_acked = true;
			ipcp_opened(c, p);
		}
		return;
	case PPP_CONF_NAK:
	case PPP_CONF_REJ:
		if (ours)
			ipcp_refused(c, p, frame[0] == PPP_CONF_REJ, data, len - 4);
		return;
	case PPP_TERM_REQ:
		/* without IPCP the session has no use: the same as LCP's Terminate */
		ppp_send(c, PPP_IPCP, PPP_TERM_ACK, frame[1], NULL, 0);
		ppp_fail(c, p, PPP_FAIL_TERMINATED, data, len - 4);
		return;
	case PPP_TERM_ACK:
	case PPP_CODE_REJ:
		return;
	default:
		ppp_send(c, PPP_IPCP, PPP_CODE_REJ, ++p->reject_id, frame, len);
	}
}

void ipcp_expire(const struct ppp_context *c, struct ppp *p)
{
	if (++p->ipcp.tries > PPP_MAX_TRIES) {
		ppp_fail(c, p, PPP_FAIL_NEGOTIATION, NULL, 0);
		return;
	}
	c->stats->resent++;
	ipcp_request(c, p);
}
