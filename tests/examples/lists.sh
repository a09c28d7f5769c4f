#!/usr/bin/env bash
# solid_eval lists on results that are small enough to be worked out by hand, and what it refuses.   lists.sh SOLID_EVAL
set -euo pipefail
evaluate=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "lists: $*" >&2; exit 1; }
refuses() { # PATTERN COMMAND...
  local pattern=$1
  shift
  if "$@" >"$work/out" 2>&1; then fail "not refused: $*"; fi
  grep -qE -- "$pattern" "$work/out" || fail "no \"$pattern\" in: $(cat "$work/out")"
}

# result FILE PART LIST...; a list is kind,order,knob,forwards,recall,ndcg,likeness of two users alike, in ten-thousandths
result() {
  local file=$1 part=$2 lists="" kind order knob forwards recall ndcg like
  shift 2
  for list in "$@"; do
    IFS=, read -r kind order knob forwards recall ndcg like <<<"$list"
    lists+="${lists:+,}{\"list\":\"$kind\",\"order\":\"$order\",\"guide\":$knob,\"lambda\":$knob,\"forwards\":$forwards,\"invalid\":0,\"repeated\":0,
      \"each\":{\"recall\":\"$recall $recall\",\"ndcg\":\"$ndcg $ndcg\",\"likeness\":\"$like $like\",\"company\":\"0 0\",\"content\":\"0 0\"}}"
  done
  echo "{\"part\":\"$part\",\"manifest\":{\"data_hash\":\"a\"},\"slates\":{\"rows\":3,\"users\":2,\"lists\":[$lists]}}" >"$file"
}
ranked=ranked,,0,0,4000,5000,1000
result "$work/a" test $ranked re-ranked,takers,2,0,4000,4800,3000 slate,raster,1,0,4000,5000,1000 slate,raster,0.5,40,3990,4900,3000 slate,raster,0,40,2000,3000,2000 \
  slate,near-to-far,1,0,4000,5000,1000 slate,near-to-far,0.5,13,3980,4700,2000
result "$work/b" test $ranked re-ranked,takers,2,0,4000,4800,3000 slate,raster,1,0,4000,5000,1000 slate,raster,0.5,40,3990,4900,3000 slate,raster,0,40,2000,3000,2000 \
  slate,near-to-far,1,0,4000,5000,1000 slate,near-to-far,0.5,13,3980,4900,2000
"$evaluate" lists "$work/a" "$work/b" --at 0.2,0.9 --resamples 20 -- "$work/a" >"$work/out" || fail "failed"
has() { grep -qF -- "$1" "$work/out" || fail "no \"$1\" in: $(cat "$work/out")"; }
has '2 files, lists of 3 for 2 users; 42 lists: 0 invalid, 0 with an item twice'
# the mean of two runs, and its share of raster under the same guide: .48 of .49
has '| near-to-far | 0.5 | 13 | 0.3980 | 0.4800 | 98.0 [98.0, 98.0] | -0.0200 [-0.0200, -0.0200] | 0.2000 |'
# half way from the ranked list's .1 to .3, on raster the upper of its two branches
has '| likeness | 0.2 | re-ranked by takers | 0.4900 [0.4900, 0.4900] | | |'
has '| likeness | 0.2 | raster | 0.4950 [0.4950, 0.4950] | | +0.0050 [+0.0050, +0.0050] |'
has '| likeness | 0.2 | near-to-far | 0.4800 [0.4800, 0.4800] | 97.0 [97.0, 97.0] | -0.0100 [-0.0100, -0.0100] |'
if grep -q '| 0.9 |' "$work/out"; then fail "a level that no curve reaches: $(cat "$work/out")"; fi
# at .99 of the recall: raster has .9975, near-to-far .995
has '| likeness | raster | 0.5 | +0.2000 [+0.2000, +0.2000] | 99.8 [99.8, 99.8] | -0.0100 [-0.0100, -0.0100] |'
"$evaluate" lists "$work/a" --share 0.997 -- "$work/b" >"$work/out" || fail "failed"
has '| likeness | near-to-far | the ranked list, 0 | +0.0000'
has '| likeness | raster | 0.5 |'

result "$work/valid" valid $ranked
refuses 'asked .*"part":.*"valid"' "$evaluate" lists "$work/a" "$work/valid"
result "$work/less" test $ranked slate,raster,1,0,4000,5000,1000
refuses '2 files have raster 1, 1 have re-ranked by takers' "$evaluate" lists "$work/a" "$work/less"
refuses 'expected results' "$evaluate" lists
refuses 'no slates' "$evaluate" lists <(echo '{"part":"test"}')
sed 's/"0 0"/"0"/' "$work/a" >"$work/short"
refuses 'company is not of 2 users' "$evaluate" lists "$work/short"
refuses 'must be numbers' "$evaluate" lists "$work/a" --at x
refuses 'No such file' "$evaluate" lists "$work/none"
echo "lists: as worked out by hand"
