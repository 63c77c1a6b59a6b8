/* SPDX-License-Identifier: BSD-3-Clause */
/* XFRM netlink messages, read. */
#include "xfrm_wire.h"

#include "netlink_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void address_copy(uint8_t family, uint8_t out[16], const xfrm_address_t *in)
{
	memset(out, 0, 16);
	memcpy(out, in, family == 4 ? 4 : 16);
}

/* ---- algorithms ---- */

/* struct xfrm_algo, _aead and _auth: a name, one or two numbers, the key. */
struct algorithm {
	char name[65];
	uint32_t bits; /* of the ICV; as the attribute says */
	const uint8_t *key;
	uint16_t key_len;
	bool there;
};

static int parse_algorithm(const struct netlink_attribute *a, size_t header, struct algorithm *out)
{
	uint32_t key_bits;

	if (a->length < header)
		return -EBADMSG;
	memcpy(out->name, a->data, 64);
	out->name[64] = '\0';
	memcpy(&key_bits, a->data + 64, 4);
	if (header > 68)
		memcpy(&out->bits, a->data + 68, 4);
	if (key_bits % 8 || key_bits / 8 > a->length - header)
		return -EBADMSG;
	out->key = a->data + header;
	out->key_len = (uint16_t)(key_bits / 8);
	out->there = true;
	return 0;
}

struct algorithms {
	struct algorithm aead, crypt, auth, auth_trunc;
	bool compression, interface;
	uint16_t encap_type;
};

static const struct {
	const char *name;
	enum esp_cipher cipher;
} aeads[] = {
	{"rfc4106(gcm(aes))", ESP_CIPHER_AES_GCM_16},
	{"rfc4543(gcm(aes))", ESP_CIPHER_AES_GMAC},
	{"rfc7539esp(chacha20,poly1305)", ESP_CIPHER_CHACHA20_POLY1305},
};

static const struct {
	const char *name;
	enum esp_cipher cipher;
} crypts[] = {
	{"cbc(aes)", ESP_CIPHER_AES_CBC},
	{"cbc(des3_ede)", ESP_CIPHER_3DES_CBC},
	{"ecb(cipher_null)", ESP_CIPHER_NULL},
	{"cipher_null", ESP_CIPHER_NULL},
};

