#!/usr/bin/env bash
# libFuzzer on every target for 10 s of a core.   fuzz.sh BUILD   (the build is not used: preset fuzz)
set -uo pipefail
cd "$(dirname "$0")/../.."
exec tests/fuzz/run.sh 10
