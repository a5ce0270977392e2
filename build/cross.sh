#!/usr/bin/env bash
# Builds the server for every platform that it supports, without cgo, into
# bin/cross. Platforms may be named: build/cross.sh linux/arm64
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

platforms=("$@")
if [ ${#platforms[@]} = 0 ]; then
  platforms=(linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64)
fi
mkdir -p bin/cross
for platform in "${platforms[@]}"; do
  os=${platform%/*} arch=${platform#*/}
  suffix=
  if [ "$os" = windows ]; then suffix=.exe; fi
  echo "building $platform"
  CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build \
    -o "bin/cross/vectorizer-$os-$arch$suffix" ./cmd/vectorizer
done
