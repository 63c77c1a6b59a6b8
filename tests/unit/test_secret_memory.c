/* SPDX-License-Identifier: BSD-3-Clause */
/* What secrets of the configuration are kept in: neither dumped nor swapped, and gone with it. */
#include <config/config.h>
#include <config/secret_memory.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* Has the mapping that holds an address this flag (VmFlags of proc(5))? */
static bool mapping_has(const void *at, const char *flag)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long from, to;
	bool inside = false, has = false;
	char line[512];

	cr_assert_not_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (uintptr_t)at >= from && (uintptr_t)at < to;
		else if (inside && !strncmp(line, "VmFlags:", 8))
			has = strstr(line, flag) != NULL;
	}
	fclose(file);
	return has;
}

/* Not without the right to it, and not under ASan, whose mlock() does nothing. */
static bool may_lock(void)
{
	static uint8_t page[4096];

	return mlock(page, sizeof(page)) == 0 && mapping_has(page, " lo");
}

static void check_secret(const void *at)
{
	cr_assert(mapping_has(at, " dd"), "it would be in a core dump");
	cr_assert(!may_lock() || mapping_has(at, " lo"), "it could be swapped");
}

Test(secret_memory, is_zeroed_aligned_and_neither_dumped_nor_swapped)
{
	static const size_t sizes[] = {1, 64, 4032, 4033, 65536, 3u << 20};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *memory = secret_memory_alloc(sizes[i]);

		cr_assert_not_null(memory);
		cr_assert_eq((uintptr_t)memory % 64, 0);
		for (size_t at = 0; at < sizes[i]; at++)
			cr_assert_eq(memory[at], 0);
		check_secret(memory);
		check_secret(memory + sizes[i] - 1);
		memset(memory, 0xff, sizes[i]);
		secret_memory_free(memory);
	}
	secret_memory_free(NULL);
}

Test(secret_memory, is_given_back)
{
	uint8_t *memory = secret_memory_alloc(100000), *page = memory - (uintptr_t)memory % 4096;
	unsigned char resident;

	cr_assert_eq(mincore(page, 1, &resident), 0);
	secret_memory_free(memory);
	cr_assert_eq(mincore(page, 1, &resident), -1);
	cr_assert_eq(errno, ENOMEM);
}

Test(secret_memory, too_much_is_refused)
{
	cr_assert_null(secret_memory_alloc(SIZE_MAX));
	cr_assert_null(secret_memory_alloc(SIZE_MAX / 2));
}

Test(secret_memory, holds_the_keys_and_passwords_of_a_configuration)
{
	static const char text[] =
		"dpdk: {worker-cores: [1], vdevs: [net_null0, net_null1]}\n"
		"interfaces: [{name: a, device: net_null0, role: access, addresses: "
		"[192.0.2.1/24]}, "
		"{name: c, device: net_null1, role: core, addresses: [198.51.100.1/24]}]\n"
		"peers: [{name: lac, sources: [192.0.2.0/24], secret: tunnel-secret}]\n"
		"pools: [{name: main, ranges: [100.64.16.0/20]}]\n"
		"subscribers: {pool: main, local-address: 100.64.0.1}\n"
		"users: [{name: joe, password: secret-1}, {name: ann, password: secret-2}]\n"
		"security-associations:\n"
		"  - {name: in, direction: in, spi: 0x1000, local: 192.0.2.1, peer: 192.0.2.2,\n"
		"     cipher: aes-gcm, key: 000102030405060708090a0b0c0d0e0f10111213}\n";
	struct config_errors errors;
	struct config *config;

	cr_assert_eq(config_parse("f", text, sizeof(text) - 1, &config, &errors), 0, "%s",
		errors.n ? errors.text[0] : "");
	cr_assert_eq(config->sas[0].key.length, 20);
	check_secret(config->sas);
	check_secret(config->users);
	check_secret(config->peers);
	config_errors_free(&errors);
	config_free(config);
}
