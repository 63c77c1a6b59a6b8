/* SPDX-License-Identifier: BSD-3-Clause */
/* L2TP into UDP into ESP and back, and what is spoiled, repeated or delayed on the way on purpose. */
#include "secure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "flow.h"

#define UDP_HEADER   8u
#define PROTOCOL_UDP 17u
#define NO_NEXT      59u
/* reserved ahead in the state file: a run that is killed leaves no number to be used again */
#define RESERVE ((uint64_t)1 << 24)
/* how far ahead a forged number lies: far enough to push every good one out of any window */
#define FORGED_AHEAD (1u << 20)

static uint16_t *secure_port(struct sockaddr_storage *a)
{
	return &((struct sockaddr_in *)a)->sin_port; /* at the same place for both families */
}

static uint16_t secure_port_of(const struct sockaddr_storage *a)
{
	return ((const struct sockaddr_in *)a)->sin_port;
}

/* the address's bytes and their number */
static const uint8_t *secure_address(const struct sockaddr_storage *a, size_t *len)
{
	if (a->ss_family == AF_INET6) {
		*len = 16;
		return ((const struct sockaddr_in6 *)a)->sin6_addr.s6_addr;
	}
	*len = 4;
	return (const uint8_t *)&((const struct sockaddr_in *)a)->sin_addr;
}

static int secure_open_link(struct secure *s, uint32_t number, uint32_t local, uint16_t port)
{
	const struct options_esp *e = &s->options->esp;
	struct secure_link *l = &s->links[number];
	uint8_t key[TRANSFORM_KEY_MAX], auth_key[TRANSFORM_AUTH_MAX];
	struct association_config c = {.transform = &e->transform,
		.key = key,
		.auth_key = auth_key,
		.esn = e->esn,
		/* nanoseconds: no run begins where another one has been */
		.iv = clock_real_ns()};
	int rc;

	l->number = number;
	l->local = s->options->local[local];
	l->lns = s->options->lns;
	*secure_port(&l->local) = htobe16(port);
	*secure_port(&l->lns) = htobe16(port != 0 ? SECURE_NATT_PORT : 0);
	c.spi = e->spi + 2 * number;
	rc = association_derive(&e->transform, e->passphrase, c.spi, key, auth_key);
	if (rc == 0)
		rc = association_init(&l->out, &c, true);
	c.spi++;
	if (rc == 0)
		rc = association_derive(&e->transform, e->passphrase, c.spi, key, auth_key);
	if (rc == 0)
		rc = association_init(&l->in, &c, false);
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(auth_key, sizeof(auth_key));
	if (rc == -ENOTSUP)
		fprintf(stderr, "lnsload: --esp %s: not in this libcrypto\n", e->transform.name);
	return rc;
}

/* Spread evenly, and of two source addresses with "half" all of the second. */
static bool secure_wanted(const struct options *o, uint32_t n)
{
	uint64_t wanted = o->esp.tunnels;

	if (o->esp.half)
		return n % 2 == 1;
	return (n + 1) * wanted / o->tunnels > n * wanted / o->tunnels;
}

/* Native: a link for each source address in use. In UDP with a port per tunnel: one each. */
static int secure_open_links(struct secure *s)
{
	const struct options *o = s->options;
	bool each = o->esp.natt && o->source_port_any;
	uint32_t link_at[OPTIONS_LOCALS], ports[OPTIONS_LOCALS] = {0};

	memset(link_at, 0xff, sizeof(link_at));
	for (uint32_t n = 0; n < o->tunnels; n++) {
		uint32_t local = n % o->local_count;
		uint16_t port = 0;
		int rc;

		if (!secure_wanted(o, n))
			continue;
		s->tunnel_count++;
		if (each || link_at[local] == SECURE_CLEAR) {
			if (o->esp.natt)
				port = (uint16_t)(o->esp.natt_port + ports[local]++);
			rc = secure_open_link(s, s->link_count, local, port);
			if (rc != 0)
				return rc;
			link_at[local] = s->link_count++;
		}
		s->link_of[n] = link_at[local];
	}
	return 0;
}

