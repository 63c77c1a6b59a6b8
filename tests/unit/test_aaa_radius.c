/* SPDX-License-Identifier: BSD-3-Clause */
/* The RADIUS servers of a configuration as the AAA has them: reloads that fail, and source addresses. */
#include "aaa_radius.h"
#include "config_minimal.h"

#include <crypto/digest.h>

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct timer_wheel wheel;
static uint64_t now = 1000;

static void setup(void)
{
	cr_assert_eq(digest_init(), 0, "%s", digest_init_error());
	timer_wheel_init(&wheel, now);
}

static void teardown(void)
{
	cr_assert_eq(wheel.count, 0, "timers are left");
	digest_fini();
}

TestSuite(aaa_radius, .init = setup, .fini = teardown);

static struct config *config_of(const char *name, const char *address, const char *source)
{
	static const char yaml[] = MINIMAL_LNS
		"pools: [{name: main, ranges: [10.0.0.0/24]}]\n"
		"subscribers: {pool: main, local-address: 10.255.0.1}\n"
		"aaa: {order: [radius]}\n"
		"radius: {source-address: '%s'}\n"
		"radius-servers: [{name: %s, address: '%s', auth-port: 9, secret: "
		"testing123}]\n";
	struct config_errors errors = {0};
	struct config *config = NULL;
	char text[sizeof(yaml) + 100];
	int length = snprintf(text, sizeof(text), yaml, source, name, address);
	int rc = config_parse("test.yaml", text, (size_t)length, &config, &errors);

	cr_assert_eq(rc, 0, "%s", errors.n ? errors.text[0] : "");
	config_errors_free(&errors);
	return config;
}

static struct aaa_radius *radius_of(const struct config *config)
{
	char error[256] = "";
	struct aaa_radius *radius = aaa_radius_create(config, &wheel, &now, error, sizeof(error));

	cr_assert_not_null(radius, "%s", error);
	return radius;
}

static const char *server_name(const struct aaa_radius *radius)
{
	struct radius_server_status status;

	radius_client_status(aaa_radius_client(radius), 0, &status);
	return status.settings->name;
}

Test(aaa_radius, servers_that_a_reload_could_not_open_are_opened_by_the_next)
{
	struct config *one = config_of("one", "127.0.0.1", "127.0.0.1"),
		      *two = config_of("two", "127.0.0.1", "127.0.0.1");
	struct config *again = config_of("two", "127.0.0.1", "127.0.0.1");
	struct aaa_radius *radius = radius_of(one);
	struct rlimit before, none;
	int fd = fcntl(0, F_DUPFD, 0);

	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	/* no file more */
	none = before;
	none.rlim_cur = (rlim_t)fd;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	cr_assert_lt(aaa_radius_set_config(radius, two), 0);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	cr_assert_str_eq(server_name(radius), "one");
	cr_assert_eq(aaa_radius_set_config(radius, again), 0);
	cr_assert_str_eq(server_name(radius), "two");
	aaa_radius_destroy(radius);
	config_free(one);
	config_free(two);
	config_free(again);
}

static void on_done(void *user, enum aaa_radius_verdict verdict, const struct aaa_answer *answer)
{
}

Test(aaa_radius, a_source_address_that_no_interface_has_yet_is_no_reason_not_to_ask)
{
	static const struct {
		int family;
		const char *address, *source;
	} rows[] = {
		{AF_INET, "127.0.0.1", "192.0.2.77"},
		{AF_INET6, "::1", "2001:db8::77"},
	};
	const struct aaa_request request = {
		.method = AAA_PAP,
		.user = (const uint8_t *)"alice",
		.user_length = 5,
		.password = (const uint8_t *)"password",
		.password_length = 8,
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config *config = config_of("one", rows[i].address, rows[i].source);
		struct aaa_radius *radius = radius_of(config);
		struct radius_server_status status;
		struct radius_request *handle;
		int fd = socket(rows[i].family, SOCK_DGRAM, 0);

		/* a kernel without IPv6 */
		if (fd < 0) {
			aaa_radius_destroy(radius);
			config_free(config);
			continue;
		}
		close(fd);
		cr_assert_eq(aaa_radius_ask(radius, &request, NULL, 0, on_done, NULL, &handle), 0);
		radius_client_status(aaa_radius_client(radius), 0, &status);
		cr_assert_eq(status.in_flight, 1);
		cr_assert_eq(radius_client_counters(aaa_radius_client(radius))->no_socket, 0);
		aaa_radius_cancel(radius, handle);
		aaa_radius_destroy(radius);
		config_free(config);
	}
}
