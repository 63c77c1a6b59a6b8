/* SPDX-License-Identifier: BSD-3-Clause */
/* Cipher and HMAC as jobs on libipsec-mb's lanes: several packets at once, finished with the burst. */
#include "engine.h"

static const IMB_HASH_ALG job_hashes[ESP_AUTHS] = {
	[ESP_AUTH_NONE] = IMB_AUTH_NULL,
	[ESP_AUTH_HMAC_SHA1_96] = IMB_AUTH_HMAC_SHA_1,
	[ESP_AUTH_HMAC_SHA256_128] = IMB_AUTH_HMAC_SHA_256,
	[ESP_AUTH_HMAC_SHA384_192] = IMB_AUTH_HMAC_SHA_384,
	[ESP_AUTH_HMAC_SHA512_256] = IMB_AUTH_HMAC_SHA_512,
};

/* What all jobs of the burst have in common. */
static void job_template(const struct sa *sa, IMB_CIPHER_DIRECTION direction, IMB_JOB *job)
{
	const struct sa_keys *keys = sa->keys;

	memset(job, 0, sizeof(*job));
	job->cipher_direction = direction;
	/* encrypt then authenticate, whichever way: RFC 4303, 3.3.2 and 3.4.4 */
	job->chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH
							: IMB_ORDER_HASH_CIPHER;
	job->hash_alg = job_hashes[sa->auth];
	job->auth_tag_output_len_in_bytes = sa->algorithm.icv;
	job->u.HMAC._hashed_auth_key_xor_ipad = keys->hmac.inner;
	job->u.HMAC._hashed_auth_key_xor_opad = keys->hmac.outer;
	job->iv_len_in_bytes = sa->algorithm.iv;
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
		break;
	}
}

static inline void job_collect(IMB_JOB *job)
{
	struct engine_op *op = job->user_data;

	op->reject = job->status == IMB_STATUS_COMPLETED ? ESP_ACCEPTED : ESP_REJECT_ENGINE;
}

void engine_jobs_run(struct esp_engine *engine, const struct sa *sa, struct engine_op *ops,
	uint16_t n, IMB_CIPHER_DIRECTION direction)
{
	IMB_MGR *mgr = engine->set.mgr;
	uint32_t header = 8u + sa->algorithm.iv, icv = sa->algorithm.icv;
	uint8_t received[ENGINE_BURST][4];
	IMB_JOB template, *job;

	job_template(sa, direction, &template);
	for (uint16_t i = 0; i < n; i++) {
		struct engine_op *op = &ops[i];
		uint8_t *end = op->text + op->length;
		uint32_t hashed = header + op->length;

		if (sa->esn) {
			/* RFC 4303, 2.2.1: the upper half follows the text, where the ICV has its place */
			uint32_t high = rte_cpu_to_be_32((uint32_t)(op->sequence >> 32));

			memcpy(received[i], end, 4);
			memcpy(end, &high, 4);
			hashed += 4;
		}
		op->reject = ESP_REJECT_ENGINE;
		job = IMB_GET_NEXT_JOB(mgr);
		*job = template;
		job->src = op->text - header;
		job->dst = op->text;
		job->cipher_start_src_offset_in_bytes = header;
		job->msg_len_to_cipher_in_bytes = op->length;
		job->msg_len_to_hash_in_bytes = hashed;
		job->iv = op->text - sa->algorithm.iv;
		job->auth_tag_output = engine->icvs[i];
		job->user_data = op;
		for (job = IMB_SUBMIT_JOB_NOCHECK(mgr); job != NULL;
			job = IMB_GET_COMPLETED_JOB(mgr))
			job_collect(job);
	}
	while ((job = IMB_FLUSH_JOB(mgr)) != NULL)
		job_collect(job);

	for (uint16_t i = 0; i < n; i++) {
		uint8_t *end = ops[i].text + ops[i].length;

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
