/* SPDX-License-Identifier: BSD-3-Clause */
/* The associations as lnsd's YAML has them: what is outbound here is inbound there. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "secure.h"

static void secure_print_key(FILE *f, const char *name, const uint8_t *key, size_t len)
{
	if (len == 0)
		return;
	fprintf(f, "    %s: \"", name);
	for (size_t i = 0; i < len; i++)
		fprintf(f, "%02x", key[i]);
	fputs("\"\n", f);
}

static void secure_print_address(FILE *f, const char *name, const struct sockaddr_storage *a)
{
	char text[INET6_ADDRSTRLEN];
	const struct sockaddr_in *v4 = (const void *)a;
	const struct sockaddr_in6 *v6 = (const void *)a;

	inet_ntop(a->ss_family,
		a->ss_family == AF_INET6 ? (const void *)&v6->sin6_addr
					 : (const void *)&v4->sin_addr,
		text, sizeof(text));
	fprintf(f, "    %s: \"%s\"\n", name, text);
}

static int secure_print_one(const struct secure *s, FILE *f, const struct secure_link *l, bool up)
{
	const struct options_esp *e = &s->options->esp;
	const struct transform *t = &e->transform;
	uint8_t key[TRANSFORM_KEY_MAX], auth_key[TRANSFORM_AUTH_MAX];
	uint32_t spi = up ? l->out.spi : l->in.spi;
	int rc = association_derive(t, e->passphrase, spi, key, auth_key);

	if (rc != 0)
		return rc;
	fprintf(f, "  - name: lnsload-%x\n    direction: %s\n    spi: 0x%x\n", spi,
		up ? "in" : "out", spi);
	secure_print_address(f, "local", &l->lns);
	secure_print_address(f, "peer", &l->local);
	if (e->natt)
		fprintf(f, "    encapsulation: {local-port: %u, peer-port: %u}\n", SECURE_NATT_PORT,
			ntohs(((const struct sockaddr_in *)&l->local)->sin_port));
	if (e->esn)
		fputs("    esn: true\n", f);
	fprintf(f, "    cipher: \"%s\"\n", t->yaml_cipher);
	secure_print_key(f, "key", key, t->key);
	if (t->yaml_integrity != NULL)
		fprintf(f, "    integrity: %s\n", t->yaml_integrity);
	secure_print_key(f, "integrity-key", auth_key, t->auth_key);
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(auth_key, sizeof(auth_key));
	return 0;
}

int secure_print(const struct secure *s, FILE *f)
{
	static const char *const permits[][2] = {
		{"null", "permit-null"}, {"3des-cbc", "permit-3des"}, {"aes-gmac", "permit-gmac"}};
	int rc = 0;

	for (unsigned i = 0; i < 3; i++)
		if (strcmp(s->options->esp.transform.yaml_cipher, permits[i][0]) == 0)
			fprintf(f, "# refused without \"ipsec: {%s: true}\"\n", permits[i][1]);
	fputs("security-associations:\n", f);
	for (uint32_t i = 0; rc == 0 && i < s->link_count; i++) {
		rc = secure_print_one(s, f, &s->links[i], true);
		if (rc == 0)
			rc = secure_print_one(s, f, &s->links[i], false);
	}
	return rc == 0 && fflush(f) != 0 ? -errno : rc;
}
