#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What a session costs the control plane: set-ups a second, CPU per set-up, recovery after an outage of the LAC,
# memory; with local users and, with --radius, through FreeRADIUS too.
# Builds, makes the laboratory network of the end-to-end tests, runs lnsd and lnsload in it (as root).
#
# usage: control.sh [--radius [files|sql]] [--sessions N[,N…]] [--ipv6 no|yes|both] [--tunnels N] [--rounds N]
#                   [--quick] [--json FILE]
set -euo pipefail

root=$(dirname "$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")")
"$root/tools/packages.sh" build run test
build=${LNSD_BUILD:-$root/build-bench}
[ -e "$build/build.ninja" ] || meson setup "$build" "$root" -Dcpu=native >/dev/null
meson compile -C "$build" lnsd lnsctl:executable lnsload:executable >/dev/null
LNSD_BUILD=$build exec /usr/bin/python3 "$root/tools/bench/control.py" "$@"
