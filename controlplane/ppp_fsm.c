/* SPDX-License-Identifier: BSD-3-Clause */
/* The option negotiation automaton of RFC 1661 section 4, shared by LCP, IPCP and IPv6CP. */
#include "ppp_fsm.h"

#include <string.h>

#include "ppp_core.h"

/* Configure-Requests without opening, as a multiple of Max-Configure: a peer that always finds
 * something to Nak does not keep the automaton busy for ever. */
#define REQUESTS_FACTOR 3
#define NAK_LOST_MS     1000 /* no peer's Restart timer is shorter, and no answer takes so long */
/* Openings per minute: a peer that renegotiates without end is ended. */
#define OPENS_MAX    16
#define OPENS_PERIOD 60000

#define S(new_state, what)                                               \
	{                                                                \
		.next = (new_state), .possible = true, .actions = (what) \
	}
#define NONE      \
	{         \
		0 \
	}

/* RFC 1661 section 4.1, row by row; columns are the states 0 to 9. */
static const struct ppp_fsm_step steps[PPP_EVENTS][PPP_STATES] = {
	[PPP_UP] = {S(2, 0), S(6, PPP_IRC | PPP_SCR), NONE, NONE, NONE, NONE, NONE, NONE, NONE,
		NONE},
	[PPP_DOWN] = {NONE, NONE, S(0, 0), S(1, PPP_TLS), S(0, 0), S(1, 0), S(1, 0), S(1, 0),
		S(1, 0), S(1, PPP_TLD)},
	[PPP_OPEN] = {S(1, PPP_TLS), S(1, 0), S(6, PPP_IRC | PPP_SCR), S(3, 0), S(5, 0), S(5, 0),
		S(6, 0), S(7, 0), S(8, 0), S(9, 0)},
	[PPP_CLOSE] = {S(0, 0), S(0, PPP_TLF), S(2, 0), S(2, 0), S(4, 0), S(4, 0),
		S(4, PPP_IRC | PPP_STR), S(4, PPP_IRC | PPP_STR), S(4, PPP_IRC | PPP_STR),
		S(4, PPP_TLD | PPP_IRC | PPP_STR)},
	[PPP_TO_PLUS] = {NONE, NONE, NONE, NONE, S(4, PPP_STR), S(5, PPP_STR), S(6, PPP_SCR),
		S(6, PPP_SCR), S(8, PPP_SCR), NONE},
	[PPP_TO_MINUS] = {NONE, NONE, NONE, NONE, S(2, PPP_TLF), S(3, PPP_TLF), S(3, PPP_TLF),
		S(3, PPP_TLF), S(3, PPP_TLF), NONE},
	[PPP_RCR_PLUS] = {NONE, NONE, S(2, PPP_STA), S(8, PPP_IRC | PPP_SCR | PPP_SCA), S(4, 0),
		S(5, 0), S(8, PPP_SCA), S(9, PPP_SCA | PPP_TLU), S(8, PPP_SCA),
		S(8, PPP_TLD | PPP_SCR | PPP_SCA)},
	[PPP_RCR_MINUS] = {NONE, NONE, S(2, PPP_STA), S(6, PPP_IRC | PPP_SCR | PPP_SCN), S(4, 0),
		S(5, 0), S(6, PPP_SCN), S(7, PPP_SCN), S(6, PPP_SCN),
		S(6, PPP_TLD | PPP_SCR | PPP_SCN)},
	[PPP_RCA] = {NONE, NONE, S(2, PPP_STA), S(3, PPP_STA), S(4, 0), S(5, 0), S(7, PPP_IRC),
		S(6, PPP_SCR), S(9, PPP_IRC | PPP_TLU), S(6, PPP_TLD | PPP_SCR)},
	[PPP_RCN] = {NONE, NONE, S(2, PPP_STA), S(3, PPP_STA), S(4, 0), S(5, 0),
		S(6, PPP_IRC | PPP_SCR), S(6, PPP_SCR), S(8, PPP_IRC | PPP_SCR),
		S(6, PPP_TLD | PPP_SCR)},
	[PPP_RTR] = {NONE, NONE, S(2, PPP_STA), S(3, PPP_STA), S(4, PPP_STA), S(5, PPP_STA),
		S(6, PPP_STA), S(6, PPP_STA), S(6, PPP_STA), S(5, PPP_TLD | PPP_ZRC | PPP_STA)},
	[PPP_RTA] = {NONE, NONE, S(2, 0), S(3, 0), S(2, PPP_TLF), S(3, PPP_TLF), S(6, 0), S(6, 0),
		S(8, 0), S(6, PPP_TLD | PPP_SCR)},
	[PPP_RUC] = {NONE, NONE, S(2, PPP_SCJ), S(3, PPP_SCJ), S(4, PPP_SCJ), S(5, PPP_SCJ),
		S(6, PPP_SCJ), S(7, PPP_SCJ), S(8, PPP_SCJ), S(9, PPP_SCJ)},
	[PPP_RXJ_PLUS] = {NONE, NONE, S(2, 0), S(3, 0), S(4, 0), S(5, 0), S(6, 0), S(6, 0), S(8, 0),
		S(9, 0)},
	[PPP_RXJ_MINUS] = {NONE, NONE, S(2, PPP_TLF), S(3, PPP_TLF), S(2, PPP_TLF), S(3, PPP_TLF),
		S(3, PPP_TLF), S(3, PPP_TLF), S(3, PPP_TLF), S(5, PPP_TLD | PPP_IRC | PPP_STR)},
	[PPP_RXR] = {NONE, NONE, S(2, 0), S(3, 0), S(4, 0), S(5, 0), S(6, 0), S(7, 0), S(8, 0),
		S(9, PPP_SER)},
};

