#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what is missing, builds, and runs the tests. As root, from any directory, on Debian 12.
#
# usage: test.sh [unit|fuzz|e2e|PATTERN]…      without arguments: everything
#   unit     the Criterion tests, built by gcc, then again under ASan and UBSan
#   fuzz     every libFuzzer harness over its corpus, then a few seconds further
#   e2e      the real daemon against peers, in network namespaces and a small virtual machine
#   PATTERN  tests whose name holds it ("l2tp_wire", "unit/fib", "e2e/lac*"); * and ? as in the shell;
#            "e2e/lac:hidden" picks single cases of an e2e test
#   --list   names only
# One line per test; the log of what failed follows it. The last line is "N passed, N failed", with
# ", N skipped" where some were; with CI=true a skipped test counts as failed.
# LNSD_FUZZ_SECONDS (5): how long each harness looks for something new.
set -uo pipefail

root=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
cd "$root" || exit 1
gcc_build=$root/build-test
asan_build=$root/build-asan
fuzz_build=$root/build-fuzz
fuzz_seconds=${LNSD_FUZZ_SECONDS:-5}
# Debian's Scapy belongs to Debian's python3, whatever else stands in PATH.
python=/usr/bin/python3

passed=0 failed=0 skipped=0
list_only=
patterns=()
for argument in "$@"; do
	case $argument in
	--list) list_only=1 ;;
	-*)
		sed -n '5,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
		exit 2
		;;
	*) patterns+=("$argument") ;;
	esac
done

