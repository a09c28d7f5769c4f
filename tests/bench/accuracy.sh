#!/usr/bin/env bash
# Trains and evaluates a list of runs, several at a time, and prints what they reach: mean over seeds, validation beside
# test. A run that has its figures already is not made again, one that was cut off goes on from its checkpoint.
#
#   accuracy.sh run LIST    LIST: a file, or - for standard input, of lines `name data seeds option...`; # comments.
#                           data: beauty, toys, ml-1m, ml-1m-genres, ml-100k; seeds: 0,1,2; options of solid_train
#                           over the recipe, and eval:x=y of solid_eval.
#                           A word of:NAME trains nothing but asks the model of that run again, on the test part.
#                           A line `wait` waits for the runs before it, whose models those after it may ask.
#   accuracy.sh table       what the folder of results has
#   accuracy.sh list NAME [DATA...]   prints a list: reference, parts, stale; of beauty
#   accuracy.sh parts [DATA...]       runs the lists parts and stale, prints what each part is worth and what old
#                           parameters cost, as tables for the lab book
#   accuracy.sh parts-table [DATA...] those tables again, of what the folder has
#   accuracy.sh genres                makes ml-1m.genres.json, the attributes of ml-1m-genres
#
# Environment: BUILD (build/dev) programs; SOLID_DATA (../shared/data); RESULTS (build/accuracy); DEVICE (cpu); JOBS (1);
# THREADS (0 = all) of a run; LIMIT (0 = none) seconds of training of a run; DEADLINE (0 = none) in seconds as of
# `date +%s`: training ends 12 seconds before it, and nothing starts in the last 30.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD:-$root/build/dev} data=${SOLID_DATA:-$root/../shared/data} results=${RESULTS:-$root/build/accuracy}
device=${DEVICE:-cpu} jobs=${JOBS:-1} threads=${THREADS:-0} limit=${LIMIT:-0} deadline=${DEADLINE:-0}

# Genres and decade of every item of ml-1m.txt, from the original movies.dat.
genres() {
  [ ! -s "$results/ml-1m.genres.json" ] || return 0
  local part
  part=$(mktemp "$results/genres.XXXXXX")
  awk -F'::' 'BEGIN { printf "{" }
    NR == FNR { split($0, pair, " "); item[pair[2]] = pair[1]; next }
    $1 in item {
      decade = substr($2, length($2) - 4, 3)
      gsub(/\|/, "\", \"", $3); sub(/\r$/, "", $3)
      printf "%s\"%s\": [\"%s0s\", \"%s\"]", n++ ? ", " : "", item[$1], decade, $3
    }
    END { print "}" }' "$data/ml-1m/sas_to_original_items.txt" "$data/ml-1m/movies.dat" >"$part"
  mv "$part" "$results/ml-1m.genres.json"
}

# Files of a data set, and its recipe where that is not the fixed defaults (--defaults fixed).
files_of() {
  case $1 in
    beauty) echo "--data $data/amazon-beauty/Beauty.txt --attributes $data/amazon-beauty/Beauty_item2attributes.json" ;;
    toys) echo "--data $data/amazon-toys/Toys_and_Games.txt --attributes $data/amazon-toys/Toys_and_Games_item2attributes.json" ;;
    ml-1m) echo "--data $data/ml-1m/ml-1m.txt" ;;
    ml-1m-genres) genres; echo "--data $data/ml-1m/ml-1m.txt --attributes $results/ml-1m.genres.json" ;;
    ml-100k) echo "--data $data/ml-100k/ml-100k.inter --attributes $data/ml-100k/ml-100k.item" ;;
    *) echo "accuracy.sh: $1: no such data set" >&2; return 2 ;;
  esac
}
recipe_of() {
  case $1 in
    ml-1m | ml-1m-genres) echo "--window 200 --batch 128 --blocks 2 --heads 2 --dropout 0.2 --dropout-z 0.3 --dropout-y 0.3 --smoothing 0 --epochs 150" ;;
    ml-100k) echo "--window 200 --batch 32 --blocks 2 --heads 2 --dropout 0.3 --dropout-z 0.3 --dropout-y 0.3 --smoothing 0" ;;
  esac
}

