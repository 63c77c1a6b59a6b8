/* SPDX-License-Identifier: BSD-3-Clause */
/* Security associations: what is refused, where keys are kept, when numbers end. */
#include "esp_rig.h"
#include "key_store.h"

#include <errno.h>
#include <stdlib.h>

/* AddressSanitizer puts an mlock that does nothing in front of the real one. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

TestSuite(sa, .init = rig_init, .fini = rig_fini);

static int create(const struct sa_params *params)
{
	struct sa *sa = NULL;
	int rc = sa_create(rig_store, params, &sa);

	sa_destroy(rig_store, sa);
	return rc;
}

Test(sa, takes_every_algorithm_both_ways)
{
	for (size_t i = 0; i < RIG_ALGORITHMS; i++) {
		struct sa_params in = rig_params(i, SA_INBOUND), out = rig_params(i, SA_OUTBOUND);

		cr_assert_eq(create(&in), 0, "%s", rig_algorithms[i].name);
		cr_assert_eq(create(&out), 0, "%s", rig_algorithms[i].name);
	}
}

Test(sa, refuses_what_does_not_go_together)
{
	struct sa_params good = rig_params(0, SA_INBOUND), bad;

#define refused(field, value) \
	bad = good;           \
	bad.field = value;    \
	cr_assert_eq(create(&bad), -EINVAL, #field " " #value)

	refused(spi, 0);
	refused(spi, 255);
	refused(key_len, 16);
	refused(key_len, 21);
	refused(key_len, 0);
	refused(auth, ESP_AUTH_HMAC_SHA1_96);
	refused(cipher, ESP_CIPHERS);
	refused(auth, ESP_AUTHS);
	refused(window, 31);
	refused(window, 4097);
	refused(sequence, (uint64_t)1 << 32);
	refused(direction, (enum sa_direction)2);
	refused(mode, (enum sa_mode)2);
	good = rig_params(4, SA_OUTBOUND);
	refused(auth, ESP_AUTH_NONE);
	refused(auth_key_len, 19);
	refused(key_len, 20);
	refused(encap, true);     /* without ports */
	refused(mode, SA_TUNNEL); /* without an outer header */
	good = rig_params(0, SA_INBOUND);
	good.esn = true;
	refused(window, 0);
#undef refused
}

Test(sa, weak_algorithms_need_a_permit)
{
	for (size_t i = 0; i < RIG_ALGORITHMS; i++) {
		struct sa_params params = rig_params(i, SA_OUTBOUND);
		unsigned int needed = params.cipher == ESP_CIPHER_NULL ? ESP_PERMIT_NULL
			: params.cipher == ESP_CIPHER_AES_GMAC         ? ESP_PERMIT_GMAC
			: params.cipher == ESP_CIPHER_3DES_CBC         ? ESP_PERMIT_3DES
								       : 0;

		params.permit &= ~needed;
		cr_assert_eq(
			create(&params), needed == 0 ? 0 : -EPERM, "%s", rig_algorithms[i].name);
		params.permit = needed;
		cr_assert_eq(create(&params), 0, "%s", rig_algorithms[i].name);
	}
}

/* The flags of the mapping that an address is in, as the kernel shows them. */
static bool mapping_has(const void *address, const char *flag)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	bool inside = false, has = false;
	char line[512];

	cr_assert_not_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (uintptr_t)address >= from && (uintptr_t)address < to;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			has = strstr(line, flag) != NULL;
	}
	fclose(maps);
	return has;
}

Test(sa, keys_are_locked_and_not_dumped)
{
	struct sa_params params = rig_params(0, SA_OUTBOUND);
	struct sa *sa = rig_sa(&params);

#ifndef SANITIZED
	cr_assert(mapping_has(sa->keys, " lo"), "not locked");
#endif
	cr_assert(mapping_has(sa->keys, " dd"), "would be dumped");
	cr_assert_not(mapping_has(&params, " dd"), "the test sees no difference");
	sa_destroy(rig_store, sa);
}

Test(sa, keys_are_nowhere_after_destruction)
{
	for (size_t i = 0; i < RIG_ALGORITHMS; i++) {
		struct sa_params params = rig_params(i, SA_INBOUND);
		struct sa *sa = rig_sa(&params);
		const uint8_t *slot = (const uint8_t *)sa->keys;
		bool any = false;

		for (size_t at = sizeof(void *); at < 1024; at++)
			any |= slot[at] != 0;
		cr_assert(any, "%s: there was nothing", rig_algorithms[i].name);
		sa_destroy(rig_store, sa);
		/* still mapped: other SAs share it. A link of the free list may stand at its begin. */
		for (size_t at = sizeof(void *); at < 1024; at++)
			cr_assert_eq(slot[at], 0, "%s: byte %zu", rig_algorithms[i].name, at);
	}
}

