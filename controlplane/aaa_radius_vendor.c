/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates, policies and what vendors put into an Access-Accept. */
#include "aaa_radius_reading.h"

#include "aaa_radius_text.h"

#include <ctype.h>
#include <string.h>

#define BURST_LEAST 15000

/* ---- rates ---- */

bool reading_rate(struct reading *reading, bool up, uint64_t rate, uint32_t burst)
{
	uint64_t *to = up ? &reading->extra->up_rate : &reading->extra->down_rate;
	bool *has = up ? &reading->has_up : &reading->has_down;

	if (*has && *to != rate)
		return reading_refuse(
			reading, "two different rates %s the subscriber", up ? "from" : "to");
	if (rate && rate < 8000)
		return reading_refuse(
			reading, "a rate of %u bit/s, expected at least 8000", (unsigned int)rate);
	if (!burst)
		burst = rate / 80 > BURST_LEAST
			? (uint32_t)(rate / 80 > UINT32_MAX / 2 ? UINT32_MAX / 2 : rate / 80)
			: BURST_LEAST;
	*has = true;
	*to = rate;
	*(up ? &reading->extra->up_burst : &reading->extra->down_burst) = rate ? burst : 0;
	return true;
}

static bool policy_set(
	struct reading *reading, const char *attribute, const char *name, bool up, bool down)
{
	const struct config_policy *policy = config_policy_find(reading->config, name);

	if (!policy)
		return reading_refuse(reading, "%s names the policy %s, which is not in policies",
			attribute, name);
	strcpy(reading->extra->policy, policy->name);
	return (!up || reading_rate(reading, true, policy->up_rate, policy->up_burst)) &&
		(!down || reading_rate(reading, false, policy->down_rate, policy->down_burst));
}

static bool vrf_take(struct reading *reading, unsigned int vrf)
{
	if (reading->has_vrf && reading->answer->vrf != vrf)
		return reading_refuse(reading, "two different VRFs");
	reading->has_vrf = true;
	reading->answer->vrf = vrf;
	return true;
}

bool reading_filter_id(struct reading *reading, const struct radius_attribute *attribute)
{
	const struct config_policy *policy;
	char name[READING_TEXT_MAX] = "";
	bool rates;

	if (!reading_text(reading, attribute, "Filter-Id", name))
		return false;
	policy = config_policy_find(reading->config, name);
	/* one that only leads into a VRF leaves the rates to others */
	rates = !policy || policy->vrf < 0 || policy->up_rate || policy->down_rate;
	if (rates && !policy_set(reading, "Filter-Id", name, true, true))
		return false;
	return policy->vrf < 0 || vrf_take(reading, (unsigned int)policy->vrf);
}

static bool rate_read(struct reading *reading, const struct radius_attribute *attribute,
	const char *name, bool up)
{
	uint32_t rate;

	if (radius_get_u32(attribute, &rate))
		return reading_malformed(reading, name, attribute);
	return reading_rate(reading, up, rate, 0);
}

/* ---- vendors ---- */

static bool dns_read(struct reading *reading, const struct radius_attribute *attribute,
	const char *name, unsigned int which)
{
	struct ip_addr *dns = &reading->answer->dns[which];

	if (attribute->length != 4)
		return reading_malformed(reading, name, attribute);
	*dns = (struct ip_addr){.family = 4};
	memcpy(dns->bytes, attribute->value, 4);
	return true;
}

/* RFC 2548 2.3.3: an identifier, "S=" and 40 digits, then perhaps more. */
static bool mschap_success_read(struct reading *reading, const struct radius_attribute *attribute)
{
	struct aaa_answer *answer = reading->answer;
	size_t digits = sizeof(answer->authenticator) - 1;

	if (attribute->length < 1 + digits || memcmp(attribute->value + 1, "S=", 2))
		return reading_malformed(reading, "MS-CHAP2-Success", attribute);
	for (size_t i = 2; i < digits; i++)
		if (!isxdigit(attribute->value[1 + i]))
			return reading_malformed(reading, "MS-CHAP2-Success", attribute);
	if (attribute->value[0] != reading->request->chap_id)
		return reading_refuse(reading, "MS-CHAP2-Success is for identifier %u, not %u",
			attribute->value[0], reading->request->chap_id);
	memcpy(answer->authenticator, attribute->value + 1, digits);
	answer->authenticator[digits] = '\0';
	answer->has_authenticator = true;
	return true;
}

static bool vrf_set(struct reading *reading, const char *name)
{
	const struct config *config = reading->config;

	for (unsigned int i = 0; i < config->n_vrfs; i++) {
		if (strcmp(config->vrfs[i].name, name))
			continue;
		return vrf_take(reading, i);
	}
	return reading_refuse(reading, "VRF %s is not in vrfs", name);
}

/* "ip:vrf-id=NAME" and "sub-qos-policy-in=NAME", with or without "ip:", "ipv6:prefix=..."; others are not ours. */
static bool cisco_read(struct reading *reading, const struct radius_attribute *attribute)
{
	char pair[RADIUS_VALUE_MAX + 1], *name = pair, *value;

	memcpy(pair, attribute->value, attribute->length);
	pair[attribute->length] = '\0';
	if (!strncmp(name, "ip:", 3))
		name += 3;
	value = strchr(name, '=');
	/* "ipv6:prefix=" or "ipv6:prefix#1=", lifetimes and flags behind it are the configuration's */
	if (value && strlen(pair) == attribute->length && !strncmp(pair, "ipv6:prefix", 11) &&
		(pair[11] == '=' || pair[11] == '#'))
		return reading_prefix6_text(reading, value + 1);
	if (!value || strlen(pair) != attribute->length || strlen(value) > CONFIG_NAME_MAX) {
		reading->counters[AAA_RADIUS_UNUSED_ATTRIBUTES]++;
		return true;
	}
	*value++ = '\0';
	if (!strcmp(name, "vrf-id"))
		return vrf_set(reading, value);
	if (!strcmp(name, "sub-qos-policy-in"))
		return policy_set(reading, "sub-qos-policy-in", value, true, false);
	if (!strcmp(name, "sub-qos-policy-out"))
		return policy_set(reading, "sub-qos-policy-out", value, false, true);
	reading->counters[AAA_RADIUS_UNUSED_ATTRIBUTES]++;
	return true;
}

