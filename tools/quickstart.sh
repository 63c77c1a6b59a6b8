#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# lnsd at work on this machine, in a few minutes and with nothing left behind: installs what is missing,
# builds, makes a small network of namespaces (LAC | lnsd | internet), brings dual-stack subscribers up
# through real L2TP and PPP, half of the tunnels inside ESP (AES-GCM), sends IPv4 and IPv6 both ways, and
# says how that went.
#
# usage: quickstart.sh [--seconds N] [--sessions N] [--pps N] [--keep]       as root, on Debian 12
#   --seconds N   how long traffic flows (10)
#   --sessions N  subscribers, 1 to 60000 (100)
#   --pps N       packets per second in each direction (4000)
#   --keep        leave it running until Enter or Ctrl-C, to look around with lnsctl
# The last line is "quickstart: ok sessions=N up_pps=N down_pps=N loss=N", or "quickstart: failed: why"
# with exit status 1.
set -uo pipefail

root=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
# shellcheck source=tools/netlab.sh
. "$root/tools/netlab.sh"

seconds=10 sessions=100 pps=4000 keep=
prefix=lnsd-qs-$$
work='' lnsd_pid='' load_pid=''

stop() {
	local pid=$1 tries=0
	[ -n "$pid" ] || return 0
	kill -TERM "$pid" 2>/dev/null || return 0
	while kill -0 "$pid" 2>/dev/null && [ $tries -lt 100 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

cleanup() {
	trap '' INT TERM HUP
	stop "$load_pid"
	stop "$lnsd_pid"
	netlab_down "$prefix"
	[ -z "$work" ] || rm -rf "$work"
}

fail() {
	if [ -n "$work" ] && [ -s "$work/lnsd.log" ]; then
		echo "the end of lnsd's log:" >&2
		tail -n 15 "$work/lnsd.log" | sed 's/^/    | /' >&2
	fi
	trap - EXIT
	cleanup
	echo "quickstart: failed: $*"
	exit 1
}

number() {
	if ! [[ $2 =~ ^[0-9]{1,9}$ ]] || [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
		fail "$1 $2: a number from $3 to $4 was expected"
	fi
}

while [ $# -gt 0 ]; do
	case $1 in
	--seconds | --sessions | --pps)
		[ $# -ge 2 ] || fail "$1 needs a number"
		declare "${1#--}=$2"
		shift 2
		;;
	--keep)
		keep=1
		shift
		;;
	-h | --help)
		sed -n '3,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
		exit 0
		;;
	*) fail "$1 is no option (--help lists them)" ;;
	esac
done
number --seconds "$seconds" 1 86400
number --sessions "$sessions" 1 60000
number --pps "$pps" 1 10000000
[ "$(id -u)" = 0 ] || fail "must run as root (packages, network namespaces, raw sockets)"

trap cleanup EXIT
trap 'echo "quickstart: failed: interrupted"; exit 130' INT
trap 'echo "quickstart: failed: terminated"; exit 143' TERM HUP

step() {
	printf '%-9s %s\n' "$1" "$2"
}

# 1. Packages and programs.
step packages "what is missing of $("$root/tools/packages.sh" --list build run | wc -l) Debian packages"
"$root/tools/packages.sh" build run || fail "packages are missing"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/lnsd-quickstart.XXXXXX") || fail "no temporary directory"
chmod 755 "$work"
step build "$root/build"
{
	{ [ -e "$root/build/build.ninja" ] || meson setup "$root/build" "$root"; } &&
		meson compile -C "$root/build" lnsd lnsctl:executable lnsload:executable
} >"$work/build.log" 2>&1 || {
	tail -n 30 "$work/build.log" >&2
	fail "it does not build"
}
find_program() {
	find "$root/build" -type f -name "$1" -perm -u+x | head -n 1
}
lnsd=$(find_program lnsd)
lnsctl=$(find_program lnsctl)
lnsload=$(find_program lnsload)
for program in "$lnsd" "$lnsctl" "$lnsload"; do
	[ -x "$program" ] || fail "the build made no lnsd, lnsctl or lnsload"
done

# 2. The network, and lnsd on its two inner ends.
tunnels=$(((sessions + 249) / 250))
[ "$tunnels" -ge 4 ] || tunnels=4
[ "$tunnels" -le "$sessions" ] || tunnels=$((sessions > 1 ? sessions : 2))
step network "$prefix-lac (LAC) | $prefix-lns (lnsd) | $prefix-inet (internet)"
netlab_up "$prefix" || fail "the network namespaces could not be made"
cores=$(nproc)
worker=$((cores > 1 ? 1 : 0))
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
secret=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
passphrase=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
# every second tunnel has the second address, and that one is inside ESP
tunnel_options=(--lns "$netlab_lns_access" --local "$netlab_lac_access,$netlab_lac_secure"
	--tunnels "$tunnels" --esp aes128gcm16 --esp-tunnels half --esp-passphrase-file "$work/passphrase")
(
	umask 077
	echo "$password" >"$work/password"
	echo "$secret" >"$work/secret"
	echo "$passphrase" >"$work/passphrase"
	cat >"$work/lnsd.yaml" <<-YAML
		lns:
		  host-name: lns.quickstart.example
		  control-socket: $work/lnsd.sock
		dpdk:
		  main-core: 0
		  worker-cores: [$worker]
		  share-cores: $([ "$cores" -gt 1 ] && echo false || echo true)
		  hugepages: false
		  memory: 1024
		  mbufs: 32768
		  idle: sleep
		  vdevs:
		    - net_af_packet0,iface=access,blocksz=65536,framesz=2048,framecnt=4096
		    - net_af_packet1,iface=core,blocksz=65536,framesz=2048,framecnt=4096
		interfaces:
		  - {name: access, device: net_af_packet0, role: access, addresses: [$netlab_lns_access/24]}
		  - {name: core, device: net_af_packet1, role: core, addresses: [$netlab_lns_core/24, "$netlab_lns_core6/64"]}
		peers:
		  - name: lac
		    sources: [$netlab_lac_access/32]
		    secret-file: $work/secret
		    challenge: true
		    ipsec: none
		  - name: lac-esp
		    sources: [$netlab_lac_secure/32]
		    secret-file: $work/secret
		    challenge: true
		    ipsec: required
		subscribers:
		  auth: [chap, pap, mschapv2]
		  dns: [9.9.9.9]
		  local-address: 100.64.0.1
		  pool: main
		users:
		  - {name: "*@quickstart.example", password-file: $work/password}
		pools:
		  - {name: main, ranges: [100.65.0.0/16]}
		prefix-pools:
		  - {name: lan, prefixes: ["2001:db8:1000::/44"]}
		  - {name: cpe, length: 56, prefixes: ["2001:db8:1100::/40"]}
		ipv6: {pool: lan, delegated-pool: cpe, dns: ["2001:db8:53::1"], domains: [quickstart.example]}
		kernel:
		  netns: $prefix-kern
	YAML
	"$lnsload" "${tunnel_options[@]}" --print-sas >>"$work/lnsd.yaml"
) || fail "lnsload does not print the security associations"
"$lnsd" -c "$work/lnsd.yaml" --check >"$work/check.log" 2>&1 || {
	cat "$work/check.log" >&2
	fail "lnsd does not accept the configuration"
}
ip netns exec "$prefix-lns" "$lnsd" -c "$work/lnsd.yaml" >"$work/lnsd.log" 2>&1 &
lnsd_pid=$!
for _ in $(seq 150); do
	"$lnsctl" -s "$work/lnsd.sock" show version >/dev/null 2>&1 && break
	kill -0 "$lnsd_pid" 2>/dev/null || fail "lnsd ended while it started"
	sleep 0.2
done
"$lnsctl" -s "$work/lnsd.sock" show version >"$work/version" 2>&1 || fail "lnsd does not answer lnsctl"
netlab_default_route "$prefix" || fail "the default route could not be set"
step lnsd "running, pid $lnsd_pid, on net_af_packet without hugepages"

# 3. Subscribers and traffic.
step lnsload "$tunnels tunnels, half inside ESP, $sessions dual-stack sessions, then $pps packets/s in each direction for $seconds s"
"$lnsload" "${tunnel_options[@]}" --netns "$prefix-lac" \
	--sessions "$sessions" --secret-file "$work/secret" --auth mix \
	--user 'sub%d@quickstart.example' --password-file "$work/password" \
	--internet-netns "$prefix-inet" --internet-addr "$netlab_inet_far" \
	--ipv6 --internet6-addr "$netlab_inet_far6" \
	--pps "$pps" --traffic-seconds "$seconds" --hold 1 --interval 1 --json "$work/result.json" \
	>"$work/load.log" 2>&1 &
load_pid=$!

# One row a second, from what lnsload reports of its own end and lnsd of its.
echo
printf '%8s  %-9s %8s %8s %9s %10s %10s %8s %9s\n' time phase tunnels 'in ESP' sessions 'up pps' 'down pps' loss drops
rows=0
show_rows() {
	local line drops
	while IFS= read -r line; do
		drops=$("$lnsctl" -s "$work/lnsd.sock" --json show drops 2>/dev/null | /usr/bin/python3 -c '
import json, sys
def total(row):
    return next((row[key] for key in ("total", "count", "packets") if key in row), 0)
answer = json.load(sys.stdin)
rows = answer if isinstance(answer, list) else answer.get("rows", [])
print(sum(total(row) for row in rows))' 2>/dev/null) || drops=-
		awk -v drops="$drops" '{
			for (i = 1; i <= NF; i++) {
				if ($i == "tunnels") tunnels = $(i + 1)
				if ($i == "esp") esp = $(i + 1)
				if ($i == "up" && $(i - 1) == "sessions") sessions = $(i + 1)
				if ($i == "up" && $(i + 2) == "pps") up = $(i + 1)
				if ($i == "down" && $(i + 2) == "pps") down = $(i + 1)
				if ($i == "loss") loss = $(i + 1)
			}
			printf "%8s  %-9s %8s %8s %9s %10s %10s %8s %9s\n", $2, $3, tunnels, esp, sessions, up, down, loss, drops
		}' <<<"$line"
	done < <(grep -a '^lnsload .*tunnels' "$work/load.log" | tail -n "+$((rows + 1))")
	rows=$(grep -ac '^lnsload .*tunnels' "$work/load.log")
}
shown=
while kill -0 "$load_pid" 2>/dev/null; do
	sleep 0.5
	show_rows
	if [ -z "$shown" ] && grep -aq '^lnsload .* traffic ' "$work/load.log"; then
		shown=1
		"$lnsctl" -s "$work/lnsd.sock" show tunnels 2>/dev/null | head -n 8 >"$work/tunnels"
		"$lnsctl" -s "$work/lnsd.sock" show sessions 2>/dev/null | head -n 6 >"$work/sessions"
		"$lnsctl" -s "$work/lnsd.sock" show sas 2>/dev/null | head -n 8 >"$work/sas"
		"$lnsctl" -s "$work/lnsd.sock" show workers >"$work/workers" 2>/dev/null
	fi
done
wait "$load_pid"
status=$?
load_pid=
show_rows
echo
for table in tunnels sas sessions workers; do
	[ ! -s "$work/$table" ] || {
		echo "lnsctl show $table (the first rows)"
		sed 's/^/    /' "$work/$table"
		echo
	}
done

[ -s "$work/result.json" ] || fail "lnsload gave no result (exit status $status): $(tail -n 1 "$work/load.log")"
summary=$(/usr/bin/python3 - "$work/result.json" <<'P'
import json, sys
result = json.load(open(sys.argv[1]))
print(result['sessions']['up'], round(result['up']['pps']), round(result['down']['pps']),
      result['up']['lost'] + result['down']['lost'], result.get('why') or '')
P
) || fail "lnsload's result cannot be read"
read -r up up_pps down_pps loss why <<<"$summary"

if [ -n "$keep" ]; then
	echo "lnsd keeps running. In another terminal:"
	for command in 'show version' 'show sas' 'show workers' 'show drops' 'show routes' '--json show pools'; do
		echo "    $lnsctl -s $work/lnsd.sock $command"
	done
	echo "    $lnsload --lns $netlab_lns_access --netns $prefix-lac --tunnels 4 --sessions 100 --secret-file $work/secret --user 'me%d@quickstart.example' --password-file $work/password --ipv6 --hold 600"
	echo "Enter or Ctrl-C ends it."
	read -r _ || sleep infinity
fi

stop "$lnsd_pid"
lnsd_pid=
[ "$status" -eq 0 ] || fail "${why:-lnsload ended with status $status} (sessions=$up loss=$loss)"
[ "$up" = "$sessions" ] || fail "$up of $sessions sessions came up"

cat <<NEXT
What to try next:
    ./tools/quickstart.sh --sessions 4000        more subscribers
    ./tools/quickstart.sh --keep                 look around with lnsctl while it runs
    ./tools/test.sh                              every test, with foreign peers
    docs/operations.md                           from bare metal to the first real subscriber

NEXT
trap - EXIT
cleanup
echo "quickstart: ok sessions=$up up_pps=$up_pps down_pps=$down_pps loss=$loss"
