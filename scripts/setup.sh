#!/bin/sh
# Installs what the tests need and the machine lacks: Debian packages and a virtualenv in .venv.
#
#   scripts/setup.sh packages NAME...   Debian packages, by apt-get (as root or through sudo)
#   scripts/setup.sh python             .venv with the packages of py/requirements-dev.txt
#   scripts/setup.sh sdists             .setup/sdists: the sources of packages whose tests are run
#   scripts/setup.sh dist               .venv-dist with those of py/requirements-dist.txt
#   scripts/setup.sh bench              .venv-bench with those of benches/requirements.txt
#   scripts/setup.sh cargo-c            .setup/cargo-c: cargo-c, compiled unless there is one (ten minutes)
#   scripts/setup.sh record             .venv-record with the packages of spec/record/requirements.txt
#
# Says what it installs; does nothing where everything is there already.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

packages() {
    missing=""
    for name in "$@"; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' ||
            missing="$missing $name"
    done
    [ -n "$missing" ] || return 0
    echo "setup: installing Debian packages:$missing"
    as_root apt-get update -qq
    # The names are split into words on purpose.
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# virtualenv FOLDER REQUIREMENTS
virtualenv() {
    stamp=$root/$1/requirements.txt
    if [ -x "$root/$1/bin/python" ] && cmp -s "$root/$2" "$stamp"; then
        return 0
    fi
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "setup: Python 3.11 or newer is needed; python3 is $(python3 --version)" >&2
        exit 1
    }
    # Debian's own Python lacks venv until this package is there.
    python3 -c 'import ensurepip' 2>/dev/null || packages python3-venv
    echo "setup: making $1 with the packages of $2"
    python3 -m venv --clear "$root/$1"
    "$root/$1/bin/pip" install --quiet --disable-pip-version-check -r "$root/$2"
    cp "$root/$2" "$stamp"
}

# The versions are those of py/requirements-dev.txt, so that tests and packages agree.
sdists() {
    for name in jump-consistent-hash pymemcache; do
        pinned=$(grep -x "$name==[0-9.]*" "$root/py/requirements-dev.txt")
        file=$(echo "$name" | tr - _)-${pinned#*==}.tar.gz
        [ -f "$root/.setup/sdists/$file" ] && continue
        echo "setup: downloading the source of $pinned, for its tests"
        mkdir -p "$root/.setup/sdists"
        "$root/.venv/bin/pip" download --quiet --disable-pip-version-check --no-deps \
            --no-binary "$name" --dest "$root/.setup/sdists" "$pinned"
    done
}

# Debian's, 0.9.14, does not read this edition's manifests; newer ones need a newer Rust.
cargo_c() {
    [ -x "$root/.setup/cargo-c/bin/cargo-cinstall" ] && return 0
    packages libssl-dev pkgconf
    echo "setup: compiling cargo-c"
    cargo install --quiet --locked -j2 --root "$root/.setup/cargo-c" cargo-c@0.10.24
}

case ${1:-} in
cargo-c) cargo_c ;;
packages)
    shift
    packages "$@"
    ;;
python) virtualenv .venv py/requirements-dev.txt ;;
sdists) sdists ;;
record) virtualenv .venv-record spec/record/requirements.txt ;;
dist) virtualenv .venv-dist py/requirements-dist.txt ;;
bench) virtualenv .venv-bench benches/requirements.txt ;;
*)
    sed -n '2,12p' "$0"
    exit 2
    ;;
esac
