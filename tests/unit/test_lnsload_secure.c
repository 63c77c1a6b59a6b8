/* SPDX-License-Identifier: BSD-3-Clause */
/* Which tunnels are inside ESP and over which link; what goes in comes out; what is injected is counted. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "secure.h"

#define PACKETS 2000u

static struct options options;
static struct secure secure;

static int parse(const char *line)
{
	static char text[1024];
	char *argv[64], *save;
	int argc = 0;

	snprintf(text, sizeof(text), "lnsload %s", line);
	for (char *one = strtok_r(text, " ", &save); one != NULL; one = strtok_r(NULL, " ", &save))
		argv[argc++] = one;
	return options_parse(&options, argc, argv);
}

static struct {
	struct association in, out;
	uint64_t verdicts[ASSOCIATION_VERDICTS];
	uint64_t emitted;
	uint8_t last[2000];
	size_t last_len;
} lns;

static void lns_packet(void *ctx, void *where, const uint8_t *packet, size_t len, uint64_t stamp)
{
	struct association_content content;
	uint8_t out[2000];
	enum association_verdict v = association_unprotect(&lns.in, packet, len, out, &content);

	lns.emitted++;
	lns.verdicts[v]++;
	if (v != ASSOCIATION_OK)
		return;
	cr_assert_eq(content.next_header, 17);
	memcpy(lns.last, content.payload, content.len);
	lns.last_len = content.len;
}

/* The LNS's end of the first link. */
static void lns_open(void)
{
	uint8_t key[TRANSFORM_KEY_MAX], auth_key[TRANSFORM_AUTH_MAX];
	struct association_config c = {.transform = &options.esp.transform,
		.spi = options.esp.spi,
		.key = key,
		.auth_key = auth_key,
		.esn = options.esp.esn};

	memset(&lns, 0, sizeof(lns));
	cr_assert_eq(association_derive(c.transform, "pass", c.spi, key, auth_key), 0);
	cr_assert_eq(association_init(&lns.in, &c, false), 0);
	c.spi++;
	cr_assert_eq(association_derive(c.transform, "pass", c.spi, key, auth_key), 0);
	cr_assert_eq(association_init(&lns.out, &c, true), 0);
}

static void lns_close(void)
{
	association_free(&lns.in);
	association_free(&lns.out);
}

static void open_with(const char *line)
{
	cr_assert_eq(parse(line), 0, "%s", line);
	cr_assert_eq(secure_open(&secure, &options, lns_packet, NULL), 0);
}

static void links_are(const char *line, uint32_t links, const char *expected)
{
	char map[64] = "";

	open_with(line);
	cr_assert_eq(secure.link_count, links, "%s: %u links", line, secure.link_count);
	for (uint32_t i = 0; i < options.tunnels; i++)
		snprintf(map + strlen(map), sizeof(map) - strlen(map), "%c",
			secure.link_of[i] == SECURE_CLEAR ? '-' : (char)('0' + secure.link_of[i]));
	cr_assert_str_eq(map, expected, "%s: %s", line, map);
	secure_close(&secure);
}

#define ESP "--lns 10.0.0.1 --esp aes128gcm16 --esp-passphrase pass "

Test(lnsload_secure, tunnels_are_spread_over_links)
{
	links_are("--lns 10.0.0.1 --tunnels 3", 0, "---");
	links_are(ESP "--local 10.0.0.2 --tunnels 4", 1, "0000");
	links_are(ESP "--local 10.0.0.2 --tunnels 8 --esp-tunnels half", 1, "-0-0-0-0");
	links_are(ESP "--local 10.0.0.2 --tunnels 5 --esp-tunnels half", 1, "-0-0-");
	links_are(ESP "--local 10.0.0.2 --tunnels 1 --esp-tunnels half", 0, "-");
	links_are(ESP "--local 10.0.0.2 --tunnels 8 --esp-tunnels 2", 1, "---0---0");
	links_are(ESP "--local 10.0.0.2,10.0.0.3 --tunnels 6 --esp-tunnels half", 1, "-0-0-0");
	links_are(ESP "--local 10.0.0.2,10.0.0.3 --tunnels 6", 2, "010101");
	links_are(ESP "--local 10.0.0.2 --tunnels 4 --natt", 1, "0000");
	links_are(ESP "--local 10.0.0.2 --tunnels 4 --natt --source-port any", 4, "0123");
	/* native ESP has no ports: one pair of associations for the address */
	links_are(ESP "--local 10.0.0.2 --tunnels 4 --source-port any", 1, "0000");
}

Test(lnsload_secure, ports_and_spis_of_links)
{
	open_with(ESP "--local 10.0.0.2,10.0.0.3 --tunnels 4 --natt 62000 --source-port any "
		      "--esp-spi 0x5000");
	cr_assert_eq(secure.link_count, 4);
	for (uint32_t i = 0; i < 4; i++) {
		const struct sockaddr_in *local = (const void *)&secure.links[i].local;
		const struct sockaddr_in *to = (const void *)&secure.links[i].lns;

		cr_assert_eq(ntohs(local->sin_port), 62000 + i / 2);
		cr_assert_eq(ntohl(local->sin_addr.s_addr), 0x0a000002 + i % 2);
		cr_assert_eq(ntohs(to->sin_port), 4500);
		cr_assert_eq(secure.links[i].out.spi, 0x5000 + 2 * i);
		cr_assert_eq(secure.links[i].in.spi, 0x5001 + 2 * i);
	}
	secure_close(&secure);
}

