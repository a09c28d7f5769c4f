#!/usr/bin/env bash
# What is asked in the test is not read in training: under every split, data that differ in nothing but test events make
# the same model to the byte, but for the hash of the data. And a model that was trained on the validation events
# too is not asked about them.   leak.sh SOLID_TRAIN SOLID_EVAL
set -euo pipefail
train=$1 eval=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "leak: $*" >&2; exit 1; }
hash_of() { grep -aoE '\\?"data\\?": *\\?"[0-9a-f]{16}' "$1" | grep -oE '[0-9a-f]{16}' | head -n 1; }

# 90 users of 6 to 15 events on 40 items, all of whom the first user begins with; one event a second, users in turn.
awk 'BEGIN { seed = 5; print "user\titem\ttimestamp"
  for (i = 1; i <= 40; i++) print 1 "\t" i "\t" i
  for (e = 0; e < 15; e++) for (u = 1; u <= 90; u++) {
    seed = (seed * 1103515245 + 12345) % 2147483648
    if (e < 6 + u % 10) print u "\t" 1 + int(seed / 65536) % 40 "\t" 100 + e * 90 + u } }' >"$work/data.tsv"

# changed AWK_CONDITION: the items of those events become others. `k` of `n` events of the user, `t` the time.
changed() {
  awk -F'\t' -v OFS='\t' 'NR == FNR { n[$1]++; next }
    FNR > 1 { k = ++seen[$1]; t = $3; if ('"$1"') $2 = 1 + ($2 + 6) % 40 } { print }' "$work/data.tsv" "$work/data.tsv" >"$work/other.tsv"
}

# same NAME OPTIONS...: other.tsv and data.tsv make one model
same() {
  local name=$1 one two
  shift
  ! cmp -s "$work/data.tsv" "$work/other.tsv" || fail "$name: nothing was changed"
  for file in data other; do
    "$train" --data "$work/$file.tsv" --head solid --width 16 --codes 8 --batch 16 --epochs 4 --swap 0.1 --threads 2 "$@" --fresh --out "$work/$file.model" >"$work/log" 2>&1 ||
      fail "$name: $(tail -n 1 "$work/log")"
    "$eval" --data "$work/$file.tsv" --model "$work/$file.model" "$@" --resamples 10 --json "$work/$file.json" >/dev/null
  done
  one=$(hash_of "$work/data.model") two=$(hash_of "$work/other.model")
  [ -n "$one" ] && [ "$one" != "$two" ] || fail "$name: data hashes \"$one\" and \"$two\""
  # The checksum covers the hash's text.
  for file in data other; do
    LC_ALL=C sed "s/$two/$one/; s/\"solid.checksum\":\"[0-9a-f]*\"//" "$work/$file.model" >"$work/$file.bare"
  done
  if [ "${expect:-same}" = same ]; then
    cmp "$work/data.bare" "$work/other.bare" || fail "$name: test events change the model"
    ! cmp -s <(grep '"ranks"' "$work/data.json") <(grep '"ranks"' "$work/other.json") || fail "$name: other questions, the same ranks"
  else
    ! cmp -s "$work/data.bare" "$work/other.bare" || fail "$name: events that train do not change the model"
  fi
}

changed 'k == n[$1]'
same leave-one-out
changed 't >= 1000'
same global-time --split global-time --valid-from 800 --test-from 1000
changed 'k > 0.9 * n[$1]'
same per-user-ratio --split per-user-ratio
# The check itself: training and validation events do change the model.
changed 't >= 700 && t < 800'
expect=other same "global-time, training" --split global-time --valid-from 800 --test-from 1000

# make NAME OPTIONS...: NAME.model of data.tsv
make() {
  local name=$1
  shift
  "$train" --data "$work/data.tsv" --head solid --width 16 --codes 8 --batch 16 --epochs 2 --threads 2 --fresh "$@" --out "$work/$name.model" 2>"$work/log" >/dev/null ||
    fail "$name: $(tail -n 1 "$work/log")"
}
# refused TEXT PROGRAM ARGUMENTS...
refused() {
  local text=$1 got=0
  shift
  "$@" 2>"$work/log" >/dev/null || got=$?
  [ "$got" = 5 ] || fail "exit code $got, not 5: $*"
  grep -qF -- "$text" "$work/log" || fail "no '$text' in: $(cat "$work/log")"
}
make good
make refit --refit
ask=("$eval" --data "$work/data.tsv" --model "$work/refit.model" --resamples 10)
refused "refit.model was trained on the validation events too (--refit)" "${ask[@]}" --part valid
"${ask[@]}" --part test >/dev/null || fail "the test of a refitted model was refused"
"${ask[@]}" --part valid --allow-other-split >/dev/null || fail "--allow-other-split was refused"
"$eval" --data "$work/data.tsv" --model "$work/good.model" --part valid --resamples 10 >/dev/null || fail "the validation of a plain model was refused"
echo "leak: test events change no model, validation asks no model that was trained on it"
