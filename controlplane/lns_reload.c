/* SPDX-License-Identifier: BSD-3-Clause */
/* A new configuration in a running daemon: all of it or nothing. */
#include "lns.h"
#include "lns_acct.h"
#include "lns_coa.h"
#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLICE 256 /* sessions walked in one turn */

/* Pools and users name VRFs by their index: another list of VRFs cannot be half taken. */
static bool vrfs_same(const struct config *a, const struct config *b)
{
	if (a->n_vrfs != b->n_vrfs)
		return false;
	for (unsigned int i = 0; i < a->n_vrfs; i++)
		if (strcmp(a->vrfs[i].name, b->vrfs[i].name))
			return false;
	return true;
}

struct lns_reload {
	struct profile *profile; /* the new one, then the one before */
	struct lns_sas_change sas;
	bool switched;
};

/* Takes what the change needs, so that it cannot fail half-way. The configuration becomes the profile's. */
static int reload_begin(struct lns *lns, struct config *config)
{
	struct lns_reload *reload = calloc(1, sizeof(*reload));
	int rc;

	if (!reload) {
		config_free(config);
		return -ENOMEM;
	}
	reload->profile = profile_create(config, &lns->ppp_counters, lns->profile);
	if (!reload->profile) {
		config_free(config);
		free(reload);
		return -ENOMEM;
	}
	rc = lns_sas_prepare(config, &reload->sas);
	if (rc)
		goto profile;
	rc = lns_pools_begin(lns, config);
	if (rc)
		goto sas;
	lns->reload = reload;
	return 0;
sas:
	lns_sas_cancel(&reload->sas);
	log_error(NULL, "reload refused: the new pools do not fit into memory");
profile:
	profile_release(reload->profile);
	free(reload);
	return rc;
}

int lns_reload(struct lns *lns, struct config_errors *report)
{
	const char *path = lns_config(lns)->path;
	struct config *config;
	int rc;

	if (lns->reload)
		return -EBUSY;
	rc = config_load(path, &config, report);
	if (rc) {
		log_error(NULL, "reload of %s refused, the running configuration stays:", path);
		for (unsigned int i = 0; i < report->n; i++)
			log_error(NULL, "%s", report->text[i]);
		return rc;
	}
	config_restart_needed(lns_config(lns), config, report);
	if (report->n) {
		log_warning(NULL, "reload: these take effect only after a restart:");
		for (unsigned int i = 0; i < report->n; i++)
			log_warning(NULL, "%s", report->text[i]);
	}
	if (!vrfs_same(lns_config(lns), config)) {
		log_error(
			NULL, "reload refused: vrfs is another list than the running one; restart");
		config_free(config);
		return -EINVAL;
	}
	return reload_begin(lns, config);
}

/* From here on the new one is in force. */
static void reload_switch(struct lns *lns)
{
	struct lns_reload *reload = lns->reload;
	struct profile *old = lns->profile, *profile = reload->profile;

	lns_pools_switch(lns);
	lns_sas_set(lns, old->config, profile->config, &reload->sas);
	lns->profile = profile;
	lns_acct_reload(lns, old->config, profile->config);
	lns_coa_reload(lns, profile->config);
	aaa_set_config(lns->aaa, profile->config);
	aaa_radius_set_config(lns->radius, profile->config);
	log_set_level(profile->config->lns.log_level);
	reload->profile = old;
	reload->switched = true;
}

bool lns_reload_poll(struct lns *lns)
{
	struct lns_reload *reload = lns->reload;

	if (!reload)
		return false;
	if (!reload->switched) {
		if (!lns_pools_carry(lns, SLICE))
			reload_switch(lns);
		return true;
	}
	if (lns_pools_settle(lns, SLICE))
		return true;
	profile_release(reload->profile);
	free(reload);
	lns->reload = NULL;
	log_info(NULL, "reloaded %s", lns_config(lns)->path);
	return false;
}

void lns_reload_cancel(struct lns *lns)
{
	struct lns_reload *reload = lns->reload;

	lns_pools_cancel(lns);
	if (!reload)
		return;
	if (!reload->switched)
		lns_sas_cancel(&reload->sas);
	profile_release(reload->profile);
	free(reload);
	lns->reload = NULL;
}
