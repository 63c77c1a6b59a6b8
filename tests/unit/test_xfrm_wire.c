/* SPDX-License-Identifier: BSD-3-Clause */
/* XFRM messages, built by libmnl from the kernel's structs; and what is left when they are cut or wrong. */
#include "xfrm_wire.h"

#include "xfrm_messages.h"

#include <errno.h>
#include <stdlib.h>

static _Alignas(8) uint8_t buffer[8192];
static struct xfrm_event event;

static int parse(const struct nlmsghdr *nlh)
{
	const uint8_t *p = (const uint8_t *)nlh, *end = p + nlh->nlmsg_len;
	int r = xfrm_parse(&p, end, &event);

	cr_assert_eq(p, end);
	return r;
}

static struct nlmsghdr *gcm_sa(const char *source, const char *destination)
{
	struct nlmsghdr *nlh = message_sa(buffer, XFRM_MSG_NEWSA, source, destination, 0xc8189d7c);

	message_aead(nlh, "rfc4106(gcm(aes))", 20, 128, 0x11);
	return nlh;
}

Test(xfrm_wire, a_selector_says_who_is_behind_the_peer)
{
	struct nlmsghdr *nlh = gcm_sa("10.9.0.1", "10.9.0.2");
	struct xfrm_usersa_info *info = message_info(nlh);

	info->mode = XFRM_MODE_TUNNEL;
	info->sel.family = AF_INET;
	info->sel.prefixlen_s = 24;
	memcpy(&info->sel.saddr, (uint8_t[4]){10, 1, 2, 0}, 4);
	cr_assert_eq(parse(nlh), 0);
	cr_assert_eq(event.sa.inner_family, 4);
	cr_assert_eq(event.sa.inner_length, 24);
	cr_assert_arr_eq(event.sa.inner_source, ((uint8_t[16]){10, 1, 2, 0}), 16);
}

Test(xfrm_wire, an_inbound_sa_as_strongswan_installs_it)
{
	struct nlmsghdr *nlh = gcm_sa("10.9.0.1", "10.9.0.2");
	struct xfrm_usersa_info *info = message_info(nlh);

	info->flags = XFRM_STATE_ESN;
	info->curlft.bytes = 1000;
	info->curlft.packets = 10;
	info->curlft.add_time = 1700000000;
	info->lft.soft_byte_limit = 5000;
	message_replay_esn(nlh, 1, 7ull << 32 | 9, 3ull << 32 | 5);
	cr_assert_eq(parse(nlh), 0);
	cr_assert_eq(event.type, XFRM_NEW);
	cr_assert_eq(event.sa.id.family, 4);
	cr_assert_eq(event.sa.id.protocol, IPPROTO_ESP);
	cr_assert_eq(event.sa.id.spi, 0xc8189d7c);
	cr_assert_arr_eq(event.sa.id.destination, ((uint8_t[16]){10, 9, 0, 2}), 16);
	cr_assert_arr_eq(event.sa.source, ((uint8_t[16]){10, 9, 0, 1}), 16);
	cr_assert_str_eq(event.sa.refused, "");
	cr_assert_not(event.sa.larval || event.sa.blank || event.sa.encap);
	cr_assert_eq(event.sa.cipher, ESP_CIPHER_AES_GCM_16);
	cr_assert_eq(event.sa.auth, ESP_AUTH_NONE);
	cr_assert_eq(event.sa.key_len, 20);
	cr_assert_eq(event.sa.key[19], 0x11);
	cr_assert(event.sa.esn && event.sa.replay_esn);
	cr_assert_eq(event.sa.window, 1);
	cr_assert_eq(event.sa.bitmap_words, 1);
	cr_assert_eq(event.sa.sent, 7ull << 32 | 9);
	cr_assert_eq(event.sa.received, 3ull << 32 | 5);
	cr_assert_eq(event.sa.limits.soft_bytes, 5000);
	cr_assert_eq(event.sa.inner_family, 0, "no selector");
	cr_assert_eq(event.sa.limits.hard_bytes, UINT64_MAX);
	cr_assert_eq(event.sa.bytes, 1000);
	cr_assert_eq(event.sa.packets, 10);
	cr_assert_eq(event.sa.added, 1700000000);
}

