/* SPDX-License-Identifier: BSD-3-Clause */
/* Names under which the L2TP engine counts what it did, refused and dropped. */
#pragma once

#include <stdint.h>

/*
 * X(enumerator, name shown to the operator). The order groups them: traffic, header, AVP, channel,
 * tunnel, session.
 */
#define L2TP_COUNTERS(X)                                          \
	X(RX_MESSAGES, "rx-messages")                             \
	X(RX_ZLB, "rx-zlb")                                       \
	X(TX_MESSAGES, "tx-messages")                             \
	X(TX_ZLB, "tx-zlb")                                       \
	X(TX_RESENT, "tx-resent")                                 \
	X(HEADER_SHORT, "header-short")                           \
	X(HEADER_NOT_CONTROL, "header-not-control")               \
	X(HEADER_VERSION, "header-version")                       \
	X(HEADER_FLAGS, "header-flags")                           \
	X(HEADER_LENGTH, "header-length")                         \
	X(MESSAGE_TOO_LONG, "message-too-long")                   \
	X(AVP_LENGTH, "avp-length")                               \
	X(AVP_TOO_MANY, "avp-too-many")                           \
	X(AVP_VALUE, "avp-value")                                 \
	X(AVP_REPEATED, "avp-repeated")                           \
	X(AVP_IGNORED, "avp-ignored")                             \
	X(AVP_UNKNOWN_MANDATORY, "avp-unknown-mandatory")         \
	X(AVP_MISSING, "avp-missing")                             \
	X(AVP_HIDDEN, "avp-hidden")                               \
	X(MESSAGE_TYPE_FIRST, "message-type-not-first")           \
	X(MESSAGE_TYPE_UNKNOWN, "message-type-unknown")           \
	X(MESSAGE_TYPE_IGNORED, "message-type-ignored")           \
	X(CHANNEL_DUPLICATE, "channel-duplicate")                 \
	X(CHANNEL_HELD, "channel-held")                           \
	X(CHANNEL_BEYOND_WINDOW, "channel-beyond-window")         \
	X(CHANNEL_HOLD_FULL, "channel-hold-full")                 \
	X(CHANNEL_ACK_INVALID, "channel-ack-invalid")             \
	X(CHANNEL_BACKLOG, "channel-backlog")                     \
	X(TUNNEL_UNKNOWN, "tunnel-unknown")                       \
	X(TUNNEL_WRONG_PATH, "tunnel-wrong-path")                 \
	X(TUNNEL_WRONG_SA, "tunnel-wrong-sa")                     \
	X(TUNNEL_ID_ZERO, "tunnel-id-zero")                       \
	X(TUNNEL_MOVE_PROBED, "tunnel-move-probed")               \
	X(TUNNEL_MOVED, "tunnel-moved")                           \
	X(TUNNEL_MOVE_REFUSED, "tunnel-move-refused")             \
	X(SCCRQ_ACCEPTED, "sccrq-accepted")                       \
	X(SCCRQ_DUPLICATE, "sccrq-duplicate")                     \
	X(SCCRQ_UNKNOWN_PEER, "sccrq-unknown-peer")               \
	X(SCCRQ_NO_SECRET, "sccrq-no-secret")                     \
	X(SCCRQ_NEEDS_IPSEC, "sccrq-needs-ipsec")                 \
	X(SCCRQ_INSIDE_IPSEC, "sccrq-inside-ipsec")               \
	X(SCCRQ_VERSION, "sccrq-version")                         \
	X(SCCRQ_MALFORMED, "sccrq-malformed")                     \
	X(SCCRQ_NS, "sccrq-ns")                                   \
	X(SCCRQ_HALF_OPEN_SOURCE, "sccrq-half-open-source")       \
	X(SCCRQ_HALF_OPEN_TOTAL, "sccrq-half-open-total")         \
	X(SCCRQ_NO_TUNNEL_ID, "sccrq-no-tunnel-id")               \
	X(SCCRQ_REFUSED, "sccrq-refused")                         \
	X(SCCRQ_SHUTTING_DOWN, "sccrq-shutting-down")             \
	X(REJECT_RATE_LIMITED, "reject-rate-limited")             \
	X(TUNNEL_AUTH_FAILED, "tunnel-auth-failed")               \
	X(TUNNEL_FSM_ERROR, "tunnel-fsm-error")                   \
	X(TUNNEL_UP, "tunnel-up")                                 \
	X(TUNNEL_REPLACED, "tunnel-replaced")                     \
	X(TUNNEL_SETUP_TIMEOUT, "tunnel-setup-timeout")           \
	X(TUNNEL_PEER_DEAD, "tunnel-peer-dead")                   \
	X(TUNNEL_STOPPED_BY_PEER, "tunnel-stopped-by-peer")       \
	X(TUNNEL_CLOSED, "tunnel-closed")                         \
	X(TUNNEL_HELLO_SENT, "tunnel-hello-sent")                 \
	X(SESSION_OPENED, "session-opened")                       \
	X(SESSION_UP, "session-up")                               \
	X(SESSION_REFUSED, "session-refused")                     \
	X(SESSION_NO_ID, "session-no-id")                         \
	X(SESSION_BAD_PEER_ID, "session-bad-peer-id")             \
	X(SESSION_UNKNOWN, "session-unknown")                     \
	X(SESSION_FSM_ERROR, "session-fsm-error")                 \
	X(SESSION_OUTGOING_CALL, "session-outgoing-call-refused") \
	X(SESSION_CONNECT_TIMEOUT, "session-connect-timeout")     \
	X(SESSION_CLOSED_BY_PEER, "session-closed-by-peer")       \
	X(SESSION_CLOSED, "session-closed")                       \
	X(NO_MEMORY, "no-memory")

enum l2tp_counter {
#define X(e, s) L2TP_COUNTER_##e,
	L2TP_COUNTERS(X)
#undef X
		L2TP_COUNTER_MAX
};

/* The operator's name of a counter; never NULL. */
const char *l2tp_counter_name(enum l2tp_counter counter);