# selected NAME: does the user want it? A group's name stands for all of its tests.
selected() {
	local pattern
	[ ${#patterns[@]} -gt 0 ] || return 0
	for pattern in "${patterns[@]}"; do
		case $pattern in
		unit) [[ $1 == unit/* || $1 == asan/* ]] && return 0 ;;
		asan | fuzz | e2e | e2e-asan) [[ $1 == "$pattern"/* ]] && return 0 ;;
		*)
			# shellcheck disable=SC2053 # a pattern is meant
			[[ $1 == *${pattern%%:*}* ]] && return 0
			;;
		esac
	done
	return 1
}

# The cases that patterns name after a colon, for an e2e test that they select.
cases_of() {
	local pattern
	for pattern in ${patterns[@]+"${patterns[@]}"}; do
		# shellcheck disable=SC2053 # a pattern is meant
		[[ $pattern == *:* && $1 == *${pattern%%:*}* ]] && echo "${pattern#*:}"
	done
}

# offer GROUP FILE…: the selected ones of the tests that these files are.
offer() {
	local group=$1 file name
	shift
	for file; do
		[ -e "$file" ] || continue
		name=$(basename "$file")
		name=${name#*_}
		name=$group/${name%.*}
		if selected "$name"; then
			echo "$name"
		fi
	done
}

names() {
	local -a watched
	offer unit tests/unit/test_*.c
	offer asan tests/unit/test_*.c
	offer fuzz tests/fuzz/fuzz_*.c
	offer e2e tests/e2e/test_*.py tests/e2e/test_*.sh
	# What a hostile or odd peer may send goes to a daemon that is watched by ASan and UBSan too.
	mapfile -t watched < <(grep -ls '^# e2e: .*sanitize' tests/e2e/test_*.py tests/e2e/test_*.sh)
	offer e2e-asan ${watched[@]+"${watched[@]}"}
}

mapfile -t tests < <(names)
if [ -n "$list_only" ]; then
	[ ${#tests[@]} -eq 0 ] || printf '%s\n' "${tests[@]}"
	exit 0
fi
if [ ${#tests[@]} -eq 0 ]; then
	echo "test.sh: nothing matches: ${patterns[*]-}" >&2
	exit 2
fi
if [ "$(id -u)" != 0 ]; then
	echo "test.sh: must run as root (packages, network namespaces)" >&2
	exit 1
fi

wanted() {
	local name
	for name in "${tests[@]}"; do
		[[ $name == "$1"/* ]] && return 0
	done
	return 1
}

tools/packages.sh build run test || exit 1
# /var/tmp: what goes there may be large, and /tmp may be in memory.
work=$(mktemp -d "${TMPDIR:-/var/tmp}/lnsd-test.XXXXXX") || exit 1
chmod 711 "$work" # peers that give up root, FRR and FreeRADIUS, have their files below
child=
cleanup() {
	[ -z "$child" ] || kill -TERM "$child" 2>/dev/null
	[ -z "$child" ] || wait "$child" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# report STATUS NAME SECONDS [REASON]
report() {
	local status=$1
	if [ "$status" = SKIP ] && [ "${CI-}" = true ]; then
		status=FAIL
		set -- FAIL "$2" "$3" "skipped: ${4-}"
	fi
	case $status in
	PASS) passed=$((passed + 1)) ;;
	SKIP) skipped=$((skipped + 1)) ;;
	*) failed=$((failed + 1)) ;;
	esac
	printf '%s %s %s%s\n' "$status" "$2" "$3" "${4:+, $4}"
}

show_log() {
	local lines
	lines=$(wc -l <"$1")
	[ "$lines" -le 300 ] || echo "    | ($((lines - 300)) lines before these)"
	tail -n 300 "$1" | tr -d '\000' | sed 's/^/    | /'
}

# run LOG COMMAND…: in the background and waited for, so that an interrupt reaches us at once.
run() {
	local log=$1 status=0
	shift
	"$@" </dev/null >"$log" 2>&1 &
	child=$!
	wait "$child" || status=$?
	child=
	return "$status"
}

# A report of a sanitizer fails a test whatever its exit status says: Criterion ends with 0 when only
# LeakSanitizer has found something.
sanitizer_report() {
	awk '
		/(ERROR|WARNING): (Address|Memory|Thread|UndefinedBehavior)Sanitizer|runtime error: / {
			found = $0
			exit
		}
		/(Direct|Indirect) leak of / { leak = $0 }
		# Criterion itself loses 48 bytes now and then: a leak that its own code allocated is not ours
		leak != "" && / #1 / {
			if ($0 !~ /libcriterion\.so/) {
				found = "LeakSanitizer: " leak
				exit
			}
			leak = ""
		}
		leak != "" && NF == 0 {
			found = "LeakSanitizer: " leak
			exit
		}
		END {
			if (found == "")
				exit 1
			print found
		}' "$1"
}

# build DIRECTORY COMPILER OPTION…: sets up or updates; 1 and a FAIL line if that does not work.
build() {
	local directory=$1 compiler=$2 log=$work/build.log start=$SECONDS
	shift 2
	if [ ! -e "$directory/build.ninja" ]; then
		rm -rf "$directory"
		run "$log" env CC="$compiler" meson setup "$directory" "$@"
	else
		run "$log" meson configure "$directory" "$@"
	fi && run "$log" ninja -C "$directory"
	# shellcheck disable=SC2181 # either of the two
	if [ $? -ne 0 ]; then
		report FAIL "build/${directory##*/build-}" "$((SECONDS - start))s" "does not build"
		show_log "$log"
		return 1
	fi
	echo "built ${directory##*/} with $compiler, $((SECONDS - start))s"
}

unit_test() {
	local name=$1 program=$2/tests/unit/test_${1#*/} log=$work/log start=$SECONDS status=0 count
	if [ ! -x "$program" ]; then
		report FAIL "$name" 0s "not built: is it in tests/unit/meson.build?"
		return
	fi
	# leaks are judged by their report, not by the exit status
	run "$log" env ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 LSAN_OPTIONS=exitcode=0 \
		UBSAN_OPTIONS=print_stacktrace=1 timeout -k 10 300 "$program" || status=$?
	count=$(sed -n 's/.*Tested:[^0-9]*\([0-9]\{1,\}\).*/\1/p' <(sed 's/\x1b\[[0-9;]*m//g' "$log") | tail -n 1)
	if [ "$status" -eq 124 ]; then
		report FAIL "$name" "$((SECONDS - start))s" "not finished after 300 s"
	elif [ "$status" -ne 0 ]; then
		report FAIL "$name" "$((SECONDS - start))s" "exit status $status"
	elif sanitizer_report "$log" >/dev/null; then
		report FAIL "$name" "$((SECONDS - start))s" "$(sanitizer_report "$log")"
	elif [ "${count:-0}" -eq 0 ]; then
		report FAIL "$name" "$((SECONDS - start))s" "no test ran"
	else
		report PASS "$name" "$((SECONDS - start))s" "$count tests"
		return
	fi
	show_log "$log"
}

fuzz_test() {
	local name=$1 short=${1#fuzz/} log=$work/log start=$SECONDS status=0
	local program=$fuzz_build/tests/fuzz/fuzz_$short corpus=tests/fuzz/corpus/$short new=$work/new
	if [ ! -x "$program" ]; then
		report FAIL "$name" 0s "not built: is it in tests/fuzz/meson.build?"
		return
	fi
	if [ -z "$(ls -A "$corpus" 2>/dev/null)" ]; then
		report FAIL "$name" 0s "no corpus in $corpus"
		return
	fi
	rm -rf "$new"
	mkdir -p "$new" "$fuzz_build/found"
	run "$log" timeout -k 10 300 "$program" -runs=0 -timeout=10 \
		-artifact_prefix="$fuzz_build/found/$short-" "$corpus" || status=$?
	if [ "$status" -eq 0 ] && [ "$fuzz_seconds" -gt 0 ]; then
		run "$log" timeout -k 10 $((300 + fuzz_seconds)) "$program" \
			-max_total_time="$fuzz_seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
			-artifact_prefix="$fuzz_build/found/$short-" "$new" "$corpus" || status=$?
	fi
	if [ "$status" -ne 0 ]; then
		report FAIL "$name" "$((SECONDS - start))s" "exit status $status; the input is in build-fuzz/found"
	elif sanitizer_report "$log" >/dev/null; then
		report FAIL "$name" "$((SECONDS - start))s" "$(sanitizer_report "$log")"
	else
		report PASS "$name" "$((SECONDS - start))s" \
			"$(find "$corpus" -type f | wc -l) inputs, $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs"
		return
	fi
	show_log "$log"
}

# An e2e test is one program. It writes "STATUS<tab>case<tab>seconds<tab>reason" for each of its cases
# to $LNSD_E2E_RESULTS; a shell test may instead just end: 0 passed, 77 skipped, else failed, its last
# line of output being the reason.
e2e_test() {
	local name=$1 build=$2 short=${1#*/} log=$work/log results=$work/results start=$SECONDS status=0
	local limit verdict case seconds reason any_failed=
	local program=tests/e2e/test_$short.py
	local -a command=("$python" "$program") picked
	if [ ! -e "$program" ]; then
		program=tests/e2e/test_$short.sh
		command=(bash "$program")
	fi
	mapfile -t picked < <(cases_of "$name")
	limit=$(sed -n 's/^# e2e: .*limit \([0-9]\{1,\}\).*/\1/p' "$program" | head -n 1)
	limit=${limit:-300}
	: >"$results"
	run "$log" env LNSD_E2E_RESULTS="$results" LNSD_BUILD="$build" TMPDIR="$work" \
		timeout -k 60 "$limit" "${command[@]}" ${picked[@]+"${picked[@]}"} || status=$?
	if [ ! -s "$results" ]; then
		reason=$(tail -n 1 "$log")
		case $status in
		0) report PASS "$name" "$((SECONDS - start))s" ;;
		77) report SKIP "$name" "$((SECONDS - start))s" "$reason" ;;
		124) report FAIL "$name" "$((SECONDS - start))s" "not finished after $limit s" ;;
		*) report FAIL "$name" "$((SECONDS - start))s" "exit status $status: $reason" ;;
		esac
		case $status in 0 | 77) ;; *) show_log "$log" ;; esac
		return
	fi
	while IFS=$'\t' read -r verdict case seconds reason; do
		report "$verdict" "$name:$case" "$seconds" "$reason"
		[ "$verdict" = FAIL ] && any_failed=1
	done <"$results"
	if [ "$status" -ne 0 ] && [ -z "$any_failed" ]; then
		any_failed=1
		if [ "$status" -eq 124 ]; then
			report FAIL "$name" "$((SECONDS - start))s" "not finished after $limit s"
		else
			report FAIL "$name" "$((SECONDS - start))s" "exit status $status after its cases"
		fi
	elif sanitizer_report "$log" >/dev/null; then
		any_failed=1
		report FAIL "$name" "$((SECONDS - start))s" "$(sanitizer_report "$log")"
	fi
	[ -z "$any_failed" ] || show_log "$log"
}

if wanted unit || wanted e2e; then
	build "$gcc_build" gcc -Dwerror=true && gcc_ok=1
fi
if wanted asan || wanted e2e-asan; then
	build "$asan_build" clang -Dwerror=true -Dsanitize=true -Db_lundef=false && asan_ok=1
fi
if wanted fuzz; then
	build "$fuzz_build" clang -Dwerror=true -Dfuzz=true -Dsanitize=true -Db_lundef=false && fuzz_ok=1
fi

for name in "${tests[@]}"; do
	case $name in
	unit/*) [ -z "${gcc_ok-}" ] || unit_test "$name" "$gcc_build" ;;
	asan/*) [ -z "${asan_ok-}" ] || unit_test "$name" "$asan_build" ;;
	fuzz/*) [ -z "${fuzz_ok-}" ] || fuzz_test "$name" ;;
	e2e/*) [ -z "${gcc_ok-}" ] || e2e_test "$name" "$gcc_build" ;;
	e2e-asan/*) [ -z "${asan_ok-}" ] || e2e_test "$name" "$asan_build" ;;
	esac
done

if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
