#!/bin/sh
# Builds the C library and tests it from C and C++: run.sh [TARGET_DIR]
#
# Prints one line for each suite, `ffi-c SUITE: N passed, N failed, N skipped`, and exits with 1
# if anything failed. TARGET_DIR is cargo's; $CARGO_TARGET_DIR or ./target unless given.
set -u

tests=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$tests/../.." && pwd)
target=${1:-${CARGO_TARGET_DIR:-$root/target}}
case $target in /*) ;; *) target=$PWD/$target ;; esac

(cd "$root" && cargo build --quiet --release -p ringway-c --target-dir "$target") || exit 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$target/release/libringway_c.a" "$work/libringway.a"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
# The dynamic linker's name: 0.1 of all 0.1.x, 1 of all 1.x.
soname=libringway.so.$(echo "$version" | sed -E 's/^(0\.[0-9]+|[1-9][0-9]*)\..*/\1/')
cp "$target/release/libringway_c.so" "$work/$soname"
ln -s "$soname" "$work/libringway.so"
python3 "$tests/vectors_to_c.py" "$root/spec/vectors" >"$work/vectors_data.h" || exit 1
python3 "$tests/deployed_to_lines.py" "$root/spec" "$work/deployed.txt" "$work/deployed-sample.txt" || exit 1

warnings="-O1 -g -Wall -Wextra -Wpedantic -Werror"
includes="-I$root/include -I$work"
shared="-L$work -lringway -Wl,-rpath,$work -lpthread"
static="$work/libringway.a -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
prefix=ffi-c
. "$tests/suite.sh"
# misuse.c asks for more memory than there is, and means it.
export ASAN_OPTIONS=allocator_may_return_null=1

# compile OUTPUT COMPILER STANDARD SOURCE EXTRA...
compile() {
    output=$1 compiler=$2 standard=$3 source=$4
    shift 4
    # The lists of flags are split into words on purpose.
    # shellcheck disable=SC2086
    "$compiler" -std="$standard" $warnings $includes "-DCARGO_VERSION=$version" \
        "$tests/$source" -o "$output" "$@"
}

# Every program under every compiler and standard that there is.
test_compilers() {
    passed=0 failed=0 skipped=0
    for pair in gcc:c99 gcc:c11 gcc:c17 clang:c99 clang:c11 clang:c17; do
        for source in api.c deployed.c misuse.c threads.c vectors.c; do
            compile_counted "${pair%:*}" "${pair#*:}" "$source"
        done
    done
    for pair in g++:c++17 g++:c++20 clang++:c++17 clang++:c++20; do
        for source in deployed.cpp hpp.cpp no_exceptions.cpp; do
            compile_counted "${pair%:*}" "${pair#*:}" "$source"
        done
        compile_counted "${pair%:*}" "${pair#*:}" no_exceptions.cpp -fno-exceptions
        compile_counted "${pair%:*}" "${pair#*:}" no_exceptions.cpp -DRINGWAY_NO_EXCEPTIONS
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
    for program in api misuse threads vectors hpp no_exceptions deployed deployed_hpp; do
        case $program in
        hpp) language="g++ c++17 hpp.cpp" ;;
        no_exceptions) language="g++ c++17 no_exceptions.cpp -fno-exceptions" ;;
        deployed_hpp) language="g++ c++17 deployed.cpp" ;;
        *) language="gcc c99 $program.c" ;;
        esac
        case $program in
        api) argument=$work/scratch.toml ;;
        deployed*) argument=$work/deployed${size:+-sample}.txt ;;
        *) argument=$size ;;
        esac
        # shellcheck disable=SC2086
        if compile "$work/$program" $language $flags; then
            run_program "$program $kind" "$@" "$work/$program" ${argument:+"$argument"}
        else
            report "$program $kind" 0 1 0
        fi
    done
}

# Exactly the header's functions are exported, and the soname carries the release.
test_symbols() {
    passed=0 failed=0
    nm -D --defined-only "$work/libringway.so" | awk '{print $3}' | sort >"$work/exported"
    sed -n 's/^[a-z].*[ *]\(ringway_[a-z_]*\)(.*/\1/p' "$root/include/ringway.h" | sort >"$work/declared"
    if [ -s "$work/declared" ] && diff "$work/declared" "$work/exported" >&2; then
        passed=$(wc -l <"$work/declared")
    else
        failed=1
    fi
    if readelf -d "$work/libringway.so" | grep -qF "soname: [$soname]"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
    report symbols "$((passed))" $failed 0
}

# A program with RINGWAY_NO_EXCEPTIONS throws nothing, though the compiler would let it; others do.
test_no_throw() {
    passed=0 failed=0
    for source in no_exceptions.cpp hpp.cpp; do
        expected=1 define=
        [ $source = hpp.cpp ] || expected=0 define=-DRINGWAY_NO_EXCEPTIONS
        # shellcheck disable=SC2086
        if compile "$work/throws.o" g++ c++17 $source $define -c &&
            [ "$(nm -u "$work/throws.o" | grep -c ' __cxa_throw$')" -eq $expected ]; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
        fi
    done
    report "no throw" $passed $failed 0
}

# README's C program compiles without a warning, and runs with README's cluster file and without.
test_readme() {
    passed=0 failed=0
    for language in c toml; do
        awk -v begin="^\`\`\`$language\$" '$0 ~ begin {on = 1; next} /^```/ {on = 0} on' \
            "$root/README.md" >"$work/readme.$language"
    done
    mkdir "$work/readme"
    # shellcheck disable=SC2086
    if gcc -std=c99 $warnings $includes "$work/readme.c" -o "$work/readme/program" $shared; then
        passed=1
    else
        failed=1
    fi
    (cd "$work/readme" && ./program >/dev/null 2>missing)
    if [ $? -eq 1 ] && grep -q "cluster.toml" "$work/readme/missing"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
    cp "$work/readme.toml" "$work/readme/cluster.toml"
    if (cd "$work/readme" && ./program) | grep -q '^user:42: node [01]$'; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
    report readme $passed $failed 0
}

test_compilers
test_symbols
test_no_throw
test_readme
test_programs shared "" "$shared"
test_programs static "" "$static"
test_programs sanitized "" "-fsanitize=address,undefined -fno-sanitize-recover=all $shared"
if command -v valgrind >/dev/null; then
    echo "ffi-c: valgrind skips tables of 2^24 points: minutes each, and the other runs have them"
    test_programs valgrind --small "$shared" \
        valgrind --quiet --partial-loads-ok=no --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,possible
else
    echo "ffi-c: valgrind is missing; make setup installs it"
    echo "ffi-c valgrind: 0 passed, 0 failed, 8 skipped"
fi

[ $failed_suites -eq 0 ]