static void refused(const char *line)
{
	cr_assert_lt(parse(line), 0, "accepted: %s", line);
}

Test(lnsload_secure, senseless_options_are_refused, .init = cr_redirect_stderr)
{
	refused("--lns 10.0.0.1 --local 10.0.0.2 --esp aes128gcm16");
	refused("--lns 10.0.0.1 --esp aes128gcm16 --esp-passphrase x");
	refused("--lns 10.0.0.1 --local 10.0.0.2 --esp rot13 --esp-passphrase x");
	refused("--lns 10.0.0.1 --natt");
	refused("--lns 10.0.0.1 --print-sas");
	refused(ESP "--local 10.0.0.2 --tunnels 2 --esp-tunnels 3");
	refused(ESP "--local 10.0.0.2 --esp-tunnels some");
	refused(ESP "--local 10.0.0.2 --esp-spi 255");
	refused(ESP "--local 10.0.0.2 --esp-inject replay=100");
	refused(ESP "--local 10.0.0.2 --esp-inject delay=5");
	refused(ESP "--local 10.0.0.2 --natt 0");
	refused(ESP "--local 10.0.0.2 --natt 65535 --tunnels 2 --source-port any");
	fflush(stderr);
}

static void receives(bool native, int family)
{
	uint8_t l2tp[100], udp[108], packet[400];
	const uint8_t *got;
	struct sockaddr_storage source, peer = options.lns;
	struct secure_link *l = &secure.links[0];
	struct port_received r = {.data = packet, .from = &l->lns};
	size_t header = native && family == AF_INET ? 24 : 0, n;

	((struct sockaddr_in *)&peer)->sin_port = htons(1701);
	memset(l2tp, 0x5a, sizeof(l2tp));
	secure_send(&secure, l, 0, &peer, l2tp, sizeof(l2tp));
	cr_assert_eq(lns.verdicts[ASSOCIATION_OK], 1);
	cr_assert_eq(lns.last_len, sizeof(udp));
	cr_assert_eq(get_be16(lns.last), 1701);
	cr_assert_eq(get_be16(lns.last + 2), 1701);
	cr_assert_eq(get_be16(lns.last + 4), sizeof(udp));
	cr_assert_eq(get_be16(lns.last + 6) != 0, family == AF_INET6);
	cr_assert_eq(memcmp(lns.last + 8, l2tp, sizeof(l2tp)), 0);

	/* back again: the checksum is the same with source and destination exchanged */
	memcpy(udp, lns.last, sizeof(udp));
	memset(packet, 0, sizeof(packet));
	packet[0] = 0x46;
	n = association_protect(
		&lns.out, 17, udp, sizeof(udp), packet + header, sizeof(packet) - header);
	r.len = n + header;
	cr_assert_eq(secure_receive(&secure, l, &r, &got, &source), sizeof(l2tp));
	cr_assert_eq(memcmp(got, l2tp, sizeof(l2tp)), 0);
	cr_assert_eq(ntohs(((struct sockaddr_in *)&source)->sin_port), 1701);
	cr_assert_eq(secure_receive(&secure, l, &r, &got, &source), 0);
	cr_assert_eq(secure.stats.rejects[ASSOCIATION_REPLAYED], 1);

	udp[5]++;
	r.len = header + association_protect(&lns.out, 17, udp, sizeof(udp), packet + header, 376);
	cr_assert_eq(secure_receive(&secure, l, &r, &got, &source), 0);
	cr_assert_eq(secure.stats.rejects[SECURE_INNER], 1);
	r.len = header + association_protect(&lns.out, 6, udp, sizeof(udp), packet + header, 376);
	cr_assert_eq(secure_receive(&secure, l, &r, &got, &source), 0);
	cr_assert_eq(secure.stats.rejects[SECURE_NEXT_HEADER], 1);
	r.len = header + association_protect(&lns.out, 59, udp, sizeof(udp), packet + header, 376);
	cr_assert_eq(secure_receive(&secure, l, &r, &got, &source), 0);
	cr_assert_eq(secure.stats.rejects[SECURE_DUMMY], 1);
	r.from = &l->local;
	cr_assert_eq(secure_receive(&secure, l, &r, &got, &source), 0);
	cr_assert_eq(secure.stats.rejects[SECURE_SOURCE], 1);
	for (r.len = 0; r.len < 60; r.len++) {
		memset(packet, 0x4f, sizeof(packet));
		r.from = &l->lns;
		cr_assert_eq(secure_receive(&secure, l, &r, &got, &source), 0);
	}
}

Test(lnsload_secure, native_over_ipv4)
{
	open_with(ESP "--local 10.0.0.2");
	lns_open();
	receives(true, AF_INET);
	lns_close();
	secure_close(&secure);
}

