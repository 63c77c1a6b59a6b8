/* SPDX-License-Identifier: BSD-3-Clause */
/* ipsec and security-associations: what loads, what is refused, and that keys are never shown. */
#include "config_fixture.h"

#define SAS   MINIMAL "security-associations:\n"
#define KEY20 "6875e746572326875e746572332068756e746572"
#define PLACE "local: 10.0.0.1, peer: 192.0.2.1"
#define IN    "direction: in, spi: 0x1001, " PLACE
#define OUT   "direction: out, spi: 0x2001, " PLACE
#define GCM_DIGITS                                                                             \
	"expected 40, 56 or 72 hexadecimal digits (a key of 128, 192 or 256 bits, 4 bytes of " \
	"salt)"

Test(config_sa, defaults)
{
	struct config *config = must_parse(SAS "- {name: a, " IN ", key: 0x" KEY20 "}\n");
	const struct config_sa *sa = config->sas;

	cr_assert_eq(config->n_sas, 1);
	cr_expect_str_eq(sa->name, "a");
	cr_expect_eq(sa->direction, CONFIG_SA_IN);
	cr_expect_eq(sa->spi, 0x1001);
	cr_expect_eq(sa->mode, CONFIG_SA_TRANSPORT);
	cr_expect_eq(sa->cipher, CONFIG_CIPHER_AES_GCM);
	cr_expect_eq(sa->integrity, CONFIG_INTEGRITY_NONE);
	cr_expect_eq(sa->key.length, 20);
	cr_expect_arr_eq(sa->key.bytes, ((uint8_t[]){0x68, 0x75, 0xe7, 0x46}), 4);
	cr_expect_eq(sa->key.bytes[19], 0x72);
	cr_expect_not(sa->esn);
	cr_expect_eq(sa->replay_window, 1024);
	cr_expect_eq(sa->local_port, 0);
	cr_expect_eq(sa->peer_port, 0);
	cr_expect_eq(sa->vrf, 0);
	cr_expect_eq(sa->line, 4);
	cr_expect_str_eq(config->ipsec.engine, "auto");
	cr_expect_eq(config->ipsec.max_sas, 65536);
	cr_expect_eq(config->ipsec.replay_window, 1024);
	cr_expect_not(config->ipsec.permit_null || config->ipsec.permit_gmac ||
		config->ipsec.permit_3des);
	config_free(config);
}

Test(config_sa, every_algorithm)
{
	struct config *config = must_parse(
		MINIMAL "ipsec: {engine: 'cryptodev:crypto_openssl0', replay-window: 64, "
			"permit-null: true, permit-gmac: true, permit-3des: true}\n"
			"security-associations:\n"
			"- {name: a, direction: out, spi: 4097, " PLACE ", cipher: aes-gmac, "
			"key: " KEY20 ", encapsulation: {peer-port: 62418}}\n"
			"- {name: b, direction: in, spi: 4097, " PLACE ", mode: tunnel, esn: true, "
			"inner: 10.9.9.0/24, "
			"cipher: 'null', integrity: sha1-96, integrity-key: " KEY20 "}\n"
			"- {name: c, direction: in, spi: 4098, " PLACE ", cipher: aes-cbc, "
			"key: '00112233445566778899aabbccddeeff', integrity: sha256-128, "
			"integrity-key: "
			"'000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f', "
			"replay-window: 0, encapsulation: {}}\n"
			"- {name: d, direction: in, spi: 0xFFFFFFFF, " PLACE ", cipher: 3des-cbc, "
			"key: '00112233445566778899aabbccddeeff0011223344556677', integrity: "
			"sha1-96, integrity-key: " KEY20 "}\n");

	cr_expect_str_eq(config->ipsec.engine, "cryptodev:crypto_openssl0");
	cr_expect_eq(config->sas[0].local_port, 4500);
	cr_expect_eq(config->sas[0].peer_port, 62418);
	cr_expect_eq(config->sas[0].inner.addr.family, 0);
	cr_expect_eq(config->sas[1].inner.addr.family, 4);
	cr_expect_eq(config->sas[1].inner.length, 24);
	cr_expect_arr_eq(config->sas[1].inner.addr.bytes, ((uint8_t[4]){10, 9, 9, 0}), 4);
	cr_expect_eq(config->sas[1].replay_window, 64);
	cr_expect_eq(config->sas[1].key.length, 0);
	cr_expect_eq(config->sas[1].integrity_key.length, 20);
	cr_expect_eq(config->sas[2].replay_window, 0);
	cr_expect_eq(config->sas[2].peer_port, 4500);
	cr_expect_eq(config->sas[3].spi, UINT32_MAX);
	cr_expect_eq(config->sas[3].key.length, 24);
	config_free(config);
}

