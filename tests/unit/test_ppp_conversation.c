/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine against a small peer of its own making, over a line that loses, doubles and reorders. */
#include "ppp_harness.h"

#include <crypto/digest.h>
#include <crypto/mschap.h>

#define LINE_MAX 512
#define RESTART  3000

/* The peer: what a plain PPP client does, without the automaton: it repeats what is unanswered. */
struct client {
	struct bench *b;
	uint16_t auth; /* protocol that the server asked for */
	uint8_t algorithm;
	bool lcp_theirs, lcp_ours, authenticated, ipcp_theirs, ipcp_ours;
	uint8_t lcp_id, pap_id, ipcp_id;
	uint8_t lcp_acked, ipcp_acked; /* the server's requests */
	uint8_t address[4];
	uint64_t lcp_at, pap_at, ipcp_at;
	uint64_t lcp_open_at, ipcp_open_at;
	const char *password;
	bool refused, terminated;
	bool waits; /* as pppd: sends a Response once and ignores all else until its answer has come */
	uint8_t chap[80];
	size_t chap_len;
	uint8_t chap_id;
};

/* Frames under way in both directions. */
struct line {
	struct {
		uint64_t at;
		bool to_client;
		size_t len;
		uint8_t bytes[PPP_FRAME_MAX];
	} frames[LINE_MAX];
	int n;
	unsigned percent;
	uint32_t seed;
};

static struct line line;

static unsigned dice(void)
{
	line.seed = line.seed * 1664525 + 1013904223;
	return (line.seed >> 16) % 100;
}

static void line_put(uint64_t now, bool to_client, const uint8_t *bytes, size_t len)
{
	int copies = dice() < line.percent ? 0 : 1;

	if (dice() < line.percent)
		copies++;
	while (copies-- > 0 && line.n < LINE_MAX) {
		line.frames[line.n].at = now + 10 + (dice() < line.percent ? 10 * dice() : 0);
		line.frames[line.n].to_client = to_client;
		line.frames[line.n].len = len;
		memcpy(line.frames[line.n++].bytes, bytes, len);
	}
}

static void client_send(
	struct client *c, uint16_t protocol, uint8_t code, uint8_t id, const void *body, size_t len)
{
	uint8_t frame[PPP_FRAME_MAX] = {0xff, 3, protocol >> 8, (uint8_t)protocol, code, id,
		(uint8_t)((len + 4) >> 8), (uint8_t)(len + 4)};

	if (len > 0)
		memcpy(frame + 8, body, len);
	line_put(c->b->now, false, frame, len + 8);
}

static void client_lcp_request(struct client *c)
{
	static const uint8_t options[] = {1, 4, 5, 0xd4, 5, 6, 0x0c, 0x11, 0xe7, 0x01};

	c->lcp_at = c->b->now + RESTART;
	client_send(c, 0xc021, 1, c->lcp_id, options, sizeof(options));
}

static void client_ipcp_request(struct client *c)
{
	uint8_t options[] = {3, 6, c->address[0], c->address[1], c->address[2], c->address[3]};

	c->ipcp_at = c->b->now + RESTART;
	client_send(c, 0x8021, 1, c->ipcp_id, options, sizeof(options));
}

static void client_pap(struct client *c)
{
	uint8_t body[64] = {3, 'j', 'o', 'e', (uint8_t)strlen(c->password)};

	memcpy(body + 5, c->password, strlen(c->password));
	c->pap_at = c->b->now + RESTART;
	client_send(c, 0xc023, 1, c->pap_id, body, 5 + strlen(c->password));
}

static void client_lcp(struct client *c, uint8_t code, uint8_t id, const uint8_t *body, size_t len)
{
	switch (code) {
	case 1:
		/* A new request to an open link, or one that is still not acknowledged in the
		 * server's eyes: it starts again, and so do we. */
		if (c->lcp_theirs && c->lcp_ours &&
			(id != c->lcp_acked || c->b->now - c->lcp_open_at > 2 * RESTART)) {
			c->lcp_ours = c->authenticated = c->ipcp_ours = c->ipcp_theirs = false;
			c->chap_len = 0;
			c->lcp_id++;
			c->pap_id++;
		}
		c->lcp_acked = id;
		c->auth = 0;
		for (size_t i = 0; i + 1 < len && body[i + 1] >= 2; i += body[i + 1]) {
			if (body[i] == 3) {
				c->auth = (uint16_t)(body[i + 2] << 8 | body[i + 3]);
				c->algorithm = body[i + 1] > 4 ? body[i + 4] : 0;
			}
		}
		c->lcp_theirs = true;
		client_send(c, 0xc021, 2, id, body, len);
		if (!c->lcp_ours)
			client_lcp_request(c);
		break;
	case 2:
		if (id == c->lcp_id && !c->lcp_ours) {
			c->lcp_ours = true;
			c->lcp_open_at = c->b->now;
		}
		break;
	case 5:
		client_send(c, 0xc021, 6, id, NULL, 0);
		c->terminated = true;
		break;
	case 9:
		client_send(c, 0xc021, 10, id, "\x0c\x11\xe7\x01", 4);
		break;
	}
}

