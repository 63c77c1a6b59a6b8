/* SPDX-License-Identifier: BSD-3-Clause */
/* Engines: which there are, what each refuses and why, that all agree, and what is measured. */
#include "esp_rig.h"
#include "engine.h"

#include <errno.h>

#define BURST 32

TestSuite(engine, .init = rig_init, .fini = rig_fini);

static const char *const engines[] = {"ipsec-mb", RIG_AESNI_MB, RIG_OPENSSL};

static struct sa *create(struct sa_store *store, const struct sa_params *params)
{
	struct sa *sa = NULL;
	int rc = sa_create(store, params, &sa);

	cr_assert_eq(rc, 0, "%s: %s", esp_cipher_name(params->cipher), esp_reason());
	return sa;
}

static void expect_name(const struct sa *sa, const char *expected)
{
	char name[64];

	sa_engine_name(sa, name, sizeof(name));
	cr_assert_str_eq(name, expected);
}

static void refused(const char *engine, int error, const char *because)
{
	errno = 0;
	cr_assert_null(esp_engine_create(engine, SOCKET_ID_ANY), "%s", engine);
	cr_assert_eq(errno, error, "%s: %s", engine, strerror(errno));
	cr_assert_not_null(strstr(esp_reason(), because), "%s: %s", engine, esp_reason());
	errno = 0;
	cr_assert_null(sa_store_create(engine, SOCKET_ID_ANY), "%s", engine);
	cr_assert_eq(errno, error, "%s: %s", engine, strerror(errno));
}

Test(engine, names_that_mean_nothing_are_refused_with_the_reason)
{
	refused("", EINVAL, "auto, ipsec-mb or cryptodev:DEVICE was expected");
	refused("fast", EINVAL, "'fast' is no engine");
	refused("cryptodev", EINVAL, "is no engine");
	refused("cryptodev:", EINVAL, "is no engine");
	refused("cryptodev:crypto_made_up0", ENODEV, "'crypto_made_up0'");
	refused("cryptodev:net_null0", ENODEV, "net_null0 is no crypto device");
	refused("cryptodev:a_name_that_is_much_longer_than_any_crypto_device_can_have_had_in_dpdk",
		EINVAL, "too long");
}

Test(engine, each_says_what_it_is)
{
	cr_assert_eq(strncmp(esp_engine_name(rig_engine), "ipsec-mb ", 9), 0);
	rig_use(RIG_OPENSSL);
	cr_assert_str_eq(esp_engine_name(rig_engine), "cryptodev crypto_openssl0");

	struct sa_params params = rig_params(0, SA_INBOUND);
	struct sa *sa = rig_sa(&params);

	expect_name(sa, "cryptodev crypto_openssl0");
	sa_destroy(rig_store, sa);
}

Test(engine, an_algorithm_that_the_device_lacks_is_refused_by_name)
{
	struct sa_params params = rig_params(3, SA_INBOUND);
	struct sa *sa;

	rig_use(RIG_OPENSSL);
	cr_assert_eq(sa_create(rig_store, &params, &sa), -ENOTSUP);
	cr_assert_str_eq(esp_reason(),
		"crypto device crypto_openssl0 cannot do chacha20-poly1305 none with keys of 256 "
		"bits: it "
		"lacks chacha20-poly1305");
	params = rig_params(0, SA_INBOUND);
	sa = rig_sa(&params);
	sa_destroy(rig_store, sa);
}

Test(engine, every_worker_needs_a_queue_pair_of_its_own)
{
	/* one lcore: one queue pair, and the rig has it */
	rig_use(RIG_AESNI_MB);
	errno = 0;
	cr_assert_null(esp_engine_create(RIG_AESNI_MB, SOCKET_ID_ANY));
	cr_assert_eq(errno, EBUSY);
	cr_assert_not_null(strstr(esp_reason(), "has 1 queue pairs"), "%s", esp_reason());
	esp_engine_destroy(rig_engine);
	rig_engine = esp_engine_create(RIG_AESNI_MB, SOCKET_ID_ANY);
	cr_assert_not_null(rig_engine, "%s", esp_reason());
}

