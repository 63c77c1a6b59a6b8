/* SPDX-License-Identifier: BSD-3-Clause */
/* Both directions of ESP against libcrypto, every algorithm, random lengths, alignments, chains and bursts. */
#include "esp_rig.h"

#include <rte_ip.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define BURST    32
#define WIRE_MAX 9200

TestSuite(esp_algorithms, .init = rig_init, .fini = rig_fini);

static const EVP_CIPHER *oracle_cipher(size_t i)
{
	size_t key = rig_algorithms[i].key_len;

	switch (rig_algorithms[i].cipher) {
	case ESP_CIPHER_AES_CBC:
		return key == 16    ? EVP_aes_128_cbc()
			: key == 24 ? EVP_aes_192_cbc()
				    : EVP_aes_256_cbc();
	case ESP_CIPHER_3DES_CBC:
		return EVP_des_ede3_cbc();
	case ESP_CIPHER_CHACHA20_POLY1305:
		return EVP_chacha20_poly1305();
	default:
		return key == 20    ? EVP_aes_128_gcm()
			: key == 28 ? EVP_aes_192_gcm()
				    : EVP_aes_256_gcm();
	}
}

static void oracle_aead(size_t i, bool esn, uint64_t sequence, uint8_t *esp, uint32_t length)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint32_t high = rte_cpu_to_be_32((uint32_t)(sequence >> 32));
	bool gmac = rig_algorithms[i].cipher == ESP_CIPHER_AES_GMAC;
	uint8_t nonce[12];
	int n;

	memcpy(nonce, rig_key + rig_algorithms[i].key_len - 4, 4);
	memcpy(nonce + 4, esp + 8, 8);
	cr_assert_eq(EVP_EncryptInit_ex(ctx, oracle_cipher(i), NULL, rig_key, nonce), 1);
	cr_assert_eq(EVP_EncryptUpdate(ctx, NULL, &n, esp, 4), 1);
	if (esn)
		cr_assert_eq(EVP_EncryptUpdate(ctx, NULL, &n, (uint8_t *)&high, 4), 1);
	cr_assert_eq(EVP_EncryptUpdate(ctx, NULL, &n, esp + 4, 4), 1);
	if (gmac)
		cr_assert_eq(EVP_EncryptUpdate(ctx, NULL, &n, esp + 8, 8 + (int)length), 1);
	else
		cr_assert_eq(EVP_EncryptUpdate(ctx, esp + 16, &n, esp + 16, (int)length), 1);
	cr_assert_eq(EVP_EncryptFinal_ex(ctx, esp + 16 + length, &n), 1);
	cr_assert_eq(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, esp + 16 + length), 1);
	EVP_CIPHER_CTX_free(ctx);
}

static void oracle_hmac(size_t i, bool esn, uint64_t sequence, uint8_t *esp, uint32_t iv,
	uint32_t length, uint32_t icv)
{
	const EVP_MD *const hashes[] = {NULL, EVP_sha1(), EVP_sha256(), EVP_sha384(), EVP_sha512()};
	uint32_t high = rte_cpu_to_be_32((uint32_t)(sequence >> 32));
	static uint8_t hashed[WIRE_MAX + 100];
	uint8_t hash[64];
	int n;

	if (rig_algorithms[i].cipher != ESP_CIPHER_NULL) {
		EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

		cr_assert_eq(EVP_EncryptInit_ex(ctx, oracle_cipher(i), NULL, rig_key, esp + 8), 1);
		EVP_CIPHER_CTX_set_padding(ctx, 0);
		cr_assert_eq(
			EVP_EncryptUpdate(ctx, esp + 8 + iv, &n, esp + 8 + iv, (int)length), 1);
		cr_assert_eq((uint32_t)n, length);
		EVP_CIPHER_CTX_free(ctx);
	}
	memcpy(hashed, esp, 8 + iv + length);
	memcpy(hashed + 8 + iv + length, &high, 4);
	cr_assert_not_null(HMAC(hashes[rig_algorithms[i].auth], rig_auth_key,
		(int)rig_algorithms[i].auth_key_len, hashed, 8 + iv + length + (esn ? 4 : 0), hash,
		NULL));
	memcpy(esp + 8 + iv + length, hash, icv);
}

/*
 * What an RFC 4303 sender makes of payload, from the ESP header to the ICV, with this number and IV.
 * Returns its length.
 */
