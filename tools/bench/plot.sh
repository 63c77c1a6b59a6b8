#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Draws what run.sh --json wrote: rate by packet size and by number of sessions, as SVG.
#
# usage: plot.sh FILE.json [DIRECTORY]       DIRECTORY: docs/benchmarks; size.svg and sessions.svg, from the tests
# "size" and "growth"; one that FILE has nothing for stays as it is
set -euo pipefail

bench=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
root=$(dirname "$(dirname "$bench")")
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
	sed -n '3,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
fi
"$root/tools/packages.sh" bench
exec /usr/bin/python3 "$bench/plot.py" "$1" "${2:-$root/docs/benchmarks}"
