/* SPDX-License-Identifier: BSD-3-Clause */
/* The L2TP engine's side of the daemon: packets in and out, tunnels and calls to the dataplane. */
#include "lns.h"
#include "log.h"

#include <rte_ip.h>
#include <rte_udp.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define DSCP_CS6   0xc0 /* network control (RFC 4594) */
#define HOP_LIMIT  64
#define PEER_BYTES 80

/* What we keep of a tunnel besides the engine's own. */
struct tunnel_context {
	struct timer timer;
	struct l2tp_tunnel *tunnel;
	struct profile *profile; /* held: of the SCCRQ */
	int peer;                /* in it */
	bool counted;            /* in the peer's usage */
	uint32_t sa_group;       /* held */
	uint64_t data_seen;      /* ms */
};

void entropy_fill(void *out, size_t length)
{
	static uint8_t buffer[4096];
	static size_t left;
	uint8_t *to = out;

	while (length) {
		size_t n;

		if (!left) {
			if (getrandom(buffer, sizeof(buffer), 0) != (ssize_t)sizeof(buffer))
				continue;
			left = sizeof(buffer);
		}
		n = length < left ? length : left;
		memcpy(to, buffer + sizeof(buffer) - left, n);
		explicit_bzero(buffer + sizeof(buffer) - left, n);
		left -= n;
		to += n;
		length -= n;
	}
}

static const char *peer_text(
	const struct l2tp_path *path, const char *host_name, char text[PEER_BYTES])
{
	char address[INET6_ADDRSTRLEN];

	inet_ntop(path->peer.family == 4 ? AF_INET : AF_INET6, path->peer.address, address,
		sizeof(address));
	snprintf(text, PEER_BYTES, "%s:%u%s%.*s", address, path->peer.port, host_name ? " " : "",
		20, host_name ? host_name : "");
	return text;
}

/* ---- out ---- */

static void headers4(char *at, const struct l2tp_path *path, size_t length)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = DSCP_CS6,
		.total_length = htons((uint16_t)(sizeof(*ip) + sizeof(*udp) + length)),
		.time_to_live = HOP_LIMIT,
		.next_proto_id = IPPROTO_UDP,
	};
	memcpy(&ip->src_addr, path->local.address, sizeof(ip->src_addr));
	memcpy(&ip->dst_addr, path->peer.address, sizeof(ip->dst_addr));
	entropy_fill(&ip->packet_id, sizeof(ip->packet_id));
	udp->dgram_cksum = 0;
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void headers6(char *at, const struct l2tp_path *path, size_t length)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)at;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = htonl(6u << 28 | DSCP_CS6 << 20),
		.payload_len = htons((uint16_t)(sizeof(*udp) + length)),
		.proto = IPPROTO_UDP,
		.hop_limits = HOP_LIMIT,
	};
	memcpy(ip->src_addr, path->local.address, sizeof(ip->src_addr));
	memcpy(ip->dst_addr, path->peer.address, sizeof(ip->dst_addr));
	udp->dgram_cksum = 0;
	udp->dgram_cksum = rte_ipv6_udptcp_cksum(ip, udp);
}

static void on_send(void *user, const struct l2tp_path *path, const uint8_t *bytes, size_t length,
	struct l2tp_tunnel *tunnel)
{
	struct lns *lns = user;
	size_t ip = path->peer.family == 4 ? sizeof(struct rte_ipv4_hdr)
					   : sizeof(struct rte_ipv6_hdr);
	struct rte_mbuf *packet = dataplane_mbuf(lns->dp);
	struct rte_udp_hdr *udp;
	struct meta *meta;
	char *at;

	if (!packet) {
		lns->drops[LNS_DROP_INJECT_NO_MBUF]++;
		return;
	}
	at = length < UINT16_MAX / 2
		? rte_pktmbuf_append(packet, (uint16_t)(ip + sizeof(*udp) + length))
		: NULL;
	if (!at) {
		lns->drops[LNS_DROP_SEND_TOO_LONG]++;
		rte_pktmbuf_free(packet);
		return;
	}
	udp = (struct rte_udp_hdr *)(at + ip);
	udp->src_port = htons(path->local.port);
	udp->dst_port = htons(path->peer.port);
	udp->dgram_len = htons((uint16_t)(sizeof(*udp) + length));
	memcpy(udp + 1, bytes, length);
	if (path->peer.family == 4)
		headers4(at, path, length);
	else
		headers6(at, path, length);
	meta = meta_of(packet);
	meta->kind = INJECT_IP;
	meta->vrf = path->vrf;
	meta->sa_group = path->sa_group;
	meta->flags = META_PRIORITY;
	dataplane_inject(
		lns->dp, tunnel ? install_tunnel_owner(lns->install, tunnel->local_id) : 0, packet);
}

