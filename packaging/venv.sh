#!/bin/sh
# Makes or completes a virtual environment: venv.sh PYTHON DIRECTORY runtime|dev|relay|release
# The stamps hold what the environment was made from, so a second run does nothing and a changed
# lock, interpreter or place makes it anew.
set -eu
cd "$(dirname "$0")/.."
python=$1
venv=$2
set=$3

case $set in
runtime) lock=packaging/requirements.txt ;;
dev) lock=packaging/requirements-dev.txt ;;
relay) lock=packaging/requirements-relay.txt ;;
release) lock=packaging/requirements-release.txt ;;
*) echo "venv.sh: no set named '$set'" >&2 && exit 2 ;;
esac

read_stamp() { cat "$venv/$1" 2>/dev/null || true; }

# Twice quiet, because pip warns of every extra index that lacks a package.
pip_install() {
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check "$@"
}

# Wheels only, so that nothing wants a compiler or fetches a build's own needs past the hashes.
# pyvips comes as source; without pkgconfig beside it, it stays plain Python over pyvips-binary.
locked() {
    echo "setup: $(grep -c == "$1") packages of $1"
    pip_install --require-hashes --no-build-isolation \
        --only-binary=:all: --no-binary=pyvips --requirement "$1"
}

key="$("$python" -VV) $(pwd) $(cat packaging/requirements*.txt | cksum)"
have=$(read_stamp .locked)
if [ "$have" != "$key dev" ] && [ "$have" != "$key $set" ]; then
    if [ "$have" != "$key runtime" ]; then
        echo "setup: new environment in $venv ($("$python" -V))"
        "$python" -m venv --clear "$venv" || {
            echo "setup: this Python cannot make a virtual environment" \
                "(Debian and Ubuntu: install python3-venv)" >&2
            exit 1
        }
    fi
    rm -f "$venv/.locked" "$venv/.project"
    case $set in relay | release) ;; *) locked packaging/requirements-build.txt ;; esac
    locked "$lock"
    echo "$key $set" >"$venv/.locked"
fi

# A relay and the tools of a release are programs beside the service; nothing of ours goes there.
case $set in relay | release) exit 0 ;; esac
project=$(cksum <pyproject.toml)
if [ "$(read_stamp .project)" != "$project" ]; then
    echo "setup: imagewright itself"
    pip_install --no-deps --no-build-isolation --editable .
    echo "$project" >"$venv/.project"
fi
