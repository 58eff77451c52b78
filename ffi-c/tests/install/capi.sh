#!/bin/sh
# Installs the C library with cargo-c, as a packager may, and links programs with it: capi.sh [TARGET_DIR]
#
# Needs what `scripts/setup.sh cargo-c` compiles, gcc, g++ and pkg-config. Prints
# `cargo-c: N passed, N failed, N skipped`; exits with 1 if anything failed.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
target=${1:-${CARGO_TARGET_DIR:-$root/target}}
case $target in /*) ;; *) target=$PWD/$target ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

check() {
    name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        echo "cargo-c: $name failed" >&2
        failed=$((failed + 1))
    fi
}

PATH=$root/.setup/cargo-c/bin:$PATH
# A folder of its own: cargo-c gives the library another name.
(cd "$root" && cargo cinstall -j "${JOBS:-2}" -p ringway-c --release --locked --target-dir "$target/capi" \
    --prefix="$work/usr" --libdir="$work/usr/lib" --includedir="$work/usr/include" \
    --pkgconfigdir="$work/usr/lib/pkgconfig") >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    echo "cargo-c: 0 passed, 1 failed, 0 skipped"
    exit 1
}
export PKG_CONFIG_PATH="$work/usr/lib/pkgconfig"
lib=$work/usr/lib
for header in ringway.h ringway.hpp; do
    check "$header" cmp "$root/include/$header" "$work/usr/include/$header"
done
soname=$(readelf -d "$lib/libringway.so" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')
make_soname=$(readelf -d "$target/release/libringway_c.so" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')
check "soname as make install's" [ "$soname" = "$make_soname" ]
check "the soname's file" [ -e "$lib/$soname" ]
nm -D --defined-only "$lib/libringway.so" | awk '{print $3}' | sort >"$work/exported"
sed -n 's/^[a-z].*[ *]\(ringway_[a-z_]*\)(.*/\1/p' "$root/include/ringway.h" | sort >"$work/declared"
check "exports" diff "$work/declared" "$work/exported"
check "version" [ "$(pkg-config --modversion ringway)" = \
    "$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)" ]

# link NAME COMPILER SOURCE FLAGS...: what the installed library answers is what make install's does.
link() {
    name=$1 compiler=$2 source=$3
    shift 3
    "$compiler" -Wall -Wextra -Werror "$here/$source" -o "$work/$name" "$@" &&
        "$work/$name" "$work/cluster.toml" <"$work/keys" >"$work/$name.answers" && [ -s "$work/$name.answers" ]
}
printf '[[node]]\nname = "db1"\n[[node]]\nname = "db2"\nweight = 2\n' >"$work/cluster.toml"
seq 1000 | sed 's/^/user:/' >"$work/keys"
# Lists of flags are split into words on purpose.
# shellcheck disable=SC2046
{
    check "C, shared" link shared gcc owners.c $(pkg-config --cflags --libs ringway) -Wl,-rpath,"$lib"
    check "C++, shared" link cpp g++ owners.cpp -std=c++17 $(pkg-config --cflags --libs ringway) -Wl,-rpath,"$lib"
    check "C, static" link static gcc owners.c $(pkg-config --cflags ringway) "$lib/libringway.a" \
        -Wl,--gc-sections -lgcc_s -lpthread -lm -ldl
}
check "C++ as C" cmp "$work/shared.answers" "$work/cpp.answers"
check "static as shared" cmp "$work/shared.answers" "$work/static.answers"
echo "cargo-c: $passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