Test(xfrm_wire, ipv6_with_a_port_of_its_nat)
{
	struct nlmsghdr *nlh = gcm_sa("2001:db8::1", "2001:db8::2");

	nlh->nlmsg_type = XFRM_MSG_UPDSA;
	message_encap(nlh, UDP_ENCAP_ESPINUDP, 62418, 4500);
	message_replay(nlh, 77, 55);
	message_info(nlh)->replay_window = 32;
	cr_assert_eq(parse(nlh), 0);
	cr_assert_eq(event.type, XFRM_NEW);
	cr_assert_eq(event.sa.id.family, 6);
	cr_assert_eq(event.sa.id.destination[15], 2);
	cr_assert(event.sa.encap);
	cr_assert_eq(event.sa.encap_source, 62418);
	cr_assert_eq(event.sa.encap_destination, 4500);
	cr_assert_not(event.sa.replay_esn);
	cr_assert_eq(event.sa.window, 32);
	cr_assert_eq(event.sa.sent, 77);
	cr_assert_eq(event.sa.received, 55);
}

Test(xfrm_wire, algorithms)
{
	static const struct {
		const char *aead, *crypt, *auth;
		unsigned int key, auth_key, icv;
		bool trunc;
		enum esp_cipher cipher;
		enum esp_auth authentication;
		const char *refused;
	} rows[] = {
		{"rfc4106(gcm(aes))", NULL, NULL, 36, 0, 128, false, ESP_CIPHER_AES_GCM_16,
			ESP_AUTH_NONE, ""},
		{"rfc7539esp(chacha20,poly1305)", NULL, NULL, 36, 0, 128, false,
			ESP_CIPHER_CHACHA20_POLY1305, ESP_AUTH_NONE, ""},
		{"rfc4543(gcm(aes))", NULL, NULL, 20, 0, 128, false, ESP_CIPHER_AES_GMAC,
			ESP_AUTH_NONE, ""},
		{"rfc4106(gcm(aes))", NULL, NULL, 20, 0, 64, false, 0, 0,
			"algorithm rfc4106(gcm(aes)) with an ICV of 64 bits"},
		{"rfc4309(ccm(aes))", NULL, NULL, 19, 0, 128, false, 0, 0,
			"algorithm rfc4309(ccm(aes))"},
		{NULL, "cbc(aes)", "hmac(sha256)", 16, 32, 128, true, ESP_CIPHER_AES_CBC,
			ESP_AUTH_HMAC_SHA256_128, ""},
		{NULL, "cbc(aes)", "hmac(sha1)", 32, 20, 96, true, ESP_CIPHER_AES_CBC,
			ESP_AUTH_HMAC_SHA1_96, ""},
		{NULL, "cbc(aes)", "hmac(sha384)", 16, 48, 192, true, ESP_CIPHER_AES_CBC,
			ESP_AUTH_HMAC_SHA384_192, ""},
		{NULL, "cbc(des3_ede)", "hmac(sha512)", 24, 64, 256, true, ESP_CIPHER_3DES_CBC,
			ESP_AUTH_HMAC_SHA512_256, ""},
		{NULL, "ecb(cipher_null)", "hmac(sha1)", 0, 20, 0, false, ESP_CIPHER_NULL,
			ESP_AUTH_HMAC_SHA1_96, ""},
		/* the kernel's own default cuts SHA-256 to 96 bits, against RFC 4868 */
		{NULL, "cbc(aes)", "hmac(sha256)", 16, 32, 0, false, 0, 0,
			"authentication hmac(sha256) with an ICV of 96 bits"},
		{NULL, "cbc(aes)", "hmac(md5)", 16, 16, 96, true, 0, 0, "authentication hmac(md5)"},
		{NULL, "cbc(aes)", NULL, 16, 0, 0, false, 0, 0,
			"no authentication beside cbc(aes)"},
		{NULL, NULL, "hmac(sha1)", 0, 20, 0, false, 0, 0, "no cipher but hmac(sha1)"},
		{NULL, "rfc3686(ctr(aes))", "hmac(sha1)", 20, 20, 96, true, 0, 0,
			"cipher rfc3686(ctr(aes))"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nlmsghdr *nlh =
			message_sa(buffer, XFRM_MSG_NEWSA, "10.9.0.1", "10.9.0.2", 0x1000);

		if (rows[i].aead)
			message_aead(nlh, rows[i].aead, rows[i].key, rows[i].icv, 0x11);
		if (rows[i].crypt)
			message_crypt(nlh, XFRMA_ALG_CRYPT, rows[i].crypt, rows[i].key, 0x11);
		if (rows[i].auth)
			message_crypt(nlh, XFRMA_ALG_AUTH, rows[i].auth, rows[i].auth_key, 0x22);
		if (rows[i].auth && rows[i].trunc)
			message_auth_trunc(nlh, rows[i].auth, rows[i].auth_key, rows[i].icv, 0x22);
		cr_assert_eq(parse(nlh), 0, "row %zu", i);
		cr_assert_eq(event.type, XFRM_NEW, "row %zu", i);
		cr_expect_str_eq(
			event.sa.refused, rows[i].refused, "row %zu: %s", i, event.sa.refused);
		cr_expect_not(event.sa.blank, "row %zu", i);
		if (rows[i].refused[0])
			continue;
		cr_expect_eq(event.sa.cipher, rows[i].cipher, "row %zu", i);
		cr_expect_eq(event.sa.auth, rows[i].authentication, "row %zu", i);
		cr_expect_eq(event.sa.key_len, rows[i].key, "row %zu", i);
		cr_expect_eq(event.sa.auth_key_len, rows[i].auth_key, "row %zu", i);
		cr_expect(!event.sa.auth_key_len || event.sa.auth_key[0] == 0x22, "row %zu", i);
	}
}

Test(xfrm_wire, what_is_refused_by_its_mode_and_attributes)
{
	struct nlmsghdr *nlh = gcm_sa("10.9.0.1", "10.9.0.2");

	message_info(nlh)->mode = XFRM_MODE_TUNNEL;
	cr_assert_eq(parse(nlh), 0);
	cr_assert_str_eq(event.sa.refused, "");
	message_info(nlh)->mode = XFRM_MODE_BEET;
	cr_assert_eq(parse(nlh), 0);
	cr_assert_str_eq(event.sa.refused, "mode BEET");
	message_info(nlh)->mode = 77;
	cr_assert_eq(parse(nlh), 0);
	cr_assert_str_eq(event.sa.refused, "mode unknown");

	nlh = gcm_sa("10.9.0.1", "10.9.0.2");
	message_encap(nlh, 7, 4500, 4500);
	cr_assert_eq(parse(nlh), 0);
	cr_assert_str_eq(event.sa.refused, "encapsulation other than RFC 3948");

	nlh = gcm_sa("10.9.0.1", "10.9.0.2");
	mnl_attr_put_u32(nlh, XFRMA_IF_ID, 42);
	cr_assert_eq(parse(nlh), 0);
	cr_assert_str_eq(event.sa.refused, "bound to an XFRM interface (if_id)");

	nlh = gcm_sa("10.9.0.1", "10.9.0.2");
	mnl_attr_put(
		nlh, XFRMA_MARK, sizeof(struct xfrm_mark), &(struct xfrm_mark){.v = 5, .m = 0xff});
	cr_assert_eq(parse(nlh), 0);
	cr_assert_str_eq(event.sa.refused, "");
	cr_assert_eq(event.sa.id.mark, 5);
	cr_assert_eq(event.sa.id.mark_mask, 0xff);
}

Test(xfrm_wire, names_from_the_kernel_are_printable_in_the_log)
{
	struct nlmsghdr *nlh = message_sa(buffer, XFRM_MSG_NEWSA, "10.9.0.1", "10.9.0.2", 0x1000);

	message_aead(nlh, "evil\n\x1b[2Jname", 20, 128, 0x11);
	cr_assert_eq(parse(nlh), 0);
	cr_assert_str_eq(event.sa.refused, "algorithm evil??[2Jname");
	/* a name without an end */
	nlh = gcm_sa("10.9.0.1", "10.9.0.2");
	memset((char *)nlh + NLMSG_HDRLEN + sizeof(struct xfrm_usersa_info) + 4, 'x', 64);
	cr_assert_eq(parse(nlh), 0);
	cr_assert_eq(strncmp(event.sa.refused, "algorithm xxxxxxxx", 18), 0);
}

Test(xfrm_wire, an_spi_without_keys_is_larval_and_keys_of_zeroes_are_blank)
{
	struct nlmsghdr *nlh = message_sa(buffer, XFRM_MSG_NEWSA, "10.9.0.1", "10.9.0.2", 0x1000);

	cr_assert_eq(parse(nlh), 0);
	cr_assert(event.sa.larval);
	message_aead(nlh, "rfc4106(gcm(aes))", 20, 128, 0);
	cr_assert_eq(parse(nlh), 0);
	cr_assert_not(event.sa.larval);
	cr_assert(event.sa.blank);
	nlh = message_sa(buffer, XFRM_MSG_NEWSA, "10.9.0.1", "10.9.0.2", 0x1000);
	message_crypt(nlh, XFRMA_ALG_CRYPT, "cbc(aes)", 16, 0);
	message_auth_trunc(nlh, "hmac(sha1)", 20, 96, 1);
	cr_assert_eq(parse(nlh), 0);
	cr_assert_not(event.sa.blank);
}

Test(xfrm_wire, the_end_of_sas)
{
	cr_assert_eq(parse(message_delete(buffer, "10.9.0.2", 0x1001)), 0);
	cr_assert_eq(event.type, XFRM_DELETE);
	cr_assert_eq(event.sa.id.spi, 0x1001);
	cr_assert_eq(event.sa.id.destination[3], 2);
	cr_assert_eq(parse(message_expire(buffer, "2001:db8::2", 0x1002, 1)), 0);
	cr_assert_eq(event.type, XFRM_EXPIRE);
	cr_assert(event.hard);
	cr_assert_eq(event.sa.id.spi, 0x1002);
	cr_assert_eq(event.sa.id.family, 6);
	cr_assert_eq(parse(message_expire(buffer, "10.9.0.2", 0x1002, 0)), 0);
	cr_assert_not(event.hard);
	cr_assert_eq(parse(message_flush(buffer, 255)), 0);
	cr_assert_eq(event.type, XFRM_FLUSH);
	cr_assert_eq(event.protocol, 255);
}

Test(xfrm_wire, what_is_not_about_sas_is_other)
{
	static const uint16_t types[] = {XFRM_MSG_NEWPOLICY, XFRM_MSG_DELPOLICY, XFRM_MSG_NEWAE,
		XFRM_MSG_ACQUIRE, XFRM_MSG_MAPPING, XFRM_MSG_FLUSHPOLICY, NLMSG_NOOP, 999};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct nlmsghdr *nlh = gcm_sa("10.9.0.1", "10.9.0.2");

		nlh->nlmsg_type = types[i];
		cr_assert_eq(parse(nlh), 0);
		cr_assert_eq(event.type, XFRM_OTHER, "type %u", types[i]);
	}

	struct nlmsghdr *nlh = gcm_sa("10.9.0.1", "10.9.0.2");

	message_info(nlh)->family = AF_UNSPEC;
	cr_assert_eq(parse(nlh), 0);
	cr_assert_eq(event.type, XFRM_OTHER);
}

