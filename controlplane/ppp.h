/* SPDX-License-Identifier: BSD-3-Clause */
/* The PPP of one session, server side: LCP, authentication, IPCP, IPv6CP; no I/O, no clock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ppp_fsm.h"

/* Times are milliseconds of a monotonic clock. */
#define PPP_NO_DEADLINE UINT64_MAX

#define PPP_MRU_DEFAULT 1500
/* Longest frame that is ever given to send(): ff 03, protocol, 1500 bytes. */
#define PPP_FRAME_MAX     1504
#define PPP_CHALLENGE_LEN 16
/* "S=" and 40 hexadecimal digits (RFC 2759). */
#define PPP_AUTHENTICATOR_LEN 42
#define PPP_AUTH_METHODS      3

enum ppp_auth_method {
	PPP_AUTH_NONE,
	PPP_AUTH_PAP,
	PPP_AUTH_CHAP_MD5,
	PPP_AUTH_MSCHAP_V2,
};

/* What to do with the LCP and authentication that the LAC did (RFC 2661 section 4.4.5). */
enum ppp_proxy_policy {
	PPP_PROXY_FIT,         /* take it when it is what we would have agreed to ourselves */
	PPP_PROXY_ACCEPT,      /* take it as it is; only a missing authentication renegotiates */
	PPP_PROXY_RENEGOTIATE, /* never take it */
};

/* Address and Control field (ff 03) of the frames that we send. */
enum ppp_framing {
	PPP_FRAMING_NEGOTIATED, /* as RFC 1661 says: left out after ACFC, never of LCP */
	PPP_FRAMING_ALWAYS,     /* for LACs that drop frames without it */
	PPP_FRAMING_NEVER,      /* for LACs that drop frames with it; LCP too */
};

/*
 * Why a frame or packet was dropped or refused; shown by lnsctl. X(enum, name)
 */
#define PPP_REJECTS(X)                                                                        \
	X(SHORT_FRAME, short_frame)     /* no whole protocol field */                         \
	X(BAD_PROTOCOL, bad_protocol)   /* field not of RFC 1661 section 2's form */          \
	X(BAD_LENGTH, bad_length)       /* Length field below 4 or beyond the frame */        \
	X(OPTION_LENGTH, option_length) /* below 2 or beyond the packet */                    \
	X(TOO_MANY_OPTIONS, too_many_options)                                                 \
	X(ID_MISMATCH, id_mismatch)           /* answer to something we did not ask */        \
	X(OPTIONS_MISMATCH, options_mismatch) /* Ack or Reject of what we did not send */     \
	X(UNEXPECTED_EVENT, unexpected_event) /* not possible in this state */                \
	X(UNKNOWN_CODE, unknown_code)         /* answered by a Code-Reject */                 \
	X(REJECT_RATE, reject_rate)           /* Code- or Protocol-Reject not sent: rate */   \
	X(ECHO_SHORT, echo_short)                                                             \
	X(ECHO_TOO_BIG, echo_too_big)               /* beyond the MRU: the reply is cut */    \
	X(OWN_MAGIC, own_magic)                     /* our magic number came back: loop */    \
	X(NAK_LOOP, nak_loop)                       /* Max-Failure: Nak became Reject */      \
	X(MULTILINK, multilink)                     /* multilink option refused */            \
	X(AUTH_WRONG_PROTOCOL, auth_wrong_protocol) /* not the method agreed in LCP */        \
	X(AUTH_MALFORMED, auth_malformed)                                                     \
	X(AUTH_PHASE, auth_phase)     /* PAP or CHAP outside of its phase */                  \
	X(AUTH_ID, auth_id)           /* CHAP Response to another challenge */                \
	X(AUTH_PENDING, auth_pending) /* repeated while AAA has not answered */               \
	X(AUTH_STALE, auth_stale)     /* AAA answered a request that is over */               \
	X(NCP_EARLY, ncp_early)       /* NCP before the network phase */                      \
	X(NCP_REFUSED, ncp_refused)   /* NCP not for this subscriber */                       \
	X(CCP_REJECTED, ccp_rejected)                                                         \
	X(PROTOCOL_REJECTED, protocol_rejected) /* any other unknown protocol */              \
	X(DATA_PACKET, data_packet)             /* network-layer data given to ppp_receive */ \
	X(ADDRESS_NAK, address_nak)             /* peer asked for an address not its own */   \
	X(PROXY_MALFORMED, proxy_malformed)                                                   \
	X(PROXY_MISMATCH, proxy_mismatch)                                                     \
	X(NO_MEMORY, no_memory)                                                               \
	X(LINK_DOWN, link_down) /* before ppp_start or after closed */

