#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The laboratory network of the quick start and the end-to-end tests, all in namespaces of its own:
#
#   P-lac                      P-lns                       P-inet
#   access 10.1.0.2 ────────── access   [lnsd]   core ───── core 10.2.0.2, lo 203.0.113.1
#          10.1.0.4 (inside ESP)
#          fd00:1::2                                             fd00:2::2, lo 2001:db8:ffff::1
#                              P-kern: lnsd's TAPs and lns0 (10.1.0.1, 10.2.0.1)
#
# lnsd takes the two ends in P-lns with net_af_packet. Its TAPs, which hold the addresses, live in
# P-kern: in P-lns the kernel would see each packet a second time and answer it with an error.
# Subscribers have 100.64.0.0/10 and 2001:db8:1000::/36, which P-inet reaches through lnsd's core address.
#
# usage: netlab.sh up|down|guest|blue|second|default-route PREFIX, netlab.sh sweep; or sourced, for netlab_*
# A prefix ends in the pid of the script that made it ("lnsd-qs-1234"), so that what a killed run
# left behind is recognised and removed by the next one (sweep).
# shellcheck disable=SC2034 # read by those who source this file

netlab_lns_access=10.1.0.1
netlab_lac_access=10.1.0.2
netlab_lac_secure=10.1.0.4
netlab_lns_core=10.2.0.1
netlab_inet_core=10.2.0.2
netlab_inet_far=203.0.113.1
netlab_pool=100.64.0.0/10
netlab_lns_core6=fd00:2::1
netlab_inet_far6=2001:db8:ffff::1
netlab_pool6=2001:db8:1000::/36

# Only IPv4 and IPv6 that someone sent on purpose: no autoconfiguration, no offload that would leave
# a checksum or a segment for a NIC to finish, which AF_PACKET would show unfinished.
netlab_quiet() {
	local namespace=$1 interface
	shift
	for interface in "$@"; do
		ip netns exec "$namespace" ethtool -K "$interface" \
			tx off rx off tso off gso off gro off txvlan off rxvlan off >/dev/null 2>&1 || true
	done
}

netlab_up() {
	local p=$1 side
	netlab_sweep
	for side in lac lns inet kern; do
		ip netns add "$p-$side" || return 1
		ip netns exec "$p-$side" sysctl -qw net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_ra=0 || return 1
		ip -n "$p-$side" link set lo up || return 1
	done
	# In the middle nothing of the kernel's own may answer or speak.
	ip netns exec "$p-lns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
		net.ipv6.conf.default.disable_ipv6=1 || return 1

	ip link add name access netns "$p-lac" type veth peer name access netns "$p-lns" || return 1
	ip link add name core netns "$p-inet" type veth peer name core netns "$p-lns" || return 1
	netlab_quiet "$p-lac" access
	netlab_quiet "$p-lns" access core
	netlab_quiet "$p-inet" core
	ip -n "$p-lns" link set access up || return 1
	ip -n "$p-lns" link set core up || return 1

	ip -n "$p-lac" addr add 10.1.0.2/24 dev access || return 1
	ip -n "$p-lac" addr add 10.1.0.4/24 dev access || return 1
	ip -n "$p-lac" addr add fd00:1::2/64 dev access nodad || return 1
	ip -n "$p-lac" link set access up || return 1
	ip -n "$p-inet" addr add 10.2.0.2/24 dev core || return 1
	ip -n "$p-inet" addr add fd00:2::2/64 dev core nodad || return 1
	ip -n "$p-inet" addr add 203.0.113.1/32 dev lo || return 1
	ip -n "$p-inet" link set core up || return 1
	ip -n "$p-inet" route add 100.64.0.0/10 via 10.2.0.1 || return 1
	ip -n "$p-inet" route add 10.1.0.0/24 via 10.2.0.1 || return 1
	ip -n "$p-inet" addr add 2001:db8:ffff::1/128 dev lo nodad || return 1
	ip -n "$p-inet" route add 2001:db8:1000::/36 via fd00:2::1 || return 1
}

# lnsd's way to the internet, given to the kernel like on any router; once lnsd has made its TAPs. The
# ping finds the next hop: until its address is known lnsd drops what goes there.
netlab_default_route() {
	local p=$1 tries=0
	ip -n "$p-kern" route replace default via 10.2.0.2 || return 1
	ip netns exec "$p-kern" ping -q -c 1 -W 2 10.2.0.2 >/dev/null 2>&1 || true
	[ -n "$(ip -n "$p-kern" -6 addr show to fd00:2::/64)" ] || return 0
	# IPv6 learns of the carrier a moment later, and its subnets with it
	until ip -n "$p-kern" route replace default via fd00:2::2 2>/dev/null; do
		tries=$((tries + 1))
		if [ $tries -eq 50 ]; then
			ip -n "$p-kern" route replace default via fd00:2::2
			return 1
		fi
		sleep 0.1
	done
	ip netns exec "$p-kern" ping -q -c 1 -W 2 fd00:2::2 >/dev/null 2>&1 || true
}

