/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine on DPDK's crypto devices: a burst is enqueued as a whole and waited for. */
#include "engine_cryptodev.h"
#include "engine.h"
#include "reason.h"

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include <errno.h>
#include <stdio.h>

/* Behind an rte_crypto_op, where the device finds it by its address too. */
struct crypto_private {
	uint8_t nonce[16]; /* at CRYPTO_NONCE_OFFSET; or the IV of CBC */
	uint8_t aad[16];
	uint8_t icv[64];
	/* Ours. */
	struct engine_op *op;  /* NULL: given up */
	struct rte_mbuf *held; /* given up: the packet, which must not be used again */
	uint8_t shifted[8];    /* what GMAC with ESN overwrote */
};

static_assert(offsetof(struct crypto_private, nonce) == 0, "transforms say CRYPTO_NONCE_OFFSET");

struct crypto_queue {
	struct crypto_device *device;
	struct rte_mempool *pool;
	uint16_t id;
	uint16_t n_free;
	uint16_t lost; /* operations that were given up and are not back */
	bool stalled; /* it did nothing for as long as we wait: from then on we do not, until it does */
	struct rte_crypto_op *free[ENGINE_BURST];
	struct rte_crypto_op *all[ENGINE_BURST];
};

static inline struct crypto_private *op_private(struct rte_crypto_op *op)
{
	return (struct crypto_private *)((uint8_t *)op + CRYPTO_NONCE_OFFSET);
}

static inline rte_iova_t op_iova(const struct rte_crypto_op *op, size_t offset)
{
	return op->phys_addr + CRYPTO_NONCE_OFFSET + offset;
}

struct crypto_queue *crypto_queue_create(struct crypto_device *device, int socket)
{
	struct crypto_queue *queue =
		rte_zmalloc_socket("crypto_queue", sizeof(*queue), RTE_CACHE_LINE_SIZE, socket);
	char name[RTE_MEMPOOL_NAMESIZE];
	int id;

	if (queue == NULL) {
		reason_set("no memory for a queue of crypto device %s", device->name);
		errno = ENOMEM;
		return NULL;
	}
	id = crypto_device_queue_take(device);
	if (id < 0) {
		rte_free(queue);
		errno = -id;
		return NULL;
	}
	queue->device = device;
	queue->id = (uint16_t)id;
	snprintf(name, sizeof(name), "crypto_ops_%u_%u", device->id, queue->id);
	queue->pool = rte_crypto_op_pool_create(name, RTE_CRYPTO_OP_TYPE_SYMMETRIC, ENGINE_BURST, 0,
		sizeof(struct crypto_private), socket);
	if (queue->pool == NULL ||
		rte_crypto_op_bulk_alloc(queue->pool, RTE_CRYPTO_OP_TYPE_SYMMETRIC, queue->all,
			ENGINE_BURST) != ENGINE_BURST) {
		reason_set("no memory for operations on crypto device %s", device->name);
		crypto_queue_destroy(queue);
		errno = ENOMEM;
		return NULL;
	}
	memcpy(queue->free, queue->all, sizeof(queue->free));
	queue->n_free = ENGINE_BURST;
	return queue;
}

/* GMAC is an authentication to the devices. */
static inline bool transform_is_aead(const struct sa *sa)
{
	return sa->algorithm.aead && sa->cipher != ESP_CIPHER_AES_GMAC;
}

/* Text and ICV lie in the packet; the AAD lies with the operation. */
static inline void aead_prepare(struct rte_crypto_op *cop, struct engine_op *op, uint32_t offset)
{
	struct crypto_private *private = op_private(cop);
	struct rte_crypto_sym_op *sym = cop->sym;

	memcpy(private->nonce, op->nonce, sizeof(private->nonce));
	memcpy(private->aad, op->aad, sizeof(private->aad));
	sym->aead.data.offset = offset;
	sym->aead.data.length = op->length;
	sym->aead.digest.data = op->text + op->length;
	sym->aead.digest.phys_addr = rte_pktmbuf_iova_offset(op->packet, offset + op->length);
	sym->aead.aad.data = private->aad;
	sym->aead.aad.phys_addr = op_iova(cop, offsetof(struct crypto_private, aad));
}

/*
 * What is authenticated besides the text. ESN puts the upper half of the number behind the text where the ICV
 * has its place (RFC 4303, 2.2.1), or for GMAC into the header (RFC 4543, 3.3): that shifts the SPI
 * into the four bytes before it, until the device is done.
 */
static inline void auth_prepare(
	struct rte_crypto_op *cop, const struct sa *sa, struct engine_op *op, uint32_t offset)
{
	struct crypto_private *private = op_private(cop);
	struct rte_crypto_sym_op *sym = cop->sym;
	uint32_t high = rte_cpu_to_be_32((uint32_t)(op->sequence >> 32));
	uint32_t header = 8u + sa->algorithm.iv;
	uint8_t *end = op->text + op->length;

	if (sa->direction == SA_INBOUND)
		memcpy(private->icv, end, sa->algorithm.icv);
	sym->auth.data.offset = offset - header;
	sym->auth.data.length = header + op->length;
	sym->auth.digest.data = private->icv;
	sym->auth.digest.phys_addr = op_iova(cop, offsetof(struct crypto_private, icv));
	if (sa->cipher == ESP_CIPHER_AES_GMAC)
		memcpy(private->nonce, op->nonce, sizeof(private->nonce));
	if (!sa->esn)
		return;
	sym->auth.data.length += 4;
	if (sa->cipher == ESP_CIPHER_AES_GMAC) {
		uint8_t *esp = op->text - header;

		sym->auth.data.offset -= 4;
		memcpy(private->shifted, esp - 4, sizeof(private->shifted));
		memcpy(esp - 4, private->shifted + 4, 4);
		memcpy(esp, &high, 4);
	} else {
		memcpy(end, &high, 4);
	}
}

