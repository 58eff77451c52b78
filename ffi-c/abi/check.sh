#!/bin/sh
# Compares the binary interface of the library with the committed one: check.sh [TARGET_DIR]
#
# BLESS=1 accepts what there is. Needs Debian's abigail-tools. The last line is `abi: N passed, N
# failed, N skipped`. TARGET_DIR is cargo's.
set -u
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${1:-${CARGO_TARGET_DIR:-$root/target}}
case $target in /*) ;; *) target=$PWD/$target ;; esac
baseline=$here/ringway.abi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! command -v abidw >/dev/null; then
    echo "abi: abidw is missing; make setup installs it (abigail-tools)"
    echo "abi: 0 passed, 0 failed, 1 skipped"
    exit 0
fi
if [ "$(uname -m)" != x86_64 ]; then
    echo "abi: the committed interface is that of x86-64"
    echo "abi: 0 passed, 0 failed, 1 skipped"
    exit 0
fi

# abidw reads types from what debuggers read, which is made for this alone.
(cd "$root" && CARGO_PROFILE_RELEASE_DEBUG=2 cargo build --quiet --release -j"${JOBS:-2}" -p ringway-c \
    --target-dir "$target/abi") || exit 1
abidw --no-show-locs --no-corpus-path --no-comp-dir-path "$target/abi/release/libringway_c.so" >"$work/all.abi" &&
    python3 -B "$here/prune.py" <"$work/all.abi" >"$work/ringway.abi" || exit 1
if [ -n "${BLESS:-}" ]; then
    cp "$work/ringway.abi" "$baseline"
fi

passed=0 failed=0
abidiff "$baseline" "$work/ringway.abi" >"$work/changes"
code=$?
if [ $code -eq 0 ]; then
    passed=1
else
    failed=1
    cat "$work/changes"
    echo "abi: the interface is not that of ffi-c/abi/ringway.abi. Functions that were added are fine:"
    echo "abi: \`BLESS=1 sh ffi-c/abi/check.sh\` accepts them. Anything removed or changed breaks programs:"
    echo "abi: take it back, or raise RINGWAY_ABI_VERSION and the minor version, which is the soname's, and then accept it."
fi

# The comparison sees what it is for: a function that is gone, a parameter of another width, a structure
# of another size.
sees() {
    sed "$1" "$work/ringway.abi" >"$work/changed.abi"
    if cmp -s "$work/changed.abi" "$work/ringway.abi" || abidiff "$work/ringway.abi" "$work/changed.abi" >/dev/null; then
        echo "abi: not seen: $1"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
}
sees '/<elf-symbol name="ringway_jump"/d; /<function-decl name="ringway_jump"/,/<\/function-decl>/d'
sees 's/\(<type-decl name="u32" size-in-bits=\)"32"/\1"64"/'
sees 's/size-in-bits="192"/size-in-bits="256"/'
echo "abi: $passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
