/* SPDX-License-Identifier: BSD-3-Clause */
/* The DHCPv6 server of a session. */
#include "dhcp6_server.h"

#include <crypto/digest.h>

#include <string.h>

#define DUID_UUID 4
#define STALE_MAX 2 /* leases of one IA that are taken back in one answer */

static const char *const counter_names[] = {
#define X(name, text) "dhcp6_" #name,
	DHCP6_COUNTERS(X)
#undef X
};
static const char *const counter_texts[] = {
#define X(name, text) text,
	DHCP6_COUNTERS(X)
#undef X
};

const char *dhcp6_counter_name(enum dhcp6_counter counter)
{
	return counter < DHCP6_COUNTERS_N ? counter_names[counter] : "?";
}

const char *dhcp6_counter_text(enum dhcp6_counter counter)
{
	return counter < DHCP6_COUNTERS_N ? counter_texts[counter] : "?";
}

void dhcp6_server_init(struct dhcp6_server *server, const char *text,
	const uint8_t secret[DHCP6_SECRET_LEN], uint64_t replay)
{
	static const char domain[] = "lnsd DHCPv6 server";
	const struct iovec parts[] = {
		{(void *)(uintptr_t)domain, sizeof(domain)},
		{(void *)(uintptr_t)text, strlen(text)},
	};
	uint8_t hash[DIGEST_SHA1_LEN];

	*server = (struct dhcp6_server){.duid = {0, DUID_UUID}, .replay = replay};
	memcpy(server->secret, secret, sizeof(server->secret));
	digest_sha1(parts, 2, hash);
	memcpy(server->duid + 2, hash, 16);
	server->duid[2 + 6] =
		(uint8_t)((server->duid[2 + 6] & 0x0f) | 0x50); /* RFC 4122: version 5 */
	server->duid[2 + 8] = (uint8_t)((server->duid[2 + 8] & 0x3f) | 0x80);
}

/* A message as far as it concerns a server. */
struct request {
	struct dhcp6_server *server;
	const struct dhcp6_lease *lease;
	struct dhcp6_binding *binding;
	struct dhcp6_message message;
	struct dhcp6_option client_id; /* data NULL: none */
	bool has_server_id, server_id_ours, rapid_commit, reconfigure_accept;
	unsigned int n_ias;
	struct dhcp6_ia ias[DHCP6_IAS_MAX];
};

static void count(struct request *request, enum dhcp6_counter counter)
{
	request->server->counters[counter]++;
}

static bool refuse(struct request *request, enum dhcp6_counter counter)
{
	count(request, counter);
	return false;
}

/* Sorts the options; a second one of those that stand once makes the message bad. */
static bool options_read(struct request *request)
{
	const uint8_t *p = request->message.options, *end = p + request->message.len;
	struct dhcp6_option option;

	while (dhcp6_option_next(&p, end, &option)) {
		switch (option.type) {
		case DHCP6_OPTION_CLIENT_ID:
			/* a type and something behind it (RFC 8415, 11.1) */
			if (request->client_id.data || option.len < 3 ||
				option.len > DHCP6_DUID_MAX)
				return refuse(request, DHCP6_COUNT_client_id);
			request->client_id = option;
			break;
		case DHCP6_OPTION_SERVER_ID:
			if (request->has_server_id)
				return refuse(request, DHCP6_COUNT_server_id);
			request->has_server_id = true;
			request->server_id_ours = option.len == DHCP6_SERVER_DUID_LEN &&
				!memcmp(option.data, request->server->duid, option.len);
			break;
		case DHCP6_OPTION_RAPID_COMMIT:
			request->rapid_commit = true;
			break;
		case DHCP6_OPTION_RECONF_ACCEPT:
			request->reconfigure_accept = true;
			break;
		case DHCP6_OPTION_IA_NA:
		case DHCP6_OPTION_IA_TA:
		case DHCP6_OPTION_IA_PD:
			if (request->n_ias == DHCP6_IAS_MAX)
				return refuse(request, DHCP6_COUNT_too_many_ias);
			if (!dhcp6_ia_parse(&option, &request->ias[request->n_ias]))
				return refuse(request, DHCP6_COUNT_malformed);
			request->n_ias++;
			break;
		default:
			break;
		}
	}
	return true;
}

