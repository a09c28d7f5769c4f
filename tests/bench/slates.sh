#!/usr/bin/env bash
# What slates are worth beside ranked and re-ranked lists: three seeds of a ranker and its two decoders, judged by users who are held
# out from all of them, in validation and test.
#
#   slates.sh run [SET...]      trains and evaluates what is not there yet
#   slates.sh table [SET...]    tables for the lab book (solid_eval lists)
#   slates.sh valid [SET...]    every user of ml-latest-small, ml-100k, scientific, instruments and toys in every order, under no guide,
#                               some and the whole one: lists that are invalid, that repeat an item, that are the ranked one
#   slates.sh figure SET OUT.svg [LIKENESS]   NDCG over likeness, company or content (plot_slates.sh)
#
# SET: ml-1m (ml-1m.txt; the next ten items of per-user-ratio; content: genres and decade) or online-retail (events.csv.gz; the next
# basket, whole, of global-time, which never cuts one; content: words of the descriptions). Codes know co-occurrence alone. Every sixth
# user judges and is neither trained on nor asked.
# Environment: BUILD (build/release) programs; SOLID_DATA (../shared/data); RESULTS (build/slates); DEVICE (cpu); JOBS (1);
# SEEDS (0,1,2); EPOCHS and SLATE_EPOCHS for a shorter try.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD:-$root/build/release} data=${SOLID_DATA:-$root/../shared/data} results=${RESULTS:-$root/build/slates}
device=${DEVICE:-cpu} jobs=${JOBS:-1} seeds=${SEEDS:-0,1,2}
guides=1,0.99,0.98,0.95,0.9,0.85,0.8,0.7,0.6,0.4,0.2,0 lambdas=-8,-4,-2,-1,1,2,4,8,16,32
recipe="--window 200 --batch 128 --blocks 2 --heads 2 --dropout 0.2 --dropout-z 0.3 --dropout-y 0.3 --rate-end 0.05 --average 0.999 --patience 0
  --cuts 0.5 --check 10"

# Files of a set: those trained on and asked, and the judges.
divide() {
  case $1 in
    ml-1m)
      [ -s "$results/ml-1m.fit" ] || awk '$1 % 6' "$data/ml-1m/ml-1m.txt" >"$results/ml-1m.fit"
      [ -s "$results/ml-1m.judges" ] || awk '$1 % 6 == 0' "$data/ml-1m/ml-1m.txt" >"$results/ml-1m.judges"
      [ -s "$results/ml-1m.genres.json" ] || RESULTS=$results SOLID_DATA=$data "$here/accuracy.sh" genres
      ;;
    online-retail)
      [ -s "$results/$1.fit" ] || zcat "$data/$1/events.csv.gz" | awk -F, 'NR == 1 || $1 % 6' >"$results/$1.fit"
      [ -s "$results/$1.judges" ] || zcat "$data/$1/events.csv.gz" | awk -F, 'NR == 1 || $1 % 6 == 0' >"$results/$1.judges"
      [ -s "$results/$1.attributes.json" ] || cp "$data/$1/attributes.json" "$results/$1.attributes.json"
      ;;
    *) echo "slates.sh: $1: no such set" >&2; return 2 ;;
  esac
}
data_of() {
  case $1 in
    ml-1m) echo "--data $results/ml-1m.fit --split per-user-ratio" ;;
    online-retail) echo "--data $results/online-retail.fit --split global-time" ;;
  esac
}
training_of() {
  case $1 in
    ml-1m) echo "$recipe --smoothing 0 --epochs ${EPOCHS:-60}" ;;
    online-retail) echo "$recipe --smoothing 0.1 --epochs ${EPOCHS:-40}" ;;
  esac
}
asking_of() {
  case $1 in
    ml-1m) echo "--attributes $results/ml-1m.genres.json" ;;
    online-retail) echo "--attributes $results/online-retail.attributes.json --baskets" ;;
  esac
}

quietly() { "$@" >"$log" 2>&1 || { echo "slates.sh: $log: $(tail -n 1 "$log")" >&2; return 1; }; }

train() { # SET SEED
  local at=$results/$1.$2 log=$results/$1.$2.log order
  # shellcheck disable=SC2046
  [ -s "$at.near-to-far" ] && [ -s "$at.raster" ] && return
  [ -s "$at.ranker" ] || quietly "$build/bin/solid_train" --defaults fixed $(data_of "$1") $(training_of "$1") --seed "$2" --device "$device" --out "$at.ranker"
  for order in raster near-to-far; do
    log=$at.$order.log
    [ -s "$at.$order" ] || quietly "$build/bin/solid_train" --defaults fixed $(data_of "$1") --slate 10 --slate-of "$at.ranker" --slate-order $order \
      --slate-epochs "${SLATE_EPOCHS:-40}" --slate-seed "$2" --device "$device" --out "$at.$order"
  done
}

