/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may come in, and with what: a request goes in, an answer comes later, perhaps from elsewhere.
 *
 * aaa_submit() never calls back itself; answers are given from aaa_poll(), so that no protocol engine is
 * entered from within itself. A request is known by its id until it is answered or cancelled. aaa.order in the
 * configuration says who is asked: the local users know those of their names, RADIUS servers everybody unless
 * none of them answers; the first that knows decides.
 */
#pragma once

#include <config/config.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AAA_ROUTES_MAX  16
#define AAA_MESSAGE_MAX 128
#define AAA_USER_MAX    255

enum aaa_method { AAA_PAP, AAA_CHAP_MD5, AAA_MSCHAP_V2, AAA_NONE };

struct radius_session;
struct aaa_radius;

/* Copied by aaa_submit(); lengths are checked there (-EMSGSIZE). */
struct aaa_request {
	const struct radius_session *session; /* what else is known, for RADIUS; NULL: nothing */
	enum aaa_method method;
	const uint8_t *user; /* any bytes, at most AAA_USER_MAX */
	size_t user_length;
	const uint8_t *password; /* PAP, at most 255 */
	size_t password_length;
	uint8_t chap_id;
	const uint8_t *challenge; /* CHAP: at most 255; MS-CHAPv2: 16 */
	size_t challenge_length;
	const uint8_t *response; /* CHAP: 16; MS-CHAPv2: the 49 of MS-CHAP2-Response */
	size_t response_length;
};

#define AAA_PREFIXES6_MAX 8

/*
 * What only some subscribers get, in one block of size bytes: it can be copied as it is. Rates are bits per second.
 */
struct aaa_extra {
	uint32_t size;
	uint32_t interim_interval; /* seconds; 0 = the configuration's */
	uint64_t up_rate, down_rate;
	uint32_t up_burst, down_burst; /* bytes */
	char policy[CONFIG_NAME_MAX];  /* the rates' name; "" = given as numbers, or none */
	/* for IPv6, as RADIUS gave them */
	bool has_interface_id;
	uint8_t interface_id[8];
	uint8_t n_prefixes6;
	struct {
		struct ip_prefix prefix;
		bool delegated;
	} prefixes6[AAA_PREFIXES6_MAX];
	struct ip_addr address6, dns6[2];
	uint16_t pool6_length, delegated_pool_length, address_pool6_length, routes6_length;
	/* RADIUS Class attributes, encoded, to be returned in accounting */
	uint16_t class_length;
	/* Class, then the texts of Framed-IPv6-Pool, Delegated-IPv6-Prefix-Pool, Stateful-IPv6-Address-Pool, and of
	 * the Framed-IPv6-Routes, one a line */
	uint8_t bytes[];
};

/* IPv6 of a subscriber: fixed (family 0 = not), else from a pool (index in the configuration; -1 = none). */
struct aaa_ipv6 {
	struct ip_prefix prefix;    /* of the link, a /64 */
	struct ip_prefix delegated; /* by DHCPv6, /48 to /64 */
	struct ip_addr address;     /* by DHCPv6 */
	int pool, delegated_pool, address_pool;
	uint8_t interface_id[8]; /* the only one for its end; zero: any */
	struct ip_addr dns[CONFIG_DNS6_MAX];
};

/* What a session that is up gets instead of what it has; what is not set stays. */
struct aaa_ipv6_change {
	bool link, delegated, address, dns; /* which of to counts */
	struct aaa_ipv6 to;                 /* of a part either what is fixed or the pool */
};

/* What the configuration gives to everybody in a VRF. */
void aaa_ipv6_defaults(const struct config *config, unsigned int vrf, struct aaa_ipv6 *ipv6);

/*
 * At a reload: the index of the pool of the same name and VRF, -1 if there is none any more. Another pool that stands at
 * the old index may be another customer's.
 */
int aaa_pool_follow(const struct config *before, const struct config *now, int pool);
/* All pools and prefix pools have the index that they had. */
bool aaa_pools_stay(const struct config *before, const struct config *now);
void aaa_ipv6_follow(const struct config *before, const struct config *now, struct aaa_ipv6 *ipv6);

struct aaa_answer;
/* Is there any of it, a route included? */
bool aaa_ipv6_given(const struct aaa_answer *answer);

/* What a subscriber gets; valid during the callback, copied by whoever keeps it. */
struct aaa_answer {
	bool accept;
	const char *refusal; /* why not, for the log; never a secret */
	bool unavailable;    /* not accepted, but nobody could be asked: another time perhaps */
	char message[AAA_MESSAGE_MAX];
	bool has_authenticator;
	char authenticator[43]; /* MS-CHAPv2: "S=" and 40 digits */
	struct ip_addr address; /* fixed; family 0 = from the pool */
	bool address_choice; /* from the pool, but the subscriber may ask for one of the pools' */
	int pool;            /* index in the configuration; -1 = none */
	unsigned int vrf;
	uint32_t session_timeout, idle_timeout; /* seconds; 0 = none */
	struct ip_addr dns[2];
	unsigned int n_routes;
	struct config_route routes[AAA_ROUTES_MAX];
	uint16_t mtu;                  /* largest packet; 0 = as negotiated */
	const struct aaa_extra *extra; /* NULL: nothing of it */
	struct aaa_ipv6 ipv6;
};

typedef void aaa_done(void *user, uint32_t id, const struct aaa_answer *answer);

struct aaa_counters {
	uint64_t requests, accepts, rejects_unknown_user, rejects_password, rejects_method,
		rejects_radius, no_answer, cancelled, overflow;
};

struct aaa;

/*
 * config is replaced by aaa_set_config() at a reload, during which both must be there; it must outlive its use. Answers
 * that wait for aaa_poll() follow: their pools are those of the new one.
 */
struct aaa *aaa_create(const struct config *config, uint32_t max_pending);
void aaa_destroy(struct aaa *aaa);
void aaa_set_config(struct aaa *aaa, const struct config *config);
/* Where "radius" in aaa.order leads; it stays the caller's and is destroyed after the aaa. */
void aaa_set_radius(struct aaa *aaa, struct aaa_radius *radius);
/* An id > 0, or -EMSGSIZE, -ENOBUFS (max_pending reached), -ENOMEM. */
int64_t aaa_submit(struct aaa *aaa, const struct aaa_request *request, aaa_done *done, void *user);
/* No answer will come. Unknown ids are ignored. */
void aaa_cancel(struct aaa *aaa, uint32_t id);
/* Answers, or passes on to RADIUS, at most max requests; returns how many. */
unsigned int aaa_poll(struct aaa *aaa, unsigned int max);
uint32_t aaa_pending(const struct aaa *aaa);
const struct aaa_counters *aaa_counters(const struct aaa *aaa);