/* ---- in ---- */

/* Fills the path from the headers; returns the L2TP bytes, NULL if the headers do not fit. */
static const uint8_t *punt_parse(
	const struct rte_mbuf *packet, struct l2tp_path *path, size_t *length)
{
	const struct meta *meta = meta_of((struct rte_mbuf *)(uintptr_t)packet);
	const uint8_t *at = rte_pktmbuf_mtod(packet, const uint8_t *);
	const struct rte_udp_hdr *udp;
	size_t udp_length;

	if (packet->data_len < sizeof(struct rte_ipv4_hdr) ||
		meta->l2tp_offset < sizeof(struct rte_ipv4_hdr) + sizeof(*udp) ||
		meta->l2tp_offset > packet->data_len)
		return NULL;
	*path = (struct l2tp_path){.vrf = meta->vrf, .sa_group = meta->sa_group};
	if (at[0] >> 4 == 4) {
		const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)at;

		path->peer.family = path->local.family = 4;
		memcpy(path->peer.address, &ip->src_addr, sizeof(ip->src_addr));
		memcpy(path->local.address, &ip->dst_addr, sizeof(ip->dst_addr));
	} else {
		const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)at;

		if (packet->data_len < sizeof(*ip))
			return NULL;
		path->peer.family = path->local.family = 6;
		memcpy(path->peer.address, ip->src_addr, sizeof(ip->src_addr));
		memcpy(path->local.address, ip->dst_addr, sizeof(ip->dst_addr));
	}
	udp = (const struct rte_udp_hdr *)(at + meta->l2tp_offset - sizeof(*udp));
	path->peer.port = ntohs(udp->src_port);
	path->local.port = ntohs(udp->dst_port);
	udp_length = ntohs(udp->dgram_len);
	*length = packet->data_len - meta->l2tp_offset;
	if (udp_length < sizeof(*udp) || udp_length - sizeof(*udp) > *length)
		return NULL;
	*length = udp_length - sizeof(*udp);
	return at + meta->l2tp_offset;
}

void lns_l2tp_punt(struct lns *lns, struct rte_mbuf *packet)
{
	const struct meta *meta = meta_of(packet);
	struct l2tp_path path;
	const uint8_t *bytes;
	size_t length;

	/* before the answer, and so before there is a session; where one worker receives all, that says nothing */
	if (meta->sa_group && dataplane_iface_receivers(lns->dp, meta->iface) > 1)
		install_sas_arrived(
			lns->sas, meta->sa_group, meta->arrival, install_load(lns->install));
	bytes = rte_pktmbuf_linearize(packet) ? NULL : punt_parse(packet, &path, &length);
	if (bytes)
		l2tp_lns_input(lns->l2tp, lns->now, &path, bytes, length);
	else
		lns->drops[LNS_DROP_PUNT_MALFORMED]++;
	rte_pktmbuf_free(packet);
}

/* ---- the engine's questions and news ---- */

static const struct l2tp_peer *on_peer_find(
	void *user, const struct l2tp_path *path, const uint8_t *host_name, size_t length)
{
	struct lns *lns = user;
	int peer = profile_peer(lns->profile, path, host_name, length);
	struct log_context context = {0};
	char text[PEER_BYTES];

	context.peer = peer_text(path, NULL, text);
	if (peer >= 0 && lns->profile->l2tp[peer].require_ipsec && !path->sa_group)
		log_ratelimited(LOG_LEVEL_WARNING, &context,
			"in the clear, but peer %s has to come inside ESP: dropped",
			lns->profile->l2tp[peer].name);
	if (peer >= 0)
		return &lns->profile->l2tp[peer];
	log_ratelimited(LOG_LEVEL_WARNING, &context,
		"tunnel refused: no peer has this source address and a host-name pattern for "
		"\"%.*s\"",
		(int)(length > 64 ? 64 : length), (const char *)host_name);
	return NULL;
}