/* RFC 8415, 16: which messages need whose DUID, and which must not have it. */
static bool ids_check(struct request *request)
{
	bool client = true, server = false, any = false;

	switch (request->message.type) {
	case DHCP6_SOLICIT:
	case DHCP6_CONFIRM:
	case DHCP6_REBIND:
		break;
	case DHCP6_REQUEST:
	case DHCP6_RENEW:
	case DHCP6_RELEASE:
	case DHCP6_DECLINE:
		server = true;
		break;
	case DHCP6_INFORMATION_REQUEST:
		client = false;
		any = true;
		break;
	default:
		return refuse(request, DHCP6_COUNT_type);
	}
	if (client && !request->client_id.data)
		return refuse(request, DHCP6_COUNT_client_id);
	if (request->has_server_id ? !request->server_id_ours || (!server && !any) : server)
		return refuse(request, DHCP6_COUNT_server_id);
	if (any && request->n_ias)
		return refuse(request, DHCP6_COUNT_not_allowed);
	return true;
}

/* ---- answers ---- */

static bool is_ours(
	const struct request *request, bool prefix, const struct dhcp6_lease_option *lease)
{
	const struct dhcp6_lease *have = request->lease;

	if (prefix)
		return have->has_prefix && lease->length == have->prefix_length &&
			!memcmp(lease->addr, have->prefix, 16);
	return have->has_address && !memcmp(lease->addr, have->address, 16);
}

/* What the client has in the IA and is not its session's: it is over. */
static void stale_put(struct request *request, const struct dhcp6_ia *ia, bool prefix,
	struct dhcp6_writer *writer)
{
	const uint8_t *p = ia->options, *end = p + ia->len;
	struct dhcp6_option option;
	struct dhcp6_lease_option lease;
	unsigned int n = 0;

	while (n < STALE_MAX && dhcp6_option_next(&p, end, &option)) {
		if (option.type != (prefix ? DHCP6_OPTION_IA_PREFIX : DHCP6_OPTION_IA_ADDRESS) ||
			!dhcp6_lease_parse(&option, &lease) || is_ours(request, prefix, &lease))
			continue;
		lease.preferred = lease.valid = 0;
		dhcp6_put_lease(writer, prefix, &lease);
		count(request, DHCP6_COUNT_taken_back);
		n++;
	}
}

/* May this IA have the session's lease? The first one that asks, and from then on that one. */
static bool ia_may_have(const struct request *request, const struct dhcp6_ia *ia, bool *taken)
{
	const struct dhcp6_binding *binding = request->binding;

	if (*taken)
		return false; /* by an IA before it in the same message */
	switch (ia->type) {
	case DHCP6_OPTION_IA_PD:
		*taken = request->lease->has_prefix &&
			(!binding->prefix_bound || binding->prefix_iaid == ia->iaid);
		return *taken;
	case DHCP6_OPTION_IA_NA:
		*taken = request->lease->has_address && !binding->address_declined &&
			(!binding->address_bound || binding->address_iaid == ia->iaid);
		return *taken;
	default:
		return false; /* no temporary addresses */
	}
}

static void ia_bind(struct request *request, const struct dhcp6_ia *ia, bool prefix)
{
	struct dhcp6_binding *binding = request->binding;

	if (prefix && !binding->prefix_bound)
		count(request, DHCP6_COUNT_bound_prefix);
	if (!prefix && !binding->address_bound)
		count(request, DHCP6_COUNT_bound_address);
	if (prefix) {
		binding->prefix_bound = true;
		binding->prefix_iaid = ia->iaid;
	} else {
		binding->address_bound = true;
		binding->address_iaid = ia->iaid;
	}
}

static size_t ia_open(struct dhcp6_writer *writer, const struct dhcp6_ia *ia, uint32_t preferred)
{
	size_t mark = dhcp6_open(writer, ia->type);

	dhcp6_put32(writer, ia->iaid);
	if (ia->type != DHCP6_OPTION_IA_TA) {
		/* RFC 8415, 14.2 and 21.4: T1 and T2 */
		dhcp6_put32(writer, preferred / 2);
		dhcp6_put32(writer, (uint32_t)((uint64_t)preferred * 4 / 5));
	}
	return mark;
}

/* IAs with what they get; commit: it is theirs from now on; stale: they say what they have. */
static void ias_put(struct request *request, struct dhcp6_writer *writer, bool commit, bool stale)
{
	const struct dhcp6_lease *have = request->lease;
	bool prefix_taken = false, address_taken = false;

	for (unsigned int i = 0; i < request->n_ias; i++) {
		const struct dhcp6_ia *ia = &request->ias[i];
		bool prefix = ia->type == DHCP6_OPTION_IA_PD;
		struct dhcp6_lease_option lease = {
			.length = prefix ? have->prefix_length : 128,
			.preferred = have->preferred,
			.valid = have->valid,
		};
		bool given = ia_may_have(request, ia, prefix ? &prefix_taken : &address_taken);
		size_t mark = ia_open(writer, ia, given ? have->preferred : 0);

		if (given) {
			memcpy(lease.addr, prefix ? have->prefix : have->address, 16);
			dhcp6_put_lease(writer, prefix, &lease);
			if (commit)
				ia_bind(request, ia, prefix);
		} else if (prefix) {
			dhcp6_put_status(writer, DHCP6_NO_PREFIX, "no prefix");
			count(request, DHCP6_COUNT_no_prefix);
		} else {
			dhcp6_put_status(writer, DHCP6_NO_ADDRESSES, "no address");
			count(request, DHCP6_COUNT_no_address);
		}
		if (stale && ia->type != DHCP6_OPTION_IA_TA)
			stale_put(request, ia, prefix, writer);
		dhcp6_close(writer, mark);
	}
}

