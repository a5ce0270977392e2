#!/usr/bin/env bash
# Measures where the program's time goes and writes cmd/vectorizer/default.pgo, by
# which the compiler decides what to inline (go.dev/doc/pgo): building an index,
# searches of it, and a server under load of every kind of client.
#
#	build/profile.sh [DATA]
#
# DATA is code-lsa-256 by default, in the folder that VECTORIZER_DATA names.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly data=${1:-code-lsa-256} to=cmd/vectorizer/default.pgo
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CGO_ENABLED=0 go build -pgo=off -tags profile -o "$work/vectorizer" ./cmd/vectorizer
export PROFILE_DIR=$work/profiles
mkdir "$PROFILE_DIR"
for suite in search,build,filtered http,clients,durable; do
  "$work/vectorizer" bench --suite "$suite" --data "$data" --threads 1 --repeat 1 --seconds 0.7 \
    --out "$work/results" --report -
done
go tool pprof -proto -output "$work/merged" "$PROFILE_DIR"/*.prof
mv "$work/merged" "$to"
go tool pprof -top -nodecount 15 "$to"
