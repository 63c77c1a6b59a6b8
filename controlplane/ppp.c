/* SPDX-License-Identifier: BSD-3-Clause */
/* The PPP of one session: phases of RFC 1661 section 3, demultiplexing, timers, the way out. */
#include "ppp.h"

#include <stdlib.h>
#include <string.h>

#include "ipcp.h"
#include "ipv6cp.h"
#include "lcp.h"
#include "lcp_echo.h"
#include "ppp_auth.h"
#include "ppp_core.h"

/* Code-Rejects and Protocol-Rejects of one session: a peer that cannot take them for an answer does
 * not make us send more than this. */
#define REJECTS_MAX    10
#define REJECTS_PERIOD 10000

void ppp_config_defaults(struct ppp_config *config)
{
	*config = (struct ppp_config){
		.name = "lnsd",
		.auth_retries = 1,
		.mru = PPP_MRU_DEFAULT,
		.mru_min = 576,
		.pfc = true,
		.acfc = true,
		.echo_interval = 30000,
		.echo_failures = 5,
		.restart = 3000,
		.max_configure = 10,
		.max_terminate = 2,
		.max_failure = 5,
		.auth_timeout = 30000,
	};
}

void ppp_init(
	struct ppp *ppp, const struct ppp_config *config, const struct ppp_ops *ops, void *user)
{
	memset(ppp, 0, sizeof(*ppp));
	ppp->config = config;
	ppp->ops = ops;
	ppp->user = user;
	lcp_init(ppp);
	ipcp_init(ppp);
	ipv6cp_init(ppp);
}

void ppp_free(struct ppp *ppp)
{
	ppp_auth_stop(ppp);
}

uint64_t ppp_deadline(const struct ppp *ppp)
{
	const uint32_t deadlines[] = {ppp->lcp.fsm.deadline, ppp->lcp.echo_deadline,
		ppp->auth.deadline, ppp->ipcp.fsm.deadline, ppp->ipv6cp.fsm.deadline};
	uint64_t first = PPP_NO_DEADLINE;

	for (size_t i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++) {
		int32_t away = (int32_t)(deadlines[i] - (uint32_t)ppp->now);

		if (deadlines[i] != 0 && ppp->now + (uint64_t)(int64_t)away < first)
			first = ppp->now + (uint64_t)(int64_t)away;
	}
	return first;
}

static bool ppp_enter(struct ppp *ppp, uint64_t now)
{
	if (!ppp->started || ppp->finished) {
		ppp_count(ppp, PPP_REJECT_LINK_DOWN);
		return false;
	}
	ppp->now = now;
	ppp->depth++;
	return true;
}

/* The end of the outermost call: what changed is told, closed() last, for it may free the session. */
static void ppp_leave(struct ppp *ppp)
{
	uint64_t deadline;
	uint32_t low;

	if (--ppp->depth > 0)
		return;
	deadline = ppp_deadline(ppp);
	/* the lower half will do: 0 if there is none, for no deadline has that */
	low = deadline == PPP_NO_DEADLINE ? 0 : (uint32_t)deadline;
	if (low != ppp->armed) {
		ppp->armed = low;
		ppp->ops->arm(ppp->user, deadline);
	}
	if (ppp->finished && !ppp->told) {
		ppp->told = true;
		ppp_free(ppp);
		ppp->ops->closed(ppp->user, ppp->cause);
	}
}

void ppp_count(struct ppp *ppp, enum ppp_reject reject)
{
	ppp->config->counters->rejects[reject]++;
}

void ppp_count_wire(struct ppp *ppp, enum ppp_wire_error error)
{
	static const enum ppp_reject rejects[] = {
		[PPP_WIRE_SHORT_FRAME] = PPP_REJECT_SHORT_FRAME,
		[PPP_WIRE_BAD_PROTOCOL] = PPP_REJECT_BAD_PROTOCOL,
		[PPP_WIRE_BAD_LENGTH] = PPP_REJECT_BAD_LENGTH,
		[PPP_WIRE_OPTION_LENGTH] = PPP_REJECT_OPTION_LENGTH,
		[PPP_WIRE_TOO_MANY_OPTIONS] = PPP_REJECT_TOO_MANY_OPTIONS,
	};

	if (error != PPP_WIRE_OK)
		ppp_count(ppp, rejects[error]);
}