static void servers_put(const struct request *request, struct dhcp6_writer *writer)
{
	const struct dhcp6_lease *have = request->lease;
	unsigned int n = 0;
	size_t mark;

	for (unsigned int i = 0; i < CONFIG_DNS6_MAX; i++)
		n += have->dns[i].family == 6;
	if (n) {
		mark = dhcp6_open(writer, DHCP6_OPTION_DNS);
		for (unsigned int i = 0; i < CONFIG_DNS6_MAX; i++)
			if (have->dns[i].family == 6)
				dhcp6_put_bytes(writer, have->dns[i].bytes, 16);
		dhcp6_close(writer, mark);
	}
	if (have->domains_len)
		dhcp6_put_option(writer, DHCP6_OPTION_DOMAINS, have->domains, have->domains_len);
}

/* Every lease in the IA is the session's link's. */
static bool ia_on_link(const struct request *request, const struct dhcp6_ia *ia, bool *any)
{
	const uint8_t *p = ia->options, *end = p + ia->len;
	struct dhcp6_option option;
	struct dhcp6_lease_option lease;
	bool on_link = true;

	while (dhcp6_option_next(&p, end, &option)) {
		if (option.type != DHCP6_OPTION_IA_ADDRESS || !dhcp6_lease_parse(&option, &lease))
			continue;
		*any = true;
		on_link &= is_ours(request, false, &lease) ||
			(request->lease->has_link && !memcmp(lease.addr, request->lease->link, 8));
	}
	return on_link;
}

/* RFC 8415, 18.3.3. False: nothing to confirm, no answer. */
static bool confirm(struct request *request, struct dhcp6_writer *writer)
{
	bool any = false, on_link = true;

	for (unsigned int i = 0; i < request->n_ias; i++)
		on_link &= ia_on_link(request, &request->ias[i], &any);
	if (!any)
		return false;
	if (on_link)
		dhcp6_put_status(writer, DHCP6_SUCCESS, "on link");
	else
		dhcp6_put_status(writer, DHCP6_NOT_ON_LINK, "another link");
	return true;
}

/* RFC 8415, 18.3.7 and 18.3.8. */
static void give_up(struct request *request, struct dhcp6_writer *writer, bool declined)
{
	struct dhcp6_binding *binding = request->binding;

	for (unsigned int i = 0; i < request->n_ias; i++) {
		const struct dhcp6_ia *ia = &request->ias[i];
		size_t mark;

		if (ia->type == DHCP6_OPTION_IA_PD && !declined && binding->prefix_bound &&
			binding->prefix_iaid == ia->iaid) {
			binding->prefix_bound = false;
			continue;
		}
		if (ia->type == DHCP6_OPTION_IA_NA && binding->address_bound &&
			binding->address_iaid == ia->iaid) {
			binding->address_bound = false;
			binding->address_declined |= declined;
			continue;
		}
		count(request, DHCP6_COUNT_no_binding);
		mark = ia_open(writer, ia, 0);
		dhcp6_put_status(writer, DHCP6_NO_BINDING, "not bound");
		dhcp6_close(writer, mark);
	}
	dhcp6_put_status(writer, DHCP6_SUCCESS, declined ? "declined" : "released");
}

/* Who accepts Reconfigure messages is told that we send them, and by a Reply the key that shows whose they are. */
static void reconfigure_put(struct request *request, struct dhcp6_writer *writer, bool advertise)
{
	if (!request->reconfigure_accept || !request->lease->reconfigure ||
		!request->client_id.data)
		return;
	if (!advertise && !dhcp6_client_keep(request->binding, &request->client_id))
		return;
	dhcp6_put_option(writer, DHCP6_OPTION_RECONF_ACCEPT, NULL, 0);
	if (!advertise)
		dhcp6_put_key(writer, request->server, request->lease, request->binding->client);
}

/* Is it what a Reconfigure asked for? */
static void reconfigure_answered(struct request *request)
{
	struct dhcp6_binding *binding = request->binding;

	if (!binding->reconfiguring || !dhcp6_client_is(binding, &request->client_id))
		return;
	binding->reconfiguring = false;
	count(request, DHCP6_COUNT_reconfigure_answered);
}

