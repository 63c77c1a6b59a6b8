/* SPDX-License-Identifier: BSD-3-Clause */
/* The IP Control Protocol (RFC 1332) with the name servers of RFC 1877, for one known address. */
#include "ipcp.h"

#include <string.h>

#include "ppp_core.h"

/* A peer that Naks our own address so often goes without it: it needs none to reach us. */
#define OUR_ADDRESS_NAKS 3

static void ipcp_reset(struct ppp *ppp)
{
	ppp->ipcp.ask_address = ppp->ipcp.wanted.our_address != 0;
	ppp->ipcp.our_naks = 0;
	ppp->ipcp.address_missing = false;
}

static size_t ipcp_request(struct ppp *ppp, uint8_t *options, size_t room)
{
	if (!ppp->ipcp.ask_address)
		return 0;
	return ppp_option_put(options, room, IPCP_ADDRESS, &ppp->ipcp.wanted.our_address, 4);
}

/* The peer's own wish, where it is for it to choose, until it has one that is agreed. */
static void ipcp_wish(struct ppp *ppp, const struct ppp_option *option)
{
	struct ppp_ipv4 *wanted = &ppp->ipcp.wanted;
	uint32_t wish;

	if (!wanted->peer_chooses || !ppp->ops->ipv4_wish || ppp->ipcp.up || option->len != 4)
		return;
	memcpy(&wish, option->data, sizeof(wish));
	if (wish && wish != wanted->peer_address)
		wanted->peer_address = ppp->ops->ipv4_wish(ppp->user, wish);
}

/* Only the address that is the peer's own; everything else is told that one. */
static void ipcp_judge_address(
	struct ppp *ppp, const struct ppp_option *option, struct ppp_reply *reply)
{
	const uint32_t *own = &ppp->ipcp.wanted.peer_address;

	ipcp_wish(ppp, option);
	if (option->len == 4 && memcmp(option->data, own, 4) == 0)
		return;
	if (option->len == 4 && memcmp(option->data, "\0\0\0\0", 4) != 0)
		ppp_count(ppp, PPP_REJECT_ADDRESS_NAK);
	if (reply->exhausted) {
		/* Rejecting the option would leave the peer with the address that it insists on. */
		ppp_count(ppp, PPP_REJECT_NAK_LOOP);
		ppp_fsm_give_up(ppp, &ppp->ipcp.fsm);
		return;
	}
	ppp_reply_nak(reply, option, IPCP_ADDRESS, own, 4);
}

static void ipcp_judge_dns(
	struct ppp *ppp, const struct ppp_option *option, struct ppp_reply *reply)
{
	const uint32_t *own = &ppp->ipcp.wanted.dns[option->type == IPCP_DNS2];

	if (*own == 0)
		ppp_reply_reject(reply, option);
	else if (option->len != 4 || memcmp(option->data, own, 4) != 0)
		ppp_reply_nak(reply, option, option->type, own, 4);
}

static void ipcp_judge(struct ppp *ppp, const uint8_t *options, size_t len, struct ppp_reply *reply)
{
	const uint8_t *p = options, *end = options + len;
	bool address = false, dns[2] = {false, false};
	struct ppp_option option;

	while (ppp_option_next(&p, end, &option)) {
		bool *seen = option.type == IPCP_ADDRESS ? &address
			: option.type == IPCP_DNS1       ? &dns[0]
			: option.type == IPCP_DNS2       ? &dns[1]
							 : NULL;

		if (seen == NULL || *seen) {
			ppp_reply_reject(reply, &option);
			continue;
		}
		*seen = true;
		if (option.type == IPCP_ADDRESS)
			ipcp_judge_address(ppp, &option, reply);
		else
			ipcp_judge_dns(ppp, &option, reply);
	}
	/* RFC 1661 section 5.3: an option that we want and the peer did not list is appended to a
	 * Nak. Once: a peer configured by hand knows its address and does not ask. */
	if (!address && !ppp->ipcp.address_missing && reply->reject_len == 0) {
		ppp->ipcp.address_missing = true;
		ppp_reply_nak(reply, NULL, IPCP_ADDRESS, &ppp->ipcp.wanted.peer_address, 4);
	}
}

static void ipcp_nak(struct ppp *ppp, const uint8_t *options, size_t len)
{
	/* Our address is not the peer's to choose, and there is nothing else in our request. */
	if (++ppp->ipcp.our_naks >= OUR_ADDRESS_NAKS)
		ppp->ipcp.ask_address = false;
}

static void ipcp_reject(struct ppp *ppp, const uint8_t *options, size_t len)
{
	const uint8_t *p = options, *end = options + len;
	struct ppp_option option;

	while (ppp_option_next(&p, end, &option)) {
		if (option.type == IPCP_ADDRESS)
			ppp->ipcp.ask_address = false;
		else
			ppp_count(ppp, PPP_REJECT_OPTIONS_MISMATCH);
	}
}

static void ipcp_agreed(struct ppp *ppp, const uint8_t *options, size_t len)
{
}

static void ipcp_up(struct ppp *ppp)
{
	ppp->ipcp.up = true;
	ppp_ncp_opened(ppp);
	ppp->ops->ipv4_up(ppp->user);
}

static void ipcp_down(struct ppp *ppp)
{
	if (!ppp->ipcp.up)
		return;
	ppp->ipcp.up = false;
	ppp->ops->ipv4_down(ppp->user);
}

const struct ppp_fsm_protocol ipcp_protocol = {
	.number = PPP_IPCP,
	.name = "IPCP",
	.reset = ipcp_reset,
	.request = ipcp_request,
	.judge = ipcp_judge,
	.nak = ipcp_nak,
	.reject = ipcp_reject,
	.agreed = ipcp_agreed,
	.up = ipcp_up,
	.down = ipcp_down,
	.finished = ppp_ncp_finished,
};

void ipcp_init(struct ppp *ppp)
{
	ppp_fsm_init(&ppp->ipcp.fsm, PPP_FSM_IPCP);
}