static uint32_t oracle_seal(size_t i, const struct sa *sa, uint64_t sequence, const uint8_t *iv,
	const uint8_t *payload, uint32_t length, uint8_t next_header, uint8_t *esp)
{
	uint32_t spi = rte_cpu_to_be_32(RIG_SPI), low = rte_cpu_to_be_32((uint32_t)sequence);
	uint32_t iv_length = sa->algorithm.iv, align = sa->algorithm.align;
	uint8_t *p = esp;

	memcpy(p, &spi, 4);
	memcpy(p + 4, &low, 4);
	memcpy(p + 8, iv, iv_length);
	p += 8 + iv_length;
	memcpy(p, payload, length);

	uint32_t pad = (align - (length + 2) % align) % align;

	for (uint32_t k = 0; k < pad; k++)
		p[length + k] = (uint8_t)(k + 1);
	p[length + pad] = (uint8_t)pad;
	p[length + pad + 1] = next_header;
	length += pad + 2;
	if (sa->algorithm.aead)
		oracle_aead(i, sa->esn, sequence, esp, length);
	else
		oracle_hmac(i, sa->esn, sequence, esp, iv_length, length, sa->algorithm.icv);
	return 8 + iv_length + length + sa->algorithm.icv;
}

static uint32_t random_length(int k)
{
	/* the short ones one after the other, then any */
	return k < 200 ? (uint32_t)k : (uint32_t)(rig_random() >> 20) % 9001;
}

static void outbound_is_what_libcrypto_makes(void)
{
	static uint8_t original[BURST][WIRE_MAX], wire[WIRE_MAX], expected[WIRE_MAX];

	for (size_t i = 0; i < RIG_ALGORITHMS; i++) {
		if (rig_lacks(rig_algorithms[i].cipher))
			continue;
		for (int round = 0; round < 16; round++) {
			struct sa_params params = rig_params(i, SA_OUTBOUND);
			struct rte_mbuf *pkts[BURST];
			struct esp_result results[BURST];
			uint32_t lengths[BURST];

			params.esn = round & 1;
			params.encap = round & 2;
			params.encap_source = params.encap_destination = 4500;
			params.sequence = params.esn ? 0xfffffff0u : (uint32_t)rig_random() / 2;
			params.iv_base = rig_random() >> 1;

			struct sa *sa = rig_sa(&params);
			int family = round & 4 ? 6 : 4;
			uint32_t header = family == 4 ? 20 : 40, udp = params.encap ? 8 : 0;

			for (int k = 0; k < BURST; k++) {
				lengths[k] = random_length(round * BURST / 2 + k);
				pkts[k] = rig_packet(family, IPPROTO_UDP, lengths[k]);
				rig_bytes(pkts[k], original[k]);
				rte_pktmbuf_free(pkts[k]);
				pkts[k] = rig_copy(original[k], header + lengths[k],
					(int)(rig_random() >> 40) % 16);
			}
			cr_assert_eq(
				esp_outbound_burst(rig_engine, sa, pkts, BURST, results), BURST);
			for (int k = 0; k < BURST; k++) {
				uint32_t n = rig_bytes(pkts[k], wire);
				uint64_t sequence = params.sequence + 1 + (uint64_t)k;
				uint32_t esp = oracle_seal(i, sa, sequence, wire + header + udp + 8,
					original[k] + header, lengths[k], IPPROTO_UDP, expected);

				cr_assert_eq(n, header + udp + esp, "%s, %u bytes",
					rig_algorithms[i].name, lengths[k]);
				cr_assert_eq(memcmp(wire + header + udp, expected, esp), 0,
					"%s, %u bytes, packet %d, round %d", rig_algorithms[i].name,
					lengths[k], k, round);
				rte_pktmbuf_free(pkts[k]);
			}
			sa_destroy(rig_store, sa);
		}
	}
}

RIG_PER_ENGINE(esp_algorithms, outbound_is_what_libcrypto_makes)

/* The bytes in several segments of random length, the first of at least 64. */
static struct rte_mbuf *chain(const uint8_t *bytes, uint32_t n)
{
	uint32_t at = 64 < n ? 64 + (uint32_t)(rig_random() >> 40) % (n - 64 + 1) : n;
	struct rte_mbuf *head = rig_copy(bytes, at, (int)(rig_random() >> 40) % 16);

	while (at < n) {
		uint32_t piece = 1 + (uint32_t)(rig_random() >> 40) % (n - at);

		cr_assert_eq(rte_pktmbuf_chain(head, rig_copy(bytes + at, piece, 0)), 0);
		at += piece;
	}
	return head;
}

