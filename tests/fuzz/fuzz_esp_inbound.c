/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ESP inbound: what a peer that has the key may send, and what one sends that has not.
 *
 * Input: flags, then bytes. With FLAG_AUTHENTIC they are the text of a packet that is sealed with the SA's
 * keys; without, everything from the IP header on. Whatever it is: accepted packets lie inside what came in
 * and agree with their own headers, nothing without the key is accepted, everything else is refused by one
 * counted name.
 */
#include "engine.h"
#include "esp_wire.h"

#include <rte_eal.h>

#include <stdlib.h>

enum {
	FLAG_AUTHENTIC = 1,
	FLAG_TUNNEL = 2,
	FLAG_CBC = 4,
	FLAG_UDP = 8, /* encapsulated */
	FLAG_IPV6 = 16,
	FLAG_SELECT = 32, /* the SA takes nothing but UDP inside */
};

static struct rte_mempool *pool;
static struct esp_engine *engine;
static struct sa_store *store;
static struct sa *sas[8]; /* by FLAG_TUNNEL, FLAG_CBC (shifted) and FLAG_SELECT */

static void must(bool condition)
{
	if (!condition)
		abort();
}

/* Memory of the EAL's hides what it points to from the leak detector. */
static void end(void)
{
	for (unsigned int i = 0; i < 8; i++)
		sa_destroy(store, sas[i]);
	sa_store_destroy(store);
	esp_engine_destroy(engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const eal[] = {"fuzz", "--no-huge", "--no-pci", "--no-telemetry",
		"--no-shconf", "-m", "64", "--iova-mode=va", "-l", "0", "--log-level=error"};
	static char *arguments[RTE_DIM(eal)];
	static const uint8_t key[64] = "a key that nobody guesses in time";

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < RTE_DIM(eal); i++)
		arguments[i] = (char *)(uintptr_t)eal[i];
	must(rte_eal_init(RTE_DIM(eal), arguments) >= 0);
	pool = rte_pktmbuf_pool_create(
		"fuzz", 15, 0, 0, RTE_PKTMBUF_HEADROOM + 4096, SOCKET_ID_ANY);
	engine = esp_engine_create("ipsec-mb", SOCKET_ID_ANY);
	store = sa_store_create("ipsec-mb", SOCKET_ID_ANY);
	must(pool != NULL && engine != NULL && store != NULL);
	for (unsigned int i = 0; i < 8; i++) {
		struct sa_params params = {
			.spi = 0x01020304,
			.direction = SA_INBOUND,
			.mode = i & 1 ? SA_TUNNEL : SA_TRANSPORT,
			.cipher = i & 2 ? ESP_CIPHER_AES_CBC : ESP_CIPHER_AES_GCM_16,
			.auth = i & 2 ? ESP_AUTH_HMAC_SHA256_128 : ESP_AUTH_NONE,
			.key = key,
			.key_len = i & 2 ? 16 : 20,
			.auth_key = key,
			.auth_key_len = i & 2 ? 32 : 0,
			.next_header = i & 4 ? IPPROTO_UDP : 0,
		};

		must(sa_create(store, &params, &sas[i]) == 0);
	}
	atexit(end);
	return 0;
}

static struct rte_mbuf *packet_seal(struct sa *sa, uint8_t flags, const uint8_t *text, uint32_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint32_t header = flags & FLAG_IPV6 ? 40 : 20, udp = flags & FLAG_UDP ? UDP_HEADER : 0;
	uint32_t iv = sa->algorithm.iv, total;
	uint8_t *ip, *esp;

	n -= n % sa->algorithm.block;
	total = header + udp + ESP_HEADER + iv + n + sa->algorithm.icv;
	ip = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)total);
	memset(ip, 0, total);
	ip[0] = flags & FLAG_IPV6 ? 0x60 : 0x45;
	ip[flags & FLAG_IPV6 ? 6 : 9] = flags & FLAG_UDP ? IPPROTO_UDP : IPPROTO_ESP;
	esp = ip + header + udp;
	memcpy(esp, &sa->spi, 4);
	esp[7] = 1;
	memcpy(esp + ESP_HEADER + iv, text, n);

	struct engine_op op = {.text = esp + ESP_HEADER + iv, .length = n, .sequence = 1};

	if (sa->algorithm.aead)
		engine_op_aead(&op, sa, esp);
	engine_seal(engine, sa, &op, 1);
	return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 4000)
		return 0;

	uint8_t flags = data[0];
	struct sa *sa = sas[(flags >> 1 & 3) | (flags & FLAG_SELECT ? 4 : 0)];
	uint64_t packets = sa->state.packets, rejects = 0, rejects_after = 0;
	struct esp_result result;
	struct rte_mbuf *m;

	if (flags & FLAG_AUTHENTIC) {
		m = packet_seal(sa, flags, data + 1, (uint32_t)size - 1);
	} else {
		m = rte_pktmbuf_alloc(pool);
		memcpy(rte_pktmbuf_append(m, (uint16_t)(size - 1)), data + 1, size - 1);
	}

	const uint8_t *start = rte_pktmbuf_mtod(m, const uint8_t *), *end = start + m->data_len;

	for (int i = 0; i < ESP_REJECTS; i++)
		rejects += sa->state.rejects[i];

	uint16_t n = esp_inbound_burst(engine, sa, &m, 1, &result);

	for (int i = 0; i < ESP_REJECTS; i++)
		rejects_after += sa->state.rejects[i];
	must(n == (result.reject == ESP_ACCEPTED) && result.reject < ESP_REJECTS);
	must(sa->state.packets + rejects_after == packets + rejects + 1);
	if (n == 1) {
		const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
		uint32_t header = ip_header_length(ip, m->data_len);

		must(flags & FLAG_AUTHENTIC);
		must(ip > start && ip + m->data_len <= end && m->data_len == m->pkt_len);
		must(header != 0);
		must((ip[0] >> 4 == 4 ? load_be16(ip + 2) : 40 + load_be16(ip + 4)) == m->data_len);
		if (flags & FLAG_TUNNEL)
			must(result.next_header == (ip[0] >> 4 == 4 ? IPPROTO_IPIP : IPPROTO_IPV6));
		else
			must(ip_protocol(ip) == result.next_header);
		must(result.next_header != IPPROTO_NONE);
		if (flags & FLAG_SELECT && !(flags & FLAG_TUNNEL))
			must(result.next_header == IPPROTO_UDP);
	}
	rte_pktmbuf_free(m);
	return 0;
}
