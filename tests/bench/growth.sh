#!/usr/bin/env bash
# Goes through the sizes of bench_growth, one process each, and adds to a file what it does not have yet; then prints the table.
#
#   growth.sh OUT.jsonl [AXIS:SIZE...]     default: all sizes below
#
# Environment: BUILD (build/release), DEVICE (cpu), MEMORY (6) GiB, LIMIT (600) seconds a size, FOLDER (.) for the model file,
# FROM (the first) and TO (batch of 64) the stages, SKIP (none) "PPMI and SVD".
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
bench=${BUILD:-$root/build/release}/tests/bench/bench_growth out=${1:?a file for the figures}
shift
[ $# -gt 0 ] || set -- items:10000 items:100000 items:1000000 items:10000000 users:10000 users:100000 users:1000000 users:10000000 \
  events:1000000 events:10000000 events:100000000 attributes:100 attributes:1000 attributes:10000 attributes:100000 \
  windows:50 windows:128 windows:512 windows:2048
for size in "$@"; do
  axis=${size%:*} n=${size#*:}
  if [ -f "$out" ] && grep -q "\"axis\": \"$axis\", \"size\": $n, \"stage\": \"${TO:-batch of 64}\"" "$out"; then continue; fi
  [ ! -f "$out" ] || sed -i "/\"axis\": \"$axis\", \"size\": $n,/d" "$out" # of a run that was stopped
  from=${FROM:-read csv}
  case $axis in attributes | windows) from=vocabulary ;; esac # the text has none
  timeout "${LIMIT:-600}" "$bench" --axis "$axis" --size "$n" --device "${DEVICE:-cpu}" --memory "${MEMORY:-6}" --from "$from" --to "${TO:-batch of 64}" \
    ${SKIP:+--skip "$SKIP"} --file "${FOLDER:-.}/growth.safetensors" --out "$out" || echo "growth.sh: $size: stopped after ${LIMIT:-600} s" >&2
done
python3 "$here/growth_table.py" "$out"
