#!/usr/bin/env bash
# The C example in README.md is examples/quickstart/quickstart.c, to the letter; its figures of accuracy are the lab book's; its links lead somewhere, as do
# those of every folder's README.
set -uo pipefail
cd "$(dirname "$0")/../.."
shown=$(awk '/^```c$/ {inside = 1; next} /^```$/ {inside = 0} inside' README.md)
if ! diff <(echo "$shown") examples/quickstart/quickstart.c; then
  echo "readme: the C example differs from examples/quickstart/quickstart.c"
  exit 1
fi
lines=$(wc -l <examples/quickstart/quickstart.c)
[ "$lines" -le 30 ] || { echo "readme: examples/quickstart/quickstart.c has $lines lines, 30 are allowed"; exit 1; }
figures=0
for figure in $(grep -oE '[ +[]\.[0-9]{4}' README.md | grep -oE '\.[0-9]{4}' | sort -u); do
  figures=$((figures + 1))
  grep -qF -- "$figure" tests/bench/ACCURACY.md || { echo "readme: tests/bench/ACCURACY.md has no figure $figure"; exit 1; }
done
while read -r page; do
  for link in $(grep -oE '\]\([^)#: ]+\)' "$page" | sed 's/^](//; s/)$//'); do
    [ -e "$(dirname "$page")/$link" ] || { echo "readme: $page: link to $link, which is not there"; exit 1; }
  done
done < <(find . -name '*.md' -not -path './build*')
echo "readme: $figures figures, and the example is examples/quickstart/quickstart.c ($lines lines)"
