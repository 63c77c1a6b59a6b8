/* SPDX-License-Identifier: BSD-3-Clause */
/* The Link Control Protocol (RFC 1661 section 6): its options and what follows from them. */
#include "lcp.h"

#include <string.h>

#include "lcp_echo.h"
#include "ppp_auth.h"
#include "ppp_core.h"

/* Options of ours in a Configure-Request. */
static void lcp_reset(struct ppp *ppp)
{
	const struct ppp_config *config = ppp->config;

	ppp->lcp.asked = LCP_HAS_MAGIC;
	if (config->mru != PPP_MRU_DEFAULT)
		ppp->lcp.asked |= LCP_HAS_MRU;
	if (config->pfc)
		ppp->lcp.asked |= LCP_HAS_PFC;
	if (config->acfc)
		ppp->lcp.asked |= LCP_HAS_ACFC;
	ppp->lcp.auth = PPP_AUTH_NONE;
	ppp->lcp.auth_tried = 0;
	if (config->auth_count > 0) {
		ppp->lcp.asked |= LCP_HAS_AUTH;
		ppp->lcp.auth = (uint8_t)config->auth[0];
	}
	ppp->lcp.mru = config->mru;
	ppp->lcp.magic = ppp_random32(ppp);
	ppp->lcp.peer = 0;
	ppp->lcp.peer_mru = PPP_MRU_DEFAULT;
	ppp->lcp.peer_magic = 0;
	ppp->lcp.echo_off = false;
	ppp->lcp.proxied = false;
}

static size_t lcp_request(struct ppp *ppp, uint8_t *options, size_t room)
{
	uint8_t data[LCP_AUTH_DATA_MAX];
	size_t n = 0;

	if (ppp->lcp.asked & LCP_HAS_MRU) {
		ppp_put16(data, ppp->lcp.mru);
		n += ppp_option_put(options + n, room - n, LCP_MRU, data, 2);
	}
	if (ppp->lcp.asked & LCP_HAS_AUTH) {
		size_t len = ppp_auth_option(ppp->lcp.auth, data);

		n += ppp_option_put(options + n, room - n, LCP_AUTH, data, len);
	}
	if (ppp->lcp.asked & LCP_HAS_MAGIC) {
		ppp_put32(data, ppp->lcp.magic);
		n += ppp_option_put(options + n, room - n, LCP_MAGIC, data, 4);
	}
	if (ppp->lcp.asked & LCP_HAS_PFC)
		n += ppp_option_put(options + n, room - n, LCP_PFC, NULL, 0);
	if (ppp->lcp.asked & LCP_HAS_ACFC)
		n += ppp_option_put(options + n, room - n, LCP_ACFC, NULL, 0);
	return n;
}

/* RFC 1661 section 6.4: our own number means that we talk to ourselves. */
static void lcp_judge_magic(
	struct ppp *ppp, const struct ppp_option *option, struct ppp_reply *reply)
{
	uint32_t magic = option->len == 4 ? ppp_get32(option->data) : 0;
	uint8_t suggestion[4];

	if (magic != 0 && !((ppp->lcp.asked & LCP_HAS_MAGIC) && magic == ppp->lcp.magic))
		return;
	if (magic != 0) {
		ppp_count(ppp, PPP_REJECT_OWN_MAGIC);
		if (++ppp->lcp.loops > ppp->config->max_failure) {
			ppp_end(ppp, PPP_CLOSE_LOOPBACK);
			return;
		}
	}
	ppp_put32(suggestion, ppp_random32(ppp));
	ppp_reply_nak(reply, option, LCP_MAGIC, suggestion, sizeof(suggestion));
}

static void lcp_judge_option(
	struct ppp *ppp, const struct ppp_option *option, struct ppp_reply *reply)
{
	uint8_t wanted[4] = {0};

	switch (option->type) {
	case LCP_MRU:
		ppp_put16(wanted, option->len == 2 ? ppp->config->mru_min : PPP_MRU_DEFAULT);
		if (option->len != 2 || ppp_get16(option->data) < ppp->config->mru_min)
			ppp_reply_nak(reply, option, LCP_MRU, wanted, 2);
		break;
	case LCP_ACCM:
		/* There are no asynchronous lines here: any map is fine and has no effect. */
		if (option->len != 4)
			ppp_reply_nak(reply, option, LCP_ACCM, wanted, 4);
		break;
	case LCP_MAGIC:
		lcp_judge_magic(ppp, option, reply);
		break;
	case LCP_PFC:
	case LCP_ACFC:
		if (option->type == LCP_PFC ? !ppp->config->pfc : !ppp->config->acfc)
			ppp_reply_reject(reply, option);
		else if (option->len != 0)
			ppp_reply_nak(reply, option, option->type, NULL, 0);
		break;
	case LCP_MRRU:
	case LCP_SSNHF:
	case LCP_ENDPOINT:
		ppp_count(ppp, PPP_REJECT_MULTILINK);
		ppp_reply_reject(reply, option);
		break;
	default:
		/* Among them the authentication of ourselves: we have no account at the peer. */
		ppp_reply_reject(reply, option);
		break;
	}
}

