#!/bin/sh
# Builds the freestanding form of the C library: build.sh [TARGET_DIR]
#
# Makes TARGET_DIR/freestanding/ringway-freestanding.o, one object whose only global names are the
# functions of include/ringway-freestanding.h, and libringway-freestanding.a with nothing else in it.
# TARGET_DIR is cargo's; $CARGO_TARGET_DIR or ../../target unless given. From the environment: JOBS,
# and the tools LD, OBJCOPY and AR.
set -eu
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${1:-${CARGO_TARGET_DIR:-$root/target}}
case $target in /*) ;; *) target=$PWD/$target ;; esac
# A folder of its own: another profile and other features must not meet the hosted form's.
target=$target/freestanding

(cd "$here" && cargo build --quiet --locked --release -j"${JOBS:-2}" --target-dir "$target")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
functions=$(sed -n 's/^[a-z].*[ *]\(ringway_[a-z_]*\)(.*/\1/p' "$root/include/ringway-freestanding.h")
# The linker takes what the functions need, out of all that Rust put into the archive.
keep=""
for function in $functions; do
    keep="$keep -u $function"
done
# Words on purpose. What the linker prints of a plug-in for other files does not matter if it succeeds.
# shellcheck disable=SC2086
"${LD:-ld}" -r --gc-sections $keep -e ringway_abi_version -o "$work/whole.o" \
    "$target/release/libringway_freestanding.a" 2>"$work/ld" || { cat "$work/ld" >&2; exit 1; }
# Nothing unwinds through it, so nothing reads how to.
"${OBJCOPY:-objcopy}" -w --keep-global-symbol='ringway_*' --strip-debug --remove-section=.comment \
    --remove-section=.eh_frame --remove-section=.rela.eh_frame \
    "$work/whole.o" "$target/ringway-freestanding.o"
rm -f "$target/libringway-freestanding.a"
"${AR:-ar}" rcsD "$target/libringway-freestanding.a" "$target/ringway-freestanding.o"