static void on_random_bytes(void *user, uint8_t *bytes, size_t length)
{
	entropy_fill(bytes, length);
}

static void deadline_reached(struct timer *timer, uint64_t now)
{
	struct tunnel_context *context = (struct tunnel_context *)timer;

	l2tp_tunnel_timeout(context->tunnel, now);
}

static void on_arm(void *user, struct l2tp_tunnel *tunnel, uint64_t deadline)
{
	struct lns *lns = user;
	struct tunnel_context *context = tunnel->user;

	if (deadline == L2TP_NEVER)
		timer_cancel(&lns->wheel, &context->timer);
	else
		timer_set(&lns->wheel, &context->timer, deadline);
}

static uint64_t on_data_seen(void *user, struct l2tp_tunnel *tunnel)
{
	const struct tunnel_context *context = tunnel->user;

	return context->data_seen;
}

void lns_l2tp_data_seen(struct lns *lns, uint16_t tunnel_id)
{
	struct l2tp_tunnel *tunnel = l2tp_lns_tunnel(lns->l2tp, tunnel_id);
	struct tunnel_context *context = tunnel ? tunnel->user : NULL;

	if (context)
		context->data_seen = lns->now;
}

static struct log_context tunnel_log(const struct l2tp_tunnel *tunnel, char text[PEER_BYTES])
{
	return (struct log_context){
		.tunnel = tunnel->local_id,
		.peer = peer_text(&tunnel->path, tunnel->host_name, text),
	};
}

/* 0, or -errno with the reason for the log. */
static int tunnel_admit(struct lns *lns, const struct l2tp_tunnel *tunnel,
	struct tunnel_context *context, const char **why)
{
	int peer = profile_peer(lns->profile, &tunnel->path, (const uint8_t *)tunnel->host_name,
		strlen(tunnel->host_name));
	const struct config_peer *config;
	struct install_framing framing;
	int rc;

	*why = "no such peer";
	if (peer < 0)
		return -ENOENT;
	config = &lns_config(lns)->peers[peer];
	*why = "the peer's max-tunnels reached";
	/* half-open ones do not count: anybody can send SCCRQs with the address of a LAC */
	if (config->max_tunnels && lns->profile->usage[peer]->tunnels >= config->max_tunnels)
		return -EUSERS;
	framing.udp_checksum = config->udp_checksum;
	framing.length_bit = config->length_bit;
	rc = install_tunnel_open(
		lns->install, tunnel->local_id, tunnel->peer_id, &tunnel->path, &framing);
	*why = strerror(-rc);
	if (!rc) {
		context->profile = profile_hold(lns->profile);
		context->peer = peer;
	}
	return rc;
}

static int on_tunnel_open(void *user, struct l2tp_tunnel *tunnel)
{
	struct lns *lns = user;
	struct tunnel_context *context = calloc(1, sizeof(*context));
	const char *why = "out of memory";
	int rc = context ? tunnel_admit(lns, tunnel, context, &why) : -ENOMEM;
	struct log_context line;
	char text[PEER_BYTES];

	if (rc) {
		line = tunnel_log(tunnel, text);
		log_ratelimited(LOG_LEVEL_WARNING, &line, "tunnel refused: %s", why);
		free(context);
		return rc;
	}
	timer_init(&context->timer, deadline_reached);
	context->tunnel = tunnel;
	context->sa_group = tunnel->path.sa_group;
	install_sas_hold(lns->sas, context->sa_group);
	tunnel->user = context;
	return 0;
}

static void on_tunnel_up(void *user, struct l2tp_tunnel *tunnel)
{
	struct lns *lns = user;
	struct tunnel_context *context = tunnel->user;
	struct peer_usage *usage = context->profile->usage[context->peer];
	uint32_t max = context->profile->config->peers[context->peer].max_tunnels;
	char text[PEER_BYTES];
	struct log_context line = tunnel_log(tunnel, text);

	log_info(&line, "tunnel up: peer %s, its id %u%s", tunnel->peer.name, tunnel->peer_id,
		tunnel->path.sa_group ? ", in ESP" : "");
	usage->tunnels++;
	context->counted = true;
	if (max && usage->tunnels > max) {
		log_warning(&line, "tunnel closed: the peer's max-tunnels reached");
		l2tp_tunnel_close(tunnel, lns->now, L2TP_STOPCCN_ERROR, L2TP_ERROR_RESOURCES,
			"too many tunnels");
	}
}

