/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole engine under scripted peers: whatever they send, every open is answered by one end. */
#include "l2tp_avp.h"
#include "l2tp_lns.h"

#include <crypto/digest.h>

#include <stdlib.h>
#include <string.h>

#define PEERS 4

/*
 * The input is a script. Each step: an opcode byte, a length byte, that many bytes.
 *   0  datagram as it is, from the peer of the first byte
 *   1  AVPs after a header with the right ids and numbers; first byte peer and type, second session
 *   2  time passes
 *   3  the operator closes something
 *   4  SCCRQ, well-formed, and 5 SCCCN
 */
struct peer {
	struct l2tp_path path;
	uint16_t ns, nr, lns_id;
};

static struct peer peers[PEERS];
static struct l2tp_lns *lns;
static uint64_t now;
/* so that no step walks 65,536 ids */
static struct l2tp_tunnel *live[256];
static unsigned live_count;
static unsigned tunnels, tunnels_down, tunnels_freed, sessions, sessions_down;
static uint32_t seed;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (digest_init() < 0)
		abort();
	return 0;
}

static void check(bool true_always)
{
	if (!true_always)
		abort();
}

static void ops_send(void *user, const struct l2tp_path *path, const uint8_t *bytes, size_t len,
	struct l2tp_tunnel *t)
{
	static uint8_t scratch[L2TP_MESSAGE_MAX];
	static struct l2tp_message msg;
	struct peer *p = &peers[path->peer.address[0] % PEERS];
	struct l2tp_header h;
	enum l2tp_counter reason;

	check(len <= L2TP_SEND_MAX);
	check(l2tp_header_decode(&h, bytes, len, &reason) == 0 && h.length == len);
	if (len == L2TP_CONTROL_HEADER)
		return;
	l2tp_message_decode(&msg, bytes, len, NULL, 0, scratch);
	check(msg.fault.reason == L2TP_COUNTER_MAX && msg.ignored == 0 && msg.repeated == 0);
	if (h.ns == p->nr)
		p->nr++;
	if (msg.type == L2TP_SCCRP)
		p->lns_id = msg.assigned_tunnel_id;
}

static const struct l2tp_peer *ops_peer_find(
	void *user, const struct l2tp_path *path, const uint8_t *host_name, size_t len)
{
	static const struct l2tp_peer open = {
		.name = "open", .receive_window = 8, .max_retries = 3, .hello_ms = 30000};
	static const struct l2tp_peer closed = {.name = "closed",
		.secret = (const uint8_t *)"s3cret",
		.secret_len = 6,
		.challenge = true,
		.receive_window = 300,
		.max_retries = 5};

	if (path->peer.address[0] == PEERS - 1)
		return NULL;
	return path->peer.address[0] == 0 ? &closed : &open;
}

static void ops_random_bytes(void *user, uint8_t *bytes, size_t len)
{
	while (len-- > 0) {
		seed = seed * 1664525u + 1013904223u;
		*bytes++ = seed >> 20 & 0xff;
	}
}

static void ops_arm(void *user, struct l2tp_tunnel *t, uint64_t deadline)
{
}

static int ops_tunnel_open(void *user, struct l2tp_tunnel *t)
{
	if (t->local_id % 16 == 0 || live_count == 256)
		return -1;
	live[live_count++] = t;
	tunnels++;
	return 0;
}

static void ops_tunnel_up(void *user, struct l2tp_tunnel *t)
{
	check(t->state == L2TP_TUNNEL_ESTABLISHED);
}

static void ops_tunnel_moved(void *user, struct l2tp_tunnel *t, const struct l2tp_path *old)
{
	check(!l2tp_path_equal(&t->path, old));
	check(t->path.sa_group == old->sa_group);
}

static void ops_tunnel_down(void *user, struct l2tp_tunnel *t)
{
	check(t->session_count == 0);
	tunnels_down++;
}

static void ops_tunnel_free(void *user, struct l2tp_tunnel *t)
{
	unsigned i = 0;

	check(t->down);
	while (i < live_count && live[i] != t)
		i++;
	check(i < live_count);
	live[i] = live[--live_count];
	tunnels_freed++;
}

static int ops_session_open(void *user, struct l2tp_session *s, uint16_t *error)
{
	check(s->local_id != 0 && s->peer_id != 0);
	check(l2tp_tunnel_session(s->tunnel, s->local_id) == s);
	if (s->local_id % 16 == 0)
		return L2TP_CDN_ADMINISTRATIVE;
	sessions++;
	return 0;
}

static void ops_session_up(void *user, struct l2tp_session *s)
{
	size_t len;

	check(s->state == L2TP_SESSION_ESTABLISHED);
	l2tp_call_access_line(s->call, 1, &len);
	if (s->local_id % 5 == 0)
		l2tp_session_close(s, now, L2TP_CDN_ADMINISTRATIVE, 0, "no", NULL);
	else if (s->local_id % 7 == 0)
		l2tp_tunnel_close(s->tunnel, now, L2TP_STOPCCN_CLEAR, 0, "no");
}

static void ops_session_event(void *user, struct l2tp_session *s)
{
	check(l2tp_tunnel_session(s->tunnel, s->local_id) == s);
}

static void ops_session_down(void *user, struct l2tp_session *s, const struct l2tp_session_end *end)
{
	check(l2tp_tunnel_session(s->tunnel, s->local_id) != s);
	sessions_down++;
	/* ends others in passing, as a takeover does */
	if (s->local_id % 3 == 0) {
		uint32_t slot = 0;
		struct l2tp_session *other = l2tp_tunnel_session_next(s->tunnel, &slot);

		if (other != NULL)
			l2tp_session_close(other, now, L2TP_CDN_ADMINISTRATIVE, 0, NULL, NULL);
	}
}

