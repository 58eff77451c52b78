#!/bin/sh
# Builds the freestanding form and tests it from C: run.sh [TARGET_DIR]
#
# What it asks of its host and how large it is; the vectors and wrong calls, also under sanitizers and
# valgrind; the example, which has no libc. Prints one line for each suite, `freestanding-c SUITE: N
# passed, N failed, N skipped`; exit 1 if anything failed. TARGET_DIR is cargo's.
set -u
export LC_ALL=C

tests=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$tests/../../.." && pwd)
target=${1:-${CARGO_TARGET_DIR:-$root/target}}
case $target in /*) ;; *) target=$PWD/$target ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=freestanding-c
# shellcheck source=ffi-c/tests/suite.sh
. "$root/ffi-c/tests/suite.sh"

# Machine code and constants, as `size` counts them.
text_max=24576

sh "$root/ffi-c/freestanding/build.sh" "$target" || exit 1
object=$target/freestanding/ringway-freestanding.o
archive=$target/freestanding/libringway-freestanding.a
python3 "$root/ffi-c/tests/vectors_to_c.py" "$root/spec/vectors" >"$work/vectors_data.h" || exit 1
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
warnings="-O1 -g -Wall -Wextra -Wpedantic -Werror"
includes="-I$root/include -I$root/ffi-c/tests -I$work"

# symbols BIND SECTION: the names of the object's symbols of that binding, defined or not.
symbols() {
    readelf -sW "$1" | awk -v want="$2" '$5 == "GLOBAL" && $8 != "" && ($7 == "UND") == (want == "undefined") { print $8 }' | sort -u
}

# Exactly the header's functions are global, the compiler's own are all that is asked for, and the size
# is within its limit.
test_object() {
    passed=0 failed=0
    sed -n 's/^[a-z].*[ *]\(ringway_[a-z_]*\)(.*/\1/p' "$root/include/ringway-freestanding.h" | sort >"$work/declared"
    symbols "$object" defined >"$work/defined"
    if [ -s "$work/declared" ] && diff "$work/declared" "$work/defined" >&2; then
        passed=$(wc -l <"$work/declared")
    else
        failed=1
    fi
    symbols "$object" undefined >"$work/undefined"
    if grep -qx memcpy "$work/undefined" && ! grep -vxE 'memcpy|memmove|memset|memcmp|bcmp' "$work/undefined" >&2; then
        passed=$((passed + 1))
    else
        echo "$prefix: the object asks for these; ringway_host_panic would mean that something can panic" >&2
        failed=$((failed + 1))
    fi
    text=$(size "$object" | awk 'NR == 2 { print $1 }')
    data=$(size "$object" | awk 'NR == 2 { print $2 + $3 }')
    echo "$prefix: $text bytes of code and constants (at most $text_max), $data of data"
    if [ "$text" -le $text_max ] && [ "$data" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
    report object "$((passed))" $failed 0
}

# compile OUTPUT COMPILER STANDARD SOURCE EXTRA...
compile() {
    output=$1 compiler=$2 standard=$3 source=$4
    shift 4
    # The lists of flags are split into words on purpose.
    # shellcheck disable=SC2086
    "$compiler" -std="$standard" $warnings $includes "-DCARGO_VERSION=\"$version\"" "$source" -o "$output" "$@"
}

# Every program under every compiler and standard that there is, and the header in C++.
test_compilers() {
    passed=0 failed=0 skipped=0
    echo '#include "ringway-freestanding.h"' >"$work/header.cpp"
    for pair in gcc:c99 gcc:c11 gcc:c17 clang:c99 clang:c11 clang:c17; do
        for source in vectors misuse; do
            compile_counted "${pair%:*}" "${pair#*:}" "$tests/$source.c"
        done
    done
    for pair in g++:c++17 g++:c++20 clang++:c++17 clang++:c++20; do
        compile_counted "${pair%:*}" "${pair#*:}" "$work/header.cpp"
    done
    report compile $passed $failed $skipped
}

compile_counted() {
    if ! command -v "$1" >/dev/null; then
        skipped=$((skipped + 1))
    elif compile /dev/null "$@" -c; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
}

# test_programs KIND SIZE COMPILE_FLAGS RUNNER...: all programs, built and run one way.
test_programs() {
    kind=$1 size=$2 flags=$3
    shift 3
    for program in misuse vectors; do
        # shellcheck disable=SC2086
        if compile "$work/$program" gcc c99 "$tests/$program.c" $flags "$archive"; then
            run_program "$program $kind" "$@" "$work/$program" ${size:+"$size"}
        else
            report "$program $kind" 0 1 0
        fi
    done
}

# The example is built as docs/embedding.md says, needs nothing at all, and its owners are right.
test_example() {
    awk '/^## Freestanding/ {here = 1} here && /^```sh$/ {on = 1; next} /^```/ {on = 0} on' \
        "$root/docs/embedding.md" | sed "s|/tmp/keyed|$work/example|g" >"$work/commands"
    if ! grep -q nostdlib "$work/commands" ||
        ! (cd "$root" && CARGO_TARGET_DIR="$target" sh -eu "$work/commands") >&2; then
        report example 0 1 0
        return
    fi
    if readelf -d "$work/example" | grep -q NEEDED; then
        report example 0 1 0
        return
    fi
    echo "$prefix: the example without libc has $(size "$work/example" | awk 'NR == 2 { print $1 }') bytes of code and constants"
    python3 -B "$tests/example.py" ask | "$work/example" >"$work/owners"
    run_program example python3 -B "$tests/example.py" judge <"$work/owners"
}

test_object
test_compilers
test_example
test_programs plain "" ""
test_programs sanitized "" "-fsanitize=address,undefined -fno-sanitize-recover=all"
if command -v valgrind >/dev/null; then
    test_programs valgrind --small "" valgrind --quiet --partial-loads-ok=no --error-exitcode=9 --leak-check=full
else
    echo "$prefix: valgrind is missing; make setup installs it"
    echo "$prefix valgrind: 0 passed, 0 failed, 2 skipped"
fi
[ "$failed_suites" -eq 0 ]
