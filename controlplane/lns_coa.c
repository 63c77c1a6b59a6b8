/* SPDX-License-Identifier: BSD-3-Clause */
/* RADIUS requests that end a session or change it: the socket, and what is done to the session. */
#include "lns_coa.h"

#include "aaa_radius.h"
#include "log.h"
#include "radius_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LOOKED_MAX 1024 /* sessions, for the requests of one turn of the loop */

/* ---- which NAS ---- */

static bool bytes_equal(struct radius_bytes bytes, const struct radius_attribute *attribute)
{
	return bytes.length == attribute->length &&
		!memcmp(bytes.bytes ? bytes.bytes : (const uint8_t *)"", attribute->value,
			bytes.length);
}

static struct radius_bytes text_of(const char *text)
{
	return (struct radius_bytes){(const uint8_t *)text, text ? strlen(text) : 0};
}

/* NAS-Identifier and NAS-IP-Address, if they are there, are ours. */
static bool nas_fits(const struct config *config, const struct radius_packet *request)
{
	const struct ip_addr *address = &config->radius.nas_address;
	struct radius_attribute attribute;

	if (radius_find(request, RADIUS_NAS_IDENTIFIER, &attribute) &&
		!bytes_equal(text_of(config->radius.nas_identifier), &attribute))
		return false;
	if (radius_find(request, RADIUS_NAS_IP_ADDRESS, &attribute) &&
		(address->family != 4 || attribute.length != 4 ||
			memcmp(address->bytes, attribute.value, 4)))
		return false;
	return !radius_find(request, RADIUS_NAS_IPV6_ADDRESS, &attribute) ||
		(address->family == 6 && attribute.length == 16 &&
			!memcmp(address->bytes, attribute.value, 16));
}

/* ---- what is done ---- */

/* False without memory for what is changed. */
static bool extra_room(struct subscriber *subscriber, const struct aaa_change *change)
{
	if (!(change->has_up || change->has_down || change->has_interim) || subscriber->extra)
		return true;
	subscriber->extra = calloc(1, sizeof(*subscriber->extra));
	if (subscriber->extra)
		subscriber->extra->size = sizeof(*subscriber->extra);
	return subscriber->extra;
}

static void extra_apply(struct subscriber *subscriber, const struct aaa_change *change)
{
	struct aaa_extra *extra = subscriber->extra;

	if (change->has_up) {
		extra->up_rate = change->up_rate;
		extra->up_burst = change->up_burst;
	}
	if (change->has_down) {
		extra->down_rate = change->down_rate;
		extra->down_burst = change->down_burst;
	}
	if (change->has_up || change->has_down) {
		memcpy(extra->policy, change->policy, sizeof(extra->policy));
		subscriber_rates_set(subscriber);
	}
	if (change->has_interim)
		extra->interim_interval = change->interim_interval;
}

static enum radius_error_cause ipv6_apply(
	struct subscriber *subscriber, const struct aaa_ipv6_change *change)
{
	struct log_context context = subscriber_log(subscriber);
	int rc = aaa_ipv6_changes(change) ? subscriber_renumber(subscriber, change) : 0;

	if (!rc)
		return RADIUS_ERROR_NONE;
	log_ratelimited(LOG_LEVEL_WARNING, &context, "CoA-Request refused: %s",
		rc == -ENOENT           ? "the session has no IPv6"
			: rc == -EBUSY  ? "another session has the prefix"
			: rc == -ENOSPC ? "the pool is exhausted"
			: rc == -EINVAL
			? "not a pool for it, or a prefix that is no whole one of a pool"
			: rc == -EAGAIN ? "another session is taking over its prefixes"
					: strerror(-rc));
	return rc == -ENOENT    ? RADIUS_ERROR_INVALID_REQUEST
		: rc == -EINVAL ? RADIUS_ERROR_INVALID_VALUE
				: RADIUS_ERROR_RESOURCES;
}

struct route_set {
	unsigned int n;
	struct config_route routes[2 * AAA_ROUTES_MAX];
};

