#!/usr/bin/env bash
# The C example in README.md is examples/quickstart/quickstart.c, to the letter.
set -uo pipefail
cd "$(dirname "$0")/../.."
shown=$(awk '/^```c$/ {inside = 1; next} /^```$/ {inside = 0} inside' README.md)
if ! diff <(echo "$shown") examples/quickstart/quickstart.c; then
  echo "readme: the C example differs from examples/quickstart/quickstart.c"
  exit 1
fi
lines=$(wc -l <examples/quickstart/quickstart.c)
[ "$lines" -le 30 ] || { echo "readme: examples/quickstart/quickstart.c has $lines lines, 30 are allowed"; exit 1; }
echo "readme: the example is examples/quickstart/quickstart.c ($lines lines)"
