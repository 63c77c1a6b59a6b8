/* SPDX-License-Identifier: BSD-3-Clause */
/* The help text, and the patterns in user names and passwords. */
#include <stdio.h>

#include "options.h"

void options_usage(void)
{
	fputs("lnsload: a LAC with its subscribers, and the far end on the internet side\n"
	      "\n"
	      "  lnsload --lns ADDR[:PORT] --tunnels T --sessions S [OPTION]...\n"
	      "  lnsload reflect --listen ADDR[:PORT] [--listen6 ADDR]   far end on another host\n"
	      "\n"
	      "tunnels and sessions\n"
	      "  --local ADDR[,ADDR]...      source addresses, tunnels spread over them\n"
	      "  --source-port fixed|any     1701 for all tunnels (default), or one port each\n"
	      "  --netns NAME                namespace of the LAC's sockets\n"
	      "  --rate R                    set-ups per second, 0: as fast as the windows allow\n"
	      "  --pending N                 sessions in set-up at a time (1000)\n"
	      "  --setup-timeout SECONDS     a session must be up by then (60)\n"
	      "  --secret X, --secret-file F tunnel authentication, both ways\n"
	      "  --hostname NAME             host name of the LAC, %d: number of the tunnel\n"
	      "  --hello SECONDS             send Hello on idle tunnels (0: never)\n"
	      "  --window N, --retries N     receive window offered (256), resends (10)\n"
	      "  --hide-avps                 hide the calling number with the secret\n"
	      "  --proxy                     send proxy LCP and authentication AVPs\n"
	      "  --sequencing                Sequencing Required; Ns in data\n"
	      "  --length-bit on|off         length field in data (off)\n"
	      "  --udp-checksum on|off       outer UDP checksum over IPv4 (off; IPv6 always on)\n"
	      "tunnels inside ESP (RFC 3193), keys from a passphrase\n"
	      "  --esp ALGORITHM             aes128gcm16, chacha20poly1305, aes256-sha256, ...\n"
	      "  --esp-tunnels N|half|all    how many of the tunnels (all)\n"
	      "  --esp-passphrase X, --esp-passphrase-file F\n"
	      "  --esp-spi N, --esp-esn      first SPI (0x10000), extended sequence numbers\n"
	      "  --natt [PORT]               inside UDP (RFC 3948) from this port (4500)\n"
	      "  --esp-inject replay=P,corrupt=P,reorder=P   percent of what is sent\n"
	      "  --esp-state FILE            sequence numbers go on where the last run ended\n"
	      "  --print-sas                 the associations as lnsd's YAML, and nothing else\n"
	      "PPP\n"
	      "  --auth any|pap|chap|mschapv2|mix   what the subscribers can do (any)\n"
	      "  --user PATTERN              sub%d@isp.example, %d or %05d: number of the session\n"
	      "  --password P, --password-file F    may contain %d as well (secret%d)\n"
	      "  --mru N                     asked for in LCP (1492)\n"
	      "  --ppp-restart MS            restart timer of LCP, PAP, IPCP (1000)\n"
	      "  --ppp-compress              ask for and use PFC and ACFC\n"
	      "  --ipv6                      dual stack: IPv6CP, router solicitation, a prefix by "
	      "DHCPv6\n"
	      "traffic\n"
	      "  --internet-addr A[:PORT]    far end: a socket bound to A (port 7007)\n"
	      "  --internet-netns NAME       its namespace\n"
	      "  --internet-remote A[:PORT]  far end: a reflector\n"
	      "  --internet6-addr A          with --ipv6: every second packet by IPv6, to the same "
	      "far "
	      "end\n"
	      "  --pps N                     packets per second in all, each direction\n"
	      "  --size BYTES|imix           inner IP packet (512); imix: 7x64 4x576 1x1400\n"
	      "  --traffic-seconds N         (10)\n"
	      "  --direction up|down|both    (both)\n"
	      "  --hops N                    by how much TTL must have fallen (1)\n"
	      "  --verify-mtu                large downlink packets: ICMP and fragments\n"
	      "  --hold SECONDS              stay up after the traffic\n"
	      "captures, to be replayed to an LNS that has these sessions (docs/lnsload.md)\n"
	      "  --write-pcap FILE           --direction up or down of the traffic, and end\n"
	      "  --pcap-packets N            (65536) in random order of the sessions\n"
	      "  --pcap-mac MAC              where the frames go (02:00:00:00:00:01)\n"
	      "  --pcap-part K/N             only the sessions of queue K of N\n"
	      "  --pcap-vlan VLAN[,OUTER]    with an 802.1Q tag, and a service tag before it\n"
	      "  --pcap-gateway              ESP in tunnel mode, without L2TP, for other gateways\n"
	      "run\n"
	      "  --impair loss=P,dup=P,reorder=P       own control path, percent each way\n"
	      "  --impair-data loss=P,dup=P,reorder=P  subscribers' packets\n"
	      "  --seed N                    repeat the same choices\n"
	      "  --cycles N                  up, traffic, hold, down: N times\n"
	      "  --teardown stopccn|cdn|terminate|mix, --no-teardown\n"
	      "  --json FILE|-               summary\n"
	      "  --write-sessions FILE       one line per session: ids, user, address, counters\n"
	      "  --quiet, --interval SECONDS live line on stderr (1)\n"
	      "\n"
	      "exit status: 0 all sessions came up, nothing lost or misdelivered; 1 not so; 2 "
	      "usage\n",
		stdout);
}

void options_expand(const char *pattern, uint32_t number, char *out, size_t capacity)
{
	size_t n = 0;

	while (*pattern != '\0' && n + 1 < capacity) {
		const char *p = pattern;
		int width = 0;

		if (*p != '%') {
			out[n++] = *pattern++;
			continue;
		}
		p++;
		if (*p == '%') {
			out[n++] = '%';
			pattern = p + 1;
			continue;
		}
		if (*p == '0')
			for (p++; *p >= '0' && *p <= '9' && width < 20; p++)
				width = width * 10 + (*p - '0');
		if (*p != 'd') {
			out[n++] = *pattern++;
			continue;
		}
		n += (size_t)snprintf(out + n, capacity - n, "%0*u", width, number);
		if (n >= capacity)
			n = capacity - 1;
		pattern = p + 1;
	}
	out[n] = '\0';
}
