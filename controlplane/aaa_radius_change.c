/* SPDX-License-Identifier: BSD-3-Clause */
/* A CoA-Request becomes a change of a session: all of it or nothing. */
#include "aaa_radius_reading.h"

#include <stdlib.h>
#include <string.h>

#define INTERIM_LEAST 60 /* RFC 2869 5.16 */

/* A route attribute that is there to say that there is none any more. */
static bool is_none(const struct radius_attribute *attribute)
{
	return attribute->length == 4 && !memcmp(attribute->value, "none", 4);
}

static enum radius_error_cause attribute_change(struct reading *reading, struct aaa_change *change,
	const struct radius_attribute *attribute)
{
	bool ok = true;

	switch (attribute->type) {
	case RADIUS_FILTER_ID:
		ok = reading_filter_id(reading, attribute);
		break;
	case RADIUS_VENDOR_SPECIFIC:
		ok = reading_vendor(reading, attribute);
		break;
	case RADIUS_SESSION_TIMEOUT:
		change->has_session_timeout = true;
		ok = reading_number(
			reading, attribute, "Session-Timeout", 6, &change->session_timeout);
		break;
	case RADIUS_IDLE_TIMEOUT:
		change->has_idle_timeout = true;
		ok = reading_number(reading, attribute, "Idle-Timeout", 7, &change->idle_timeout);
		break;
	case RADIUS_ACCT_INTERIM_INTERVAL:
		change->has_interim = true;
		ok = reading_number(
			reading, attribute, "Acct-Interim-Interval", 8, &change->interim_interval);
		break;
	case RADIUS_DELEGATED_IPV6_PREFIX:
	case RADIUS_DNS_SERVER_IPV6_ADDRESS:
	case RADIUS_FRAMED_IPV6_POOL:
	case RADIUS_DELEGATED_IPV6_PREFIX_POOL:
	case RADIUS_STATEFUL_IPV6_ADDRESS_POOL:
		ok = reading_ipv6(reading, attribute);
		break;
	case RADIUS_FRAMED_ROUTE:
		change->has_routes4 = true;
		ok = is_none(attribute) || reading_route(reading, attribute);
		break;
	case RADIUS_FRAMED_IPV6_ROUTE:
		change->has_routes6 = true;
		ok = is_none(attribute) || reading_ipv6(reading, attribute);
		break;
	/* what names the session (RFC 5176, 3): Framed-IPv6-Prefix cannot be changed by its value */
	case RADIUS_FRAMED_INTERFACE_ID:
	case RADIUS_FRAMED_IPV6_PREFIX:
	case RADIUS_USER_NAME:
	case RADIUS_NAS_IP_ADDRESS:
	case RADIUS_NAS_PORT:
	case RADIUS_FRAMED_IP_ADDRESS:
	case RADIUS_STATE:
	case RADIUS_CALLED_STATION_ID:
	case RADIUS_CALLING_STATION_ID:
	case RADIUS_NAS_IDENTIFIER:
	case RADIUS_PROXY_STATE:
	case RADIUS_ACCT_SESSION_ID:
	case RADIUS_ACCT_MULTI_SESSION_ID:
	case RADIUS_EVENT_TIMESTAMP:
	case RADIUS_MESSAGE_AUTHENTICATOR:
	case RADIUS_NAS_PORT_ID:
	case RADIUS_NAS_IPV6_ADDRESS:
		break;
	default:
		reading_refuse(reading, "attribute %u cannot be changed", attribute->type);
		return RADIUS_ERROR_UNSUPPORTED_ATTRIBUTE;
	}
	return ok ? RADIUS_ERROR_NONE : RADIUS_ERROR_INVALID_VALUE;
}

/* What was read of rates. */
static bool rates_take(struct reading *reading, struct aaa_change *change)
{
	if (reading->has_ascend_rate && !reading->has_down &&
		!reading_rate(reading, false, reading->ascend_rate, 0))
		return false;
	change->has_up = reading->has_up;
	change->has_down = reading->has_down;
	change->up_rate = reading->extra->up_rate;
	change->down_rate = reading->extra->down_rate;
	change->up_burst = reading->extra->up_burst;
	change->down_burst = reading->extra->down_burst;
	memcpy(change->policy, reading->extra->policy, sizeof(change->policy));
	return true;
}

static bool routes_take(struct reading *reading, struct aaa_change *change)
{
	if (!reading_routes_apply(reading) || !reading_routes6_apply(reading))
		return false;
	change->n_routes = reading->answer->n_routes;
	memcpy(change->routes, reading->answer->routes, sizeof(change->routes));
	return true;
}

enum radius_error_cause aaa_radius_change(struct aaa_change *change, const struct config *config,
	unsigned int vrf, const struct ip_addr *address, const struct radius_packet *request)
{
	static const struct aaa_request none;
	uint64_t counters[AAA_RADIUS_COUNTER_MAX] = {0};
	struct aaa_accept *accept = calloc(1, sizeof(*accept));
	struct radius_answer reply = {
		.packet = *request, .request_authenticator = radius_zero_authenticator};
	struct reading reading = {
		.accept = accept,
		.answer = &accept->answer,
		.config = config,
		.request = &none,
		.reply = &reply,
		.counters = counters,
		.extra = accept ? (struct aaa_extra *)accept->block : NULL,
	};
	const uint8_t *at = request->attributes;
	struct radius_attribute attribute;
	enum radius_error_cause cause = RADIUS_ERROR_NONE;

	*change = (struct aaa_change){0};
	if (!accept)
		return RADIUS_ERROR_RESOURCES;
	accept->answer.vrf = vrf;
	accept->answer.address = *address;
	while (!cause && radius_next(&at, request->end, &attribute))
		cause = attribute_change(&reading, change, &attribute);
	if (!cause &&
		(!rates_take(&reading, change) || !reading_ipv6_change(&reading, &change->ipv6) ||
			!routes_take(&reading, change)))
		cause = RADIUS_ERROR_INVALID_VALUE;
	/* what a vendor's attribute was meant to change and did not, nobody may believe changed */
	if (!cause &&
		counters[AAA_RADIUS_UNKNOWN_ATTRIBUTES] + counters[AAA_RADIUS_UNUSED_ATTRIBUTES] +
			accept->answer.dns[0].family + accept->answer.dns[1].family +
			(accept->answer.vrf != vrf)) {
		reading_refuse(&reading, "a vendor's attribute, or the VRF, cannot be changed");
		cause = RADIUS_ERROR_UNSUPPORTED_ATTRIBUTE;
	}
	if (!cause &&
		!(change->has_up || change->has_down || change->has_session_timeout ||
			change->has_idle_timeout || change->has_interim || change->has_routes4 ||
			change->has_routes6 || aaa_ipv6_changes(&change->ipv6))) {
		reading_refuse(&reading, "it changes nothing");
		cause = RADIUS_ERROR_MISSING_ATTRIBUTE;
	}
	if (change->interim_interval && change->interim_interval < INTERIM_LEAST)
		change->interim_interval = INTERIM_LEAST;
	memcpy(change->refusal, accept->refusal, sizeof(change->refusal));
	free(accept);
	return cause;
}
