/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why packets are dropped: one list, counted per worker, shown by `lnsctl show drops`.
 *
 * X(name, what an operator should read)
 */
#pragma once

#define DROP_REASONS(X)                                                              \
	X(RX_TRUNCATED, "frame shorter than its headers")                            \
	X(RX_VLAN_UNKNOWN, "VLAN that no interface has")                             \
	X(RX_ETHERTYPE, "EtherType we do not handle")                                \
	X(RX_ROLE, "IP for elsewhere on an interface that does not forward")         \
	X(RX_NOT_FOR_US, "unicast MAC address that is not ours")                     \
	X(OUTER_IP_HEADER, "outer IP header: version, length or total length wrong") \
	X(OUTER_IP_CHECKSUM, "outer IPv4 header checksum wrong")                     \
	X(OUTER_UDP_LENGTH, "outer UDP length wrong")                                \
	X(OUTER_UDP_CHECKSUM, "outer UDP checksum wrong")                            \
	X(FRAGMENT_INVALID, "outer fragment overlapping, over-long or malformed")    \
	X(FRAGMENT_TABLE_FULL, "too many datagrams in reassembly")                   \
	X(FRAGMENT_TIMEOUT, "outer fragments whose rest never came")                 \
	X(L2TP_VERSION, "L2TP header: version is not 2 or reserved combination")     \
	X(L2TP_TRUNCATED, "L2TP header or payload shorter than it says")             \
	X(L2TP_UNKNOWN_TUNNEL, "data for a tunnel that does not exist")              \
	X(L2TP_UNKNOWN_SESSION, "data for a session that does not exist")            \
	X(L2TP_WRONG_PEER, "data from an address that is not the tunnel's peer")     \
	X(L2TP_WRONG_SA, "data outside of the tunnel's IPsec SAs")                   \
	X(L2TP_LATE, "data with a sequence number that has passed")                  \
	X(ESP_UNKNOWN_SPI, "ESP with an SPI that no SA has")                         \
	X(ESP_STALE, "SA ended while the packet was on its way")                     \
	X(ESP_SEGMENTS, "ESP packet too large for one packet buffer")                \
	X(ESP_ENCAPSULATION, "ESP not directly behind the IP or UDP header")         \
	X(ESP_TRUNCATED, "ESP shorter than its header, IV, trailer and ICV")         \
	X(ESP_BLOCK, "ESP ciphertext is no multiple of the cipher's block")          \
	X(ESP_SEQUENCE, "ESP sequence number zero or past the last one")             \
	X(ESP_REPLAYED, "ESP packet seen before")                                    \
	X(ESP_OLD, "ESP packet left of the replay window")                           \
	X(ESP_ICV, "ESP packet is not authentic")                                    \
	X(ESP_PADDING, "ESP pad length beyond the packet")                           \
	X(ESP_DUMMY, "ESP dummy packet, sent to hide how much traffic there is")     \
	X(ESP_NEXT_HEADER, "ESP carries another protocol than its SA")               \
	X(ESP_INNER, "inside ESP is not UDP for L2TP at an address of ours")         \
	X(ESP_WRONG_PEER, "authentic ESP from an address that is not its SA's peer") \
	X(ESP_SELECTOR, "inside ESP from an address that its SA is not for")         \
	X(ESP_NO_SA, "no outbound SA for a tunnel's packet")                         \
	X(ESP_IP, "what ESP was to protect begins with no IP header")                \
	X(ESP_TOO_LONG, "longer than 65,535 bytes with ESP")                         \
	X(ESP_ROOM, "no room in the packet buffer for what ESP adds")                \
	X(ESP_LIMIT, "outbound ESP sequence number not reserved yet")                \
	X(ESP_EXHAUSTED, "last outbound ESP sequence number used: rekeying is due")  \
	X(ESP_ENGINE, "crypto engine refused the operation, or there is none")       \
	X(NATT_KEEPALIVE, "NAT keepalive on UDP port 4500 (RFC 3948): all is well")  \
	X(NATT_SHORT, "UDP port 4500: too short for ESP or IKE")                     \
	X(SESSION_STALE, "session ended while the packet was on its way")            \
	X(PPP_TRUNCATED, "PPP frame without a protocol field")                       \
	X(PPP_NOT_OPEN, "network data before its NCP is open")                       \
	X(IP_HEADER, "inner IP header: version or header length wrong")              \
	X(IP_LENGTH, "inner IP length longer than the packet")                       \
	X(IP_CHECKSUM, "inner IPv4 header checksum wrong")                           \
	X(IP_SPOOFED, "source address that is not the subscriber's")                 \
	X(IP_MARTIAN, "source or destination that may not be forwarded")             \
	X(IP_TTL, "TTL or hop limit expired in transit")                             \
	X(IP_OPTIONS, "source route or other refused IP option")                     \
	X(IP_NO_ROUTE, "no route to the destination")                                \
	X(IP_REFUSED, "route says blackhole, unreachable or prohibit")               \
	X(IP_TOO_BIG, "larger than the MTU and may not be fragmented")               \
	X(IP_LINK_LOCAL, "link-local or multicast that is not forwarded")            \
	X(FRAGMENT_FAILED, "could not be fragmented")                                \
	X(NEIGHBOUR_UNRESOLVED, "next hop without a link-layer address")             \
	X(HAIRPIN_DENIED, "subscriber to subscriber traffic is off")                 \
	X(POLICY_FILTERED, "refused by the session's filter")                        \
	X(POLICY_POLICED, "above the session's rate")                                \
	X(ICMP_RATE, "ICMP error suppressed by the rate limit")                      \
	X(HANDOFF_FULL, "handoff ring to another worker full")                       \
	X(HANDOFF_HOPS, "handed off too often")                                      \
	X(PUNT_KNOWN_FULL, "control traffic of known tunnels: ring full")            \
	X(PUNT_UNKNOWN_FULL, "control traffic of unknown senders: ring full")        \
	X(PUNT_EXCEPTION_FULL, "packets for the kernel: ring full")                  \
	X(PUNT_SESSION_RATE, "one subscriber's control traffic above its rate")      \
	X(INJECT_INVALID, "injected packet for something that is gone")              \
	X(TX_FULL, "transmit queue full")                                            \
	X(OVERLOAD, "data dropped early: more than the worker can do")               \
	X(OVERLOAD_L2TP, "overload: L2TP control above its share")                   \
	X(OVERLOAD_PPP, "overload: PPP control above its or its session's share")    \
	X(OVERLOAD_ESP, "overload: ESP that may be control above its share")         \
	X(OVERLOAD_LINK, "overload: ARP and neighbour discovery above their share")  \
	X(OVERLOAD_STRANGER, "overload: for us, of no tunnel, above its share")      \
	X(TX_IFACE_DOWN, "interface down")                                           \
	X(NO_MBUF, "no packet buffer left")

enum drop_reason {
#define X(name, text) DROP_##name,
	DROP_REASONS(X)
#undef X
		DROP_MAX
};

const char *drop_name(enum drop_reason reason); /* "ip_spoofed" */
const char *drop_text(enum drop_reason reason);
