#!/usr/bin/env bash
# A release without Kafka and Redis: everything that such a build has is compiled, and the tests run of what is another one then (store,
# ingest, programs, and the walk from event to recommendation). Operations, model and training are the same files as everywhere.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/build.sh
# one level of the CPU's operations: preset dev has all, with the same flags
build minimal minimal -DSOLID_HAVE_X86_64_v3=OFF -DSOLID_HAVE_X86_64_v4=OFF -- --target solid/all store/all ingest/all examples/all tests/store/all \
  tests/ingest/all tests/examples/all tests/walk/all
ctest --test-dir build/minimal --no-tests=error --output-on-failure -j 2 -L '^(store|ingest|examples|walk)$' -LE slow
