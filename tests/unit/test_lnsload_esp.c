/* SPDX-License-Identifier: BSD-3-Clause */
/* ESP of lnsload: against published packets, and both ways against the daemon's own. */
#include <criterion/criterion.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

#include "association.h"
#include "bytes.h"
#include "esp_rig.h"
#include "esp_vectors.h"

TestSuite(lnsload_esp, .init = rig_init, .fini = rig_fini);

static size_t unhex(const char *text, uint8_t *out)
{
	size_t n = strlen(text) / 2;

	for (size_t i = 0; i < n; i++)
		sscanf(text + 2 * i, "%2hhx", &out[i]);
	return n;
}

Test(lnsload_esp, published_packets_are_made_and_opened)
{
	for (size_t i = 0; i < sizeof(esp_packets) / sizeof(esp_packets[0]); i++) {
		const struct esp_vector *v = &esp_packets[i];
		uint8_t key[64], clear[200], packet[300], out[300], iv[8];
		size_t key_len = unhex(v->keymat, key), len = unhex(v->clear, clear), n;
		size_t payload = len - 2 - clear[len - 2];
		struct association_config c = {
			.key = key, .spi = v->spi, .esn = v->esn, .sequence = v->sequence - 1};
		struct association_content content;
		struct association a;
		struct transform t;

		cr_assert(transform_find(v->chacha20 ? "chacha20poly1305"
				: key_len == 20      ? "aes128gcm16"
				: key_len == 28      ? "aes192gcm16"
						     : "aes256gcm16",
			&t));
		cr_assert_eq(t.key, key_len);
		c.transform = &t;
		unhex(v->iv, iv);
		c.iv = get_be64(iv);
		put_be32(packet, v->spi);
		put_be32(packet + 4, (uint32_t)v->sequence);
		memcpy(packet + 8, iv, 8);
		n = 16 + unhex(v->text, packet + 16);

		cr_assert_eq(association_init(&a, &c, false), 0);
		cr_assert_eq(association_unprotect(&a, packet, n, out, &content), ASSOCIATION_OK,
			"packet %zu", i);
		cr_assert_eq(content.len, payload);
		cr_assert_eq(memcmp(content.payload, clear, payload), 0);
		cr_assert_eq(content.next_header, clear[len - 1]);
		cr_assert_eq(content.sequence, v->sequence);
		association_free(&a);

		cr_assert_eq(association_init(&a, &c, true), 0);
		cr_assert_eq(
			association_protect(&a, clear[len - 1], clear, payload, out, sizeof(out)),
			n, "packet %zu", i);
		cr_assert_eq(memcmp(out, packet, n), 0, "packet %zu", i);
		association_free(&a);
	}
}

/* The daemon's parameters for this transform and these keys. */
static struct sa_params params_of(const struct transform *t, const uint8_t *key,
	const uint8_t *auth_key, enum sa_direction direction, bool esn)
{
	struct sa_params p = rig_params(0, direction);
	char auth[32] = "none";

	for (p.cipher = 0; p.cipher < ESP_CIPHERS; p.cipher++)
		if (strncmp(esp_cipher_name(p.cipher), t->yaml_cipher, strlen(t->yaml_cipher)) == 0)
			break;
	if (t->yaml_integrity != NULL)
		snprintf(auth, sizeof(auth), "hmac-%s", t->yaml_integrity);
	for (p.auth = 0; p.auth < ESP_AUTHS; p.auth++)
		if (strcmp(esp_auth_name(p.auth), auth) == 0)
			break;
	p.key = key;
	p.key_len = t->key;
	p.auth_key = auth_key;
	p.auth_key_len = t->auth_key;
	p.esn = esn;
	p.sequence_limit = esn ? UINT64_MAX : UINT32_MAX;
	return p;
}

