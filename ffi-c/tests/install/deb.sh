#!/bin/sh
# Makes the Debian packages, unpacks them and builds a stranger's project with them: deb.sh [TARGET_DIR]
#
# Into a folder and not the system; lintian, where it is installed, must find no error. The last line is
# `deb: N passed, N failed, N skipped`. TARGET_DIR is cargo's.
set -u
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
target=${1:-${CARGO_TARGET_DIR:-$root/target}}
case $target in /*) ;; *) target=$PWD/$target ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PKG_CONFIG_PATH PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR
passed=0 failed=0 skipped=0

# check WHAT COMMAND...: one test, which passes by its exit status.
check() {
    what=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "deb: FAILED: $what"
        tail -n 15 "$work/output"
    fi
}

unpack() {
    for package in "$target/debian"/*.deb; do
        dpkg-deb -x "$package" "$work/root" || return 1
    done
}

# dpkg itself installs them, in the order that their dependencies ask for, into a tree of their own.
installs() {
    mkdir -p "$work/tree/var/lib/dpkg/updates" "$work/tree/var/lib/dpkg/info" "$work/tree/var/lib/dpkg/triggers"
    : >"$work/tree/var/lib/dpkg/status"
    dpkg --root="$work/tree" --force-depends --force-not-root --force-script-chrootless \
        --unpack "$target/debian"/*.deb &&
        [ "$(dpkg --root="$work/tree" -l | grep -c ringway)" = 3 ]
}

answers() {
    LD_LIBRARY_PATH="$work/root/usr/lib/$multiarch" "$1" "$work/cluster.toml" <"$work/keys.txt" >"$work/owners.txt" &&
        python3 -B "$here/answers.py" judge <"$work/owners.txt"
}

depends_on() {
    dpkg-deb -f "$target/debian/$1"_*.deb Depends | grep -q "$2"
}

multiarch=$(gcc -print-multiarch)
library=libringway$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | sed -E 's/^(0\.[0-9]+|[1-9][0-9]*)\..*/\1/;q')
python3 -B "$here/answers.py" ask "$work" || exit 1
check "packages are made" sh "$root/scripts/deb.sh" "$target"
check "they unpack" unpack
check "dpkg takes them" installs
flags="-std=c99 -O2 -Wall -Wextra -Wpedantic -Werror $here/owners.c -o $work"
export PKG_CONFIG_SYSROOT_DIR="$work/root" PKG_CONFIG_PATH="$work/root/usr/lib/$multiarch/pkgconfig"
# Lists of flags are split into words on purpose.
# shellcheck disable=SC2046,SC2086
{
    check "a program builds" gcc $flags/shared $(pkg-config --cflags --libs ringway)
    check "a static one builds" gcc $flags/static -static $(pkg-config --static --cflags --libs ringway)
}
check "the program answers" answers "$work/shared"
check "the static one answers" answers "$work/static"
check "a CMake project configures" cmake -S "$here/cmake" -B "$work/cmake" "-DCMAKE_PREFIX_PATH=$work/root/usr"
check "a CMake project builds" cmake --build "$work/cmake" --parallel 2
check "it answers" answers "$work/cmake/cpp-shared"
check "the command runs" "$work/root/usr/bin/ringway" --version
check "the library asks for libc" depends_on "$library" libc6
check "the headers ask for the library" depends_on libringway-dev libringway
if command -v lintian >/dev/null; then
    # There is no maintainer in Debian yet, and no bug that a first upload would close.
    check "lintian finds no error" lintian --fail-on error \
        --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog,initial-upload-closes-no-bugs "$target/debian"/*.deb
else
    skipped=1
    echo "deb: lintian is missing; make test-all installs it"
fi
echo "deb: $passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
