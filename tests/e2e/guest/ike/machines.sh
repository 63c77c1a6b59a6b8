#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The network of the IKE tests, all inside the guest. Sourced by each of its scripts.
#
#   lac0 10.1.0.2 ─────────────────────────┐
#                                         wire ──── access [lnsd] core ──── core 10.2.0.2, lo 203.0.113.1
#   lac1 192.168.1.2 ┐                     │            in lns                      in inet
#                    ├ nat  10.1.0.254 ────┘
#   lac2 192.168.1.3 ┘ (masquerade)              front: lnsd's TAPs (10.1.0.1, 10.2.0.1) and the LNS's charon
#
# A machine is a network namespace and a mount namespace with an /etc/swanctl, /etc/strongswan.d, /etc/ppp and /run
# of its own, so that every daemon has its usual paths. /x/NAME is where it leaves its logs.

# on NAME COMMAND…: runs it on that machine
on() {
	machine=$1
	shift
	nsenter -t "$(cat "/run/machine.$machine")" -n -m -- "$@"
}

# start NAME LOG COMMAND…: leaves it running there, its output in /x/NAME/LOG; prints its pid
start() {
	machine=$1
	log=/x/$1/$2
	shift 2
	setsid nsenter -t "$(cat "/run/machine.$machine")" -n -m -- "$@" >>"$log" 2>&1 </dev/null &
	echo $!
}

