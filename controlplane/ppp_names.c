/* SPDX-License-Identifier: BSD-3-Clause */
/* PPP's causes and counters in the words of lnsctl, RADIUS (RFC 2866) and L2TP (RFC 3145). */
#include "ppp.h"
#include "ppp_wire.h"

/* RFC 2866 section 5.10. */
enum terminate_cause {
	USER_REQUEST = 1,
	LOST_CARRIER = 2,
	LOST_SERVICE = 3,
	IDLE_TIMEOUT = 4,
	SESSION_TIMEOUT = 5,
	ADMIN_RESET = 6,
	NAS_ERROR = 9,
	NAS_REQUEST = 10,
	NAS_REBOOT = 11,
	PORT_PREEMPTED = 13,
	SERVICE_UNAVAILABLE = 15,
	USER_ERROR = 17,
};

/* RFC 3145 section 2.1. */
enum disconnect_code {
	NO_INFORMATION = 0,
	ADMINISTRATIVE = 1,
	NORMAL = 3,
	LCP_FSM_TIMEOUT = 5,
	LCP_NO_PACKETS = 6,
	LCP_MAGIC_NUMBER = 7,
	LCP_ECHO_TIMEOUT = 8,
	AUTH_FSM_TIMEOUT = 13,
	AUTH_PROTOCOL_UNACCEPTABLE = 15,
	AUTH_FAILED = 16,
	NCP_FSM_TIMEOUT = 17,
	NCP_NONE_AVAILABLE = 18,
	NCP_NOT_CONVERGED = 19,
	NCP_NO_ADDRESS = 20,
};

enum direction {
	GLOBAL = 0,
	PEER = 1,
	LOCAL = 2,
};

static const struct {
	const char *name;
	unsigned terminate;
	struct ppp_disconnect disconnect;
} causes[PPP_CLOSE_CAUSES] = {
	[PPP_CLOSE_NONE] = {"none", NAS_ERROR, {NO_INFORMATION, 0, GLOBAL}},
	[PPP_CLOSE_PEER] = {"peer terminated", USER_REQUEST, {NORMAL, PPP_LCP, PEER}},
	[PPP_CLOSE_LOWER_DOWN] = {"lower layer down", LOST_CARRIER, {NO_INFORMATION, 0, GLOBAL}},
	[PPP_CLOSE_LCP_TIMEOUT] = {"LCP timeout", LOST_SERVICE, {LCP_NO_PACKETS, PPP_LCP, PEER}},
	[PPP_CLOSE_LCP_FAILED] = {"LCP failed", USER_ERROR, {LCP_FSM_TIMEOUT, PPP_LCP, GLOBAL}},
	[PPP_CLOSE_LOOPBACK] = {"loopback", LOST_CARRIER, {LCP_MAGIC_NUMBER, PPP_LCP, GLOBAL}},
	[PPP_CLOSE_ECHO] = {"LCP echo lost", LOST_CARRIER, {LCP_ECHO_TIMEOUT, PPP_LCP, PEER}},
	[PPP_CLOSE_AUTH_METHOD] = {"no common authentication", USER_ERROR,
		{AUTH_PROTOCOL_UNACCEPTABLE, PPP_LCP, PEER}},
	[PPP_CLOSE_AUTH_TIMEOUT] = {"authentication timeout", LOST_SERVICE,
		{AUTH_FSM_TIMEOUT, 0, PEER}},
	[PPP_CLOSE_AUTH_FAILED] = {"authentication failed", USER_ERROR, {AUTH_FAILED, 0, LOCAL}},
	[PPP_CLOSE_NCP_TIMEOUT] = {"network protocol timeout", LOST_SERVICE,
		{NCP_FSM_TIMEOUT, PPP_IPCP, PEER}},
	[PPP_CLOSE_NCP_FAILED] = {"network protocol failed", USER_ERROR,
		{NCP_NOT_CONVERGED, PPP_IPCP, GLOBAL}},
	[PPP_CLOSE_NCP_NONE] = {"no network protocol", USER_ERROR,
		{NCP_NONE_AVAILABLE, PPP_IPCP, GLOBAL}},
	[PPP_CLOSE_NO_MEMORY] = {"out of memory", NAS_ERROR, {NO_INFORMATION, 0, LOCAL}},
	[PPP_CLOSE_ADMIN] = {"administrative", ADMIN_RESET, {ADMINISTRATIVE, 0, LOCAL}},
	[PPP_CLOSE_SESSION_TIMEOUT] = {"session timeout", SESSION_TIMEOUT,
		{NORMAL, PPP_LCP, LOCAL}},
	[PPP_CLOSE_IDLE_TIMEOUT] = {"idle timeout", IDLE_TIMEOUT, {NORMAL, PPP_LCP, LOCAL}},
	[PPP_CLOSE_NO_ADDRESS] = {"no address", SERVICE_UNAVAILABLE,
		{NCP_NO_ADDRESS, PPP_IPCP, LOCAL}},
	[PPP_CLOSE_SESSION_LIMIT] = {"session limit", SERVICE_UNAVAILABLE,
		{ADMINISTRATIVE, 0, LOCAL}},
	[PPP_CLOSE_REPLACED] = {"replaced", PORT_PREEMPTED, {ADMINISTRATIVE, 0, LOCAL}},
	[PPP_CLOSE_SHUTDOWN] = {"shutdown", NAS_REBOOT, {ADMINISTRATIVE, 0, LOCAL}},
};

unsigned ppp_close_terminate_cause(enum ppp_close_cause cause)
{
	return cause < PPP_CLOSE_CAUSES ? causes[cause].terminate : NAS_ERROR;
}

struct ppp_disconnect ppp_close_disconnect(enum ppp_close_cause cause)
{
	return causes[cause < PPP_CLOSE_CAUSES ? cause : PPP_CLOSE_NONE].disconnect;
}

const char *ppp_close_cause_name(enum ppp_close_cause cause)
{
	return cause < PPP_CLOSE_CAUSES ? causes[cause].name : "?";
}

const char *ppp_reject_name(enum ppp_reject reject)
{
	static const char *const names[] = {
#define X(id, name) #name,
		PPP_REJECTS(X)
#undef X
	};

	return reject < PPP_REJECT_COUNT ? names[reject] : "?";
}

const char *ppp_phase_name(enum ppp_phase phase)
{
	static const char *const names[] = {
		"dead", "establish", "authenticate", "network", "terminate"};

	return phase <= PPP_PHASE_TERMINATE ? names[phase] : "?";
}

const char *ppp_auth_method_name(enum ppp_auth_method method)
{
	static const char *const names[] = {"none", "pap", "chap-md5", "mschap-v2"};

	return method <= PPP_AUTH_MSCHAP_V2 ? names[method] : "?";
}
