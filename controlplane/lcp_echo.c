/* SPDX-License-Identifier: BSD-3-Clause */
/* LCP once it is open: echoes both ways, Protocol-Reject, the codes that change nothing. */
#include "lcp_echo.h"

#include <string.h>

#include "ppp_core.h"

void lcp_echo_start(struct ppp *ppp)
{
	uint32_t interval = ppp->config->echo_interval;

	ppp->lcp.echo_lost = 0;
	ppp->lcp.traffic = false;
	if (interval == 0 || ppp->lcp.echo_off)
		return;
	/* The first one at a random moment of the interval's last half: the sessions of a tunnel
	 * that came up together do not send theirs together for ever. */
	ppp->lcp.echo_deadline = ppp_deadline_in(
		ppp, interval - (interval > 1 ? ppp_random32(ppp) % (interval / 2) : 0));
}

void lcp_echo_stop(struct ppp *ppp)
{
	ppp->lcp.echo_deadline = 0;
}

void lcp_echo_timeout(struct ppp *ppp)
{
	uint8_t magic[4];

	if (ppp->lcp.traffic) {
		ppp->lcp.traffic = false;
		ppp->lcp.echo_lost = 0;
	} else {
		if (ppp->lcp.echo_lost >= ppp->config->echo_failures) {
			lcp_echo_stop(ppp);
			ppp_end(ppp, PPP_CLOSE_ECHO);
			return;
		}
		ppp->lcp.echo_lost++;
		ppp_put32(magic, ppp->lcp.magic);
		ppp_send(ppp, PPP_LCP, PPP_ECHO_REQUEST, ++ppp->lcp.echo_id, magic, sizeof(magic));
	}
	ppp->lcp.echo_deadline = ppp_deadline_in(ppp, ppp->config->echo_interval);
}

/* RFC 1661 section 5.8: our magic number in a peer's packet means a looped-back link. */
static bool lcp_echo_valid(struct ppp *ppp, const uint8_t *body, size_t len)
{
	if (len < 4) {
		ppp_count(ppp, PPP_REJECT_ECHO_SHORT);
		return false;
	}
	if (ppp->lcp.magic != 0 && ppp_get32(body) == ppp->lcp.magic) {
		ppp_count(ppp, PPP_REJECT_OWN_MAGIC);
		return false;
	}
	return true;
}

static void lcp_echo_reply(struct ppp *ppp, uint8_t id, const uint8_t *body, size_t len)
{
	uint8_t reply[PPP_INFO_MAX];

	if (len > ppp_room(ppp)) {
		ppp_count(ppp, PPP_REJECT_ECHO_TOO_BIG);
		len = ppp_room(ppp);
	}
	memcpy(reply, body, len);
	ppp_put32(reply, ppp->lcp.magic);
	ppp_send(ppp, PPP_LCP, PPP_ECHO_REPLY, id, reply, len);
}

bool lcp_extra(struct ppp *ppp, uint8_t code, uint8_t id, const uint8_t *body, size_t len)
{
	bool open = ppp->lcp.fsm.state == PPP_OPENED;

	switch (code) {
	case PPP_PROTOCOL_REJECT:
		if (len < 2)
			ppp_count(ppp, PPP_REJECT_BAD_LENGTH);
		else if (open)
			ppp_protocol_rejected(ppp, ppp_get16(body));
		return true;
	case PPP_ECHO_REQUEST:
		if (open && lcp_echo_valid(ppp, body, len))
			lcp_echo_reply(ppp, id, body, len);
		return true;
	case PPP_ECHO_REPLY:
		if (open && lcp_echo_valid(ppp, body, len))
			ppp->lcp.echo_lost = 0;
		return true;
	case PPP_DISCARD_REQUEST:
	case PPP_IDENTIFICATION:
	case PPP_TIME_REMAINING:
		return true;
	default:
		return false;
	}
}

void lcp_code_rejected(struct ppp *ppp, uint8_t code)
{
	if (code != PPP_ECHO_REQUEST || ppp->lcp.fsm.state != PPP_OPENED)
		return;
	/* A peer that does not know echoes is not dead for not answering them. */
	ppp->lcp.echo_off = true;
	lcp_echo_stop(ppp);
}

void lcp_protocol_reject(struct ppp *ppp, const struct ppp_frame *frame)
{
	uint8_t body[PPP_INFO_MAX];
	size_t room = ppp_room(ppp) - 2;
	size_t len = frame->len < room ? frame->len : room;

	if (!ppp_reject_allowed(ppp))
		return;
	ppp_put16(body, frame->protocol);
	if (len > 0)
		memcpy(body + 2, frame->info, len);
	ppp_send(ppp, PPP_LCP, PPP_PROTOCOL_REJECT, ++ppp->next_id, body, len + 2);
}