Test(lnsload_secure, native_over_ipv6)
{
	open_with("--lns fd00::1 --esp aes256-sha256 --esp-passphrase pass --local fd00::2");
	lns_open();
	receives(true, AF_INET6);
	lns_close();
	secure_close(&secure);
}

Test(lnsload_secure, in_udp_with_keepalive_and_ike_beside_it)
{
	uint8_t packet[40] = {0xff};
	const uint8_t *got;
	struct sockaddr_storage source;
	struct port_received r = {.data = packet, .len = 1};

	open_with(ESP "--local 10.0.0.2 --natt --esp-esn");
	lns_open();
	receives(false, AF_INET);
	r.from = &secure.links[0].lns;
	cr_assert_eq(secure_receive(&secure, &secure.links[0], &r, &got, &source), 0);
	cr_assert_eq(secure.stats.rejects[SECURE_KEEPALIVE], 1);
	packet[0] = 0;
	r.len = sizeof(packet);
	cr_assert_eq(secure_receive(&secure, &secure.links[0], &r, &got, &source), 0);
	cr_assert_eq(secure.stats.rejects[SECURE_IKE], 1);
	lns_close();
	secure_close(&secure);
}

Test(lnsload_secure, what_is_injected_is_counted_and_nothing_else_is_lost)
{
	uint8_t l2tp[100] = {0};

	open_with(ESP "--local 10.0.0.2 --seed 7 --esp-inject replay=20,corrupt=30,reorder=10");
	lns_open();
	for (uint32_t i = 0; i < PACKETS; i++) {
		secure_send(&secure, &secure.links[0], i / 50, &options.lns, l2tp, sizeof(l2tp));
		impair_release(&secure.inject, i / 50, lns_packet, NULL);
	}
	impair_release(&secure.inject, UINT64_MAX, lns_packet, NULL);
	cr_assert_eq(lns.verdicts[ASSOCIATION_OK], PACKETS);
	cr_assert_eq(lns.verdicts[ASSOCIATION_ICV], secure.stats.forged);
	cr_assert_eq(lns.verdicts[ASSOCIATION_REPLAYED], secure.inject.duplicated);
	cr_assert_eq(lns.emitted, PACKETS + secure.stats.forged + secure.inject.duplicated);
	cr_assert_gt(secure.stats.forged, PACKETS / 5);
	cr_assert_gt(secure.inject.duplicated, PACKETS / 8);
	cr_assert_gt(secure.inject.reordered, PACKETS / 20);
	lns_close();
	secure_close(&secure);
}

Test(lnsload_secure, numbers_go_on_in_the_next_run_and_after_a_kill)
{
	uint8_t l2tp[20] = {0};
	char path[] = "/tmp/lnsload-state.XXXXXX", line[200];
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
	snprintf(line, sizeof(line), ESP "--local 10.0.0.2 --esp-state %s", path);
	for (uint64_t run = 0; run < 3; run++) {
		open_with(line);
		cr_assert_eq(secure.links[0].out.sequence, run * 5);
		for (int i = 0; i < 5; i++) {
			lns_open();
			secure_send(&secure, &secure.links[0], 0, &options.lns, l2tp, 20);
			lns_close();
		}
		secure_close(&secure);
	}
	open_with(line);
	secure.reserved = false; /* killed: it writes nothing at its end */
	secure_close(&secure);
	open_with(line);
	cr_assert_geq(secure.links[0].out.sequence, 15 + 1000000);
	secure_close(&secure);
	unlink(path);
}

Test(lnsload_secure, associations_are_printed_from_the_view_of_the_lns)
{
	static char text[4000];
	FILE *f = tmpfile();

	cr_assert_not_null(f);
	open_with(
		"--lns 10.0.0.1 --esp aes128-sha1 --esp-passphrase pass --local 10.0.0.2,10.0.0.3 "
		"--tunnels 4 --esp-tunnels half --natt 62000 --print-sas");
	cr_assert_eq(secure_print(&secure, f), 0);
	rewind(f);
	cr_assert_gt(fread(text, 1, sizeof(text) - 1, f), 0u);
	fclose(f);
	cr_assert_eq(strncmp(text, "security-associations:\n  - name: lnsload-10000\n", 47), 0,
		"%s", text);
	cr_assert_not_null(strstr(text, "    direction: in\n    spi: 0x10000\n"));
	cr_assert_not_null(strstr(text, "    local: \"10.0.0.1\"\n"));
	cr_assert_not_null(strstr(text, "    peer: \"10.0.0.3\"\n"));
	cr_assert_null(strstr(text, "10.0.0.2"), "that one's tunnels are in the clear");
	cr_assert_not_null(strstr(text, "    integrity: sha1-96\n    integrity-key: \""));
	cr_assert_not_null(strstr(text, "    direction: out\n    spi: 0x10001\n"));
	cr_assert_not_null(
		strstr(text, "    encapsulation: {local-port: 4500, peer-port: 62000}\n"));
	secure_close(&secure);
}
