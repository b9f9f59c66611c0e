#!/usr/bin/env bash
# Builds stable-diffusion.cpp's HTTP server from the sources inside a PyPI sdist: about three
# minutes on two cores.
#
# usage: build.sh DIRECTORY        (the binary becomes DIRECTORY/sd-server)
#
# Needs a C++ compiler; as root on Debian it installs one. cmake and ninja come from PyPI where
# the system has none. PYTHON names the interpreter whose pip downloads.
set -euo pipefail

version=0.4.7
directory=$1
work=$directory/work
python=${PYTHON:-python3}
export PIP_DISABLE_PIP_VERSION_CHECK=1

rm -rf "$work"
mkdir -p "$work"
cd "$work"

if ! command -v g++ >/dev/null; then
    apt-get update -qq
    apt-get install -qq --no-install-recommends g++
fi
if ! command -v cmake >/dev/null || ! command -v ninja >/dev/null; then
    "$python" -m venv tools
    tools/bin/pip install --quiet cmake ninja
    PATH=$work/tools/bin:$PATH
fi

"$python" -m pip download --quiet --no-deps --no-binary :all: "stable-diffusion-cpp-python==$version"
tar xzf "stable_diffusion_cpp_python-$version.tar.gz"
cmake -S "stable_diffusion_cpp_python-$version/vendor/stable-diffusion.cpp" -B build -G Ninja \
    -DCMAKE_BUILD_TYPE=Release -DGGML_OPENMP=OFF -DSD_BUILD_EXAMPLES=ON \
    -DSD_SERVER_BUILD_FRONTEND=OFF -DSD_WEBM=OFF
nice -n 15 cmake --build build --target sd-server
mv build/bin/sd-server "$directory/sd-server"
rm -rf "$work"
