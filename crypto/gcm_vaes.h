/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AES-GCM (NIST SP 800-38D) on vectors of four blocks, for one ESP packet at a time, in place.
 *
 * A call per packet of a library spends half of its time on its way in and out and on waiting for itself. This is
 * inlined into the loop over packets, so the round keys stay in registers and the CPU works on neighbours at once;
 * and it uses where things stand in ESP. The 16 bytes in front of the text are SPI, sequence number and IV: with
 * the IV masked out that is the first block of GHASH, as counter 1 is the first of CTR, so that both run over
 * the same groups of four blocks, which begin 16 bytes before the text.
 *
 * GHASH is computed as POLYVAL (RFC 8452, appendix A): byte-reversed blocks, Montgomery's reduction, and powers
 * of the hash key as libipsec-mb keeps them for VAES. gcm_vaes_agrees (esp_gcm.h) says that it does. Nothing here
 * branches on, or indexes by, anything but lengths.
 *
 * Only for files that are compiled with AVX-512 and VAES.
 */
#pragma once

#include "engine.h"

#include <immintrin.h>

#define GCM_POWERS 48 /* of the hash key: the highest stands first */
#define GCM_BATCH  4  /* groups that are worked on side by side in a long text */

/* Both directions read and write whole groups: this much behind the text has to be in the buffer. */
#define GCM_OVERREACH 64

/* A key, in registers. */
struct gcm_cipher {
	__m512i round[15];
	const uint8_t *powers_end; /* power n is 16 * n bytes in front of it */
};

/* GHASH, with products whose sum is still to be reduced. */
struct gcm_hash {
	__m512i low, middle, high;
	const uint8_t *power, *end; /* of the next block; behind the last */
	uint64_t blocks;            /* from the last reduction on to the end */
};

static __rte_always_inline void gcm_cipher_load(struct gcm_cipher *cipher,
	struct esp_engine *engine, const struct sa *sa, const unsigned int rounds)
{
	const struct sa_keys *keys = sa->keys;
	const uint8_t *round = keys->gcm.expanded_keys;

	(void)engine;
	for (unsigned int i = 0; i <= rounds; i++)
		cipher->round[i] = _mm512_broadcast_i32x4(
			_mm_loadu_si128((const __m128i *)(round + (size_t)i * 16)));
	cipher->powers_end = keys->gcm.ghash_keys.vaes_avx512.shifted_hkey + 16 * GCM_POWERS;
}

static __rte_always_inline __m512i gcm_four(const __m128i block)
{
	return _mm512_broadcast_i32x4(block);
}