Test(xfrm_wire, an_outbound_policy_names_an_sa)
{
	struct nlmsghdr *nlh;
	struct xfrm_user_tmpl *template;
	static const uint8_t peer[16] = {10, 9, 0, 1}, gateway[16] = {192, 0, 2, 9};
	const struct xfrm_mark mark = {.v = 5, .m = 0xffffffff};

	parse(message_policy(buffer, XFRM_MSG_UPDPOLICY, XFRM_POLICY_OUT, "10.9.0.1", 0xc1234567));
	cr_assert_eq(event.type, XFRM_POLICY);
	cr_assert_eq(event.sa.id.spi, 0xc1234567);
	cr_assert_eq(event.sa.id.family, 4);
	cr_assert_eq(event.sa.id.protocol, IPPROTO_ESP);
	cr_assert_arr_eq(event.sa.id.destination, peer, 16);
	cr_assert_eq(event.sa.id.mark, 0);

	nlh = message_policy(buffer, XFRM_MSG_UPDPOLICY, XFRM_POLICY_OUT, "10.9.0.1", 0xc1234567);
	mnl_attr_put(nlh, XFRMA_MARK, sizeof(mark), &mark);
	parse(nlh);
	cr_assert_eq(event.type, XFRM_POLICY);
	cr_assert_eq(event.sa.id.mark, 5);
	cr_assert_eq(event.sa.id.mark_mask, 0xffffffff);

	nlh = message_policy(buffer, XFRM_MSG_NEWPOLICY, XFRM_POLICY_OUT, "10.20.0.0", 0xc1234567);
	template = mnl_attr_get_payload(
		mnl_nlmsg_get_payload_offset(nlh, sizeof(struct xfrm_userpolicy_info)));
	template->mode = XFRM_MODE_TUNNEL;
	message_address("192.0.2.9", AF_INET, &template->id.daddr);
	parse(nlh);
	cr_assert_eq(event.type, XFRM_POLICY);
	cr_assert_arr_eq(event.sa.id.destination, gateway, 16);

	parse(message_policy(buffer, XFRM_MSG_NEWPOLICY, XFRM_POLICY_OUT, "10.9.0.1", 0));
	cr_assert_eq(event.type, XFRM_OTHER);
	parse(message_policy(buffer, XFRM_MSG_NEWPOLICY, XFRM_POLICY_IN, "10.9.0.1", 7));
	cr_assert_eq(event.type, XFRM_OTHER);
}

