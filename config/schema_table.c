/* SPDX-License-Identifier: BSD-3-Clause */
/* The schema's tables: every key of the configuration file, one row each. */
#include "field.h"

#include <ctype.h>
#include <string.h>

#define AT(type, member) \
	.offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)
#define TEXT(type, member) \
	SCHEMA_TEXT, AT(type, member), .max = sizeof(((struct type *)0)->member) - 1
#define SECRET(type, member) \
	SCHEMA_SECRET, AT(type, member), .max = sizeof(((struct type *)0)->member) - 1
#define NUMBER(type, member, low, high) SCHEMA_NUMBER, AT(type, member), .min = low, .max = high
#define MS(type, member, low, high)     SCHEMA_MILLISECONDS, AT(type, member), .min = low, .max = high
#define SECONDS(type, member)           SCHEMA_SECONDS, AT(type, member), .max = 31536000
#define BOOL(type, member)              SCHEMA_BOOL, AT(type, member)
#define CHOICE(type, member, words)     SCHEMA_CHOICE, AT(type, member), .choices = words
#define CUSTOM(type, member, fn)        SCHEMA_CUSTOM, AT(type, member), .read = fn
#define LIST(type, member, high)                                                          \
	SCHEMA_LIST, AT(type, member), .max = high,                                       \
				       .count_offset = offsetof(struct type, n_##member), \
				       .item_size = sizeof(*((struct type *)0)->member)
#define REFERENCE(type, member) SCHEMA_REFERENCE, AT(type, member), .max = YAML_SCALAR_MAX
#define RESTART                 .restart = true
#define REQUIRED                .required = true
#define ZERO                    .zero = true

static bool text_holds_only(const char *text, const char *others)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(others, *text))
			return false;
	return true;
}

static const char *name_check(const char *text)
{
	return text_holds_only(text, "._-@:") ? NULL : "letters, digits and ._-@:";
}

/* What Linux takes as the name of an interface (and iproute2 does not mistake for a keyword). */
static const char *ifname_check(const char *text)
{
	if (!text_holds_only(text, "._-") || !isalpha((unsigned char)*text) ||
		!strcmp(text, "lo") || !strcmp(text, "all") || !strcmp(text, "default"))
		return "a name for a Linux interface: a letter, then letters, digits and ._-";
	return NULL;
}

static const char *path_check(const char *text)
{
	return *text == '/' && text[1] ? NULL : "an absolute path";
}

static const char *host_name_check(const char *text)
{
	return strchr(text, ' ') ? "a host name, no spaces" : NULL;
}

static const char *pattern_check(const char *text)
{
	return strpbrk(text, "[]\\ ") ? "a pattern with only * and ? as wildcards" : NULL;
}

static const char *user_name_check(const char *text)
{
	const char *star = strchr(text, '*');

	return star && strchr(star + 1, '*') ? "a name with at most one *" : NULL;
}

static const char template_expected[] =
	"text with {lac}, {tunnel}, {session}, {circuit}, {remote}, {port} in it";