# one NAME DATA SEED OPTIONS...: the figures of one run, results/NAME.DATA.SEED.{test,valid}.json. A word `eval:x=y`
# among the options is an option --x y of solid_eval. LAST of `--option value` counts.
one() {
  local name=$1 set=$2 seed=$3 at=$results/$1.$2.$3 model=$results/$1.$2.$3.safetensors splits='valid test' option files recipe
  shift 3
  [ ! -s "$at.test.json" ] || return 0
  local left=$limit
  if [ "$deadline" != 0 ]; then
    left=$((deadline - $(date +%s) - 12))
    [ $left -ge 18 ] || { echo "$name.$set.$seed: no time left"; return 0; }
  fi
  files=$(files_of "$set") recipe=$(recipe_of "$set")
  local -A chosen=()
  local -a words=($recipe "$@") flags=() asked=()
  while [ ${#words[@]} -gt 0 ]; do
    option=${words[0]}
    case $option in
      of:*) model=$results/${option#of:}.$set.$seed.safetensors splits=test; words=("${words[@]:1}") ;;
      eval:*) asked+=("--${option#eval:}"); words=("${words[@]:1}") ;;
      --refit) flags+=("$option"); asked+=(--allow-other-split); words=("${words[@]:1}") ;; # the table takes validation from the log
      --fresh) flags+=("$option"); words=("${words[@]:1}") ;;
      *) chosen[$option]=${words[1]}; words=("${words[@]:2}") ;;
    esac
  done
  for option in "${!chosen[@]}"; do flags+=("$option" "${chosen[$option]}"); done
  echo "$set seed $seed $recipe $*" >"$at.options"
  [ "$splits" = test ] || "$build/bin/solid_train" --defaults fixed $files "${flags[@]}" --seed "$seed" --out "$model" --device "$device" \
    --threads "$threads" --limit "$left" >>"$at.log" 2>&1 || { echo "$name.$set.$seed: $(tail -n 1 "$at.log")"; return 1; }
  local split
  for split in $splits; do
    "$build/bin/solid_eval" --model "$model" --data "$(set -- $files; echo "$2")" --part $split \
      --device "$device" --threads "$threads" --json "$at.$split.part" "${asked[@]}" >"$at.$split.txt" 2>>"$at.log" ||
      { echo "$name.$set.$seed: $(tail -n 1 "$at.log")"; return 1; }
  done
  for split in $splits; do mv "$at.$split.part" "$at.$split.json"; done
  echo "$name.$set.$seed done after $(($(date +%s) - started)) s: $(grep -h 'best epoch' "$at.log" | tail -n 1 | sed 's/.*: best/best/')"
}

run_list() {
  local name set seeds options seed failed=0
  mkdir -p "$results"
  started=$(date +%s)
  while read -r name set seeds options; do
    case $name in
      '' | \#*) continue ;;
      wait) while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n || failed=1; done; continue ;;
    esac
    for seed in ${seeds//,/ }; do
      while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || failed=1; done
      one "$name" "$set" "$seed" $options &
    done
  done
  while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n || failed=1; done
  return $failed
}

# What every row of a comparison of parts is trained with.
schedule_of() {
  case $1 in
    ml-1m*) echo "--rate-end 0.05 --epochs 60 --average 0.999 --check 5 --patience 0 --cuts 0.5" ;;
    *) echo "--rate-end 0.05 --epochs 45 --average 0.999 --check 5 --patience 0 --slots 0" ;;
  esac
}

# Heads at full width and at rank 16, with embeddings for attributes (the others know them by the codes alone), codes learned while
# training, parameters cached in fewer bytes.
learning='--learn-codes 1 --learn-share 0.5'
list_parts() {
  local data=$1 schedule head
  schedule=$(schedule_of "$data")
  for head in solid static duet semantic; do echo "$head $data 0,1,2 $schedule --head $head"; done
  for head in solid duet semantic; do echo "$head-r16 $data 0,1,2 $schedule --head $head --rank 16"; done
  for head in solid static duet semantic; do
    [ "$data" = ml-1m ] || echo "$head-attributes $data 0,1,2 $schedule --head $head --slots 16" # it has none
  done
  for head in solid static duet semantic; do echo "$head-learned $data 0,1,2 $schedule --head $head $learning"; done
  echo "solid-r16-learned $data 0,1,2 $schedule --head solid --rank 16 $learning"
  echo wait
  for head in solid solid-r16; do
    for cache in f16 i8; do echo "$head-$cache $data 0,1,2 of:$head eval:cache=$cache"; done
  done
}

list() {
  local name=$1 data
  shift
  [ $# -gt 0 ] || set -- beauty
  case $name in
    reference) for data in beauty toys ml-1m; do echo "solid $data 0,1,2"; done ;;
    parts) for data in "$@"; do list_parts "$data"; done ;;
    stale)
      for data in "$@"; do
        echo "solid $data 0,1,2 $(schedule_of "$data")"
        echo wait
        echo "solid-stale $data 0,1,2 of:solid eval:stale=0,1,2,5,10,20"
      done ;;
    *) echo "accuracy.sh: $name: no such list" >&2; return 2 ;;
  esac
}

case ${1:-} in
  run)
    if [ "$2" = - ]; then run_list; else run_list <"$2"; fi ;;
  list) list "${@:2}" ;;
  table) python3 "$here/accuracy_table.py" "$results" ;;
  parts) { list parts "${@:2}"; list stale "${@:2}"; } | run_list
    python3 "$here/accuracy_parts.py" "$results" "$build/bin/solid_eval" "${@:2}" ;;
  genres) mkdir -p "$results"; genres ;;
  parts-table) python3 "$here/accuracy_parts.py" "$results" "$build/bin/solid_eval" "${@:2}" ;;
  *) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
