#!/usr/bin/env bash
# The thread sanitizer over what threads share: the tests with the label `threads`.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/build.sh
build tsan tsan -- --target thread_tests
ctest --test-dir build/tsan --no-tests=error --output-on-failure -j 2 -L threads