/* Of NAS-Port-Id: texts, and names in braces. */
static const char *template_check(const char *text)
{
	static const char *const names[] = {
		"{lac}", "{tunnel}", "{session}", "{circuit}", "{remote}", "{port}"};
	size_t i;

	for (; *text; text++) {
		if (*text == '}')
			return template_expected;
		if (*text != '{')
			continue;
		for (i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (!strncmp(text, names[i], strlen(names[i])))
				break;
		if (i == sizeof(names) / sizeof(*names))
			return template_expected;
		text += strlen(names[i]) - 1;
	}
	return NULL;
}

static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const ipv6_counters[] = {"none", "erx", NULL};
static const char *const idle_modes[] = {"poll", "pause", "monitor", "sleep", NULL};
static const char *const iova_modes[] = {"auto", "va", NULL};
static const char *const roles[] = {"access", "core", "both", NULL};
static const char *const ipsec_modes[] = {"none", "optional", "required", NULL};
static const char *const directions[] = {"in", "out", NULL};
static const char *const sa_modes[] = {"transport", "tunnel", NULL};
static const char *const ciphers[] = {
	"aes-gcm", "aes-cbc", "chacha20-poly1305", "3des-cbc", "aes-gmac", "null", NULL};
static const char *const integrities[] = {
	"none", "sha1-96", "sha256-128", "sha384-192", "sha512-256", NULL};
static const char *const proxy_modes[] = {"accept", "on-mismatch", "renegotiate", NULL};
static const char *const acfc_modes[] = {"negotiated", "always-send-ff03", "never-send-ff03", NULL};

#define T config_lns
static const struct schema_field schema_lns[] = {
	{"host-name", TEXT(T, host_name), .check = host_name_check},
	{"vendor-name", TEXT(T, vendor_name), .text = "lnsd"},
	{"control-socket", TEXT(T, control_socket), .text = "/run/lnsd/lnsd.sock",
		.check = path_check, RESTART},
	{"log-level", CHOICE(T, log_level, log_levels), .value = CONFIG_LOG_INFO},
	{"half-open-max", NUMBER(T, half_open_max, 1, 65535), .value = 1000},
	{"half-open-per-source", NUMBER(T, half_open_per_source, 1, 65535), .value = 50},
	{NULL},
};
#undef T

#define T config_metrics
static const struct schema_field schema_metrics[] = {
	{"address", CUSTOM(T, address, field_read_addr), RESTART},
	{"port", NUMBER(T, port, 1, 65535), ZERO, RESTART},
	{"tunnels", BOOL(T, tunnels), RESTART},
	{NULL},
};
#undef T

#define T config_dpdk
static const struct schema_field schema_dpdk[] = {
	{"main-core", NUMBER(T, main_core, 0, 1023), RESTART},
	{"worker-cores", CUSTOM(T, worker_cores, field_read_workers), RESTART},
	{"share-cores", BOOL(T, share_cores), RESTART},
	{"devices", LIST(T, devices, CONFIG_PORTS_MAX), .read = field_read_device, .strings = true,
		RESTART},
	{"vdevs", LIST(T, vdevs, CONFIG_PORTS_MAX), .read = field_read_vdev, .strings = true,
		RESTART},
	{"hugepages", BOOL(T, hugepages), .value = true, RESTART},
	{"iova-mode", CHOICE(T, iova_va, iova_modes), RESTART},
	{"memory", NUMBER(T, memory_mb, 64, 1048576), ZERO, RESTART},
	{"mbufs", NUMBER(T, mbufs, 2048, 16777216), RESTART},
	{"max-sessions", NUMBER(T, max_sessions, 1, 1048576), .value = 1048576, RESTART},
	{"max-routes4", NUMBER(T, max_routes4, 16, 4194304), .value = 131072, RESTART},
	{"max-routes6", NUMBER(T, max_routes6, 16, 1048576), .value = 32768, RESTART},
	{"rx-descriptors", NUMBER(T, rx_descriptors, 64, 16384), .value = 1024, RESTART},
	{"tx-descriptors", NUMBER(T, tx_descriptors, 64, 16384), .value = 1024, RESTART},
	{"idle", CHOICE(T, idle, idle_modes), .value = CONFIG_IDLE_POLL, RESTART},
	{"idle-us", NUMBER(T, idle_us, 1, 10000), .value = 100, RESTART},
	{"control-poll", BOOL(T, control_poll), RESTART},
	{"eal-args", LIST(T, eal_args, 64), .read = field_read_eal_arg, .strings = true, RESTART},
	{NULL},
};
#undef T

#define T config_neighbour
static const struct schema_field schema_neighbour[] = {
	{"address", CUSTOM(T, addr, field_read_addr), REQUIRED},
	{"mac", CUSTOM(T, mac, field_read_mac), REQUIRED},
	{NULL},
};
#undef T

#define T config_interface
static const struct schema_field schema_interface[] = {
	{"name", TEXT(T, name), .check = ifname_check, REQUIRED, RESTART},
	{"device", CUSTOM(T, device, field_read_device_name), REQUIRED, RESTART},
	{"role", CHOICE(T, role, roles), .min = CONFIG_ROLE_ACCESS, .value = CONFIG_ROLE_BOTH,
		RESTART},
	{"mtu", NUMBER(T, mtu, 576, 9600), .value = 1500, RESTART},
	{"vlan", NUMBER(T, vlan, 1, 4094), ZERO, RESTART},
	{"outer-vlan", NUMBER(T, outer_vlan, 1, 4094), ZERO, RESTART},
	{"vrf", REFERENCE(T, vrf), RESTART},
	{"addresses", LIST(T, addresses, 64), .read = field_read_host, RESTART},
	{"neighbours", LIST(T, neighbours, 1024), .section = schema_neighbour, RESTART},
	{"promiscuous", BOOL(T, promiscuous), RESTART},
	{NULL},
};
#undef T

#define T config_peer
static const struct schema_field schema_quirks[] = {
	{"proxy-lcp", CHOICE(T, proxy_lcp, proxy_modes), .value = CONFIG_PROXY_ACCEPT},
	{"acfc", CHOICE(T, acfc, acfc_modes), .value = CONFIG_ACFC_NEGOTIATED},
	{"udp-checksum", BOOL(T, udp_checksum)},
	{"sequencing", BOOL(T, sequencing)},
	{"length-bit", BOOL(T, length_bit)},
	{NULL},
};

static const struct schema_field schema_peer[] = {
	{"name", TEXT(T, name), .check = name_check, REQUIRED},
	{"sources", LIST(T, sources, 1024), .read = field_read_source, .zero_deny = true, REQUIRED},
	{"host-name", TEXT(T, host_name), .text = "*", .check = pattern_check},
	{"local-name", TEXT(T, local_name), .check = host_name_check},
	{"secret", SECRET(T, secret)},
	{"secret-file", SCHEMA_SECRET_FILE, AT(T, secret)},
	{"challenge", BOOL(T, challenge)},
	{"receive-window", NUMBER(T, receive_window, 1, 1024), .value = 64},
	{"hello-interval", MS(T, hello_interval, 1000, 3600000), ZERO, .value = 60000},
	{"retries", NUMBER(T, retries, 1, 30), .value = 8},
	{"retry-interval", MS(T, retry_interval, 100, 60000), .value = 1000},
	{"retry-cap", MS(T, retry_cap, 8000, 300000), .value = 8000},
	{"ipsec", CHOICE(T, ipsec, ipsec_modes), .value = CONFIG_IPSEC_OPTIONAL},
	{"max-tunnels", NUMBER(T, max_tunnels, 1, 65535), ZERO},
	{"max-sessions", NUMBER(T, max_sessions, 1, 1048576), ZERO},
	{"quirks", SCHEMA_MAPPING, .section = schema_quirks},
	{NULL},
};
#undef T

#define T config_subscribers
static const struct schema_field schema_subscribers[] = {
	{"auth", CUSTOM(T, auth, field_read_auth)},
	{"mru", NUMBER(T, mru, 576, 9216), .value = 1492},
	{"lcp-echo-interval", MS(T, lcp_echo_interval, 1000, 3600000), ZERO, .value = 20000},
	{"lcp-echo-failures", NUMBER(T, lcp_echo_failures, 1, 255), .value = 3},
	{"dns", CUSTOM(T, dns, field_read_dns)},
	{"local-address", CUSTOM(T, local_address, field_read_addr4)},
	{"session-timeout", SECONDS(T, session_timeout), .min = 60, ZERO},
	{"idle-timeout", SECONDS(T, idle_timeout), .min = 60, ZERO},
	{"max-sessions", NUMBER(T, max_sessions, 1, 1048576)},
	{"max-sessions-per-user", NUMBER(T, max_sessions_per_user, 1, 65535), ZERO, .value = 1},
	{"setup-timeout", MS(T, setup_timeout, 5000, 600000), .value = 120000},
	{"ppp-restart", MS(T, ppp_restart, 500, 30000), .value = 3000},
	{"ppp-max-configure", NUMBER(T, ppp_max_configure, 2, 60), .value = 10},
	{"ppp-max-terminate", NUMBER(T, ppp_max_terminate, 1, 20), .value = 2},
	{"pool", REFERENCE(T, pool)},
	{"mss-clamp", BOOL(T, mss_clamp), .value = true},
	{"mss", NUMBER(T, mss, 536, 9176), ZERO},
	{"subscriber-to-subscriber", BOOL(T, subscriber_to_subscriber), .value = true},
	{"announce-hosts", BOOL(T, announce_hosts)},
	{"announce-routes", BOOL(T, announce_routes), .value = true},
	{"line-overhead", NUMBER(T, line_overhead, 0, 255)},
	{NULL},
};
#undef T

#define T config_ipv6
static const struct schema_field schema_ipv6[] = {
	{"pool", REFERENCE(T, pool)},
	{"delegated-pool", REFERENCE(T, delegated_pool)},
	{"address-pool", REFERENCE(T, address_pool)},
	{"dns", CUSTOM(T, dns, field_read_dns6)},
	{"domains", LIST(T, domains, CONFIG_DOMAINS_MAX), .read = field_read_domain,
		.strings = true},
	{"preferred-lifetime", SECONDS(T, preferred_lifetime), .min = 60, .value = 3600},
	{"valid-lifetime", SECONDS(T, valid_lifetime), .min = 120, .value = 7200},
	{"ra-interval", SCHEMA_SECONDS, AT(T, ra_interval), .min = 4, .max = 1800, .value = 600},
	{"ra-lifetime", SCHEMA_SECONDS, AT(T, ra_lifetime), .min = 4, .max = 9000, ZERO,
		.value = 1800},
	{"managed", BOOL(T, managed)},
	{"other", BOOL(T, other), .value = true},
	{"hop-limit", NUMBER(T, hop_limit, 0, 255), .value = 64},
	{"reconfigure", BOOL(T, reconfigure), .value = true},
	{NULL},
};
#undef T

#define T config_route
static const struct schema_field schema_route[] = {
	{"prefix", CUSTOM(T, prefix, field_read_network), REQUIRED},
	{"metric", NUMBER(T, metric, 0, UINT32_MAX)},
	{NULL},
};
#undef T

#define T config_user
static const struct schema_field schema_user[] = {
	{"name", TEXT(T, name), .check = user_name_check, REQUIRED},
	{"password", SECRET(T, password)},
	{"password-file", SCHEMA_SECRET_FILE, AT(T, password)},
	{"address", CUSTOM(T, address, field_read_addr4)},
	{"pool", REFERENCE(T, pool)},
	{"vrf", REFERENCE(T, vrf)},
	{"session-timeout", SECONDS(T, session_timeout), .min = 60, ZERO},
	{"idle-timeout", SECONDS(T, idle_timeout), .min = 60, ZERO},
	{"ipv6-prefix", CUSTOM(T, ipv6_prefix, field_read_prefix64)},
	{"ipv6-delegated", CUSTOM(T, ipv6_delegated, field_read_delegated)},
	{"ipv6-address", CUSTOM(T, ipv6_address, field_read_addr6)},
	{"ipv6-interface-id", CUSTOM(T, ipv6_interface_id, field_read_interface_id)},
	{"ipv6-pool", REFERENCE(T, ipv6_pool)},
	{"ipv6-delegated-pool", REFERENCE(T, ipv6_delegated_pool)},
	{"routes", LIST(T, routes, 64), .read = field_read_route, .section = schema_route},
	{NULL},
};
#undef T

static const struct schema_field schema_pool[] = {
	{"name", TEXT(config_pool, name), .check = name_check, REQUIRED},
	{"vrf", REFERENCE(config_pool, vrf)},
	{"ranges", LIST(config_pool, ranges, 1024), .read = field_read_range, .zero_deny = true,
		REQUIRED},
	{NULL},
};

#define T config_prefix_pool
static const struct schema_field schema_prefix_pool[] = {
	{"name", TEXT(T, name), .check = name_check, REQUIRED},
	{"vrf", REFERENCE(T, vrf)},
	{"length", NUMBER(T, length, 48, 128), .value = 64},
	{"prefixes", LIST(T, prefixes, 1024), .read = field_read_network6, .zero_deny = true,
		REQUIRED},
	{NULL},
};
#undef T

static const struct schema_field schema_vrf[] = {
	{"name", TEXT(config_vrf, name), .check = name_check, REQUIRED, RESTART},
	{"table", NUMBER(config_vrf, table, 1, UINT32_MAX), RESTART},
	{"tun", TEXT(config_vrf, tun), .check = ifname_check, RESTART},
	{"realms", LIST(config_vrf, realms, 4096), .read = field_read_domain, .strings = true},
	{"pool", REFERENCE(config_vrf, pool)},
	{"ipv6-pool", REFERENCE(config_vrf, ipv6_pool)},
	{"ipv6-delegated-pool", REFERENCE(config_vrf, ipv6_delegated_pool)},
	{"ipv6-address-pool", REFERENCE(config_vrf, ipv6_address_pool)},
	{NULL},
};

static const struct schema_field schema_kernel[] = {
	/* Both members, which stand together, are one value. */
	{"netns", SCHEMA_CUSTOM, .offset = offsetof(struct config_kernel, netns_mode),
		.size = offsetof(struct config_kernel, netns) + CONFIG_NAME_MAX -
			offsetof(struct config_kernel, netns_mode),
		.read = field_read_netns, RESTART},
	{"route-protocol", NUMBER(config_kernel, route_protocol, 5, 254), .value = 108, RESTART},
	{"tun-mtu", NUMBER(config_kernel, tun_mtu, 1280, 9600), .value = 1500, RESTART},
	{NULL},
};

static const char *engine_check(const char *text)
{
	if (!strcmp(text, "auto") || !strcmp(text, "ipsec-mb") ||
		(!strncmp(text, "cryptodev:", 10) && text[10] &&
			text_holds_only(text + 10, "._-:")))
		return NULL;
	return "auto, ipsec-mb, or cryptodev: and the name of a device";
}

static const struct schema_field schema_ipsec[] = {
	{"engine", TEXT(config_ipsec_settings, engine), .text = "auto", .check = engine_check,
		RESTART},
	{"max-sas", NUMBER(config_ipsec_settings, max_sas, 64, 1000000), .value = 65536, RESTART},
	{"replay-window", NUMBER(config_ipsec_settings, replay_window, 32, 4096), .value = 1024},
	{"permit-null", BOOL(config_ipsec_settings, permit_null)},
	{"permit-gmac", BOOL(config_ipsec_settings, permit_gmac)},
	{"permit-3des", BOOL(config_ipsec_settings, permit_3des)},
	{NULL},
};

#define T config_sa
static const struct schema_field schema_encapsulation[] = {
	{"local-port", NUMBER(T, local_port, 1, 65535), .value = 4500},
	{"peer-port", NUMBER(T, peer_port, 1, 65535), .value = 4500},
	{NULL},
};

static const struct schema_field schema_sa[] = {
	{"name", TEXT(T, name), .check = name_check, REQUIRED},
	{"direction", CHOICE(T, direction, directions), REQUIRED},
	{"spi", CUSTOM(T, spi, field_read_spi), REQUIRED},
	{"local", CUSTOM(T, local, field_read_unicast), REQUIRED},
	{"peer", CUSTOM(T, peer, field_read_unicast), REQUIRED},
	{"inner", CUSTOM(T, inner, field_read_source)},
	{"vrf", REFERENCE(T, vrf)},
	{"mode", CHOICE(T, mode, sa_modes)},
	{"cipher", CHOICE(T, cipher, ciphers), .value = CONFIG_CIPHER_AES_GCM},
	{"key", SECRET(T, key.hex)},
	{"key-file", SCHEMA_SECRET_FILE, AT(T, key.hex)},
	{"integrity", CHOICE(T, integrity, integrities)},
	{"integrity-key", SECRET(T, integrity_key.hex)},
	{"integrity-key-file", SCHEMA_SECRET_FILE, AT(T, integrity_key.hex)},
	{"esn", BOOL(T, esn)},
	{"replay-window", NUMBER(T, replay_window, 32, 4096), ZERO},
	{"encapsulation", SCHEMA_CUSTOM, AT(T, local_port), .section = schema_encapsulation,
		.read = field_read_encapsulation},
	{NULL},
};
#undef T

static const struct schema_field schema_aaa[] = {
	{"order", CUSTOM(config_aaa, order, field_read_aaa_order)},
	{"existing", BOOL(config_aaa, existing)},
	{NULL},
};

#define T config_radius
static const struct schema_field schema_radius[] = {
	{"nas-identifier", TEXT(T, nas_identifier)},
	{"nas-address", CUSTOM(T, nas_address, field_read_addr)},
	{"source-address", CUSTOM(T, source_address, field_read_addr)},
	{"nas-port-id", TEXT(T, nas_port_id), .text = "{lac}/{tunnel}/{session}/{circuit}",
		.check = template_check},
	{"max-in-flight", NUMBER(T, max_in_flight, 1, 16383), .value = 256},
	{"max-sockets", NUMBER(T, max_sockets, 1, 64), .value = 16},
	{"deadline", MS(T, deadline, 1000, 120000), .value = 20000},
	{"max-waiting", NUMBER(T, max_waiting, 64, 1000000), .value = 10000},
	{"interim-interval", SECONDS(T, interim_interval), .min = 60, ZERO, .value = 600},
	{"ipv6-counters", CHOICE(T, ipv6_counters, ipv6_counters), RESTART},
	{"spool", TEXT(T, spool), .text = "/var/lib/lnsd/accounting", .check = path_check, RESTART},
	{"spool-size", NUMBER(T, spool_mb, 1, 65536), .value = 256, RESTART},
	{"coa-address", CUSTOM(T, coa_address, field_read_addr), RESTART},
	{"coa-port", NUMBER(T, coa_port, 1, 65535), .value = 3799, RESTART},
	{"coa-window", SECONDS(T, coa_window), .min = 1, ZERO, .value = 300},
	{NULL},
};
#undef T

#define T config_radius_server
static const struct schema_field schema_radius_server[] = {
	{"name", TEXT(T, name), .check = name_check, REQUIRED},
	{"address", CUSTOM(T, address, field_read_addr), REQUIRED},
	{"secret", SECRET(T, secret)},
	{"secret-file", SCHEMA_SECRET_FILE, AT(T, secret)},
	{"auth-port", NUMBER(T, auth_port, 1, 65535), ZERO, .value = 1812},
	{"acct-port", NUMBER(T, acct_port, 1, 65535), ZERO, .value = 1813},
	{"priority", NUMBER(T, priority, 1, 255), .value = 10},
	{"weight", NUMBER(T, weight, 1, 100), .value = 1},
	{"timeout", MS(T, timeout, 100, 30000), .value = 1000},
	{"tries", NUMBER(T, tries, 1, 10), .value = 3},
	{"dead-after", MS(T, dead_after, 500, 600000), .value = 3000},
	{"probe-interval", MS(T, probe_interval, 1000, 3600000), .value = 10000},
	{"status-server", BOOL(T, status_server), .value = true},
	{"require-message-authenticator", BOOL(T, require_message_authenticator), .value = true},
	{NULL},
};
#undef T

#define T config_radius_client
static const struct schema_field schema_radius_client[] = {
	{"name", TEXT(T, name), .check = name_check, REQUIRED},
	{"sources", LIST(T, sources, 64), .read = field_read_source, .zero_deny = true, REQUIRED},
	{"secret", SECRET(T, secret)},
	{"secret-file", SCHEMA_SECRET_FILE, AT(T, secret)},
	{"require-message-authenticator", BOOL(T, require_message_authenticator)},
	{NULL},
};
#undef T

#define T config_policy
static const struct schema_field schema_policy[] = {
	{"name", TEXT(T, name), .check = name_check, REQUIRED},
	{"up-rate", CUSTOM(T, up_rate, field_read_rate)},
	{"down-rate", CUSTOM(T, down_rate, field_read_rate)},
	{"up-burst", NUMBER(T, up_burst, 1600, 1073741824), ZERO},
	{"down-burst", NUMBER(T, down_burst, 1600, 1073741824), ZERO},
	{"vrf", REFERENCE(T, vrf)},
	{NULL},
};
#undef T

#define T config
const struct schema_field schema_root[] = {
	{"lns", SCHEMA_MAPPING, AT(T, lns), .section = schema_lns},
	{"metrics", SCHEMA_MAPPING, AT(T, metrics), .section = schema_metrics},
	{"dpdk", SCHEMA_MAPPING, AT(T, dpdk), .section = schema_dpdk, RESTART},
	{"interfaces", LIST(T, interfaces, CONFIG_INTERFACES_MAX), .section = schema_interface,
		.zero_deny = true, REQUIRED, RESTART},
	{"peers", LIST(T, peers, 4096), .section = schema_peer},
	{"subscribers", SCHEMA_MAPPING, AT(T, subscribers), .section = schema_subscribers},
	{"users", LIST(T, users, 1048576), .section = schema_user},
	{"pools", LIST(T, pools, 1024), .section = schema_pool},
	{"ipv6", SCHEMA_MAPPING, AT(T, ipv6), .section = schema_ipv6},
	{"prefix-pools", LIST(T, prefix_pools, 1024), .section = schema_prefix_pool},
	{"vrfs", LIST(T, vrfs, CONFIG_VRFS_MAX), .section = schema_vrf, RESTART},
	{"kernel", SCHEMA_MAPPING, AT(T, kernel), .section = schema_kernel, RESTART},
	{"ipsec", SCHEMA_MAPPING, AT(T, ipsec), .section = schema_ipsec},
	{"security-associations", LIST(T, sas, CONFIG_SAS_MAX), .section = schema_sa},
	{"aaa", SCHEMA_MAPPING, AT(T, aaa), .section = schema_aaa},
	{"radius", SCHEMA_MAPPING, AT(T, radius), .section = schema_radius},
	{"radius-servers", LIST(T, radius_servers, 2 * CONFIG_RADIUS_SERVERS_MAX),
		.section = schema_radius_server},
	{"radius-clients", LIST(T, radius_clients, 256), .section = schema_radius_client},
	{"policies", LIST(T, policies, 1024), .section = schema_policy},
	{NULL},
};
#undef T
