/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine gives the published answers: per algorithm, and for whole ESP packets. */
#include "esp_rig.h"
#include "engine.h"
#include "esp_vectors.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

TestSuite(esp_vectors, .init = rig_init, .fini = rig_fini);

static size_t unhex(const char *text, uint8_t *to)
{
	size_t n = strlen(text) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned int byte;

		cr_assert_eq(sscanf(text + 2 * i, "%2x", &byte), 1);
		to[i] = (uint8_t)byte;
	}
	return n;
}

/* An SA whose keys are those of the vector; the salt is of no account. */
static struct sa *vector_sa(enum sa_direction direction, enum esp_cipher cipher, enum esp_auth auth,
	const uint8_t *key, size_t key_len)
{
	static const uint8_t auth_lengths[] = {0, 20, 32, 48, 64};
	static uint8_t auth_key[ESP_AUTH_KEY_MAX];
	struct sa_params params = rig_params(0, direction);

	memset(auth_key, 0x0b, sizeof(auth_key));
	params.cipher = cipher;
	params.auth = auth;
	params.key = key;
	params.key_len = key_len + (auth == ESP_AUTH_NONE ? ESP_SALT_LEN : 0);
	params.auth_key = auth_key;
	params.auth_key_len = auth_lengths[auth];
	return rig_sa(&params);
}

/* A packet of nothing but room: where the text of an operation may begin. */
static uint8_t *room(struct rte_mbuf **m)
{
	*m = rte_pktmbuf_alloc(rig_pool);
	cr_assert_not_null(*m);
	return (uint8_t *)rte_pktmbuf_append(*m, 2400) + 64;
}

/* One combined-mode vector as an operation, encrypted and decrypted again, by SAs of both directions. */
static void aead_vector_run(enum esp_cipher cipher, const struct aead_vector *vector, bool forged)
{
	uint8_t key[36] = {0}, clear[2048], text[2048];
	size_t key_len = unhex(vector->key, key), length = unhex(vector->text, text);
	struct engine_op op = {.length = (uint32_t)length};

	cr_assert_eq(unhex(vector->nonce, op.nonce), 12);
	op.aad_length = (uint8_t)unhex(vector->aad, op.aad);

	struct sa *out = vector_sa(SA_OUTBOUND, cipher, ESP_AUTH_NONE, key, key_len);
	struct sa *in = vector_sa(SA_INBOUND, cipher, ESP_AUTH_NONE, key, key_len);

	op.text = room(&op.packet);
	unhex(vector->icv, text + length);
	if (!forged) {
		cr_assert_eq(unhex(vector->clear, clear), length);
		memcpy(op.text, clear, length);
		engine_seal(rig_engine, out, &op, 1);
		cr_assert_eq(op.reject, ESP_ACCEPTED);
		cr_assert_eq(memcmp(op.text, text, length + 16), 0, "sealing, key %s", vector->key);
	}
	memcpy(op.text, text, length + 16);
	engine_open(rig_engine, in, &op, 1);
	cr_assert_eq(
		op.reject, forged ? ESP_REJECT_ICV : ESP_ACCEPTED, "opening, key %s", vector->key);
	if (!forged) {
		cr_assert_eq(memcmp(op.text, clear, length), 0, "opening, key %s", vector->key);
		op.text[length + 15] ^= 1;
		memcpy(op.text, text, length);
		engine_open(rig_engine, in, &op, 1);
		cr_assert_eq(op.reject, ESP_REJECT_ICV, "one bit, key %s", vector->key);
	}
	rte_pktmbuf_free(op.packet);
	sa_destroy(rig_store, in);
	sa_destroy(rig_store, out);
}

/* Additional data of no length and of 16 bytes: not what ESP has, so not what sessions of devices take. */
Test(esp_vectors, aes_gcm)
{
	cr_assert_geq(N(aes_gcm), 24);
	for (size_t i = 0; i < N(aes_gcm); i++)
		aead_vector_run(ESP_CIPHER_AES_GCM_16, &aes_gcm[i], false);
}

Test(esp_vectors, aes_gcm_forged)
{
	cr_assert_geq(N(aes_gcm_forged), 6);
	for (size_t i = 0; i < N(aes_gcm_forged); i++)
		aead_vector_run(ESP_CIPHER_AES_GCM_16, &aes_gcm_forged[i], true);
}

Test(esp_vectors, chacha20_poly1305)
{
	cr_assert_geq(N(chacha20_poly1305), 5);
	for (size_t i = 0; i < N(chacha20_poly1305); i++)
		aead_vector_run(ESP_CIPHER_CHACHA20_POLY1305, &chacha20_poly1305[i], false);
}

