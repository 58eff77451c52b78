#!/bin/sh
# Fuzzes each target for SECONDS with libFuzzer and AddressSanitizer: scripts/fuzz.sh [SECONDS] [TARGET...]
#
# Begins with fuzz/seeds/TARGET; what it finds on the way is kept in fuzz/corpus/TARGET, which git
# does not track. A crash leaves its input in fuzz/artifacts and ends with exit status 1. Needs a
# nightly compiler, no cargo-fuzz.
set -eu
cd "$(dirname "$0")/../fuzz"
seconds=${1:-60}
[ $# -gt 0 ] && shift
if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzz: 0 passed, 0 failed, 1 skipped"
    echo "fuzz: a nightly compiler is missing (rustup toolchain install nightly)"
    exit 0
fi
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
target=${CARGO_TARGET_DIR:-target}
# What cargo-fuzz passes: coverage for libFuzzer, and AddressSanitizer.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
RUSTFLAGS="$coverage --cfg fuzzing -Zsanitizer=address -Ccodegen-units=1" \
    cargo +nightly build --quiet -j2 --release --target "$host"
[ $# -gt 0 ] || set -- table walk change snapshot deployed cluster_file frames ownership \
    request answer control store_log store_call
# With one code unit a crate, names of constants repeat over crates, which is no fault of theirs.
export ASAN_OPTIONS="detect_odr_violation=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
passed=0 failed=0
for name in "$@"; do
    mkdir -p "corpus/$name" "seeds/$name" artifacts
    if "$target/$host/release/$name" "corpus/$name" "seeds/$name" -max_total_time="$seconds" \
        -rss_limit_mb=2048 -artifact_prefix="artifacts/$name-" -verbosity=0 -print_final_stats=1 2>&1 |
        awk '/panicked|SUMMARY|ERROR/ { print; bad = 1 } /number_of_executed_units/ { runs = $2 }
             END { print "fuzz '"$name"': " runs + 0 " runs"; exit bad || !runs }'; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done
echo "fuzz: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
