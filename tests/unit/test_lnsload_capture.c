/* SPDX-License-Identifier: BSD-3-Clause */
/* What a capture holds: ids, addresses and order as documented, framed so that others can read it. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "association.h"
#include "bytes.h"
#include "capture.h"
#include "flow.h"

#define PLAIN "--lns 192.0.2.1 --local 192.0.2.2 --seed 7 "
#define SIX   "--lns 2001:db8:1::1 --local 2001:db8:1::2 --seed 7 "
#define ESP   "--esp aes128gcm16 --esp-passphrase bench "

static struct options options;
static char path[] = "/tmp/lnsload-capture-XXXXXX";

static int parse(const char *line)
{
	static char text[1024];
	char *argv[64], *save;
	int argc = 0;

	snprintf(text, sizeof(text), "lnsload --write-pcap %s %s", path, line);
	for (char *one = strtok_r(text, " ", &save); one != NULL; one = strtok_r(NULL, " ", &save))
		argv[argc++] = one;
	return options_parse(&options, argc, argv);
}

static FILE *written(const char *line)
{
	FILE *f;

	cr_assert_eq(parse(line), 0, "%s", line);
	cr_assert_eq(capture_write(&options), 0);
	f = fopen(path, "r");
	cr_assert_not_null(f);
	cr_assert_eq(fseek(f, 24, SEEK_SET), 0);
	return f;
}

/* Length of the next frame, 0: no more. */
static size_t frame_read(FILE *f, uint8_t frame[2100])
{
	uint32_t record[4];

	if (fread(record, sizeof(record), 1, f) != 1)
		return 0;
	cr_assert_eq(record[2], record[3]);
	cr_assert_leq(record[2], 2100);
	cr_assert_eq(fread(frame, record[2], 1, f), 1);
	return record[2];
}

static long size_of(const char *line)
{
	struct stat status;

	fclose(written(line));
	cr_assert_eq(stat(path, &status), 0);
	return status.st_size;
}

static void setup(void)
{
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
}

static void teardown(void)
{
	unlink(path);
}

TestSuite(lnsload_capture, .init = setup, .fini = teardown);

/* The session that an L2TP header names, whose address the inner packet must have. */
static uint32_t session_of(const uint8_t *l2tp)
{
	uint32_t n = (get_be16(l2tp + 4) - 1u) * options.tunnels + get_be16(l2tp + 2) - 1u;

	cr_assert_eq(get_be16(l2tp), 0x0002);
	cr_assert_eq(get_be32(l2tp + 6), 0xff030021u);
	cr_assert_eq(get_be32(l2tp + 10 + 12), 0x0a000000u + n, "session %u", n);
	return n;
}

Test(lnsload_capture, each_session_has_its_turn_in_a_random_order_with_its_ids_and_address)
{
	FILE *f = written(PLAIN "--tunnels 7 --sessions 100 --pcap-packets 300 --size 64 "
				"--direction up --pcap-mac 02:70:63:61:70:00");
	uint32_t turns[100] = {0}, in_order = 0, last = 0, session, n = 0;
	struct payload p;
	uint8_t frame[2100];
	size_t len;

	while ((len = frame_read(f, frame)) > 0) {
		cr_assert_eq(len, 14 + 20 + 8 + 10 + 64);
		cr_assert_arr_eq(frame, ((uint8_t[]){2, 0x70, 0x63, 0x61, 0x70, 0}), 6);
		cr_assert_eq(flow_fold(flow_sum_bytes(frame + 14, 20, 0)), 0);
		session = session_of(frame + 42);
		cr_assert_lt(session, 100);
		cr_assert_eq(flow_fold(flow_sum_bytes(frame + 52, 20, 0)), 0);
		cr_assert_eq(payload_parse(frame + 52 + 28, 36, &p), PAYLOAD_OK);
		cr_assert_eq(p.session, session);
		cr_assert_eq(p.sequence, turns[session], "numbers of a session follow each other");
		cr_assert_eq(turns[session]++, n / 100, "nobody has a turn before all others");
		in_order += session == last + 1;
		last = session;
		n++;
	}
	cr_assert_eq(n, 300);
	cr_assert_lt(in_order, 30);
	fclose(f);
}