static int secure_read_state(struct secure *s)
{
	const char *path = s->options->esp.state;
	FILE *f = fopen(path, "re");
	uint64_t number;
	uint32_t spi, line = 0;
	int rc = 0, n;

	if (f == NULL && errno == ENOENT)
		return 0;
	if (f == NULL) {
		rc = -errno;
		fprintf(stderr, "lnsload: --esp-state: '%s': %s\n", path, strerror(-rc));
		return rc;
	}
	while (rc == 0 && (n = fscanf(f, "%" SCNx32 " %" SCNu64, &spi, &number)) != EOF) {
		line++;
		if (n != 2) {
			fprintf(stderr,
				"lnsload: --esp-state: '%s' line %u: expected an SPI and a "
				"number\n",
				path, line);
			rc = -EINVAL;
		}
		for (uint32_t i = 0; n == 2 && i < s->link_count; i++)
			if (s->links[i].out.spi == spi)
				s->links[i].out.sequence = number;
	}
	fclose(f);
	return rc;
}

static int secure_write_state(const struct secure *s, uint64_t ahead)
{
	const char *path = s->options->esp.state;
	char temporary[OPTIONS_TEXT + 8];
	FILE *f;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	f = fopen(temporary, "we");
	for (uint32_t i = 0; f != NULL && i < s->link_count; i++)
		fprintf(f, "%08" PRIx32 " %" PRIu64 "\n", s->links[i].out.spi,
			s->links[i].out.sequence + ahead);
	if (f != NULL && fclose(f) == 0 && rename(temporary, path) == 0)
		return 0;
	fprintf(stderr, "lnsload: --esp-state: '%s': %s\n", path, strerror(errno));
	return -EIO;
}

int secure_open(struct secure *s, const struct options *o, impair_fn *emit, void *emit_ctx)
{
	struct impair_rates rates = {0, o->esp.replay, o->esp.reorder};
	int rc;

	memset(s, 0, sizeof(*s));
	s->options = o;
	s->emit = emit;
	s->emit_ctx = emit_ctx;
	s->random.state = o->seed + 5;
	s->link_of = malloc(o->tunnels * sizeof(*s->link_of));
	s->links = calloc(o->esp.tunnels + 1, sizeof(*s->links));
	if (s->link_of == NULL || s->links == NULL)
		return -ENOMEM;
	memset(s->link_of, 0xff, o->tunnels * sizeof(*s->link_of));
	if (!o->esp.on)
		return 0;
	rc = secure_open_links(s);
	if (rc == 0)
		rc = impair_init(&s->inject, &rates, o->seed + 6);
	if (rc == 0 && o->esp.state[0] != '\0' && !o->esp.print) {
		rc = secure_read_state(s);
		if (rc == 0)
			rc = secure_write_state(s, RESERVE);
		s->reserved = rc == 0;
	}
	return rc;
}

void secure_close(struct secure *s)
{
	if (s->reserved)
		secure_write_state(s, 0);
	s->reserved = false;
	for (uint32_t i = 0; s->links != NULL && i < s->link_count; i++) {
		association_free(&s->links[i].out);
		association_free(&s->links[i].in);
	}
	impair_free(&s->inject);
	free(s->links);
	free(s->link_of);
	s->links = NULL;
	s->link_of = NULL;
}

uint16_t secure_udp_checksum(const struct sockaddr_storage *source,
	const struct sockaddr_storage *destination, const uint8_t *udp, size_t len)
{
	uint8_t pseudo[40] = {0};
	size_t a, b;
	const uint8_t *from = secure_address(source, &a), *to = secure_address(destination, &b);

	memcpy(pseudo, from, a);
	memcpy(pseudo + a, to, b);
	put_be32(pseudo + 2 * a, (uint32_t)len);
	pseudo[2 * a + 7] = PROTOCOL_UDP;
	return flow_fold(flow_sum_bytes(udp, len, flow_sum_bytes(pseudo, 2 * a + 8, 0)));
}

/* A copy with one bit wrong, or with a number from the future: neither is authentic. */
static void secure_forge(struct secure *s, struct secure_link *l, const uint8_t *packet, size_t len)
{
	uint8_t copy[SECURE_PACKET_MAX];
	uint64_t dice = random_next(&s->random);
	size_t at = 8 + (size_t)(dice >> 8) % (len - 8);
	uint32_t number = get_be32(packet + 4);

	memcpy(copy, packet, len);
	if (dice & 1 && number < UINT32_MAX - FORGED_AHEAD)
		put_be32(copy + 4, number + FORGED_AHEAD);
	else
		copy[at] ^= (uint8_t)(1u << (dice >> 4 & 7));
	s->stats.forged++;
	s->emit(s->emit_ctx, l, copy, len, 0);
}

