#!/usr/bin/env bash
# Writes every generated file of the tree again, by the go:generate lines of the
# packages; the assembly of cpu/simd among them, whose generator is a module of
# its own. The result must be byte for byte what is committed; .ci/run checks it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export GOFLAGS='' # the flags of this build are not those of the generators

go generate ./...