static bool mikrotik_read(struct reading *reading, const struct radius_attribute *attribute)
{
	uint64_t up, down;
	char text[READING_TEXT_MAX];

	if (!aaa_rate_limit_parse(attribute->value, attribute->length, &up, &down))
		return reading_refuse(reading,
			"Mikrotik-Rate-Limit \"%s\", expected rates like 2M/10M (from and to the "
			"subscriber)",
			reading_excerpt(attribute, text));
	return reading_rate(reading, true, up, 0) && reading_rate(reading, false, down, 0);
}

static bool ascend_rate_read(struct reading *reading, const struct radius_attribute *attribute)
{
	uint32_t rate;

	if (radius_get_u32(attribute, &rate))
		return reading_malformed(reading, "Ascend-Data-Rate", attribute);
	reading->has_ascend_rate = true;
	reading->ascend_rate = rate;
	return reading_rate(reading, true, rate, 0);
}

/* MPPE keys need the shared secret: only looked at, so that a broken one is not taken for good. */
static bool mppe_key_check(struct reading *reading, const struct radius_attribute *attribute)
{
	uint8_t key[RADIUS_VALUE_MAX];
	int n = radius_salted_reveal(attribute->value, attribute->length,
		reading->reply->request_authenticator, reading->reply->secret, key);

	explicit_bzero(key, sizeof(key));
	reading->counters[AAA_RADIUS_UNUSED_ATTRIBUTES]++;
	return n >= 0 || reading_malformed(reading, "MS-MPPE key", attribute);
}

static bool vendor_attribute_read(
	struct reading *reading, uint32_t vendor, const struct radius_attribute *attribute)
{
#define VENDOR(vendor, type) ((uint64_t)(vendor) << 8 | (type))
	switch (VENDOR(vendor, attribute->type)) {
	case VENDOR(RADIUS_VENDOR_MICROSOFT, 16):
	case VENDOR(RADIUS_VENDOR_MICROSOFT, 17):
		return mppe_key_check(reading, attribute);
	case VENDOR(RADIUS_VENDOR_MICROSOFT, 26):
		return mschap_success_read(reading, attribute);
	case VENDOR(RADIUS_VENDOR_MICROSOFT, 28):
		return dns_read(reading, attribute, "MS-Primary-DNS-Server", 0);
	case VENDOR(RADIUS_VENDOR_MICROSOFT, 29):
		return dns_read(reading, attribute, "MS-Secondary-DNS-Server", 1);
	case VENDOR(RADIUS_VENDOR_ASCEND, 135):
		return dns_read(reading, attribute, "Ascend-Client-Primary-DNS", 0);
	case VENDOR(RADIUS_VENDOR_ASCEND, 136):
		return dns_read(reading, attribute, "Ascend-Client-Secondary-DNS", 1);
	case VENDOR(RADIUS_VENDOR_ASCEND, 197):
		return ascend_rate_read(reading, attribute);
	case VENDOR(RADIUS_VENDOR_ASCEND, 255):
		return rate_read(reading, attribute, "Ascend-Xmit-Rate", false);
	case VENDOR(RADIUS_VENDOR_WISPR, 7):
		return rate_read(reading, attribute, "WISPr-Bandwidth-Max-Up", true);
	case VENDOR(RADIUS_VENDOR_WISPR, 8):
		return rate_read(reading, attribute, "WISPr-Bandwidth-Max-Down", false);
	case VENDOR(RADIUS_VENDOR_MIKROTIK, 8):
		return mikrotik_read(reading, attribute);
	case VENDOR(RADIUS_VENDOR_CISCO, 1):
		return cisco_read(reading, attribute);
	default:
		reading->counters[AAA_RADIUS_UNKNOWN_ATTRIBUTES]++;
		return true;
	}
#undef VENDOR
}

static bool is_known_vendor(uint32_t vendor)
{
	return vendor == RADIUS_VENDOR_MICROSOFT || vendor == RADIUS_VENDOR_ASCEND ||
		vendor == RADIUS_VENDOR_WISPR || vendor == RADIUS_VENDOR_MIKROTIK ||
		vendor == RADIUS_VENDOR_CISCO;
}

bool reading_vendor(struct reading *reading, const struct radius_attribute *attribute)
{
	struct radius_vendor_attributes vendor;
	struct radius_attribute inner;
	uint32_t id;
	int rc = radius_vendor_open(attribute, &vendor);

	if (attribute->length < 4)
		return reading_malformed(reading, "Vendor-Specific", attribute);
	/* a vendor of whom nothing is known may have a format of its own */
	id = (uint32_t)attribute->value[0] << 24 | (uint32_t)attribute->value[1] << 16 |
		(uint32_t)attribute->value[2] << 8 | attribute->value[3];
	if (!is_known_vendor(id)) {
		reading->counters[AAA_RADIUS_UNKNOWN_ATTRIBUTES]++;
		return true;
	}
	if (rc)
		return reading_malformed(reading, "Vendor-Specific", attribute);
	while (radius_vendor_next(&vendor, &inner))
		if (!vendor_attribute_read(reading, id, &inner))
			return false;
	return true;
}
