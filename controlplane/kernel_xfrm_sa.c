/* SPDX-License-Identifier: BSD-3-Clause */
/* What a message about an SA means: is it ours, which way does it go, has it changed. */
#include "kernel_xfrm_private.h"
#include "log.h"

#include <crypto/digest.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define REASON_MAX 256

/* False: not ours, or nothing that can be used yet. */
static bool place_of(
	const struct kernel_xfrm *xfrm, const struct xfrm_sa *told, struct install_sa_spec *spec)
{
	static const uint8_t any[16];
	const uint8_t *destination = told->id.destination, *source = told->source;
	int (*vrf_of)(void *, uint8_t, const uint8_t[16]) = xfrm->settings.vrf_of;
	int vrf = vrf_of(xfrm->settings.user, told->id.family, destination);
	bool in = vrf >= 0;

	if (told->id.protocol != IPPROTO_ESP || told->larval)
		return false;
	if (!in)
		vrf = vrf_of(xfrm->settings.user, told->id.family, source);
	if (vrf < 0)
		return false;
	spec->source = INSTALL_SA_KERNEL;
	spec->vrf = (uint16_t)vrf;
	spec->family = told->id.family;
	spec->reqid = told->reqid;
	memcpy(spec->local, in ? destination : source, sizeof(spec->local));
	memcpy(spec->peer, in ? source : destination, sizeof(spec->peer));
	if (told->encap) {
		spec->local_port = in ? told->encap_destination : told->encap_source;
		spec->peer_port = in ? told->encap_source : told->encap_destination;
	}
	spec->params.direction = in ? SA_INBOUND : SA_OUTBOUND;
	if (!memcmp(spec->peer, any, sizeof(any)))
		spec->refused = "without the peer's address";
	/* by none it would be native ESP, which is not what was asked for */
	if (told->encap && (!spec->local_port || !spec->peer_port))
		spec->refused = "UDP port 0 around ESP";
	return true;
}

static void params_of(
	const struct kernel_xfrm *xfrm, const struct xfrm_sa *told, struct install_sa_spec *spec)
{
	struct sa_params *params = &spec->params;
	bool in = params->direction == SA_INBOUND;

	params->spi = told->id.spi;
	params->mode = told->mode == XFRM_MODE_TUNNEL ? SA_TUNNEL : SA_TRANSPORT;
	params->cipher = told->cipher;
	params->auth = told->auth;
	params->key = told->key;
	params->key_len = told->key_len;
	params->auth_key = told->auth_key;
	params->auth_key_len = told->auth_key_len;
	params->esn = told->esn;
	params->sequence = in ? told->received : told->sent;
	if (in && params->mode == SA_TRANSPORT)
		params->next_header = IPPROTO_UDP;
	/* the window is the receiver's choice (RFC 4303, 3.4.3); none at all is the administrator's */
	if (in && (told->window || told->esn))
		params->window = told->window > xfrm->settings.replay_window
			? told->window
			: xfrm->settings.replay_window;
	if (params->window > REPLAY_WINDOW_MAX)
		params->window = REPLAY_WINDOW_MAX;
	if (in && params->mode == SA_TUNNEL && told->inner_family != 0) {
		spec->inner.family = told->inner_family;
		spec->inner.length = told->inner_length;
		memcpy(spec->inner.source, told->inner_source, sizeof(spec->inner.source));
		if (spec->inner.length > (spec->inner.family == 4 ? 32 : 128))
			spec->refused = "its selector's prefix is longer than an address";
	}
	if (told->refused[0])
		spec->refused = told->refused;
	else if (told->blank)
		spec->refused = "the kernel does not show its keys (lockdown=confidentiality)";
	else if (params->spi < 256)
		spec->refused = "its SPI is reserved (RFC 4303, 2.1)";
}

/* All that cannot change in an SA that goes on; as the kernel has it, whatever our own settings were at that time. */
static void spec_digest(const struct kernel_xfrm *xfrm, const struct xfrm_sa *told,
	const struct install_sa_spec *spec, uint8_t digest[INSTALL_SA_DIGEST])
{
	const struct sa_params *params = &spec->params;
	const uint32_t numbers[] = {spec->vrf, spec->local_port, spec->peer_port, spec->reqid,
		params->direction, params->mode, params->cipher, params->auth, params->esn,
		params->direction == SA_INBOUND ? told->window : 0, (uint32_t)params->key_len};
	const char *refused = spec->refused ? spec->refused : "";
	const struct iovec parts[] = {
		{(void *)(uintptr_t)xfrm->salt, sizeof(xfrm->salt)},
		{(void *)(uintptr_t)numbers, sizeof(numbers)},
		{(void *)(uintptr_t)spec->local, sizeof(spec->local)},
		{(void *)(uintptr_t)spec->peer, sizeof(spec->peer)},
		{(void *)(uintptr_t)&spec->inner, sizeof(spec->inner)},
		{(void *)(uintptr_t)refused, strlen(refused)},
		{(void *)(uintptr_t)params->key, params->key_len},
		{(void *)(uintptr_t)params->auth_key, params->auth_key_len},
	};

	digest_sha1(parts, sizeof(parts) / sizeof(parts[0]), digest);
}

