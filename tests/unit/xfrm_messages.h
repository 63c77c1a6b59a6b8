/* SPDX-License-Identifier: BSD-3-Clause */
/* XFRM netlink messages as the kernel sends them (linux/xfrm.h), for tests. */
#pragma once

#include <criterion/criterion.h>

#include <libmnl/libmnl.h>

#include <arpa/inet.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define KERNEL_INF (~(__u64)0)

static inline void message_address(const char *text, uint16_t family, xfrm_address_t *address)
{
	memset(address, 0, sizeof(*address));
	cr_assert_eq(inet_pton(family, text, address), 1, "%s", text);
}

static inline uint16_t message_family(const char *text)
{
	return strchr(text, ':') ? AF_INET6 : AF_INET;
}

/* Begins an SA; attributes follow. */
static inline struct nlmsghdr *message_sa(
	void *buffer, uint16_t type, const char *source, const char *destination, uint32_t spi)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct xfrm_usersa_info *info;

	nlh->nlmsg_type = type;
	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	info->family = message_family(source);
	message_address(source, info->family, &info->saddr);
	message_address(destination, info->family, &info->id.daddr);
	info->id.spi = htonl(spi);
	info->id.proto = IPPROTO_ESP;
	info->mode = XFRM_MODE_TRANSPORT;
	info->reqid = 1;
	memset(&info->lft, 0xff, 4 * sizeof(__u64)); /* limits of bytes and packets: none */
	return nlh;
}

static inline struct xfrm_usersa_info *message_info(struct nlmsghdr *nlh)
{
	return mnl_nlmsg_get_payload(nlh);
}

/* An algorithm's struct, and the key behind it. */
static inline void message_keyed(struct nlmsghdr *nlh, uint16_t type, const void *algorithm,
	size_t length, unsigned int key_len, uint8_t fill)
{
	uint8_t attribute[256];

	cr_assert_leq(length + key_len, sizeof(attribute));
	memcpy(attribute, algorithm, length);
	memset(attribute + length, fill, key_len);
	mnl_attr_put(nlh, type, length + key_len, attribute);
}

static inline void message_aead(
	struct nlmsghdr *nlh, const char *name, unsigned int key_len, uint32_t icv, uint8_t fill)
{
	struct xfrm_algo_aead algorithm = {.alg_key_len = 8 * key_len, .alg_icv_len = icv};

	strcpy(algorithm.alg_name, name);
	message_keyed(nlh, XFRMA_ALG_AEAD, &algorithm, sizeof(algorithm), key_len, fill);
}

static inline void message_crypt(
	struct nlmsghdr *nlh, uint16_t type, const char *name, unsigned int key_len, uint8_t fill)
{
	struct xfrm_algo algorithm = {.alg_key_len = 8 * key_len};

	strcpy(algorithm.alg_name, name);
	message_keyed(nlh, type, &algorithm, sizeof(algorithm), key_len, fill);
}

static inline void message_auth_trunc(
	struct nlmsghdr *nlh, const char *name, unsigned int key_len, uint32_t bits, uint8_t fill)
{
	struct xfrm_algo_auth algorithm = {.alg_key_len = 8 * key_len, .alg_trunc_len = bits};

	strcpy(algorithm.alg_name, name);
	message_keyed(nlh, XFRMA_ALG_AUTH_TRUNC, &algorithm, sizeof(algorithm), key_len, fill);
}

static inline void message_encap(
	struct nlmsghdr *nlh, uint16_t type, uint16_t source, uint16_t destination)
{
	const struct xfrm_encap_tmpl encap = {.encap_type = type,
		.encap_sport = htons(source),
		.encap_dport = htons(destination)};

	mnl_attr_put(nlh, XFRMA_ENCAP, sizeof(encap), &encap);
}

static inline void message_replay(struct nlmsghdr *nlh, uint32_t sent, uint32_t received)
{
	const struct xfrm_replay_state state = {.oseq = sent, .seq = received};

	mnl_attr_put(nlh, XFRMA_REPLAY_VAL, sizeof(state), &state);
}

static inline void message_replay_esn(
	struct nlmsghdr *nlh, uint32_t window, uint64_t sent, uint64_t received)
{
	const struct xfrm_replay_state_esn state = {.bmp_len = (window + 31) / 32,
		.replay_window = window,
		.oseq = (uint32_t)sent,
		.oseq_hi = (uint32_t)(sent >> 32),
		.seq = (uint32_t)received,
		.seq_hi = (uint32_t)(received >> 32)};
	uint8_t attribute[sizeof(state) + 512] = {0};

	memcpy(attribute, &state, sizeof(state));
	mnl_attr_put(nlh, XFRMA_REPLAY_ESN_VAL, sizeof(state) + 4 * state.bmp_len, attribute);
}

/* An outbound transport mode policy for one host that names an SPI, 0: none. */
static inline struct nlmsghdr *message_policy(
	void *buffer, uint16_t type, uint8_t direction, const char *destination, uint32_t spi)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct xfrm_userpolicy_info *info;
	struct xfrm_user_tmpl template = {.id = {.spi = htonl(spi), .proto = IPPROTO_ESP},
		.family = message_family(destination),
		.mode = XFRM_MODE_TRANSPORT};

	nlh->nlmsg_type = type;
	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	info->dir = direction;
	info->sel.family = message_family(destination);
	info->sel.prefixlen_d = info->sel.family == AF_INET ? 32 : 128;
	message_address(destination, info->sel.family, &info->sel.daddr);
	mnl_attr_put(nlh, XFRMA_TMPL, sizeof(template), &template);
	return nlh;
}

static inline struct nlmsghdr *message_delete(void *buffer, const char *destination, uint32_t spi)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct xfrm_usersa_id *id;

	nlh->nlmsg_type = XFRM_MSG_DELSA;
	id = mnl_nlmsg_put_extra_header(nlh, sizeof(*id));
	id->family = message_family(destination);
	message_address(destination, id->family, &id->daddr);
	id->spi = htonl(spi);
	id->proto = IPPROTO_ESP;
	return nlh;
}

static inline struct nlmsghdr *message_expire(
	void *buffer, const char *destination, uint32_t spi, uint8_t hard)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct xfrm_user_expire *expire;

	nlh->nlmsg_type = XFRM_MSG_EXPIRE;
	expire = mnl_nlmsg_put_extra_header(nlh, sizeof(*expire));
	expire->state.family = message_family(destination);
	message_address(destination, expire->state.family, &expire->state.id.daddr);
	expire->state.id.spi = htonl(spi);
	expire->state.id.proto = IPPROTO_ESP;
	expire->hard = hard;
	return nlh;
}

static inline struct nlmsghdr *message_flush(void *buffer, uint8_t protocol)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct xfrm_usersa_flush *flush;

	nlh->nlmsg_type = XFRM_MSG_FLUSHSA;
	flush = mnl_nlmsg_put_extra_header(nlh, sizeof(*flush));
	flush->proto = protocol;
	return nlh;
}

static inline struct nlmsghdr *message_status(void *buffer, uint16_t type, uint32_t seq, int error)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = type; /* NLMSG_ERROR, NLMSG_DONE */
	nlh->nlmsg_seq = seq;
	*(int *)mnl_nlmsg_put_extra_header(nlh, sizeof(struct nlmsgerr)) = error;
	return nlh;
}