/* What the actions need of the packet that caused them. */
struct received {
	struct ppp_packet packet;
	const uint8_t *whole; /* for Code-Reject */
	uint8_t reply_code;
	const uint8_t *reply;
	size_t reply_len;
};

const struct ppp_fsm_step *ppp_fsm_step(enum ppp_fsm_state state, enum ppp_fsm_event event)
{
	return &steps[event][state];
}

const char *ppp_fsm_state_name(enum ppp_fsm_state state)
{
	static const char *const names[PPP_STATES] = {"Initial", "Starting", "Closed", "Stopped",
		"Closing", "Stopping", "Req-Sent", "Ack-Rcvd", "Ack-Sent", "Opened"};

	return state < PPP_STATES ? names[state] : "?";
}

static const struct ppp_fsm_protocol *protocol_of(const struct ppp_fsm *fsm)
{
	static const struct ppp_fsm_protocol *const protocols[] = {
		[PPP_FSM_LCP] = &lcp_protocol,
		[PPP_FSM_IPCP] = &ipcp_protocol,
		[PPP_FSM_IPV6CP] = &ipv6cp_protocol,
	};

	return protocols[fsm->kind];
}

void ppp_fsm_init(struct ppp_fsm *fsm, enum ppp_fsm_kind kind)
{
	uint8_t id = fsm->id;

	memset(fsm, 0, sizeof(*fsm));
	fsm->kind = (uint8_t)kind;
	/* Ids go on: an answer to the life before is not taken for one of the new. */
	fsm->id = id;
}

void ppp_fsm_adopt(struct ppp_fsm *fsm)
{
	fsm->state = PPP_OPENED;
	fsm->answered = true;
}

/* The Restart timer runs in the states that have a TO event. */
static bool timer_runs(const struct ppp_fsm *fsm)
{
	return steps[PPP_TO_PLUS][fsm->state].possible;
}

static uint32_t options_hash(const uint8_t *options, size_t len)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ options[i]) * 16777619u;
	return hash;
}

static void send_request(struct ppp *ppp, struct ppp_fsm *fsm, bool again)
{
	uint8_t options[PPP_INFO_MAX];
	size_t len = protocol_of(fsm)->request(ppp, options, ppp_room(ppp));

	if (!again)
		fsm->id++;
	if (fsm->restarts > 0)
		fsm->restarts--;
	if (fsm->requests < UINT8_MAX)
		fsm->requests++;
	fsm->answered = false;
	fsm->deadline = ppp_deadline_in(ppp, ppp->config->restart);
	ppp_send(ppp, protocol_of(fsm)->number, PPP_CONFIGURE_REQUEST, fsm->id, options, len);
}

static void send_terminate(struct ppp *ppp, struct ppp_fsm *fsm, bool again)
{
	if (!again)
		fsm->id++;
	if (fsm->restarts > 0)
		fsm->restarts--;
	fsm->deadline = ppp_deadline_in(ppp, ppp->config->restart);
	ppp_send(ppp, protocol_of(fsm)->number, PPP_TERMINATE_REQUEST, fsm->id, NULL, 0);
}

