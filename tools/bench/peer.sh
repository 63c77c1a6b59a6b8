#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds DPDK's ipsec-secgw, which run.sh compares with, from Debian's source package of the DPDK that is
# installed here.
#
# usage: peer.sh DIRECTORY        prints the path of the program; what it downloads and makes stays there
# The machine's configuration is not touched: sources are looked up in a list of its own, made from the
# machine's. Two things differ from the example: no receive offloads are asked for, since net_pcap has none,
# and the compiler may use what this CPU has.
set -euo pipefail

die() {
	echo "peer: $*" >&2
	exit 1
}

[ $# -eq 1 ] || die "usage: peer.sh DIRECTORY"
mkdir -p "$1"
directory=$(realpath "$1")
program=$directory/ipsec-secgw
version=$(dpkg-query -W -f '${source:Version}' libdpdk-dev) || die "libdpdk-dev is not installed"
if [ -x "$program" ] && [ "$(cat "$directory/version" 2>/dev/null)" = "$version" ]; then
	echo "$program"
	exit 0
fi

# The machine's sources, of source packages.
source_list() {
	local file
	if [ -s /etc/apt/sources.list.d/debian.sources ]; then
		sed -E 's/^Types:.*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources
		return
	fi
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ ! -s "$file" ] || sed -En 's/^deb(-src)?[[:space:]]/deb-src /p' "$file"
	done | sort -u
}

list=$directory/sources.list
[ ! -s /etc/apt/sources.list.d/debian.sources ] || list=$directory/machine.sources
source_list >"$list"
[ -s "$list" ] || die "this machine has no list of Debian's packages"
mkdir -p "$directory/lists/partial"
apt() {
	apt-get -q -o Acquire::Retries=3 -o APT::Sandbox::User=root -o Dir::Etc::sourcelist="$list" \
		-o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$directory/lists" "$@" </dev/null >&2
}
cd "$directory"
apt update || die "the lists of source packages cannot be fetched"
# as many revisions as a point release had: the installed one, or the one that replaced it
apt source --download-only "dpdk=$version" || apt source --download-only dpdk ||
	die "the source package dpdk cannot be fetched"

archive=$(find . -maxdepth 1 -name 'dpdk_*.orig.tar.*' | sort -V | tail -n 1)
[ -n "$archive" ] || die "the source package has no dpdk_*.orig.tar"
rm -rf source
mkdir source
tar -C source --strip-components=1 --wildcards -xf "$archive" '*/examples/ipsec-secgw' '*/examples/common' ||
	die "$archive: there is no examples/ipsec-secgw in it"
example=source/examples/ipsec-secgw
sed -i '/^static struct rte_eth_conf port_conf/,/^};/s/\.offloads = .*/.offloads = 0,/' "$example/ipsec-secgw.c"
# shellcheck disable=SC2046 # flags, one word each
gcc -O3 -w -DALLOW_EXPERIMENTAL_API -I source/examples/common -I "$example" \
	$(pkg-config --cflags libdpdk | sed 's/-march=[^ ]*//g') -march=native \
	"$example"/*.c -o "$program" $(pkg-config --libs libdpdk) >&2 || die "ipsec-secgw does not build"
echo "$version" >"$directory/version"
echo "$program"
