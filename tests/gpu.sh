#!/usr/bin/env bash
# Builds the CUDA configuration and runs everything that needs a GPU, where a skip for want of one is a failure.
#
#   tests/gpu.sh [--prefix DIR] [--tests REGEX] [--bench] [--anchors FILE] [--sanitize]
#
# For a machine with an NVIDIA GPU, CUDA with cuBLAS, CMake and OpenBLAS; Kafka and Redis are left out. DIR: an unpacked tree of the
# Debian packages that are not installed (Criterion, jansson, xxHash, zlib), as `dpkg -x` leaves it. REGEX: only these tests.
# --bench: tests/bench/bench_gpu and bench_pipeline, their tables into build/gpu.bench too. --anchors: the former beside PyTorch's
# figures, by tests/bench/ratios.py with this program; also as JSON, into build/gpu.ratios.json. --sanitize: compute-sanitizer's
# racecheck and memcheck over the tests of kernels and of the serving path, eight at a time, with the seconds of each.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix="" anchors="" sanitize=0 bench=0 tests=.
while [ $# -gt 0 ]; do
  case $1 in
  --prefix) prefix=$(cd "${2:?--prefix needs a folder}" && pwd); shift 2 ;;
  --tests) tests=${2:?--tests needs a pattern}; shift 2 ;;
  --bench) bench=1; shift ;;
  --anchors) anchors=${2:?--anchors needs a program}; shift 2 ;;
  --sanitize) sanitize=1; shift ;;
  *) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
done
command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
command -v nvcc >/dev/null || PATH=$PATH:/usr/local/cuda/bin
mkdir -p build
options=(-DSOLID_KAFKA=OFF -DSOLID_REDIS=OFF)
if [ -n "$prefix" ]; then
  libraries=$prefix/usr/lib/x86_64-linux-gnu
  export PKG_CONFIG_PATH=$libraries/pkgconfig LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} LIBRARY_PATH=$libraries
  export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 CPATH=$prefix/usr/include
  sed -i "s|^prefix=.*|prefix=$prefix/usr|; /^Requires.private/d" "$libraries"/pkgconfig/*.pc # shared libraries bring their own
fi
cublas=$(cmake/cublas-options.sh build/cublas)
# shellcheck disable=SC2206
options+=($cublas)
command -v ninja >/dev/null || options+=(-G "Unix Makefiles")
cmake --preset cuda "${options[@]}" >build/gpu.log 2>&1 && cmake --build --preset cuda -j "$(nproc)" >>build/gpu.log 2>&1 ||
  { grep -iE 'error' -A4 build/gpu.log | head -n 40; tail -n 5 build/gpu.log; exit 1; }
export SOLID_REQUIRE=cuda
failed=0
ctest --test-dir build/cuda --output-on-failure -j 4 -LE slow -R "$tests" -E '^(check_|install|e2e|fuzz)' || failed=1
if [ "$bench" = 1 ]; then
  { build/cuda/tests/bench/bench_gpu && build/cuda/tests/bench/bench_pipeline; } | tee build/gpu.bench
fi
[ -z "$anchors" ] || tests/bench/ratios.py --bench build/cuda/tests/bench/bench_gpu --anchors "$anchors" --json build/gpu.ratios.json | tee build/gpu.ratios
sanitized() { # TOOL PROGRAM: one line with its seconds, and the end of its log where it found something or had no time
  local log=build/cuda/$1.$(basename "$2").log start verdict=clean code=0
  start=$(date +%s%N)
  SOLID_ONLY=cuda timeout "$limit" compute-sanitizer --tool "$1" --report-api-errors no --target-processes all --error-exitcode 99 \
    "$2" >"$log" 2>&1 || code=$?
  case $code in 0) ;; 124) verdict="NOT finished in $limit s" ;; *) verdict="NOT clean" ;; esac
  [ "$code" = 0 ] || tail -n 30 "$log"
  awk -v ns=$(($(date +%s%N) - start)) -v what="$1 $(basename "$2"): $verdict" 'BEGIN { printf "%6.1f s  %s\n", ns / 1e9, what }'
  [ "$code" = 0 ]
}
if [ "$sanitize" = 1 ]; then
  export -f sanitized
  export limit=160
  before=$SECONDS
  for tool in racecheck memcheck; do
    for test in build/cuda/tests/kernels/test_* build/cuda/tests/solid/test_solid_agreement; do
      if [ -x "$test" ] && [ -f "$test" ] && [[ $(basename "$test") =~ $tests && $test != *vmath ]]; then echo "$tool $test"; fi
    done
  done | xargs -P 8 -L 1 bash -c 'sanitized "$0" "$1"' >build/gpu.sanitize || failed=1
  grep -vE '^ +[0-9.]+ s  ' build/gpu.sanitize || true
  grep -E '^ +[0-9.]+ s  ' build/gpu.sanitize | sort -rn
  echo "sanitizers took $((SECONDS - before)) s"
fi
echo "took $SECONDS s"
[ "$failed" = 0 ]