static void client_chap(struct client *c, uint8_t code, uint8_t id, const uint8_t *body, size_t len)
{
	uint8_t hash[16], challenge[8];

	if (code == 3)
		c->authenticated = true;
	if (code == 4)
		c->refused = true;
	if (code != 1 || len < 17)
		return;
	c->chap_id = id;
	if (c->algorithm == 5) {
		c->chap[0] = 16;
		chap_md5_response(id, c->password, strlen(c->password), body + 1, 16, c->chap + 1);
	} else {
		c->chap[0] = 49;
		memset(c->chap + 1, 0x55, 16);
		mschap_challenge_hash(c->chap + 1, body + 1, "joe", 3, challenge);
		mschap_password_hash(c->password, strlen(c->password), hash);
		mschap_challenge_response(challenge, hash, c->chap + 25);
	}
	c->chap_len = 1u + c->chap[0];
	memcpy(c->chap + c->chap_len, "joe", 3);
	c->chap_len += 3;
	c->pap_at = c->b->now + RESTART;
	client_send(c, 0xc223, 2, id, c->chap, c->chap_len);
}

static void client_input(struct client *c, const uint8_t *p, size_t len)
{
	uint16_t protocol;

	if (p[0] == 0xff) {
		p += 2;
		len -= 2;
	}
	protocol = (uint16_t)(p[0] << 8 | p[1]);
	uint8_t code = p[2], id = p[3];
	const uint8_t *body = p + 6;

	len -= 6;
	if (protocol == 0xc021) {
		client_lcp(c, code, id, body, len);
	} else if (protocol == 0xc023) {
		if (code == 2)
			c->authenticated = true;
		if (code == 3)
			c->refused = true;
	} else if (protocol == 0xc223) {
		client_chap(c, code, id, body, len);
	} else if (protocol == 0x8021) {
		if (c->waits && !c->authenticated)
			return;
		c->authenticated = true; /* else the server would not speak IPCP */
		if (code == 1) {
			bool again = c->ipcp_theirs && c->ipcp_ours &&
				(id != c->ipcp_acked || c->b->now - c->ipcp_open_at > 2 * RESTART);

			c->ipcp_theirs = true;
			c->ipcp_acked = id;
			client_send(c, 0x8021, 2, id, body, len);
			if (again) {
				c->ipcp_ours = false;
				c->ipcp_id++;
				client_ipcp_request(c);
			}
		} else if (code == 2 && id == c->ipcp_id) {
			c->ipcp_open_at = c->ipcp_ours ? c->ipcp_open_at : c->b->now;
			c->ipcp_ours = true;
		} else if (code == 3 && id == c->ipcp_id && len == 6) {
			memcpy(c->address, body + 2, 4);
			c->ipcp_id++;
			client_ipcp_request(c);
		}
	}
}

static void client_timer(struct client *c)
{
	uint64_t now = c->b->now;

	if (c->terminated)
		return;
	if (!c->lcp_ours) {
		if (now >= c->lcp_at)
			client_lcp_request(c);
		return;
	}
	if (!c->lcp_theirs)
		return;
	if (!c->authenticated && !c->refused) {
		if (c->auth == 0xc023 && now >= c->pap_at)
			client_pap(c);
		else if (c->chap_len > 0 && !c->waits && now >= c->pap_at) {
			c->pap_at = now + RESTART;
			client_send(c, 0xc223, 2, c->chap_id, c->chap, c->chap_len);
		}
		return;
	}
	if (c->authenticated && !c->ipcp_ours && now >= c->ipcp_at)
		client_ipcp_request(c);
}

static bool credentials_right(struct bench *b)
{
	char proof[MSCHAP_AUTHENTICATOR_LEN];
	struct mschap_v2 m = {b->challenge, b->response, b->response + 24, "joe", 3};

	switch (b->request.method) {
	case PPP_AUTH_PAP:
		return strcmp((char *)b->password, "pw") == 0;
	case PPP_AUTH_CHAP_MD5:
		return chap_md5_check(
			b->request.chap_id, "pw", 2, b->challenge, 16, b->response, 16);
	default:
		return mschap_v2_check(&m, "pw", 2, proof);
	}
}

