#!/bin/sh
# Runs the threads of ffi-c/tests under ThreadSanitizer, the library instrumented too: tsan.sh [TARGET_DIR]
#
# Needs a nightly Rust, for -Zsanitizer=thread; skips without one. race.c has a race that it must see.
# The last line is `tsan: N passed, N failed, N skipped`. TARGET_DIR is cargo's.
set -u
export LC_ALL=C

tests=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$tests/../.." && pwd)
target=${1:-${CARGO_TARGET_DIR:-$root/target}}
case $target in /*) ;; *) target=$PWD/$target ;; esac
host=x86_64-unknown-linux-gnu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

runtime=$(rustc +nightly --print sysroot 2>/dev/null)/lib/rustlib/$host/lib/librustc-nightly_rt.tsan.a
if [ ! -f "$runtime" ]; then
    echo "tsan: there is no nightly Rust with a runtime for $host: rustup toolchain install nightly"
    echo "tsan: 0 passed, 0 failed, 1 skipped"
    exit 0
fi
(cd "$root" && RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer" cargo +nightly build \
    --quiet --release -j"${JOBS:-2}" -p ringway-c --target $host --target-dir "$target/tsan") || exit 1

# gcc instruments the program, and Rust's runtime serves both: gcc's lacks functions that LLVM calls.
build() {
    gcc -std=c99 -O1 -g -fPIE -Wall -Wextra -Wpedantic -Werror -fsanitize=thread "-I$root/include" \
        -c "$tests/$1.c" -o "$work/$1.o" &&
        gcc -pie "$work/$1.o" "$target/tsan/$host/release/libringway_c.a" -Wl,--whole-archive "$runtime" \
            -Wl,--no-whole-archive -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc -o "$work/$1"
}
for program in threads race; do
    build "$program" || exit 1
done
# The standard library is not instrumented: an Arc's last drop has a fence instead of the load that
# ThreadSanitizer understands.
echo "race:drop_slow" >"$work/suppressions"
export TSAN_OPTIONS="suppressions=$work/suppressions exitcode=66"

passed=0 failed=0
if "$work/threads" >"$work/output" 2>&1; then
    passed=$((passed + 1))
else
    head -n 40 "$work/output"
    failed=$((failed + 1))
fi
"$work/race" >"$work/output" 2>&1
if [ $? -eq 66 ] && grep -q "data race" "$work/output"; then
    passed=$((passed + 1))
else
    echo "tsan: two threads with one builder were not seen"
    failed=$((failed + 1))
fi
echo "tsan: $passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