/* What is routed to it after the change: the families that change are replaced, those of the other stay. */
static enum radius_error_cause routes_plan(
	const struct subscriber *subscriber, const struct aaa_change *change, struct route_set *set)
{
	set->n = 0;
	if (change->has_routes6 && !subscriber->ipv6)
		return RADIUS_ERROR_INVALID_REQUEST;
	for (unsigned int i = 0; i < subscriber->n_routes; i++) {
		bool four = subscriber->routes[i].prefix.addr.family == 4;

		if (four ? !change->has_routes4 : !change->has_routes6)
			set->routes[set->n++] = subscriber->routes[i];
	}
	for (unsigned int i = 0; i < change->n_routes; i++)
		set->routes[set->n++] = change->routes[i];
	return set->n > AAA_ROUTES_MAX ? RADIUS_ERROR_INVALID_VALUE : RADIUS_ERROR_NONE;
}

static struct ip_addr address_of(const struct subscriber *subscriber)
{
	struct ip_addr address = {.family = subscriber->address ? 4 : 0};

	memcpy(address.bytes, &subscriber->address, sizeof(subscriber->address));
	return address;
}

static enum radius_error_cause session_change(
	struct subscriber *subscriber, const struct radius_packet *request)
{
	struct lns *lns = subscriber->lns;
	struct log_context context = subscriber_log(subscriber);
	const struct aaa_extra *extra;
	struct aaa_change change;
	struct route_set routes;
	struct ip_addr address = address_of(subscriber);
	enum radius_error_cause cause = aaa_radius_change(
		&change, lns_config(lns), subscriber->record.vrf, &address, request);

	if (cause) {
		log_ratelimited(
			LOG_LEVEL_WARNING, &context, "CoA-Request refused: %s", change.refusal);
		return cause;
	}
	if (!extra_room(subscriber, &change))
		return RADIUS_ERROR_RESOURCES;
	cause = routes_plan(subscriber, &change, &routes);
	if (!cause)
		cause = ipv6_apply(subscriber, &change.ipv6);
	if (cause)
		return cause;
	if ((change.has_routes4 || change.has_routes6) &&
		subscriber_routes_replace(subscriber, routes.routes, routes.n))
		return RADIUS_ERROR_RESOURCES;
	extra_apply(subscriber, &change);
	if (change.has_idle_timeout)
		subscriber->idle_timeout = change.idle_timeout;
	if (change.has_session_timeout) {
		subscriber->session_timeout = change.session_timeout;
		subscriber_limit_set(subscriber, subscriber_session_end(subscriber));
	}
	extra = subscriber->extra;
	if (subscriber->acct)
		subscriber_acct_start(subscriber);
	if (subscriber->acct)
		radius_acct_changed(subscriber->acct,
			extra && extra->interim_interval
				? extra->interim_interval
				: lns_config(lns)->radius.interim_interval);
	log_info(&context, "session changed by a CoA-Request");
	return RADIUS_ERROR_NONE;
}

/* RFC 5176, 3: a Disconnect-Request names the NAS and a session; what else it may mean is not guessed. */
static bool disconnect_is_supported(const struct radius_packet *request)
{
	static const uint8_t others[] = {RADIUS_NAS_IDENTIFIER, RADIUS_NAS_IP_ADDRESS,
		RADIUS_NAS_IPV6_ADDRESS, RADIUS_PROXY_STATE, RADIUS_EVENT_TIMESTAMP,
		RADIUS_MESSAGE_AUTHENTICATOR};
	const uint8_t *at = request->attributes;
	struct radius_attribute attribute;

	while (radius_next(&at, request->end, &attribute)) {
		if (lns_coa_names(attribute.type) || memchr(others, attribute.type, sizeof(others)))
			continue;
		log_ratelimited(LOG_LEVEL_WARNING, NULL,
			"Disconnect-Request refused: attribute %u is not supported",
			attribute.type);
		return false;
	}
	return true;
}

