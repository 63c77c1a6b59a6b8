/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cipher and HMAC as jobs on libipsec-mb's lanes: several packets at once, whichever their SAs, finished with the
 * burst.
 */
#include "engine.h"

static const IMB_HASH_ALG job_hashes[ESP_AUTHS] = {
	[ESP_AUTH_NONE] = IMB_AUTH_NULL,
	[ESP_AUTH_HMAC_SHA1_96] = IMB_AUTH_HMAC_SHA_1,
	[ESP_AUTH_HMAC_SHA256_128] = IMB_AUTH_HMAC_SHA_256,
	[ESP_AUTH_HMAC_SHA384_192] = IMB_AUTH_HMAC_SHA_384,
	[ESP_AUTH_HMAC_SHA512_256] = IMB_AUTH_HMAC_SHA_512,
};

/* The next one of the manager's ring, whose fields are those of some other job. */
static inline IMB_JOB *job_make(
	IMB_MGR *mgr, struct engine_op *op, IMB_CIPHER_DIRECTION direction, uint8_t *icv)
{
	const struct sa *sa = op->sa;
	const struct sa_keys *keys = sa->keys;
	uint32_t iv = sa->algorithm.iv, header = 8u + iv;
	IMB_JOB *job = IMB_GET_NEXT_JOB(mgr);

	job->src = op->text - header;
	job->dst = op->text;
	job->cipher_start_src_offset_in_bytes = header;
	job->msg_len_to_cipher_in_bytes = op->length;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = header + op->length + (sa->esn ? 4u : 0);
	job->iv = op->text - iv;
	job->iv_len_in_bytes = iv;
	job->auth_tag_output = icv;
	job->auth_tag_output_len_in_bytes = sa->algorithm.icv;
	job->u.HMAC._hashed_auth_key_xor_ipad = keys->hmac.inner;
	job->u.HMAC._hashed_auth_key_xor_opad = keys->hmac.outer;
	job->hash_alg = job_hashes[sa->auth];
	job->cipher_direction = direction;
	/* encrypt then authenticate, whichever way: RFC 4303, 3.3.2 and 3.4.4 */
	job->chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH
							: IMB_ORDER_HASH_CIPHER;
	job->user_data = op;
	switch (sa->cipher) {
	case ESP_CIPHER_AES_CBC:
		job->cipher_mode = IMB_CIPHER_CBC;
		job->key_len_in_bytes = 16 + 8u * sa->key_class;
		job->enc_keys = keys->hmac.aes.encrypt;
		job->dec_keys = keys->hmac.aes.decrypt;
		break;
	case ESP_CIPHER_3DES_CBC:
		job->cipher_mode = IMB_CIPHER_DES3;
		job->key_len_in_bytes = 24;
		job->enc_keys = keys->hmac.des3.schedules;
		job->dec_keys = keys->hmac.des3.schedules;
		break;
	default:
		job->cipher_mode = IMB_CIPHER_NULL;
		job->key_len_in_bytes = 0;
		break;
	}
	return job;
}

static inline void job_collect(IMB_JOB *job)
{
	struct engine_op *op = job->user_data;

	op->reject = job->status == IMB_STATUS_COMPLETED ? ESP_ACCEPTED : ESP_REJECT_ENGINE;
}

/* Lengths that lanes hardly tell apart, and as many of them as there are; what is longer is all the same. */
#define LENGTH_SHIFT 6
#define LENGTHS      32

static inline unsigned int length_rank(const struct engine_op *op, IMB_CIPHER_DIRECTION direction)
{
	unsigned int rank = RTE_MIN(op->length >> LENGTH_SHIFT, LENGTHS - 1u);

	return direction == IMB_DIR_ENCRYPT ? rank : LENGTHS - 1 - rank;
}

/*
 * By length, so that lanes that work together have about the same to do. Inbound the longest first: the lanes that
 * are not all filled in the end have the least. Outbound the shortest: what leaves the cipher's lanes goes into the
 * HMAC's, which a flush empties from the first job on, however few of them are filled by then.
 */
static void jobs_order(const struct engine_op *ops, uint16_t n, IMB_CIPHER_DIRECTION direction,
	uint8_t order[ENGINE_BURST])
{
	uint8_t next[LENGTHS] = {0}, begin = 0;
	uint32_t differs = 0;

	for (uint16_t i = 0; i < n; i++) {
		differs |= ops[i].length ^ ops[0].length;
		order[i] = (uint8_t)i;
	}
	if (differs >> LENGTH_SHIFT == 0)
		return;
	for (uint16_t i = 0; i < n; i++)
		next[length_rank(&ops[i], direction)]++;
	for (unsigned int i = 0; i < LENGTHS; i++) {
		uint8_t count = next[i];

		next[i] = begin;
		begin = (uint8_t)(begin + count);
	}
	for (uint16_t i = 0; i < n; i++)
		order[next[length_rank(&ops[i], direction)]++] = (uint8_t)i;
}

void engine_jobs_run(struct esp_engine *engine, struct engine_op *ops, uint16_t n,
	IMB_CIPHER_DIRECTION direction)
{
	IMB_MGR *mgr = engine->set.mgr;
	uint8_t received[ENGINE_BURST][4], order[ENGINE_BURST];
	IMB_JOB *job;

	jobs_order(ops, n, direction, order);
	for (uint16_t i = 0; i < n; i++) {
		struct engine_op *op = &ops[order[i]];
		uint8_t *end = op->text + op->length;

		if (op->sa->esn) {
			/* RFC 4303, 2.2.1: the upper half follows the text, where the ICV has its place */
			uint32_t high = rte_cpu_to_be_32((uint32_t)(op->sequence >> 32));

			memcpy(received[order[i]], end, 4);
			memcpy(end, &high, 4);
		}
		op->reject = ESP_REJECT_ENGINE;
		job_make(mgr, op, direction, engine->icvs[order[i]]);
		for (job = IMB_SUBMIT_JOB_NOCHECK(mgr); job != NULL;
			job = IMB_GET_COMPLETED_JOB(mgr))
			job_collect(job);
	}
	while ((job = IMB_FLUSH_JOB(mgr)) != NULL)
		job_collect(job);

	for (uint16_t i = 0; i < n; i++) {
		const struct sa *sa = ops[i].sa;
		uint8_t *end = ops[i].text + ops[i].length;
		uint32_t icv = sa->algorithm.icv;

		if (direction == IMB_DIR_ENCRYPT) {
			memcpy(end, engine->icvs[i], icv);
			continue;
		}
		if (sa->esn)
			memcpy(end, received[i], 4);
		if (!icv_equal(engine->icvs[i], end, icv) && ops[i].reject == ESP_ACCEPTED)
			ops[i].reject = ESP_REJECT_ICV;
	}
}
