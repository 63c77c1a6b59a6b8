/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration, as one immutable tree of typed values.
 *
 * config_load() reads a YAML file, fills in every default and checks every value; what it returns is
 * complete and consistent, so nobody checks again. A tree belongs to whoever loaded it, until
 * config_free(), which also wipes its secrets. A reload loads a second tree and compares.
 * Times are milliseconds unless the name says otherwise; addresses are in network byte order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONFIG_NAME_MAX    64  /* bytes of any name, with the final NUL */
#define CONFIG_SECRET_MAX  256 /* bytes of a secret or password, with the final NUL */
#define CONFIG_WORKERS_MAX 64
#define CONFIG_PORTS_MAX   16
#define CONFIG_VRFS_MAX    64
#define CONFIG_INTERFACES_MAX \
	64 /* VLANs included; CONFIG_PORTS_MAX bounds the devices under them */

/* One IPv4 or IPv6 address; an IPv4 address stands in the first four bytes. family: 4, 6, 0 = none. */
struct ip_addr {
	uint8_t family;
	uint8_t bytes[16];
};

struct ip_prefix {
	struct ip_addr
		addr; /* host bits kept as written: an interface address is also its subnet */
	uint8_t length;
};

/* A range of addresses, both ends included. */
struct ip_range {
	struct ip_addr first, last;
};

struct config_lns {
	char host_name[CONFIG_NAME_MAX];   /* L2TP Host Name AVP and CHAP name */
	char vendor_name[CONFIG_NAME_MAX]; /* L2TP Vendor Name AVP */
	char control_socket[108];          /* UNIX socket of lnsctl */
	uint8_t log_level;                 /* enum config_log_level */
	uint32_t half_open_max;            /* tunnels that may wait for authentication, all peers */
	uint32_t half_open_per_source;
};

/* Prometheus' HTTP. */
struct config_metrics {
	struct ip_addr address; /* family 0: 127.0.0.1 */
	uint16_t port;          /* 0: off */
	bool tunnels;           /* with metrics of each tunnel */
};

enum config_log_level { CONFIG_LOG_ERROR, CONFIG_LOG_WARNING, CONFIG_LOG_INFO, CONFIG_LOG_DEBUG };

enum config_idle { CONFIG_IDLE_POLL, CONFIG_IDLE_PAUSE, CONFIG_IDLE_MONITOR, CONFIG_IDLE_SLEEP };

struct config_dpdk {
	int main_core;
	unsigned int n_workers;
	int worker_cores[CONFIG_WORKERS_MAX]; /* CPU numbers */
	bool share_cores; /* labs: a CPU may stand twice in worker_cores, and be main_core too */
	unsigned int n_devices;
	char **devices; /* PCI addresses, with device arguments as EAL takes them (-a) */
	unsigned int n_vdevs;
	char **vdevs; /* EAL --vdev strings: "net_af_packet0,iface=veth0" */
	bool hugepages;
	bool iova_va;          /* iova-mode va (vdevs, VFIO with IOMMU); false: EAL chooses */
	uint32_t memory_mb;    /* 0 = EAL chooses (hugepages only) */
	uint32_t mbufs;        /* packet buffers in all */
	uint32_t max_sessions; /* sizes the tables' upper bound, taken as sessions come */
	uint32_t max_routes4, max_routes6; /* prefixes that come from the kernel */
	uint16_t rx_descriptors, tx_descriptors;
	uint8_t idle;      /* enum config_idle: what a worker with nothing to do does */
	uint16_t idle_us;  /* longest wait of an idle worker */
	bool control_poll; /* the control core spins too (a core of its own) */
	unsigned int n_eal_args;
	char **eal_args; /* passed to EAL as they are */
};

enum config_role { CONFIG_ROLE_ACCESS = 1, CONFIG_ROLE_CORE = 2, CONFIG_ROLE_BOTH = 3 };

struct config_neighbour {
	struct ip_addr addr;
	uint8_t mac[6];
};

struct config_interface {
	char name[16];                /* what lnsctl shows; the TAP's name in the kernel */
	char device[CONFIG_NAME_MAX]; /* ethdev name: PCI address or vdev name */
	uint8_t role;                 /* enum config_role */
	uint16_t mtu;                 /* bytes of the IP packet */
	uint16_t vlan, outer_vlan;    /* 802.1Q / QinQ tags of this interface, 0 = untagged */
	unsigned int vrf;             /* index in config.vrfs */
	unsigned int n_addresses;
	struct ip_prefix *addresses;
	unsigned int n_neighbours; /* static ones, for peers that answer no ARP (captures) */
	struct config_neighbour *neighbours;
	bool promiscuous;
	unsigned int line; /* where it stands in the file */
};