Test(lnsload_capture, is_as_long_with_many_sessions_as_with_one)
{
	long one = size_of(PLAIN "--sessions 1 --pcap-packets 500 --direction up --size 64");

	cr_assert_eq(one, 24 + 500 * (16 + 116));
	cr_assert_eq(one,
		size_of(PLAIN "--tunnels 16 --sessions 1000000 --pcap-packets 500 "
			      "--direction up --size 64"));
}

Test(lnsload_capture, esp_holds_the_same_packets)
{
	uint8_t key[TRANSFORM_KEY_MAX], auth_key[TRANSFORM_AUTH_MAX], frame[2100], out[2100];
	struct association_config config = {.key = key, .auth_key = auth_key};
	struct association_content content;
	struct association in;
	uint32_t n = 0;
	FILE *f = written(PLAIN ESP
		"--tunnels 7 --sessions 100 --pcap-packets 300 --size imix --direction up");
	size_t len;

	config.transform = &options.esp.transform;
	config.spi = options.esp.spi;
	cr_assert_eq(association_derive(config.transform, "bench", config.spi, key, auth_key), 0);
	cr_assert_eq(association_init(&in, &config, false), 0);
	while ((len = frame_read(f, frame)) > 0) {
		cr_assert_eq(frame[14 + 9], 50);
		cr_assert_eq(association_unprotect(&in, frame + 34, len - 34, out, &content),
			ASSOCIATION_OK);
		cr_assert_eq(content.sequence, ++n);
		cr_assert_eq(content.next_header, 17);
		cr_assert_eq(content.len, 8 + 10 + flow_size(0, n - 1));
		session_of(content.payload + 8);
	}
	cr_assert_eq(n, 300);
	association_free(&in);
	fclose(f);
}

Test(lnsload_capture, a_gateway_gets_the_inner_packets_in_tunnel_mode)
{
	uint8_t key[TRANSFORM_KEY_MAX], auth_key[TRANSFORM_AUTH_MAX], frame[2100], out[2100];
	struct association_config config = {.key = key, .auth_key = auth_key};
	struct association_content content;
	struct association in;
	FILE *f = written(PLAIN ESP "--pcap-gateway --pcap-packets 1 --size 64 --direction up");
	size_t len = frame_read(f, frame);

	config.transform = &options.esp.transform;
	config.spi = options.esp.spi;
	cr_assert_eq(association_derive(config.transform, "bench", config.spi, key, auth_key), 0);
	cr_assert_eq(association_init(&in, &config, false), 0);
	cr_assert_eq(
		association_unprotect(&in, frame + 34, len - 34, out, &content), ASSOCIATION_OK);
	cr_assert_eq(content.next_header, 4);
	cr_assert_eq(content.len, 64);
	cr_assert_eq(get_be32(content.payload + 12), 0x0a000000u);
	association_free(&in);
	fclose(f);
}

Test(lnsload_capture, parts_are_disjoint_and_together_all)
{
	static const char *const lines[] = {PLAIN
		"--sessions 1000 --pcap-packets 1000 --size 64 --direction down --pcap-part 1/2",
		PLAIN
		"--sessions 1000 --pcap-packets 1000 --size 64 --direction down --pcap-part 2/2"};
	uint8_t frame[2100], part[1000] = {0};
	uint32_t n[2] = {0};

	for (uint8_t i = 0; i < 2; i++) {
		FILE *f = written(lines[i]);

		while (frame_read(f, frame) > 0) {
			uint32_t session = get_be32(frame + 14 + 16) - 0x0a000000u;

			cr_assert_lt(session, 1000);
			cr_assert(part[session] == 0 || part[session] == i + 1);
			n[i] += part[session] == 0;
			part[session] = i + 1;
		}
		fclose(f);
	}
	cr_assert_eq(n[0] + n[1], 1000);
	cr_assert(n[0] > 400 && n[0] < 600, "%u of 1000", n[0]);
}