# A TAP "guest0" in P-lac, bridged to the access link, for a virtual machine: it is a second LAC.
netlab_guest() {
	local p=$1
	ip -n "$p-lac" link add name bridge0 type bridge stp_state 0 forward_delay 0 || return 1
	ip -n "$p-lac" tuntap add dev guest0 mode tap || return 1
	netlab_quiet "$p-lac" guest0 bridge0
	ip -n "$p-lac" addr flush dev access || return 1
	ip -n "$p-lac" link set access master bridge0 || return 1
	ip -n "$p-lac" link set guest0 master bridge0 || return 1
	ip -n "$p-lac" addr add 10.1.0.2/24 dev bridge0 || return 1
	ip -n "$p-lac" addr add fd00:1::2/64 dev bridge0 nodad || return 1
	ip -n "$p-lac" link set guest0 up || return 1
	ip -n "$p-lac" link set bridge0 up || return 1
}

# A second internet for a second VRF, P-blue, with all the addresses that P-inet has, on the link core2.
netlab_blue() {
	local p=$1
	ip netns add "$p-blue" || return 1
	ip -n "$p-blue" link set lo up || return 1
	ip link add name core netns "$p-blue" type veth peer name core2 netns "$p-lns" || return 1
	netlab_quiet "$p-blue" core
	netlab_quiet "$p-lns" core2
	ip -n "$p-lns" link set core2 up || return 1
	ip -n "$p-blue" addr add 10.2.0.2/24 dev core || return 1
	ip -n "$p-blue" addr add 203.0.113.1/32 dev lo || return 1
	ip -n "$p-blue" addr add fd00:2::2/64 dev core nodad || return 1
	ip -n "$p-blue" addr add 2001:db8:ffff::1/128 dev lo nodad || return 1
	ip -n "$p-blue" link set core up || return 1
	ip -n "$p-blue" route add 100.64.0.0/10 via 10.2.0.1 || return 1
	ip -n "$p-blue" route add 198.51.100.0/24 via 10.2.0.1 || return 1
	ip -n "$p-blue" route add 2001:db8:1000::/36 via fd00:2::1 || return 1
}

# A second link from lnsd to P-inet, core2: 10.3.0.1, fd00:3::1 on lnsd's side, .2, ::2 on the other.
netlab_second() {
	local p=$1
	ip link add name core2 netns "$p-inet" type veth peer name core2 netns "$p-lns" || return 1
	netlab_quiet "$p-inet" core2
	netlab_quiet "$p-lns" core2
	ip -n "$p-lns" link set core2 up || return 1
	ip -n "$p-inet" addr add 10.3.0.2/24 dev core2 || return 1
	ip -n "$p-inet" addr add fd00:3::2/64 dev core2 nodad || return 1
	ip -n "$p-inet" link set core2 up || return 1
}

# Whatever still runs in these namespaces was started by their owner.
netlab_down() {
	local p=$1 side pid
	for side in lac lns inet kern blue; do
		[ -e "/run/netns/$p-$side" ] || continue
		for pid in $(ip netns pids "$p-$side" 2>/dev/null); do
			kill -KILL "$pid" 2>/dev/null || true
		done
	done
	for side in lac lns inet kern blue; do
		[ -e "/run/netns/$p-$side" ] || continue
		ip netns del "$p-$side" 2>/dev/null || true
	done
}

# Removes what runs left behind whose process is gone.
netlab_sweep() {
	local path prefix
	for path in /run/netns/lnsd-*-*-lac; do
		[ -e "$path" ] || continue
		prefix=$(basename "$path" -lac)
		kill -0 "${prefix##*-}" 2>/dev/null || netlab_down "$prefix"
	done
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	set -euo pipefail
	case ${1-}:$# in
	up:2) netlab_up "$2" ;;
	down:2) netlab_down "$2" ;;
	guest:2) netlab_guest "$2" ;;
	blue:2) netlab_blue "$2" ;;
	second:2) netlab_second "$2" ;;
	default-route:2) netlab_default_route "$2" ;;
	sweep:1) netlab_sweep ;;
	*)
		echo "usage: netlab.sh up|down|guest|blue|second|default-route PREFIX | sweep" >&2
		exit 2
		;;
	esac
fi
