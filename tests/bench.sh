#!/bin/sh
# The benchmarks: see tests/bench.py.  Not a test; the CMake target `bench` runs it.
exec /usr/bin/python3 "$(dirname "$0")/bench.py" "$@"
