/* SPDX-License-Identifier: BSD-3-Clause */
/* Security associations of the daemon: those of the configuration, and what the workers say about them. */
#include "lns.h"
#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SYNC_MS 5000

static unsigned int permits(const struct config_ipsec_settings *ipsec)
{
	return (ipsec->permit_null ? ESP_PERMIT_NULL : 0) |
		(ipsec->permit_gmac ? ESP_PERMIT_GMAC : 0) |
		(ipsec->permit_3des ? ESP_PERMIT_3DES : 0);
}

static int vrf_of(void *user, uint8_t family, const uint8_t address[16])
{
	const struct lns *lns = user;

	return kernel_route_owner(lns->kernel_route, family, address);
}

static int mirror_start(struct lns *lns, char *error, size_t error_size)
{
	const struct kernel_xfrm_settings settings = {
		.sas = lns->sas,
		.replay_window = lns_config(lns)->ipsec.replay_window,
		.vrf_of = vrf_of,
		.user = lns,
	};

	lns->kernel_xfrm = kernel_xfrm_create(&settings, lns->netns, error, error_size);
	if (!lns->kernel_xfrm)
		return -EIO;
	if (kernel_xfrm_sync(lns->kernel_xfrm, SYNC_MS)) {
		snprintf(error, error_size,
			"the kernel did not answer the dump of its security associations in %u s",
			SYNC_MS / 1000);
		return -ETIMEDOUT;
	}
	return 0;
}

int lns_sas_start(struct lns *lns, char *error, size_t error_size)
{
	const struct config_ipsec_settings *ipsec = &lns_config(lns)->ipsec;
	struct install_sa_settings settings = {
		.table = dataplane_sas(lns->dp),
		.dp = lns->dp,
		.n_workers = dataplane_workers(lns->dp),
		.permit = permits(ipsec),
		.max = ipsec->max_sas,
	};
	struct lns_sas_change change;
	int rc;
	bool automatic = !strcmp(ipsec->engine, "auto");

	lns->sa_store = sa_store_create(ipsec->engine, dataplane_node(lns->dp));
	if (!lns->sa_store && (!automatic || lns_config(lns)->n_sas)) {
		snprintf(error, error_size, "ipsec.engine %s: %s", ipsec->engine, esp_reason());
		return -ENOTSUP;
	}
	if (!lns->sa_store)
		log_warning(NULL, "no engine for ESP, SAs will be refused: %s", esp_reason());
	settings.store = lns->sa_store;
	settings.store_error = lns->sa_store ? NULL : esp_reason();
	lns->sas = install_sas_create(&settings);
	if (!lns->sas) {
		snprintf(error, error_size, "out of memory for %u security associations",
			ipsec->max_sas);
		return -ENOMEM;
	}
	rc = lns_sas_prepare(lns_config(lns), &change);
	if (rc)
		return rc;
	lns_sas_set(lns, NULL, lns_config(lns), &change);
	return mirror_start(lns, error, error_size);
}

void lns_sas_stop(struct lns *lns)
{
	free(lns->static_sas);
	install_sas_destroy(lns->sas);
	sa_store_destroy(lns->sa_store);
}

/* ---- of the configuration ---- */

static const enum esp_cipher ciphers[] = {
	[CONFIG_CIPHER_AES_GCM] = ESP_CIPHER_AES_GCM_16,
	[CONFIG_CIPHER_AES_CBC] = ESP_CIPHER_AES_CBC,
	[CONFIG_CIPHER_CHACHA20] = ESP_CIPHER_CHACHA20_POLY1305,
	[CONFIG_CIPHER_3DES] = ESP_CIPHER_3DES_CBC,
	[CONFIG_CIPHER_GMAC] = ESP_CIPHER_AES_GMAC,
	[CONFIG_CIPHER_NULL] = ESP_CIPHER_NULL,
};
static const enum esp_auth integrities[] = {
	[CONFIG_INTEGRITY_NONE] = ESP_AUTH_NONE,
	[CONFIG_INTEGRITY_SHA1] = ESP_AUTH_HMAC_SHA1_96,
	[CONFIG_INTEGRITY_SHA256] = ESP_AUTH_HMAC_SHA256_128,
	[CONFIG_INTEGRITY_SHA384] = ESP_AUTH_HMAC_SHA384_192,
	[CONFIG_INTEGRITY_SHA512] = ESP_AUTH_HMAC_SHA512_256,
};