Test(xfrm_wire, acknowledgements)
{
	cr_assert_eq(parse(message_status(buffer, NLMSG_ERROR, 7, 0)), 0);
	cr_assert_eq(event.type, XFRM_DONE);
	cr_assert_eq(event.seq, 7);
	cr_assert_eq(parse(message_status(buffer, NLMSG_ERROR, 8, -ESRCH)), 0);
	cr_assert_eq(event.type, XFRM_ERROR);
	cr_assert_eq(event.error, -ESRCH);
	cr_assert_eq(parse(message_status(buffer, NLMSG_DONE, 9, 0)), 0);
	cr_assert_eq(event.type, XFRM_DONE);
}

/* Cut at any byte, with the header's length right for the rest: never beyond the end, an error or less of an SA. */
Test(xfrm_wire, a_message_cut_anywhere_is_harmless)
{
	struct nlmsghdr *nlh = gcm_sa("10.9.0.1", "10.9.0.2");
	uint32_t whole;

	message_crypt(nlh, XFRMA_ALG_AUTH, "hmac(sha1)", 20, 0x22);
	message_encap(nlh, UDP_ENCAP_ESPINUDP, 4500, 4500);
	message_replay_esn(nlh, 4096, 1, 1);
	whole = nlh->nlmsg_len;
	for (uint32_t cut = 0; cut < whole; cut++) {
		uint8_t *exact = malloc(cut ? cut : 1); /* the sanitizer sees every byte beyond */
		const uint8_t *p = exact;
		uint32_t length = cut;

		memcpy(exact, buffer, cut);
		if (cut >= sizeof(length))
			memcpy(exact, &length, sizeof(length));
		xfrm_parse(&p, exact + cut, &event);
		cr_assert_eq(p, exact + cut, "cut at %u", cut);
		cr_assert(event.type == XFRM_NEW || event.type == XFRM_OTHER, "cut at %u", cut);
		free(exact);
	}
}

