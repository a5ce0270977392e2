#!/usr/bin/env bash
# Makes a Python environment with the libraries that the benchmarks compare with.
#
#   bench/peers/setup.sh [DIR]     default DIR: .venv in the checkout
#
# hnswlib is built here from source, with -march=native as its setup.py asks for.
# Needs python3 with venv and headers, and a C++ compiler.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
dir="${1:-$here/../../.venv}"
python3 -m venv "$dir"
"$dir/bin/pip" install --quiet --upgrade pip
"$dir/bin/pip" install --quiet -r "$here/requirements.txt"
# A wheel would be built for an old processor; the source is built for this one.
"$dir/bin/pip" install --quiet --no-binary hnswlib --no-cache-dir "$(cat "$here/hnswlib.txt")"
"$dir/bin/python" "$here/driver.py" --versions