size_t secure_protect(struct secure *s, struct secure_link *l, uint16_t peer_port,
	const uint8_t *packet, size_t len, uint8_t *out, size_t capacity)
{
	uint8_t udp[SECURE_PACKET_MAX];
	uint16_t sum;

	if (len + UDP_HEADER > sizeof(udp))
		return 0;
	put_be16(udp, SECURE_L2TP_PORT);
	put_be16(udp + 2, peer_port);
	put_be16(udp + 4, (uint16_t)(len + UDP_HEADER));
	put_be16(udp + 6, 0);
	memcpy(udp + UDP_HEADER, packet, len);
	if (s->options->udp_checksum || l->local.ss_family == AF_INET6) {
		sum = secure_udp_checksum(&l->local, &l->lns, udp, len + UDP_HEADER);
		put_be16(udp + 6, sum != 0 ? sum : 0xffff);
	}
	return association_protect(&l->out, PROTOCOL_UDP, udp, len + UDP_HEADER, out, capacity);
}

void secure_send(struct secure *s, struct secure_link *l, uint64_t now_ms,
	const struct sockaddr_storage *peer, const uint8_t *packet, size_t len)
{
	uint8_t out[SECURE_PACKET_MAX];
	size_t total =
		secure_protect(s, l, be16toh(secure_port_of(peer)), packet, len, out, sizeof(out));

	if (total == 0) {
		s->stats.exhausted++;
		return;
	}
	s->stats.sent++;
	if (random_percent(&s->random, s->options->esp.corrupt))
		secure_forge(s, l, out, total);
	if (impair_active(&s->inject))
		impair_packet(&s->inject, now_ms, l, out, total, 0, s->emit, s->emit_ctx);
	else
		s->emit(s->emit_ctx, l, out, total, 0);
}

static bool secure_same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	size_t n, m;
	const uint8_t *x = secure_address(a, &n), *y = secure_address(b, &m);

	return n == m && memcmp(x, y, n) == 0;
}

/* What is inside, as UDP for us: 0 or why not. */
static unsigned secure_inner(const struct secure_link *l, const struct association_content *c)
{
	const uint8_t *udp = c->payload;

	if (c->next_header == NO_NEXT)
		return SECURE_DUMMY;
	if (c->next_header != PROTOCOL_UDP)
		return SECURE_NEXT_HEADER;
	if (c->len < UDP_HEADER || get_be16(udp + 4) != c->len ||
		get_be16(udp + 2) != SECURE_L2TP_PORT)
		return SECURE_INNER;
	/* none is right over IPv4 only */
	if (get_be16(udp + 6) == 0)
		return l->local.ss_family == AF_INET ? 0 : SECURE_INNER;
	return secure_udp_checksum(&l->lns, &l->local, udp, c->len) == 0 ? 0 : SECURE_INNER;
}

static unsigned secure_unprotect(struct secure *s, struct secure_link *l,
	const struct port_received *r, struct association_content *content)
{
	bool native = secure_port_of(&l->lns) == 0;
	const uint8_t *packet = r->data;
	size_t len = r->len, header = 0;
	unsigned reject;

	if (!secure_same_address(r->from, &l->lns) ||
		(!native && secure_port_of(r->from) != secure_port_of(&l->lns)))
		return SECURE_SOURCE;
	if (!native && len == 1 && packet[0] == 0xff)
		return SECURE_KEEPALIVE;
	if (!native && len >= 4 && get_be32(packet) == 0)
		return SECURE_IKE;
	/* a raw socket shows the IPv4 header, but not that of IPv6 */
	if (native && l->local.ss_family == AF_INET)
		header = len > 0 ? (size_t)(packet[0] & 15) * 4 : 0;
	if (header > len || len > sizeof(s->buffer))
		return ASSOCIATION_SHORT;
	reject = association_unprotect(&l->in, packet + header, len - header, s->buffer, content);
	return reject != ASSOCIATION_OK ? reject : secure_inner(l, content);
}

size_t secure_receive(struct secure *s, struct secure_link *l, const struct port_received *r,
	const uint8_t **packet, struct sockaddr_storage *source)
{
	struct association_content content;
	unsigned reject = secure_unprotect(s, l, r, &content);

	if (reject != 0) {
		s->stats.rejects[reject]++;
		return 0;
	}
	s->stats.received++;
	*source = l->lns;
	*secure_port(source) = htobe16(get_be16(content.payload));
	*packet = content.payload + UDP_HEADER;
	return content.len - UDP_HEADER;
}

const char *secure_reject_name(unsigned reject)
{
	static const char *const names[] = {
		"wrong_source", "ike", "keepalive", "dummy", "next_header", "inner"};

	if (reject < ASSOCIATION_VERDICTS)
		return association_verdict_name((enum association_verdict)reject);
	return reject < SECURE_REJECTS ? names[reject - ASSOCIATION_VERDICTS] : "unknown";
}
