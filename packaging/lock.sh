#!/bin/sh
# Compiles the locks: every platform, Python 3.11 and later, hashes, no index address.
# Pins stay where they are unless UPGRADE is set ("all" or the name of one package).
set -eu
cd "$(dirname "$0")/.."
uv=${UV:?names the uv to use}
python=${PYTHON:?names the Python whose pip is asked for its index}

# Only the main index is handed over. An extra index that mirrors some wheels would hide the other
# platforms' files of the same version, and the hashes would no longer hold everywhere.
index=${PIP_INDEX_URL:-$("$python" -m pip config get global.index-url 2>/dev/null || true)}
[ -z "$index" ] || export UV_DEFAULT_INDEX="$index"

case ${UPGRADE:-} in
"") upgrade= ;;
all) upgrade=--upgrade ;;
*) upgrade=--upgrade-package=$UPGRADE ;;
esac

compile() {
    out=packaging/requirements$1.txt
    shift
    echo "lock: $out"
    "$uv" pip compile "$@" ${upgrade:+"$upgrade"} --quiet --output-file "$out" \
        --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-header --no-annotate >/dev/null
}

# The widest set is solved first and binds the others, so that what is tested is what is shipped.
widest=--constraints=packaging/requirements-dev.txt
compile -dev pyproject.toml --extra postgres --extra valkey --group build --group dev
compile -extras pyproject.toml --extra postgres --extra valkey "$widest"
compile "" pyproject.toml "$widest"
compile -build --group build "$widest"
# These run beside the service as programs of their own, so nothing binds them.
compile -relay --group relay
compile -packages --group packages
compile -release --group release
