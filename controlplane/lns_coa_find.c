/* SPDX-License-Identifier: BSD-3-Clause */
/* Which session a CoA- or Disconnect-Request names (RFC 5176, 3). */
#include "lns_coa.h"

#include "l2tp_lns.h"
#include "l2tp_tunnel.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 16

/* What names a session: indices first, what leaves the fewest candidates before, then what is cheap to compare. */
static const uint8_t name_types[] = {
	RADIUS_ACCT_SESSION_ID,
	RADIUS_ACCT_MULTI_SESSION_ID, /* the same one, lns_acct.c */
	RADIUS_NAS_PORT,
	RADIUS_FRAMED_IP_ADDRESS,
	RADIUS_FRAMED_IPV6_PREFIX,
	RADIUS_USER_NAME,
	RADIUS_FRAMED_INTERFACE_ID,
	RADIUS_CALLING_STATION_ID,
	RADIUS_CALLED_STATION_ID,
	RADIUS_NAS_PORT_ID,
};

bool lns_coa_names(uint8_t type)
{
	return memchr(name_types, type, sizeof(name_types)) != NULL;
}

struct search {
	struct lns *lns;
	unsigned int n;
	struct radius_attribute names[NAMES_MAX]; /* in the order of name_types */
	struct subscriber *found;
	bool several;
	uint32_t looked;
};

/* False: more than anybody names. */
static bool names_read(struct search *search, const struct radius_packet *request)
{
	for (unsigned int i = 0; i < sizeof(name_types); i++) {
		const uint8_t *at = request->attributes;
		struct radius_attribute attribute;

		while (radius_next(&at, request->end, &attribute)) {
			if (attribute.type != name_types[i])
				continue;
			if (search->n == NAMES_MAX)
				return false;
			search->names[search->n++] = attribute;
		}
	}
	return true;
}

/* ---- does it fit ---- */

/* What does not fit into an attribute was cut when it was told. */
static bool bytes_fit(const uint8_t *bytes, size_t length, const struct radius_attribute *attribute)
{
	if (length > RADIUS_VALUE_MAX)
		length = RADIUS_VALUE_MAX;
	return bytes && length && length == attribute->length &&
		!memcmp(bytes, attribute->value, length);
}

static bool text_fits(const char *text, const struct radius_attribute *attribute)
{
	/* an authenticated user may be nobody's name */
	return text && strlen(text) == attribute->length &&
		!memcmp(text, attribute->value, attribute->length);
}

static bool number_fits(
	const struct subscriber *subscriber, bool calling, const struct radius_attribute *attribute)
{
	const struct l2tp_call *call = subscriber->l2tp ? subscriber->l2tp->call : NULL;
	const uint8_t *bytes;
	size_t length;

	if (!call)
		return false;
	bytes = l2tp_call_bytes(
		call, calling ? call->calling_number : call->called_number, &length);
	return bytes_fit(bytes, length, attribute);
}

/* The /64 of its link (RFC 3162, 2.3: reserved, length, as much of the prefix as it takes). */
static bool prefix_fits(
	const struct subscriber *subscriber, const struct radius_attribute *attribute)
{
	const struct held_prefix *link;

	if (!subscriber->ipv6)
		return false;
	link = &subscriber->ipv6->parts[IPV6_LINK];
	return link->length == 64 && attribute->length >= 10 && attribute->value[1] == 64 &&
		!memcmp(link->addr, attribute->value + 2, 8);
}

static bool port_id_fits(
	const struct subscriber *subscriber, const struct radius_attribute *attribute)
{
	char port[RADIUS_VALUE_MAX];
	struct subscriber_told told;
	size_t length;

	subscriber_tell(subscriber, &told);
	length = radius_port_id(lns_config(subscriber->lns), &told.session, port);
	return bytes_fit((const uint8_t *)port, length, attribute);
}

static bool name_fits(const struct subscriber *subscriber, const struct radius_attribute *attribute)
{
	const struct subscriber_record *record = &subscriber->record;
	char id[RADIUS_SESSION_ID_MAX];
	uint32_t number;

	switch (attribute->type) {
	case RADIUS_ACCT_SESSION_ID:
	case RADIUS_ACCT_MULTI_SESSION_ID:
		return text_fits(subscriber_acct_id(subscriber, id), attribute);
	case RADIUS_USER_NAME:
		return text_fits(subscriber->user, attribute);
	case RADIUS_FRAMED_IP_ADDRESS:
		return attribute->length == 4 && subscriber->address &&
			!memcmp(&subscriber->address, attribute->value, 4);
	case RADIUS_FRAMED_IPV6_PREFIX:
		return prefix_fits(subscriber, attribute);
	case RADIUS_FRAMED_INTERFACE_ID:
		return subscriber->ipv6 && subscriber->ipv6->up &&
			bytes_fit(subscriber->ppp.ipv6cp.agreed_id, 8, attribute);
	case RADIUS_CALLING_STATION_ID:
	case RADIUS_CALLED_STATION_ID:
		return number_fits(
			subscriber, attribute->type == RADIUS_CALLING_STATION_ID, attribute);
	case RADIUS_NAS_PORT:
		return !radius_get_u32(attribute, &number) &&
			number == ((uint32_t)record->tunnel_id << 16 | record->session_id);
	default:
		return port_id_fits(subscriber, attribute);
	}
}