ask() { # SET SEED PART lists|slates
  local at=$results/$1.$2 log=$results/$1.$2.$3.$4.txt what="--guides= --orders=" also=""
  [ ! -s "$at.$3.$4.json" ] || return 0
  case $4 in
    lists) what="--orders= --lambdas=$lambdas" ;;
    slates) what="--orders=raster,zipar:1,zipar:2,near-to-far --guides=$guides --lambdas=" also="--slate-also $at.near-to-far" ;;
  esac
  # shellcheck disable=SC2046,SC2086
  quietly "$build/bin/solid_eval" $(data_of "$1") $(asking_of "$1") --part "$3" --model "$at.raster" $also --slate 10 $what \
    --judges "$results/$1.judges" --device "$device" --threads "${THREADS:-1}" --resamples 20 --json "$at.$3.$4.part"
  mv "$at.$3.$4.part" "$at.$3.$4.json"
}

each() { # COMMAND...: of every seed, JOBS at a time
  local seed failed=0
  for seed in ${seeds//,/ }; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || failed=1; done
    "${@//SEED/$seed}" &
  done
  return $failed
}
finish() {
  local failed=0
  while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n || failed=1; done
  return $failed
}

run() {
  local set part
  mkdir -p "$results"
  for set in "$@"; do divide "$set"; done
  for set in "$@"; do each train "$set" SEED; done
  finish
  for set in "$@"; do
    for part in test valid; do
      each ask "$set" SEED $part slates
      each ask "$set" SEED $part lists
    done
  done
  finish
}

table() {
  local set levels
  for set in "$@"; do
    case $set in ml-1m) levels=0.4,0.45,0.5,0.55,0.6 ;; *) levels=0.22,0.24,0.3,0.45,0.5,0.55 ;; esac
    echo "### $set"
    echo
    "$build/bin/solid_eval" lists "$results/$set".?.test.*.json --at "${LEVELS:-$levels}" -- "$results/$set".?.valid.*.json
    echo
  done
}

# Of a set whose users are all asked, by decoders that have hardly been trained.
open_file() {
  case $1 in
    ml-latest-small) echo "$data/$1/ratings.csv" ;;
    ml-100k) echo "$data/$1/ml-100k.inter" ;;
    toys) echo "$data/amazon-toys/Toys_and_Games.txt" ;;
    scientific)
      [ -s "$results/$1.txt" ] || awk -F'\t' 'NR > 1 { print $1, $2, $3 }' "$data/scientific-multimodal/Scientific.test.inter" >"$results/$1.txt"
      echo "$results/$1.txt"
      ;;
    instruments)
      [ -s "$results/$1.txt" ] || tr -d ' \n' <"$data/instruments-multimodal/Instruments.inter.json" | sed 's/"\([0-9]*\)":/\n\1 /g' |
        tr ',[]{}' ' ' | sed '/^ *$/d' >"$results/$1.txt"
      echo "$results/$1.txt"
      ;;
    *) echo "slates.sh: $1: no such set" >&2; return 2 ;;
  esac
}
valid() {
  local set order at file args split=leave-one-out
  mkdir -p "$results"
  for set in "$@"; do
    at=$results/valid.$set log=$results/valid.$set.log
    file=$(open_file "$set")
    case $set in ml-*) split=per-user-ratio ;; *) split=leave-one-out ;; esac
    args=(--data "$file" --split $split --device "$device" --threads "${THREADS:-1}")
    [ -s "$at.ranker" ] || quietly "$build/bin/solid_train" --defaults fixed "${args[@]}" --width 16 --window 20 --codes 64 --epochs 1 --patience 0 --out "$at.ranker"
    for order in raster near-to-far; do
      [ -s "$at.$order" ] || quietly "$build/bin/solid_train" --defaults fixed "${args[@]}" --slate 10 --slate-of "$at.ranker" --slate-order $order --slate-epochs 1 \
        --slate-blocks 1 --out "$at.$order"
    done
    quietly "$build/bin/solid_eval" --model "$at.raster" --slate-also "$at.near-to-far" "${args[@]}" --slate 10 \
      --orders raster,zipar:1,zipar:2,zipar:3,zipar:adaptive:1,near-to-far --guides 1,0.7,0 --lambdas= --resamples 2
    echo "$set: $(sed -n 's/^\(lists of .*\);.*/\1/p' "$log"); $(tail -n 1 "$log")"
  done
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
  run | table) [ $# -gt 0 ] || set -- ml-1m online-retail; "$command" "$@" ;;
  valid) [ $# -gt 0 ] || set -- ml-latest-small ml-100k scientific instruments toys; valid "$@" ;;
  figure) "$here/plot_slates.sh" "${2:?figure: which file?}" "${3:-likeness}" "$results/${1:?figure: of which set?}".?.test.*.json ;;
  *) sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
