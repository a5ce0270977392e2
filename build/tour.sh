#!/usr/bin/env bash
# Runs the tour of README.md against a server of its own on a free port and an
# empty data directory: the blocks marked "sh tour", in order. Every line of a
# block marked "text tour" must stand in the output of the block before it. A
# server that a block kills is started again, as the reader is told to do.
#
#	build/tour.sh [the binary, bin/vectorizer by default]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

binary=$(realpath "${1:-bin/vectorizer}")
dir=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" || true; fi; rm -rf "$dir"' EXIT

# start runs the server on $port (0 = any free one) and waits until it is ready.
start() {
  : >log # there before it is read
  "$binary" serve --port "$port" >>log 2>&1 &
  server=$!
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    port=$(sed -nE 's|.*"address":"http://[^"]*:([0-9]+)".*|\1|p' log | head -n 1)
    if [ -n "$port" ] && command curl -sf "http://127.0.0.1:$port/ready" >/dev/null; then return; fi
    kill -0 "$server" || { cat log; return 1; }
    sleep 0.1
  done
  cat log
  return 1
}

curl() { command curl --fail-with-body --silent --show-error "$@"; }

awk -v dir="$dir" '
  /^```(sh|text) tour$/ { n++; kind = substr($1, 4); file = sprintf("%s/%03d.%s", dir, n, kind); inside = 1; next }
  /^```/ { inside = 0 }
  inside { print > file }' README.md

cd "$dir"
port=0
start
count=0
for block in "$dir"/[0-9]*; do
  case $block in
    *.sh)
      count=$((count + 1))
      sed -i -e "s|127\.0\.0\.1:15002|127.0.0.1:$port|g" -e "s|bin/vectorizer|$binary|g" "$block"
      echo "--- $(head -n 1 "$block")"
      # shellcheck disable=SC1090
      source "$block" >"$dir/out" 2>&1 || { cat "$dir/out"; echo "tour: block $count failed"; exit 1; }
      if grep -q 'kill -9' "$block"; then
        wait "$server" 2>/dev/null || true
        start
      fi
      ;;
    *.text)
      while IFS= read -r line; do
        grep -qF -- "$line" "$dir/out" || {
          cat "$dir/out"
          echo "tour: block $count did not print: $line"
          exit 1
        }
      done <"$block"
      ;;
  esac
done
[ "$count" -gt 3 ] || { echo "tour: README.md has only $count blocks"; exit 1; }
echo "tour: $count blocks of README.md passed"
