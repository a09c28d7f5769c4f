#!/usr/bin/env bash
# Builds the CUDA configuration and runs everything that needs a GPU, where a skip for want of one is a failure.
#
#   tests/gpu.sh [--prefix DIR] [--tests REGEX] [--no-tests] [--bench] [--anchors FILE [--recipe FILE]] [--sanitize]
#
# For a machine with an NVIDIA GPU, CUDA with cuBLAS, CMake and OpenBLAS; Kafka and Redis are left out. DIR: an unpacked tree of the
# Debian packages that are not installed (Criterion, jansson, xxHash, zlib), as `dpkg -x` leaves it. REGEX: only these tests.
# --bench: how the devices agree on Beauty where SOLID_DATA has it (tests/examples/gpu_train.sh), events to params on both devices
# (bench_pipeline), and every operation beside its floors (bench_gpu; build/gpu.bench has all). --anchors: so, and beside
# PyTorch's figures, by tests/bench/ratios.py with this program, and whole trainings beside --recipe's; also as JSON, into
# build/gpu.ratios.json. --sanitize: compute-sanitizer's racecheck and memcheck over the tests of kernels and of the serving path,
# eight at a time, with the seconds of each.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix="" anchors="" recipe="" sanitize=0 bench=0 test=1 tests=.
while [ $# -gt 0 ]; do
  case $1 in
  --prefix) prefix=$(cd "${2:?--prefix needs a folder}" && pwd); shift 2 ;;
  --tests) tests=${2:?--tests needs a pattern}; shift 2 ;;
  --no-tests) test=0; shift ;;
  --bench) bench=1; shift ;;
  --anchors) anchors=${2:?--anchors needs a program} bench=1; shift 2 ;;
  --recipe) recipe=${2:?--recipe needs a program}; shift 2 ;;
  --sanitize) sanitize=1; shift ;;
  *) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
done
command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
command -v nvcc >/dev/null || PATH=$PATH:/usr/local/cuda/bin
mkdir -p build
options=(-DSOLID_TESTS=ON -DSOLID_KAFKA=OFF -DSOLID_REDIS=OFF)
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
  { tests/support/what_failed.sh build/gpu.log; echo "the build of preset cuda failed; whole log: build/gpu.log"; exit 1; }
export SOLID_REQUIRE=cuda
failed=0
stage() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }
if [ "$test" = 1 ]; then
  stage tests
  without='^(check_|install|e2e|fuzz)'
  [ "$bench" = 0 ] || without="$without|^gpu_train$" # comes with its tables below
  ctest --test-dir build/cuda --no-tests=error --output-on-failure -j 4 -LE slow -R "$tests" -E "$without" || failed=1
fi
if [ "$bench" = 1 ]; then
  data=${SOLID_DATA:-../shared/data}
  beauty=$data/amazon-beauty/Beauty.txt
  agree=(tests/examples/gpu_train.sh build/cuda/bin/{solid_train,make_dataset,solid_eval} build/cuda/tests/examples/top_agreement)
  stage "training and answers, CPU and GPU"
  "${agree[@]}" | tee build/gpu.bench || failed=1
  if [ -f "$beauty" ]; then
    "${agree[@]}" "$beauty" "" --epochs 3 | tee -a build/gpu.bench || failed=1
  fi
  stage "events in memory to params in the store, CPU and GPU"
  build/cuda/tests/bench/bench_pipeline --rank 32 --seconds 0.5 | tee -a build/gpu.bench
  stage "operations and their floors"
  if [ -n "$anchors" ]; then
    also=(--step build/cuda/tests/bench/bench_step)
    if [ -n "$recipe" ] && [ -f "$beauty" ]; then also+=(--recipe "$recipe" --train build/cuda/bin/solid_train --data "$data"); fi
    tests/bench/ratios.py --bench build/cuda/tests/bench/bench_gpu --anchors "$anchors" --json build/gpu.ratios.json "${also[@]}" |
      tee -a build/gpu.bench || failed=1
  else
    build/cuda/tests/bench/bench_gpu | tee -a build/gpu.bench
    for precision in fp32 tf32; do build/cuda/tests/bench/bench_step --device cuda --precision $precision --only authors; done | tee -a build/gpu.bench
  fi
fi
# TOOL PROGRAM: one line with its seconds, and the end of its log where it found something or had no time. Tests at full size, which a
# tool would take minutes for, are left out.
sanitized() {
  local log=build/cuda/$1.$(basename "$2").log start verdict=clean code=0
  start=$(date +%s%N)
  SOLID_ONLY=cuda timeout "$limit" compute-sanitizer --tool "$1" --report-api-errors no --target-processes all --error-exitcode 99 \
    "$2" --filter '!(*/*_at_full_size)' >"$log" 2>&1 || code=$?
  case $code in 0) ;; 124) verdict="NOT finished in $limit s" ;; *) verdict="NOT clean" ;; esac
  [ "$code" = 0 ] || tail -n 30 "$log"
  awk -v ns=$(($(date +%s%N) - start)) -v what="$1 $(basename "$2"): $verdict" 'BEGIN { printf "%6.1f s  %s\n", ns / 1e9, what }'
  [ "$code" = 0 ]
}
if [ "$sanitize" = 1 ]; then
  stage sanitizers
  export -f sanitized
  export limit=160
  before=$SECONDS
  # The longest first. The serving path runs the kernels that are raced in their own tests; over its graphs racecheck takes minutes.
  kernels=$(cd build/cuda/tests/kernels && ls -d test_* | grep -vE '\.|vmath')
  for run in racecheck:kernels/test_topk memcheck:solid/test_solid_agreement racecheck:kernels/test_xent racecheck:kernels/test_table \
    $(for tool in racecheck memcheck; do for test in $kernels; do echo "$tool:kernels/$test"; done; done); do
    if [[ ${run##*/} =~ $tests ]]; then echo "${run%%:*} build/cuda/tests/${run#*:}"; fi
  done | awk '!seen[$0]++' | xargs -P 8 -L 1 bash -c 'sanitized "$0" "$1"' >build/gpu.sanitize || failed=1
  grep -vE '^ +[0-9.]+ s  ' build/gpu.sanitize || true
  grep -E '^ +[0-9.]+ s  ' build/gpu.sanitize | sort -rn
  echo "sanitizers took $((SECONDS - before)) s"
fi
echo "took $SECONDS s"
[ "$failed" = 0 ]