/* The additional data of the vector lies where header, IV and text of a packet are. */
static void aes_gmac_vectors(void)
{
	for (size_t i = 0; i < N(aes_gmac); i++) {
		uint8_t key[36] = {0}, icv[16];
		struct engine_op op = {.aad_length = 8};
		uint8_t *data = room(&op.packet);
		size_t length = unhex(aes_gmac[i].aad, data), key_len = unhex(aes_gmac[i].key, key);
		struct sa *out =
			vector_sa(SA_OUTBOUND, ESP_CIPHER_AES_GMAC, ESP_AUTH_NONE, key, key_len);
		struct sa *in =
			vector_sa(SA_INBOUND, ESP_CIPHER_AES_GMAC, ESP_AUTH_NONE, key, key_len);

		op.text = data + 16;
		op.length = (uint32_t)length - 16;
		memcpy(op.aad, data, 8);
		unhex(aes_gmac[i].nonce, op.nonce);
		unhex(aes_gmac[i].icv, icv);
		engine_seal(rig_engine, out, &op, 1);
		cr_assert_eq(memcmp(data + length, icv, 16), 0, "key %s", aes_gmac[i].key);
		engine_open(rig_engine, in, &op, 1);
		cr_assert_eq(op.reject, ESP_ACCEPTED);
		/* libipsec-mb is given the header apart from the packet */
		data[9] ^= 1;
		engine_open(rig_engine, in, &op, 1);
		cr_assert_eq(op.reject, ESP_REJECT_ICV, "the IV is not authenticated");
		rte_pktmbuf_free(op.packet);
		sa_destroy(rig_store, in);
		sa_destroy(rig_store, out);
	}
}

RIG_PER_ENGINE(esp_vectors, aes_gmac_vectors)

/* All the vectors of one key length as one burst of jobs: lanes of different lengths, order kept. */
static void cbc_vectors_run(enum esp_cipher cipher, const struct cbc_vector *vectors, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t key[32], text[512];
		size_t key_len = unhex(vectors[i].key, key);
		struct sa *out =
			vector_sa(SA_OUTBOUND, cipher, ESP_AUTH_HMAC_SHA1_96, key, key_len);
		struct sa *in = vector_sa(SA_INBOUND, cipher, ESP_AUTH_HMAC_SHA1_96, key, key_len);
		uint32_t iv = in->algorithm.iv;
		struct engine_op ops[8];

		/* the vector between others of the same key, longer and shorter */
		for (size_t k = 0; k < 8; k++) {
			ops[k] = (struct engine_op){.length = (uint32_t)(16 + 32 * k)};
			ops[k].text = room(&ops[k].packet);
			rig_fill(ops[k].text - 8 - iv, 512);
		}
		unhex(vectors[i].iv, ops[3].text - iv);
		ops[3].length = (uint32_t)unhex(vectors[i].clear, ops[3].text);
		engine_seal(rig_engine, out, ops, 8);
		unhex(vectors[i].text, text);
		cr_assert_eq(memcmp(ops[3].text, text, ops[3].length), 0, "key %s", vectors[i].key);
		engine_open(rig_engine, in, ops, 8);
		for (size_t k = 0; k < 8; k++) {
			cr_assert_eq(ops[k].reject, ESP_ACCEPTED, "operation %zu, key %s", k,
				vectors[i].key);
			rte_pktmbuf_free(ops[k].packet);
		}
		unhex(vectors[i].clear, text);
		cr_assert_eq(memcmp(ops[3].text, text, ops[3].length), 0, "key %s", vectors[i].key);
		sa_destroy(rig_store, in);
		sa_destroy(rig_store, out);
	}
}

static void aes_cbc_vectors(void)
{
	cbc_vectors_run(ESP_CIPHER_AES_CBC, aes_cbc, N(aes_cbc));
}

RIG_PER_ENGINE(esp_vectors, aes_cbc_vectors)

static void des3_cbc_vectors(void)
{
	cbc_vectors_run(ESP_CIPHER_3DES_CBC, des3_cbc, N(des3_cbc));
}

RIG_PER_ENGINE(esp_vectors, des3_cbc_vectors)