static void lcp_judge(struct ppp *ppp, const uint8_t *options, size_t len, struct ppp_reply *reply)
{
	const uint8_t *p = options, *end = options + len;
	struct ppp_option option;
	uint8_t seen[32] = {0};

	while (ppp_option_next(&p, end, &option)) {
		/* RFC 1661 section 5.1: none may be listed more than once. */
		if (seen[option.type / 8] & 1 << option.type % 8)
			ppp_reply_reject(reply, &option);
		else
			lcp_judge_option(ppp, &option, reply);
		seen[option.type / 8] |= (uint8_t)(1 << option.type % 8);
	}
}

static void lcp_agreed(struct ppp *ppp, const uint8_t *options, size_t len)
{
	const uint8_t *p = options, *end = options + len;
	struct ppp_option option;

	ppp->lcp.peer = 0;
	ppp->lcp.peer_mru = PPP_MRU_DEFAULT;
	ppp->lcp.peer_magic = 0;
	while (ppp_option_next(&p, end, &option)) {
		if (option.type == LCP_MRU && option.len == 2) {
			ppp->lcp.peer |= LCP_HAS_MRU;
			ppp->lcp.peer_mru = ppp_get16(option.data);
		} else if (option.type == LCP_MAGIC && option.len == 4) {
			ppp->lcp.peer |= LCP_HAS_MAGIC;
			ppp->lcp.peer_magic = ppp_get32(option.data);
		} else if (option.type == LCP_PFC) {
			ppp->lcp.peer |= LCP_HAS_PFC;
		} else if (option.type == LCP_ACFC) {
			ppp->lcp.peer |= LCP_HAS_ACFC;
		}
	}
}

static bool lcp_auth_allowed(const struct ppp *ppp, enum ppp_auth_method method)
{
	for (unsigned i = 0; i < ppp->config->auth_count; i++) {
		if (ppp->config->auth[i] == method)
			return true;
	}
	return false;
}

/* The peer does not want our method: the one that it names, if we allow it, else our next one. Each
 * is asked for once. */
static void lcp_auth_next(struct ppp *ppp, const struct ppp_option *option)
{
	enum ppp_auth_method hint = ppp_auth_method_of(option->data, option->len);

	ppp->lcp.auth_tried |= (uint8_t)(1 << ppp->lcp.auth);
	if (hint != PPP_AUTH_NONE && lcp_auth_allowed(ppp, hint) &&
		!(ppp->lcp.auth_tried & 1 << hint)) {
		ppp->lcp.auth = (uint8_t)hint;
		return;
	}
	for (unsigned i = 0; i < ppp->config->auth_count; i++) {
		if (!(ppp->lcp.auth_tried & 1 << ppp->config->auth[i])) {
			ppp->lcp.auth = (uint8_t)ppp->config->auth[i];
			return;
		}
	}
	ppp_end(ppp, PPP_CLOSE_AUTH_METHOD);
}

static void lcp_nak(struct ppp *ppp, const uint8_t *options, size_t len)
{
	const uint8_t *p = options, *end = options + len;
	struct ppp_option option;
	uint8_t done = 0;

	while (ppp_option_next(&p, end, &option)) {
		uint8_t bit = lcp_option_bit(option.type);

		/* What we did not ask for is the peer's wish, which its own request may repeat. */
		if (!(ppp->lcp.asked & bit) || (done & bit))
			continue;
		done |= bit;
		switch (option.type) {
		case LCP_MRU:
			/* More than we asked for can be received as well, up to the default. */
			if (option.len == 2 && ppp_get16(option.data) >= ppp->config->mru_min &&
				ppp_get16(option.data) < PPP_MRU_DEFAULT)
				ppp->lcp.mru = ppp_get16(option.data);
			else
				ppp->lcp.asked &= (uint8_t)~LCP_HAS_MRU;
			break;
		case LCP_AUTH:
			lcp_auth_next(ppp, &option);
			break;
		case LCP_MAGIC:
			ppp->lcp.magic = ppp_random32(ppp);
			break;
		default:
			/* PFC and ACFC have no value to change. */
			ppp->lcp.asked &= (uint8_t)~bit;
			break;
		}
	}
}

static void lcp_reject(struct ppp *ppp, const uint8_t *options, size_t len)
{
	const uint8_t *p = options, *end = options + len;
	struct ppp_option option;

	while (ppp_option_next(&p, end, &option)) {
		uint8_t bit = lcp_option_bit(option.type);

		if (!(ppp->lcp.asked & bit)) {
			ppp_count(ppp, PPP_REJECT_OPTIONS_MISMATCH);
			continue;
		}
		if (option.type == LCP_AUTH) {
			ppp_end(ppp, PPP_CLOSE_AUTH_METHOD);
			return;
		}
		ppp->lcp.asked &= (uint8_t)~bit;
		if (option.type == LCP_MAGIC)
			ppp->lcp.magic = 0;
	}
}