enum config_ipsec { CONFIG_IPSEC_NONE, CONFIG_IPSEC_OPTIONAL, CONFIG_IPSEC_REQUIRED };
enum config_proxy { CONFIG_PROXY_ACCEPT, CONFIG_PROXY_ON_MISMATCH, CONFIG_PROXY_RENEGOTIATE };
enum config_acfc {
	CONFIG_ACFC_NEGOTIATED,
	CONFIG_ACFC_ALWAYS_SEND_FF03,
	CONFIG_ACFC_NEVER_SEND_FF03
};

/* What LACs may connect, and how they are treated: the first whose sources and host name both match. */
struct config_peer {
	char name[CONFIG_NAME_MAX];
	unsigned int n_sources;
	struct ip_prefix *sources;
	char host_name
		[CONFIG_NAME_MAX]; /* pattern of the Host Name AVP, '*' and '?'; default "*" */
	char local_name
		[CONFIG_NAME_MAX];      /* our Host Name towards this peer; default lns.host_name */
	char secret[CONFIG_SECRET_MAX]; /* "" = no tunnel authentication */
	bool challenge;                 /* we challenge the LAC; needs a secret */
	uint16_t receive_window;        /* what we offer (RFC 2661 4.4.3) */
	uint32_t hello_interval;        /* ms; 0 = no HELLO */
	uint16_t retries;               /* resends before a tunnel is given up */
	uint32_t retry_interval;        /* ms, first resend */
	uint32_t retry_cap;             /* ms, no lower than 8000 */
	uint8_t ipsec;                  /* enum config_ipsec */
	uint32_t max_tunnels, max_sessions; /* 0 = no limit of its own */
	/* quirks */
	uint8_t proxy_lcp; /* enum config_proxy */
	uint8_t acfc;      /* enum config_acfc */
	bool udp_checksum; /* on IPv4 data packets we send; IPv6 always has it */
	bool sequencing;   /* put sequence numbers on data even if not required */
	bool length_bit;   /* L bit on data packets we send */
	unsigned int line;
};

enum config_auth { CONFIG_AUTH_PAP = 1, CONFIG_AUTH_CHAP, CONFIG_AUTH_MSCHAPV2 };
#define CONFIG_AUTH_MAX 3

struct config_subscribers {
	uint8_t n_auth;
	uint8_t auth[CONFIG_AUTH_MAX]; /* enum config_auth, in the order they are offered */
	uint16_t mru;                  /* what we ask the peer to accept and announce */
	uint32_t lcp_echo_interval;    /* ms; 0 = none */
	uint8_t lcp_echo_failures;
	struct ip_addr dns[2];
	struct ip_addr local_address;           /* our end of every PPP link */
	uint32_t session_timeout, idle_timeout; /* seconds; 0 = none */
	uint32_t max_sessions;                  /* of the whole daemon */
	uint32_t max_sessions_per_user;         /* 1: a newcomer takes over; 0 = no limit */
	uint32_t setup_timeout;                 /* ms from ICCN until an NCP is up */
	/* of PPP (RFC 1661, 4.6): the Restart timer in ms, Max-Configure, Max-Terminate */
	uint32_t ppp_restart;
	uint8_t ppp_max_configure, ppp_max_terminate;
	int pool; /* index in config.pools for users that name none, -1 = none */
	bool mss_clamp;
	uint16_t mss;                  /* 0 = from the session's MTU */
	bool subscriber_to_subscriber; /* hairpin allowed */
	bool announce_hosts;           /* single routes into the kernel, not only pool aggregates */
	bool announce_routes;          /* those that no aggregate covers */
	uint16_t line_overhead; /* bytes per packet that the access line adds, for rate limits */
};

#define CONFIG_DNS6_MAX    3
#define CONFIG_DOMAINS_MAX 8