static inline void op_prepare(struct rte_crypto_op *cop, const struct sa *sa, struct engine_op *op)
{
	uint32_t offset = (uint32_t)(op->text - rte_pktmbuf_mtod(op->packet, uint8_t *));
	struct crypto_private *private = op_private(cop);
	struct rte_crypto_sym_op *sym = cop->sym;

	private->op = op;
	cop->status = RTE_CRYPTO_OP_STATUS_NOT_PROCESSED;
	rte_crypto_op_attach_sym_session(cop, sa->session);
	sym->m_src = op->packet;
	sym->m_dst = NULL;
	if (transform_is_aead(sa)) {
		aead_prepare(cop, op, offset);
		return;
	}
	if (sa->cipher == ESP_CIPHER_AES_CBC || sa->cipher == ESP_CIPHER_3DES_CBC) {
		memcpy(private->nonce, op->text - sa->algorithm.iv, sa->algorithm.iv);
		sym->cipher.data.offset = offset;
		sym->cipher.data.length = op->length;
	}
	auth_prepare(cop, sa, op, offset);
}

static inline void op_finish(
	struct crypto_queue *queue, struct rte_crypto_op *cop, const struct sa *sa)
{
	struct crypto_private *private = op_private(cop);
	struct engine_op *op = private->op;

	queue->free[queue->n_free++] = cop;
	if (unlikely(op == NULL)) {
		queue->lost--;
		rte_pktmbuf_free(private->held);
		return;
	}
	private->op = NULL;
	if (sa->cipher == ESP_CIPHER_AES_GMAC && sa->esn)
		memcpy(op->text - 20, private->shifted, sizeof(private->shifted));
	if (likely(cop->status == RTE_CRYPTO_OP_STATUS_SUCCESS)) {
		op->reject = ESP_ACCEPTED;
		if (sa->direction == SA_OUTBOUND && !transform_is_aead(sa))
			memcpy(op->text + op->length, private->icv, sa->algorithm.icv);
	} else {
		op->reject = cop->status == RTE_CRYPTO_OP_STATUS_AUTH_FAILED ? ESP_REJECT_ICV
									     : ESP_REJECT_ENGINE;
	}
}

static uint16_t queue_dequeue(struct crypto_queue *queue, const struct sa *sa)
{
	struct rte_crypto_op *done[ENGINE_BURST];
	uint16_t n = rte_cryptodev_dequeue_burst(
		queue->device->id, queue->id, done, ENGINE_BURST - queue->n_free);

	for (uint16_t i = 0; i < n; i++)
		op_finish(queue, done[i], sa);
	return n;
}

/* The device may still write to what it holds, so the caller's reference is not to be the last one. */
static void queue_give_up(struct crypto_queue *queue)
{
	for (unsigned int i = 0; i < ENGINE_BURST; i++) {
		struct crypto_private *private = op_private(queue->all[i]);

		if (private->op == NULL)
			continue;
		private->held = private->op->packet;
		rte_mbuf_refcnt_update(private->held, 1);
		private->op = NULL;
		queue->lost++;
	}
}

void crypto_queue_run(
	struct crypto_queue *queue, const struct sa *sa, struct engine_op *ops, uint16_t n)
{
	struct rte_crypto_op *list[ENGINE_BURST];
	uint64_t patience = rte_get_tsc_hz() / (queue->stalled ? 20000 : 20), deadline = 0;
	uint16_t sent = 0;

	for (uint16_t i = 0; i < n; i++)
		ops[i].reject = ESP_REJECT_ENGINE;
	if (unlikely(queue->lost > 0)) {
		queue_dequeue(queue, sa);
		if (queue->lost > 0)
			return;
	}
	for (uint16_t i = 0; i < n; i++) {
		list[i] = queue->free[--queue->n_free];
		op_prepare(list[i], sa, &ops[i]);
	}
	rte_errno = 0;
	while (queue->n_free < ENGINE_BURST) {
		uint16_t before = sent, back;

		if (sent < n)
			sent += rte_cryptodev_enqueue_burst(
				queue->device->id, queue->id, list + sent, n - sent);
		/* some drivers do not take what they cannot do, and say so in the operation only */
		while (unlikely(sent < n) &&
			list[sent]->status != RTE_CRYPTO_OP_STATUS_NOT_PROCESSED)
			op_finish(queue, list[sent++], sa);
		back = queue_dequeue(queue, sa);
		if (likely(sent != before || back > 0)) {
			deadline = 0;
			queue->stalled = false;
		} else if (deadline == 0) {
			deadline = rte_rdtsc() + patience;
		} else if (unlikely(rte_rdtsc() > deadline || rte_errno == ENOTSUP)) {
			queue->stalled = true;
			break; /* or somebody stopped it */
		}
	}
	/* what it never took comes back by our own hand */
	while (unlikely(sent < n)) {
		list[--n]->status = RTE_CRYPTO_OP_STATUS_ERROR;
		op_finish(queue, list[n], sa);
	}
	if (unlikely(queue->n_free < ENGINE_BURST))
		queue_give_up(queue);
}

void crypto_queue_destroy(struct crypto_queue *queue)
{
	if (queue == NULL)
		return;
	crypto_device_queue_give(queue->device, queue->id);
	rte_mempool_free(queue->pool);
	rte_free(queue);
}
