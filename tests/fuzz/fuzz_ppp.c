/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole session: frames of any protocol, the LAC's proxy AVPs, timers, AAA, every call. */
#include "ppp_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One byte of length and as many bytes of the input. */
static size_t part(const uint8_t **p, const uint8_t *end, const uint8_t **out)
{
	size_t len;

	if (*p == end)
		return 0;
	len = *(*p)++;
	if (len > (size_t)(end - *p))
		len = (size_t)(end - *p);
	*out = *p;
	*p += len;
	return len;
}

static void call(struct fuzz_session *s, uint8_t which)
{
	switch (which) {
	case 0:
		fuzz_acknowledge(s);
		break;
	case 1:
		fuzz_timer(s);
		break;
	case 2:
	case 3:
		fuzz_answer(s, which == 2);
		break;
	case 4:
		fuzz_open_ipv4(s);
		break;
	case 5:
		fuzz_open_ipv6(s);
		break;
	case 6:
		ppp_ipv4_refuse(&s->ppp, s->now);
		break;
	case 7:
		ppp_ipv6_refuse(&s->ppp, s->now);
		break;
	case 8:
		ppp_traffic_seen(&s->ppp);
		break;
	case 9:
		ppp_lower_down(&s->ppp, s->now);
		break;
	default:
		ppp_close(&s->ppp, s->now, PPP_CLOSE_IDLE_TIMEOUT);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *p = data + 3, *end = data + size, *frame;
	struct ppp_proxy proxy = {0};
	struct fuzz_session s;

	if (size < 3)
		return 0;
	fuzz_init(&s, data[0] % 4);
	s.config.framing = data[0] / 4 % 3;
	s.config.proxy = data[0] / 16 % 3;
	s.config.pfc = data[1] & 1;
	s.config.acfc = data[1] & 2;
	s.config.mru_min = data[1] & 4 ? 128 : 576;
	s.config.echo_interval = data[1] & 8 ? 10000 : 0;
	s.config.auth_retries = data[1] / 16 % 4;
	if (data[2] & 1) {
		proxy.last_sent_len = part(&p, end, &proxy.last_sent);
		proxy.last_received_len = part(&p, end, &proxy.last_received);
		proxy.auth_type = data[2] / 2 % 8;
		proxy.auth_id = data[2];
		proxy.auth_name_len = part(&p, end, &proxy.auth_name);
		proxy.auth_challenge_len = part(&p, end, &proxy.auth_challenge);
		proxy.auth_response_len = part(&p, end, &proxy.auth_response);
	}
	ppp_start(&s.ppp, s.now, &proxy);
	while (p < end && !s.closed) {
		/* a length above 239 is a call */
		if (*p >= 240) {
			call(&s, *p++ - 240);
			continue;
		}
		size_t len = part(&p, end, &frame);
		if (len > 0)
			ppp_receive(&s.ppp, s.now, frame, len);
	}
	fuzz_finish(&s);
	return 0;
}
