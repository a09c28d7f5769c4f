#!/usr/bin/env bash
# make_dataset --long: the lengths of KuaiRand-1K, the same bytes for the same seed, and interests that come back:
# what comes next is an item that the user had before, often thousands of events ago.
#   long_set.sh MAKE_DATASET
set -euo pipefail
make_dataset=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "long_set: $*" >&2; exit 1; }

"$make_dataset" --long --out "$work/full" >/dev/null
awk '{ print NF - 1 }' "$work/full/histories.txt" | sort -n | awk '
  { n[NR] = $1; sum += $1 }
  END { mean = sum / NR; median = (n[int((NR + 1) / 2)] + n[int(NR / 2) + 1]) / 2
        printf "%d users, mean %.0f, median %.0f, longest %d\n", NR, mean, median, n[NR]
        exit !(NR == 1000 && mean > 5038 * .99 && mean < 5038 * 1.01 && median > 3379 * .99 && median < 3379 * 1.01 && n[NR] == 49332) }' ||
  fail "other lengths than KuaiRand-1K's"

for run in a b c; do
  seed=$([ $run = c ] && echo 2 || echo 1)
  "$make_dataset" --long --users 50 --longest 12000 --seed "$seed" --out "$work/$run" >/dev/null
done
cmp -s "$work/a/histories.txt" "$work/b/histories.txt" || fail "the same seed gives other bytes"
! cmp -s "$work/a/histories.txt" "$work/c/histories.txt" || fail "another seed gives the same bytes"

# For the newest tenth of the events: how far back the item stood last.
awk '
  { split("", last)
    for (i = 2; i <= NF; i++) {
      if (i > .9 * NF && NF > 2000) { all++; if ($i in last) { known++; gap = i - last[$i]; near += gap < 256; far += gap > 2000 } }
      last[$i] = i
    } }
  END { printf "the user had the item before: %.0f %%; within 256 events %.0f %%, more than 2,000 ago %.0f %%\n",
               100 * known / all, 100 * near / all, 100 * far / all
        exit !(known > .75 * all && known < .95 * all && near < .35 * all && far > .08 * all) }' "$work/a/histories.txt" ||
  fail "interests do not come back as they should"

if "$make_dataset" --longest 50 --out "$work/x" 2>/dev/null; then fail "took --longest of a short set"; fi
for wrong in "--longest 5" "--longest 60000" "--users 0" "--events 20"; do
  # shellcheck disable=SC2086
  if "$make_dataset" --long $wrong --out "$work/d" 2>/dev/null; then fail "took $wrong"; fi
done
