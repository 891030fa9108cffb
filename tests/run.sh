#!/bin/sh
# Builds everything and runs every test: `sh tests/run.sh`, also on a fresh Debian 12 with nothing
# installed.  Prints one line a step; what a step printed is in build/logs/, and the end of it is shown
# when the step fails.  Every step is run, whatever happened before it, unless it needs what failed.
#
#   KM_FUZZ_SECONDS   how long each fuzz target runs (default 5; 0: only its seeds)
#   KM_CORPUS         the directory of real databases (default: ../shared/corpus)
#   KM_JOBS           how many fuzz targets run at a time; of tests one more (default: the number of processors)
#
# Exit status: 0 when everything passed, 1 when a step failed, 2 when it could not start.
set -u
cd "$(dirname "$0")/.." || exit 2
source_dir=$(pwd -P)

# shellcheck source=tests/packages.sh
. tests/packages.sh
# shellcheck disable=SC2086 # one word per package
km_install $KM_TEST_PACKAGES || exit 2

fuzz_seconds=${KM_FUZZ_SECONDS:-5}
jobs=${KM_JOBS:-$(nproc)}
corpus=${KM_CORPUS:-$source_dir/../shared/corpus}
logs=build/logs
mkdir -p "$logs" && find "$logs" -name '*.log' ! -name apt.log -delete || exit 2
failed=
passed=0
notes=

# ---- steps --------------------------------------------------------------------------------------

# ended NAME STATUS SECONDS: counts a step, and prints how it ended behind its name.
ended() {
    if [ "$2" -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok      $3 s"
    else
        failed="$failed $1"
        echo "FAILED  $3 s, status $2; the end of $logs/$1.log:"
        tail -n 60 "$logs/$1.log" | sed 's/^/    | /'
    fi
}

# step NAME COMMAND...: runs a command with its output in a log.  Returns its status.
step() {
    step_name=$1
    shift
    printf '%-28s ' "$step_name"
    started=$(date +%s)
    "$@" >"$logs/$step_name.log" 2>&1
    status=$?
    ended "$step_name" $status $(($(date +%s) - started))
    return $status
}

# build PRESET [CMAKE ARGUMENT...]: quiet, so that a log holds what is wrong; compiles on after an error.
build() {
    preset=$1
    shift
    cmake --preset "$preset" --log-level=WARNING "-DKM_CORPUS=$corpus" "$@" &&
        cmake --build --preset "$preset" -- --quiet -k 0
}

# run_ctest PRESET: the tests of a build that succeeded, then ctest's own closing lines.
run_ctest() {
    # One more than there are processors: some tests wait for the disk or for a time.
    step "ctest-$1" ctest --preset "$1" -j "$((jobs + 1))"
    sed -n '/% tests passed/,$p' "$logs/ctest-$1.log" | sed '/^$/d; s/^/    /'
    skipped=$(grep -c '\*\*\*Skipped' "$logs/ctest-$1.log")
    [ "$skipped" -eq 0 ] || notes="$notes
skipped: $skipped test(s) of ctest-$1, named above"
}

# fuzz PROGRAM: runs one fuzz target on its seeds, then for the time given on what grows from them.
# What makes it crash stays in build/fuzz/crashes/.
fuzz() {
    target=$(basename "$1")
    grown=build/fuzz/corpus/$target
    mkdir -p "$grown" build/fuzz/crashes || return 1
    # Only the directories that exist: libFuzzer takes a missing one for an error.
    set -- "$1" "$grown"
    for seeds in "tests/seeds/$target" "build/fuzz/seeds/$target"; do
        [ ! -d "$seeds" ] || set -- "$@" "$seeds"
    done
    limit=-max_total_time=$fuzz_seconds
    [ "$fuzz_seconds" -gt 0 ] || limit=-runs=0
    "$@" "$limit" -timeout=300 -rss_limit_mb=1024 -artifact_prefix="build/fuzz/crashes/$target-"
}

# fuzz_some PROGRAM...: fuzzes these at the same time; each is a step.
fuzz_some() {
    started=$(date +%s)
    for program in "$@"; do
        (
            name=run-$(basename "$program")
            fuzz "$program" >"$logs/$name.log" 2>&1
            echo $? $(($(date +%s) - started)) >"$logs/$name.status"
        ) &
    done
    wait
    for program in "$@"; do
        name=run-$(basename "$program")
        read -r status took <"$logs/$name.status" || status=1 took=0
        rm -f "$logs/$name.status"
        printf '%-28s ' "$name"
        ended "$name" "$status" "$took"
    done
}

# ---- checks of the source tree ------------------------------------------------------------------

# The project's files, tracked or about to be; without git, all but what a build makes.
project_files() {
    git ls-files -co --exclude-standard 2>/dev/null && return
    find . \( -path ./.git -o -path ./build \) -prune -o -type f -print | sed 's,^\./,,'
}

# No file, and no program that is shipped, names a directory of the machine it was made on.  The
# brackets keep this script from finding itself.
check_no_build_paths() {
    found=0
    for file in $(project_files); do
        [ -f "$file" ] || continue
        if grep -InE -e '/wor[k]/|/roo[t]/|/hom[e]/[a-z]|/tm[p]/(src|corpus|bash_jobs)' "$file" /dev/null; then
            found=1
        fi
    done
    for program in build/release/kmmigrate build/release/kmfixture; do
        if [ -f "$program" ] && grep -aqF -e "$source_dir" "$program"; then
            echo "$program holds the path $source_dir"
            found=1
        fi
    done
    return $found
}

check_scripts() {
    for file in $(project_files); do
        [ -f "$file" ] || continue
        case $file in
        *.sh | *.bash | .ci/run) echo "$file" ;;
        esac
    done >"$logs/scripts"
    xargs shellcheck -x -P "$source_dir" <"$logs/scripts"
}

# Every C file is as .clang-format says: `clang-format -i FILE` makes it so.
check_format() {
    project_files | grep '\.[ch]$' | while read -r file; do
        [ ! -f "$file" ] || echo "$file"
    done >"$logs/c-files"
    xargs -r clang-format --dry-run -Werror <"$logs/c-files"
}

# ---- all of it ----------------------------------------------------------------------------------

if step build-release-gcc build ci -DCMAKE_C_COMPILER=gcc; then
    run_ctest release
fi
step build-clang build ci-clang
if step build-sanitize build sanitize -DCMAKE_C_COMPILER=gcc; then
    run_ctest sanitize
fi
if step build-fuzz build ci-fuzz; then
    set --
    for program in build/fuzz/fuzz/fuzz_*; do
        [ ! -x "$program" ] || set -- "$@" "$program"
        [ $# -lt "$jobs" ] || {
            fuzz_some "$@"
            set --
        }
    done
    [ $# -eq 0 ] || fuzz_some "$@"
fi
step no-build-machine-paths check_no_build_paths
step shellcheck check_scripts
for page in migrate/*.[58]; do
    step "mandoc-$(basename "$page")" mandoc -T lint -W warning "$page"
done
step clang-format check_format
[ -d "$corpus" ] || notes="$notes
skipped: comparisons with the corpus: $corpus is not there"
command -v chromium >/dev/null || notes="$notes
skipped: the report's page in a browser: chromium is not installed; tests/long.sh installs it"

echo
echo "summary"
[ -z "$notes" ] || echo "$notes" | sed '/^$/d; s/^/    /'
if [ -n "$failed" ]; then
    echo "    FAILED:$failed ($passed steps passed)"
    exit 1
fi
echo "    all $passed steps passed"