enum ppp_reject {
#define X(id, name) PPP_REJECT_##id,
	PPP_REJECTS(X)
#undef X
		PPP_REJECT_COUNT,
};

/* Written by the control core alone, shared by all sessions that a config serves. */
struct ppp_counters {
	uint64_t rejects[PPP_REJECT_COUNT];
};

/* How a session's PPP ended. The caller gives one of the second group to ppp_close(). */
enum ppp_close_cause {
	PPP_CLOSE_NONE,
	PPP_CLOSE_PEER,        /* Terminate-Request of the peer */
	PPP_CLOSE_LOWER_DOWN,  /* ppp_lower_down() */
	PPP_CLOSE_LCP_TIMEOUT, /* no answer to LCP */
	PPP_CLOSE_LCP_FAILED,  /* LCP did not converge, or the peer rejected a basic code */
	PPP_CLOSE_LOOPBACK,
	PPP_CLOSE_ECHO,         /* LCP echoes were not answered */
	PPP_CLOSE_AUTH_METHOD,  /* the peer takes none of our methods */
	PPP_CLOSE_AUTH_TIMEOUT, /* the peer, or AAA, never answered */
	PPP_CLOSE_AUTH_FAILED,  /* credentials refused */
	PPP_CLOSE_NCP_TIMEOUT,  /* no answer to the last network protocol */
	PPP_CLOSE_NCP_FAILED,   /* no network protocol came to an agreement */
	PPP_CLOSE_NCP_NONE,     /* all network protocols refused or rejected */
	PPP_CLOSE_NO_MEMORY,

	PPP_CLOSE_ADMIN, /* operator, Disconnect-Request */
	PPP_CLOSE_SESSION_TIMEOUT,
	PPP_CLOSE_IDLE_TIMEOUT,
	PPP_CLOSE_NO_ADDRESS,    /* pool exhausted */
	PPP_CLOSE_SESSION_LIMIT, /* too many sessions of this user */
	PPP_CLOSE_REPLACED,      /* a newer session of the user took over */
	PPP_CLOSE_SHUTDOWN,      /* the daemon ends */
	PPP_CLOSE_CAUSES,
};

/* RADIUS Acct-Terminate-Cause (RFC 2866 section 5.10). */
unsigned ppp_close_terminate_cause(enum ppp_close_cause cause);

/* PPP Disconnect Cause Code AVP (RFC 3145 section 2.1): code, control protocol number, direction
 * (0 global, 1 at the peer, 2 at the local end). */
struct ppp_disconnect {
	uint16_t code;
	uint16_t protocol;
	uint8_t direction;
};
struct ppp_disconnect ppp_close_disconnect(enum ppp_close_cause cause);