# wait_for SECONDS COMMAND…: until it succeeds
wait_for() {
	end=$(($(cut -d. -f1 /proc/uptime) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt "$end" ] || return 1
		sleep 0.1
	done
}

make_machine() {
	mkdir -p "/x/$1" "/run/private/$1/swanctl" "/run/private/$1/strongswan.d" "/run/private/$1/ppp"
	cp -r /etc/swanctl/. "/run/private/$1/swanctl/"
	cp -r /etc/strongswan.d/. "/run/private/$1/strongswan.d/"
	ip netns add "$1"
	ip -n "$1" link set lo up
	# shellcheck disable=SC2016 # expanded in there
	setsid ip netns exec "$1" unshare -m --propagation private sh -c '
		for directory in swanctl strongswan.d ppp; do
			mount --bind "/run/private/$1/$directory" "/etc/$directory"
		done
		echo $$ >"/run/machine.$1.new"
		mv "/run/machine.$1.new" "/run/machine.$1"
		mount -t tmpfs tmpfs /run
		mkdir -p /run/xl2tpd /run/lock
		: >"/x/$1/made"
		exec sleep infinity' sh "$1" >/dev/null 2>&1 </dev/null &
	wait_for 10 test -e "/x/$1/made"
}

# cable A NAME-AT-A B NAME-AT-B: nothing but what was sent on purpose, no checksum left for a NIC to fill in
cable() {
	ip link add name "$2" netns "$1" type veth peer name "$4" netns "$3"
	for end in "$1 $2" "$3 $4"; do
		ip netns exec "${end% *}" ethtool -K "${end#* }" tx off rx off tso off gso off gro off >/dev/null 2>&1
		ip -n "${end% *}" link set "${end#* }" up
	done
}

make_bridge() {
	ip -n "$1" link add name bridge0 type bridge stp_state 0 forward_delay 0
	ip -n "$1" link set bridge0 up
	bridge_machine=$1
	shift
	for port; do
		ip -n "$bridge_machine" link set "$port" master bridge0
	done
}

make_network() {
	modprobe -a veth bridge tun esp4 xfrm_user l2tp_ppp ppp_async nf_nat nft_chain_nat nft_masq sch_netem
	for name in lac0 lac1 lac2 nat wire lns front inet; do
		make_machine "$name"
	done
	for name in wire lns; do
		ip netns exec "$name" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	done
	cable lac0 wan wire lac0
	cable nat wan wire nat
	cable lns access wire lns
	make_bridge wire lac0 nat lns
	cable lac1 wan nat lac1
	cable lac2 wan nat lac2
	make_bridge nat lac1 lac2
	cable lns core inet core
	ip -n lac0 addr add 10.1.0.2/24 dev wan
	ip -n nat addr add 10.1.0.254/24 dev wan
	ip -n nat addr add 192.168.1.1/24 dev bridge0
	ip -n lac1 addr add 192.168.1.2/24 dev wan
	ip -n lac2 addr add 192.168.1.3/24 dev wan
	ip -n lac1 route add default via 192.168.1.1
	ip -n lac2 route add default via 192.168.1.1
	ip -n inet addr add 10.2.0.2/24 dev core
	ip -n inet addr add 203.0.113.1/32 dev lo
	ip -n inet route add 100.64.0.0/10 via 10.2.0.1
	ip netns exec nat sysctl -qw net.ipv4.ip_forward=1
	masquerade 20000-29999
}

# masquerade PORTS: a NAT that knows of no connection; what goes out gets a port of these
masquerade() {
	ip netns exec nat nft -f - <<-RULES
		flush ruleset
		add table ip nat
		add chain ip nat out { type nat hook postrouting priority 100; }
		add rule ip nat out oifname wan meta l4proto udp masquerade to :$1 random
		add rule ip nat out oifname wan masquerade
	RULES
	# links that go down take their connections along
	ip -n nat link set wan down
	ip -n nat link set wan up
}

# An LNS's way to the internet, given to the kernel as on any router, once lnsd has made its TAPs.
start_lnsd() {
	# with our own /run, in which kernel.netns is looked for
	setsid ip netns exec lns /usr/bin/lnsd -c /x/lnsd.yaml >>/x/lns/lnsd.log 2>&1 </dev/null &
	echo $! >/run/lnsd.pid
	if ! wait_for 40 lnsctl -s /run/lnsd.sock show version; then
		tail -n 20 /x/lns/lnsd.log
		return 1
	fi
	ip -n front route replace default via 10.2.0.2
}

start_charon() {
	start "$1" charon.out /usr/lib/ipsec/charon >"/run/charon.$1"
	wait_for 20 on "$1" test -S /run/charon.vici || return 1
	on "$1" swanctl --load-all >"/x/$1/load.log" 2>&1 || {
		cat "/x/$1/load.log"
		return 1
	}
}

# end PIDFILE [SIGNAL]: waits until the process is gone
end() {
	[ -e "$1" ] || return 0
	pid=$(cat "$1")
	kill "-${2:-TERM}" "$pid" 2>/dev/null
	rm -f "$1"
	wait_for 20 sh -c "! kill -0 $pid"
}

stop_charon() {
	[ -e "/run/charon.$1" ] || return 0
	end "/run/charon.$1" "${2:-TERM}"
	on "$1" rm -f /run/charon.pid /run/charon.vici
}

# With /x/NAME/ipsec.conf and ipsec.secrets. It has its connections from the usual place.
start_libreswan() {
	cp "/x/$1/ipsec.conf" /etc/ipsec.conf
	on "$1" sh -c 'rm -rf /run/pluto /run/nss
		mkdir -p /run/pluto /run/nss
		certutil -N -d sql:/run/nss --empty-password' || return 1
	start "$1" pluto.out /usr/libexec/ipsec/pluto --nofork --config /etc/ipsec.conf --nssdir /run/nss \
		--rundir /run/pluto --secretsfile "/x/$1/ipsec.secrets" --logfile "/x/$1/pluto.log" >"/run/pluto.$1"
	wait_for 30 grep -q 'client-psk.*added' "/x/$1/pluto.log"
}

start_xl2tpd() {
	on "$1" rm -f /run/xl2tpd.ctl
	start "$1" xl2tpd.log xl2tpd -D -c "/x/$1/xl2tpd.conf" -p /run/xl2tpd.pid -C /run/xl2tpd.ctl >"/run/xl2tpd.$1"
	wait_for 10 on "$1" test -p /run/xl2tpd.ctl
}

# pppd waits for answers that nobody is left to give
stop_pppd() {
	# shellcheck disable=SC2016 # in there
	on "$1" sh -c 'for file in /run/ppp*.pid; do
		[ -e "$file" ] && kill -KILL "$(cat "$file")"
		rm -f "$file"
	done' 2>/dev/null
	wait_for 10 sh -c "! ip -n $1 link show ppp0"
}

stop_xl2tpd() {
	[ -e "/run/xl2tpd.$1" ] || return 0
	end "/run/xl2tpd.$1" "${2:-TERM}"
	stop_pppd "$1"
}

dial() {
	# shellcheck disable=SC2016 # the pipe of that machine
	on "$1" sh -c 'echo "c isp" >/run/xl2tpd.ctl'
}

hang_up() {
	on "$1" sh -c 'echo "d isp" >/run/xl2tpd.ctl'
	sleep 0.5
	stop_pppd "$1"
}

flush_sas() {
	ip -n "$1" xfrm state flush
	ip -n "$1" xfrm policy flush
}

# Nothing is left running but lnsd, and no SA is anywhere.
reset_machines() {
	for machine_ in lac0 lac1 lac2; do
		stop_xl2tpd "$machine_"
	done
	end /run/pluto.front
	for machine_ in lac0 lac1 lac2 front; do
		stop_charon "$machine_" KILL
		flush_sas "$machine_"
	done
	for service in /run/iperf3.inet /run/tcpdump.wire; do
		end "$service"
	done
	ip -n wire link set lac0 up
	ip -n nat link set wan up
	masquerade 20000-29999
}