static const struct l2tp_ops ops = {
	.send = ops_send,
	.peer_find = ops_peer_find,
	.random_bytes = ops_random_bytes,
	.arm = ops_arm,
	.tunnel_open = ops_tunnel_open,
	.tunnel_up = ops_tunnel_up,
	.tunnel_moved = ops_tunnel_moved,
	.tunnel_down = ops_tunnel_down,
	.tunnel_free = ops_tunnel_free,
	.session_open = ops_session_open,
	.session_up = ops_session_up,
	.session_wen = ops_session_event,
	.session_sli = ops_session_event,
	.session_speed = ops_session_event,
	.session_down = ops_session_down,
};

static void put(struct peer *p, uint8_t *bytes, size_t len, uint16_t session_id, uint16_t tunnel_id)
{
	struct l2tp_header h = {.length = (uint16_t)len,
		.tunnel_id = tunnel_id,
		.session_id = session_id,
		.ns = p->ns++,
		.nr = p->nr};

	l2tp_header_encode(&h, bytes);
	l2tp_lns_input(lns, now, &p->path, bytes, len);
}

/* Local session ids are not to be guessed by a fuzzer: take the n-th. */
static uint16_t nth_session(const struct peer *p, unsigned n)
{
	const struct l2tp_tunnel *t = l2tp_lns_tunnel(lns, p->lns_id);
	struct l2tp_session *s = NULL;
	uint32_t slot = 0;

	if (t == NULL || n == 0)
		return 0;
	while (n-- > 0 && (s = l2tp_tunnel_session_next(t, &slot)) != NULL)
		;
	return s != NULL ? s->local_id : 0x1234;
}

static void step(uint8_t op, const uint8_t *data, size_t len)
{
	uint8_t bytes[512];
	struct peer *p = &peers[len > 0 ? data[0] % PEERS : 0];
	struct l2tp_writer w;

	switch (op % 6) {
	case 0:
		if (len > 1)
			l2tp_lns_input(lns, now, &p->path, data + 1, len - 1);
		break;
	case 1:
		if (len < 2)
			break;
		l2tp_writer_init(&w, bytes, sizeof(bytes), 0, data[0] >> 2);
		memcpy(w.at, data + 2, len - 2);
		w.at += len - 2;
		l2tp_writer_finish(&w);
		put(p, bytes, (size_t)(w.at - bytes), nth_session(p, data[1] % 8),
			data[1] & 0x80 ? 0 : p->lns_id);
		break;
	case 2:
		now += len > 1 ? (uint64_t)data[1] << (data[0] % 9) : 1;
		break;
	case 3: {
		struct l2tp_tunnel *t = l2tp_lns_tunnel(lns, p->lns_id);
		struct l2tp_session *s;

		if (t == NULL || len < 2)
			break;
		s = l2tp_tunnel_session(t, nth_session(p, data[1]));
		if (s != NULL)
			l2tp_session_close(s, now, L2TP_CDN_ERROR, data[1], "x", NULL);
		else if (data[1] == 0xff)
			l2tp_lns_shutdown(lns, now);
		else
			l2tp_tunnel_close(t, now, L2TP_STOPCCN_CLEAR, 0, "x");
		break;
	}
	case 4:
		if (len >= 2 && (data[1] & 1))
			p->path.peer.port ^= 1;
		p->ns = p->nr = 0;
		l2tp_writer_init(&w, bytes, sizeof(bytes), 0, L2TP_SCCRQ);
		l2tp_write_u16(&w, true, L2TP_AVP_PROTOCOL_VERSION, 0x0100);
		l2tp_write_bytes(&w, true, L2TP_AVP_HOST_NAME, "lac", 3);
		l2tp_write_u16(&w, true, L2TP_AVP_ASSIGNED_TUNNEL_ID, len >= 2 ? data[1] : 1);
		put(p, bytes, l2tp_writer_finish(&w), 0, 0);
		break;
	default:
		l2tp_writer_init(&w, bytes, sizeof(bytes), 0, L2TP_SCCCN);
		put(p, bytes, l2tp_writer_finish(&w), 0, p->lns_id);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct l2tp_settings set = {.host_name = "lns",
		.half_open_max = 20,
		.half_open_per_source = 8,
		.teardown_batch = 2,
		.backlog = 30,
		.hold_bytes = 600};

	now = 5000;
	seed = 1;
	live_count = 0;
	tunnels = tunnels_down = tunnels_freed = sessions = sessions_down = 0;
	memset(peers, 0, sizeof(peers));
	for (unsigned i = 0; i < PEERS; i++) {
		peers[i].path.peer.family = peers[i].path.local.family = 4;
		peers[i].path.peer.address[0] = (uint8_t)i;
		peers[i].path.peer.port = 1702;
	}
	peers[2].path.sa_group = 7;
	lns = l2tp_lns_create(&ops, NULL, &set);
	if (lns == NULL)
		return 0;
	while (size >= 2) {
		uint8_t op = data[0];
		size_t len = data[1];

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		step(op, data, len);
		data += len;
		size -= len;
		/* from the end: the one that is freed is replaced by the last */
		for (unsigned i = live_count; i-- > 0;)
			if (live[i]->armed <= now)
				l2tp_tunnel_timeout(live[i], now);
		check(l2tp_lns_sessions(lns) == sessions - sessions_down);
		check(l2tp_lns_half_open(lns) <= set.half_open_max);
	}
	l2tp_lns_destroy(lns, now);
	check(tunnels == tunnels_down && tunnels == tunnels_freed);
	check(sessions == sessions_down);
	return 0;
}