/* Policy of a group of sessions; const and alive as long as any of them. */
struct ppp_config {
	const char *name; /* ours, in CHAP Challenges; at most 255 bytes */
	/* Methods in the order in which we ask for them; none at all means no authentication. */
	enum ppp_auth_method auth[PPP_AUTH_METHODS];
	unsigned auth_count;
	unsigned auth_retries; /* further attempts after refused credentials (PAP, MS-CHAPv2) */
	uint16_t mru;          /* ours, not sent when 1500; larger than 1500 is not supported */
	uint16_t mru_min;      /* a peer that asks for less is Nak'ed with this */
	bool pfc, acfc;        /* allow and ask for field compression */
	enum ppp_proxy_policy proxy;
	enum ppp_framing framing;
	uint32_t echo_interval; /* ms, 0: no LCP echoes */
	unsigned echo_failures; /* unanswered in a row until the link is dead */
	uint32_t restart;       /* ms */
	unsigned max_configure;
	unsigned max_terminate;
	unsigned max_failure;
	uint32_t auth_timeout; /* ms for the peer to answer, and again for AAA */
	struct ppp_counters *counters;
};

/* RFC 1661's and 1994's values; name, counters and auth are the caller's to set. */
void ppp_config_defaults(struct ppp_config *config);

/* What the LAC negotiated; all pointers are read during ppp_start() only. NULL/0: AVP absent. */
struct ppp_proxy {
	const uint8_t *initial_received; /* AVP 26: options of the CONFREQ, first option on */
	size_t initial_received_len;
	const uint8_t *last_sent; /* AVP 27: what the LAC asked the peer for, as we would */
	size_t last_sent_len;
	const uint8_t *last_received; /* AVP 28: what the peer asked for */
	size_t last_received_len;
	uint16_t auth_type;       /* AVP 29: 1 text, 2 CHAP, 3 PAP, 4 none, 5 MS-CHAPv1; 0 absent */
	const uint8_t *auth_name; /* AVP 30 */
	size_t auth_name_len;
	const uint8_t *auth_challenge; /* AVP 31 */
	size_t auth_challenge_len;
	uint8_t auth_id;              /* AVP 32, its low byte */
	const uint8_t *auth_response; /* AVP 33: CHAP response or PAP password */
	size_t auth_response_len;
};

/* Credentials to check; all pointers are valid during the callback only. The answer goes to
 * ppp_auth_result(), during the callback or at any time later. */
struct ppp_auth_request {
	uint8_t serial; /* to be returned with the result */
	enum ppp_auth_method method;
	bool proxied;        /* taken from the LAC's proxy AVPs */
	const uint8_t *user; /* not terminated, may hold any bytes */
	size_t user_len;
	const uint8_t *password; /* PAP */
	size_t password_len;
	uint8_t chap_id;          /* CHAP-MD5, MS-CHAPv2 */
	const uint8_t *challenge; /* CHAP-MD5, MS-CHAPv2 (there PPP_CHALLENGE_LEN bytes) */
	size_t challenge_len;
	/* CHAP-MD5: the 16 bytes of the response. MS-CHAPv2: the 49 bytes as RFC 2759 section 4 and
	 * MS-CHAP2-Response want them: peer challenge 16, reserved 8, NT-Response 24, flags 1. */
	const uint8_t *response;
	size_t response_len;
	const uint8_t *peer_challenge; /* MS-CHAPv2: 16 bytes within response */
	const uint8_t *nt_response;    /* MS-CHAPv2: 24 bytes within response */
};

/* Strings are copied. */
struct ppp_auth_result {
	uint8_t serial; /* of the request */
	bool accept;
	const char *message; /* Reply-Message for the peer, may be NULL; cut at 128 bytes */
	size_t message_len;
	/* MS-CHAPv2 accept: "S=" and 40 digits (PPP_AUTHENTICATOR_LEN bytes); needed there. */
	const char *authenticator;
	unsigned mschap_error; /* RFC 2759 section 6: E=; 0 means 691, authentication failure */
	bool final;            /* reject without leaving the peer another attempt */
};

/* What LCP agreed on. */
struct ppp_link {
	uint16_t mru;         /* ours: the peer sends no more */
	uint16_t peer_mru;    /* send no more than this */
	bool pfc, acfc;       /* the peer takes compressed fields: may be used on transmit */
	bool address_control; /* data frames carry ff 03 (after framing and ACFC) */
	enum ppp_auth_method auth;
	bool proxied; /* no LCP packet was exchanged: the LAC's agreement was taken */
};

