#!/usr/bin/env bash
# What solid_train reaches without any option of training, beside the best recipe known for the set, popularity and item-to-item.
#
#   defaults.sh run SET...     trains and evaluates what is missing: the defaults, every recipe of the set, and the defaults without the
#                              set's content; a run that has its figures is not repeated, one that was cut off goes on from its checkpoint
#   defaults.sh table          what the folder of results has; sets that were not run are named
#   defaults.sh sets           the sets
#
# The recipe that counts is the one with the best mean validation NDCG@10. Environment: BUILD (build/release); SOLID_DATA
# (../shared/data); RESULTS (build/defaults); SEEDS ("1 2 3"); WHAT ("defaults recipes bare": which runs); DEVICE (cpu); THREADS (2);
# MORE: options for every run, such as --width 32, for a machine that cannot do the whole (take another RESULTS for it).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
bin=${BUILD:-$root/build/release}/bin data=${SOLID_DATA:-$root/../shared/data} results=${RESULTS:-$root/build/defaults}

# Named before any of them was run: the rules of before were made without the three behind online-retail in sight, those of now
# without the last three.
sets=(beauty toys ml-1m ml-100k instruments scientific online-retail ml-latest-small generated-dense generated-sparse
  generated-many generated-few generated-short)

events_of() {
  case $1 in
    beauty) echo --data "$data/amazon-beauty/Beauty.txt" ;;
    toys) echo --data "$data/amazon-toys/Toys_and_Games.txt" ;;
    ml-1m) echo --data "$data/ml-1m/ml-1m.txt" ;;
    ml-100k) echo --data "$data/ml-100k/ml-100k.inter" ;;
    instruments) echo --data "$data/instruments-multimodal/Instruments.inter.json" --format histories ;;
    scientific) echo --data "$data/scientific-multimodal/Scientific.test.inter" ;;
    online-retail) echo --data "$data/online-retail/events.csv.gz" ;;
    ml-latest-small) echo --data "$data/ml-latest-small/ratings.csv" ;;
    generated-*) echo --data "$results/$1/events.jsonl" ;;
    *) echo "defaults.sh: $1: no such set; there are ${sets[*]}" >&2; return 2 ;;
  esac
}
content_of() {
  case $1 in
    beauty) echo --attributes "$data/amazon-beauty/Beauty_item2attributes.json" ;;
    toys) echo --attributes "$data/amazon-toys/Toys_and_Games_item2attributes.json" ;;
    ml-100k) echo --attributes "$data/ml-100k/ml-100k.item" ;;
    instruments) echo --attributes "$data/instruments-multimodal/Instruments.index_lemb.json" ;;
    scientific) echo --vectors "$data/scientific-multimodal/Scientific.feat1CLS" --vector-width 512 ;;
    online-retail) echo --attributes "$data/online-retail/attributes.json" ;;
    ml-latest-small) echo --attributes "$data/ml-latest-small/movies.csv" ;;
    generated-*) echo --attributes "$results/$1/items.json" ;;
  esac
}
make_set() {
  local shape
  case $1 in
    generated-dense) shape="--users 1500 --items 400 --genres 8 --events 60 --seed 11" ;;
    generated-sparse) shape="--users 6000 --items 3000 --genres 40 --events 7 --seed 12" ;;
    generated-many) shape="--users 3000 --items 1500 --genres 20 --events 100 --seed 13" ;;
    generated-few) shape="--users 400 --items 600 --genres 10 --events 40 --seed 14" ;;
    generated-short) shape="--users 10000 --items 800 --genres 15 --events 6 --seed 15" ;;
    *) return 0 ;;
  esac
  # shellcheck disable=SC2086
  [ -s "$results/$1/events.jsonl" ] || "$bin/make_dataset" $shape --out "$results/$1" >/dev/null
}

# Recipes known for a set; for one without its own those of both kinds of public sets.
recipes_of() {
  case $1 in
    beauty | toys) echo amazon ;;
    ml-1m) echo movielens ;;
    ml-100k) echo plain small movielens ;;
    scientific) echo codes64 amazon amazon64 ;;
    online-retail) echo plain amazon retail ;;
    generated-*) echo plain amazon64 movielens ;;
    *) echo plain amazon movielens ;;
  esac
}
recipe() {
  local falling="--rate-end 0.05 --average 0.999 --patience 0"
  local long="--window 200 --batch 128 --blocks 2 --heads 2 --dropout 0.2 --dropout-z 0.3 --dropout-y 0.3 --cuts 0.5 --check 5"
  case $1 in
    plain) ;;
    codes64) echo --codes 64 ;;
    amazon) echo "$falling" --epochs 42 --check 3 --batch 128 --codes 512 --swap 0.05 ;;
    amazon64) echo "$falling" --epochs 42 --check 3 --batch 128 --codes 64 ;;
    movielens) echo "$falling $long" --epochs 240 --smoothing 0 ;;
    retail) echo "$falling $long" --epochs 40 --smoothing 0.1 ;;
    small) echo --window 200 --batch 32 --blocks 2 --heads 2 --dropout 0.3 --dropout-z 0.3 --dropout-y 0.3 --smoothing 0 ;;
  esac
}

