/* SPDX-License-Identifier: BSD-3-Clause */
/* Security associations of the file: keys into bytes, and what does not go together. */
#include "draft.h"
#include "address.h"
#include "value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECTION "security-associations"

/* Bytes of the keys that a cipher takes, its salt included. */
static const struct {
	const char *name;
	uint8_t lengths[3];
	bool combined; /* authenticates by itself */
	const char *expected;
} ciphers[] = {
	[CONFIG_CIPHER_AES_GCM] = {"aes-gcm", {20, 28, 36}, true,
		"40, 56 or 72 hexadecimal digits (a key of 128, 192 or 256 bits, 4 bytes of salt)"},
	[CONFIG_CIPHER_AES_CBC] = {"aes-cbc", {16, 24, 32}, false,
		"32, 48 or 64 hexadecimal digits"},
	[CONFIG_CIPHER_CHACHA20] = {"chacha20-poly1305", {36}, true,
		"72 hexadecimal digits (a key of 256 bits, 4 bytes of salt)"},
	[CONFIG_CIPHER_3DES] = {"3des-cbc", {24}, false, "48 hexadecimal digits"},
	[CONFIG_CIPHER_GMAC] = {"aes-gmac", {20, 28, 36}, true,
		"40, 56 or 72 hexadecimal digits (a key of 128, 192 or 256 bits, 4 bytes of salt)"},
	[CONFIG_CIPHER_NULL] = {"null", {0}, false, "no key"},
};

static const struct {
	uint8_t length;
	const char *expected;
} integrities[] = {
	[CONFIG_INTEGRITY_NONE] = {0, "no key"},
	[CONFIG_INTEGRITY_SHA1] = {20, "40 hexadecimal digits"},
	[CONFIG_INTEGRITY_SHA256] = {32, "64 hexadecimal digits"},
	[CONFIG_INTEGRITY_SHA384] = {48, "96 hexadecimal digits"},
	[CONFIG_INTEGRITY_SHA512] = {64, "128 hexadecimal digits"},
};

/* The text is a secret: errors tell its length at most. */
static int key_decode(struct config_key *key)
{
	const char *digit = key->hex;
	size_t n;

	if (!strncmp(digit, "0x", 2))
		digit += 2;
	n = strspn(digit, "0123456789abcdefABCDEF");
	if (digit[n] || n % 2 || n / 2 > sizeof(key->bytes))
		return -EINVAL;
	key->length = (uint8_t)(n / 2);
	for (size_t i = 0; i < n; i++) {
		int c = tolower((unsigned char)digit[i]);
		uint8_t nibble = (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);

		key->bytes[i / 2] = (uint8_t)(i % 2 ? key->bytes[i / 2] | nibble : nibble << 4);
	}
	return 0;
}

static void check_key(struct config_draft *draft, unsigned int index, const char *key,
	const char *key_file, struct config_key *value, const uint8_t lengths[3],
	const char *expected)
{
	bool inline_ = draft_given(draft, place_item(SECTION, draft->sas, index, key));
	bool file = draft_given(draft, place_item(SECTION, draft->sas, index, key_file));
	struct draft_place place =
		place_item(SECTION, draft->sas, index, file && !inline_ ? key_file : key);
	bool fits = false;

	if (inline_ && file) {
		draft_error(draft, place_item(SECTION, draft->sas, index, key_file),
			"given beside %s, expected one of the two", key);
		return;
	}
	if (!lengths[0]) {
		if (inline_ || file)
			draft_error(
				draft, place, "given, expected %s for this algorithm", expected);
		return;
	}
	if (!inline_ && !file) {
		draft_error(draft, place, "not given, expected %s", expected);
		return;
	}
	if (!*value->hex)
		return; /* reported by the reader */
	if (key_decode(value)) {
		draft_error(draft, place, "%zu characters (not shown), expected %s",
			strlen(value->hex), expected);
		return;
	}
	for (unsigned int i = 0; i < 3 && lengths[i]; i++)
		fits |= value->length == lengths[i];
	if (!fits)
		draft_error(draft, place, "%u hexadecimal digits (not shown), expected %s",
			2u * value->length, expected);
}

static void check_algorithm(struct config_draft *draft, unsigned int index)
{
	const struct config_ipsec_settings *ipsec = &draft->config->ipsec;
	struct config_sa *sa = &draft->config->sas[index];
	const uint8_t integrity[3] = {integrities[sa->integrity].length};
	const char *name = ciphers[sa->cipher].name;
	bool combined = ciphers[sa->cipher].combined;
	static const struct {
		uint8_t cipher;
		size_t permit;
		const char *key;
	} permits[] = {
		{CONFIG_CIPHER_NULL, offsetof(struct config_ipsec_settings, permit_null),
			"permit-null"},
		{CONFIG_CIPHER_GMAC, offsetof(struct config_ipsec_settings, permit_gmac),
			"permit-gmac"},
		{CONFIG_CIPHER_3DES, offsetof(struct config_ipsec_settings, permit_3des),
			"permit-3des"},
	};

	for (unsigned int i = 0; i < sizeof(permits) / sizeof(*permits); i++)
		if (sa->cipher == permits[i].cipher &&
			!*(const bool *)((const char *)ipsec + permits[i].permit))
			draft_error(draft, place_item(SECTION, draft->sas, index, "cipher"),
				"%s, expected ipsec.%s: true with it", name, permits[i].key);
	if (combined && sa->integrity)
		draft_error(draft, place_item(SECTION, draft->sas, index, "integrity"),
			"given beside %s, which authenticates by itself, expected none", name);
	if (!combined && !sa->integrity)
		draft_error(draft, place_item(SECTION, draft->sas, index, "integrity"),
			"none beside %s, expected one of sha1-96, sha256-128, sha384-192, "
			"sha512-256",
			name);
	check_key(draft, index, "key", "key-file", &sa->key, ciphers[sa->cipher].lengths,
		ciphers[sa->cipher].expected);
	if (combined == !sa->integrity)
		check_key(draft, index, "integrity-key", "integrity-key-file", &sa->integrity_key,
			integrity, integrities[sa->integrity].expected);
}

