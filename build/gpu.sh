#!/usr/bin/env bash
# Checks and measures on a machine with an NVIDIA GPU.
#
#	build/gpu.sh pack     build what the others run into bin/gpu (no GPU needed)
#	build/gpu.sh check    correctness, faults, compute-sanitizer   (make gpu-check)
#	build/gpu.sh bench    the table of goals, beside CPU and torch; 256 clients  (make gpu-bench)
#
# check and bench use what is in bin/gpu if there is no Go on the machine: pack
# elsewhere, bring the tree along. Results go to bench/results/gpu. Each ends within
# eight minutes; without a device it ends at once with exit code 3 and says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly pack=bin/gpu results=bench/results/gpu
say() { printf '%s\n' "$*" >&2; }

pack() {
  mkdir -p "$pack"
  build/cuda.sh go test -tags cuda -trimpath -ldflags '-s -w' -c -o "$pack/gpu.test" ./gpu
  build/cuda.sh binary "$pack/vectorizer-cuda"
  du -sh "$pack" >&2
}

# prepare builds what runs, where there is Go, and looks for a device.
prepare() {
  if command -v go >/dev/null; then
    pack
  elif [ ! -x "$pack/gpu.test" ] || [ ! -x "$pack/vectorizer-cuda" ]; then
    say "gpu: no Go here and nothing in $pack: run build/gpu.sh pack elsewhere and bring $pack along"
    exit 2
  fi
  local probe
  probe=$("$pack/vectorizer-cuda" probe | grep -A 2 '"name": "cuda"')
  if ! grep -q '"usable": true' <<<"$probe"; then
    say "gpu: no device to run on: $(sed -n 's/.*"reason": "\(.*\)".*/\1/p' <<<"$probe")"
    exit 3
  fi
  device=$(sed -n 's/.*"reason": "\(.*\)".*/\1/p' <<<"$probe")
  say "gpu: $device"
  mkdir -p "$results"
}

# record NAME SECONDS COMMAND... runs a part under a limit and notes how it went.
record() {
  local name=$1 limit=$2 begin=$SECONDS status=passed log
  shift 2
  log=$results/$(tr -c 'a-z0-9\n' - <<<"$name").log
  if [ $((SECONDS + limit)) -gt 470 ]; then limit=$((470 - SECONDS)); fi
  if [ "$limit" -lt 5 ]; then
    status='not run: no time left'
  elif ! timeout "$limit" "$@" >"$log" 2>&1; then
    status=failed
    failed=1
    tail -n 20 "$log" >&2
  fi
  say "gpu: $name: $status in $((SECONDS - begin)) s"
  lines+=("$(printf '{"name": "%s", "status": "%s", "seconds": %d}' "$name" "$status" $((SECONDS - begin)))")
  rows+=("| $name | $status | $((SECONDS - begin)) s |")
}

run_check() {
  local program=$PWD/$pack/gpu.test tests=(-test.count=1 -test.timeout 7m -test.v)
  export GPU_CHECK=1
  record 'conformance' 150 "$program" "${tests[@]}" -test.run CUDAConformance
  record 'against the cpu' 60 "$program" "${tests[@]}" -test.run CUDAAgainstCPU
  record 'faults and rebuilds' 90 "$program" "${tests[@]}" -test.run 'CUDAFaults|CUDADevice'
  local tool sanitizer
  sanitizer=$(command -v compute-sanitizer || true)
  for tool in memcheck racecheck; do
    if [ -n "$sanitizer" ]; then
      # The self-test at opening launches every kernel on a small shape.
      record "compute-sanitizer $tool" 80 "$sanitizer" --tool "$tool" --error-exitcode 9 \
        "$program" "${tests[@]}" -test.run CUDADevice
    else
      lines+=("$(printf '{"name": "compute-sanitizer %s", "status": "not run: not installed", "seconds": 0}' "$tool")")
      rows+=("| compute-sanitizer $tool | not run: not installed | |")
    fi
  done
}

# report writes what record noted.
report() {
  local date commit
  date=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  commit=$(git describe --always --dirty 2>/dev/null || echo unknown)
  {
    printf '{\n  "date": "%s",\n  "commit": "%s",\n  "device": "%s",\n  "checks": [\n    ' "$date" "$commit" "$device"
    local joined
    joined=$(printf ',\n    %s' "${lines[@]}")
    printf '%s\n  ]\n}\n' "${joined#*    }"
  } >"$results/check.json"
  {
    printf '# GPU checks\n\n%s, commit %s, on %s.\n\n| check | outcome | took |\n|---|---|---|\n' "$date" "$commit" "$device"
    printf '%s\n' "${rows[@]}"
  } >"$results/check.md"
  cat "$results/check.md"
}

check() {
  prepare
  lines=() rows=() failed=0
  run_check
  report
  return "$failed"
}

bench() {
  prepare
  local python torch=()
  for python in python3 python; do
    if command -v "$python" >/dev/null && "$python" -c 'import torch' 2>/dev/null; then
      torch=(--torch-python "$(command -v "$python")")
      break
    fi
  done
  [ ${#torch[@]} != 0 ] || say "gpu: no torch here: measured beside the CPU only"
  local left
  timeout 300 "$pack/vectorizer-cuda" bench device --out "$results" "${torch[@]}" "$@"
  left=$((470 - SECONDS))
  if [ "$left" -lt 90 ]; then
    say "gpu: 256 clients over HTTP: not measured, $left s are left"
    return 1
  fi
  timeout "$left" "$pack/vectorizer-cuda" bench --suite clients --data clustered-1m-128 \
    --ef-construction 50 --seconds 3 --out "$results" --report "$results/clients.html"
}

case ${1:-} in
  pack) pack ;;
  check) check ;;
  bench) shift && bench "$@" ;;
  *)
    sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac
