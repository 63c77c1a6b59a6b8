/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ESP (RFC 4303) over bursts of packets of one SA or many, in place; native and inside UDP (RFC 3948), transport
 * and tunnel mode, IPv4 and IPv6.
 *
 * Every packet begins (data_off) with its IP header, whose checksum is right (a wrong one stays wrong): IPv4
 * with or without options, IPv6 without extension headers. Packets are the caller's alone (not shared, not cloned). Chains are put together in their first
 * segment if that has the room, else refused by name. Nothing is freed and the order is kept; results[i]
 * says what became of pkts[i]. What a refused packet contains afterwards is not defined, but inbound its
 * IP, UDP and ESP headers stay where and as they were.
 */
#pragma once

#include <crypto/sa.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

/* Does the arithmetic. One per worker: it has scratch memory, no lock. */
struct esp_engine;

struct esp_result {
	uint8_t reject; /* enum esp_reject; ESP_ACCEPTED */
	/* Inbound, accepted. */
	uint8_t next_header;
	/*
	 * Source port of the UDP around it, 0: native. The packet is authentic, so this is where the peer's
	 * NAT has it now (RFC 7296, 2.23).
	 */
	rte_be16_t peer_port;
};

/*
 * engine: which arithmetic, and the same for the SAs' store (sa_store_create):
 * - "ipsec-mb": libipsec-mb called directly; needs AES instructions of the CPU;
 * - "cryptodev:DEVICE": a crypto device of DPDK, one that the EAL was started with (--vdev, PCI), or a virtual one
 *   that is made now ("cryptodev:crypto_openssl0"); has a queue pair for every lcore, if the device has as many;
 * - "auto": the fastest of libipsec-mb and the crypto devices that are there, for each algorithm, as measured
 *   once at the first call; where there is neither, crypto_openssl0.
 * Created one after the other, before or while others are in use. socket: NUMA node of the worker, or
 * SOCKET_ID_ANY.
 *
 * NULL with errno, and esp_reason: EINVAL: no such name; ENOTSUP: the CPU lacks what libipsec-mb needs; EIO: its
 * self-test failed; ENODEV: no such device; EBUSY: it has no queue pair left; ENOMEM.
 */
struct esp_engine *esp_engine_create(const char *engine, int socket);
void esp_engine_destroy(struct esp_engine *engine);
/* What it consists of, for operators: "ipsec-mb avx512", "cryptodev crypto_openssl0", or more than one. */
const char *esp_engine_name(const struct esp_engine *engine);

/*
 * Number of packets accepted. Transport mode: the IP header now stands directly before the payload, its
 * protocol, length and checksum made right (RFC 4303, 3.4.4.1); UDP and TCP checksums inside are not looked
 * at (behind a NAT they are wrong by design: RFC 3948, 3.1.2). Tunnel mode: the packet begins with the inner
 * IP header and ends where that says.
 *
 * The content of padding is not compared: it is authentic, and RFC 4303 leaves it to the sender's cipher.
 */
uint16_t esp_inbound_burst(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts,
	uint16_t n, struct esp_result *results);

/*
 * Number of packets accepted. Checksums inside are final: no offload is pending. A packet gets the next
 * number only if nothing else speaks against it, so refused ones leave no gap. The outer header of tunnel
 * mode takes DSCP from the inner one, but not ECN (RFC 6040, 4.1, compatibility mode).
 */
uint16_t esp_outbound_burst(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts,
	uint16_t n, struct esp_result *results);

/* What a burst of packets of many SAs has of one of them. */
struct esp_batch {
	struct sa *sa;
	struct rte_mbuf **pkts;
	struct esp_result *results;
	uint16_t n;
};

/*
 * Each batch as by the two above. Those whose cipher has a separate HMAC share libipsec-mb's lanes, whatever their
 * keys: many batches of few packets cost about what one batch of many costs. Packets of one SA are worked on in
 * their order, those of different SAs are not.
 */
void esp_inbound_batches(
	struct esp_engine *engine, const struct esp_batch *batches, uint16_t n_batches);
void esp_outbound_batches(
	struct esp_engine *engine, const struct esp_batch *batches, uint16_t n_batches);

/* The keys of an SA whose burst comes soon, which nobody used for a while, towards the caller's cache. */
void esp_prefetch(const struct sa *sa);

/* The most that an SA puts in front of the IP header's place, and behind the packet. For pools and MTUs. */
#define ESP_HEADROOM_MAX (40 + 8 + 8 + 16)
#define ESP_TAILROOM_MAX (15 + 2 + ESP_ICV_MAX)
