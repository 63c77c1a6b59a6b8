/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of lnsload. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "impair.h"
#include "transform.h"

#define OPTIONS_LOCALS       64u
#define OPTIONS_TEXT         256u
#define OPTIONS_MAX_SESSIONS 4000000u

enum options_auth {
	OPTIONS_AUTH_ANY, /* whatever the LNS asks for */
	OPTIONS_AUTH_PAP,
	OPTIONS_AUTH_CHAP,
	OPTIONS_AUTH_MSCHAPV2,
	OPTIONS_AUTH_MIX, /* by session number: PAP, CHAP, MS-CHAPv2 */
};

enum options_teardown {
	OPTIONS_TEARDOWN_STOPCCN,
	OPTIONS_TEARDOWN_CDN,
	OPTIONS_TEARDOWN_TERMINATE,
	OPTIONS_TEARDOWN_MIX,
};

/* tunnels inside ESP */
struct options_esp {
	bool on;
	struct transform transform;
	bool half;        /* every second tunnel */
	uint32_t tunnels; /* how many; 0 without --esp */
	char passphrase[OPTIONS_TEXT];
	uint32_t spi; /* of the first link to the LNS; that from it is one more, and so on */
	bool natt, esn;
	uint16_t natt_port;
	double replay, corrupt, reorder; /* percent of the packets that we send */
	char state[OPTIONS_TEXT];
	bool print; /* only show the associations */
};

/* traffic into a capture file instead of a network */
struct options_capture {
	char file[OPTIONS_TEXT];
	uint32_t packets;
	uint8_t mac[6];            /* where the frames go */
	uint32_t part, parts;      /* only the sessions of this part, 0 to parts - 1 */
	uint16_t vlan, outer_vlan; /* tags, 0 = none */
	bool gateway; /* ESP in tunnel mode around subscribers' packets, without L2TP */
};

#define OPTIONS_UP   1u
#define OPTIONS_DOWN 2u

struct options {
	struct sockaddr_storage lns;
	struct sockaddr_storage local[OPTIONS_LOCALS];
	uint32_t local_count;
	bool source_port_any;
	uint32_t tunnels, sessions, pending;
	double rate; /* set-ups per second, 0: unlimited */
	char secret[OPTIONS_TEXT];
	char hostname[OPTIONS_TEXT];
	char user[OPTIONS_TEXT];
	char password[OPTIONS_TEXT];
	enum options_auth auth;
	bool proxy, sequencing, length_bit, hide, compress, udp_checksum;
	uint32_t hello_seconds;
	uint32_t window;  /* receive window offered */
	uint32_t retries; /* of a control message */
	uint32_t mru;
	uint32_t ppp_restart_ms;
	uint32_t setup_timeout_seconds;
	char netns[OPTIONS_TEXT];
	/* traffic */
	char internet_netns[OPTIONS_TEXT];
	bool internet_local, internet_remote;
	struct sockaddr_in internet; /* the far end: our own socket's or the reflector's */
	double pps;
	uint32_t size;                 /* inner IP packet, 0: IMIX */
	bool ipv6;                     /* subscribers are dual stack */
	bool by_ipv6;                  /* every second packet */
	struct sockaddr_in6 internet6; /* the far end's IPv6 address, the same port */
	uint32_t traffic_seconds;
	uint32_t hold_seconds;
	unsigned direction;
	uint32_t hops; /* by how much TTL must have fallen on the way */
	bool verify_mtu;
	struct impair_rates impair, impair_data;
	struct options_esp esp;
	struct options_capture capture;
	uint64_t seed;
	uint32_t cycles;
	bool no_teardown;
	enum options_teardown teardown;
	char json[OPTIONS_TEXT];
	char write_sessions[OPTIONS_TEXT];
	bool quiet;
	double interval_seconds;
	/* lnsload reflect */
	bool reflect;
	struct sockaddr_in listen;
	struct sockaddr_in6 listen6; /* and by IPv6, family 0: not */
};

/*
 * Fills o from the command line. 0; 1: help or version was shown; -EINVAL after a message on
 * stderr that names the option, the value and what was expected.
 */
int options_parse(struct options *o, int argc, char **argv);
void options_usage(void);
/* Replaces %d or %0Nd by the number and %% by %; cuts at capacity. */
void options_expand(const char *pattern, uint32_t number, char *out, size_t capacity);
