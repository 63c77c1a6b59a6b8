/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet Too Big about outer packets: the codec, and what is known of paths. */
#include "path_mtu.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define ETHERNET       14
#define IP6_HEADER     40
#define ICMP_HEADER    8
#define FRAGMENT       8
#define UDP_HEADER     8
#define PACKET_TOO_BIG 2

#define L2TP_PORT    1701
#define NATT_PORT    4500
#define L2TP_LENGTH  0x4000
#define L2TP_CONTROL 0x8000

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* Of the ICMPv6 message with its pseudo-header: 0xffff if it is right. */
static uint16_t checksum(const uint8_t *ip, const uint8_t *icmp, size_t length)
{
	uint64_t sum = length + IPPROTO_ICMPV6;

	for (unsigned int i = 8; i < IP6_HEADER; i += 2)
		sum += get16(ip + i);
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += get16(icmp + i);
	if (length & 1)
		sum += (uint64_t)icmp[length - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static int quoted_udp(const uint8_t *p, const uint8_t *end, struct path_mtu_notice *notice)
{
	uint16_t flags;

	if (end - p < UDP_HEADER + 4)
		return -EBADMSG;
	notice->local_port = get16(p);
	notice->peer_port = get16(p + 2);
	p += UDP_HEADER;
	if (notice->local_port == NATT_PORT) {
		notice->esp = true;
		notice->spi = get32(p);
		return notice->spi ? 0 : -EBADMSG; /* IKE's */
	}
	if (notice->local_port != L2TP_PORT)
		return -EBADMSG;
	flags = get16(p);
	p += flags & L2TP_LENGTH ? 4 : 2;
	if (end - p < 2 || flags & L2TP_CONTROL)
		return -EBADMSG;
	notice->tunnel_id = get16(p);
	return 0;
}

int path_mtu_read(const uint8_t *frame, size_t length, struct path_mtu_notice *notice)
{
	const uint8_t *ip = frame + ETHERNET, *icmp = ip + IP6_HEADER, *quoted, *p, *end;
	size_t payload;
	uint8_t next;

	/* no extension headers in front of it: who needs them to report a size is not waited for */
	if (length < ETHERNET + IP6_HEADER + ICMP_HEADER || get16(frame + 12) != 0x86dd ||
		ip[0] >> 4 != 6 || ip[6] != IPPROTO_ICMPV6 || icmp[0] != PACKET_TOO_BIG)
		return -ENOENT;
	payload = get16(ip + 4);
	if (payload < ICMP_HEADER + IP6_HEADER || payload > length - ETHERNET - IP6_HEADER ||
		checksum(ip, icmp, payload) != 0xffff)
		return -EBADMSG;
	quoted = icmp + ICMP_HEADER;
	end = icmp + payload;
	memset(notice, 0, sizeof(*notice));
	memcpy(notice->router, ip + 8, 16);
	memcpy(notice->local, quoted + 8, 16);
	memcpy(notice->peer, quoted + 24, 16);
	notice->mtu = get32(icmp + 4);
	if (quoted[0] >> 4 != 6 || memcmp(notice->local, ip + 24, 16))
		return -EBADMSG; /* not ours, who got the message */
	p = quoted + IP6_HEADER;
	next = quoted[6];
	if (next == IPPROTO_FRAGMENT) {
		/* of several parts only the first one shows whose it is */
		if (end - p < FRAGMENT || get16(p + 2) & 0xfff8)
			return -EBADMSG;
		next = p[0];
		p += FRAGMENT;
	}
	if (next == IPPROTO_UDP)
		return quoted_udp(p, end, notice);
	if (next != IPPROTO_ESP || end - p < 8)
		return -EBADMSG;
	notice->esp = true;
	notice->spi = get32(p);
	return 0;
}

static bool path_is(const struct path_mtu *path, uint16_t vrf, const uint8_t peer[16])
{
	return path->vrf == vrf && !memcmp(path->peer, peer, 16);
}

bool path_mtus_learn(struct path_mtus *mtus, uint16_t vrf, const uint8_t peer[16], uint32_t mtu,
	uint16_t port_mtu, uint64_t now)
{
	unsigned int i = 0;

	/* RFC 8201, 4: nothing below the least, and never an increase */
	if (mtu < PATH_MTU_LEAST || mtu >= port_mtu)
		return false;
	while (i < mtus->n && !path_is(&mtus->list[i], vrf, peer))
		i++;
	if (i == PATH_MTUS_MAX || (i < mtus->n && mtu >= mtus->list[i].mtu))
		return false;
	if (i == mtus->n) {
		memcpy(mtus->list[mtus->n].peer, peer, 16);
		mtus->list[mtus->n++].vrf = vrf;
	}
	mtus->list[i].mtu = (uint16_t)mtu;
	mtus->until[i] = now + PATH_MTU_KEEP_MS;
	if (!mtus->next || mtus->until[i] < mtus->next)
		mtus->next = mtus->until[i];
	mtus->changed = true;
	return true;
}

void path_mtus_expire(struct path_mtus *mtus, uint64_t now)
{
	if (!mtus->next || now < mtus->next)
		return;
	mtus->next = 0;
	for (unsigned int i = 0; i < mtus->n;) {
		if (mtus->until[i] <= now) {
			mtus->n--;
			mtus->list[i] = mtus->list[mtus->n];
			mtus->until[i] = mtus->until[mtus->n];
			mtus->changed = true;
			continue;
		}
		if (!mtus->next || mtus->until[i] < mtus->next)
			mtus->next = mtus->until[i];
		i++;
	}
}