/* One that it may be, or NULL. False: it is named by more than one session. */
static bool consider(struct search *search, struct subscriber *subscriber)
{
	search->looked++;
	if (!subscriber || subscriber->state != SUBSCRIBER_UP)
		return true;
	for (unsigned int i = 0; i < search->n; i++)
		if (!name_fits(subscriber, &search->names[i]))
			return true;
	search->several = search->found;
	search->found = subscriber;
	return !search->several;
}

/* ---- who may it be ---- */

static struct subscriber *of_acct(const struct lns *lns, const struct radius_attribute *attribute)
{
	char id[RADIUS_SESSION_ID_MAX], *end;
	uint32_t serial;

	if (attribute->length != sizeof(id) - 1)
		return NULL;
	memcpy(id, attribute->value, attribute->length);
	id[attribute->length] = '\0';
	serial = (uint32_t)strtoul(id + 8, &end, 16);
	return *end ? NULL : subscribers_of_serial(&lns->subscribers, serial);
}

static struct subscriber *of_port(const struct lns *lns, const struct radius_attribute *attribute)
{
	const struct l2tp_tunnel *tunnel;
	const struct l2tp_session *session;
	uint32_t number;

	if (radius_get_u32(attribute, &number))
		return NULL;
	tunnel = l2tp_lns_tunnel(lns->l2tp, (uint16_t)(number >> 16));
	session = tunnel ? l2tp_tunnel_session(tunnel, (uint16_t)number) : NULL;
	return session ? session->user : NULL;
}

static struct subscriber *of_address(
	const struct lns *lns, uint16_t vrf, const struct radius_attribute *attribute)
{
	uint32_t address;

	if (attribute->length != sizeof(address))
		return NULL;
	memcpy(&address, attribute->value, sizeof(address));
	return subscribers_of_address(&lns->subscribers, vrf, address);
}

static struct subscriber *of_prefix(
	const struct lns *lns, uint16_t vrf, const struct radius_attribute *attribute)
{
	uint8_t prefix[16] = {0};

	if (attribute->length < 10 || attribute->value[1] != 64)
		return NULL;
	memcpy(prefix, attribute->value + 2, 8);
	return prefix_table_holder(&lns->ipv6.holders, vrf, prefix, 64);
}

static void search_users(struct search *search, const struct radius_attribute *attribute)
{
	const struct subscribers *subscribers = &search->lns->subscribers;
	struct subscriber *at = NULL;
	char name[RADIUS_VALUE_MAX + 1];

	memcpy(name, attribute->value, attribute->length);
	name[attribute->length] = '\0';
	while ((at = subscribers_of_user(subscribers, name, at)))
		if (!consider(search, at))
			return;
}

static void search_all(struct search *search)
{
	struct subscriber *at;
	uint32_t index = 0;

	while ((at = subscribers_next(&search->lns->subscribers, &index)))
		if (!consider(search, at))
			return;
}

enum radius_error_cause lns_coa_find(struct lns *lns, const struct radius_packet *request,
	struct subscriber **found, uint32_t *looked)
{
	struct search search = {.lns = lns};
	const struct radius_attribute *first = &search.names[0];
	const unsigned int n_vrfs = lns_config(lns)->n_vrfs;

	*found = NULL;
	*looked = 0;
	if (!names_read(&search, request))
		return RADIUS_ERROR_INVALID_REQUEST;
	if (!search.n)
		return RADIUS_ERROR_MISSING_ATTRIBUTE;
	switch (first->type) {
	case RADIUS_ACCT_SESSION_ID:
	case RADIUS_ACCT_MULTI_SESSION_ID:
		consider(&search, of_acct(lns, first));
		break;
	case RADIUS_NAS_PORT:
		consider(&search, of_port(lns, first));
		break;
	case RADIUS_FRAMED_IP_ADDRESS:
		for (unsigned int vrf = 0; vrf < n_vrfs; vrf++)
			consider(&search, of_address(lns, (uint16_t)vrf, first));
		break;
	case RADIUS_FRAMED_IPV6_PREFIX:
		for (unsigned int vrf = 0; vrf < n_vrfs; vrf++)
			consider(&search, of_prefix(lns, (uint16_t)vrf, first));
		break;
	case RADIUS_USER_NAME:
		search_users(&search, first);
		break;
	default:
		search_all(&search);
		break;
	}
	*looked = search.looked;
	if (search.several)
		return RADIUS_ERROR_MULTIPLE_SESSIONS;
	*found = search.found;
	return search.found ? RADIUS_ERROR_NONE : RADIUS_ERROR_SESSION_NOT_FOUND;
}
