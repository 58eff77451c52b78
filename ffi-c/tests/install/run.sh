#!/bin/sh
# Installs the library as `make install` does, and builds strangers' projects with it: run.sh [TARGET_DIR]
#
# CMake, pkg-config and plain compilers, shared and static, C and C++; in a package's staging folder
# (DESTDIR), and in a tree that was moved since. Each program answers for 2,009 keys of the vectors.
# Needs Debian's cmake and pkgconf. The last line is `install: N passed, N failed, N skipped`.
set -u
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
target=${1:-${CARGO_TARGET_DIR:-$root/target}}
case $target in /*) ;; *) target=$PWD/$target ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset MAKEFLAGS MFLAGS CPATH LIBRARY_PATH LD_LIBRARY_PATH PREFIX LIBDIR DESTDIR STRIP
unset PKG_CONFIG_PATH PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR

for tool in cmake pkg-config make gcc g++; do
    command -v "$tool" >/dev/null || { echo "install: $tool is missing; make setup installs it" >&2; exit 1; }
done
passed=0 failed=0

# check WHAT COMMAND...: one test, which passes by its exit status.
check() {
    what=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "install: FAILED: $what"
        tail -n 15 "$work/output"
    fi
}

refuses() {
    ! "$@"
}

same() {
    [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }
}

# installs ARGUMENT...: make install, with these variables.
installs() {
    make --silent -C "$root" install CARGO_TARGET_DIR="$target" "$@"
}

# answers PROGRAM: it owns the keys as the vectors say.
answers() {
    "$1" cluster.toml <keys.txt >owners.txt && python3 -B "$here/answers.py" judge <owners.txt
}

# needs_library PROGRAM yes|no: whether it asks the dynamic linker for libringway.
needs_library() {
    [ -x "$1" ] || return 1
    needed=$(readelf -d "$1" | sed -n 's/.*NEEDED.*\[\(libringway.*\)\]/\1/p')
    case $2 in
    yes) same "$needed" "libringway.so.$interface" ;;
    no) same "$needed" "" ;;
    esac
}

# project NAME SHARED COMMAND...: the command builds ./NAME, which asks the shared library or not.
project() {
    name=$1 shared=$2
    shift 2
    check "$name builds" "$@"
    check "$name: shared is $shared" needs_library "./$name" "$shared"
    check "$name answers" answers "./$name"
}

# projects LABEL PLACE PKG_CONFIG...: all projects, for the tree at PLACE, which that command finds.
projects() {
    label=$1 place=$2
    shift 2
    lib=$place/$libdir
    c="gcc -std=c99 -O2 -Wall -Wextra -Wpedantic -Werror $here/owners.c"
    cpp="g++ -std=c++17 -O2 -Wall -Wextra -Wpedantic -Werror $here/owners.cpp"
    # Lists of flags are split into words on purpose.
    # shellcheck disable=SC2046,SC2086
    {
        project "plain-$label" yes $c -o "plain-$label" "-I$place/include" "-L$lib" -lringway "-Wl,-rpath,$lib"
        project "plain-cpp-$label" yes $cpp -o "plain-cpp-$label" "-I$place/include" "-L$lib" -lringway "-Wl,-rpath,$lib"
        project "archive-$label" no $c -o "archive-$label" "-I$place/include" "$lib/libringway.a" -Wl,--gc-sections -lpthread -ldl -lm
        project "pkg-config-$label" yes $c -o "pkg-config-$label" $("$@" --cflags --libs ringway) "-Wl,-rpath,$lib"
        project "pkg-config-static-$label" no $c -static -o "pkg-config-static-$label" \
            $("$@" --static --cflags --libs ringway) -Wl,--gc-sections
        check "pkg-config-$label: version" same "$("$@" --modversion ringway)" "$version"
    }
    check "cmake-$label configures" cmake -S "$here/cmake" -B "cmake-$label" "-DCMAKE_PREFIX_PATH=$place"
    check "cmake-$label builds" cmake --build "cmake-$label" --parallel 2
    for form in shared:yes static:no; do
        for language in c cpp; do
            program=cmake-$label/$language-${form%:*}
            check "$program: shared is ${form#*:}" needs_library "$program" "${form#*:}"
            check "$program answers" answers "$program"
        done
    done
}

# asks VERSION: whether find_package grants that release.
asks() {
    cmake -S asks -B "asks-$1" "-DCMAKE_PREFIX_PATH=$stage/opt/ringway" "-DASKED=$1"
}

# test_versions: 0.1 and what lies in it is granted, other releases are not.
test_versions() {
    mkdir asks
    {
        echo 'cmake_minimum_required(VERSION 3.19)'
        echo 'project(asks NONE)'
        # CMake's variable, not the shell's.
        # shellcheck disable=SC2016
        echo 'find_package(ringway ${ASKED} CONFIG REQUIRED)'
    } >asks/CMakeLists.txt
    for asked in "$interface" "$version" "$interface...<100"; do
        check "find_package $asked" asks "$asked"
    done
    for asked in 0.0 0.2 1 1.0 0 "$version.1" "$interface.99" "100...200" "0.0...<$interface"; do
        check "find_package $asked is refused" refuses asks "$asked"
    done
}

# test_native PLACE: static programs are told of every system library that rustc names. Where libc
# has them all inside, as glibc has since 2.34, no program would miss one.
test_native() {
    printf '' >empty.rs
    native=$(cd "$root" && rustc --crate-type staticlib --print native-static-libs -o "$work/empty.a" \
        "$work/empty.rs" 2>&1 | sed -n 's/^note: native-static-libs: //p')
    check "rustc names libraries" test -n "$native"
    for flag in $native; do
        case $flag in
        # The C compiler's own; the second has no form for `cc -static`.
        -lc | -lgcc_s) ;;
        *)
            check "ringway.pc has $flag" grep -qE "^Libs.private:.* $flag( |\$)" "$1/pkgconfig/ringway.pc"
            check "ringway-config.cmake has $flag" grep -qE "LINK_LIBRARIES.*[\";]${flag#-l}[\";]" \
                "$1/cmake/ringway/ringway-config.cmake"
            ;;
        esac
    done
}

# test_readme: the commands of README's section about C, in a home of their own.
test_readme() {
    mkdir home readme
    awk '/^```c$/ {on = 1; next} /^```/ {on = 0} on' "$root/README.md" >readme/program.c
    awk '/^### / {here = /From C/} /^```sh$/ && here {on = 1; next} /^```/ {on = 0} on' \
        "$root/README.md" >readme/commands.sh
    check "README has commands" grep -q "make install" readme/commands.sh
    # Rust's own folders stay where they are.
    check "README's commands" env HOME="$work/home" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" \
        CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" sh -e -c 'cd readme
            root=$0 target=$1
            make() { command make --silent -C "$root" CARGO_TARGET_DIR="$target" "$@"; }
            . ./commands.sh' "$root" "$target"
    cp cluster.toml readme
    check "README's program runs" same "$(cd readme && ./program)" "user:42: node $(echo user:42 | ./plain-moved cluster.toml)"
}

# test_tree PLACE: what lies where.
test_tree() {
    lib=$1/$libdir
    library=$lib/libringway.so.$version
    check "soname" same "$(readelf -d "$library" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')" "libringway.so.$interface"
    check "link of the soname" same "$(readlink "$lib/libringway.so.$interface")" "libringway.so.$version"
    check "link for linkers" same "$(readlink "$lib/libringway.so")" "libringway.so.$interface"
    check "ringway.h" cmp "$root/include/ringway.h" "$1/include/ringway.h"
    check "ringway.hpp" cmp "$root/include/ringway.hpp" "$1/include/ringway.hpp"
    check "ringway-freestanding.h" cmp "$root/include/ringway-freestanding.h" "$1/include/ringway-freestanding.h"
    check "libringway-freestanding.a" same "$(ar t "$lib/libringway-freestanding.a")" ringway-freestanding.o
    sed -n 's/^[a-z].*[ *]\(ringway_[a-z_]*\)(.*/\1/p' "$root/include/ringway.h" | sort >declared
    nm -D --defined-only "$library" | awk '{print $3}' | sort >exported
    check "the header declares functions" test -s declared
    check "the library exports what the header declares" diff declared exported
    check "files of others" same "$(cd "$1" && find . ! -type d | grep -vc ringway)" 0
}

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
# All releases 0.1.x have one interface, and so have all 1.x.
interface=$(echo "$version" | sed -E 's/^(0\.[0-9]+|[1-9][0-9]*)\..*/\1/')
architecture=$(gcc -print-multiarch)
python3 -B "$here/answers.py" ask "$work" || exit 1