static void inbound_opens_what_libcrypto_made(void)
{
	static uint8_t original[BURST][WIRE_MAX], wire[WIRE_MAX], got[WIRE_MAX];

	for (size_t i = 0; i < RIG_ALGORITHMS; i++) {
		if (rig_lacks(rig_algorithms[i].cipher))
			continue;
		for (int round = 0; round < 16; round++) {
			struct sa_params params = rig_params(i, SA_INBOUND);
			struct rte_mbuf *pkts[BURST];
			struct esp_result results[BURST];
			uint32_t lengths[BURST];

			params.esn = round & 1;
			params.sequence = params.esn ? 0xfffffff0u : (uint32_t)rig_random() / 2;

			struct sa *sa = rig_sa(&params);
			bool encap = round & 2;
			int family = round & 4 ? 6 : 4;
			uint32_t header = family == 4 ? 20 : 40;

			for (int k = 0; k < BURST; k++) {
				uint32_t n;
				uint8_t iv[16];
				struct rte_mbuf *m;

				lengths[k] = random_length(round * BURST / 2 + k);
				m = rig_packet(family, IPPROTO_UDP, lengths[k]);
				rig_bytes(m, original[k]);
				rte_pktmbuf_free(m);
				memcpy(wire, original[k], header);
				wire[family == 4 ? 9 : 6] = encap ? IPPROTO_UDP : IPPROTO_ESP;
				n = header;
				if (encap) {
					memcpy(wire + n, "\x12\x34\x11\x94\0\0\0\0", 8);
					n += 8;
				}
				rig_fill(iv, sizeof(iv));
				n += oracle_seal(i, sa, params.sequence + 1 + (uint64_t)k, iv,
					original[k] + header, lengths[k], IPPROTO_UDP, wire + n);
				if (family == 4) {
					memcpy(wire + 2, &(uint16_t){rte_cpu_to_be_16((uint16_t)n)},
						2);
					memset(wire + 10, 0, 2);
					memcpy(wire + 10,
						&(uint16_t){(uint16_t)~rte_raw_cksum(wire, 20)}, 2);
				}
				pkts[k] = round & 8 ? chain(wire, n) : rig_copy(wire, n, k % 16);
			}
			cr_assert_eq(esp_inbound_burst(rig_engine, sa, pkts, BURST, results), BURST,
				"%s, round %d", rig_algorithms[i].name, round);
			for (int k = 0; k < BURST; k++) {
				cr_assert_eq(results[k].next_header, IPPROTO_UDP);
				cr_assert_eq(
					rte_be_to_cpu_16(results[k].peer_port), encap ? 0x1234 : 0);
				cr_assert_eq(rig_bytes(pkts[k], got), header + lengths[k]);
				cr_assert_eq(pkts[k]->pkt_len, header + lengths[k]);
				cr_assert_eq(memcmp(got, original[k], header + lengths[k]), 0,
					"%s, %u bytes", rig_algorithms[i].name, lengths[k]);
				rte_pktmbuf_free(pkts[k]);
			}
			cr_assert_eq(sa->state.replay.top, params.sequence + BURST);
			sa_destroy(rig_store, sa);
		}
	}
}

RIG_PER_ENGINE(esp_algorithms, inbound_opens_what_libcrypto_made)

/* Every byte from the SPI to the ICV counts. */
static void a_changed_byte_is_noticed(void)
{
	uint8_t wire[512];

	for (size_t i = 0; i < RIG_ALGORITHMS; i++) {
		if (rig_lacks(rig_algorithms[i].cipher))
			continue;
		for (int esn = 0; esn < 2; esn++) {
			struct sa_params params = rig_params(i, SA_OUTBOUND);

			params.esn = esn;

			struct sa *out = rig_sa(&params);
			struct rte_mbuf *m = rig_packet(4, IPPROTO_UDP, 50);

			params.direction = SA_INBOUND;
			rig_expect(rig_out(out, m), ESP_ACCEPTED);

			struct sa *in = rig_sa(&params);
			uint32_t n = rig_bytes(m, wire);

			rte_pktmbuf_free(m);
			for (uint32_t at = 20; at < n; at++) {
				wire[at] ^= 0x40;
				m = rig_copy(wire, n, 0);
				rig_expect(rig_in(in, m), ESP_REJECT_ICV);
				rte_pktmbuf_free(m);
				wire[at] ^= 0x40;
			}
			cr_assert_eq(in->state.replay.top, 0, "moved by what was not authentic");
			m = rig_copy(wire, n, 0);
			rig_expect(rig_in(in, m), ESP_ACCEPTED);
			rte_pktmbuf_free(m);
			sa_destroy(rig_store, in);
			sa_destroy(rig_store, out);
		}
	}
}

RIG_PER_ENGINE(esp_algorithms, a_changed_byte_is_noticed)
