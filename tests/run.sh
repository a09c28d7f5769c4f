#!/usr/bin/env bash
# Installs what is missing, builds, runs the tests (with the real servers), ends with one line "N passed, N failed, N skipped".
#
#   tests/run.sh            gcc with every test, address and undefined behaviour sanitizers, clang's warnings      --quick   gcc alone
#
# Each configuration is built under build/<preset>; a second run builds only what changed. While one is built, the tests of the one
# before it run, and the end-to-end test, which mostly waits, beside them: two cores are never idle. SOLID_DATA names a folder with
# the public data sets; what reads them is skipped by name where they are absent. What takes longer, and other builds (CUDA, thread
# sanitizer, without Kafka and Redis, libFuzzer), are in tests/service.sh.
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/support/build.sh
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-4} # of two cores: some tests wait for a broker or a server
quick=0
[ "${1:-}" = --quick ] && quick=1
passed=0 failed=0 skipped=0 failures=()
mkdir -p build

stage() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

fail() {
  failed=$((failed + 1))
  failures+=("$1")
}

judge() { # NAME CODE: one test that a script made
  case $2 in 0) passed=$((passed + 1)) ;; 77) skipped=$((skipped + 1)) ;; *) fail "$1" ;; esac
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

export MALLOC_PERTURB_=${MALLOC_PERTURB_:-85} # glibc fills what malloc gives: memory that nobody wrote is no zero by luck
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

stage "packages"
cmake/install-packages.sh build run test lint || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
apart fetch-kafka bash -c '. tests/e2e/kafka.sh && kafka_fetch build/kafka'

stage "gcc, assertions on: builds"
build dev dev
built=$?
judge "build dev" "$built"
if [ "$built" = 0 ]; then
  suite dev -E '^e2e_kafka$'
  join fetch-kafka
  apart e2e_kafka timeout 1800 tests/e2e/e2e.sh build/dev
fi

if [ "$quick" = 0 ]; then
  stage "address and undefined behaviour sanitizers: builds"
  build asan asan
  built=$?
  judge "build asan" "$built"
  [ "$built" != 0 ] || suite asan -LE slow -E '^(check_|install)'
  stage "clang: reads without a warning"
  tests/check/clang.sh build/dev
  judge clang $?
fi

for name in "${suites[@]}"; do count_suite "$name"; done
if [ -n "${running[e2e_kafka]:-}" ]; then
  join e2e_kafka
  judge e2e_kafka $?
fi

printf '\n'
for name in ${failures[@]+"${failures[@]}"}; do echo "failed: $name"; done
echo "took $SECONDS s"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
