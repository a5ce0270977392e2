#!/usr/bin/env bash
# The CUDA toolchain, and what is built with it. No GPU and no driver is needed.
#
#	build/cuda.sh toolkit        fetch the compiler; prints its folder
#	build/cuda.sh ptx            compile the kernels into kernels/ptx
#	build/cuda.sh ptx --clang    the same with clang: checks only, writes to .cache
#	build/cuda.sh budgets        check registers, spills and shared memory
#	build/cuda.sh binary [OUT]   build bin/vectorizer-cuda
#	build/cuda.sh go COMMAND...  run go with what -tags cuda needs
#	build/cuda.sh serves BINARY  start a binary, ask for its health, stop it
#
# nvcc, ptxas and the headers come as Python wheels of pinned versions into
# .cache/cuda; CUDA_HOME names an installed toolkit instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly cache=$PWD/.cache/cuda
readonly wheels=(nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88
  nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85)
# PTX versions are the oldest that have the instructions: they decide how old a
# driver may be. 7.4 is CUDA 11.4 (R470), 8.0 is CUDA 12.0 (R525). ptxas checks
# that nothing newer is used.
readonly ptx_of_sm_80=7.4 ptx_of_sm_90a=8.0

say() { printf '%s\n' "$*" >&2; }

# toolkit prints the folder with bin/nvcc and include/cuda.h.
toolkit() {
  if [ -n "${CUDA_HOME:-}" ]; then
    [ -x "$CUDA_HOME/bin/nvcc" ] || { say "CUDA_HOME=$CUDA_HOME has no bin/nvcc"; return 1; }
    printf '%s\n' "$CUDA_HOME"
    return
  fi
  local mark=$cache/complete
  if [ "$(cat "$mark" 2>/dev/null)" != "${wheels[*]}" ]; then
    say "fetching the CUDA compiler (300 MB unpacked)"
    rm -rf "$cache"
    mkdir -p "$cache"
    local python
    python=$(build/tools.sh python)
    "$python" -m pip install -q --disable-pip-version-check --no-deps --only-binary=:all: \
      --target "$cache/site" "${wheels[@]}" >&2
    printf '%s\n' "${wheels[*]}" >"$mark"
  fi
  printf '%s\n' "$cache/site/nvidia/cu13"
}

# compile ARCH OUT writes one image.
compile() {
  local arch=$1 out=$2 nvcc version home
  home=$(toolkit)
  version=ptx_of_$arch
  "$home/bin/nvcc" -std=c++17 -O3 -arch="${arch/sm_/compute_}" -ptx -o "$out.tmp" \
    -ccbin "$(build/tools.sh cxx)" kernels/cuda/kernels.cu
  # Comments hold the compiler's build number; they are not part of the program.
  grep -v '^//' "$out.tmp" | sed -e "s/^\.version .*/.version ${!version}/" >"$out"
  rm "$out.tmp"
  "$home/bin/ptxas" -arch="$arch" -o /dev/null "$out"
}

# source_hash is over everything that decides what the images hold.
source_hash() {
  (cd kernels/cuda && LC_ALL=C sha256sum ./*.cu ./*.cuh ./*.h)
  printf '%s  %s\n' "$(printf '%s' "${wheels[0]} sm_80=$ptx_of_sm_80 sm_90a=$ptx_of_sm_90a" | sha256sum | cut -d' ' -f1)" compiler
  (cd kernels/ptx && LC_ALL=C sha256sum ./*.ptx)
}

ptx() {
  if [ "${1:-}" = --clang ]; then
    ptx_clang
    return
  fi
  local arch
  mkdir -p kernels/ptx
  for arch in sm_80 sm_90a; do
    say "compiling kernels for $arch"
    compile "$arch" "kernels/ptx/$arch.ptx"
  done
  source_hash >kernels/ptx/SOURCES.sha256
}

# ptx_clang compiles with clang, which needs no toolkit, and assembles the result
# with ptxas: a second compiler's opinion, and a way to build without nvcc.
ptx_clang() {
  local clang home out=$cache/clang
  clang=$(build/tools.sh clang)
  home=$(toolkit)
  mkdir -p "$out"
  "$clang" -x cuda -std=c++17 -O3 --cuda-device-only --cuda-gpu-arch=sm_80 -nocudainc -nocudalib \
    -Xclang -target-feature -Xclang +ptx74 -include kernels/cuda/clang.h \
    -S -o "$out/sm_80.ptx" kernels/cuda/kernels.cu
  "$home/bin/ptxas" -v -arch=sm_80 -o /dev/null "$out/sm_80.ptx" 2>&1 |
    awk -v arch=clang -v factor=2 -f build/budgets.awk kernels/budgets.txt -
}

# budgets compares what ptxas reports with kernels/budgets.txt.
budgets() {
  local home arch
  home=$(toolkit)
  for arch in sm_80 sm_90a; do
    "$home/bin/ptxas" -v -arch="$arch" -o /dev/null "kernels/ptx/$arch.ptx" 2>&1 |
      awk -v arch="$arch" -f build/budgets.awk kernels/budgets.txt -
  done
}

# cgo_env exports what cgo needs to link gorgonia.org/cu without a driver.
cgo_env() {
  local home
  home=$(toolkit)
  build/tools.sh cc >/dev/null
  mkdir -p "$cache/lib"
  cc -O2 -Wall -Wextra -Werror -fPIC -c -I "$home/include" -o "$cache/lib/compat.o" gpu/cuda/compat/compat.c
  rm -f "$cache/lib/libcuda.a"
  ar rcs "$cache/lib/libcuda.a" "$cache/lib/compat.o"
  export CGO_ENABLED=1
  # The Go tool does not see a header change that is outside of the package: the hash
  # keeps it from taking the binding from its cache, compiled against another one.
  export CGO_CFLAGS="-O2 -g -I$PWD/gpu/cuda/compat/include -I$home/include \
    -DVECTORIZER_COMPAT=0x$(cat gpu/cuda/compat/include/*.h | sha256sum | cut -c1-8)"
  export CGO_LDFLAGS="-L$cache/lib -ldl"
}

binary() {
  local out=${1:-bin/vectorizer-cuda} version
  cgo_env
  version=$(git describe --tags --always --dirty 2>/dev/null || echo unknown)
  mkdir -p "$(dirname "$out")"
  go build -tags cuda -buildvcs=auto -ldflags "-s -w -X main.version=$version" -o "$out" ./cmd/vectorizer
}

# serves starts a binary on a free port, asks it for its health and stops it.
serves() {
  local dir log port pid
  dir=$(mktemp -d)
  log=$dir/log
  "$1" serve --port 0 --data-dir "$dir/data" >"$log" 2>&1 &
  pid=$!
  for _ in $(seq 100); do
    port=$(sed -n 's|.*127\.0\.0\.1:\([0-9]*\).*|\1|p' "$log" | head -n 1)
    if [ -n "$port" ] && "$1" status --quiet --url "http://127.0.0.1:$port" 2>/dev/null; then
      kill "$pid" && wait "$pid"
      grep -o 'backend opened.*' "$log" || true
      rm -rf "$dir"
      say "$1 serves"
      return
    fi
    sleep 0.1
  done
  cat "$log"
  kill "$pid"
  return 1
}

case ${1:-} in
  toolkit) toolkit ;;
  serves) shift && serves "$@" ;;
  ptx) shift && ptx "$@" ;;
  budgets) budgets ;;
  binary) shift && binary "$@" ;;
  go) shift && cgo_env && go "$@" ;;
  *)
    sed -n '2,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac
