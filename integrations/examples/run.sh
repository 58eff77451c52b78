#!/bin/sh
# Builds the example proxies and the code of docs/embedding.md, and tests them: run.sh [TARGET_DIR]
#
# Prints lines `examples ...: N passed, N failed, N skipped`; exits with 1 if anything failed.
# TARGET_DIR is cargo's; $CARGO_TARGET_DIR or ./target unless given.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${1:-${CARGO_TARGET_DIR:-$root/target}}
case $target in /*) ;; *) target=$PWD/$target ;; esac

(cd "$root" && cargo build -j2 --quiet --release -p ringway-c --target-dir "$target" &&
    cargo build -j2 --quiet -p ringway-cli --target-dir "$target") || exit 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$target/release/libringway_c.a" "$work/libringway.a"
soname=$(readelf -d "$target/release/libringway_c.so" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')
cp "$target/release/libringway_c.so" "$work/$soname"
ln -s "$soname" "$work/libringway.so"
shared="-L$work -lringway -Wl,-rpath,$work -pthread"
static="$work/libringway.a -Wl,--gc-sections -pthread -lm -ldl"
warnings="-O1 -g -Wall -Wextra -Wpedantic -Werror -I$root/include"
# The check of vptr opens a pipe, and takes it for a fault if there are no descriptors, as in a test.
sanitize="-fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all"
status=0

# report NAME PASSED FAILED SKIPPED
report() {
    echo "examples $1: $2 passed, $3 failed, $4 skipped"
    [ "$3" -eq 0 ] || status=1
}

# compile OUTPUT SOURCE COMPILER FLAGS...: in the language of the compiler.
compile() {
    output=$1 source=$2 compiler=$3
    shift 3
    case $compiler$source in
    *.cpp-no-exceptions) standard="-std=c++17 -fno-exceptions -x c++" ;;
    *++*) standard="-std=c++17 -DASIO_STANDALONE" ;;
    *) standard=-std=c11 ;;
    esac
    # The lists of flags are split into words on purpose.
    # shellcheck disable=SC2086
    "$compiler" $standard $warnings "$source" -o "$output" "$@"
}

# proxy NAME COMPILER OTHER SOURCE: the other compiler has no warnings either; tests it plain and sanitized.
proxy() {
    name=$1 compiler=$2 other=$3 source=$4
    # shellcheck disable=SC2086
    if ! compile "$work/$name" "$source" "$compiler" $shared ||
        ! compile "$work/$name-asan" "$source" "$compiler" $sanitize $static; then
        report "$name $compiler" 0 1 0
        return
    fi
    if ! command -v "$other" >/dev/null; then
        report "$name $other" 0 0 1
    elif compile /dev/null "$source" "$other" -fsyntax-only; then
        report "$name $other" 1 0 0
    else
        report "$name $other" 0 1 0
    fi
    python3 -B "$here/test.py" "$target/debug/ringway" "$name" "$work/$name" || status=1
    python3 -B "$here/test.py" "$target/debug/ringway" "$name sanitized" "$work/$name-asan" || status=1
}

# The blocks of one language of docs/embedding.md are one program: it is compiled, and run with
# what it asserts.
document() {
    language=$1
    awk -v begin="^\`\`\`$1\$" '$0 ~ begin {on = 1; next} /^```/ {on = 0} on' \
        "$root/docs/embedding.md" >"$work/embedding.$1"
    mkdir "$work/$1"
    printf 'layout = "ringway-v1"\n[[node]]\nname = "db1"\n[[node]]\nname = "db2"\nweight = 2\n[[node]]\nname = "db3"\n' \
        >"$work/$1/cluster.toml"
    passed=0 failed=0 skipped=0
    shift
    for compiler in "$@"; do
        case $compiler in
        g*) forms="shared static" ;;
        *) forms=shared ;;
        esac
        for form in $forms; do
            case $form in
            shared) flags=$shared ;;
            static) flags="$sanitize $static" ;;
            esac
            # shellcheck disable=SC2086
            if ! command -v "$compiler" >/dev/null; then
                skipped=$((skipped + 1))
            elif compile "$work/$language/program" "$work/embedding.$language" "$compiler" -x none $flags &&
                (cd "$work/$language" && ./program >output 2>errors && grep -qx "all is as the text says" output); then
                passed=$((passed + 1))
            else
                cat "$work/$language/errors"
                failed=$((failed + 1))
            fi
        done
    done
    report "embedding.md $language" $passed $failed $skipped
}

# valgrind_proxy: the C proxy as it is, watched.
valgrind_proxy() {
    if command -v valgrind >/dev/null; then
        python3 -B "$here/test.py" "$target/debug/ringway" "epoll-proxy valgrind" \
            valgrind --quiet --partial-loads-ok=no --error-exitcode=9 --leak-check=full "$work/epoll-proxy" || status=1
    else
        report "epoll-proxy valgrind" 0 0 1
    fi
}

# Two halves at once: most of the time somebody waits.
{
    document c gcc clang
    proxy epoll-proxy gcc clang "$here/epoll-proxy.c"
    valgrind_proxy
    exit $status
} >"$work/c.log" 2>&1 &
half=$!
document cpp g++ clang++
document cpp-no-exceptions g++ clang++
proxy asio-proxy g++ clang++ "$here/asio-proxy.cpp"
wait $half || status=1
cat "$work/c.log"
exit $status
