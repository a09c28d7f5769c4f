#!/usr/bin/env bash
# libFuzzer on each target for some seconds, on a copy of the committed corpus.   tests/fuzz/run.sh [SECONDS [TARGET...]]
# Skips (77) where clang's fuzzer runtime is not installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-30}
shift || true
probe=$(mktemp -d)
trap 'rm -rf "$probe"' EXIT
echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return d == 0 && n; }' >"$probe/probe.c"
if ! clang -fsanitize=fuzzer "$probe/probe.c" -o "$probe/probe" 2>/dev/null; then
  echo "fuzz: clang with libFuzzer is not installed (cmake/install-packages.sh lint)"
  exit 77
fi
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cd tests/fuzz && ls fuzz_*.c | sed 's/\.c$//')
cmake --preset fuzz >"$probe/log" && cmake --build --preset fuzz --target "${targets[@]}" >>"$probe/log" || { tail -n 20 "$probe/log"; exit 1; }
for target in "${targets[@]}"; do
  cp -r tests/fuzz/corpus/"${target#fuzz_}" "$probe/corpus"
  "build/fuzz/tests/fuzz/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -verbosity=0 \
    -artifact_prefix="$PWD/build/fuzz/" "$probe/corpus"
  echo "$target: ${seconds} s without a finding, corpus grew from $(ls "tests/fuzz/corpus/${target#fuzz_}" | wc -l) to $(ls "$probe/corpus" | wc -l)"
  rm -rf "$probe/corpus"
done
