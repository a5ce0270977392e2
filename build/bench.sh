#!/usr/bin/env bash
# Runs the benchmark suites beside hnswlib and writes bench/results/REPORT.html and
# REPORT.md from the newest result of each.
#
#	build/bench.sh [DATA...]
#
# Without data sets: code-lsa-256, mnist-784 and the generated clustered-1m-128. The
# first is measured in every suite, the others where the data matters. The folder
# that holds them is named by VECTORIZER_DATA. BENCH_PEERS names the libraries to
# measure beside ours, BENCH_SECONDS the length of one measurement.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

data=("$@")
if [ ${#data[@]} = 0 ]; then data=(code-lsa-256 mnist-784 clustered-1m-128); fi
readonly out=bench/results

# run SUITES DATA REPEAT
run() {
  bin/vectorizer bench --suite "$1" --data "$2" --peers "${BENCH_PEERS:-hnswlib}" --threads 1,2 \
    --repeat "$3" --seconds "${BENCH_SECONDS:-0.7}" --out "$out" --report -
}

run all "${data[0]}" 3
for set in "${data[@]:1}"; do
  case $set in
    # Peers need minutes for each index of a million rows: one repetition, and the
    # build times that the suite search takes are enough.
    *-1m-*) run search,http,filtered,quantisation,update "$set" 1 ;;
    *) run search,build,http,filtered,quantisation,update "$set" 3 ;;
  esac
done
bin/vectorizer bench report "$out" --report "$out/REPORT.html"