static enum radius_error_cause on_request(void *user, const struct radius_packet *request)
{
	struct lns *lns = user;
	struct subscriber *subscriber;
	enum radius_error_cause cause;

	if (!nas_fits(lns_config(lns), request))
		return RADIUS_ERROR_NAS_MISMATCH;
	if (request->code == RADIUS_DISCONNECT_REQUEST && !disconnect_is_supported(request))
		return RADIUS_ERROR_UNSUPPORTED_ATTRIBUTE;
	cause = lns_coa_find(lns, request, &subscriber, &lns->coa_looked);
	if (cause)
		return cause;
	if (request->code == RADIUS_COA_REQUEST)
		return session_change(subscriber, request);
	subscriber_close(subscriber, PPP_CLOSE_ADMIN);
	return RADIUS_ERROR_NONE;
}

/* ---- the socket ---- */

int lns_coa_start(struct lns *lns, const struct config *config, char *error, size_t error_size)
{
	struct ip_addr any = {.family = 4};
	const struct ip_addr *address =
		config->radius.coa_address.family ? &config->radius.coa_address : &any;
	struct sockaddr_storage own;
	char text[46];
	socklen_t length;

	lns->coa_socket = -1;
	if (!config->n_radius_clients)
		return 0;
	lns->coa = radius_server_create(on_request, lns);
	if (!lns->coa) {
		snprintf(error, error_size, "out of memory for CoA");
		return -ENOMEM;
	}
	length = radius_sockaddr(&own, address, config->radius.coa_port);
	lns->coa_socket = socket(own.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (lns->coa_socket < 0 || bind(lns->coa_socket, (struct sockaddr *)&own, length)) {
		snprintf(error, error_size, "radius.coa-address %s, port %u: %s",
			ip_addr_text(address, text), config->radius.coa_port, strerror(errno));
		lns_coa_stop(lns);
		return -EIO;
	}
	return 0;
}

void lns_coa_reload(struct lns *lns, const struct config *config)
{
	char error[256] = "";

	/* without clients any more the socket stays: nobody is known to it */
	if (!lns->coa && lns_coa_start(lns, config, error, sizeof(error)))
		log_error(NULL, "reload: no CoA, the next reload tries again: %s", error);
}

void lns_coa_stop(struct lns *lns)
{
	if (!lns->coa)
		return;
	if (lns->coa_socket >= 0)
		close(lns->coa_socket);
	radius_server_destroy(lns->coa);
	lns->coa = NULL;
	lns->coa_socket = -1;
}

int lns_coa_fd(const struct lns *lns)
{
	return lns->coa ? lns->coa_socket : -1;
}

unsigned int lns_coa_read(struct lns *lns, unsigned int max)
{
	uint8_t bytes[RADIUS_PACKET_MAX], reply[RADIUS_PACKET_MAX];
	unsigned int taken = 0;

	for (; taken < max; taken++) {
		struct sockaddr_storage source;
		socklen_t length = sizeof(source);
		ssize_t n = recvfrom(lns->coa_socket, bytes, sizeof(bytes), MSG_DONTWAIT,
			(struct sockaddr *)&source, &length);
		struct radius_endpoint endpoint;
		size_t answer;

		if (n < 0)
			break;
		radius_endpoint_of(&source, &endpoint);
		lns->coa_looked = 0;
		answer = radius_server_receive(lns->coa, lns_config(lns), (uint64_t)time(NULL),
			&endpoint, bytes, (size_t)n, reply);
		if (answer &&
			sendto(lns->coa_socket, reply, answer, MSG_DONTWAIT | MSG_NOSIGNAL,
				(struct sockaddr *)&source, length) < 0)
			log_ratelimited(
				LOG_LEVEL_WARNING, NULL, "CoA: cannot answer: %s", strerror(errno));
		/* the loop's other work first */
		if (lns->coa_looked > LOOKED_MAX)
			return taken + 1;
	}
	return taken;
}