/* What sessions with IPv6 get (RFC 4861, RFC 8106, RFC 8415); those without pool or prefix have none. */
struct config_ipv6 {
	/* indices in config.prefix_pools, -1 = none: the /64 of the link, IA_PD, IA_NA */
	int pool, delegated_pool, address_pool;
	struct ip_addr dns[CONFIG_DNS6_MAX];
	unsigned int n_domains;
	char **domains;                              /* search list, without a final dot */
	uint32_t preferred_lifetime, valid_lifetime; /* seconds, of prefixes and addresses */
	uint32_t ra_interval;                        /* seconds, the longest (MaxRtrAdvInterval) */
	uint32_t ra_lifetime; /* seconds that we are a default router for; 0 = none */
	bool managed, other;  /* M and O flags */
	bool reconfigure;     /* DHCPv6 clients may be told to renew */
	uint8_t hop_limit;    /* that hosts shall begin with; 0 = theirs */
};

struct config_route {
	struct ip_prefix prefix;
	uint32_t metric;
};

struct config_user {
	char name[256]; /* exact, or with one '*', a realm wildcard: "*@isp.example" */
	char password[CONFIG_SECRET_MAX];
	bool wildcard;
	struct ip_addr address; /* fixed; family 0 = from a pool */
	int pool;               /* index, -1 = subscribers.pool */
	unsigned int vrf;
	uint32_t session_timeout, idle_timeout; /* seconds; 0 = subscribers' */
	/* IPv6; a family or length of 0, an index of -1: as the section ipv6 says */
	struct ip_prefix ipv6_prefix, ipv6_delegated;
	struct ip_addr ipv6_address;
	uint8_t ipv6_interface_id[8]; /* zero: none fixed */
	int ipv6_pool, ipv6_delegated_pool;
	unsigned int n_routes;
	struct config_route *routes;
	unsigned int line;
};

/* Prefixes of one length, for IPv6 sessions. */
struct config_prefix_pool {
	char name[CONFIG_NAME_MAX];
	unsigned int vrf;
	uint8_t length; /* of each: 48 to 64, or 128: single addresses */
	unsigned int n_prefixes;
	struct ip_prefix
		*prefixes; /* what they are cut from; apart from each other; kernel routes */
	unsigned int line;
};

struct config_pool {
	char name[CONFIG_NAME_MAX];
	unsigned int vrf;
	unsigned int n_ranges;
	/*
	 * IPv4, sorted, apart from each other, without subscribers.local_address; what a prefix has of
	 * network/broadcast is usable too. Users' fixed addresses may lie inside:
	 * config_address_reserved() tells which.
	 */
	struct ip_range *ranges;
	unsigned int n_aggregates;
	/* the fewest prefixes that cover the ranges as written (local_address not cut out): kernel routes */
	struct ip_prefix *aggregates;
	unsigned int line;
};

struct config_vrf {
	char name[CONFIG_NAME_MAX];
	uint32_t table; /* kernel routing table; default VRF: 254 (main) */
	char tun[16];   /* kernel TUN: lns0 for the default VRF */
	unsigned int n_realms;
	char **realms; /* whose users RADIUS need not put into it */
	/* of its subscribers, indices in config.pools and config.prefix_pools; -1 = none of its own */
	int pool, ipv6_pool, ipv6_delegated_pool, ipv6_address_pool;
	unsigned int line;
};

enum config_netns { CONFIG_NETNS_AUTO, CONFIG_NETNS_ROOT, CONFIG_NETNS_NAMED };

struct config_kernel {
	/* enum config_netns, never AUTO after a load: auto became NAMED "lnsd" on vdevs, ROOT on PCI ports */
	uint8_t netns_mode;
	char netns
		[CONFIG_NAME_MAX]; /* name under /run/netns; made if it is not there; "" for root */
	uint8_t route_protocol;    /* rtm_protocol of the routes that lnsd writes */
	uint16_t tun_mtu;
};

/* As in the file; RFC numbers stand in the documentation of the keys. */
enum config_cipher {
	CONFIG_CIPHER_AES_GCM,
	CONFIG_CIPHER_AES_CBC,
	CONFIG_CIPHER_CHACHA20,
	CONFIG_CIPHER_3DES,
	CONFIG_CIPHER_GMAC,
	CONFIG_CIPHER_NULL,
};
enum config_integrity {
	CONFIG_INTEGRITY_NONE,
	CONFIG_INTEGRITY_SHA1,
	CONFIG_INTEGRITY_SHA256,
	CONFIG_INTEGRITY_SHA384,
	CONFIG_INTEGRITY_SHA512,
};
enum config_sa_direction { CONFIG_SA_IN, CONFIG_SA_OUT };
enum config_sa_mode { CONFIG_SA_TRANSPORT, CONFIG_SA_TUNNEL };