/* Store and worker that were told different names: packets are refused, and no number is used. */
Test(engine, an_sa_of_an_engine_that_the_worker_lacks_is_refused)
{
	struct sa_store *store = sa_store_create(RIG_OPENSSL, SOCKET_ID_ANY);
	struct sa_params params = rig_params(4, SA_OUTBOUND);
	struct sa *sa = create(store, &params);
	struct rte_mbuf *m = rig_packet(4, IPPROTO_UDP, 100);

	rig_expect(rig_out(sa, m), ESP_REJECT_ENGINE);
	cr_assert_eq(sa->state.sequence, 0);
	cr_assert_eq(sa->state.rejects[ESP_REJECT_ENGINE], 1);
	sa_destroy(store, sa);
	rig_use(RIG_OPENSSL);
	sa_store_destroy(store);
	store = sa_store_create("ipsec-mb", SOCKET_ID_ANY);
	params.direction = SA_INBOUND;
	sa = create(store, &params);
	rig_expect(rig_in(sa, m), ESP_REJECT_ENGINE);
	sa_destroy(store, sa);
	sa_store_destroy(store);
	rte_pktmbuf_free(m);
}

/* A device that takes nothing: packets are refused after a moment, nothing hangs, and it goes on after. */
Test(engine, a_device_that_stops_refuses_its_packets)
{
	rig_use(RIG_OPENSSL);

	int id = rte_cryptodev_get_dev_id("crypto_openssl0");
	struct sa_params params = rig_params(0, SA_OUTBOUND);
	struct sa *sa = rig_sa(&params);
	struct rte_mbuf *m = rig_packet(4, IPPROTO_UDP, 100);

	cr_assert_geq(id, 0);
	rte_cryptodev_stop((uint8_t)id);
	rig_expect(rig_out(sa, m), ESP_REJECT_ENGINE);
	rte_pktmbuf_free(m);
	cr_assert_eq(rte_cryptodev_start((uint8_t)id), 0);
	m = rig_packet(4, IPPROTO_UDP, 100);
	rig_expect(rig_out(sa, m), ESP_ACCEPTED);
	cr_assert_eq(sa->state.sequence, 2);
	rte_pktmbuf_free(m);
	sa_destroy(rig_store, sa);
}

/* More sessions than the first pool of them holds. */
Test(engine, thousands_of_sessions_come_and_go)
{
	enum { SAS = 1500 };
	static struct sa *sas[SAS];
	struct sa_params params = rig_params(0, SA_INBOUND);

	rig_use(RIG_OPENSSL);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < SAS; i++)
			sas[i] = rig_sa(&params);
		for (int i = 0; i < SAS; i++)
			sa_destroy(rig_store, sas[i]);
	}
}

Test(engine, sessions_are_nowhere_after_destruction)
{
	struct sa_params params = rig_params(0, SA_INBOUND);

	rig_use(RIG_AESNI_MB);

	struct sa *sa = rig_sa(&params);
	const uint8_t *session = sa->session;
	size_t size = rte_mempool_from_obj(sa->session)->elt_size;
	bool any = false;

	for (size_t at = 64; at < size; at++)
		any |= session[at] != 0;
	cr_assert(any, "there was nothing");
	sa_destroy(rig_store, sa);
	for (size_t at = 0; at < size; at++)
		cr_assert_eq(session[at], 0, "byte %zu", at);
}