static bool answer(struct request *request, struct dhcp6_writer *writer)
{
	static const uint8_t preference = 255; /* the only server: no need to wait for others */

	switch (request->message.type) {
	case DHCP6_SOLICIT:
		count(request, DHCP6_COUNT_solicit);
		if (request->rapid_commit)
			dhcp6_put_option(writer, DHCP6_OPTION_RAPID_COMMIT, NULL, 0);
		else
			dhcp6_put_option(writer, DHCP6_OPTION_PREFERENCE, &preference, 1);
		ias_put(request, writer, request->rapid_commit, false);
		break;
	case DHCP6_REQUEST:
		count(request, DHCP6_COUNT_request);
		ias_put(request, writer, true, false);
		break;
	case DHCP6_RENEW:
	case DHCP6_REBIND:
		count(request,
			request->message.type == DHCP6_RENEW ? DHCP6_COUNT_renew
							     : DHCP6_COUNT_rebind);
		reconfigure_answered(request);
		ias_put(request, writer, true, true);
		break;
	case DHCP6_CONFIRM:
		count(request, DHCP6_COUNT_confirm);
		return confirm(request, writer);
	case DHCP6_RELEASE:
		count(request, DHCP6_COUNT_release);
		give_up(request, writer, false);
		return true;
	case DHCP6_DECLINE:
		count(request, DHCP6_COUNT_decline);
		give_up(request, writer, true);
		return true;
	case DHCP6_INFORMATION_REQUEST: {
		size_t mark = dhcp6_open(writer, DHCP6_OPTION_REFRESH_TIME);

		count(request, DHCP6_COUNT_information_request);
		reconfigure_answered(request);
		dhcp6_put32(writer, request->lease->valid);
		dhcp6_close(writer, mark);
		break;
	}
	default:
		return false;
	}
	servers_put(request, writer);
	reconfigure_put(
		request, writer, request->message.type == DHCP6_SOLICIT && !request->rapid_commit);
	return true;
}

/* RFC 8415, 18.4: we never offered unicast. */
static bool is_unicast_refused(const struct request *request, bool multicast)
{
	switch (request->message.type) {
	case DHCP6_REQUEST:
	case DHCP6_RENEW:
	case DHCP6_RELEASE:
	case DHCP6_DECLINE:
		return !multicast;
	default:
		return false;
	}
}

/* RFC 8415, 16: "MUST discard" what is for any server, sent to one. */
static bool is_unicast_dropped(const struct request *request, bool multicast)
{
	switch (request->message.type) {
	case DHCP6_SOLICIT:
	case DHCP6_CONFIRM:
	case DHCP6_REBIND:
	case DHCP6_INFORMATION_REQUEST:
		return !multicast;
	default:
		return false;
	}
}

size_t dhcp6_server_input(struct dhcp6_server *server, const struct dhcp6_lease *lease,
	struct dhcp6_binding *binding, bool multicast, const uint8_t *bytes, size_t len,
	uint8_t *out, size_t room)
{
	struct request request = {.server = server, .lease = lease, .binding = binding};
	struct dhcp6_writer writer;
	bool advertise;
	size_t done;

	if (!dhcp6_parse(bytes, len, &request.message)) {
		count(&request, DHCP6_COUNT_malformed);
		return 0;
	}
	if (request.message.type == DHCP6_RELAY_FORW || request.message.type == DHCP6_RELAY_REPL) {
		count(&request, DHCP6_COUNT_relay);
		return 0;
	}
	if (is_unicast_dropped(&request, multicast)) {
		count(&request, DHCP6_COUNT_unicast);
		return 0;
	}
	if (!options_read(&request) || !ids_check(&request))
		return 0;
	advertise = request.message.type == DHCP6_SOLICIT && !request.rapid_commit;
	dhcp6_writer_init(&writer, out, room, advertise ? DHCP6_ADVERTISE : DHCP6_REPLY,
		request.message.transaction);
	dhcp6_put_option(&writer, DHCP6_OPTION_SERVER_ID, server->duid, sizeof(server->duid));
	if (request.client_id.data)
		dhcp6_put_option(&writer, DHCP6_OPTION_CLIENT_ID, request.client_id.data,
			request.client_id.len);
	if (is_unicast_refused(&request, multicast)) {
		count(&request, DHCP6_COUNT_use_multicast);
		dhcp6_put_status(&writer, DHCP6_USE_MULTICAST, "use ff02::1:2");
	} else if (!answer(&request, &writer)) {
		return 0;
	}
	done = dhcp6_writer_finish(&writer);
	count(&request,
		!done               ? DHCP6_COUNT_too_big
			: advertise ? DHCP6_COUNT_advertise_sent
				    : DHCP6_COUNT_reply_sent);
	return done;
}