#define CONFIG_ENGINE_MAX  80
#define CONFIG_KEY_MAX     64                           /* bytes of the longest key */
#define CONFIG_KEY_HEX_MAX (2 + 2 * CONFIG_KEY_MAX + 1) /* "0x", digits, the final NUL */
#define CONFIG_SAS_MAX     65536

struct config_key {
	char hex[CONFIG_KEY_HEX_MAX];
	uint8_t bytes[CONFIG_KEY_MAX], length; /* of hex, after a load */
};

/* A security association of ESP whose keys stand in the file. */
struct config_sa {
	char name[CONFIG_NAME_MAX];
	uint8_t direction; /* enum config_sa_direction */
	uint8_t mode;      /* enum config_sa_mode */
	uint8_t cipher;    /* enum config_cipher */
	uint8_t integrity; /* enum config_integrity */
	bool esn;
	uint32_t spi;
	uint32_t replay_window; /* of inbound ones; 0 = none */
	struct ip_addr local, peer;
	struct ip_prefix
		inner; /* tunnel mode, inbound: who is behind the peer; family 0 = anybody */
	unsigned int vrf;
	uint16_t local_port, peer_port; /* of UDP around ESP; 0 = native */
	struct config_key key;          /* with its salt at the end, where the cipher has one */
	struct config_key integrity_key;
	unsigned int line;
};

struct config_ipsec_settings {
	char engine[CONFIG_ENGINE_MAX]; /* as esp_engine_create() takes it */
	uint32_t max_sas;               /* both directions */
	uint32_t replay_window;         /* of inbound SAs that do not say */
	bool permit_null, permit_gmac, permit_3des;
};

/* Who decides who may come in: each is asked until one knows (docs/radius.md). */
enum config_aaa_source { CONFIG_AAA_LOCAL = 1, CONFIG_AAA_RADIUS };
#define CONFIG_AAA_SOURCES 2

struct config_aaa {
	uint8_t n_order;
	uint8_t order[CONFIG_AAA_SOURCES]; /* enum config_aaa_source */
	bool existing; /* who is up comes back while none of them can be asked */
};

#define CONFIG_RADIUS_SERVERS_MAX 16

struct config_radius_server {
	char name[CONFIG_NAME_MAX];
	struct ip_addr address;
	char secret[CONFIG_SECRET_MAX];
	uint16_t auth_port, acct_port; /* 0: not asked for that */
	uint16_t priority, weight;     /* lower priority first */
	uint32_t timeout;              /* ms, until the first resend */
	uint8_t tries;
	uint32_t dead_after, probe_interval; /* ms */
	bool status_server;                  /* answers Status-Server (RFC 5997) */
	bool require_message_authenticator;
	unsigned int line;
};

/* Who may send CoA- and Disconnect-Requests. */
struct config_radius_client {
	char name[CONFIG_NAME_MAX];
	unsigned int n_sources;
	struct ip_prefix *sources;
	char secret[CONFIG_SECRET_MAX];
	bool require_message_authenticator;
	unsigned int line;
};

/* How accounting tells what of the octets and packets was IPv6. */
enum config_ipv6_counters { CONFIG_IPV6_COUNTERS_NONE, CONFIG_IPV6_COUNTERS_ERX };

struct config_radius {
	char nas_identifier[CONFIG_NAME_MAX];
	struct ip_addr nas_address;    /* NAS-IP-Address or NAS-IPv6-Address; family 0 = none */
	struct ip_addr source_address; /* of what we send; family 0 = the kernel chooses */
	char nas_port_id[128];         /* template */
	uint32_t max_in_flight;        /* requests at one server */
	uint16_t max_sockets;          /* towards one server */
	uint32_t deadline;             /* ms, of one authentication */
	uint32_t max_waiting;          /* calls that wait for their authentication */
	uint32_t interim_interval;     /* seconds; 0 = none */
	uint8_t ipv6_counters;         /* enum config_ipv6_counters */
	char spool[256];               /* folder of the accounting records that wait */
	uint32_t spool_mb;
	struct ip_addr coa_address; /* family 0 = any IPv4 */
	uint16_t coa_port;
	uint32_t coa_window; /* seconds; 0: Event-Timestamp is not asked for */
};