static void send_code_reject(struct ppp *ppp, struct ppp_fsm *fsm, const struct received *rx)
{
	ppp_count(ppp, PPP_REJECT_UNKNOWN_CODE);
	if (ppp_reject_allowed(ppp))
		ppp_send(ppp, protocol_of(fsm)->number, PPP_CODE_REJECT, ++ppp->next_id, rx->whole,
			rx->packet.len + PPP_HEADER_LEN);
}

/*
 * Max-Failure is about a peer that does not accept our Naks. One that does not get them asks again: with the
 * id of before, for it has seen no answer (RFC 1661, section 5.1), or the same after its Restart timer. That
 * has an end too.
 */
static void count_nak(struct ppp *ppp, struct ppp_fsm *fsm, const struct ppp_packet *request)
{
	uint32_t hash = options_hash(request->body, request->len);
	bool lost = fsm->failures > 0 && hash == fsm->naked_hash &&
		(request->id == fsm->naked_id || (uint32_t)ppp->now - fsm->naked_at >= NAK_LOST_MS);

	fsm->naked_at = (uint32_t)ppp->now;
	fsm->naked_hash = hash;
	fsm->naked_id = request->id;
	if (lost && fsm->naks_lost < REQUESTS_FACTOR * ppp->config->max_configure &&
		fsm->naks_lost < UINT8_MAX)
		fsm->naks_lost++;
	else if (fsm->failures < UINT8_MAX)
		fsm->failures++;
}

static void send_reply(struct ppp *ppp, struct ppp_fsm *fsm, const struct received *rx)
{
	ppp_send(ppp, protocol_of(fsm)->number, rx->reply_code, rx->packet.id, rx->reply,
		rx->reply_len);
}

static void opened(struct ppp *ppp, struct ppp_fsm *fsm)
{
	if (fsm->opens == 0 || (uint32_t)ppp->now - fsm->opens_since >= OPENS_PERIOD) {
		fsm->opens = 0;
		fsm->opens_since = (uint32_t)ppp->now;
	}
	if (++fsm->opens > OPENS_MAX) {
		/* up() was not called, so that down() has nothing to undo either */
		fsm->state = PPP_ACK_SENT;
		ppp_fsm_give_up(ppp, fsm);
		return;
	}
	fsm->requests = 0;
	fsm->failures = 0;
	fsm->naks_lost = 0;
	fsm->opened_at = (uint32_t)ppp->now;
	protocol_of(fsm)->up(ppp);
}

/* Takes the actions of a transition that was made already. The callbacks may close the session:
 * then the state is no longer the one that the remaining actions belong to. */
static void take_actions(struct ppp *ppp, struct ppp_fsm *fsm, enum ppp_fsm_event event,
	uint8_t from, const struct ppp_fsm_step *step, const struct received *rx)
{
	const struct ppp_config *config = ppp->config;
	bool again = event == PPP_TO_PLUS;

	if (step->actions & PPP_TLD) {
		protocol_of(fsm)->down(ppp);
		if (fsm->state != step->next)
			return;
	}
	if (step->actions & PPP_IRC)
		fsm->restarts = (uint8_t)(step->actions & PPP_STR ? config->max_terminate
								  : config->max_configure);
	if (step->actions & PPP_ZRC) {
		fsm->restarts = 0;
		fsm->deadline = ppp_deadline_in(ppp, config->restart);
	}
	if (step->actions & PPP_SCR) {
		if (from <= PPP_STOPPED || from == PPP_OPENED) {
			fsm->requests = 0;
			fsm->failures = 0;
			fsm->naks_lost = 0;
			fsm->timed_out = false;
			fsm->gave_up = false;
			if (from == PPP_OPENED)
				fsm->restarts = (uint8_t)config->max_configure;
			protocol_of(fsm)->reset(ppp);
		}
		if (fsm->requests == UINT8_MAX ||
			fsm->requests >= REQUESTS_FACTOR * config->max_configure) {
			fsm->gave_up = true;
			ppp_fsm_event(ppp, fsm, PPP_TO_MINUS);
			return;
		}
		send_request(ppp, fsm, again);
	}
	if (step->actions & PPP_SCA) {
		fsm->failures = 0;
		fsm->naks_lost = 0;
		fsm->acked_id = rx->packet.id;
		fsm->acked_hash = options_hash(rx->packet.body, rx->packet.len);
		protocol_of(fsm)->agreed(ppp, rx->packet.body, rx->packet.len);
		send_reply(ppp, fsm, rx);
	}
	if (step->actions & PPP_SCN) {
		if (rx->reply_code == PPP_CONFIGURE_NAK)
			count_nak(ppp, fsm, &rx->packet);
		send_reply(ppp, fsm, rx);
	}
	if (step->actions & PPP_STR)
		send_terminate(ppp, fsm, again);
	if (step->actions & PPP_STA)
		ppp_send(ppp, protocol_of(fsm)->number, PPP_TERMINATE_ACK,
			rx != NULL ? rx->packet.id : ++ppp->next_id, NULL, 0);
	if (step->actions & PPP_SCJ)
		send_code_reject(ppp, fsm, rx);
	if (step->actions & PPP_TLU)
		opened(ppp, fsm);
	if (step->actions & PPP_TLF)
		protocol_of(fsm)->finished(ppp);
}

