#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The Debian 12 packages that lnsd is built, run and tested with: the one list of them.
#
# usage: packages.sh [--list] GROUP…      GROUP: build, run, test, bench, lint
# Installs what is missing of these groups with apt-get (as root); says nothing and takes a moment
# when nothing is. --list prints the names instead.
set -euo pipefail

die() {
	echo "packages: $*" >&2
	exit 1
}

packages_of() {
	case $1 in
	build)
		echo gcc libc6-dev meson ninja-build pkg-config
		echo libdpdk-dev libyaml-dev libssl-dev libmnl-dev libjansson-dev libmicrohttpd-dev libpcap-dev libipsec-mb-dev
		echo libcriterion-dev
		;;
	run)
		# A DPDK driver is a package of its own, loaded at run time.
		echo librte-mempool-ring23 librte-mempool-stack23 librte-net-af-packet23 librte-net-pcap23
		echo librte-net-null23 librte-net-ring23 librte-net-tap23
		echo librte-crypto-ipsec-mb23 librte-crypto-openssl23
		echo iproute2 ethtool procps
		;;
	test)
		# The sanitizers of clang, and the fuzzer, are in libclang-rt.
		echo clang libclang-rt-14-dev
		# Peers and witnesses that run on this machine.
		echo python3 python3-scapy python3-cryptography tshark tcpdump iperf3 strace
		echo iputils-ping util-linux openssl
		echo freeradius freeradius-utils python3-prometheus-client
		# Routing daemons, beside lnsd and as its upstream.
		echo bird2 frr
		# The guest with xl2tpd and pppd: what builds it and what boots it.
		echo qemu-system-x86 mmdebstrap kmod cpio squashfs-tools xz-utils
		;;
	bench)
		# What draws the figures; only plot.sh needs it.
		echo gnuplot-nox
		;;
	lint)
		echo clang-format shellcheck git
		;;
	*)
		die "'$1' is no group: build, run, test, bench or lint was expected"
		;;
	esac
}

list_only=
if [ "${1-}" = --list ]; then
	list_only=1
	shift
fi
[ $# -gt 0 ] || die "usage: packages.sh [--list] build|run|test|bench|lint…"

wanted=()
for group in "$@"; do
	names=$(packages_of "$group") || exit 1
	# shellcheck disable=SC2206 # one word each
	wanted+=($names)
done
if [ -n "$list_only" ]; then
	printf '%s\n' "${wanted[@]}" | sort -u
	exit 0
fi

command -v apt-get >/dev/null || die "there is no apt-get: this is made for Debian 12"
missing=()
for name in "${wanted[@]}"; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) || status=
	[ "$status" = installed ] || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0

[ "$(id -u)" = 0 ] || die "must run as root to install: ${missing[*]}"
echo "packages: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
	apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" </dev/null >>"$log" 2>&1
}
# An update that fails for some other repository of this machine does no harm by itself.
apt update || echo "packages: apt-get update reported errors; going on with the lists that there are" >&2
apt install --no-install-recommends "${missing[@]}" || {
	tail -n 20 "$log" >&2
	die "apt-get could not install: ${missing[*]} (Debian 12 with its main repository and network access is expected)"
}
