#!/bin/sh
# Builds the module for the nginx of this Debian: build.sh [TARGET_DIR]
#
# Prints the path of the shared object. Needs the packages nginx-dev, libpcre2-dev, libssl-dev,
# zlib1g-dev and gcc, and cargo for libringway_c.a. TARGET_DIR is cargo's; $CARGO_TARGET_DIR or
# ../../target unless given. Nothing is built twice.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${1:-${CARGO_TARGET_DIR:-$root/target}}
case $target in /*) ;; *) target=$PWD/$target ;; esac

(cd "$root" && cargo build --quiet -j2 --release -p ringway-c --target-dir "$target")

RINGWAY_INCLUDE=$root/include
RINGWAY_LIBRARY=$target/release/libringway_c.a
export RINGWAY_INCLUDE RINGWAY_LIBRARY

work=$target/nginx-module
module=$work/objs/ngx_http_upstream_ringway_module.so
inputs=$( (
    dpkg-query -W nginx-dev
    cksum "$RINGWAY_LIBRARY" "$RINGWAY_INCLUDE/ringway.h" "$here/config" "$here/build.sh" "$here"/*.[ch]
) | cksum)
if [ ! -f "$module" ] || [ "$(cat "$work/inputs" 2>/dev/null)" != "$inputs" ]; then
    rm -rf "$work"
    cp -r /usr/share/nginx/src "$work"
    # nginx's own configure of this Debian, with its flags: the module's signature must be the same.
    if ! (cd "$work" && bash -c '. ./conf_flags && bash ./configure "${NGX_CONF_FLAGS[@]}" --add-dynamic-module="$1"' \
            configure "$here" && make -f objs/Makefile modules) >"$work/log" 2>&1; then
        tail -n 40 "$work/log" >&2
        exit 1
    fi
    echo "$inputs" >"$work/inputs"
fi
echo "$module"