/* Block for block, the last byte first. */
static __rte_always_inline __m512i gcm_reverse(__m512i blocks)
{
	return _mm512_shuffle_epi8(blocks,
		gcm_four(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
}

/* counters: as in the standard, but the number in the last four bytes is in host byte order. */
static __rte_always_inline __m512i gcm_keystream_begin(
	const struct gcm_cipher *cipher, __m512i counters)
{
	return _mm512_xor_si512(cipher->round[0],
		_mm512_shuffle_epi8(counters,
			gcm_four(_mm_set_epi8(
				12, 13, 14, 15, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0))));
}

static __rte_always_inline __m512i gcm_keystream(
	const struct gcm_cipher *cipher, __m512i counters, const unsigned int rounds)
{
	__m512i x = gcm_keystream_begin(cipher, counters);

	for (unsigned int i = 1; i < rounds; i++)
		x = _mm512_aesenc_epi128(x, cipher->round[i]);
	return _mm512_aesenclast_epi128(x, cipher->round[rounds]);
}

static __rte_always_inline __m512i gcm_xor3(__m512i a, __m512i b, __m512i c)
{
	return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

/* Four reversed blocks times four powers. */
static __rte_always_inline void gcm_multiply(struct gcm_hash *hash, __m512i x, __m512i powers)
{
	hash->low = _mm512_xor_si512(hash->low, _mm512_clmulepi64_epi128(x, powers, 0x00));
	hash->high = _mm512_xor_si512(hash->high, _mm512_clmulepi64_epi128(x, powers, 0x11));
	hash->middle = gcm_xor3(hash->middle, _mm512_clmulepi64_epi128(x, powers, 0x01),
		_mm512_clmulepi64_epi128(x, powers, 0x10));
}

/* RFC 8452's field: x^128 + x^127 + x^126 + x^121 + 1. All four at once, their sum afterwards. */
static __rte_always_inline __m128i gcm_reduce(const struct gcm_hash *hash)
{
	const __m512i poly = gcm_four(_mm_set_epi64x((long long)0xc200000000000000, 1));
	__m512i x = _mm512_xor_si512(hash->low, _mm512_bslli_epi128(hash->middle, 8));
	__m512i high = _mm512_xor_si512(hash->high, _mm512_bsrli_epi128(hash->middle, 8));
	__m256i half;

	x = _mm512_xor_si512(_mm512_shuffle_epi32(x, 78), _mm512_clmulepi64_epi128(x, poly, 0x10));
	x = gcm_xor3(_mm512_shuffle_epi32(x, 78), _mm512_clmulepi64_epi128(x, poly, 0x10), high);
	half = _mm256_xor_si256(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
	return _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/*
 * The sum starts anew, with as many powers as there are blocks, or for as many groups as there are powers for.
 * groups: done before the first batch of this sum. The last block, which is not whole, comes with the last sum.
 */
static __rte_always_inline void gcm_sum_begin(struct gcm_hash *hash, const unsigned int groups)
{
	uint64_t n = hash->blocks;

	if (n > GCM_POWERS)
		n = 4 * (groups + (n >= GCM_POWERS + 4 && groups == 0 ? 3 : 2) * GCM_BATCH);
	hash->blocks -= n;
	hash->power = hash->end - 16 * n;
	hash->low = hash->middle = hash->high = _mm512_setzero_si512();
}

/* Groups as they stand in the packet. */
static __rte_always_inline void gcm_hash_groups(
	struct gcm_hash *hash, const __m512i *x, const unsigned int n)
{
	__m512i first = gcm_reverse(x[0]);

	if (unlikely(hash->power == hash->end)) {
		first = _mm512_xor_si512(first, _mm512_zextsi128_si512(gcm_reduce(hash)));
		gcm_sum_begin(hash, 0);
	}
	gcm_multiply(hash, first, _mm512_loadu_si512(hash->power));
	for (unsigned int i = 1; i < n; i++)
		gcm_multiply(
			hash, gcm_reverse(x[i]), _mm512_loadu_si512(hash->power + (size_t)i * 64));
	hash->power += (size_t)n * 64;
}

/*
 * Whole batches of the text, up to the last 64 to 319 bytes; where they ended. What is encrypted is hashed while
 * the next batch is.
 */
static __rte_always_inline uint8_t *gcm_batches(const struct gcm_cipher *cipher,
	const unsigned int rounds, struct gcm_hash *hash, uint8_t *p, const uint8_t *end,
	__m512i *counters, const bool encrypt)
{
	const __m512i step = gcm_four(_mm_set_epi32(4, 0, 0, 0));
	__m512i out[GCM_BATCH], data[GCM_BATCH];
	bool pending = false;

	while (end - p > 64 * GCM_BATCH) {
		__m512i keystream[GCM_BATCH];

		for (unsigned int i = 0; i < GCM_BATCH; i++) {
			*counters = _mm512_add_epi32(*counters, step);
			keystream[i] = gcm_keystream_begin(cipher, *counters);
		}
		for (unsigned int round = 1; round < rounds; round++)
			for (unsigned int i = 0; i < GCM_BATCH; i++)
				keystream[i] =
					_mm512_aesenc_epi128(keystream[i], cipher->round[round]);
		if (!encrypt)
			for (unsigned int i = 0; i < GCM_BATCH; i++)
				data[i] = _mm512_loadu_si512(p + (size_t)i * 64);
		if (!encrypt || pending)
			gcm_hash_groups(hash, encrypt ? out : data, GCM_BATCH);
		for (unsigned int i = 0; i < GCM_BATCH; i++) {
			if (encrypt)
				data[i] = _mm512_loadu_si512(p + (size_t)i * 64);
			out[i] = _mm512_xor_si512(data[i],
				_mm512_aesenclast_epi128(keystream[i], cipher->round[rounds]));
			_mm512_storeu_si512(p + (size_t)i * 64, out[i]);
		}
		pending = true;
		p += 64 * GCM_BATCH;
	}
	if (encrypt && pending)
		gcm_hash_groups(hash, out, GCM_BATCH);
	return p;
}

/*
 * Encrypts or decrypts length bytes of text; the ICV that belongs to them. nonce: salt and IV, zero behind
 * them. aad: with esn, that and zero; without, it is the 8 bytes that stand in front of the IV.
 */
static __rte_always_inline __m128i gcm_crypt(const struct gcm_cipher *cipher,
	const unsigned int rounds, uint8_t *text, uint64_t length, __m128i nonce, __m128i aad,
	const bool esn, const bool encrypt)
{
	const __m512i step = gcm_four(_mm_set_epi32(4, 0, 0, 0));
	__m512i counters = _mm512_add_epi32(
		gcm_four(nonce), _mm512_set_epi32(4, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0));
	__m512i keystream = gcm_keystream(cipher, counters, rounds), data, out, x;
	__m128i first = _mm512_castsi512_si128(keystream), lengths, product;
	uint8_t *p = text - 16;
	const uint8_t *end = text + length;
	__mmask64 mask = _bzhi_u64(UINT64_MAX, length < 48 ? (unsigned int)length + 16 : 64);
	struct gcm_hash hash = {.end = cipher->powers_end, .blocks = (length + 15) / 16 + 2};

	gcm_sum_begin(&hash, 1);
	data = _mm512_loadu_si512(p);
	out = _mm512_mask_xor_epi32(data, 0xfff0, data, keystream);
	x = _mm512_maskz_mov_epi8(esn ? mask : mask & ~0xff00ull, encrypt ? out : data);
	if (esn)
		x = _mm512_inserti32x4(x, aad, 0);
	_mm512_storeu_si512(p, _mm512_mask_mov_epi8(data, mask, out));
	gcm_hash_groups(&hash, &x, 1);
	p = gcm_batches(cipher, rounds, &hash, p + 64, end, &counters, encrypt);
	for (; p < end; p += 64) {
		counters = _mm512_add_epi32(counters, step);
		keystream = gcm_keystream(cipher, counters, rounds);
		data = _mm512_loadu_si512(p);
		out = _mm512_xor_si512(data, keystream);
		x = encrypt ? out : data;
		if (end - p < 64) {
			mask = _bzhi_u64(UINT64_MAX, (unsigned int)(end - p));
			x = _mm512_maskz_mov_epi8(mask, x);
			out = _mm512_mask_mov_epi8(data, mask, out);
		}
		_mm512_storeu_si512(p, out);
		gcm_hash_groups(&hash, &x, 1);
	}
	lengths = _mm_set_epi64x(esn ? 96 : 64, (long long)(8 * length));
	product = _mm_loadu_si128((const __m128i *)(hash.end - 16));
	gcm_multiply(&hash, _mm512_zextsi128_si512(lengths), _mm512_zextsi128_si512(product));
	return _mm_xor_si128(first,
		_mm512_castsi512_si128(gcm_reverse(_mm512_castsi128_si512(gcm_reduce(&hash)))));
}