uint32_t ppp_random32(struct ppp *ppp)
{
	uint32_t value;

	do
		ppp->ops->random_bytes(ppp->user, &value, sizeof(value));
	while (value == 0);
	return value;
}

size_t ppp_room(const struct ppp *ppp)
{
	size_t mru = ppp->link_up ? ppp->lcp.peer_mru : PPP_MRU_DEFAULT;

	return (mru < PPP_INFO_MAX ? mru : PPP_INFO_MAX) - PPP_HEADER_LEN;
}

bool ppp_address_control(const struct ppp *ppp)
{
	switch (ppp->config->framing) {
	case PPP_FRAMING_ALWAYS:
		return true;
	case PPP_FRAMING_NEVER:
		return false;
	case PPP_FRAMING_NEGOTIATED:
	default:
		return !(ppp->link_up && (ppp->lcp.peer & LCP_HAS_ACFC));
	}
}

void ppp_send(struct ppp *ppp, uint16_t protocol, uint8_t code, uint8_t id, const uint8_t *body,
	size_t len)
{
	bool address_control = protocol == PPP_LCP ? ppp->config->framing != PPP_FRAMING_NEVER
						   : ppp_address_control(ppp);
	uint8_t frame[PPP_FRAME_MAX];
	size_t n = ppp_frame_header(frame, protocol, address_control);

	if (len > ppp_room(ppp))
		len = ppp_room(ppp);
	frame[n] = code;
	frame[n + 1] = id;
	ppp_put16(frame + n + 2, (uint16_t)(len + PPP_HEADER_LEN));
	n += PPP_HEADER_LEN;
	if (len > 0)
		memcpy(frame + n, body, len);
	ppp->ops->send(ppp->user, frame, n + len);
}

bool ppp_reject_allowed(struct ppp *ppp)
{
	if ((uint32_t)ppp->now - ppp->rejects_since >= REJECTS_PERIOD) {
		ppp->rejects_since = (uint32_t)ppp->now;
		ppp->rejects_sent = 0;
	}
	if (ppp->rejects_sent >= REJECTS_MAX) {
		ppp_count(ppp, PPP_REJECT_REJECT_RATE);
		return false;
	}
	ppp->rejects_sent++;
	return true;
}

void ppp_end(struct ppp *ppp, enum ppp_close_cause cause)
{
	if (ppp->finished)
		return;
	if (ppp->cause == PPP_CLOSE_NONE)
		ppp->cause = (uint8_t)cause;
	ppp->phase = PPP_PHASE_TERMINATE;
	ppp_fsm_event(ppp, &ppp->lcp.fsm, PPP_CLOSE);
}

/* LCP opened: RFC 1661 section 3.5. */
void ppp_link_opened(struct ppp *ppp, const struct ppp_proxy *proxy)
{
	struct ppp_link link;

	ppp->link_up = true;
	ppp->phase = PPP_PHASE_AUTHENTICATE;
	link = (struct ppp_link){
		.mru = ppp->lcp.asked & LCP_HAS_MRU ? ppp->lcp.mru : PPP_MRU_DEFAULT,
		.peer_mru = ppp->lcp.peer_mru,
		.pfc = ppp->lcp.peer & LCP_HAS_PFC,
		.acfc = ppp->lcp.peer & LCP_HAS_ACFC,
		.address_control = ppp_address_control(ppp),
		.auth = ppp->lcp.auth,
		.proxied = ppp->lcp.proxied,
	};
	lcp_echo_start(ppp);
	ppp->ops->link_up(ppp->user, &link);
	if (ppp->phase != PPP_PHASE_AUTHENTICATE)
		return;
	if (ppp->lcp.auth == PPP_AUTH_NONE)
		ppp_network_phase(ppp);
	else
		ppp_auth_start(ppp, proxy);
}

