#!/usr/bin/env bash
# Installs what is missing, builds, runs every test (with the real servers), ends with one line "N passed, N failed, N skipped".
#
#   tests/run.sh            everything: gcc, clang, sanitizers, fuzzing      --quick   the gcc build and its tests only
#
# Each configuration is built under build/<preset>; a second run builds only what changed. While one is built, the tests of those
# before it run, one suite at a time, and the end-to-end test, which mostly waits, beside them: two cores are never idle. SOLID_DATA
# names a folder with the public data sets; tests on them are skipped by name where they are absent. What takes longer is in
# tests/service.sh.
set -uo pipefail
cd "$(dirname "$0")/.."
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-3} # of two cores: some tests wait for a broker or a server
quick=0
[ "${1:-}" = --quick ] && quick=1
passed=0 failed=0 skipped=0 failures=()
mkdir -p build

stage() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

fail() {
  failed=$((failed + 1))
  failures+=("$1")
}

# Work beside the rest: `apart NAME COMMAND...` starts it, `join NAME` waits for it, prints what it said and returns its exit code.
declare -A running=()
apart() {
  local name=$1
  shift
  "$@" >"build/$name.log" 2>&1 &
  running[$name]=$!
}
join() {
  local code=0
  stage "$1"
  wait "${running[$1]}" || code=$?
  unset "running[$1]"
  cat "build/$1.log"
  return $code
}
stop() { [ ${#running[@]} = 0 ] || kill "${running[@]}" 2>/dev/null; }
trap stop EXIT
trap 'exit 1' INT TERM

build() { # PRESET FOLDER [configure options] [-- build options]
  local preset=$1 folder=build/$2 configure=()
  shift 2
  while [ $# -gt 0 ] && [ "$1" != -- ]; do configure+=("$1"); shift; done
  shift || true
  if ! { cmake --preset "$preset" -B "$folder" -DSOLID_TESTS=ON "${configure[@]}" && cmake --build "$folder" "$@"; } >"$folder.log" 2>&1; then
    tests/support/what_failed.sh "$folder.log"
    echo "the build of $folder failed; whole log: $folder.log"
    fail "build ${folder#build/}"
    return 1
  fi
  passed=$((passed + 1))
}

cuda() { # one architecture, and what shows that everything links
  local options
  options=$(cmake/cublas-options.sh build/cublas) || { fail "build cuda-link"; return 1; }
  # shellcheck disable=SC2086
  build cuda cuda-link -DSOLID_CUDA_ARCHITECTURES=90-real $options -- --target solid bench_gpu bench_attend test_table test_solid_context \
    solid_train solid_plan solid_ingestd make_dataset solid_fake_driver
}

suites=()
suite() { # FOLDER [ctest options]: starts the tests of a build; one suite at a time
  local folder=$1
  shift
  suites+=("$folder")
  rm -f "build/$folder/tests.xml"
  apart "tests-$folder" flock -o build/suites.lock ctest --test-dir "build/$folder" --no-tests=error --output-on-failure \
    --output-junit "$PWD/build/$folder/tests.xml" "$@"
}

count_suite() { # FOLDER: adds the suite's counts
  local report=build/$1/tests.xml tests bad none
  join "tests-$1"
  [ -f "$report" ] || { fail "tests-$1"; return; }
  count() { grep -oE -m1 "$1=\"[0-9]+\"" "$report" | tr -dc 0-9; }
  tests=$(count tests) bad=$(count failures) none=$(count skipped)
  passed=$((passed + tests - bad - none)) failed=$((failed + bad)) skipped=$((skipped + none))
  while read -r name; do failures+=("$1: $name"); done < <(grep -oE 'testcase name="[^"]*"[^>]*status="fail"' "$report" | cut -d'"' -f2)
}

judge() { # NAME CODE: one test that a script made
  case $2 in 0) passed=$((passed + 1)) ;; 77) skipped=$((skipped + 1)) ;; *) fail "$1" ;; esac
}

stage "packages"
cmake/install-packages.sh build run test lint || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
command -v nvcc >/dev/null || PATH=$PATH:/usr/local/cuda/bin
apart fetch-kafka bash -c '. tests/e2e/kafka.sh && kafka_fetch build/kafka'

stage "gcc, assertions on: builds"
if build dev dev; then
  suite dev -E '^e2e_kafka$'
  join fetch-kafka
  apart e2e_kafka timeout 600 tests/e2e/e2e.sh build/dev
fi

stage "CUDA: compiles, links, and says why it cannot be used without a GPU"
if command -v nvcc >/dev/null; then
  cuda && suite cuda-link -R '^(test_table|test_solid_context|walk_devices)$'
else
  echo "nvcc is not on this machine: the CUDA back end is not compiled"
  skipped=$((skipped + 1))
fi

if [ "$quick" = 0 ]; then
  stage "address and undefined behaviour sanitizers: builds"
  build asan asan && suite asan -LE slow -E '^(check_|install)'
  stage "without Kafka and Redis: builds"
  build minimal minimal && suite minimal -LE slow -E '^(check_|install|e2e)'
  stage "thread sanitizer, what threads share: builds"
  build tsan tsan -- --target thread_tests && suite tsan -L threads
  stage "clang: builds without a warning"
  build clang clang -DCMAKE_BUILD_TYPE=None # nothing of it runs: without -O it takes half the time
  stage "fuzzing: builds"
  tests/fuzz/run.sh 0
fi

for name in "${suites[@]}"; do count_suite "$name"; done
if [ -n "${running[e2e_kafka]:-}" ]; then
  join e2e_kafka
  judge e2e_kafka $?
fi

if [ "$quick" = 0 ]; then # by itself: its seconds are seconds of a core
  apart fuzz tests/fuzz/run.sh "${SOLID_FUZZ_SECONDS:-10}" # longer: tests/service/fuzz.sh
  join fuzz
  if [ $? = 77 ]; then skipped=$((skipped + $(ls tests/fuzz/fuzz_*.c | wc -l))); fi
  passed=$((passed + $(grep -c '^passed: ' build/fuzz.log)))
  while read -r name; do fail "$name"; done < <(sed -n 's/^failed: \(.*\)/\1/p' build/fuzz.log)
fi

printf '\n'
for name in ${failures[@]+"${failures[@]}"}; do echo "failed: $name"; done
echo "took $SECONDS s"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
