#!/bin/sh
# Builds benches/rivals.c with libringway and libmemcached, runs it, and prints what it measured:
# benches/rivals_c.sh [--record]. Needs Debian's libmemcached-dev.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --release -p ringway-c
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
soname=$(readelf -d "$target/release/libringway_c.so" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')
cp "$target/release/libringway_c.so" "$work/$soname"
ln -s "$soname" "$work/libringway.so"
cc -O2 -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror -Iinclude benches/rivals.c -o "$work/rivals" \
    -L"$work" -lringway -Wl,-rpath,"$work" -lmemcached
"$work/rivals" >"$work/rows"
printf '\n%-34s %8s %12s\n' "A lookup from C, 16-byte keys" nodes ns/lookup
awk -F, '{ printf "%-34s %8s %12.2f\n", $1, $2, $3 }' "$work/rows"
[ "${1:-}" != --record ] || python3 benches/record.py rivals-c <"$work/rows"