void ppp_network_phase(struct ppp *ppp)
{
	ppp->phase = PPP_PHASE_NETWORK;
	ppp->ops->network(ppp->user);
}

static void ncp_stop(struct ppp *ppp)
{
	if (ppp->ipcp.decision == PPP_NCP_OPEN)
		ppp_fsm_event(ppp, &ppp->ipcp.fsm, PPP_DOWN);
	if (ppp->ipv6cp.decision == PPP_NCP_OPEN)
		ppp_fsm_event(ppp, &ppp->ipv6cp.fsm, PPP_DOWN);
	ipcp_init(ppp);
	ipv6cp_init(ppp);
	ppp->ipcp.decision = PPP_NCP_UNDECIDED;
	ppp->ipv6cp.decision = PPP_NCP_UNDECIDED;
}

/* LCP left Opened: everything above it is void (RFC 1661 section 3.4, 3.7). */
void ppp_link_lost(struct ppp *ppp)
{
	if (!ppp->link_up)
		return;
	ppp->phase = ppp->cause != PPP_CLOSE_NONE || ppp->lcp.fsm.state == PPP_CLOSING ||
			ppp->lcp.fsm.state == PPP_STOPPING
		? PPP_PHASE_TERMINATE
		: PPP_PHASE_ESTABLISH;
	lcp_echo_stop(ppp);
	ppp_auth_stop(ppp);
	ncp_stop(ppp);
	ppp->link_up = false;
	ppp->ops->link_down(ppp->user);
}

void ppp_link_finished(struct ppp *ppp)
{
	if (ppp->cause == PPP_CLOSE_NONE)
		ppp->cause = ppp->lcp.fsm.timed_out ? PPP_CLOSE_LCP_TIMEOUT
			: ppp->lcp.fsm.gave_up      ? PPP_CLOSE_LCP_FAILED
						    : PPP_CLOSE_PEER;
	ppp->phase = PPP_PHASE_DEAD;
	ppp->finished = true;
	ppp->lcp.fsm.deadline = 0;
}

/* Is this NCP up, or may it come up without the peer's doing? */
static bool ncp_hopeful(const struct ppp_fsm *fsm, uint8_t decision)
{
	if (decision == PPP_NCP_UNDECIDED)
		return true;
	return decision == PPP_NCP_OPEN && fsm->state >= PPP_CLOSING;
}

void ppp_ncp_finished(struct ppp *ppp)
{
	const struct ppp_fsm *v4 = &ppp->ipcp.fsm, *v6 = &ppp->ipv6cp.fsm;

	if (ppp->phase != PPP_PHASE_NETWORK || ncp_hopeful(v4, ppp->ipcp.decision) ||
		ncp_hopeful(v6, ppp->ipv6cp.decision))
		return;
	if (v4->timed_out || v6->timed_out)
		ppp_end(ppp, PPP_CLOSE_NCP_TIMEOUT);
	else if (v4->gave_up || v6->gave_up)
		ppp_end(ppp, PPP_CLOSE_NCP_FAILED);
	else
		ppp_end(ppp, PPP_CLOSE_NCP_NONE);
}

void ppp_ncp_opened(struct ppp *ppp)
{
	ppp_auth_forget(ppp);
}

void ppp_protocol_rejected(struct ppp *ppp, uint16_t protocol)
{
	switch (protocol) {
	case PPP_LCP:
		ppp->lcp.fsm.gave_up = true;
		ppp_fsm_event(ppp, &ppp->lcp.fsm, PPP_RXJ_MINUS);
		break;
	case PPP_PAP:
	case PPP_CHAP:
		if (ppp->phase == PPP_PHASE_AUTHENTICATE)
			ppp_end(ppp, PPP_CLOSE_AUTH_METHOD);
		break;
	case PPP_IPV4:
	case PPP_IPCP:
		if (ppp->ipcp.decision == PPP_NCP_OPEN)
			ppp_fsm_event(ppp, &ppp->ipcp.fsm, PPP_RXJ_MINUS);
		break;
	case PPP_IPV6:
	case PPP_IPV6CP:
		if (ppp->ipv6cp.decision == PPP_NCP_OPEN)
			ppp_fsm_event(ppp, &ppp->ipv6cp.fsm, PPP_RXJ_MINUS);
		break;
	default:
		break;
	}
}