static uint64_t nanoseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/*
 * Keys of a file survive a restart, and nothing remembers how far they were used: IVs begin at the clock's
 * nanoseconds, of which more have passed since the last start than packets can have been sent. A clock that
 * steps back while we run changes nothing: the time since the last base was given out counts as well.
 */
static uint64_t iv_base(struct lns *lns)
{
	uint64_t base = nanoseconds(CLOCK_REALTIME), at = nanoseconds(CLOCK_MONOTONIC);

	if (lns->iv_base)
		base = RTE_MAX(base, lns->iv_base + (at - lns->iv_base_at) + 1);
	lns->iv_base = base;
	lns->iv_base_at = at;
	return base;
}

void lns_sa_spec(const struct config_sa *config, struct install_sa_spec *spec)
{
	*spec = (struct install_sa_spec){.source = INSTALL_SA_CONFIG,
		.name = config->name,
		.vrf = (uint16_t)config->vrf,
		.family = config->local.family,
		.local_port = config->local_port,
		.peer_port = config->peer_port,
		.params = {
			.spi = config->spi,
			.direction = config->direction == CONFIG_SA_IN ? SA_INBOUND : SA_OUTBOUND,
			.mode = config->mode == CONFIG_SA_TUNNEL ? SA_TUNNEL : SA_TRANSPORT,
			.cipher = ciphers[config->cipher],
			.auth = integrities[config->integrity],
			.key = config->key.bytes,
			.key_len = config->key.length,
			.auth_key = config->integrity_key.bytes,
			.auth_key_len = config->integrity_key.length,
			.esn = config->esn,
			.window = config->replay_window,
			.sequence_limit = UINT64_MAX,
		}};
	memcpy(spec->local, config->local.bytes, sizeof(spec->local));
	memcpy(spec->peer, config->peer.bytes, sizeof(spec->peer));
	spec->inner.family = config->inner.addr.family;
	spec->inner.length = config->inner.length;
	memcpy(spec->inner.source, config->inner.addr.bytes, sizeof(spec->inner.source));
	if (spec->params.mode == SA_TRANSPORT)
		spec->params.next_header = IPPROTO_UDP;
}

static struct install_sa *static_add(struct lns *lns, const struct config_sa *config)
{
	struct install_sa_spec spec;
	struct install_sa *sa;

	lns_sa_spec(config, &spec);
	if (spec.params.direction == SA_OUTBOUND)
		spec.params.iv_base = iv_base(lns);
	sa = install_sa_add(lns->sas, &spec, lns->now);
	if (!sa)
		log_error(NULL, "security association %s: out of memory", config->name);
	else if (sa->state == INSTALL_SA_REFUSED)
		log_error(NULL, "security association %s refused: %s", config->name, sa->reason);
	return sa;
}

struct by_name {
	const struct config_sa *config;
	unsigned int index;
};

static int name_order(const void *a, const void *b)
{
	const struct by_name *x = a, *y = b;

	return strcmp(x->config->name, y->config->name);
}

static bool same(const struct config_sa *a, const struct config_sa *b)
{
	return !memcmp(a, b, offsetof(struct config_sa, line));
}

/* It does something: what was refused, or stopped for another one's sake, may have its place now. */
static bool works(const struct install_sa *sa)
{
	return sa && (sa->state == INSTALL_SA_LIVE || sa->state == INSTALL_SA_WAITING);
}

/* What works and stays as it is goes over from the old list to the new one; the rest of the old is removed. */
static void carry_over(struct lns *lns, const struct config *old, const struct config *new,
	struct by_name *names, struct install_sa **handles)
{
	bool permits_same = old && permits(&old->ipsec) == permits(&new->ipsec);