/* default_bits: where XFRMA_ALG_AUTH stands alone (net/xfrm/xfrm_algo.c). */
static const struct {
	const char *name;
	uint32_t bits, default_bits;
	enum esp_auth auth;
} auths[] = {
	{"hmac(sha1)", 96, 96, ESP_AUTH_HMAC_SHA1_96},
	{"hmac(sha256)", 128, 96, ESP_AUTH_HMAC_SHA256_128},
	{"hmac(sha384)", 192, 192, ESP_AUTH_HMAC_SHA384_192},
	{"hmac(sha512)", 256, 256, ESP_AUTH_HMAC_SHA512_256},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A name from the kernel, which an administrator may have typed. */
static void refuse(struct xfrm_sa *sa, const char *what, const char *name, uint32_t bits)
{
	char clean[65];
	size_t n = 0;

	for (; name[n] && n < sizeof(clean) - 1; n++)
		clean[n] = name[n] >= ' ' && name[n] < 0x7f ? name[n] : '?';
	clean[n] = '\0';
	if (bits)
		snprintf(sa->refused, sizeof(sa->refused), "%s %.40s with an ICV of %u bits", what,
			clean, bits);
	else
		snprintf(sa->refused, sizeof(sa->refused), "%s %s", what, clean);
}

static void map_aead(struct xfrm_sa *sa, const struct algorithm *aead)
{
	sa->auth = ESP_AUTH_NONE;
	sa->key = aead->key;
	sa->key_len = aead->key_len;
	for (size_t i = 0; i < COUNT(aeads); i++) {
		if (strcmp(aead->name, aeads[i].name))
			continue;
		if (aead->bits != 128)
			refuse(sa, "algorithm", aead->name, aead->bits);
		sa->cipher = aeads[i].cipher;
		return;
	}
	refuse(sa, "algorithm", aead->name, 0);
}

static void map_crypt(struct xfrm_sa *sa, const struct algorithms *algorithms)
{
	const struct algorithm *auth = algorithms->auth_trunc.there ? &algorithms->auth_trunc
								    : &algorithms->auth;
	const struct algorithm *crypt = &algorithms->crypt;
	size_t i;

	if (!crypt->there) {
		refuse(sa, "no cipher but", auth->name, 0);
		return;
	}
	for (i = 0; i < COUNT(crypts) && strcmp(crypt->name, crypts[i].name); i++)
		;
	if (i == COUNT(crypts)) {
		refuse(sa, "cipher", crypt->name, 0);
		return;
	}
	sa->cipher = crypts[i].cipher;
	sa->key = crypt->key;
	sa->key_len = crypt->key_len;
	if (!auth->there) {
		refuse(sa, "no authentication beside", crypt->name, 0);
		return;
	}
	sa->auth_key = auth->key;
	sa->auth_key_len = auth->key_len;
	for (i = 0; i < COUNT(auths); i++) {
		uint32_t bits = auth == &algorithms->auth ? auths[i].default_bits : auth->bits;

		if (strcmp(auth->name, auths[i].name))
			continue;
		if (bits != auths[i].bits)
			refuse(sa, "authentication", auth->name, bits);
		sa->auth = auths[i].auth;
		return;
	}
	refuse(sa, "authentication", auth->name, 0);
}

static bool zeroes(const uint8_t *bytes, size_t length)
{
	uint8_t any = 0;

	for (size_t i = 0; i < length; i++)
		any |= bytes[i];
	return !any;
}

/* What the SA is, out of all of its attributes. */
static void sa_judge(struct xfrm_sa *sa, const struct algorithms *algorithms)
{
	static const char *const modes[] = {
		"transport", "tunnel", "route optimization", "in-trigger", "BEET"};

	sa->larval = !algorithms->aead.there && !algorithms->crypt.there &&
		!algorithms->auth.there && !algorithms->auth_trunc.there;
	if (sa->larval || sa->id.protocol != IPPROTO_ESP)
		return;
	if (algorithms->aead.there)
		map_aead(sa, &algorithms->aead);
	else
		map_crypt(sa, algorithms);
	sa->blank = (sa->key_len || sa->auth_key_len) && zeroes(sa->key, sa->key_len) &&
		zeroes(sa->auth_key, sa->auth_key_len);
	if (sa->mode > XFRM_MODE_TUNNEL)
		refuse(sa, "mode", sa->mode < COUNT(modes) ? modes[sa->mode] : "unknown", 0);
	else if (algorithms->encap_type && algorithms->encap_type != UDP_ENCAP_ESPINUDP)
		refuse(sa, "encapsulation other than", "RFC 3948", 0);
	else if (algorithms->compression)
		refuse(sa, "compression", "(IPComp)", 0);
	else if (algorithms->interface)
		refuse(sa, "bound to an XFRM interface", "(if_id)", 0);
}

/* ---- attributes ---- */

static int parse_encap(const struct netlink_attribute *a, struct xfrm_sa *sa, uint16_t *type)
{
	struct xfrm_encap_tmpl encap;

	if (a->length < sizeof(encap))
		return -EBADMSG;
	memcpy(&encap, a->data, sizeof(encap));
	*type = encap.encap_type;
	sa->encap = true;
	sa->encap_source = ntohs(encap.encap_sport);
	sa->encap_destination = ntohs(encap.encap_dport);
	return 0;
}

static int parse_replay(const struct netlink_attribute *a, struct xfrm_sa *sa)
{
	struct xfrm_replay_state state;

	if (a->length < sizeof(state))
		return -EBADMSG;
	memcpy(&state, a->data, sizeof(state));
	if (sa->replay_esn)
		return 0;
	sa->sent = state.oseq;
	sa->received = state.seq;
	return 0;
}

static int parse_replay_esn(const struct netlink_attribute *a, struct xfrm_sa *sa)
{
	struct xfrm_replay_state_esn state;

	if (a->length < sizeof(state))
		return -EBADMSG;
	memcpy(&state, a->data, sizeof(state));
	if (state.bmp_len > XFRM_BITMAP_WORDS || state.replay_window > 32 * state.bmp_len ||
		a->length < sizeof(state) + 4 * state.bmp_len)
		return -EBADMSG;
	sa->replay_esn = true;
	sa->bitmap_words = state.bmp_len;
	sa->window = state.replay_window;
	sa->sent = (uint64_t)state.oseq_hi << 32 | state.oseq;
	sa->received = (uint64_t)state.seq_hi << 32 | state.seq;
	return 0;
}

static int parse_attribute(
	const struct netlink_attribute *a, struct xfrm_sa *sa, struct algorithms *algorithms)
{
	struct xfrm_mark mark;

	switch (a->type) {
	case XFRMA_ALG_AEAD:
		return parse_algorithm(a, sizeof(struct xfrm_algo_aead), &algorithms->aead);
	case XFRMA_ALG_CRYPT:
		return parse_algorithm(a, sizeof(struct xfrm_algo), &algorithms->crypt);
	case XFRMA_ALG_AUTH:
		return parse_algorithm(a, sizeof(struct xfrm_algo), &algorithms->auth);
	case XFRMA_ALG_AUTH_TRUNC:
		return parse_algorithm(a, sizeof(struct xfrm_algo_auth), &algorithms->auth_trunc);
	case XFRMA_ALG_COMP:
		algorithms->compression = true;
		return 0;
	case XFRMA_ENCAP:
		return parse_encap(a, sa, &algorithms->encap_type);
	case XFRMA_REPLAY_VAL:
		return parse_replay(a, sa);
	case XFRMA_REPLAY_ESN_VAL:
		return parse_replay_esn(a, sa);
	case XFRMA_MARK:
		if (a->length < sizeof(mark))
			return -EBADMSG;
		memcpy(&mark, a->data, sizeof(mark));
		sa->id.mark = mark.v;
		sa->id.mark_mask = mark.m;
		return 0;
	case XFRMA_IF_ID:
		if (a->length < 4)
			return -EBADMSG;
		algorithms->interface = !zeroes(a->data, 4);
		return 0;
	}
	return 0;
}

/* ---- messages ---- */

static void info_copy(const struct xfrm_usersa_info *info, struct xfrm_sa *sa)
{
	uint8_t family = netlink_family(info->family);

	sa->id.family = family;
	sa->id.protocol = info->id.proto;
	sa->id.spi = ntohl(info->id.spi);
	address_copy(family, sa->id.destination, &info->id.daddr);
	address_copy(family, sa->source, &info->saddr);
	sa->mode = info->mode;
	if (info->sel.prefixlen_s != 0) {
		sa->inner_family = netlink_family(info->sel.family);
		sa->inner_length = info->sel.prefixlen_s;
		address_copy(sa->inner_family, sa->inner_source, &info->sel.saddr);
	}
	sa->reqid = info->reqid;
	sa->esn = info->flags & XFRM_STATE_ESN;
	sa->window = info->replay_window;
	sa->limits = (struct xfrm_limits){
		.soft_bytes = info->lft.soft_byte_limit,
		.hard_bytes = info->lft.hard_byte_limit,
		.soft_packets = info->lft.soft_packet_limit,
		.hard_packets = info->lft.hard_packet_limit,
	};
	sa->bytes = info->curlft.bytes;
	sa->packets = info->curlft.packets;
	sa->added = info->curlft.add_time;
	sa->last_use = info->curlft.use_time;
}

static int parse_new(const uint8_t *p, const uint8_t *end, struct xfrm_event *event)
{
	struct algorithms algorithms = {0};
	struct xfrm_usersa_info info;
	struct netlink_attribute a;
	int r;

	if ((size_t)(end - p) < sizeof(info))
		return -EBADMSG;
	memcpy(&info, p, sizeof(info));
	p += sizeof(info);
	info_copy(&info, &event->sa);
	while ((r = netlink_attribute_next(&p, end, &a)) > 0) {
		r = parse_attribute(&a, &event->sa, &algorithms);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	sa_judge(&event->sa, &algorithms);
	event->type = event->sa.id.family ? XFRM_NEW : XFRM_OTHER;
	return 0;
}

/* Only its mark is of interest, which is part of what names an SA. */
static int parse_mark(const uint8_t *p, const uint8_t *end, struct xfrm_sa *sa)
{
	struct algorithms unused = {0};
	struct netlink_attribute a;
	int r;

	while ((r = netlink_attribute_next(&p, end, &a)) > 0)
		if (a.type == XFRMA_MARK && parse_attribute(&a, sa, &unused) < 0)
			return -EBADMSG;
	return r;
}

static int parse_delete(const uint8_t *p, const uint8_t *end, struct xfrm_event *event)
{
	struct xfrm_id_key *key = &event->sa.id;
	struct xfrm_usersa_id id;
	int r;

	if ((size_t)(end - p) < sizeof(id))
		return -EBADMSG;
	memcpy(&id, p, sizeof(id));
	key->family = netlink_family(id.family);
	key->protocol = id.proto;
	key->spi = ntohl(id.spi);
	address_copy(key->family, key->destination, &id.daddr);
	r = parse_mark(p + sizeof(id), end, &event->sa);
	if (r < 0)
		return r;
	event->type = key->family ? XFRM_DELETE : XFRM_OTHER;
	return 0;
}

static int parse_expire(const uint8_t *p, const uint8_t *end, struct xfrm_event *event)
{
	struct xfrm_user_expire expire;
	struct xfrm_sa sa = {0};
	int r;

	if ((size_t)(end - p) < sizeof(expire))
		return -EBADMSG;
	memcpy(&expire, p, sizeof(expire));
	info_copy(&expire.state, &sa);
	event->sa.id = sa.id;
	event->hard = expire.hard;
	r = parse_mark(p + sizeof(expire), end, &event->sa);
	if (r < 0)
		return r;
	event->type = sa.id.family ? XFRM_EXPIRE : XFRM_OTHER;
	return 0;
}

/*
 * A policy may name one SA among those that fit, by the SPI in its template. In transport mode the SA's destination is
 * that of the packets. Its mark is that of the SA.
 */
static int parse_policy(const uint8_t *p, const uint8_t *end, struct xfrm_event *event)
{
	struct xfrm_id_key *key = &event->sa.id;
	struct xfrm_userpolicy_info info;
	struct algorithms unused = {0};
	struct netlink_attribute a;
	int r;

	if ((size_t)(end - p) < sizeof(info))
		return -EBADMSG;
	memcpy(&info, p, sizeof(info));
	p += sizeof(info);
	if (info.dir != XFRM_POLICY_OUT)
		return 0;
	while ((r = netlink_attribute_next(&p, end, &a)) > 0) {
		struct xfrm_user_tmpl template;

		if (a.type == XFRMA_MARK && parse_attribute(&a, &event->sa, &unused) < 0)
			return -EBADMSG;
		if (a.type != XFRMA_TMPL || !a.length)
			continue;
		if (a.length < sizeof(template))
			return -EBADMSG;
		memcpy(&template, a.data, sizeof(template));
		if (!template.id.spi || template.id.proto != IPPROTO_ESP)
			continue;
		key->family = netlink_family(
			template.mode == XFRM_MODE_TUNNEL ? template.family : info.sel.family);
		key->protocol = IPPROTO_ESP;
		key->spi = ntohl(template.id.spi);
		address_copy(key->family, key->destination,
			template.mode == XFRM_MODE_TUNNEL ? &template.id.daddr : &info.sel.daddr);
		event->type = key->family ? XFRM_POLICY : XFRM_OTHER;
	}
	return r;
}

static int parse_payload(
	uint16_t type, const uint8_t *p, const uint8_t *end, struct xfrm_event *event)
{
	int r;

	switch (type) {
	case NLMSG_DONE:
		r = netlink_status(type, p, end, &event->error);
		event->type = r < 0 ? XFRM_OTHER : XFRM_DONE;
		return r;
	case NLMSG_ERROR:
		r = netlink_status(type, p, end, &event->error);
		if (r == 0)
			event->type = event->error ? XFRM_ERROR : XFRM_DONE;
		return r;
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		return parse_new(p, end, event);
	case XFRM_MSG_DELSA:
		return parse_delete(p, end, event);
	case XFRM_MSG_EXPIRE:
		return parse_expire(p, end, event);
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		return parse_policy(p, end, event);
	case XFRM_MSG_FLUSHSA:
		if (end - p < 1)
			return -EBADMSG;
		event->protocol = *p;
		event->type = XFRM_FLUSH;
		return 0;
	}
	return 0;
}

int xfrm_parse(const uint8_t **p, const uint8_t *end, struct xfrm_event *event)
{
	const uint8_t *inside, *inside_end;
	struct nlmsghdr header;
	int r;

	memset(event, 0, sizeof(*event));
	r = netlink_message_next(p, end, &header, &inside, &inside_end);
	if (r < 0)
		return r;
	event->seq = header.nlmsg_seq;
	event->pid = header.nlmsg_pid;
	event->interrupted = header.nlmsg_flags & NLM_F_DUMP_INTR;
	r = parse_payload(header.nlmsg_type, inside, inside_end, event);
	if (r < 0)
		event->type = XFRM_OTHER;
	return r;
}
