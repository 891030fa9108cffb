#!/bin/sh
# The counts that are too long for tests/run.sh, once: `sh tests/long.sh`, after that has passed, which
# builds what is run here.  Prints one line a step; what a step printed is in build/logs/long-*.log, and
# the lines in which a test counts what it tried are shown below its name.
#
# KM_LONG=1, which each step gets, makes a test take every case instead of a stride.
#
# KM_MUTANTS says how many mutants the last step tries; 300 take some hours.
#
# Exit status: 0 when everything passed, 1 when a step failed, 2 when it could not start.
set -u
cd "$(dirname "$0")/.." || exit 2
source_dir=$(pwd -P)
logs=build/logs
python=${KM_PYTHON:-/usr/bin/python3}
mkdir -p "$logs" || exit 2
failed=
passed=0

[ -x build/release/kmmigrate ] || {
    echo "build/release/kmmigrate is not there: run tests/run.sh first" >&2
    exit 2
}
export KM_LONG=1 KM_SOURCE_DIR="$source_dir" PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$source_dir/tests"
export KM_CORPUS="${KM_CORPUS:-$source_dir/../shared/corpus}"
export KMMIGRATE="$source_dir/build/release/kmmigrate" KMFIXTURE="$source_dir/build/release/kmfixture"

. tests/packages.sh
# The browser that test_html.py shows the page in; without it that step says what it skipped.
km_install chromium || echo "warning: chromium is not installed: the step page skips the browser" >&2
# llvm-cov and llvm-profdata, with which way_coverage.sh and mutate.py see what is run.
km_install llvm || echo "warning: llvm is not installed: the steps coverage and mutation will fail" >&2

# step NAME COMMAND...: runs a command with its output in a log.
step() {
    name=$1
    shift
    printf '%-28s ' "$name"
    started=$(date +%s)
    if "$@" >"$logs/long-$name.log" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $(($(date +%s) - started)) s"
    else
        failed="$failed $name"
        echo "FAILED  $(($(date +%s) - started)) s; the end of $logs/long-$name.log:"
        tail -n 40 "$logs/long-$name.log" | sed 's/^/    | /'
    fi
    grep -E '^[a-z].*: .*[0-9]' "$logs/long-$name.log" | sed 's/^/    /'
}

step memory "$python" tests/program/test_memory.py
step page "$python" tests/program/test_html.py
step text "$python" tests/program/test_text.py
step wrong-writes "$python" tests/program/test_wrong_writes.py
step powerloss "$python" tests/program/test_powerloss.py
step log-replay build/release/tests/test_log_replay
step log-recover "$python" tests/program/log/test_recover.py
step schemas "$python" tests/foreign/test_schemas.py
step coverage sh tests/migrate/way_coverage.sh
step mutation "$python" tests/mutate.py --count "${KM_MUTANTS:-300}"

echo "$passed steps passed${failed:+, failed:$failed}"
[ -z "$failed" ]
