/* SPDX-License-Identifier: BSD-3-Clause */
/* Pacing, packet building and counting that both ends share. */
#include "flow.h"

#include <string.h>

#include "bytes.h"

#define DEBT_NS 20000000u

void flow_receive(struct flow_sum *sum, struct flow_rx *rx, const struct payload *p,
	size_t ip_bytes, uint64_t stamp)
{
	enum sequence_verdict v = sequence_check(&rx->sequence, p->sequence);

	sum->received++;
	sum->bytes += ip_bytes;
	rx->bytes += ip_bytes;
	sum->reordered += v == SEQUENCE_REORDERED;
	sum->duplicated += v == SEQUENCE_DUPLICATE;
	if (stamp != 0 && p->sent_ns != 0)
		histogram_add(&sum->latency_ns, stamp > p->sent_ns ? stamp - p->sent_ns : 0);
}

void flow_pacer_start(struct flow_pacer *p, double pps, uint64_t now_ns)
{
	p->pps = pps;
	p->start_ns = now_ns;
	p->sent = 0;
}

uint32_t flow_pacer_due(struct flow_pacer *p, uint64_t now_ns)
{
	double due = (double)(now_ns - p->start_ns) * p->pps / 1e9 - (double)p->sent;

	if (due > p->pps * (DEBT_NS / 1e9) + FLOW_BURST) {
		p->start_ns = now_ns;
		p->sent = 0;
		return FLOW_BURST;
	}
	return due < 1 ? 0 : due > FLOW_BURST ? FLOW_BURST : (uint32_t)due;
}

uint64_t flow_pacer_wait(const struct flow_pacer *p, uint64_t now_ns)
{
	double at = (double)p->start_ns + (double)(p->sent + 1) * 1e9 / p->pps;

	return at > (double)now_ns ? (uint64_t)(at - (double)now_ns) : 0;
}

uint32_t flow_size(uint32_t size, uint64_t n)
{
	static const uint16_t imix[12] = {64, 576, 64, 64, 576, 64, 1400, 64, 576, 64, 576, 64};

	return size != 0 ? size : imix[n % 12];
}

uint16_t flow_subscriber_port(uint32_t session)
{
	return (uint16_t)(20000 + session % 20000);
}

uint32_t flow_size_of(bool six, uint32_t size, uint64_t n)
{
	uint32_t wanted = flow_size(size, n), least = flow_ip_headers(six) + PAYLOAD_HEADER;

	return wanted > least ? wanted : least;
}

uint32_t flow_sum_bytes(const uint8_t *p, size_t len, uint32_t sum)
{
	for (; len >= 2; p += 2, len -= 2)
		sum += get_be16(p);
	if (len > 0)
		sum += (uint32_t)*p << 8;
	return sum;
}

uint16_t flow_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void flow_headers(uint8_t out[FLOW_IP_HEADERS], uint32_t source, uint32_t destination,
	uint16_t source_port, uint16_t destination_port, uint16_t ident, const uint8_t *payload,
	size_t payload_len)
{
	uint32_t sum;
	uint16_t check;

	out[0] = 0x45;
	out[1] = 0;
	put_be16(out + 2, (uint16_t)(payload_len + FLOW_IP_HEADERS));
	put_be16(out + 4, ident);
	put_be16(out + 6, 0);
	out[8] = FLOW_TTL;
	out[9] = 17;
	put_be16(out + 10, 0);
	put_be32(out + 12, source);
	put_be32(out + 16, destination);
	put_be16(out + 10, flow_fold(flow_sum_bytes(out, 20, 0)));
	put_be16(out + 20, source_port);
	put_be16(out + 22, destination_port);
	put_be16(out + 24, (uint16_t)(payload_len + 8));
	put_be16(out + 26, 0);
	/* pseudo header, UDP header, payload header; the filler's sum is known beforehand */
	sum = flow_sum_bytes(out + 12, 14, 17u + (uint32_t)payload_len + 8);
	sum = flow_sum_bytes(payload, PAYLOAD_HEADER, sum);
	sum += payload_filler_sum(payload_len - PAYLOAD_HEADER);
	check = flow_fold(sum);
	put_be16(out + 26, check != 0 ? check : 0xffff);
}

void flow_headers6(uint8_t out[FLOW_IP6_HEADERS], const uint8_t source[16],
	const uint8_t destination[16], uint16_t source_port, uint16_t destination_port,
	const uint8_t *payload, size_t payload_len)
{
	uint32_t sum;
	uint16_t check;

	memset(out, 0, 8);
	out[0] = 0x60;
	put_be16(out + 4, (uint16_t)(payload_len + 8));
	out[6] = 17;
	out[7] = FLOW_TTL;
	memcpy(out + 8, source, 16);
	memcpy(out + 24, destination, 16);
	put_be16(out + 40, source_port);
	put_be16(out + 42, destination_port);
	put_be16(out + 44, (uint16_t)(payload_len + 8));
	put_be16(out + 46, 0);
	sum = flow_sum_bytes(out + 8, 38, 17u + (uint32_t)payload_len + 8);
	sum = flow_sum_bytes(payload, PAYLOAD_HEADER, sum);
	sum += payload_filler_sum(payload_len - PAYLOAD_HEADER);
	check = flow_fold(sum);
	put_be16(out + 46, check != 0 ? check : 0xffff);
}