Test(config_sa, mistakes)
{
	static const struct config_row rows[] = {
		{SAS "- {name: a, " IN "}\n",
			"f:4:3: security-associations[a].key: not given, " GCM_DIGITS},
		{SAS "- {name: a, " IN ", key: hunter2}\n",
			"f:4:80: security-associations[a].key: 7 characters (not "
			"shown), " GCM_DIGITS},
		{SAS "- {name: a, " IN ", key: '0011'}\n",
			"f:4:80: security-associations[a].key: 4 hexadecimal digits (not "
			"shown), " GCM_DIGITS},
		{SAS "- {name: a, " IN ", key: '00112233445566778899aabbccddeeff001122330'}\n",
			"f:4:80: security-associations[a].key: 41 characters (not "
			"shown), " GCM_DIGITS},
		{SAS "- {name: a, " IN ", key: " KEY20 ", key-file: nowhere}\n",
			"f:4:132: security-associations[a].key-file: nowhere cannot be read (No "
			"such "
			"file or directory), expected a file\n"
			"f:4:132: security-associations[a].key-file: given beside key, expected "
			"one "
			"of the two"},
		{SAS "- {name: a, " IN
		     ", cipher: aes-cbc, key: 00112233445566778899aabbccddeeff}\n",
			"f:4:3: security-associations[a].integrity: none beside aes-cbc, expected "
			"one of sha1-96, sha256-128, sha384-192, sha512-256"},
		{SAS "- {name: a, " IN ", integrity: sha1-96, key: " KEY20 "}\n",
			"f:4:86: security-associations[a].integrity: given beside aes-gcm, which "
			"authenticates by itself, expected none"},
		{SAS "- {name: a, " IN ", cipher: 'null', integrity: sha1-96, integrity-key: " KEY20
		     "}\n",
			"f:4:83: security-associations[a].cipher: null, expected "
			"ipsec.permit-null: "
			"true with it"},
		{SAS "- {name: a, " IN ", inner: 10.9.9.9, key: " KEY20 "}\n",
			"f:4:82: security-associations[a].inner: given for an SA that is in "
			"transport mode, expected only at inbound ones in tunnel mode"},
		{SAS "- {name: a, direction: in, spi: 255, " PLACE ", key: " KEY20 "}\n",
			"f:4:33: security-associations[a].spi: 255, expected a number from 256 to "
			"4294967295, decimal or hexadecimal (0x1000)"},
		{SAS "- {name: a, direction: in, spi: 0x1ffffffff, " PLACE ", key: " KEY20 "}\n",
			"f:4:33: security-associations[a].spi: 0x1ffffffff, expected a number from "
			"256 to 4294967295, decimal or hexadecimal (0x1000)"},
		{SAS "- {name: a, direction: in, spi: 256, local: 10.0.0.9, peer: 192.0.2.1, "
		     "key: " KEY20 "}\n",
			"f:4:45: security-associations[a].local: 10.0.0.9, expected an address of "
			"an interface in VRF default"},
		{SAS "- {name: a, direction: in, spi: 256, local: 10.0.0.1, peer: '2001:db8::1', "
		     "key: " KEY20 "}\n",
			"f:4:61: security-associations[a].peer: 2001:db8::1, expected an address "
			"of "
			"local's family"},
		{SAS "- {name: a, " OUT ", key: " KEY20 ", replay-window: 64}\n",
			"f:4:138: security-associations[a].replay-window: given for an outbound "
			"SA, "
			"expected only at inbound ones"},
		{SAS "- {name: a, " IN ", key: " KEY20 ", esn: true, replay-window: 0}\n",
			"f:4:148: security-associations[a].replay-window: 0 with esn, expected a "
			"number from 32 to 4096"},
		{SAS "- {name: a, " IN ", key: " KEY20 "}\n- {name: b, " IN ", key: " KEY20 "}\n",
			"f:5:33: security-associations[b].spi: 0x1001, expected an SPI that no "
			"other "
			"inbound SA of this address has (line 4 has it)"},
		{SAS "- {name: a, " OUT ", key: " KEY20
		     "}\n- {name: b, direction: out, spi: 0x2002, " PLACE ", key: " KEY20 "}\n",
			"f:5:81: security-associations[b].key: the key of another outbound SA, "
			"expected one of its own (line 4 has it)"},
		{MINIMAL "ipsec: {engine: qat}\n",
			"f:3:17: ipsec.engine: qat, expected auto, ipsec-mb, or cryptodev: and the "
			"name of a device"},
		{MINIMAL "ipsec: {replay-window: 16}\n",
			"f:3:24: ipsec.replay-window: 16, expected a number from 32 to 4096"},
	};

	config_rows_run(rows, sizeof(rows) / sizeof(*rows));
}

Test(config_sa, only_the_engine_and_the_size_need_a_restart)
{
	struct config *a = must_parse(SAS "- {name: a, " IN ", key: " KEY20 "}\n");
	struct config *b =
		must_parse(MINIMAL "ipsec: {engine: ipsec-mb, max-sas: 100, permit-3des: true}\n");
	struct config_errors names = {0};

	cr_assert_eq(config_restart_needed(a, b, &names), 2);
	cr_expect_str_eq(names.text[0], "ipsec.engine");
	cr_expect_str_eq(names.text[1], "ipsec.max-sas");
	config_errors_free(&names);
	config_free(a);
	config_free(b);
}