static void event_with(
	struct ppp *ppp, struct ppp_fsm *fsm, enum ppp_fsm_event event, const struct received *rx)
{
	const struct ppp_fsm_step *step = &steps[event][fsm->state];
	uint8_t from = fsm->state;

	if (!step->possible) {
		ppp_count(ppp, PPP_REJECT_UNEXPECTED_EVENT);
		return;
	}
	fsm->state = step->next;
	if (!timer_runs(fsm))
		fsm->deadline = 0;
	take_actions(ppp, fsm, event, from, step, rx);
}

void ppp_fsm_event(struct ppp *ppp, struct ppp_fsm *fsm, enum ppp_fsm_event event)
{
	event_with(ppp, fsm, event, NULL);
}

void ppp_fsm_give_up(struct ppp *ppp, struct ppp_fsm *fsm)
{
	fsm->gave_up = true;
	ppp_fsm_event(ppp, fsm, PPP_CLOSE);
}

void ppp_fsm_timeout(struct ppp *ppp, struct ppp_fsm *fsm)
{
	if (fsm->restarts > 0) {
		ppp_fsm_event(ppp, fsm, PPP_TO_PLUS);
		return;
	}
	if (fsm->state >= PPP_REQ_SENT)
		fsm->timed_out = true;
	ppp_fsm_event(ppp, fsm, PPP_TO_MINUS);
}

/*
 * A Configure-Request that we acknowledged already, sent again because the Ack was late or lost,
 * or doubled on its way. It is acknowledged again and is no wish to renegotiate: the time in which
 * that can happen is over long before a peer that restarted would send the same id and options.
 */
static bool request_repeated(
	const struct ppp *ppp, const struct ppp_fsm *fsm, const struct ppp_packet *packet)
{
	return fsm->state == PPP_OPENED && fsm->opens > 0 && packet->id == fsm->acked_id &&
		(uint32_t)ppp->now - fsm->opened_at < 2ull * ppp->config->restart &&
		options_hash(packet->body, packet->len) == fsm->acked_hash;
}

static void receive_request(struct ppp *ppp, struct ppp_fsm *fsm, struct received *rx)
{
	enum ppp_wire_error error = ppp_options_check(rx->packet.body, rx->packet.len);
	struct ppp_reply reply;

	if (error != PPP_WIRE_OK) {
		ppp_count_wire(ppp, error);
		return;
	}
	rx->reply = rx->packet.body;
	rx->reply_len = rx->packet.len;
	rx->reply_code = PPP_CONFIGURE_ACK;
	if (request_repeated(ppp, fsm, &rx->packet)) {
		send_reply(ppp, fsm, rx);
		return;
	}
	/* In the other states the answer does not depend on the options. */
	if (fsm->state == PPP_STOPPED || fsm->state >= PPP_REQ_SENT) {
		ppp_reply_init(&reply, ppp_room(ppp), fsm->failures >= ppp->config->max_failure);
		protocol_of(fsm)->judge(ppp, rx->packet.body, rx->packet.len, &reply);
		if (reply.converted)
			ppp_count(ppp, PPP_REJECT_NAK_LOOP);
		rx->reply_code = ppp_reply_finish(&reply, &rx->reply, &rx->reply_len);
	}
	/* An Ack that the peer could not receive whole would be taken for another: drop. */
	if (rx->reply_code == PPP_CONFIGURE_ACK && rx->reply_len > ppp_room(ppp)) {
		ppp_count(ppp, PPP_REJECT_BAD_LENGTH);
		return;
	}
	event_with(
		ppp, fsm, rx->reply_code == PPP_CONFIGURE_ACK ? PPP_RCR_PLUS : PPP_RCR_MINUS, rx);
}

