/* SPDX-License-Identifier: BSD-3-Clause */
/* XFRM netlink messages, written: dump requests, updates of an SA, expiries. */
#include "xfrm_wire.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <string.h>
#include <sys/socket.h>

struct writer {
	uint8_t *start, *at, *end;
	bool full;
};

static void *writer_take(struct writer *w, size_t length)
{
	size_t padded = NLMSG_ALIGN(length);
	void *at = w->at;

	if (w->full || (size_t)(w->end - w->at) < padded) {
		w->full = true;
		return NULL;
	}
	memset(at, 0, padded);
	w->at += padded;
	return at;
}

static void writer_put(struct writer *w, const void *bytes, size_t length)
{
	void *at = writer_take(w, length);

	if (at)
		memcpy(at, bytes, length);
}

static void writer_attribute(struct writer *w, uint16_t type, const void *bytes, size_t length)
{
	const uint16_t header[2] = {(uint16_t)(4 + length), type};
	uint8_t *at = writer_take(w, 4 + length);

	if (!at)
		return;
	memcpy(at, header, sizeof(header));
	memcpy(at + sizeof(header), bytes, length);
}

static struct writer writer_begin(
	uint8_t *buffer, size_t size, uint16_t type, uint16_t flags, uint32_t seq)
{
	struct writer w = {.start = buffer, .at = buffer, .end = buffer + size};
	const struct nlmsghdr header = {
		.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = seq};

	writer_put(&w, &header, sizeof(header));
	return w;
}

static size_t writer_end(struct writer *w)
{
	uint32_t length = (uint32_t)(w->at - w->start);

	if (w->full)
		return 0;
	memcpy(w->start + offsetof(struct nlmsghdr, nlmsg_len), &length, sizeof(length));
	return length;
}

static void writer_mark(struct writer *w, const struct xfrm_id_key *id)
{
	const struct xfrm_mark mark = {.v = id->mark, .m = id->mark_mask};

	if (mark.m)
		writer_attribute(w, XFRMA_MARK, &mark, sizeof(mark));
}

size_t xfrm_write_dump(uint8_t *buffer, size_t size, uint32_t seq)
{
	struct writer w = writer_begin(buffer, size, XFRM_MSG_GETSA, NLM_F_DUMP, seq);

	return writer_end(&w);
}

size_t xfrm_write_dump_policies(uint8_t *buffer, size_t size, uint32_t seq)
{
	struct writer w = writer_begin(buffer, size, XFRM_MSG_GETPOLICY, NLM_F_DUMP, seq);

	return writer_end(&w);
}

static struct xfrm_usersa_id usersa_id(const struct xfrm_id_key *id)
{
	struct xfrm_usersa_id usersa = {.spi = htonl(id->spi),
		.family = id->family == 6 ? AF_INET6 : AF_INET,
		.proto = id->protocol};

	memcpy(&usersa.daddr, id->destination, sizeof(usersa.daddr));
	return usersa;
}

size_t xfrm_write_get(uint8_t *buffer, size_t size, uint32_t seq, const struct xfrm_id_key *id)
{
	struct writer w = writer_begin(buffer, size, XFRM_MSG_GETSA, 0, seq);
	const struct xfrm_usersa_id usersa = usersa_id(id);

	writer_put(&w, &usersa, sizeof(usersa));
	writer_mark(&w, id);
	return writer_end(&w);
}

static void write_replay_esn(struct writer *w, const struct xfrm_update *update)
{
	const struct xfrm_replay_state_esn state = {
		.bmp_len = update->bitmap_words,
		.oseq = (uint32_t)update->sent,
		.oseq_hi = (uint32_t)(update->sent >> 32),
		.seq = (uint32_t)update->received,
		.seq_hi = (uint32_t)(update->received >> 32),
		.replay_window = update->window,
	};
	uint8_t replay[sizeof(state) + 4 * XFRM_BITMAP_WORDS];

	if (update->bitmap_words > XFRM_BITMAP_WORDS) {
		w->full = true;
		return;
	}
	memcpy(replay, &state, sizeof(state));
	memset(replay + sizeof(state), update->received ? 0xff : 0, 4 * update->bitmap_words);
	writer_attribute(w, XFRMA_REPLAY_ESN_VAL, replay, sizeof(state) + 4 * update->bitmap_words);
}

size_t xfrm_write_update(uint8_t *buffer, size_t size, uint32_t seq, bool acknowledge,
	const struct xfrm_id_key *id, const struct xfrm_update *update)
{
	struct writer w = writer_begin(
		buffer, size, XFRM_MSG_NEWAE, NLM_F_REPLACE | (acknowledge ? NLM_F_ACK : 0), seq);
	const struct xfrm_aevent_id ae = {.sa_id = usersa_id(id)};
	const struct xfrm_lifetime_cur lifetime = {.bytes = update->bytes,
		.packets = update->packets,
		.add_time = update->added,
		.use_time = update->last_use};
	const struct xfrm_replay_state replay = {.oseq = (uint32_t)update->sent,
		.seq = (uint32_t)update->received,
		.bitmap = update->received ? UINT32_MAX : 0};

	writer_put(&w, &ae, sizeof(ae));
	writer_mark(&w, id);
	if (update->replay && update->replay_esn)
		write_replay_esn(&w, update);
	else if (update->replay)
		writer_attribute(&w, XFRMA_REPLAY_VAL, &replay, sizeof(replay));
	if (update->lifetime)
		writer_attribute(&w, XFRMA_LTIME_VAL, &lifetime, sizeof(lifetime));
	return writer_end(&w);
}

size_t xfrm_write_expire(
	uint8_t *buffer, size_t size, uint32_t seq, const struct xfrm_id_key *id, bool hard)
{
	struct writer w = writer_begin(buffer, size, XFRM_MSG_EXPIRE, 0, seq);
	struct xfrm_user_expire expire = {
		.state = {.id = {.spi = htonl(id->spi), .proto = id->protocol},
			.family = id->family == 6 ? AF_INET6 : AF_INET},
		.hard = hard};

	memcpy(&expire.state.id.daddr, id->destination, sizeof(expire.state.id.daddr));
	writer_put(&w, &expire, sizeof(expire));
	writer_mark(&w, id);
	return writer_end(&w);
}