Test(xfrm_wire, lengths_that_lie_are_malformed)
{
	struct nlmsghdr *nlh = gcm_sa("10.9.0.1", "10.9.0.2");
	struct nlattr *attribute =
		(struct nlattr *)(buffer + NLMSG_HDRLEN + sizeof(struct xfrm_usersa_info));
	struct xfrm_algo_aead *aead = mnl_attr_get_payload(attribute);
	uint16_t right = attribute->nla_len;
	struct xfrm_replay_state_esn esn = {.bmp_len = 1, .replay_window = 33};

	aead->alg_key_len = 8 * 21; /* one byte more than there is */
	cr_assert_eq(parse(nlh), -EBADMSG);
	cr_assert_eq(event.type, XFRM_OTHER);
	aead->alg_key_len = UINT32_MAX - 7;
	cr_assert_eq(parse(nlh), -EBADMSG);
	aead->alg_key_len = 8 * 20 - 1;
	cr_assert_eq(parse(nlh), -EBADMSG);
	aead->alg_key_len = 8 * 20;
	cr_assert_eq(parse(nlh), 0);
	attribute->nla_len = 3;
	cr_assert_eq(parse(nlh), -EBADMSG);
	attribute->nla_len = right + 40;
	cr_assert_eq(parse(nlh), -EBADMSG);
	attribute->nla_len = right;
	/* a window larger than its bitmap; a bitmap larger than there can be */
	mnl_attr_put(nlh, XFRMA_REPLAY_ESN_VAL, sizeof(esn), &esn);
	cr_assert_eq(parse(nlh), -EBADMSG);
	nlh = gcm_sa("10.9.0.1", "10.9.0.2");
	esn.bmp_len = 0x40000001;
	mnl_attr_put(nlh, XFRMA_REPLAY_ESN_VAL, sizeof(esn), &esn);
	cr_assert_eq(parse(nlh), -EBADMSG);
}

