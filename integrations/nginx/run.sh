#!/bin/sh
# Builds the module and tests it in the real nginx: run.sh [TARGET_DIR]
#
# Needs what build.sh needs, nginx, and TARGET_DIR/debug/ringway; TARGET_DIR is cargo's.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
target=${1:-${CARGO_TARGET_DIR:-$here/../../target}}
module=$(sh "$here/build.sh" "$target")
exec python3 -B "$here/test.py" "$target/debug/ringway" "$module"