static void check_place(struct config_draft *draft, unsigned int index)
{
	const struct config *config = draft->config;
	const struct config_sa *sa = &config->sas[index];
	char text[64];
	bool ours = false;

	if (!sa->local.family || !sa->peer.family)
		return; /* reported by the reader */
	if (sa->local.family != sa->peer.family)
		draft_error(draft, place_item(SECTION, draft->sas, index, "peer"),
			"%s, expected an address of local's family", ip_addr_text(&sa->peer, text));
	for (unsigned int i = 0; i < config->n_interfaces; i++)
		for (unsigned int j = 0; j < config->interfaces[i].n_addresses; j++)
			ours |= config->interfaces[i].vrf == sa->vrf &&
				!ip_addr_compare(
					&config->interfaces[i].addresses[j].addr, &sa->local);
	if (!ours && sa->vrf != DRAFT_VRF_UNKNOWN)
		draft_error(draft, place_item(SECTION, draft->sas, index, "local"),
			"%s, expected an address of an interface in VRF %s",
			ip_addr_text(&sa->local, text), config->vrfs[sa->vrf].name);
	if (sa->inner.addr.family &&
		(sa->direction == CONFIG_SA_OUT || sa->mode != CONFIG_SA_TUNNEL))
		draft_error(draft, place_item(SECTION, draft->sas, index, "inner"),
			"given for an SA that is %s, expected only at inbound ones in tunnel mode",
			sa->direction == CONFIG_SA_OUT ? "outbound" : "in transport mode");
	if (sa->direction == CONFIG_SA_OUT &&
		draft_given(draft, place_item(SECTION, draft->sas, index, "replay-window")))
		draft_error(draft, place_item(SECTION, draft->sas, index, "replay-window"),
			"given for an outbound SA, expected only at inbound ones");
	if (sa->direction == CONFIG_SA_IN && sa->esn && !sa->replay_window)
		draft_error(draft, place_item(SECTION, draft->sas, index, "replay-window"),
			"0 with esn, expected a number from 32 to 4096");
}

struct keyed {
	const struct config_sa *sa;
	unsigned int index;
};

/* Inbound ones by what a packet is looked up by; outbound ones of combined modes by their keys. */
static int keyed_compare(const struct config_sa *a, const struct config_sa *b)
{
	int order = a->direction - b->direction;

	if (!order && a->direction == CONFIG_SA_OUT) {
		order = ciphers[b->cipher].combined - ciphers[a->cipher].combined;
		if (!order && !ciphers[a->cipher].combined)
			return (a->line > b->line) - (a->line < b->line);
		return order ? order : memcmp(a->key.bytes, b->key.bytes, sizeof(a->key.bytes));
	}
	if (!order)
		order = (a->spi > b->spi) - (a->spi < b->spi);
	if (!order)
		order = (a->vrf > b->vrf) - (a->vrf < b->vrf);
	return order ? order : ip_addr_compare(&a->local, &b->local);
}

static int keyed_order(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	int order = keyed_compare(x->sa, y->sa);

	return order ? order : x->index < y->index ? -1 : 1;
}

static int check_unique(struct config_draft *draft)
{
	const struct config *config = draft->config;
	struct keyed *sorted = calloc(config->n_sas + 1, sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	for (unsigned int i = 0; i < config->n_sas; i++)
		sorted[i] = (struct keyed){&config->sas[i], i};
	qsort(sorted, config->n_sas, sizeof(*sorted), keyed_order);
	for (unsigned int i = 1; i < config->n_sas; i++) {
		const struct config_sa *sa = sorted[i].sa, *before = sorted[i - 1].sa;

		if (keyed_compare(before, sa) || !sa->spi || !sa->key.length != !before->key.length)
			continue;
		if (sa->direction == CONFIG_SA_IN)
			draft_error(draft, place_item(SECTION, draft->sas, sorted[i].index, "spi"),
				"0x%x, expected an SPI that no other inbound SA of this address "
				"has "
				"(line %u has it)",
				sa->spi, before->line);
		else if (sa->key.length && ciphers[sa->cipher].combined)
			/* RFC 4106, section 8.1: two SAs would use the same key with the same IVs */
			draft_error(draft, place_item(SECTION, draft->sas, sorted[i].index, "key"),
				"the key of another outbound SA, expected one of its own "
				"(line %u has it)",
				before->line);
	}
	free(sorted);
	return 0;
}

int draft_check_sas(struct config_draft *draft)
{
	unsigned int limit = draft->config->ipsec.max_sas;

	for (unsigned int i = 0; i < draft->config->n_sas; i++) {
		if (draft->sas[i]->kind != YAML_MAPPING)
			continue; /* reported by the reader */
		check_algorithm(draft, i);
		check_place(draft, i);
	}
	if (draft->config->n_sas > limit)
		draft_error(draft, place_key(SECTION, NULL),
			"%u, expected no more than ipsec.max-sas (%u)", draft->config->n_sas,
			limit);
	return check_unique(draft);
}