/* Rates that a Filter-Id, or a user, names. */
struct config_policy {
	char name[CONFIG_NAME_MAX];
	uint64_t up_rate, down_rate; /* bits per second from and to the subscriber; 0 = no limit */
	uint32_t up_burst, down_burst; /* bytes; 0 = a tenth of a second */
	int vrf;                       /* where Filter-Id puts the subscriber; -1 = nowhere */
	unsigned int line;
};

struct config_user_index; /* of config_user.c */

struct config {
	char *path;
	struct config_lns lns;
	struct config_dpdk dpdk;
	unsigned int n_interfaces;
	struct config_interface *interfaces;
	unsigned int n_peers;
	struct config_peer *peers;
	struct config_subscribers subscribers;
	unsigned int n_users;
	struct config_user
		*users; /* exact names sorted by name first, then wildcards in file order */
	unsigned int n_pools;
	struct config_pool *pools;
	struct config_ipv6 ipv6;
	unsigned int n_prefix_pools;
	struct config_prefix_pool *prefix_pools;
	unsigned int n_vrfs; /* at least 1: index 0 is "default" */
	struct config_vrf *vrfs;
	struct config_kernel kernel;
	struct config_ipsec_settings ipsec;
	unsigned int n_sas;
	struct config_sa *sas;
	struct config_metrics metrics;
	struct config_aaa aaa;
	struct config_radius radius;
	unsigned int n_radius_servers;
	struct config_radius_server *radius_servers;
	unsigned int n_radius_clients;
	struct config_radius_client *radius_clients;
	unsigned int n_policies;
	struct config_policy *policies;
	struct config_user_index *user_index;
};

/*
 * Errors of one load, all of them: "FILE:LINE:COLUMN: FIELD: what was given, what was expected".
 * The text never holds a secret. Free with config_errors_free().
 */
struct config_errors {
	unsigned int n;
	char **text;
};

/* 0 and *out, or -EINVAL / -errno and at least one line in *errors. */
int config_load(const char *path, struct config **out, struct config_errors *errors);
/* The same from memory (tests, fuzzing); secret-file and password-file are relative to name's folder. */
int config_parse(const char *name, const void *text, size_t length, struct config **out,
	struct config_errors *errors);
void config_errors_free(struct config_errors *errors);
void config_free(struct config *config);

/*
 * What differs between two trees and cannot change in a running daemon, one name a line ("dpdk.vdevs",
 * "interfaces[access0].mtu"). Returns how many; 0 = all can be applied live.
 */
unsigned int config_restart_needed(
	const struct config *running, const struct config *wanted, struct config_errors *names);

/* First peer whose sources hold addr (network order) and whose pattern matches host_name (NULL: any). */
const struct config_peer *config_peer_find(
	const struct config *config, const struct ip_addr *addr, const char *host_name);
/* NULL: no policy of that name. */
/* ---- config_vrf.c ---- */
/* The VRF of a user's realm (behind the last '@', in any case); -1: none. */
int config_vrf_of_user(const struct config *config, const uint8_t *user, size_t length);
/* The pool of a subscriber in this VRF who was given none; -1: none. */
int config_pool_of_vrf(const struct config *config, unsigned int vrf);

const struct config_policy *config_policy_find(const struct config *config, const char *name);
/* The client whose sources hold addr; NULL: none. */
const struct config_radius_client *config_radius_client_find(
	const struct config *config, const struct ip_addr *addr);
/* Exact name first, then wildcards in the order of the file. */
const struct config_user *config_user_find(const struct config *config, const char *name);
/* Is this a user's fixed address, or our own end of the links? A pool never hands it out to others. */
bool config_address_reserved(
	const struct config *config, unsigned int vrf, const struct ip_addr *addr);

bool ip_prefix_holds(const struct ip_prefix *prefix, const struct ip_addr *addr);
/* "10.0.0.1", "2001:db8::1"; buffer of at least 46 bytes; returns it. */
char *ip_addr_text(const struct ip_addr *addr, char *buffer);
/* "10.0.0.0/8", "2001:db8::/32"; buffer of at least 50 bytes; returns it. */
char *ip_prefix_text(const struct ip_prefix *prefix, char *buffer);
