#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# How many packets per second lnsd's workers pass, and what each costs: by size, with and without ESP, up and
# down, by number of sessions, on two workers. Builds for this CPU, makes the captures, runs (as root). What is
# measured and how: docs/benchmarking.md.
#
# usage: run.sh [--quick] [--peer] [--only TEST[,TEST…]] [--rounds N] [--ms N] [--json FILE]
#   --quick    does it work: every test in little, in seconds
#   --peer     takes turns with DPDK's ipsec-secgw, built from Debian's source package, and prints the ratio
#   --only     size, algorithm, flow, ipv6, police, vlan, replay, workers, growth, order, micro
set -euo pipefail

bench=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
root=$(dirname "$(dirname "$bench")")
"$root/tools/packages.sh" build run
build=${LNSD_BUILD:-$root/build-bench}
[ -e "$build/build.ninja" ] || meson setup "$build" "$root" -Dcpu=native >/dev/null
programs=(bench_worker lnsload:executable bench_path bench_esp bench_tables bench_routes bench_overload bench_sas)
meson compile -C "$build" "${programs[@]}" >/dev/null
peer=()
for argument; do
	[ "$argument" = --peer ] || continue
	if program=$("$bench/peer.sh" "$root/build-peer" 2>"$build/peer.log"); then
		peer=(--peer-program "$program")
	else
		tail -n 5 "$build/peer.log" >&2
		echo "run.sh: there is no ipsec-secgw to compare with, going on without" >&2
	fi
done
exec /usr/bin/python3 "$bench/run.py" --build "$build" ${peer[@]+"${peer[@]}"} "$@"