/* "Hi There" is as long as the ESP header. */
static void hmac_vectors(void)
{
	for (size_t i = 0; i < N(hmac); i++) {
		struct sa *out = vector_sa(SA_OUTBOUND, ESP_CIPHER_NULL, hmac[i].auth, NULL, 0);
		struct sa *in = vector_sa(SA_INBOUND, ESP_CIPHER_NULL, hmac[i].auth, NULL, 0);
		uint32_t length = in->algorithm.icv;
		struct engine_op op = {.length = 0};
		uint8_t icv[ESP_ICV_MAX];

		op.text = room(&op.packet);
		memcpy(op.text - 8, "Hi There", 8);
		cr_assert_eq(unhex(hmac[i].icv, icv), length);
		engine_seal(rig_engine, out, &op, 1);
		cr_assert_eq(memcmp(op.text - 8, "Hi There", 8), 0);
		cr_assert_eq(memcmp(op.text, icv, length), 0, "%s", esp_auth_name(hmac[i].auth));
		for (uint32_t bit = 0; bit < 8u * length; bit++) {
			op.text[bit / 8] ^= (uint8_t)(1 << bit % 8);
			engine_open(rig_engine, in, &op, 1);
			cr_assert_eq(op.reject, ESP_REJECT_ICV, "%s: bit %u",
				esp_auth_name(hmac[i].auth), bit);
			op.text[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		engine_open(rig_engine, in, &op, 1);
		cr_assert_eq(op.reject, ESP_ACCEPTED);
		rte_pktmbuf_free(op.packet);
		sa_destroy(rig_store, in);
		sa_destroy(rig_store, out);
	}
}

RIG_PER_ENGINE(esp_vectors, hmac_vectors)

/* Through esp_inbound_burst as transport mode, and made again by esp_outbound_burst. */
static void whole_packets(void)
{
	for (size_t i = 0; i < N(esp_packets); i++) {
		uint8_t keymat[36], clear[256], wire[256], expected[256], got[256];
		struct sa_params params = rig_params(0, SA_INBOUND);

		if (esp_packets[i].chacha20 && rig_lacks(ESP_CIPHER_CHACHA20_POLY1305))
			continue;

		uint32_t spi = rte_cpu_to_be_32(esp_packets[i].spi);
		uint32_t low = rte_cpu_to_be_32((uint32_t)esp_packets[i].sequence);
		size_t n;

		params.spi = esp_packets[i].spi;
		params.cipher = esp_packets[i].chacha20 ? ESP_CIPHER_CHACHA20_POLY1305
							: ESP_CIPHER_AES_GCM_16;
		params.key = keymat;
		params.key_len = unhex(esp_packets[i].keymat, keymat);
		params.esn = esp_packets[i].esn;
		params.sequence = esp_packets[i].sequence - 1;

		size_t length = unhex(esp_packets[i].clear, clear);
		uint8_t pad = clear[length - 2], next_header = clear[length - 1];

		memcpy(wire, &spi, 4);
		memcpy(wire + 4, &low, 4);
		n = 8 + unhex(esp_packets[i].iv, wire + 8);
		n += unhex(esp_packets[i].text, wire + n);

		struct rte_mbuf *m = rig_packet(4, IPPROTO_ESP, (uint32_t)n);
		struct sa *sa = rig_sa(&params);

		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, 20), wire, n);
		rig_expect(rig_in(sa, m), ESP_ACCEPTED);
		cr_assert_eq(m->pkt_len, 20 + length - 2 - pad);
		rig_bytes(m, got);
		cr_assert_eq(got[9], next_header);
		cr_assert_eq(memcmp(got + 20, clear, length - 2 - pad), 0, "packet %zu", i);
		rte_pktmbuf_free(m);
		sa_destroy(rig_store, sa);

		/* the other way: the IV comes out of number and base */
		uint64_t iv;

		memcpy(&iv, wire + 8, 8);
		params.direction = SA_OUTBOUND;
		params.iv_base = rte_be_to_cpu_64(iv) - esp_packets[i].sequence;
		if (rte_be_to_cpu_64(iv) < esp_packets[i].sequence)
			continue; /* such an IV cannot be reached by this sender */
		sa = rig_sa(&params);
		m = rig_packet(4, next_header, (uint32_t)length - 2 - pad);
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, 20), clear, length - 2 - pad);
		rig_expect(rig_out(sa, m), ESP_ACCEPTED);
		cr_assert_eq(rig_bytes(m, expected), 20 + n);
		cr_assert_eq(memcmp(expected + 20, wire, n), 0, "packet %zu", i);
		rte_pktmbuf_free(m);
		sa_destroy(rig_store, sa);
	}
}

RIG_PER_ENGINE(esp_vectors, whole_packets)