static const char *peer_text(const struct install_sa_spec *spec, char text[INET6_ADDRSTRLEN])
{
	return inet_ntop(
		spec->family == 6 ? AF_INET6 : AF_INET, spec->peer, text, INET6_ADDRSTRLEN);
}

/* was: why it was refused before; "": it was not. */
static void install_report(
	const struct kernel_sa *sa, const struct install_sa_spec *spec, const char *was, int error)
{
	char text[INET6_ADDRSTRLEN];
	struct log_context line = {.peer = peer_text(spec, text)};

	if (!sa->sa)
		log_ratelimited(LOG_LEVEL_ERROR, &line, "SA 0x%08x not used: %s", spec->params.spi,
			error == ENOSPC ? "more SAs are refused already than ipsec.max-sas"
					: "out of memory");
	else if (sa->sa->state != INSTALL_SA_REFUSED)
		log_info(&line, "SA 0x%08x %s%s", spec->params.spi,
			sa->outbound ? "outbound" : "inbound",
			spec->peer_port ? ", inside UDP" : "");
	else if (strcmp(sa->sa->reason, was))
		log_warning(&line, "SA 0x%08x refused: %s", spec->params.spi, sa->sa->reason);
}

static void install(struct kernel_xfrm *xfrm, struct kernel_sa *sa, struct install_sa_spec *spec,
	const char *was)
{
	sa->outbound = spec->params.direction == SA_OUTBOUND;
	/* what the kernel knows of it is what was reserved: the past is below */
	sa->reserved = spec->params.sequence;
	spec->params.sequence_limit = sa->reserved;
	sa->sa = install_sa_add(xfrm->settings.sas, spec, xfrm->now);
	install_report(sa, spec, was, errno);
	sa->retry_at = xfrm->now + RETRY_MS;
	if (!sa->sa)
		return;
	sa->sa->user = sa;
	if (!sa->outbound || sa->sa->state == INSTALL_SA_REFUSED)
		return;
	/* its key may have been used beyond what the kernel knows */
	sa->last_sequence = install_sa_last_number(sa->sa);
	sa->last_look = xfrm->now;
	kernel_sa_reserve(xfrm, sa, sa->last_sequence);
	batch_flush(xfrm);
}

void kernel_sa_set(struct kernel_xfrm *xfrm, const struct xfrm_sa *told, bool dumped)
{
	struct kernel_sa *sa = kernel_sa_find(xfrm, &told->id);
	struct install_sa_spec spec = {0};
	char was[REASON_MAX] = "";
	uint8_t digest[INSTALL_SA_DIGEST];
	time_t wall = time(NULL);

	if (!place_of(xfrm, told, &spec)) {
		xfrm->stats.ignored++;
		if (sa)
			kernel_sa_remove(xfrm, sa); /* its address is not ours any more */
		return;
	}
	params_of(xfrm, told, &spec);
	spec_digest(xfrm, told, &spec, digest);
	if (sa && sa->sa && !sa->asked_again && !memcmp(sa->digest, digest, sizeof(digest))) {
		sa->mark = xfrm->mark;
		sa->limits = told->limits;
		return;
	}
	if (sa) {
		/* it is not new: among those of its group it has its place by its age */
		dumped |= sa->asked_again;
		if (sa->sa && sa->sa->state == INSTALL_SA_REFUSED)
			snprintf(was, sizeof(was), "%s", sa->sa->reason);
		kernel_sa_remove(xfrm, sa);
	}
	sa = kernel_sa_create(xfrm, &told->id);
	if (!sa) {
		log_ratelimited(
			LOG_LEVEL_ERROR, NULL, "SA 0x%08x not used: out of memory", told->id.spi);
		return;
	}
	memcpy(sa->digest, digest, sizeof(digest));
	sa->mark = xfrm->mark;
	sa->esn = told->esn;
	sa->replay_esn = told->replay_esn;
	sa->bitmap_words = told->bitmap_words;
	sa->window = told->window;
	sa->limits = told->limits;
	sa->base_bytes = told->bytes;
	sa->base_packets = told->packets;
	sa->added = told->added;
	sa->last_use = told->last_use;
	spec.born = told->added;
	spec.dumped = dumped;
	if (told->added && (time_t)told->added < wall)
		spec.age_ms = 1000 * (uint64_t)(wall - (time_t)told->added);
	install(xfrm, sa, &spec, was);
}
