#!/bin/sh
# What the seeds of the fuzz target of the whole way (fuzz_way.c) run of the program, by folder and file:
# `sh tests/migrate/way_coverage.sh`, after tests/run.sh, whose kmfixture makes the larger seeds.
#
# Exit status: 0 when they run at least 85 % of the lines that judge, decide, apply and verify, undo and
# report; 1 when they do not, or something failed.
set -eu
cd "$(dirname "$0")/../.."
build=build/coverage
cmake -G Ninja -S . -B $build -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=None -DKM_FUZZ=ON \
    "-DCMAKE_C_FLAGS=-O1 -fprofile-instr-generate -fcoverage-mapping" --log-level=WARNING >/dev/null
cmake --build $build --target fuzz_way -- --quiet
python3 tests/migrate/way_seeds.py build/release/kmfixture $build/seeds
LLVM_PROFILE_FILE=$build/way.profraw $build/fuzz/fuzz_way -runs=0 -timeout=300 $build/seeds \
    tests/seeds/fuzz_way >$build/way.log 2>&1 || { tail -20 $build/way.log && exit 1; }
llvm-profdata merge -o $build/way.profdata $build/way.profraw
llvm-cov export -format=lcov -instr-profile=$build/way.profdata $build/fuzz/fuzz_way | awk -F: '
    /^SF/ { file = $2; sub(/.*\/migrate\//, "migrate/", file); sub(/.*\/formats\//, "formats/", file)
            folder = file; sub(/\/[^\/]*$/, "", folder) }
    /^L[FH]/ && file ~ /^(migrate|formats)\// { n[$1, file] += $2; n[$1, folder] += $2; seen[file] = seen[folder] = 1 }
    END { for (name in seen) if (n["LF", name] > 0) {
              part = 100 * n["LH", name] / n["LF", name]
              printf "%s: %.1f %% of %d lines\n", name, part, n["LF", name] | "sort"
              if (name ~ /^migrate\/(judge|decide|repair|undo|report)$/ && part < 85) few = 1 }
          exit few || !("migrate/undo" in seen) }'