/* Addresses in network byte order. */
struct ppp_ipv4 {
	uint32_t our_address;
	uint32_t peer_address;
	uint32_t dns[2];   /* 0: none, the option is rejected */
	bool peer_chooses; /* ops->ipv4_wish is asked before the peer is told its address */
};

/* Interface identifiers as on the wire. */
struct ppp_ipv6 {
	uint8_t our_id[8];
	uint8_t peer_id[8]; /* suggested when the peer proposes none, or ours */
	bool peer_id_fixed; /* only this one is accepted */
};

/*
 * Calls out of the engine. Any of them may call ppp_auth_result, ppp_ipv4_open, ppp_ipv6_open,
 * *_refuse and ppp_close on the same session; none may free it, except closed().
 */
struct ppp_ops {
	/* A whole PPP frame from its first byte: ff 03 is there exactly when it shall be sent. */
	void (*send)(void *user, const uint8_t *frame, size_t len);
	void (*random_bytes)(void *user, void *out, size_t len);
	/* The time of the next ppp_timeout() changed; PPP_NO_DEADLINE: none is needed. */
	void (*arm)(void *user, uint64_t deadline);
	/* LCP opened. Without authentication the network phase begins with it. */
	void (*link_up)(void *user, const struct ppp_link *link);
	/* LCP left Opened: the peer renegotiates, or the session ends. Addresses stay the caller's
	 * until closed(). Both NCPs went down before. */
	void (*link_down)(void *user);
	/* May come again in one session: the peer renegotiated LCP. */
	void (*auth_request)(void *user, const struct ppp_auth_request *request);
	/* The network phase begins, after link_up and an accepted authentication: answer, now or
	 * later, by ppp_ipv4_open or _refuse and ppp_ipv6_open or _refuse. Also once per link_up. */
	void (*network)(void *user);
	/* The peer asks for an address: the one that it gets, 0 for none. NULL: never its choice. */
	uint32_t (*ipv4_wish)(void *user, uint32_t address);
	void (*ipv4_up)(void *user);
	void (*ipv4_down)(void *user);
	void (*ipv6_up)(void *user, const uint8_t peer_id[8]);
	void (*ipv6_down)(void *user);
	/* Exactly once after ppp_start, and always the last call: the session may be freed in it. */
	void (*closed)(void *user, enum ppp_close_cause cause);
};

enum ppp_phase {
	PPP_PHASE_DEAD,
	PPP_PHASE_ESTABLISH,
	PPP_PHASE_AUTHENTICATE,
	PPP_PHASE_NETWORK,
	PPP_PHASE_TERMINATE,
};

struct ppp_auth; /* ppp_auth.h: what authentication needs while it runs */

/* One network protocol's side of the story. */
enum ppp_ncp_decision {
	PPP_NCP_UNDECIDED, /* packets are dropped: the peer will send them again */
	PPP_NCP_OPEN,
	PPP_NCP_REFUSED, /* packets are answered by Protocol-Reject */
};

/* All of a session. Owner: the control core; nothing in it is for other modules to write. */
struct ppp {
	const struct ppp_config *config;
	const struct ppp_ops *ops;
	void *user;
	uint64_t now; /* of the call that is running */
	/* the deadlines here, and those of the automata, are as in ppp_core.h; 0: none */
	struct {
		struct ppp_auth *state; /* allocated while authentication runs */
		uint32_t deadline;
		uint8_t serial;
		uint8_t chap_id;
		uint8_t done;   /* enum ppp_auth_method that was accepted */
		bool naked_pap; /* the one answer to a wrong protocol was given */
	} auth;
	uint32_t armed;         /* last deadline given to arm() */
	uint32_t rejects_since; /* the lower half of ms */
	uint8_t depth;          /* calls in progress: callbacks may call back */
	uint8_t phase;          /* enum ppp_phase */
	uint8_t cause;          /* enum ppp_close_cause, the first one stays */
	uint8_t next_id;        /* of Code-Reject, Protocol-Reject */
	uint8_t rejects_sent;   /* in the current second */
	bool started : 1;
	bool finished : 1; /* closed() is due */
	bool told : 1;     /* closed() was called */
	bool link_up : 1;