static void lcp_up(struct ppp *ppp)
{
	ppp_link_opened(ppp, NULL);
}

const struct ppp_fsm_protocol lcp_protocol = {
	.number = PPP_LCP,
	.name = "LCP",
	.reset = lcp_reset,
	.request = lcp_request,
	.judge = lcp_judge,
	.nak = lcp_nak,
	.reject = lcp_reject,
	.agreed = lcp_agreed,
	.up = lcp_up,
	.down = ppp_link_lost,
	.finished = ppp_link_finished,
	.extra = lcp_extra,
	.code_rejected = lcp_code_rejected,
};

void lcp_init(struct ppp *ppp)
{
	ppp_fsm_init(&ppp->lcp.fsm, PPP_FSM_LCP);
	ppp->lcp.peer_mru = PPP_MRU_DEFAULT;
}

uint8_t lcp_option_bit(uint8_t type)
{
	switch (type) {
	case LCP_MRU:
		return LCP_HAS_MRU;
	case LCP_AUTH:
		return LCP_HAS_AUTH;
	case LCP_MAGIC:
		return LCP_HAS_MAGIC;
	case LCP_PFC:
		return LCP_HAS_PFC;
	case LCP_ACFC:
		return LCP_HAS_ACFC;
	default:
		return 0;
	}
}

/* What the LAC asked the peer for; false: not what we would have agreed to. */
static bool lcp_adopt_ours(struct ppp *ppp, const uint8_t *options, size_t len)
{
	const uint8_t *p = options, *end = options + len;
	struct ppp_option option;
	bool fits = true;

	ppp->lcp.asked = 0;
	ppp->lcp.mru = PPP_MRU_DEFAULT;
	ppp->lcp.magic = 0;
	ppp->lcp.auth = PPP_AUTH_NONE;
	while (ppp_option_next(&p, end, &option)) {
		ppp->lcp.asked |= lcp_option_bit(option.type);
		if (option.type == LCP_MRU && option.len == 2)
			ppp->lcp.mru = ppp_get16(option.data);
		else if (option.type == LCP_MAGIC && option.len == 4)
			ppp->lcp.magic = ppp_get32(option.data);
		else if (option.type == LCP_AUTH)
			ppp->lcp.auth = (uint8_t)ppp_auth_method_of(option.data, option.len);
		else if (option.type != LCP_ACCM && option.type != LCP_PFC &&
			option.type != LCP_ACFC)
			fits = false;
	}
	return fits;
}

bool lcp_adopt(struct ppp *ppp, const struct ppp_proxy *proxy)
{
	const struct ppp_config *config = ppp->config;
	static const uint8_t none[1];
	const uint8_t *sent = none, *received = none;
	size_t sent_len = 0, received_len = 0;
	struct ppp_reply reply;
	bool fits;

	if (proxy == NULL || config->proxy == PPP_PROXY_RENEGOTIATE ||
		(proxy->last_sent == NULL && proxy->last_received == NULL))
		return false;
	if (proxy->last_sent != NULL) {
		sent = proxy->last_sent;
		sent_len = proxy->last_sent_len;
	}
	if (proxy->last_received != NULL) {
		received = proxy->last_received;
		received_len = proxy->last_received_len;
	}
	if (ppp_options_check(sent, sent_len) != PPP_WIRE_OK ||
		ppp_options_check(received, received_len) != PPP_WIRE_OK) {
		ppp_count(ppp, PPP_REJECT_PROXY_MALFORMED);
		return false;
	}
	fits = proxy->last_sent != NULL && proxy->last_received != NULL;
	if (!lcp_adopt_ours(ppp, sent, sent_len))
		fits = false;
	if (proxy->last_sent == NULL)
		ppp->lcp.auth = (uint8_t)ppp_auth_method_of_proxy(proxy);
	/* The peer's magic number must not meet the loop detection of a negotiation of ours. */
	ppp->lcp.asked &= (uint8_t)~LCP_HAS_MAGIC;
	ppp_reply_init(&reply, PPP_INFO_MAX, false);
	lcp_judge(ppp, received, received_len, &reply);
	if (reply.nak_len > 0 || reply.reject_len > 0)
		fits = false;
	if (config->auth_count > 0 && ppp->lcp.auth == PPP_AUTH_NONE) {
		ppp_count(ppp, PPP_REJECT_PROXY_MISMATCH);
		return false;
	}
	if (ppp->lcp.auth != PPP_AUTH_NONE && !lcp_auth_allowed(ppp, ppp->lcp.auth))
		fits = false;
	if (!fits && config->proxy != PPP_PROXY_ACCEPT) {
		ppp_count(ppp, PPP_REJECT_PROXY_MISMATCH);
		return false;
	}
	lcp_agreed(ppp, received, received_len);
	if (ppp->lcp.peer_mru < PPP_MRU_FLOOR)
		ppp->lcp.peer_mru = PPP_MRU_FLOOR;
	ppp->lcp.proxied = true;
	ppp_fsm_adopt(&ppp->lcp.fsm);
	ppp_link_opened(ppp, proxy);
	return true;
}
