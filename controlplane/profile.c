/* SPDX-License-Identifier: BSD-3-Clause */
/* One configuration in force. */
#include "profile.h"

#include <rte_common.h>

#include <stdlib.h>
#include <string.h>

static void ppp_fill(struct ppp_config *ppp, const struct config *config,
	const struct config_peer *peer, struct ppp_counters *counters)
{
	static const enum ppp_auth_method methods[] = {
		[CONFIG_AUTH_PAP] = PPP_AUTH_PAP,
		[CONFIG_AUTH_CHAP] = PPP_AUTH_CHAP_MD5,
		[CONFIG_AUTH_MSCHAPV2] = PPP_AUTH_MSCHAP_V2,
	};
	static const enum ppp_proxy_policy proxies[] = {
		[CONFIG_PROXY_ACCEPT] = PPP_PROXY_ACCEPT,
		[CONFIG_PROXY_ON_MISMATCH] = PPP_PROXY_FIT,
		[CONFIG_PROXY_RENEGOTIATE] = PPP_PROXY_RENEGOTIATE,
	};
	static const enum ppp_framing framings[] = {
		[CONFIG_ACFC_NEGOTIATED] = PPP_FRAMING_NEGOTIATED,
		[CONFIG_ACFC_ALWAYS_SEND_FF03] = PPP_FRAMING_ALWAYS,
		[CONFIG_ACFC_NEVER_SEND_FF03] = PPP_FRAMING_NEVER,
	};
	const struct config_subscribers *subscribers = &config->subscribers;

	ppp_config_defaults(ppp);
	ppp->name = peer->local_name[0] ? peer->local_name : config->lns.host_name;
	ppp->auth_count = subscribers->n_auth;
	for (unsigned int i = 0; i < subscribers->n_auth; i++)
		ppp->auth[i] = methods[subscribers->auth[i]];
	ppp->mru = subscribers->mru;
	ppp->proxy = proxies[peer->proxy_lcp];
	ppp->framing = framings[peer->acfc];
	ppp->echo_interval = subscribers->lcp_echo_interval;
	ppp->echo_failures = subscribers->lcp_echo_failures;
	ppp->restart = subscribers->ppp_restart;
	ppp->max_configure = subscribers->ppp_max_configure;
	ppp->max_terminate = subscribers->ppp_max_terminate;
	ppp->auth_timeout = RTE_MAX(ppp->auth_timeout, ppp->restart * ppp->max_configure);
	ppp->counters = counters;
}

static void l2tp_fill(struct l2tp_peer *l2tp, const struct config_peer *peer)
{
	*l2tp = (struct l2tp_peer){
		.name = peer->name,
		.secret = peer->secret[0] ? (const uint8_t *)peer->secret : NULL,
		.secret_len = (uint16_t)strlen(peer->secret),
		.challenge = peer->challenge,
		.require_ipsec = peer->ipsec == CONFIG_IPSEC_REQUIRED,
		.refuse_ipsec = peer->ipsec == CONFIG_IPSEC_NONE,
		.receive_window = peer->receive_window,
		.max_retries = (uint8_t)(peer->retries > UINT8_MAX ? UINT8_MAX : peer->retries),
		.resend_ms = peer->retry_interval,
		.resend_cap_ms = peer->retry_cap,
		.local_name = peer->local_name[0] ? peer->local_name : NULL,
		.hello_ms = peer->hello_interval,
	};
}

static struct peer_usage *usage_get(
	const struct profile *previous, const char *name, unsigned int expected)
{
	unsigned int n = previous ? previous->config->n_peers : 0;
	struct peer_usage *usage;

	/* most peers stay where they were in the list */
	for (unsigned int i = 0; i < n; i++) {
		unsigned int at = (expected + i) % n;

		if (strcmp(previous->config->peers[at].name, name))
			continue;
		previous->usage[at]->references++;
		return previous->usage[at];
	}
	usage = calloc(1, sizeof(*usage));
	if (usage)
		usage->references = 1;
	return usage;
}

/* All but the configuration. */
static void profile_free(struct profile *profile, unsigned int n_peers)
{
	for (unsigned int i = 0; profile->usage && i < n_peers; i++)
		if (profile->usage[i] && !--profile->usage[i]->references)
			free(profile->usage[i]);
	free(profile->usage);
	free(profile->ppp);
	free(profile->l2tp);
	free(profile);
}

struct profile *profile_create(
	struct config *config, struct ppp_counters *counters, const struct profile *previous)
{
	struct profile *profile = calloc(1, sizeof(*profile));

	if (!profile)
		return NULL;
	profile->ppp = calloc(config->n_peers + 1, sizeof(*profile->ppp));
	profile->l2tp = calloc(config->n_peers + 1, sizeof(*profile->l2tp));
	profile->usage = calloc(config->n_peers + 1, sizeof(*profile->usage));
	if (!profile->ppp || !profile->l2tp || !profile->usage)
		goto fail;
	for (unsigned int i = 0; i < config->n_peers; i++) {
		profile->usage[i] = usage_get(previous, config->peers[i].name, i);
		if (!profile->usage[i])
			goto fail;
		ppp_fill(&profile->ppp[i], config, &config->peers[i], counters);
		l2tp_fill(&profile->l2tp[i], &config->peers[i]);
	}
	profile->config = config;
	profile->references = 1;
	return profile;
fail:
	profile_free(profile, config->n_peers);
	return NULL;
}

struct profile *profile_hold(struct profile *profile)
{
	profile->references++;
	return profile;
}

void profile_release(struct profile *profile)
{
	struct config *config;

	if (!profile || --profile->references)
		return;
	config = profile->config;
	profile_free(profile, config->n_peers);
	config_free(config);
}

int profile_peer(const struct profile *profile, const struct l2tp_path *path,
	const uint8_t *host_name, size_t length)
{
	struct ip_addr addr = {.family = path->peer.family};
	const struct config_peer *peer;
	char name[256];

	/* the patterns are for text: a name with a NUL, or one longer than any, matches only "*" */
	if (length >= sizeof(name))
		length = sizeof(name) - 1;
	if (length)
		memcpy(name, host_name, length);
	name[length] = '\0';
	memcpy(addr.bytes, path->peer.address, sizeof(addr.bytes));
	peer = config_peer_find(profile->config, &addr, name);
	return peer ? (int)(peer - profile->config->peers) : -1;
}
