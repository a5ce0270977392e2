#!/usr/bin/env bash
# Installs development tools at pinned versions into .cache/tools and prints
# their paths, one a line:
#
#	build/tools.sh golangci-lint qemu-aarch64
#
# Go tools come from the Go module proxy. qemu comes from the Debian archive,
# unpacked without being installed, so that no root is needed.
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
    local sudo=()
    if [ "$(id -u)" != 0 ]; then sudo=(sudo -n); fi
    say "installing gcc and libc6-dev"
    "${sudo[@]}" apt-get -qq update >&2
    "${sudo[@]}" apt-get -qq install -y --no-install-recommends gcc libc6-dev >&2
  fi
  command -v gcc || command -v clang
}

for name in "$@"; do
  case $name in
    golangci-lint) go_tool golangci-lint "$golangci_version" github.com/golangci/golangci-lint/v2/cmd/golangci-lint ;;
    qemu-aarch64) deb_tool qemu-aarch64-static qemu-user-static usr/bin/qemu-aarch64-static ;;
    cc) c_compiler ;;
    *) say "build/tools.sh: unknown tool $name"; exit 2 ;;
  esac
done