static bool on_path_follows(void *user, const struct l2tp_path *old, const struct l2tp_path *path)
{
	const struct lns *lns = user;

	return install_sas_follows(lns->sas, old->sa_group, path->sa_group);
}

static void on_path_missed(void *user, const struct l2tp_path *path)
{
	struct lns *lns = user;

	install_sas_missed(lns->sas, path->sa_group);
}

static void on_tunnel_moved(void *user, struct l2tp_tunnel *tunnel, const struct l2tp_path *old)
{
	struct lns *lns = user;
	struct tunnel_context *context = tunnel->user;
	char text[PEER_BYTES], old_text[PEER_BYTES];
	struct log_context line = tunnel_log(tunnel, text);
	int rc = install_tunnel_move(lns->install, tunnel->local_id, &tunnel->path);

	if (context->sa_group != tunnel->path.sa_group) {
		install_sas_hold(lns->sas, tunnel->path.sa_group);
		install_sas_release(lns->sas, context->sa_group, lns->now);
		context->sa_group = tunnel->path.sa_group;
	}
	if (rc)
		log_error(&line, "tunnel cannot be moved: %s", strerror(-rc));
	else
		log_info(&line, "tunnel moved from %s%s", peer_text(old, NULL, old_text),
			old->sa_group == tunnel->path.sa_group ? "" : ", its peer has new SAs");
}

static void on_tunnel_ending(void *user, struct l2tp_tunnel *tunnel)
{
	struct tunnel_context *context = tunnel->user;

	if (context->counted)
		context->profile->usage[context->peer]->tunnels--;
	context->counted = false;
}

static void on_tunnel_down(void *user, struct l2tp_tunnel *tunnel)
{
	static const char *const causes[] = {
		[L2TP_TUNNEL_BY_PEER] = "ended by the LAC",
		[L2TP_TUNNEL_BY_US] = "ended by us",
		[L2TP_TUNNEL_DEAD] = "the LAC does not answer",
		[L2TP_TUNNEL_REPLACED] = "replaced by the LAC's new tunnel",
	};
	struct lns *lns = user;
	char text[PEER_BYTES];
	struct log_context line = tunnel_log(tunnel, text);

	on_tunnel_ending(user, tunnel); /* one that was never told to end */
	install_tunnel_close(lns->install, tunnel->local_id);
	log_write(tunnel->end.cause == L2TP_TUNNEL_DEAD ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, &line,
		"tunnel down: %s, result %u error %u%s%s", causes[tunnel->end.cause],
		tunnel->end.result, tunnel->end.error, tunnel->end.message[0] ? ": " : "",
		tunnel->end.message);
}

static void on_tunnel_free(void *user, struct l2tp_tunnel *tunnel)
{
	struct lns *lns = user;
	struct tunnel_context *context = tunnel->user;

	timer_cancel(&lns->wheel, &context->timer);
	install_sas_release(lns->sas, context->sa_group, lns->now);
	profile_release(context->profile);
	free(context);
	tunnel->user = NULL;
}

static int on_session_open(void *user, struct l2tp_session *session, uint16_t *error)
{
	return subscriber_open(user, session, error);
}

static void on_session_up(void *user, struct l2tp_session *session)
{
	subscriber_call_up(session->user);
}

static void on_session_down(
	void *user, struct l2tp_session *session, const struct l2tp_session_end *end)
{
	subscriber_call_down(session->user, end);
}

const struct l2tp_ops lns_l2tp_ops = {
	.send = on_send,
	.peer_find = on_peer_find,
	.random_bytes = on_random_bytes,
	.arm = on_arm,
	.data_seen = on_data_seen,
	.tunnel_open = on_tunnel_open,
	.tunnel_up = on_tunnel_up,
	.path_follows = on_path_follows,
	.path_missed = on_path_missed,
	.tunnel_moved = on_tunnel_moved,
	.tunnel_ending = on_tunnel_ending,
	.tunnel_down = on_tunnel_down,
	.tunnel_free = on_tunnel_free,
	.session_open = on_session_open,
	.session_up = on_session_up,
	.session_down = on_session_down,
};