/* IVs come from elsewhere on a device; they have to be as different from each other. */
static void cbc_ivs_never_repeat(void)
{
	static uint8_t seen[4096][16];
	struct sa_params params = rig_params(4, SA_OUTBOUND);
	struct sa *sa = rig_sa(&params);

	for (size_t n = 0; n < RTE_DIM(seen);) {
		struct esp_result results[BURST];
		struct rte_mbuf *pkts[BURST];

		for (int k = 0; k < BURST; k++)
			pkts[k] = rig_packet(4, IPPROTO_UDP, 8);
		cr_assert_eq(esp_outbound_burst(rig_engine, sa, pkts, BURST, results), BURST);
		for (int k = 0; k < BURST; k++, n++)
			memcpy(seen[n], rte_pktmbuf_mtod_offset(pkts[k], uint8_t *, 28), 16);
		rte_pktmbuf_free_bulk(pkts, BURST);
	}
	for (size_t i = 0; i < RTE_DIM(seen); i++) {
		for (size_t k = 0; k < i; k++)
			cr_assert_neq(memcmp(seen[i], seen[k], 16), 0, "%zu and %zu", i, k);
	}
	sa_destroy(rig_store, sa);
}

RIG_PER_ENGINE(engine, cbc_ivs_never_repeat)

/* Sealed by one engine, opened by another, and for combined modes the same bytes from each. */
Test(engine, all_agree_with_each_other, .timeout = 100)
{
	enum { ENGINES = sizeof(engines) / sizeof(engines[0]), SIZES = 64, ROOM = 9400 };
	static uint8_t plain[SIZES][ROOM], sealed[ENGINES][ROOM], got[ROOM];
	struct sa_store *stores[ENGINES];
	struct esp_engine *workers[ENGINES];
	uint32_t lengths[SIZES];

	for (int e = 0; e < ENGINES; e++) {
		stores[e] = sa_store_create(engines[e], SOCKET_ID_ANY);
		workers[e] = esp_engine_create(engines[e], SOCKET_ID_ANY);
		cr_assert(stores[e] != NULL && workers[e] != NULL, "%s", esp_reason());
	}
	for (int k = 0; k < SIZES; k++) {
		struct rte_mbuf *m = rig_packet(4, IPPROTO_UDP,
			k < SIZES / 2 ? (uint32_t)k : (uint32_t)(rig_random() >> 20) % 9001);

		lengths[k] = rig_bytes(m, plain[k]);
		rte_pktmbuf_free(m);
	}
	for (size_t i = 0; i < RIG_ALGORITHMS; i++) {
		struct sa *out[ENGINES] = {NULL}, *in[ENGINES][ENGINES] = {{NULL}};
		struct sa_params params = rig_params(i, SA_OUTBOUND);

		params.esn = i % 2 == 0;
		params.sequence = params.esn ? UINT32_MAX - 10u : 17;
		for (int e = 0; e < ENGINES; e++) {
			if (e == 2 && params.cipher == ESP_CIPHER_CHACHA20_POLY1305)
				continue;
			params.direction = SA_OUTBOUND;
			out[e] = create(stores[e], &params);
			params.direction = SA_INBOUND;
			for (int from = 0; from < ENGINES; from++)
				in[e][from] = create(stores[e], &params);
		}
		for (int k = 0; k < SIZES; k++) {
			uint32_t n[ENGINES];

			for (int e = 0; e < ENGINES; e++) {
				struct rte_mbuf *m = rig_copy(plain[k], lengths[k], k % 16);
				struct esp_result result;

				if (out[e] != NULL) {
					cr_assert_eq(esp_outbound_burst(
							     workers[e], out[e], &m, 1, &result),
						1);
					n[e] = rig_bytes(m, sealed[e]);
				}
				rte_pktmbuf_free(m);
				if (out[e] == NULL || !out[e]->algorithm.aead)
					continue;
				cr_assert_eq(n[e], n[0]);
				cr_assert_eq(memcmp(sealed[e], sealed[0], n[0]), 0,
					"%s, %u bytes, %s", rig_algorithms[i].name, lengths[k],
					engines[e]);
			}
			for (int from = 0; from < ENGINES; from++) {
				for (int e = 0; e < ENGINES && out[from] != NULL; e++) {
					struct esp_result result;
					struct rte_mbuf *m;

					if (in[e][from] == NULL)
						continue;
					m = rig_copy(sealed[from], n[from], (k + 5) % 16);
					cr_assert_eq(esp_inbound_burst(workers[e], in[e][from], &m,
							     1, &result),
						1, "%s, %u bytes, from %s to %s: %s",
						rig_algorithms[i].name, lengths[k], engines[from],
						engines[e], esp_reject_name(result.reject));
					cr_assert_eq(rig_bytes(m, got), lengths[k]);
					cr_assert_eq(memcmp(got, plain[k], lengths[k]), 0);
					rte_pktmbuf_free(m);
				}
			}
		}
		for (int e = 0; e < ENGINES; e++) {
			sa_destroy(stores[e], out[e]);
			for (int from = 0; from < ENGINES; from++)
				sa_destroy(stores[e], in[e][from]);
		}
	}
	for (int e = 0; e < ENGINES; e++) {
		esp_engine_destroy(workers[e]);
		sa_store_destroy(stores[e]);
	}
}

