#!/usr/bin/env bash
# Installs what is missing, builds, runs every test (with the real servers), ends with one line "N passed, N failed, N skipped".
#
#   tests/run.sh            everything: gcc, clang, sanitizers, fuzzing      --quick   the gcc build and its tests only
#
# Each configuration is built under build/<preset>; a second run builds only what changed. SOLID_DATA names a folder with the
# public data sets; tests on them are skipped by name where they are absent.
set -uo pipefail
cd "$(dirname "$0")/.."
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-2}
quick=0
[ "${1:-}" = --quick ] && quick=1
passed=0 failed=0 skipped=0 failures=()

stage() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

fail() {
  failed=$((failed + 1))
  failures+=("$1")
}

build() { # preset [configure options]
  local preset=$1 log
  shift
  log=build/$preset.log
  mkdir -p build
  if ! { cmake --preset "$preset" "$@" && cmake --build --preset "$preset"; } >"$log" 2>&1; then
    grep -E 'error|Error|FAILED' -A3 "$log" | head -n 40
    echo "build of preset $preset failed; whole log: $log"
    fail "build $preset"
    return 1
  fi
  passed=$((passed + 1))
}

cuda() { # one architecture, and what shows that everything links
  local log=build/cuda-link.log options
  options=$(cmake/cublas-options.sh build/cublas) || { fail "build cuda"; return 1; }
  # shellcheck disable=SC2086
  if ! { cmake --preset cuda -B build/cuda-link -DSOLID_CUDA_ARCHITECTURES=90-real $options &&
    cmake --build build/cuda-link -j 2 --target solid bench_gpu bench_attend test_table test_solid_context solid_train solid_plan \
      solid_ingestd make_dataset solid_fake_driver; } >"$log" 2>&1; then
    grep -E 'error|Error|FAILED' -A3 "$log" | head -n 40
    echo "the CUDA build failed; whole log: $log"
    fail "build cuda"
    return 1
  fi
  passed=$((passed + 1))
}

suite() { # preset [ctest options]: adds the suite's counts
  local preset=$1 report
  shift
  report=$PWD/build/$preset/tests.xml
  ctest --test-dir "build/$preset" --output-on-failure --output-junit "$report" "$@"
  count() { grep -oE -m1 "$1=\"[0-9]+\"" "$report" | tr -dc 0-9; }
  local tests bad none
  tests=$(count tests) bad=$(count failures) none=$(count skipped)
  passed=$((passed + tests - bad - none)) failed=$((failed + bad)) skipped=$((skipped + none))
  while read -r name; do failures+=("$preset: $name"); done < <(grep -oE 'testcase name="[^"]*"[^>]*status="fail"' "$report" | cut -d'"' -f2)
}

stage "packages"
cmake/install-packages.sh build run test lint || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }

stage "gcc, assertions on: every test"
build dev && suite dev

stage "CUDA: compiles, links, and says why it cannot be used without a GPU"
command -v nvcc >/dev/null || PATH=$PATH:/usr/local/cuda/bin
if command -v nvcc >/dev/null; then
  cuda && suite cuda-link -R '^(test_table|test_solid_context|walk_devices)$'
else
  echo "nvcc is not on this machine: the CUDA back end is not compiled"
  skipped=$((skipped + 1))
fi

if [ "$quick" = 0 ]; then
  stage "clang: builds without a warning"
  build clang
  stage "without Kafka and Redis: builds and passes"
  build minimal && suite minimal -LE slow -E '^(check_|install|e2e)'
  stage "address and undefined behaviour sanitizers"
  build asan && suite asan -LE slow -E '^(check_|install)'
  stage "thread sanitizer: what threads share"
  build tsan && suite tsan -L threads
  stage "fuzzing, ${SOLID_FUZZ_SECONDS:-30} s a target"
  for name in $(cd tests/fuzz && ls fuzz_*.c | sed 's/\.c$//'); do
    tests/fuzz/run.sh "${SOLID_FUZZ_SECONDS:-30}" "$name"
    case $? in 0) passed=$((passed + 1)) ;; 77) skipped=$((skipped + 1)) ;; *) fail "fuzz $name" ;; esac
  done
fi

printf '\n'
for name in ${failures[@]+"${failures[@]}"}; do echo "failed: $name"; done
echo "took $SECONDS s"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
