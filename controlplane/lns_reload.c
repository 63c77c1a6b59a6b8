/* SPDX-License-Identifier: BSD-3-Clause */
/* A new configuration in a running daemon: all of it or nothing. */
#include "lns.h"
#include "lns_acct.h"
#include "lns_coa.h"
#include "log.h"

#include <errno.h>
#include <string.h>

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

int lns_reload(struct lns *lns, struct config_errors *report)
{
	const char *path = lns_config(lns)->path;
	struct config *config;
	struct profile *profile, *old = lns->profile;
	struct lns_sas_change sas;
	int rc = config_load(path, &config, report);

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
	profile = profile_create(config, &lns->ppp_counters, old);
	if (!profile) {
		config_free(config);
		return -ENOMEM;
	}
	rc = lns_sas_prepare(config, &sas);
	if (rc) {
		profile_release(profile);
		return rc;
	}
	rc = lns_pools_set(lns, config);
	if (rc) {
		lns_sas_cancel(&sas);
		profile_release(profile);
		log_error(NULL, "reload refused: the new pools do not fit into memory");
		return rc;
	}
	lns_sas_set(lns, old->config, config, &sas);
	lns->profile = profile;
	lns_acct_reload(lns, old->config, profile->config);
	lns_coa_reload(lns, profile->config);
	aaa_set_config(lns->aaa, profile->config);
	aaa_radius_set_config(lns->radius, profile->config);
	log_set_level(profile->config->lns.log_level);
	profile_release(old);
	log_info(NULL, "reloaded %s", profile->config->path);
	return 0;
}