Test(lnsload_capture, frames_have_the_tags_that_were_asked_for)
{
	static const struct {
		const char *line;
		uint8_t ethernet[10];
		size_t length;
	} cases[] = {
		{PLAIN "--pcap-packets 1 --direction up", {0x08, 0x00, 0x45}, 14},
		{PLAIN "--pcap-packets 1 --direction down --pcap-vlan 100",
			{0x81, 0x00, 0, 100, 0x08, 0x00, 0x45}, 18},
		{PLAIN "--pcap-packets 1 --direction up --pcap-vlan 1,4094",
			{0x88, 0xa8, 0x0f, 0xfe, 0x81, 0x00, 0, 1, 0x08, 0x00}, 22},
	};
	uint8_t frame[2100];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		FILE *f = written(cases[i].line);
		size_t n = frame_read(f, frame);

		cr_assert_eq(memcmp(frame + 12, cases[i].ethernet, cases[i].length - 12), 0);
		cr_assert_eq(frame[cases[i].length], 0x45);
		cr_assert_eq(n, cases[i].length + get_be16(frame + cases[i].length + 2));
		fclose(f);
	}
}

Test(lnsload_capture, refusals_name_the_option, .init = cr_redirect_stderr)
{
	static const char *const wrong[] = {
		PLAIN "--pcap-packets 10",
		PLAIN "--direction up --sessions 0",
		PLAIN "--direction up --pcap-gateway",
		PLAIN "--direction up --pcap-mac 01:00:5e:00:00:01",
		PLAIN "--direction up --pcap-mac 02:00:5e:00:00:01x",
		PLAIN "--direction up --pcap-part 3/2",
		PLAIN "--direction up --pcap-vlan 4095",
		PLAIN "--direction up --pcap-vlan 0",
		PLAIN "--direction up --pcap-vlan 1,0",
		PLAIN "--direction up --pcap-vlan 1,",
		PLAIN "--direction up --pcap-packets 0",
		PLAIN ESP "--direction up --tunnels 4 --esp-tunnels half",
		"--lns 192.0.2.1 --direction up",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_neq(parse(wrong[i]), 0, "%s", wrong[i]);
}

/* Wireshark's dissectors find nothing wrong, and see a subscriber's UDP in what is not encrypted. */
Test(lnsload_capture, tshark_reads_them_without_complaint, .timeout = 120)
{
	static const char *const lines[] = {
		PLAIN "--tunnels 4 --sessions 64 --pcap-packets 64 --size imix --direction up",
		PLAIN "--tunnels 4 --sessions 64 --pcap-packets 64 --direction up --length-bit on "
		      "--ppp-compress --udp-checksum on",
		PLAIN "--tunnels 4 --sessions 64 --pcap-packets 64 --size imix --direction down",
		PLAIN "--tunnels 4 --sessions 64 --pcap-packets 64 --direction down --ipv6",
		SIX "--tunnels 4 --sessions 64 --pcap-packets 64 --direction up --ipv6",
		PLAIN ESP "--tunnels 4 --sessions 64 --pcap-packets 64 --direction up",
		PLAIN ESP "--tunnels 4 --sessions 64 --pcap-packets 64 --direction up --natt",
	};
	char command[512], answer[64];

	if (system("command -v tshark >/dev/null") != 0)
		cr_skip_test("there is no tshark");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		FILE *out;

		fclose(written(lines[i]));
		snprintf(command, sizeof(command),
			"tshark -n -r %s -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -Y "
			"'%s and "
			"not _ws.malformed and not ip.checksum.status == Bad and not "
			"udp.checksum.status "
			"== Bad and not _ws.expert.severity >= 0x600000' 2>/dev/null | wc -l",
			path, options.esp.on ? "esp" : "udp.port == 7007");
		out = popen(command, "r");
		cr_assert_not_null(out);
		cr_assert_not_null(fgets(answer, sizeof(answer), out));
		pclose(out);
		cr_assert_eq(atoi(answer), 64, "%s: %s", lines[i], answer);
	}
}
