#!/usr/bin/env bash
# libFuzzer on each target, on a copy of the committed corpus.   tests/fuzz/run.sh [SECONDS [TARGET...]]
#
# All targets at a time, each for SECONDS (30) of a core: longer by the clock where there are fewer cores than targets. With 0
# seconds it only builds. Last, a line a target: "passed: TARGET ..." or "failed: TARGET ...". Skips (77) where clang's fuzzer
# runtime is not installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-30}
shift || true
work=$(mktemp -d)
stop() {
  local running
  running=$(jobs -p)
  # shellcheck disable=SC2086
  [ -z "$running" ] || kill $running 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' INT TERM
echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return d == 0 && n; }' >"$work/probe.c"
if ! clang -fsanitize=fuzzer "$work/probe.c" -o "$work/probe" 2>/dev/null; then
  echo "fuzz: clang with libFuzzer is not installed (cmake/install-packages.sh lint)"
  exit 77
fi
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cd tests/fuzz && ls fuzz_*.c | sed 's/\.c$//')
mkdir -p build
{ cmake --preset fuzz -DSOLID_TESTS=ON && cmake --build --preset fuzz --target "${targets[@]}"; } >build/fuzz-build.log 2>&1 ||
  { tests/support/what_failed.sh build/fuzz-build.log; echo "failed: fuzz (build; whole log: build/fuzz-build.log)"; exit 1; }
[ "$seconds" -gt 0 ] || exit 0

cores=$(nproc) failed=0
[ "$cores" -lt "${#targets[@]}" ] || cores=${#targets[@]}
clock=$((seconds * ${#targets[@]} / cores))
declare -A runs
for target in "${targets[@]}"; do
  cp -r tests/fuzz/corpus/"${target#fuzz_}" "$work/$target"
  "build/fuzz/tests/fuzz/$target" -max_total_time="$clock" -timeout=10 -rss_limit_mb=4096 -verbosity=0 \
    -artifact_prefix="$PWD/build/fuzz/" "$work/$target" >"$work/$target.log" 2>&1 &
  runs[$target]=$!
done
for target in "${targets[@]}"; do
  code=0
  wait "${runs[$target]}" || code=$?
  cat "$work/$target.log"
  if [ "$code" = 0 ]; then
    before=$(ls "tests/fuzz/corpus/${target#fuzz_}" | wc -l) after=$(ls "$work/$target" | wc -l)
    echo "passed: $target, $clock s without a finding, corpus grew from $before to $after"
  else
    echo "failed: $target, exit code $code"
    failed=1
  fi
done
exit "$failed"
