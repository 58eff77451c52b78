#!/bin/sh
# Instructions per lookup from C beside the lookup that Rust inlines, and sizes of what C links:
#
#   benches/icount_c.sh             print tables
#   benches/icount_c.sh --record    the same, and write results/*-icount-c.csv
#   benches/icount_c.sh --check     instructions only, and exit 1 if a call costs 30 more than Rust's lookup
#
# Needs valgrind and gcc. The loops around the lookups count; the keys are those of icount.sh.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

failed=0

cargo build --quiet --release -p ringway-c
cargo build --quiet --release -p ringway-bench --bin icount
soname=$(readelf -d "$target/release/libringway_c.so" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')
cp "$target/release/libringway_c.so" "$work/$soname"
ln -s "$soname" "$work/libringway.so"
static="$target/release/libringway_c.a -Wl,--gc-sections -lpthread -lm -ldl -lgcc_s"
compile() {
    output=$1
    shift
    cc -O2 -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror -Iinclude "$@" -o "$output"
}
compile "$work/shared" benches/icount.c -L"$work" -lringway -Wl,-rpath,"$work" -Wl,-z,now
# shellcheck disable=SC2086
compile "$work/static" benches/icount.c $static

# count FUNCTION PROGRAM QUESTION NODES: instructions per key, with two decimals.
count() {
    function=$1
    shift
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect="$function" "$@" 2>&1 |
        awk '/Collected :/ { printf "%.2f\n", $NF / 131072; found = 1 } END { exit !found }'
}

row() {
    printf '%-28s %8s %12s\n' "$1" "$2" "$3"
    echo "$1,$2,$3,$4" >>"$work/rows"
}

printf '%-28s %8s %12s\n' "what" nodes instructions
for nodes in 10 100 1000; do
    for question in key hash; do
        row "$question in Rust" $nodes "$(count 'icount::counted*' "$target/release/icount" $question $nodes)" instructions
        for form in shared static; do
            row "$question in C $form" $nodes "$(count counted "$work/$form" $question $nodes)" instructions
        done
    done
    for question in many strided hashes; do
        row "$question in C shared" $nodes "$(count counted "$work/shared" $question $nodes)" instructions
    done
done

# Beyond the inlined lookup: the call, the checks of its arguments, the status, a longer loop.
for nodes in 10 100 1000; do
    for question in key hash; do
        awk -F, -v nodes=$nodes -v q=$question '
            $2 == nodes && $1 == q " in Rust" { rust = $3 }
            $2 == nodes && $1 == q " in C static" { c = $3 }
            END { printf "%s, %s nodes: C by Rust %.2f, %.1f more\n", q, nodes, c / rust, c - rust
                  if (c > rust + 30) { print "above the limit of 30 more" >"/dev/stderr"; exit 1 } }' "$work/rows" || failed=1
    done
done
if [ "${1:-}" = --check ]; then
    exit $failed
fi

JOBS=${JOBS:-2} sh ffi-c/freestanding/build.sh "$target" >/dev/null
# shellcheck disable=SC2086
compile "$work/program" benches/size.c $static -s
strip -o "$work/stripped.so" "$work/$soname"
"$work/program"
printf '\n%-28s %8s %12s\n' "what" "" bytes
bytes() { row "$1" 0 "$(stat -c %s "$2")" bytes; }
code() { row "$1" 0 "$(size "$2" 2>/dev/null | awk 'NR == 2 { print $1 }')" "bytes of code"; }
for measure in bytes code; do
    $measure "libringway.so stripped" "$work/stripped.so"
    $measure "program with libringway.a" "$work/program"
    $measure "ringway-freestanding.o" "$target/freestanding/ringway-freestanding.o"
done
[ "${1:-}" != --record ] || python3 benches/record.py icount-c <"$work/rows"
