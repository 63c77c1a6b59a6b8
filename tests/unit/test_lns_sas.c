/* SPDX-License-Identifier: BSD-3-Clause */
/* Security associations of the configuration across reloads: what works stays, what does not is tried again. */
#include "config_minimal.h"
#include "lns.h"

#include "eal.h"

#include <crypto/digest.h>
#include <crypto/esp.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define IN                                                                              \
	"{name: in, direction: in, spi: 0x1001, local: 192.0.2.1, peer: 198.51.100.9, " \
	"key: " KEY_IN "}"
#define OUT                                                                               \
	"{name: out, direction: out, spi: 0x2001, local: 192.0.2.1, peer: 198.51.100.9, " \
	"key: " KEY_OUT "}"
#define KEY_IN  "'0x1111111111111111111111111111111111111111'"
#define KEY_OUT "'0x2222222222222222222222222222222222222222'"

static struct lns lns;
static struct rcu *rcu;
static struct sa_table *table;
static struct config *config;

/* The configuration with these security associations, as at start or by a reload. */
static void configure(const char *associations)
{
	struct config_errors errors = {0};
	struct lns_sas_change change;
	struct config *new;
	char text[2048];
	int length = snprintf(
		text, sizeof(text), MINIMAL_LNS "security-associations: [%s]\n", associations);
	int rc = config_parse("test.yaml", text, (size_t)length, &new, &errors);

	cr_assert_eq(rc, 0, "%s", errors.n ? errors.text[0] : "");
	config_errors_free(&errors);
	cr_assert_eq(lns_sas_prepare(new, &change), 0);
	lns_sas_set(&lns, config, new, &change);
	config_free(config);
	config = new;
}

static void setup(void)
{
	struct install_sa_settings settings = {.n_workers = 1, .max = 16};

	eal_init();
	cr_assert_eq(digest_init(), 0);
	memset(&lns, 0, sizeof(lns));
	lns.now = 1000000;
	/* one worker that reports */
	rcu = rcu_create(1);
	table = sa_table_create(2 * settings.max, rcu);
	lns.sa_store = sa_store_create("auto", -1);
	cr_assert(rcu && table && lns.sa_store, "%s", esp_reason());
	settings.table = table;
	settings.store = lns.sa_store;
	lns.sas = install_sas_create(&settings);
	cr_assert_not_null(lns.sas);
}

static void grace_period(void)
{
	for (int i = 0; i < 2; i++) {
		rcu_poll(rcu, 1000);
		rcu_worker_quiescent(rcu_qsbr(rcu), 0);
	}
	rcu_poll(rcu, 1000);
}

static void teardown(void)
{
	rcu_worker_offline(rcu, 0);
	rcu_drain(rcu);
	lns_sas_stop(&lns);
	sa_table_destroy(table);
	rcu_destroy(rcu);
	config_free(config);
	digest_fini();
}

TestSuite(lns_sas, .init = setup, .fini = teardown);

/* An SA as the kernel's mirror adds it. */
static struct install_sa *kernel_adds(enum sa_direction direction, uint32_t spi, uint8_t key_byte)
{
	static uint8_t key[20];
	struct install_sa_spec spec = {.source = INSTALL_SA_KERNEL,
		.family = 4,
		.params = {.spi = spi,
			.direction = direction,
			.cipher = ESP_CIPHER_AES_GCM_16,
			.key = key,
			.key_len = sizeof(key),
			.window = 64,
			.sequence_limit = 1000000}};
	struct install_sa *sa;

	memset(key, key_byte, sizeof(key));
	inet_pton(AF_INET, "192.0.2.1", spec.local);
	inet_pton(AF_INET, "203.0.113.7", spec.peer);
	sa = install_sa_add(lns.sas, &spec, lns.now);
	cr_assert_not_null(sa);
	cr_assert_neq(sa->state, INSTALL_SA_REFUSED, "%s", sa->reason);
	return sa;
}

static uint32_t refused(void)
{
	struct install_sas_counts counts;

	install_sas_counts(lns.sas, &counts);
	return counts.refused;
}

Test(lns_sas, a_reload_tries_what_was_refused_again_and_leaves_the_rest)
{
	struct install_sa *other = kernel_adds(SA_INBOUND, 0x1001, 0x77), *out;

	configure(IN ", " OUT);
	cr_assert_eq(lns.static_sas[0]->state, INSTALL_SA_REFUSED);
	cr_expect_str_eq(lns.static_sas[0]->reason, "the SPI is in use at this address");
	out = lns.static_sas[1];
	cr_assert_eq(out->state, INSTALL_SA_LIVE);
	out->sa->state.sequence = 7;

	/* the same again, as long as there is no place for it */
	configure(OUT ", " IN);
	cr_expect_eq(lns.static_sas[1]->state, INSTALL_SA_REFUSED);
	cr_expect_eq(refused(), 1);
	cr_expect_eq(other->state, INSTALL_SA_LIVE, "who was there first");

	install_sa_remove(lns.sas, other, lns.now);
	cr_expect_eq(lns.static_sas[1]->state, INSTALL_SA_REFUSED, "nothing is tried by itself");
	configure(IN ", " OUT);
	cr_assert_eq(lns.static_sas[0]->state, INSTALL_SA_LIVE, "%s", lns.static_sas[0]->reason);
	cr_expect_eq(refused(), 0);
	cr_expect_eq(lns.static_sas[0],
		install_sa_find(lns.sas, SA_INBOUND, 0, 4, lns.static_sas[0]->local, 0x1001));
	/* the other one was never touched */
	cr_expect_eq(lns.static_sas[1], out);
	cr_expect_eq(out->sa->state.sequence, 7);
	grace_period();
	cr_expect_eq(out->state, INSTALL_SA_LIVE);
}

Test(lns_sas, a_reload_brings_back_what_was_stopped_for_another_one_with_its_key)
{
	struct install_sa *newer, *out;

	configure(OUT);
	out = lns.static_sas[0];
	out->sa->state.sequence = 100;
	newer = kernel_adds(SA_OUTBOUND, 0x2002, 0x22);
	cr_assert_eq(out->state, INSTALL_SA_STOPPED);
	grace_period();
	cr_assert_eq(newer->state, INSTALL_SA_LIVE);
	newer->sa->state.sequence = 200;
	install_sa_remove(lns.sas, newer, lns.now);
	configure(OUT);
	cr_assert_eq(lns.static_sas[0]->state, INSTALL_SA_WAITING, "for the key's last number");
	grace_period();
	cr_assert_eq(lns.static_sas[0]->state, INSTALL_SA_LIVE);
	cr_expect_eq(lns.static_sas[0]->sa->state.sequence, 200, "no number twice");
}

Test(lns_sas, what_a_reload_does_not_name_any_more_is_gone)
{
	uint8_t local[16] = {192, 0, 2, 1};

	configure(IN ", " OUT);
	configure(OUT);
	cr_expect_null(install_sa_find(lns.sas, SA_INBOUND, 0, 4, local, 0x1001));
	/* a refused one, too */
	kernel_adds(SA_INBOUND, 0x1001, 0x77);
	configure(IN ", " OUT);
	cr_assert_eq(refused(), 1);
	configure(OUT);
	cr_expect_eq(refused(), 0);
	cr_expect_eq(lns.static_sas[0]->state, INSTALL_SA_LIVE);
}