static void receive_answer(struct ppp *ppp, struct ppp_fsm *fsm, struct received *rx)
{
	const struct ppp_packet *packet = &rx->packet;
	enum ppp_wire_error error = ppp_options_check(packet->body, packet->len);

	if (error != PPP_WIRE_OK) {
		ppp_count_wire(ppp, error);
		return;
	}
	if (fsm->state >= PPP_REQ_SENT) {
		if (packet->id != fsm->id || fsm->answered) {
			ppp_count(ppp, PPP_REJECT_ID_MISMATCH);
			return;
		}
		if (packet->code == PPP_CONFIGURE_ACK) {
			uint8_t sent[PPP_INFO_MAX];
			size_t len = protocol_of(fsm)->request(ppp, sent, ppp_room(ppp));

			if (len != packet->len || memcmp(sent, packet->body, len) != 0) {
				ppp_count(ppp, PPP_REJECT_OPTIONS_MISMATCH);
				return;
			}
		}
		fsm->answered = true;
		if (packet->code == PPP_CONFIGURE_NAK)
			protocol_of(fsm)->nak(ppp, packet->body, packet->len);
		else if (packet->code == PPP_CONFIGURE_REJECT)
			protocol_of(fsm)->reject(ppp, packet->body, packet->len);
	}
	event_with(ppp, fsm, packet->code == PPP_CONFIGURE_ACK ? PPP_RCA : PPP_RCN, rx);
}

static void receive_code_reject(struct ppp *ppp, struct ppp_fsm *fsm, struct received *rx)
{
	if (rx->packet.len < 1) {
		ppp_count(ppp, PPP_REJECT_BAD_LENGTH);
		return;
	}
	if (rx->packet.body[0] >= PPP_CONFIGURE_REQUEST && rx->packet.body[0] <= PPP_CODE_REJECT) {
		fsm->gave_up = true;
		event_with(ppp, fsm, PPP_RXJ_MINUS, rx);
		return;
	}
	if (protocol_of(fsm)->code_rejected != NULL)
		protocol_of(fsm)->code_rejected(ppp, rx->packet.body[0]);
	event_with(ppp, fsm, PPP_RXJ_PLUS, rx);
}

void ppp_fsm_input(struct ppp *ppp, struct ppp_fsm *fsm, const uint8_t *packet, size_t len)
{
	struct received rx = {.whole = packet};
	enum ppp_wire_error error = ppp_packet_parse(packet, len, &rx.packet);

	if (error != PPP_WIRE_OK) {
		ppp_count_wire(ppp, error);
		return;
	}
	if (fsm->state <= PPP_STARTING) {
		ppp_count(ppp, PPP_REJECT_UNEXPECTED_EVENT);
		return;
	}
	switch (rx.packet.code) {
	case PPP_CONFIGURE_REQUEST:
		receive_request(ppp, fsm, &rx);
		break;
	case PPP_CONFIGURE_ACK:
	case PPP_CONFIGURE_NAK:
	case PPP_CONFIGURE_REJECT:
		receive_answer(ppp, fsm, &rx);
		break;
	case PPP_TERMINATE_REQUEST:
		event_with(ppp, fsm, PPP_RTR, &rx);
		break;
	case PPP_TERMINATE_ACK:
		event_with(ppp, fsm, PPP_RTA, &rx);
		break;
	case PPP_CODE_REJECT:
		receive_code_reject(ppp, fsm, &rx);
		break;
	default:
		if (protocol_of(fsm)->extra != NULL &&
			protocol_of(fsm)->extra(
				ppp, rx.packet.code, rx.packet.id, rx.packet.body, rx.packet.len))
			break;
		event_with(ppp, fsm, PPP_RUC, &rx);
		break;
	}
}