static void both_ways(const struct transform *t, bool esn)
{
	uint8_t key[TRANSFORM_KEY_MAX], auth_key[TRANSFORM_AUTH_MAX];
	uint8_t payload[1600], packet[2000], out[2000];
	struct association_config c = {
		.transform = t, .spi = RIG_SPI, .key = key, .auth_key = auth_key, .esn = esn};
	struct association_content content;
	struct association ours_out, ours_in;
	struct sa_params p;
	struct sa *in, *outbound;

	cr_assert_eq(association_derive(t, "pass", RIG_SPI, key, auth_key), 0);
	cr_assert_eq(association_init(&ours_out, &c, true), 0);
	cr_assert_eq(association_init(&ours_in, &c, false), 0);
	p = params_of(t, key, auth_key, SA_INBOUND, esn);
	in = rig_sa(&p);
	p = params_of(t, key, auth_key, SA_OUTBOUND, esn);
	outbound = rig_sa(&p);
	for (size_t len = 8; len < 1500; len = len * 5 / 4 + 1) {
		struct rte_mbuf *m = rig_packet(4, 17, (uint32_t)len);
		uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
		size_t n;

		memcpy(payload, ip + 20, len);
		rig_expect(rig_out(outbound, m), ESP_ACCEPTED);
		ip = rte_pktmbuf_mtod(m, uint8_t *);
		cr_assert_eq(
			association_unprotect(&ours_in, ip + 20, m->pkt_len - 20, out, &content),
			ASSOCIATION_OK, "%s, %zu bytes from the daemon", t->name, len);
		cr_assert_eq(content.len, len);
		cr_assert_eq(content.next_header, 17);
		cr_assert_eq(memcmp(content.payload, payload, len), 0);
		cr_assert_eq(
			association_unprotect(&ours_in, ip + 20, m->pkt_len - 20, out, &content),
			ASSOCIATION_REPLAYED);
		rte_pktmbuf_free(m);

		n = association_protect(&ours_out, 17, payload, len, packet, sizeof(packet));
		cr_assert_gt(n, len);
		m = rig_packet(4, 50, (uint32_t)n);
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, 20), packet, n);
		rig_expect(rig_in(in, m), ESP_ACCEPTED);
		cr_assert_eq(m->pkt_len, len + 20);
		cr_assert_eq(memcmp(rte_pktmbuf_mtod_offset(m, uint8_t *, 20), payload, len), 0,
			"%s, %zu bytes to the daemon", t->name, len);
		rte_pktmbuf_free(m);
	}
	sa_destroy(rig_store, in);
	sa_destroy(rig_store, outbound);
	association_free(&ours_out);
	association_free(&ours_in);
}

Test(lnsload_esp, every_algorithm_agrees_with_the_daemon_both_ways)
{
	struct transform t;
	unsigned n = 0;

	for (; transform_nth(n, &t); n++) {
		both_ways(&t, false);
		both_ways(&t, true);
	}
	cr_assert_eq(n, 27);
}

Test(lnsload_esp, what_is_altered_anywhere_is_not_authentic)
{
	uint8_t key[TRANSFORM_KEY_MAX] = {1}, auth_key[TRANSFORM_AUTH_MAX] = {2};
	uint8_t packet[200], out[200], payload[50] = "data";
	struct association_content content;
	struct transform t;

	for (unsigned i = 0; transform_nth(i, &t); i++) {
		struct association_config c = {
			.transform = &t, .spi = 256, .key = key, .auth_key = auth_key};
		struct association a, b;
		size_t n;

		cr_assert_eq(association_init(&a, &c, true), 0);
		cr_assert_eq(association_init(&b, &c, false), 0);
		n = association_protect(&a, 17, payload, sizeof(payload), packet, sizeof(packet));
		for (size_t bit = 7 * 8 + 1; bit < n * 8; bit++) {
			packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
			cr_assert_eq(association_unprotect(&b, packet, n, out, &content),
				ASSOCIATION_ICV, "%s, bit %zu", t.name, bit);
			packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t len = 0; len < n; len++)
			cr_assert_neq(association_unprotect(&b, packet, len, out, &content),
				ASSOCIATION_OK);
		cr_assert_eq(association_unprotect(&b, packet, n, out, &content), ASSOCIATION_OK);
		association_free(&a);
		association_free(&b);
	}
}

/* Numbers in the order of arrival, and what becomes of each. */
static const struct {
	uint64_t number;
	enum association_verdict verdict;
} arrivals[] = {
	{1, ASSOCIATION_OK},
	{1, ASSOCIATION_REPLAYED},
	{3, ASSOCIATION_OK},
	{2, ASSOCIATION_OK},
	{2, ASSOCIATION_REPLAYED},
	{ASSOCIATION_WINDOW + 2, ASSOCIATION_OK},
	{3, ASSOCIATION_REPLAYED},
	{2, ASSOCIATION_OLD},
	{4, ASSOCIATION_OK},
	{3 * ASSOCIATION_WINDOW, ASSOCIATION_OK},
	{2 * ASSOCIATION_WINDOW, ASSOCIATION_OLD},
	{2 * ASSOCIATION_WINDOW + 1, ASSOCIATION_OK},
	{3 * ASSOCIATION_WINDOW, ASSOCIATION_REPLAYED},
	{0, ASSOCIATION_SEQUENCE},
	{UINT32_MAX, ASSOCIATION_OK},
	{UINT32_MAX - ASSOCIATION_WINDOW, ASSOCIATION_OLD},
};