static const struct nlattr *find(const struct nlmsghdr *nlh, size_t header, uint16_t type)
{
	const struct nlattr *attribute, *found = NULL;

	mnl_attr_for_each(attribute, nlh,
		(unsigned int)header) if (mnl_attr_get_type(attribute) == type) found = attribute;
	return found;
}

Test(xfrm_wire, an_update_has_what_the_kernel_checks)
{
	const struct xfrm_id_key id = {.family = 4,
		.protocol = IPPROTO_ESP,
		.destination = {10, 9, 0, 2},
		.spi = 0x1234,
		.mark = 5,
		.mark_mask = 0xff};
	struct xfrm_update update = {.replay = true,
		.replay_esn = true,
		.bitmap_words = 2,
		.window = 64,
		.sent = 9ull << 32 | 7,
		.lifetime = true,
		.bytes = 1000,
		.packets = 10,
		.added = 20,
		.last_use = 30};
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buffer;
	const struct xfrm_replay_state_esn *esn;
	const struct xfrm_lifetime_cur *lifetime;
	const struct xfrm_aevent_id *ae;
	const struct nlattr *attribute;
	size_t n = xfrm_write_update(buffer, sizeof(buffer), 77, true, &id, &update);

	cr_assert_eq(n, nlh->nlmsg_len);
	cr_assert_eq(n % 4, 0);
	cr_assert_eq(nlh->nlmsg_type, XFRM_MSG_NEWAE);
	cr_assert_eq(nlh->nlmsg_flags, NLM_F_REQUEST | NLM_F_REPLACE | NLM_F_ACK);
	cr_assert_eq(nlh->nlmsg_seq, 77);
	ae = mnl_nlmsg_get_payload(nlh);
	cr_assert_eq(ntohl(ae->sa_id.spi), 0x1234);
	cr_assert_eq(ae->sa_id.family, AF_INET);
	cr_assert_eq(ae->sa_id.proto, IPPROTO_ESP);
	cr_assert_eq(ae->sa_id.daddr.a4, inet_addr("10.9.0.2"));
	attribute = find(nlh, sizeof(*ae), XFRMA_REPLAY_ESN_VAL);
	cr_assert_not_null(attribute);
	esn = mnl_attr_get_payload(attribute);
	cr_assert_eq(mnl_attr_get_payload_len(attribute), sizeof(*esn) + 8);
	cr_assert_eq(esn->bmp_len, 2);
	cr_assert_eq(esn->replay_window, 64);
	cr_assert_eq(esn->oseq, 7);
	cr_assert_eq(esn->oseq_hi, 9);
	cr_assert_eq(esn->seq, 0);
	cr_assert_eq(esn->bmp[0], 0);
	attribute = find(nlh, sizeof(*ae), XFRMA_LTIME_VAL);
	lifetime = mnl_attr_get_payload(attribute);
	cr_assert_eq(lifetime->bytes, 1000);
	cr_assert_eq(lifetime->packets, 10);
	cr_assert_eq(lifetime->add_time, 20);
	cr_assert_eq(lifetime->use_time, 30);
	cr_assert_not_null(find(nlh, sizeof(*ae), XFRMA_MARK));

	update.replay_esn = false;
	update.lifetime = false;
	update.received = 50;
	xfrm_write_update(buffer, sizeof(buffer), 78, false, &id, &update);
	cr_assert_eq(nlh->nlmsg_flags, NLM_F_REQUEST | NLM_F_REPLACE);
	attribute = find(nlh, sizeof(*ae), XFRMA_REPLAY_VAL);
	cr_assert_eq(((const struct xfrm_replay_state *)mnl_attr_get_payload(attribute))->seq, 50);
	cr_assert_eq(((const struct xfrm_replay_state *)mnl_attr_get_payload(attribute))->bitmap,
		UINT32_MAX);
	cr_assert_null(find(nlh, sizeof(*ae), XFRMA_LTIME_VAL));
	/* no room: nothing, and nothing beyond */
	for (size_t room = 0; room < n; room++)
		if (room < nlh->nlmsg_len)
			cr_assert_eq(
				xfrm_write_update(buffer + 4096, room, 1, true, &id, &update), 0);
}

Test(xfrm_wire, expiries_and_dumps_read_back)
{
	const struct xfrm_id_key id = {.family = 6,
		.protocol = IPPROTO_ESP,
		.destination = {0x20, 1, 0xd, 0xb8, [15] = 9},
		.spi = 0xfffffff0};
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buffer;

	cr_assert_gt(xfrm_write_expire(buffer, sizeof(buffer), 5, &id, true), 0);
	cr_assert_eq(parse(nlh), 0);
	cr_assert_eq(event.type, XFRM_EXPIRE);
	cr_assert(event.hard);
	cr_assert_eq(event.sa.id.spi, id.spi);
	cr_assert_arr_eq(event.sa.id.destination, id.destination, 16);
	cr_assert_eq(xfrm_write_dump(buffer, sizeof(buffer), 6), sizeof(*nlh));
	cr_assert_eq(nlh->nlmsg_type, XFRM_MSG_GETSA);
	cr_assert_eq(nlh->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
}
