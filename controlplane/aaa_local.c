/* SPDX-License-Identifier: BSD-3-Clause */
/* The users of the configuration. */
#include "aaa_local.h"

#include <crypto/mschap.h>

#include <string.h>

static bool password_is_right(const struct config_user *user, const struct aaa_request *request,
	struct aaa_answer *answer)
{
	size_t length = strlen(user->password);
	const struct mschap_v2 mschap = {
		.authenticator_challenge = request->challenge,
		.peer_challenge = request->response,
		.nt_response = request->response + 24,
		.user = (const char *)request->user,
		.user_len = request->user_length,
	};

	switch (request->method) {
	case AAA_PAP:
		return pap_check(
			user->password, length, request->password, request->password_length);
	case AAA_CHAP_MD5:
		return chap_md5_check(request->chap_id, user->password, length, request->challenge,
			request->challenge_length, request->response, request->response_length);
	case AAA_MSCHAP_V2:
		if (request->challenge_length != MSCHAP_CHALLENGE_LEN ||
			request->response_length != 49)
			return false;
		answer->has_authenticator =
			mschap_v2_check(&mschap, user->password, length, answer->authenticator);
		return answer->has_authenticator;
	case AAA_NONE:
		break;
	}
	return false;
}

static int pool_in_vrf(const struct config *config, int own, int pool, unsigned int vrf)
{
	if (own >= 0)
		return own;
	return pool >= 0 && config->prefix_pools[pool].vrf == vrf ? pool : -1;
}

void aaa_ipv6_defaults(const struct config *config, unsigned int vrf, struct aaa_ipv6 *ipv6)
{
	const struct config_vrf *own = &config->vrfs[vrf];

	*ipv6 = (struct aaa_ipv6){
		.pool = pool_in_vrf(config, own->ipv6_pool, config->ipv6.pool, vrf),
		.delegated_pool = pool_in_vrf(
			config, own->ipv6_delegated_pool, config->ipv6.delegated_pool, vrf),
		.address_pool =
			pool_in_vrf(config, own->ipv6_address_pool, config->ipv6.address_pool, vrf),
	};
	memcpy(ipv6->dns, config->ipv6.dns, sizeof(ipv6->dns));
}

bool aaa_ipv6_given(const struct aaa_answer *answer)
{
	const struct aaa_ipv6 *ipv6 = &answer->ipv6;

	for (unsigned int i = 0; i < answer->n_routes; i++)
		if (answer->routes[i].prefix.addr.family == 6)
			return true;
	return ipv6->prefix.addr.family || ipv6->delegated.addr.family || ipv6->address.family ||
		ipv6->pool >= 0 || ipv6->delegated_pool >= 0 || ipv6->address_pool >= 0;
}

static void ipv6_fill(
	const struct config *config, const struct config_user *user, struct aaa_ipv6 *ipv6)
{
	aaa_ipv6_defaults(config, user->vrf, ipv6);
	ipv6->prefix = user->ipv6_prefix;
	ipv6->delegated = user->ipv6_delegated;
	ipv6->address = user->ipv6_address;
	memcpy(ipv6->interface_id, user->ipv6_interface_id, sizeof(ipv6->interface_id));
	if (user->ipv6_pool >= 0)
		ipv6->pool = user->ipv6_pool;
	if (user->ipv6_delegated_pool >= 0)
		ipv6->delegated_pool = user->ipv6_delegated_pool;
}

static void answer_fill(
	const struct config *config, const struct config_user *user, struct aaa_answer *answer)
{
	const struct config_subscribers *defaults = &config->subscribers;

	answer->pool = config_pool_of_vrf(config, user ? user->vrf : 0);
	answer->session_timeout = defaults->session_timeout;
	answer->idle_timeout = defaults->idle_timeout;
	answer->dns[0] = defaults->dns[0];
	answer->dns[1] = defaults->dns[1];
	if (!user)
		return;
	ipv6_fill(config, user, &answer->ipv6);
	answer->address = user->address;
	if (user->pool >= 0)
		answer->pool = user->pool;
	answer->vrf = user->vrf;
	if (user->session_timeout)
		answer->session_timeout = user->session_timeout;
	if (user->idle_timeout)
		answer->idle_timeout = user->idle_timeout;
	for (unsigned int i = 0; i < user->n_routes && i < AAA_ROUTES_MAX; i++)
		answer->routes[answer->n_routes++] = user->routes[i];
}

static const struct config_user *user_of(
	const struct config *config, const struct aaa_request *request)
{
	char name[AAA_USER_MAX + 1];

	memcpy(name, request->user, request->user_length);
	name[request->user_length] = '\0';
	/* a name with a NUL inside is nobody's, even if what stands before the NUL is */
	return strlen(name) == request->user_length ? config_user_find(config, name) : NULL;
}

bool aaa_local_knows(const struct config *config, const struct aaa_request *request)
{
	return user_of(config, request) != NULL;
}

void aaa_local_check(const struct config *config, const struct aaa_request *request,
	struct aaa_answer *answer, struct aaa_counters *counters)
{
	const struct config_user *user = user_of(config, request);

	*answer = (struct aaa_answer){.pool = -1};
	if (!user) {
		answer->refusal = "no such user";
		counters->rejects_unknown_user++;
	} else if (!password_is_right(user, request, answer)) {
		answer->refusal = "wrong password";
		counters->rejects_password++;
	} else {
		answer->accept = true;
		answer_fill(config, user, answer);
		counters->accepts++;
	}
}