	for (unsigned int i = 0; i < new->n_sas; i++)
		names[i] = (struct by_name){&new->sas[i], i};
	qsort(names, new->n_sas, sizeof(*names), name_order);
	for (unsigned int i = 0; old && i < old->n_sas; i++) {
		const struct by_name key = {&old->sas[i], 0};
		const struct by_name *there =
			bsearch(&key, names, new->n_sas, sizeof(*names), name_order);

		if (there && permits_same && works(lns->static_sas[i]) &&
			same(&old->sas[i], there->config))
			handles[there->index] = lns->static_sas[i];
		else if (lns->static_sas[i])
			install_sa_remove(lns->sas, lns->static_sas[i], lns->now);
	}
}

int lns_sas_prepare(const struct config *new, struct lns_sas_change *change)
{
	change->handles = calloc(new->n_sas + 1, sizeof(*change->handles));
	change->names = calloc(new->n_sas + 1, sizeof(struct by_name));
	if (change->handles && change->names)
		return 0;
	lns_sas_cancel(change);
	return -ENOMEM;
}

void lns_sas_cancel(struct lns_sas_change *change)
{
	free(change->handles);
	free(change->names);
}

void lns_sas_set(struct lns *lns, const struct config *old, const struct config *new,
	struct lns_sas_change *change)
{
	struct install_sa **handles = change->handles;
	unsigned int added = 0;
	bool combined = false;

	carry_over(lns, old, new, change->names, handles);
	free(change->names);
	free(lns->static_sas);
	lns->static_sas = handles;
	install_sas_permit(lns->sas, permits(&new->ipsec));
	if (lns->kernel_xfrm) {
		kernel_xfrm_replay_window(lns->kernel_xfrm, new->ipsec.replay_window);
		kernel_xfrm_retry(lns->kernel_xfrm);
	}
	for (unsigned int i = 0; i < new->n_sas; i++) {
		if (handles[i])
			continue;
		handles[i] = static_add(lns, &new->sas[i]);
		added++;
		combined |= new->sas[i].direction == CONFIG_SA_OUT && !new->sas[i].integrity;
	}
	if (added)
		log_warning(NULL,
			"%u security associations with keys from the configuration: for labs only. "
			"Their sequence numbers start at 1 with each start of lnsd%s",
			added,
			combined ? ", their IVs at the clock's time, which must never step back"
				 : "");
}

/* ---- what workers say ---- */

void lns_sas_notice(struct lns *lns, const struct message_reply *reply)
{
	const struct esp_notice *notice = &reply->esp;
	int family = notice->family == 6 ? AF_INET6 : AF_INET;
	char address[INET6_ADDRSTRLEN], peer[INET6_ADDRSTRLEN + 8];
	struct log_context line = {.peer = peer};

	inet_ntop(family, notice->peer, address, sizeof(address));
	if (notice->peer_port)
		snprintf(peer, sizeof(peer), notice->family == 6 ? "[%s]:%u" : "%s:%u", address,
			notice->peer_port);
	else
		snprintf(peer, sizeof(peer), "%s", address);
	if (notice->reason == DROP_MAX) {
		if (install_sa_moved(lns->sas, reply->index, reply->generation, notice->peer_port))
			log_ratelimited(LOG_LEVEL_INFO, &line,
				"the peer of SA 0x%08x sends from another port now, and is "
				"answered there",
				ntohl(notice->spi));
		return;
	}
	if (notice->reason == DROP_L2TP_WRONG_SA) {
		log_ratelimited(LOG_LEVEL_WARNING, &line,
			"L2TP packet refused: its tunnel's peer is the one of spi=0x%08x: %s",
			ntohl(notice->spi), drop_text(notice->reason));
		return;
	}
	log_ratelimited(LOG_LEVEL_WARNING, &line, "ESP packet refused: spi=0x%08x seq=%u: %s",
		ntohl(notice->spi), notice->sequence, drop_text(notice->reason));
}