static size_t numbered(struct association *a, uint64_t number, uint8_t packet[100])
{
	a->sequence = number - 1;
	a->esn |= number == 0; /* which is never sent otherwise */
	return association_protect(a, 17, (const uint8_t *)"12345678", 8, packet, 100);
}

Test(lnsload_esp, window)
{
	uint8_t key[TRANSFORM_KEY_MAX] = {1}, packet[100], out[100];
	struct association_content content;
	struct association_config c = {.spi = 256, .key = key};
	struct association a, b;
	struct transform t;

	cr_assert(transform_find("aes128gcm16", &t));
	c.transform = &t;
	cr_assert_eq(association_init(&a, &c, true), 0);
	cr_assert_eq(association_init(&b, &c, false), 0);
	for (size_t i = 0; i < sizeof(arrivals) / sizeof(arrivals[0]); i++) {
		size_t n;

		if (arrivals[i].number == 0) {
			n = numbered(&a, 1, packet);
			memset(packet + 4, 0, 4);
		} else {
			n = numbered(&a, arrivals[i].number, packet);
		}
		cr_assert_eq(association_unprotect(&b, packet, n, out, &content),
			arrivals[i].verdict, "step %zu, number %lu", i, arrivals[i].number);
	}
	cr_assert_eq(association_protect(&a, 17, packet, 8, out, sizeof(out)), 44);
	a.sequence = UINT32_MAX;
	cr_assert_eq(
		association_protect(&a, 17, packet, 8, out, sizeof(out)), 0, "no number is left");
	association_free(&a);
	association_free(&b);
}

Test(lnsload_esp, extended_numbers_go_past_the_end_of_the_lower_half)
{
	uint8_t key[TRANSFORM_KEY_MAX] = {1}, auth_key[TRANSFORM_AUTH_MAX] = {1};
	uint8_t packet[100], out[100];
	struct association_content content;
	struct transform t;

	for (unsigned i = 0; transform_nth(i, &t); i++) {
		struct association_config c = {.transform = &t,
			.spi = 256,
			.key = key,
			.auth_key = auth_key,
			.esn = true,
			.sequence = UINT32_MAX - 20ull};
		struct association a, b;

		cr_assert_eq(association_init(&a, &c, true), 0);
		cr_assert_eq(association_init(&b, &c, false), 0);
		for (uint64_t number = UINT32_MAX - 19ull; number < UINT32_MAX + 20ull; number++) {
			size_t n = association_protect(&a, 17, key, 8, packet, sizeof(packet));

			cr_assert_eq(association_unprotect(&b, packet, n, out, &content),
				ASSOCIATION_OK, "%s %lx", t.name, number);
			cr_assert_eq(content.sequence, number);
		}
		association_free(&a);
		association_free(&b);
	}
}

Test(lnsload_esp, keys_depend_on_passphrase_algorithm_and_spi)
{
	uint8_t key[4][TRANSFORM_KEY_MAX], auth_key[TRANSFORM_AUTH_MAX], expected[64];
	struct transform gcm, cbc;

	cr_assert(transform_find("aes256gcm16", &gcm));
	cr_assert(transform_find("aes256-sha512", &cbc));
	cr_assert_eq(association_derive(&gcm, "lab", 0x10000, key[0], auth_key), 0);
	cr_assert_eq(association_derive(&gcm, "lab", 0x10001, key[1], auth_key), 0);
	cr_assert_eq(association_derive(&gcm, "Lab", 0x10000, key[2], auth_key), 0);
	cr_assert_eq(association_derive(&cbc, "lab", 0x10000, key[3], auth_key), 0);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			cr_assert_neq(memcmp(key[i], key[j], 16), 0);
	/* by Python's hmac, of label, SPI and counter as association.h has it */
	unhex("e2a456453527a7d756f341b08a247e43553439f6569da3903d89d77d8f9cbe5f558ed432", expected);
	cr_assert_eq(memcmp(key[0], expected, 36), 0);
	unhex("aab17e1c6db0eb8776895f9b802e254ebf3536a5bf355e6a4ac994671466921d7c19cc71"
	      "a3fc14cdd9c7b70d2c6148901ec56eeaf39ce0dbf40f228e6f80a1cf",
		expected);
	cr_assert_eq(memcmp(auth_key, expected, 64), 0);
}