	struct {
		struct ppp_fsm fsm;
		uint32_t echo_deadline;
		uint32_t magic, peer_magic;
		uint16_t mru, peer_mru;
		uint8_t asked;      /* options of our request, enum lcp_option_bit */
		uint8_t peer;       /* options of the peer in force, enum lcp_option_bit */
		uint8_t auth;       /* enum ppp_auth_method asked for */
		uint8_t auth_tried; /* bit per enum ppp_auth_method */
		uint8_t loops;
		uint8_t echo_id;
		uint8_t echo_lost;
		bool echo_off : 1; /* the peer does not know Echo-Request */
		bool traffic : 1;  /* since the last echo */
		bool proxied : 1;  /* the LAC's agreement is in force */
	} lcp;

	struct {
		struct ppp_fsm fsm;
		struct ppp_ipv4 wanted;
		uint8_t decision;     /* enum ppp_ncp_decision */
		uint8_t our_naks;     /* of our own address */
		bool ask_address : 1; /* our address is in our request */
		bool up : 1;
		bool address_missing : 1; /* the peer was told once to ask for its address */
	} ipcp;

	struct {
		struct ppp_fsm fsm;
		struct ppp_ipv6 wanted;
		uint8_t our_id[8];    /* in our request: another one after a Nak */
		uint8_t agreed_id[8]; /* the peer's */
		uint8_t decision;
		bool ask_id : 1;
		bool up : 1;
	} ipv6cp;
};
_Static_assert(sizeof(struct ppp) <= 256, "one for each session");

void ppp_init(
	struct ppp *ppp, const struct ppp_config *config, const struct ppp_ops *ops, void *user);
/* proxy: NULL when the LAC sent none. */
void ppp_start(struct ppp *ppp, uint64_t now, const struct ppp_proxy *proxy);
/* A frame from the peer: with or without ff 03, protocol field of one or two bytes. */
void ppp_receive(struct ppp *ppp, uint64_t now, const uint8_t *frame, size_t len);
/* The armed deadline is reached; calls that come early do nothing. */
void ppp_timeout(struct ppp *ppp, uint64_t now);
uint64_t ppp_deadline(const struct ppp *ppp);

void ppp_auth_result(struct ppp *ppp, uint64_t now, const struct ppp_auth_result *result);

/* After network(): each NCP is opened or refused on its own. Copied. Refusing both ends the
 * session. Outside of the network phase these do nothing. */
void ppp_ipv4_open(struct ppp *ppp, uint64_t now, const struct ppp_ipv4 *addresses);
void ppp_ipv4_refuse(struct ppp *ppp, uint64_t now);
void ppp_ipv6_open(struct ppp *ppp, uint64_t now, const struct ppp_ipv6 *ids);
void ppp_ipv6_refuse(struct ppp *ppp, uint64_t now);

/* Terminate-Request with its retries, then closed(). */
void ppp_close(struct ppp *ppp, uint64_t now, enum ppp_close_cause cause);
/* The L2TP session is gone: nothing is sent any more, closed() comes at once. */
void ppp_lower_down(struct ppp *ppp, uint64_t now);
/* Data came from the peer since the last call: counts like an answered LCP echo. */
void ppp_traffic_seen(struct ppp *ppp);
/* Releases what the session allocated, without any callback. Not needed after closed(). */
void ppp_free(struct ppp *ppp);

static inline enum ppp_phase ppp_phase(const struct ppp *ppp)
{
	return ppp->phase;
}

const char *ppp_phase_name(enum ppp_phase phase);
const char *ppp_close_cause_name(enum ppp_close_cause cause);
const char *ppp_reject_name(enum ppp_reject reject);
const char *ppp_auth_method_name(enum ppp_auth_method method);