# A package's staging folder: what is written in the files is the place where they will be.
stage=$work/stage
libdir=lib
check "make install DESTDIR=" installs PREFIX=/opt/ringway DESTDIR="$stage"
test_tree "$stage/opt/ringway"
check "ringway.pc names the prefix" grep -qx "prefix=/opt/ringway" "$stage/opt/ringway/lib/pkgconfig/ringway.pc"
projects staged "$stage/opt/ringway" env PKG_CONFIG_SYSROOT_DIR="$stage" \
    PKG_CONFIG_PATH="$stage/opt/ringway/lib/pkgconfig" pkg-config
test_versions
test_native "$stage/opt/ringway/lib"

# Once more over it, as an upgrade does; then all of it goes.
check "make install again" installs PREFIX=/opt/ringway DESTDIR="$stage"
check "make uninstall" make --silent -C "$root" uninstall PREFIX=/opt/ringway DESTDIR="$stage"
check "nothing is left" same "$(find "$stage" ! -type d)" ""

# Debian's folder of libraries, and a tree that is moved after the installation.
libdir=lib/$architecture
check "make install LIBDIR=" installs PREFIX="$work/first" LIBDIR="$libdir"
mv "$work/first" "$work/moved"
test_tree "$work/moved"
projects moved "$work/moved" env PKG_CONFIG_PATH="$work/moved/$libdir/pkgconfig" \
    pkg-config --define-variable=prefix="$work/moved"

test_readme

check "a relative PREFIX is refused" refuses installs PREFIX=opt/ringway
check "a LIBDIR elsewhere is refused" refuses installs PREFIX="$work/first" LIBDIR=/elsewhere

bytes() {
    stat -c %s "$1"
}
strip -o shrunk archive-moved
strip -o shrunk-static pkg-config-static-moved
echo "install: libringway.so $(bytes "$work/moved/$libdir/libringway.so.$version") bytes, stripped programs:" \
    "with libringway.a and --gc-sections $(bytes shrunk), also without a shared libc $(bytes shrunk-static)"
echo "install: $passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
