/* SPDX-License-Identifier: BSD-3-Clause */
/* Reconfigure messages, and the key by which a client knows them for its server's. */
#include "dhcp6_server.h"

#include <crypto/digest.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* RFC 8415, 21.11 and 20.4 */
#define AUTH_PROTOCOL_RECONFIGURE 3
#define AUTH_ALGORITHM_HMAC_MD5   1
#define AUTH_REPLAY_COUNTER       0
#define AUTH_TYPE_KEY             1
#define AUTH_TYPE_DIGEST          2

static_assert(DHCP6_DUID_MAX <= UINT8_MAX, "dhcp6_client.len");

void dhcp6_binding_clear(struct dhcp6_binding *binding)
{
	free(binding->client);
	*binding = (struct dhcp6_binding){0};
}

bool dhcp6_client_is(const struct dhcp6_binding *binding, const struct dhcp6_option *client_id)
{
	const struct dhcp6_client *client = binding->client;

	return client && client_id->data && client->len == client_id->len &&
		!memcmp(client->duid, client_id->data, client->len);
}

bool dhcp6_client_keep(struct dhcp6_binding *binding, const struct dhcp6_option *client_id)
{
	struct dhcp6_client *client;

	if (dhcp6_client_is(binding, client_id))
		return true;
	client = malloc(sizeof(*client) + client_id->len);
	if (!client)
		return false;
	client->len = (uint8_t)client_id->len;
	memcpy(client->duid, client_id->data, client_id->len);
	free(binding->client);
	binding->client = client;
	return true;
}

/* Nothing is kept: the key of a client in a session follows from our secret. */
static void key_make(const struct dhcp6_server *server, const struct dhcp6_lease *lease,
	const struct dhcp6_client *client, uint8_t key[DIGEST_MD5_LEN])
{
	uint64_t session = lease->session;
	const struct iovec parts[] = {
		{&session, sizeof(session)},
		{(void *)(uintptr_t)client->duid, client->len},
	};

	digest_hmac_md5(server->secret, sizeof(server->secret), parts, 2, key);
}

/* What is secret or a digest comes last. */
static void auth_put(struct dhcp6_writer *writer, struct dhcp6_server *server, uint8_t type,
	const uint8_t value[DIGEST_MD5_LEN])
{
	static const uint8_t head[] = {
		AUTH_PROTOCOL_RECONFIGURE, AUTH_ALGORITHM_HMAC_MD5, AUTH_REPLAY_COUNTER};
	size_t mark = dhcp6_open(writer, DHCP6_OPTION_AUTH);

	dhcp6_put_bytes(writer, head, sizeof(head));
	server->replay++;
	dhcp6_put32(writer, (uint32_t)(server->replay >> 32));
	dhcp6_put32(writer, (uint32_t)server->replay);
	dhcp6_put_bytes(writer, &type, 1);
	dhcp6_put_bytes(writer, value, DIGEST_MD5_LEN);
	dhcp6_close(writer, mark);
}

void dhcp6_put_key(struct dhcp6_writer *writer, struct dhcp6_server *server,
	const struct dhcp6_lease *lease, const struct dhcp6_client *client)
{
	uint8_t key[DIGEST_MD5_LEN];

	key_make(server, lease, client, key);
	auth_put(writer, server, AUTH_TYPE_KEY, key);
	digest_wipe(key, sizeof(key));
}

size_t dhcp6_reconfigure(struct dhcp6_server *server, const struct dhcp6_lease *lease,
	struct dhcp6_binding *binding, uint8_t *out, size_t room)
{
	static const uint8_t no_transaction[3], zero[DIGEST_MD5_LEN];
	const struct dhcp6_client *client = binding->client;
	uint8_t type = binding->prefix_bound || binding->address_bound ? DHCP6_RENEW
								       : DHCP6_INFORMATION_REQUEST;
	uint8_t key[DIGEST_MD5_LEN];
	struct dhcp6_writer writer;
	size_t len;

	if (!client)
		return 0;
	dhcp6_writer_init(&writer, out, room, DHCP6_RECONFIGURE, no_transaction);
	dhcp6_put_option(&writer, DHCP6_OPTION_SERVER_ID, server->duid, sizeof(server->duid));
	dhcp6_put_option(&writer, DHCP6_OPTION_CLIENT_ID, client->duid, client->len);
	dhcp6_put_option(&writer, DHCP6_OPTION_RECONF_MSG, &type, 1);
	auth_put(&writer, server, AUTH_TYPE_DIGEST, zero);
	len = dhcp6_writer_finish(&writer);
	if (!len)
		return 0;
	/* over the whole message, the digest's place being zero */
	key_make(server, lease, client, key);
	digest_hmac_md5(
		key, sizeof(key), &(const struct iovec){out, len}, 1, out + len - DIGEST_MD5_LEN);
	digest_wipe(key, sizeof(key));
	binding->reconfiguring = true;
	server->counters[DHCP6_COUNT_reconfigure_sent]++;
	return len;
}
