#!/bin/sh
# Makes Debian packages by dpkg-deb: scripts/deb.sh [TARGET_DIR]
#
# In TARGET_DIR/debian: libringway0.1 (the shared library; the number is the interface's), libringway-dev
# (headers, static libraries, pkg-config, CMake) and ringway (the command). For the machine it runs on;
# needs Debian's dpkg-dev. TARGET_DIR is cargo's. From the environment: JOBS, and SOURCE_DATE_EPOCH, the
# time of what is inside; that of the last commit unless given.
set -eu
export LC_ALL=C
umask 022

root=$(cd "$(dirname "$0")/.." && pwd)
target=${1:-${CARGO_TARGET_DIR:-$root/target}}
case $target in /*) ;; *) target=$PWD/$target ;; esac
out=$target/debian
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
interface=$(echo "$version" | sed -E 's/^(0\.[0-9]+|[1-9][0-9]*)\..*/\1/')
architecture=$(dpkg --print-architecture)
multiarch=$(gcc -print-multiarch)
maintainer="The Ringway developers <ringway@localhost>"
: "${SOURCE_DATE_EPOCH:=$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}"
export SOURCE_DATE_EPOCH
library=libringway$interface

(cd "$root" && cargo build --quiet --release -j"${JOBS:-2}" -p ringway-cli --target-dir "$target")
env PREFIX=/usr LIBDIR="lib/$multiarch" DESTDIR="$work/all" sh "$root/scripts/install.sh" install "$target"
install -D -m 755 "$target/release/ringway" "$work/ringway/usr/bin/ringway"
strip --strip-unneeded "$work/ringway/usr/bin/ringway"

# The library's run-time file and the link of its soname; the rest is for who builds programs.
libdir=usr/lib/$multiarch
mkdir -p "$work/$library/$libdir" "$work/libringway-dev"
mv "$work/all/$libdir"/libringway.so.* "$work/$library/$libdir"
mv "$work/all/usr" "$work/libringway-dev"
chmod 644 "$work/$library/$libdir"/libringway.so.*.*.*

# package PACKAGE SECTION DEPENDS SUMMARY TEXT [FIELD]
package() {
    name=$1 section=$2 depends=$3 summary=$4 text=$5 more=${6:-}
    documents=$work/$name/usr/share/doc/$name
    mkdir -p "$documents" "$work/$name/DEBIAN"
    {
        echo "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
        echo "Upstream-Name: ringway"
        echo
        echo "Files: *"
        echo "Copyright: 2026 The Ringway developers"
        echo "License: Expat or Apache-2.0"
        echo
        echo "License: Apache-2.0"
        echo " On Debian systems, the text is in /usr/share/common-licenses/Apache-2.0."
        echo
        echo "License: Expat"
        sed -e 1,2d -e 's/^$/./' -e 's/^/ /' "$root/LICENSE-MIT"
    } >"$documents/copyright"
    {
        echo "ringway ($version-1) unstable; urgency=medium"
        echo
        echo "  * See the project's CHANGELOG.md."
        echo
        echo " -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")"
    } | gzip -9n >"$documents/changelog.Debian.gz"
    {
        echo "Package: $name"
        echo "Source: ringway"
        echo "Version: $version-1"
        echo "Architecture: $architecture"
        [ -z "$more" ] || echo "$more"
        echo "Maintainer: $maintainer"
        echo "Installed-Size: $(du -sk --apparent-size "$work/$name" | cut -f1)"
        [ -z "$depends" ] || echo "Depends: $depends"
        echo "Section: $section"
        echo "Priority: optional"
        echo "Description: $summary"
        echo "$text" | sed 's/^/ /'
    } >"$work/$name/DEBIAN/control"
    (cd "$work/$name" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    find "$work/$name" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    mkdir -p "$out"
    dpkg-deb --root-owner-group --build "$work/$name" "$out/${name}_$version-1_$architecture.deb" >/dev/null
    echo "deb: $out/${name}_$version-1_$architecture.deb"
}

# needs FILE: what Debian's tool finds that it depends on.
needs() {
    mkdir -p "$work/scan/debian"
    echo "Source: ringway" >"$work/scan/debian/control"
    (cd "$work/scan" && dpkg-shlibdeps --ignore-missing-info -O "$1" 2>/dev/null) | sed 's/^shlibs:Depends=//'
}

about="Ringway is one key-to-node map, the same bits in Rust, C, C++, Python and on
the command line: consistent hashing with weights, zones and replicas, and
the mappings of nginx, HAProxy, Envoy and others bit for bit."
rm -rf "$out"
mkdir -p "$work/$library/DEBIAN"
echo "libringway $interface $library (>= $version)" >"$work/$library/DEBIAN/shlibs"
echo "activate-noawait ldconfig" >"$work/$library/DEBIAN/triggers"
package "$library" libs "$(needs "$work/$library/$libdir/libringway.so.$version")" \
    "consistent hashing, the same map in every language - shared library" "$about" "Multi-Arch: same"
package libringway-dev libdevel "$library (= $version-1)" \
    "consistent hashing, the same map in every language - development files" "$about" "Multi-Arch: same"
package ringway utils "$(needs "$work/ringway/usr/bin/ringway")" \
    "map keys to nodes, plan changes, and shard by proxy" "$about"
