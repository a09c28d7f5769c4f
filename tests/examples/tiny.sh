#!/usr/bin/env bash
# tiny.sh SOLID_TRAIN SOLID_EVAL: the smallest data, with and without content. Every set is trained on, by codes that tell something apart or
# by none, or it is refused with 5 and one line: what there is too little of, how much there is, how much is needed.
set -euo pipefail
train=$1 eval=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
wrong() { echo "tiny: $*" >&2; bad=1; }

# User u takes item (u * shift + t * step) % items at time t.
events() { # USERS ITEMS EVENTS SHIFT STEP
  echo "user_id,item_id,timestamp"
  awk -v users="$1" -v items="$2" -v n="$3" -v shift="$4" -v step="$5" 'BEGIN {
    for (u = 0; u < users; u++)
      for (t = 0; t < n; t++) printf "u%d,i%d,%d\n", u, (u * shift + t * step) % items, 1690000000 + t }'
}

content() { # ITEMS: two genres, and vectors that differ
  echo "item_id,genres"
  awk -v items="$1" 'BEGIN { for (i = 0; i < items; i++) printf "i%d,g%d\n", i, i % 2 }'
  : >"$work/ids" && : >"$work/vectors"
  for ((i = 0; i < $1; i++)); do
    echo "i$i" >>"$work/ids"
    printf '%08d' $((i + 10000000)) >>"$work/vectors" # two numbers of four bytes
  done
}

judge() { # NAME CODES-OR-TEXT OPTION...
  local name=$1 want=$2 code=0 lines
  shift 2
  rm -f "$work/model"
  "$train" --data "$work/events.csv" --width 8 --epochs 1 --threads 1 --fresh --out "$work/model" "$@" >"$work/out" 2>"$work/err" || code=$?
  if [[ $want =~ ^[0-9]+$ ]]; then
    [ "$code" = 0 ] || { wrong "$name: exit code $code: $(cat "$work/err")"; return; }
    local said="$want codes"
    [ "$want" -gt 0 ] || said="items without codes"
    grep "^defaults: .* items" "$work/out" | grep -qF -- " $said" || wrong "$name: not '$said': $(grep '^defaults: .* items' "$work/out")"
    "$eval" --model "$work/model" --data "$work/events.csv" --threads 1 >/dev/null 2>"$work/err" || wrong "$name: solid_eval: $(cat "$work/err")"
  else
    [ "$code" = 5 ] || wrong "$name: exit code $code, not 5"
    lines=$(wc -l <"$work/err")
    [ "$lines" = 1 ] && grep -qF -- "$want" "$work/err" || wrong "$name: no '$want' alone in: $(cat "$work/err")"
    [ ! -e "$work/model" ] || wrong "$name: refused, and there is a model"
  fi
}

three="none of %s users has 3 events, the fewest that leave one out (training needs four): the longest history has %s"
four="none of %s users has two training events (with leave-one-out these are users of four events): the longest history has 3"
# name, users, items, events of each, shift, step, codes of bare data, codes of data with content, or the refusal of both
while IFS='|' read -r name users items n shift step bare full; do
  events "$users" "$items" "$n" "$shift" "$step" >"$work/events.csv"
  content "$items" >"$work/items.csv"
  judge "$name" "$bare"
  [ "$items" = 0 ] || judge "$name, content" "${full:-$bare}" --attributes "$work/items.csv" --vectors "$work/vectors" --vector-width 2 --vector-ids "$work/ids"
done <<EOT
no event|0|0|0|0|0|no events
one event|1|1|1|0|0|$(printf "$three" 1 1)
one user of two events|1|2|2|0|1|$(printf "$three" 1 2)
users of one event|20|20|1|1|1|$(printf "$three" 20 1)
users of two events|20|20|2|1|1|$(printf "$three" 20 2)
one user of three events|1|3|3|0|1|$(printf "$four" 1)
users of three events|20|20|3|1|1|$(printf "$four" 20)
one user of four events|1|4|4|0|1|2|2
one user of many events|1|3|30|0|1|0|0
one item|5|1|4|0|0|0|0
one item of one user|1|1|10|0|0|0|0
two items|5|2|4|1|1|0|0
three items|5|3|5|1|1|0|0
four items|8|4|5|1|1|2|2
six items|6|6|5|1|1|2|2
fifteen items|15|15|5|1|1|2|2
twenty items|20|20|5|1|1|4|4
all users alike|20|6|5|0|1|2|2
everybody one item of his own|20|20|5|1|0|4|4
EOT

# One user who takes one item again and again, among those of a single event: nothing occurs together, so content alone gives codes.
{ events 20 20 1 1 1; for t in 1 2 3 4; do echo "u,i0,169000000$t"; done; } >"$work/events.csv"
content 20 >"$work/items.csv"
judge "one item again and again" 0
judge "one item again and again, content" 4 --attributes "$work/items.csv"
# Content that says the same of all items.
events 20 20 5 1 1 >"$work/events.csv"
sed 's/,g[0-9]*/,g/' "$work/items.csv" >"$work/same.csv"
judge "items of one genre" 4 --attributes "$work/same.csv"
# What is given stays, and what it needs comes with it.
events 5 3 5 1 1 >"$work/events.csv"
judge "three items, codes given" 2 --codes 2
judge "three items, a head of codes given" 2 --head semantic
[ "$bad" = 0 ] && echo "tiny: trains or says what is missing"
exit "$bad"
