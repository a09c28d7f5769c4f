#!/usr/bin/env bash
# What takes minutes: the service over thousands of events, kills and connections, and further builds: CUDA, thread sanitizer, without
# Kafka and Redis, libFuzzer. Runs tests/service/*.sh by name and ends with one line "N passed, N failed, N skipped".
#
#   tests/service.sh [NAME...]      all of them, or these: `tests/service.sh kills` runs tests/service/kills.sh
#
# Each is given the folder of the build of preset dev, which is brought up to date first. Those that wait for servers run three at a
# time (SOLID_SERVICE_AT_ONCE), the longest first; beside them those that keep the cores busy, one at a time. Each prints when it has
# ended. Exit code 0 passed, 77 skipped (it says why), anything else failed; after SOLID_SERVICE_SECONDS (1800) it is ended, and failed.
set -uo pipefail
cd "$(dirname "$0")/.."
passed=0 failed=0 skipped=0 failures=()
names=("$@")
[ $# -gt 0 ] || mapfile -t names < <(cd tests/service && printf '%s\n' kills.sh serve_*.sh redis_*.sh *.sh | sed 's/\.sh$//' | awk '!seen[$0]++')

cmake/install-packages.sh build run test lint || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
mkdir -p build
if ! { cmake --preset dev -DSOLID_TESTS=ON && cmake --build --preset dev; } >build/dev.log 2>&1; then
  tests/support/what_failed.sh build/dev.log
  echo "the build of build/dev failed; whole log: build/dev.log"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi

# One test into build/service.NAME.log, its exit code into build/service.NAME.code.
run_one() {
  local name=$1 code=0 began=$SECONDS
  timeout "${SOLID_SERVICE_SECONDS:-1800}" "tests/service/$name.sh" build/dev >"build/service.$name.log" 2>&1 || code=$?
  [ "$code" != 124 ] || echo "$name: ended after ${SOLID_SERVICE_SECONDS:-1800} s" >>"build/service.$name.log"
  echo "$code" >"build/service.$name.code"
  printf '\n== %s (%d s, ended at %d s)\n%s\n' "$name" $((SECONDS - began)) "$SECONDS" "$(cat "build/service.$name.log")"
}

stop_with_all() {
  trap 'kill $(jobs -p) 2>/dev/null' EXIT
  trap 'exit 1' INT TERM
}
lane() { # AT_ONCE NAME...
  local at_once=$1 name
  shift
  stop_with_all
  for name in "$@"; do
    while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do wait -n; done
    run_one "$name" &
  done
  wait
}

rm -f build/service.*.code
waiting=() busy=()
for name in "${names[@]}"; do
  case $name in cuda | fuzz | minimal | public_data | threads) busy+=("$name") ;; *) waiting+=("$name") ;; esac
done
stop_with_all
lane "${SOLID_SERVICE_AT_ONCE:-3}" ${waiting[@]+"${waiting[@]}"} &
lane 1 ${busy[@]+"${busy[@]}"} &
wait

for name in "${names[@]}"; do
  code=$(cat "build/service.$name.code" 2>/dev/null || echo "none: it was killed")
  case $code in
  0) passed=$((passed + 1)) ;;
  77) skipped=$((skipped + 1)) ;;
  *) failed=$((failed + 1)) failures+=("$name: exit code $code") ;;
  esac
done

printf '\n'
for name in ${failures[@]+"${failures[@]}"}; do echo "failed: $name"; done
echo "took $SECONDS s"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
