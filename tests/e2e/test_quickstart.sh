#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# e2e: limit 900
# The first of the README's two commands does what it says: builds, brings sessions up with traffic both ways.
set -uo pipefail

root=$(dirname "$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")")
output=$("$root/tools/quickstart.sh" --seconds 3 2>&1 </dev/null)
status=$?
echo "$output"
last=${output##*$'\n'}
case $last in
"quickstart: ok sessions=100 "*) [ $status -eq 0 ] && exit 0 ;;
esac
echo "exit status $status, last line: $last"
exit 1
