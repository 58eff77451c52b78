#!/bin/sh
# Builds the programs that have no heap, and asks them the vectors.
#
#   run.sh freestanding [TARGET_DIR]   a static library and a program without libc, on this machine
#   run.sh bare-metal [TARGET_DIR]     a Cortex-M4 under QEMU, and two targets without atomics
#
# The last line of each check is `NAME: N passed, N failed, N skipped`; exit 1 if one failed.
# The second needs Debian's rustc-web, rust-web-src (a compiler with its library's source), lld and
# qemu-system-arm. TARGET_DIR is cargo's; $CARGO_TARGET_DIR or ../../target unless given.
set -u

here=$(cd "$(dirname "$0")" && pwd)
target=${2:-${CARGO_TARGET_DIR:-$here/../../target}}
case $target in /*) ;; *) target=$PWD/$target ;; esac
# A folder of its own: other profiles and other features must not meet.
target=$target/no-heap
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$here" || exit 1
failed=0

# check NAME COMMAND...: one check that passes or fails by its exit status.
check() {
    name=$1
    shift
    if "$@"; then
        echo "$name: 1 passed, 0 failed, 0 skipped"
    else
        echo "$name: 0 passed, 1 failed, 0 skipped"
        failed=1
    fi
}

# undefined OBJECT: the symbols that an object file or a library expects of others.
undefined() {
    readelf -sW "$1" | awk '$7 == "UND" && $8 != "" { print $8 }' | sort -u
}

# The program may lean on nothing but what a compiler always may, and its own host.
needs_little() {
    # The linker's complaints are about a plug-in for another compiler's files.
    ld -r --gc-sections -u freestanding_answer -e freestanding_answer -o "$work/whole.o" "$1" \
        2>"$work/ld.txt" || { cat "$work/ld.txt"; return 1; }
    undefined "$work/whole.o" >"$work/undefined.txt"
    grep -qx freestanding_write "$work/undefined.txt" || { echo "nothing is written"; return 1; }
    ! grep -vxE 'memcpy|memmove|memset|memcmp|bcmp|freestanding_(write|panic)' "$work/undefined.txt"
}

freestanding() {
    cargo build --quiet -j2 --release -p ringway-freestanding --target-dir "$target" || exit 1
    library=$target/release/libringway_freestanding.a
    check "freestanding symbols" needs_little "$library"
    # No builtins: what defines memcpy must not become a call of it.
    gcc -Os -Wall -Wextra -Wpedantic -Werror -std=c11 -ffreestanding -fno-builtin \
        -fno-stack-protector -fno-tree-loop-distribute-patterns -nostdlib -static \
        -Wl,--gc-sections -o "$work/program" freestanding/start.c "$library" 2>"$work/gcc.txt" ||
        { cat "$work/gcc.txt"; check "freestanding link" false; return; }
    echo "freestanding: $(sizes "$work/program")"
    python3 questions.py ask | "$work/program" >"$work/answers.txt" || failed=1
    python3 questions.py judge freestanding <"$work/answers.txt" || failed=1
}

# sizes PROGRAM: its bytes by kind.
sizes() {
    size "$1" 2>/dev/null | awk 'NR == 2 { print $1 " bytes of code and constants, " $2 " of data, " $3 " of zeros" }'
}

# Atomics that the processor lacks would be calls.
no_atomics() {
    build -p ringway-freestanding --target "$1" || return 1
    undefined "$target/$1/release/libringway_freestanding.a" >"$work/undefined.txt"
    [ -s "$work/undefined.txt" ] && ! grep -E '^__(sync|atomic)_' "$work/undefined.txt"
}

build() {
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_THUMBV7EM_NONE_EABI_LINKER=ld.lld \
        cargo build --quiet -j2 --release -Zbuild-std=core \
        -Zbuild-std-features=optimize_for_size --target-dir "$target" "$@"
}

bare_metal() {
    for tool in /usr/bin/rustc ld.lld qemu-system-arm; do
        command -v "$tool" >/dev/null && continue
        echo "bare-metal: $tool is missing (Debian: rustc-web rust-web-src lld qemu-system-arm)"
        echo "bare-metal: 0 passed, 0 failed, 1 skipped"
        return
    done
    check "bare-metal thumbv6m" no_atomics thumbv6m-none-eabi
    check "bare-metal riscv32imac" no_atomics riscv32imac-unknown-none-elf
    board=thumbv7em-none-eabi
    build -p ringway-bare-metal --target "$board" || { check "bare-metal build" false; return; }
    for program in ring vectors; do
        echo "bare-metal $program: $(sizes "$target/$board/release/$program")"
        timeout 300 qemu-system-arm -cpu cortex-m4 -machine mps2-an386 -nographic \
            -semihosting-config enable=on,target=native \
            -kernel "$target/$board/release/$program" >"$work/$program.txt" </dev/null || failed=1
    done
    python3 questions.py example "bare-metal example" <"$work/ring.txt" || failed=1
    python3 questions.py judge bare-metal <"$work/vectors.txt" || failed=1
}

case ${1:-} in
freestanding) freestanding ;;
bare-metal) bare_metal ;;
*)
    sed -n '2,10p' "$0"
    exit 2
    ;;
esac
exit $failed
