#!/usr/bin/env bash
# Every program with --device runs on that device or says why not and what to do, and never on another one.
#
#   devices.sh EXAMPLES [FOLDER]     FOLDER: holds a libcuda.so.1 made of fake_driver.c; the build has CUDA
set -uo pipefail
bin=$1 fake=${2:-} bad=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# expect NAME EXIT PATTERN COMMAND...: what it says on stderr
expect() {
  local name=$1 code=$2 pattern=$3 output got
  shift 3
  [ -x "$1" ] || return 0 # not in this build
  output=$("$@" 2>&1 >/dev/null)
  got=$?
  if [ "$got" != "$code" ] || ! grep -qE -- "$pattern" <<<"$output"; then
    printf 'devices: %s: exit %s (want %s), said:\n%s\n' "$name" "$got" "$code" "$output"
    bad=1
  fi
}
"$bin/make_dataset" --users 40 --items 100 --seed 1 --out "$work/data" >/dev/null || exit 1
events=$work/data/events.jsonl
train=("$bin/solid_train" --data "$events" --width 8 --levels 0 --head static --epochs 1 --threads 1)
"${train[@]}" --out "$work/model" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

# each NAME PATTERN DEVICE: all programs that compute say it
each() {
  local name=$1 pattern=$2 device=$3
  expect "$name: solid_train" 2 "$pattern" "${train[@]}" --out "$work/none" --device "$device"
  expect "$name: solid_eval" 2 "$pattern" "$bin/solid_eval" --model "$work/model" --data "$events" --device "$device"
  expect "$name: solid_ask" 2 "$pattern" "$bin/solid_ask" --model "$work/model" --device "$device"
  expect "$name: solid_plan" 2 "$pattern" "$bin/solid_plan" --model "$work/model" --device "$device"
  expect "$name: solid_ingestd" 2 "$pattern" "$bin/solid_ingestd" --model "$work/model" --from-file "$events" --store memory --device "$device"
  expect "$name: solid_paper" 2 "$pattern" "$bin/solid_paper" --data "$events" --device "$device"
  [ ! -e "$work/none" ] || { echo "devices: $name: a model was written"; bad=1; }
}
each "a card that is not there" 'device cuda:999.*(not compiled in|cudaError[A-Za-z]+: )' cuda:999
if [ -n "$fake" ]; then
  export LD_LIBRARY_PATH=$fake${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  SOLID_FAKE_DRIVER=11080 each "a driver that is too old" \
    'device cuda: cuda: cudaErrorInsufficientDriver: .*the driver knows CUDA 11\.8, this build needs [0-9.]+; update the driver, or use device cpu' cuda
  SOLID_FAKE_DRIVER=0 each "no driver" \
    'device cuda: cuda: cudaErrorInsufficientDriver: .*no NVIDIA driver is installed; install one, or use device cpu' cuda
  SOLID_FAKE_DRIVER=99990 SOLID_FAKE_INIT=100 each "no card" \
    'device cuda: cuda: cudaErrorNoDevice: .*no NVIDIA GPU is visible; use device cpu' cuda
fi
[ "$bad" = 0 ]