static void ncp_input(
	struct ppp *ppp, struct ppp_fsm *fsm, uint8_t decision, const struct ppp_frame *frame)
{
	if (ppp->phase != PPP_PHASE_NETWORK || decision == PPP_NCP_UNDECIDED) {
		/* RFC 1661 section 3.5: discarded; the peer will send it again. */
		ppp_count(ppp, PPP_REJECT_NCP_EARLY);
		return;
	}
	if (decision == PPP_NCP_REFUSED) {
		ppp_count(ppp, PPP_REJECT_NCP_REFUSED);
		lcp_protocol_reject(ppp, frame);
		return;
	}
	ppp_fsm_input(ppp, fsm, frame->info, frame->len);
}

static void ppp_demultiplex(struct ppp *ppp, const struct ppp_frame *frame)
{
	if (frame->protocol != PPP_LCP && frame->protocol != PPP_PAP && frame->protocol != PPP_CHAP)
		ppp_auth_heard(ppp);
	switch (frame->protocol) {
	case PPP_LCP:
		ppp_fsm_input(ppp, &ppp->lcp.fsm, frame->info, frame->len);
		break;
	case PPP_PAP:
	case PPP_CHAP:
		ppp_auth_input(ppp, frame);
		break;
	case PPP_IPCP:
		ncp_input(ppp, &ppp->ipcp.fsm, ppp->ipcp.decision, frame);
		break;
	case PPP_IPV6CP:
		ncp_input(ppp, &ppp->ipv6cp.fsm, ppp->ipv6cp.decision, frame);
		break;
	case PPP_IPV4:
	case PPP_IPV6:
		/* Data that the dataplane had no session for yet, or any more. */
		ppp_count(ppp, PPP_REJECT_DATA_PACKET);
		break;
	default:
		if (ppp->phase != PPP_PHASE_NETWORK) {
			ppp_count(ppp, PPP_REJECT_NCP_EARLY);
			break;
		}
		ppp_count(ppp,
			frame->protocol == PPP_CCP ? PPP_REJECT_CCP_REJECTED
						   : PPP_REJECT_PROTOCOL_REJECTED);
		lcp_protocol_reject(ppp, frame);
		break;
	}
}

void ppp_start(struct ppp *ppp, uint64_t now, const struct ppp_proxy *proxy)
{
	if (ppp->started)
		return;
	ppp->started = true;
	ppp_enter(ppp, now);
	ppp->phase = PPP_PHASE_ESTABLISH;
	if (!lcp_adopt(ppp, proxy)) {
		ppp_fsm_event(ppp, &ppp->lcp.fsm, PPP_OPEN);
		ppp_fsm_event(ppp, &ppp->lcp.fsm, PPP_UP);
	}
	ppp_leave(ppp);
}

void ppp_receive(struct ppp *ppp, uint64_t now, const uint8_t *bytes, size_t len)
{
	enum ppp_wire_error error;
	struct ppp_frame frame;

	if (!ppp_enter(ppp, now))
		return;
	error = ppp_frame_parse(bytes, len, &frame);
	if (error != PPP_WIRE_OK)
		ppp_count_wire(ppp, error);
	else
		ppp_demultiplex(ppp, &frame);
	ppp_leave(ppp);
}