Test(engine, auto_without_devices_is_ipsec_mb)
{
	rig_use("auto");
	cr_assert_eq(strncmp(esp_engine_name(rig_engine), "ipsec-mb ", 9), 0);
	cr_assert_null(strstr(esp_engine_name(rig_engine), "cryptodev"));
}

static void devices_init(void)
{
	static const char *const extra[] = {
		"--vdev=crypto_openssl0", "--vdev=crypto_aesni_mb0", NULL};

	rig_init_with(extra);
}

TestSuite(engine_devices, .init = devices_init, .fini = rig_fini);

/* Slower ones are not taken, whatever there is; all serve who asks for them. */
Test(engine_devices, auto_measures_what_is_there)
{
	struct sa_params params = rig_params(0, SA_OUTBOUND);
	struct sa *sa;

	rig_use("auto");
	cr_assert_not_null(strstr(esp_engine_name(rig_engine), "crypto_openssl0"));
	cr_assert_not_null(strstr(esp_engine_name(rig_engine), "crypto_aesni_mb0"));
	/* OpenSSL takes six times as long on any CPU with AES */
	sa = rig_sa(&params);
	expect_name(sa, "ipsec-mb");
	sa_destroy(rig_store, sa);
	for (size_t i = 0; i < RIG_ALGORITHMS; i++) {
		struct rte_mbuf *m = rig_packet(4, IPPROTO_UDP, 100);

		params = rig_params(i, SA_OUTBOUND);
		sa = rig_sa(&params);
		rig_expect(rig_out(sa, m), ESP_ACCEPTED);
		sa_destroy(rig_store, sa);
		rte_pktmbuf_free(m);
	}
}

Test(engine_devices, a_device_that_was_there_stays_there)
{
	rig_use(RIG_AESNI_MB);
	rig_use("ipsec-mb");
	cr_assert_geq(rte_cryptodev_get_dev_id("crypto_aesni_mb0"), 0);
	rig_use(RIG_AESNI_MB);

	struct sa_params params = rig_params(0, SA_OUTBOUND);
	struct sa *sa = rig_sa(&params);
	struct rte_mbuf *m = rig_packet(4, IPPROTO_UDP, 100);

	rig_expect(rig_out(sa, m), ESP_ACCEPTED);
	rte_pktmbuf_free(m);
	sa_destroy(rig_store, sa);
}

Test(engine, a_device_that_was_made_is_gone_afterwards)
{
	rig_use(RIG_OPENSSL);
	cr_assert_geq(rte_cryptodev_get_dev_id("crypto_openssl0"), 0);
	rig_use("ipsec-mb");
	cr_assert_lt(rte_cryptodev_get_dev_id("crypto_openssl0"), 0);
}