Test(sa, key_store_gives_distinct_zeroed_slots)
{
	enum { SLOTS = 300, SIZE = 512 };
	struct key_store *store = key_store_create(SIZE);
	uint8_t *slots[SLOTS];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < SLOTS; i++) {
			slots[i] = key_slot_alloc(store);
			cr_assert_not_null(slots[i]);
			cr_assert_eq((uintptr_t)slots[i] % 64, 0);
			for (int at = 0; at < SIZE; at++)
				cr_assert_eq(slots[i][at], 0);
			memset(slots[i], i, SIZE);
		}
		for (int i = 0; i < SLOTS; i++) {
			for (int at = 0; at < SIZE; at++)
				cr_assert_eq(slots[i][at], (uint8_t)i);
			key_slot_free(store, slots[i]);
		}
	}
	key_store_destroy(store);
}

Test(sa, thousands_come_and_go)
{
	enum { SAS = 2000 };
	static struct sa *sas[SAS];
	struct sa_params params = rig_params(0, SA_INBOUND);

	for (int i = 0; i < SAS; i++) {
		params.spi = 256 + (uint32_t)i;
		sas[i] = rig_sa(&params);
	}
	for (int i = 0; i < SAS; i++) {
		cr_assert_eq(rte_be_to_cpu_32(sas[i]->spi), 256 + (uint32_t)i);
		sa_destroy(rig_store, sas[i]);
	}
}

static enum esp_reject packet_send(struct sa *sa)
{
	struct rte_mbuf *m = rig_packet(4, IPPROTO_UDP, 30);
	enum esp_reject reject = rig_out(sa, m);

	rte_pktmbuf_free(m);
	return reject;
}

Test(sa, owner_stops_at_the_limit_until_it_is_raised)
{
	struct sa_params params = rig_params(0, SA_OUTBOUND);

	params.sequence = 10;
	params.sequence_limit = 12;

	struct sa *sa = rig_sa(&params);

	rig_expect(packet_send(sa), ESP_ACCEPTED);
	rig_expect(packet_send(sa), ESP_ACCEPTED);
	rig_expect(packet_send(sa), ESP_REJECT_LIMIT);
	rig_expect(packet_send(sa), ESP_REJECT_LIMIT);
	cr_assert_eq(sa->state.sequence, 12);
	sa_raise_limit(sa, 5); /* lowers nothing */
	rig_expect(packet_send(sa), ESP_REJECT_LIMIT);
	sa_raise_limit(sa, 13);
	rig_expect(packet_send(sa), ESP_ACCEPTED);
	rig_expect(packet_send(sa), ESP_REJECT_LIMIT);
	cr_assert_eq(sa->state.rejects[ESP_REJECT_LIMIT], 4);
	cr_assert_eq(sa->state.packets, 3);
	sa_destroy(rig_store, sa);
}

Test(sa, numbers_end_before_they_repeat)
{
	struct sa_params params = rig_params(0, SA_OUTBOUND);
	struct sa *sa;

	params.sequence = UINT32_MAX - 1;
	sa = rig_sa(&params);
	rig_expect(packet_send(sa), ESP_ACCEPTED);
	rig_expect(packet_send(sa), ESP_REJECT_EXHAUSTED);
	rig_expect(packet_send(sa), ESP_REJECT_EXHAUSTED);
	cr_assert_eq(sa->state.sequence, UINT32_MAX);
	sa_destroy(rig_store, sa);

	params.esn = true;
	sa = rig_sa(&params);
	rig_expect(packet_send(sa), ESP_ACCEPTED);
	rig_expect(packet_send(sa), ESP_ACCEPTED);
	cr_assert_eq(sa->state.sequence, (uint64_t)UINT32_MAX + 1);
	sa_destroy(rig_store, sa);

	params.sequence = UINT64_MAX - 1;
	sa = rig_sa(&params);
	rig_expect(packet_send(sa), ESP_ACCEPTED);
	rig_expect(packet_send(sa), ESP_REJECT_EXHAUSTED);
	cr_assert_eq(sa->state.sequence, UINT64_MAX);
	sa_destroy(rig_store, sa);
}

Test(sa, the_iv_ends_before_it_repeats)
{
	struct sa_params params = rig_params(0, SA_OUTBOUND);

	params.iv_base = UINT64_MAX - 2;

	struct sa *sa = rig_sa(&params);

	rig_expect(packet_send(sa), ESP_ACCEPTED);
	rig_expect(packet_send(sa), ESP_ACCEPTED);
	rig_expect(packet_send(sa), ESP_REJECT_EXHAUSTED);
	sa_destroy(rig_store, sa);
}