void ppp_timeout(struct ppp *ppp, uint64_t now)
{
	if (!ppp->started || ppp->finished)
		return;
	ppp_enter(ppp, now);
	if (ppp_deadline_is_due(ppp->lcp.fsm.deadline, now))
		ppp_fsm_timeout(ppp, &ppp->lcp.fsm);
	if (ppp_deadline_is_due(ppp->auth.deadline, now))
		ppp_auth_timeout(ppp);
	if (ppp_deadline_is_due(ppp->ipcp.fsm.deadline, now) ||
		ppp_deadline_is_due(ppp->ipv6cp.fsm.deadline, now))
		ppp_auth_repeat(ppp);
	if (ppp_deadline_is_due(ppp->ipcp.fsm.deadline, now))
		ppp_fsm_timeout(ppp, &ppp->ipcp.fsm);
	if (ppp_deadline_is_due(ppp->ipv6cp.fsm.deadline, now))
		ppp_fsm_timeout(ppp, &ppp->ipv6cp.fsm);
	if (ppp_deadline_is_due(ppp->lcp.echo_deadline, now))
		lcp_echo_timeout(ppp);
	/* The caller's timer is used up: the next deadline is told even if it did not change. */
	ppp->armed = 0;
	ppp_leave(ppp);
}

void ppp_auth_result(struct ppp *ppp, uint64_t now, const struct ppp_auth_result *result)
{
	if (!ppp_enter(ppp, now))
		return;
	ppp_auth_answer(ppp, result);
	ppp_leave(ppp);
}

void ppp_ipv4_open(struct ppp *ppp, uint64_t now, const struct ppp_ipv4 *addresses)
{
	if (!ppp_enter(ppp, now))
		return;
	if (ppp->phase == PPP_PHASE_NETWORK && ppp->ipcp.decision != PPP_NCP_OPEN) {
		ppp->ipcp.decision = PPP_NCP_OPEN;
		ppp->ipcp.wanted = *addresses;
		ppp_fsm_event(ppp, &ppp->ipcp.fsm, PPP_OPEN);
		ppp_fsm_event(ppp, &ppp->ipcp.fsm, PPP_UP);
	}
	ppp_leave(ppp);
}

void ppp_ipv6_open(struct ppp *ppp, uint64_t now, const struct ppp_ipv6 *ids)
{
	if (!ppp_enter(ppp, now))
		return;
	if (ppp->phase == PPP_PHASE_NETWORK && ppp->ipv6cp.decision != PPP_NCP_OPEN) {
		ppp->ipv6cp.decision = PPP_NCP_OPEN;
		ppp->ipv6cp.wanted = *ids;
		ppp_fsm_event(ppp, &ppp->ipv6cp.fsm, PPP_OPEN);
		ppp_fsm_event(ppp, &ppp->ipv6cp.fsm, PPP_UP);
	}
	ppp_leave(ppp);
}

static void ncp_refuse(struct ppp *ppp, uint64_t now, uint8_t *decision)
{
	if (!ppp_enter(ppp, now))
		return;
	if (ppp->phase == PPP_PHASE_NETWORK && *decision == PPP_NCP_UNDECIDED) {
		*decision = PPP_NCP_REFUSED;
		ppp_ncp_finished(ppp);
	}
	ppp_leave(ppp);
}

void ppp_ipv4_refuse(struct ppp *ppp, uint64_t now)
{
	ncp_refuse(ppp, now, &ppp->ipcp.decision);
}

void ppp_ipv6_refuse(struct ppp *ppp, uint64_t now)
{
	ncp_refuse(ppp, now, &ppp->ipv6cp.decision);
}

void ppp_close(struct ppp *ppp, uint64_t now, enum ppp_close_cause cause)
{
	if (!ppp_enter(ppp, now))
		return;
	ppp_end(ppp, cause);
	ppp_leave(ppp);
}

void ppp_lower_down(struct ppp *ppp, uint64_t now)
{
	if (!ppp_enter(ppp, now))
		return;
	if (ppp->cause == PPP_CLOSE_NONE)
		ppp->cause = PPP_CLOSE_LOWER_DOWN;
	ppp_fsm_event(ppp, &ppp->lcp.fsm, PPP_DOWN);
	ppp_link_finished(ppp);
	ppp_leave(ppp);
}

void ppp_traffic_seen(struct ppp *ppp)
{
	ppp->lcp.traffic = true;
}
