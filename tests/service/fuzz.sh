#!/usr/bin/env bash
# Every fuzz target for 20 s of a core, where tests/run.sh gives each 10 s.   fuzz.sh BUILD   (the build is not used: preset fuzz)
set -uo pipefail
cd "$(dirname "$0")/../.."
exec tests/fuzz/run.sh 20
