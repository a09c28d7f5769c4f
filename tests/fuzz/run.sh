#!/usr/bin/env bash
# libFuzzer on every target, SECONDS each (default 30), on a copy of the committed corpus.   tests/fuzz/run.sh [SECONDS]
# Skips (77) where clang's fuzzer runtime is not installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-30}
echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n); int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return d == 0 && n; }' >/tmp/fuzz_probe.$$.c
if ! clang -fsanitize=fuzzer /tmp/fuzz_probe.$$.c -o /tmp/fuzz_probe.$$ 2>/dev/null; then
  rm -f /tmp/fuzz_probe.$$*
  echo "fuzz: clang with libFuzzer is not installed (cmake/install-packages.sh lint)"
  exit 77
fi
rm -f /tmp/fuzz_probe.$$*
cmake --preset fuzz >/dev/null
targets=$(cd tests/fuzz && ls fuzz_*.c | sed 's/\.c$//')
cmake --build --preset fuzz --target $targets
for target in $targets; do
  corpus=$(mktemp -d)
  cp tests/fuzz/corpus/"${target#fuzz_}"/* "$corpus"/
  "build/fuzz/tests/fuzz/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -print_final_stats=0 -verbosity=0 "$corpus"
  echo "$target: ${seconds}s, no finding, corpus now $(ls "$corpus" | wc -l)"
  rm -rf "$corpus"
done
