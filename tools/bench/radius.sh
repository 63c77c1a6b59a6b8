#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Set-ups through FreeRADIUS beside what radclient gets from the same server alone, in one run.
# Builds, makes the laboratory network of the end-to-end tests, runs all of it on this machine (as root).
#
# usage: radius.sh [--server files,sql] [--sessions N] [--rounds N] [--auth pap|chap]
#                  [--share-cores] [--quick] [--json FILE]
set -euo pipefail

root=$(dirname "$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")")
"$root/tools/packages.sh" build run test
build=${LNSD_BUILD:-$root/build-bench}
[ -e "$build/build.ninja" ] || meson setup "$build" "$root" -Dcpu=native >/dev/null
meson compile -C "$build" lnsd lnsctl:executable lnsload:executable >/dev/null
LNSD_BUILD=$build exec /usr/bin/python3 "$root/tools/bench/radius.py" "$@"
