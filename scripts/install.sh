#!/bin/sh
# Builds the C and C++ library and installs it, or removes what was installed:
#
#   scripts/install.sh install [TARGET_DIR]
#   scripts/install.sh uninstall
#
# From the environment: PREFIX (/usr/local), LIBDIR (lib, below PREFIX), DESTDIR (put before all,
# for packages), STRIP (strip; `:` keeps what debuggers read). TARGET_DIR is cargo's;
# $CARGO_TARGET_DIR or ./target unless given.
set -eu
export LC_ALL=C

root=$(cd "$(dirname "$0")/.." && pwd)
action=${1:-}
target=${2:-${CARGO_TARGET_DIR:-$root/target}}
case $target in /*) ;; *) target=$PWD/$target ;; esac

fail() {
    echo "install: $1" >&2
    exit 2
}

prefix=${PREFIX:-/usr/local}
prefix=${prefix%/}
case $prefix in /* | "") ;; *) fail "PREFIX is not absolute: $prefix" ;; esac
libdir=${LIBDIR:-lib}
libdir=${libdir#"$prefix"/}
libdir=${libdir%/}
case /$libdir/ in //* | */../*) fail "LIBDIR is not below PREFIX: $libdir" ;; esac
case $prefix$libdir in *[[:space:]\|\&\\]*) fail "not in a path for compilers: space, |, &, \\" ;; esac
place=${DESTDIR:-}$prefix

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)

# Cargo prints what the static library needs. Of that, a C compiler adds libc and libgcc by itself,
# and only it knows in which form: -lgcc_s here would break `cc -static`.
build() {
    (cd "$root" && cargo rustc --quiet --release -j"${JOBS:-2}" -p ringway-c --target-dir "$target" \
        -- --print native-static-libs) 2>"$work/cargo" || {
        cat "$work/cargo" >&2
        exit 1
    }
    native_libs=$(sed -n 's/^note: native-static-libs: //p' "$work/cargo" |
        tr ' ' '\n' | grep -vxE -e '-l(c|gcc_s)' | tr '\n' ' ' | sed 's/ $//')
    [ -n "$native_libs" ] || fail "rustc does not say what libringway.a needs"
    soname=$(readelf -d "$target/release/libringway_c.so" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')
    case $soname in libringway.so.?*) ;; *) fail "the shared library has no soname" ;; esac
    pointer_bytes=8
    if readelf -h "$target/release/libringway_c.so" | grep -q 'ELF32'; then
        pointer_bytes=4
    fi
}

# fill TEMPLATE NATIVE_LIBS: the template with this build's facts.
fill() {
    up=$(echo "$libdir/cmake/ringway" | sed 's|[^/][^/]*|..|g')
    sed -e "s|@PREFIX@|$prefix|g" -e "s|@LIBDIR@|$libdir|g" -e "s|@UP@|$up|g" \
        -e "s|@VERSION@|$version|g" -e "s|@SONAME@|$soname|g" \
        -e "s|@INTERFACE@|${soname#libringway.so.}|g" -e "s|@POINTER_BYTES@|$pointer_bytes|g" \
        -e "s|@NATIVE_LIBS@|$2|g" "$root/ffi-c/install/$1.in" >"$work/$1"
}

install_all() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    build
    fill ringway.pc "$native_libs"
    fill ringway-config.cmake "$(echo "$native_libs" | sed -e 's/-l//g' -e 's/ /;/g')"
    fill ringway-config-version.cmake ""
    cp "$target/release/libringway_c.so" "$work/libringway.so"
    cp "$target/release/libringway_c.a" "$work/libringway.a"
    sh "$root/ffi-c/freestanding/build.sh" "$target"
    "${STRIP:-strip}" --strip-unneeded "$work/libringway.so"
    "${STRIP:-strip}" --strip-debug "$work/libringway.a"

    install -d "$place/include" "$place/$libdir/pkgconfig" "$place/$libdir/cmake/ringway"
    install -m 755 "$work/libringway.so" "$place/$libdir/libringway.so.$version"
    ln -sf "libringway.so.$version" "$place/$libdir/$soname"
    ln -sf "$soname" "$place/$libdir/libringway.so"
    install -m 644 "$work/libringway.a" "$place/$libdir/libringway.a"
    install -m 644 "$target/freestanding/libringway-freestanding.a" "$place/$libdir"
    install -m 644 "$root/include/ringway.h" "$root/include/ringway.hpp" \
        "$root/include/ringway-freestanding.h" "$place/include"
    install -m 644 "$work/ringway.pc" "$place/$libdir/pkgconfig"
    install -m 644 "$work/ringway-config.cmake" "$work/ringway-config-version.cmake" \
        "$place/$libdir/cmake/ringway"
    echo "install: libringway $version in $place"
}

# What this release's install_all put there, and no folder but its own.
uninstall_all() {
    for soname in "$place/$libdir"/libringway.so.*; do
        if [ "$(readlink "$soname")" = "libringway.so.$version" ]; then
            rm -f "$soname"
        fi
    done
    rm -f "$place/$libdir/libringway.so.$version" "$place/$libdir/libringway.so" \
        "$place/$libdir/libringway.a" "$place/include/ringway.h" "$place/include/ringway.hpp" \
        "$place/$libdir/libringway-freestanding.a" "$place/include/ringway-freestanding.h" \
        "$place/$libdir/pkgconfig/ringway.pc"
    rm -rf "$place/$libdir/cmake/ringway"
    echo "install: libringway $version is gone from $place"
}

case $action in
install) install_all ;;
uninstall) uninstall_all ;;
*)
    sed -n '2,9p' "$0"
    exit 2
    ;;
esac
