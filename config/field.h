/* SPDX-License-Identifier: BSD-3-Clause */
/* Readers of the fields that are more than a number, a word or a text. */
#pragma once

#include "schema.h"

schema_read_fn field_read_addr;          /* struct ip_addr */
schema_read_fn field_read_addr4;         /* struct ip_addr, IPv4 */
schema_read_fn field_read_host;          /* struct ip_prefix: an address with its subnet's length */
schema_read_fn field_read_source;        /* struct ip_prefix: a network, or one address */
schema_read_fn field_read_network;       /* struct ip_prefix: a network */
schema_read_fn field_read_range;         /* struct ip_range, IPv4 */
schema_read_fn field_read_mac;           /* uint8_t[6] */
schema_read_fn field_read_device;        /* char *: PCI address and arguments */
schema_read_fn field_read_vdev;          /* char *: vdev name and arguments */
schema_read_fn field_read_eal_arg;       /* char * */
schema_read_fn field_read_device_name;   /* char[CONFIG_NAME_MAX]: PCI address or vdev name */
schema_read_fn field_read_workers;       /* worker_cores of struct config_dpdk, and n_workers */
schema_read_fn field_read_auth;          /* auth of struct config_subscribers, and n_auth */
schema_read_fn field_read_dns;           /* dns of struct config_subscribers */
schema_read_fn field_read_route;         /* struct config_route: a network, or prefix and metric */
schema_read_fn field_read_unicast;       /* struct ip_addr: of a host, either family */
schema_read_fn field_read_spi;           /* uint32_t: decimal, or hexadecimal after 0x */
schema_read_fn field_read_encapsulation; /* local_port and peer_port of struct config_sa */
schema_read_fn field_read_netns;         /* netns_mode and netns of struct config_kernel */
schema_read_fn field_read_aaa_order;     /* order of struct config_aaa, and n_order */
schema_read_fn field_read_rate;          /* uint64_t: bits per second */

/* field_ipv6.c */
schema_read_fn field_read_addr6;        /* struct ip_addr, IPv6 */
schema_read_fn field_read_network6;     /* struct ip_prefix: an IPv6 network, 16 to 128 bits */
schema_read_fn field_read_prefix64;     /* struct ip_prefix: a /64 */
schema_read_fn field_read_delegated;    /* struct ip_prefix: /48 to /64 */
schema_read_fn field_read_interface_id; /* uint8_t[8]: four groups of an address */
schema_read_fn field_read_dns6;         /* dns of struct config_ipv6 */
schema_read_fn field_read_domain;       /* char *: a DNS name */

/* A list of at most max addresses, each read by element; an empty one is as none. */
bool field_read_addresses(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, struct ip_addr *addresses, unsigned int max,
	schema_read_fn *element);
