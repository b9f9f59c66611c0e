#!/bin/sh
# Runs the quick part of the tests against the wheel in dist/: PYTHON=... packaging/test-wheel.sh
# The environment borrows the tools' packages from PYTHON's, but not what is installed there in
# place: src is not on the path, and a file that the wheel lacks is not found.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:?names the Python of the environment with the tools}
venv=.build/wheel

rm -rf "$venv"
"$python" -m venv --without-pip "$venv"
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
# A path in a .pth file is searched, but the .pth files in it are not read.
"$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$site/borrowed.pth"
"$python" -m pip --python "$venv/bin/python" install -qq --disable-pip-version-check --no-deps \
    --no-index --ignore-installed dist/*.whl
"$venv/bin/python" -I -c 'import imagewright, sys
sys.exit(not imagewright.__file__.startswith(sys.prefix))' ||
    { echo "test-wheel: the wheel is not what is imported" >&2; exit 1; }

"$venv/bin/imagewright" --version
"$venv/bin/python" -m pytest -q -m "not engines" -p no:cacheprovider \
    tests/core tests/services tests/settings tests/adapters/catalogue tests/adapters/acl \
    tests/adapters/sql/test_additive.py tests/end_to_end/test_road.py tests/end_to_end/test_pages.py
