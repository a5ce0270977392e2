#!/usr/bin/env bash
# Installs development tools at pinned versions into .cache/tools and prints
# their paths, one a line:
#
#	build/tools.sh golangci-lint qemu-aarch64
#
# Go tools come from the Go module proxy. qemu comes from the Debian archive,
# unpacked without being installed, so that no root is needed; compilers and
# Python are installed from there if the system has none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly golangci_version=v2.15.0

tools=$PWD/.cache/tools
mkdir -p "$tools"

say() { printf '%s\n' "$*" >&2; }

# go_tool NAME VERSION PACKAGE installs a Go program once per version.
go_tool() {
  local path=$tools/$1-$2/$1
  if [ ! -x "$path" ]; then
    say "installing $1 $2"
    GOFLAGS='' GOOS='' GOARCH='' GOBIN=$(dirname "$path") go install "$3@$2" >&2
  fi
  printf '%s\n' "$path"
}

# deb_tool NAME PACKAGE PATH unpacks a Debian package with private apt state and
# prints the program at PATH inside it. A program on PATH is preferred.
deb_tool() {
  local dir=$tools/$2
  if command -v "$1" >/dev/null; then
    command -v "$1"
    return
  fi
  if [ ! -x "$dir/$3" ]; then
    say "fetching Debian package $2"
    command -v apt-get >/dev/null || { say "$1 is missing and there is no apt-get: install $2"; return 1; }
    local state=$tools/apt
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$dir"
    local opts=(-qq -o Dir::State::Lists="$state/lists" -o Dir::Cache="$state/cache"
      -o APT::Sandbox::User=root -o Debug::NoLocking=1)
    apt-get "${opts[@]}" update >&2
    (cd "$state" && apt-get "${opts[@]}" download "$2" >&2 && dpkg -x "$2"_*.deb "$dir" && rm -f "$2"_*.deb)
  fi
  printf '%s\n' "$dir/$3"
}

# c_compiler makes sure that cgo (the race detector) has a compiler.
c_compiler() {
  if ! command -v gcc >/dev/null && ! command -v clang >/dev/null; then
    install_debian gcc libc6-dev
  fi
  command -v gcc || command -v clang
}

# cxx_compiler makes sure that the kernels' emulation has a C++ compiler, and
# prints it. It comes with the C compiler's package.
cxx_compiler() {
  local cxx
  for cxx in "${CXX:-}" c++ g++ clang++; do
    if [ -n "$cxx" ] && command -v "$cxx"; then return; fi
  done
  install_debian g++ libc6-dev
  command -v g++
}

# python prints a Python 3 with pip, for tools that come as wheels.
python_venv() {
  local venv=$tools/python
  if [ ! -x "$venv/bin/pip" ]; then
    command -v python3 >/dev/null && python3 -c 'import venv, ensurepip' 2>/dev/null ||
      install_debian python3 python3-venv
    python3 -m venv "$venv" >&2
  fi
  printf '%s\n' "$venv/bin/python"
}

# clang comes from the Debian archive: the second compiler of the kernels.
clang_compiler() {
  local name
  for name in clang clang-14; do
    if command -v "$name"; then return; fi
  done
  install_debian clang-14
  command -v clang-14
}

# install_debian installs packages, as root or through sudo.
install_debian() {
  local sudo=()
  if [ "$(id -u)" != 0 ]; then sudo=(sudo -n); fi
  say "installing $*"
  "${sudo[@]}" apt-get -qq update >&2
  "${sudo[@]}" apt-get -qq install -y --no-install-recommends "$@" >&2
}

for name in "$@"; do
  case $name in
    golangci-lint) go_tool golangci-lint "$golangci_version" github.com/golangci/golangci-lint/v2/cmd/golangci-lint ;;
    qemu-aarch64) deb_tool qemu-aarch64-static qemu-user-static usr/bin/qemu-aarch64-static ;;
    cc) c_compiler ;;
    cxx) cxx_compiler ;;
    clang) clang_compiler ;;
    python) python_venv ;;
    *) say "build/tools.sh: unknown tool $name"; exit 2 ;;
  esac
done