one() { # SET NAME SEED OPTION...
  local at=$results/$1.$2.$3 set=$1 seed=$3 words began=$SECONDS
  [ ! -s "$at.json" ] || return 0
  shift 3
  read -ra words <<<"$(events_of "$set") $* ${MORE:-}"
  "$bin/solid_train" "${words[@]}" --seed "$seed" --out "$at.safetensors" --device "${DEVICE:-cpu}" --threads "${THREADS:-2}" >"$at.log" 2>&1 ||
    { echo "$at: $(tail -n 1 "$at.log")" >&2; return 1; }
  read -ra words <<<"$(events_of "$set")"
  "$bin/solid_eval" --model "$at.safetensors" "${words[@]}" --device "${DEVICE:-cpu}" --threads "${THREADS:-2}" --json "$at.part" >"$at.txt" 2>&1 ||
    { echo "$at: $(tail -n 1 "$at.txt")" >&2; return 1; }
  mv "$at.part" "$at.json"
  echo "$set $(basename "$at" | cut -d. -f2-): $((SECONDS - began)) s, $(jq -r '"NDCG@10 \(.metrics["ndcg@10"])"' "$at.json")"
}

run_set() { # SET
  local seed name
  make_set "$1"
  for seed in ${SEEDS:-1 2 3}; do
    for what in ${WHAT:-defaults recipes bare}; do
      case $what in
        # shellcheck disable=SC2046
        defaults) one "$1" defaults "$seed" $(content_of "$1") ;;
        bare) [ -z "$(content_of "$1")" ] || one "$1" bare "$seed" ;;
        recipes) for name in $(recipes_of "$1"); do
            # shellcheck disable=SC2046
            one "$1" "$name" "$seed" --defaults fixed $(content_of "$1") $(recipe "$name")
          done ;;
      esac
    done
  done
}

mean() { jq -s -r "[.[] | $1] | add / length" "${@:2}"; }
valid_of() { # LOG...: mean validation NDCG@10 of the kept epochs
  sed -n 's/.*best epoch.*validation ndcg@10 \([0-9.]*\)$/\1/p' "$@" | awk '{ sum += $1 } END { print NR ? sum / NR : 0 }'
}

row() { # SET
  local set=$1 best="" most=0 name valid share files
  ls "$results/$set".defaults.[0-9]*.json >/dev/null 2>&1 || { echo "| $set | not run | | | | | | | |"; return 0; }
  for name in $(recipes_of "$set"); do
    ls "$results/$set.$name".[0-9]*.json >/dev/null 2>&1 || continue
    valid=$(valid_of "$results/$set.$name".[0-9]*.log)
    if awk -v a="$valid" -v b="$most" 'BEGIN { exit !(a > b) }'; then best=$name most=$valid; fi
  done
  files=("$results/$set".defaults.[0-9]*.json)
  local ours theirs="" with="not run"
  ours=$(mean '.metrics["ndcg@10"]' "${files[@]}")
  share="not run"
  if [ -n "$best" ]; then
    theirs=$(mean '.metrics["ndcg@10"]' "$results/$set.$best".[0-9]*.json)
    share=$(awk -v a="$ours" -v b="$theirs" 'BEGIN { printf "%.1f %%", 100 * a / b }')
  fi
  if ls "$results/$set".bare.[0-9]*.json >/dev/null 2>&1; then
    "$bin/solid_eval" compare "${files[@]}" -- "$results/$set".bare.[0-9]*.json --json "$results/$set.content.part" >/dev/null
    with=$(jq -r 'def four: . * 10000 | round / 10000; .metrics["ndcg@10"] | "\(.difference | four) [\(.ci95[0] | four), \(.ci95[1] | four)]"' "$results/$set.content.part")
  fi
  printf '| %s | %d | %.4f | %s | %s | %s | %.4f | %s | %s |\n' "$set" "${#files[@]}" "$ours" "${theirs:+$(printf '%.4f' "$theirs")}" "${best:-}" "$share" \
    "$(mean '.popularity["ndcg@10"]' "${files[@]}")" "$(mean '.item_to_item["ndcg@10"]' "${files[@]}" | cut -c1-6)" "$with"
}

table() {
  echo "| set | seeds | defaults, NDCG@10 | best recipe | which | share | popularity | item-to-item | with content over without |"
  echo "|---|---|---|---|---|---|---|---|---|"
  local set
  for set in "${sets[@]}"; do row "$set"; done
}

case ${1:-} in
  run) [ $# -gt 1 ] || { echo "defaults.sh: no set is named; there are ${sets[*]}" >&2; exit 2; }
    mkdir -p "$results"
    for set in "${@:2}"; do events_of "$set" >/dev/null; done
    for set in "${@:2}"; do run_set "$set"; done ;;
  table) table ;;
  sets) printf '%s\n' "${sets[@]}" ;;
  *) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