static bool converse(enum ppp_auth_method method, bool waits, const char *password,
	unsigned percent, uint32_t seed, enum ppp_close_cause *cause)
{
	struct bench *b = bench_new(method, 0, 0);
	struct client c = {.b = b,
		.lcp_id = 1,
		.pap_id = 1,
		.ipcp_id = 1,
		.password = password,
		.waits = waits};
	int asked = 0;
	uint64_t aaa_at = 0;
	bool both;

	memset(&line, 0, sizeof(line));
	line.percent = percent;
	line.seed = seed;
	b->seed = seed;
	b->open_at_once = true;
	ppp_start(&b->ppp, b->now, NULL);
	for (; b->now < 180000; b->now += 10) {
		for (int i = 0; i < line.n;) {
			if (line.frames[i].at > b->now) {
				i++;
				continue;
			}
			uint8_t copy[PPP_FRAME_MAX];
			size_t len = line.frames[i].len;
			bool to_client = line.frames[i].to_client;

			memcpy(copy, line.frames[i].bytes, len);
			line.frames[i] = line.frames[--line.n];
			if (to_client)
				client_input(&c, copy, len);
			else if (!b->closed)
				ppp_receive(&b->ppp, b->now, copy, len);
		}
		client_timer(&c);
		if (!b->closed && b->deadline <= b->now)
			run_timer(b);
		if (b->requests > asked) {
			asked = b->requests;
			aaa_at = b->now + 500;
		}
		if (aaa_at != 0 && b->now >= aaa_at && !b->closed) {
			aaa_at = 0;
			bench_answer(b, credentials_right(b), NULL);
		}
		while (b->taken < b->sent) {
			line_put(b->now, true, b->frames[b->taken].bytes, b->frames[b->taken].len);
			b->taken++;
		}
		b->taken = b->sent = 0;
		if (b->closed)
			break;
		/* Up on both sides, and stays so for longer than anything can be under way. */
		if (b->ppp.ipcp.up && c.ipcp_ours && line.n == 0)
			break;
	}
	both = !b->closed && b->ppp.ipcp.up && c.ipcp_ours;
	if (both)
		cr_assert_arr_eq(c.address, ((uint8_t[]){198, 51, 100, 7}), 4);
	*cause = b->closed ? b->cause : PPP_CLOSE_NONE;
	bench_free(b);
	return both;
}

static void all_come_up(enum ppp_auth_method method, bool waits)
{
	static const unsigned percents[] = {0, 5, 10, 20, 30, 40};
	enum ppp_close_cause cause;

	cr_assert_eq(digest_init(), 0);
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		int up = 0, runs = 40;

		for (uint32_t seed = 1; seed <= (uint32_t)runs; seed++) {
			bool ok = converse(method, waits, "pw", percents[i], seed * 7919, &cause);

			/* What does not come up says why: a timeout, nothing else. */
			if (!ok)
				cr_assert(cause == PPP_CLOSE_LCP_TIMEOUT ||
						cause == PPP_CLOSE_AUTH_TIMEOUT ||
						cause == PPP_CLOSE_NCP_TIMEOUT,
					"%u%% seed %u: %s", percents[i], seed,
					ppp_close_cause_name(cause));
			up += ok;
		}
		cr_assert_geq(up, percents[i] <= 20 ? runs : runs * 9 / 10, "%u%%: %d of %d",
			percents[i], up, runs);
	}
	digest_fini();
}

Test(ppp_conversation, pap_sessions_come_up_through_loss_doubling_and_reordering)
{
	all_come_up(PPP_AUTH_PAP, false);
}

Test(ppp_conversation, chap_sessions_come_up_through_loss_doubling_and_reordering)
{
	all_come_up(PPP_AUTH_CHAP_MD5, false);
}

Test(ppp_conversation, mschap_sessions_come_up_through_loss_doubling_and_reordering)
{
	all_come_up(PPP_AUTH_MSCHAP_V2, false);
}

Test(ppp_conversation, chap_peers_that_wait_for_the_success_come_up_through_loss)
{
	all_come_up(PPP_AUTH_CHAP_MD5, true);
	all_come_up(PPP_AUTH_MSCHAP_V2, true);
}

Test(ppp_conversation, wrong_password_ends_with_its_cause_through_loss)
{
	enum ppp_close_cause cause;

	cr_assert_eq(digest_init(), 0);
	for (uint32_t seed = 1; seed <= 40; seed++) {
		bool ok = converse(PPP_AUTH_CHAP_MD5, false, "guess", 20, seed * 104729, &cause);

		cr_assert_not(ok);
		cr_assert_eq(cause, PPP_CLOSE_AUTH_FAILED, "seed %u: %s", seed,
			ppp_close_cause_name(cause));
	}
	digest_fini();
}
