#!/usr/bin/env bash
# Fuzzes every FuzzX function of the module in turn:
#
#	build/fuzz.sh [seconds each] [regular expression of names]
#
# A failing input is left in the package's testdata/fuzz, ready to be committed
# as a regression test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:-5}
names=${2:-.}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# fuzz NAME PACKAGE. The fuzzer sometimes reports its own deadline as a failure
# when the time ends in the middle of an input: a failure without an input that
# fails is none.
fuzz() {
  if go test -run '^$' -fuzz "^$1\$" -fuzztime "${seconds}s" -fuzzminimizetime 100x -parallel 2 "$2" 2>&1 | tee "$log"; then
    return
  fi
  if grep -q 'context deadline exceeded' "$log" && ! grep -qE 'Failing input|panic|fatal error' "$log"; then
    echo "the time was up in the middle of an input; no input failed"
    return
  fi
  return 1
}

# Two goroutines are enough to find what a few seconds can find, and keep the
# time per target the same on large machines.
count=0
while IFS=: read -r file name; do
  count=$((count + 1))
  echo "--- fuzz $name in $(dirname "$file") for ${seconds}s"
  fuzz "$name" "./$(dirname "$file")"
done < <(git ls-files '*_test.go' |
  xargs grep -HoE '^func Fuzz[A-Za-z0-9_]+' |
  sed -E 's/:func /:/' | grep -E ":.*($names)" | LC_ALL=C sort)

if [ "$count" = 0 ]; then
  echo "build/fuzz.sh: no fuzz target matches $names" >&2
  exit 1
fi
echo "fuzzed $count targets for ${seconds}s each"
