#!/usr/bin/env bash
# Trains and evaluates on public data sets and makes tables and plots of the result files.
#
#   examples/reproduce.sh [OPTION]... SET...      SET: beauty toys ml-1m ml-100k scientific | cold cold-beauty cold-scientific | generated
#
#     --seeds N         seeds 1 .. N (default 3)
#     --device NAME     cpu (default), cuda or cuda:N
#     --jobs N          runs at once (default 1)
#     --threads N       CPU threads of a run (default 0: all)
#     --epochs N        at most; for a quick look
#     --build DIR       programs are in DIR/bin (default build/release)
#     --out DIR         result files, tables and plots (default build/reproduce); a run whose result is there is not repeated
#     --write FILE      replace the tables between the markers of FILE, e.g. tests/bench/ACCURACY.md
#     --figures DIR     copy the plots into DIR, e.g. examples/figures
#
# Data: the folder named by SOLID_DATA (default ../shared/data beside this repository), one folder a set; nothing is downloaded.
#
#   set         files                                                               where they come from
#   beauty      amazon-beauty/Beauty.txt, Beauty_item2attributes.json               github.com/RUCAIBox/CIKM2020-S3Rec, data/
#   toys        amazon-toys/Toys_and_Games.txt, Toys_and_Games_item2attributes.json the same
#   ml-1m       ml-1m/ml-1m.txt                                                     github.com/kang205/SASRec, data/ml-1m.txt
#   ml-100k     ml-100k/ml-100k.inter, ml-100k.item                                 recbole.io, dataset ml-100k (atomic files)
#   scientific  scientific-multimodal/Scientific.test.inter, .feat1CLS, .feat3CLS   github.com/RUCAIBox/MISSRec, dataset Scientific
#   cold        beauty and scientific (text, image) with 10 % of the items hidden from training; cold-beauty and cold-scientific are the parts
#   generated   made on the spot (make_dataset): shows that the script works, and nothing about the model
#
# solid_train and solid_eval are built with: cmake --preset release && cmake --build --preset release
# Tables need jq and plots gnuplot. Without them the tables or plots are skipped with a message.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
seeds=3 device=cpu jobs=1 threads=0 epochs="" build=$root/build/release out=$root/build/reproduce page="" figures="" sets=()
data=${SOLID_DATA:-$root/../shared/data}

die() { echo "reproduce: $*" >&2; exit "${code:-1}"; }
usage() { code=2 die "$* (see --help)"; }
number() { [[ $2 =~ ^[0-9]+$ ]] && [ "$2" -ge "$3" ] || usage "$1 $2: want a number from $3 on"; }

while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,/^set -e/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    --*)
      [ $# -ge 2 ] || usage "$1 needs a value"
      case $1 in
        --seeds) seeds=$2; number "$1" "$2" 1 ;;
        --jobs) jobs=$2; number "$1" "$2" 1 ;;
        --threads) threads=$2; number "$1" "$2" 0 ;;
        --epochs) epochs=$2; number "$1" "$2" 1 ;;
        --device) device=$2 ;;
        --build) build=$2 ;;
        --out) out=$2 ;;
        --write) page=$2 ;;
        --figures) figures=$2 ;;
        *) usage "unknown option $1" ;;
      esac
      shift 2 ;;
    beauty | toys | ml-1m | ml-100k | scientific | cold | cold-beauty | cold-scientific | generated) sets+=("$1"); shift ;;
    *) usage "$1: no such set" ;;
  esac
done
[ ${#sets[@]} -gt 0 ] || usage "no set is named"
[ -z "$page" ] || [ -w "$page" ] || die "$page: cannot be written"
for program in solid_train solid_eval; do
  [ -x "$build/bin/$program" ] ||
    die "$build/bin/$program is not there; cmake --preset release && cmake --build --preset release, or name a build with --build"
done
mkdir -p "$out"

# ---- Recipes ----

# Files of a set, as options of solid_train; options that are not its fixed defaults.
files_of() {
  case $1 in
    beauty) echo --data "$data/amazon-beauty/Beauty.txt" --attributes "$data/amazon-beauty/Beauty_item2attributes.json" ;;
    toys) echo --data "$data/amazon-toys/Toys_and_Games.txt" --attributes "$data/amazon-toys/Toys_and_Games_item2attributes.json" ;;
    ml-1m) echo --data "$data/ml-1m/ml-1m.txt" ;;
    ml-100k) echo --data "$data/ml-100k/ml-100k.inter" --attributes "$data/ml-100k/ml-100k.item" ;;
    scientific | scientific-text)
      echo --data "$data/scientific-multimodal/Scientific.test.inter" --vectors "$data/scientific-multimodal/Scientific.feat1CLS" --vector-width 512 ;;
    scientific-image)
      echo --data "$data/scientific-multimodal/Scientific.test.inter" --vectors "$data/scientific-multimodal/Scientific.feat3CLS" --vector-width 512 ;;
    generated) echo --data "$out/generated/events.jsonl" --attributes "$out/generated/items.json" ;;
  esac
}
# Options were chosen by validation NDCG@10; tests/bench/ACCURACY.md has the alternatives.
recipe_of() {
  local schedule="--rate-end 0.05 --average 0.999 --patience 0"
  case $1 in
    beauty | toys) echo "$schedule" --epochs 42 --check 3 --batch 128 --codes 512 --swap 0.05 ;;
    ml-1m)
      echo "$schedule" --epochs 240 --check 5 --window 200 --batch 128 --blocks 2 --heads 2 --dropout 0.2 --dropout-z 0.3 --dropout-y 0.3 \
        --smoothing 0 --cuts 0.5 ;;
    ml-100k) echo --window 200 --batch 32 --blocks 2 --heads 2 --dropout 0.3 --dropout-z 0.3 --dropout-y 0.3 --smoothing 0 ;;
    scientific*) echo --codes 64 ;;
    generated) echo --width 16 --codes 16 --epochs 8 ;;
  esac
}

check_files() {
  local words file
  read -ra words <<<"$(files_of "$1")"
  for ((i = 0; i < ${#words[@]}; i += 2)); do
    file=${words[i + 1]}
    [ "${words[i]}" = --vector-width ] || [ -r "$file" ] ||
      die "$1: $file is not there; SOLID_DATA names the folder of the data sets (--help says where they come from)"
  done
}

# ---- Runs: $out/SET.MODEL.SEED.json is the result, .jsonl its training curve, .log what was said ----

# train_one SET MODEL SEED OPTION...: leaves SET.MODEL.SEED.safetensors
train_one() {
  local set=$1 at=$out/$1.$2.$3 seed=$3 words
  shift 3
  read -ra words <<<"$(files_of "$set") $(recipe_of "$set")"
  "$build/bin/solid_train" --defaults fixed "${words[@]}" "$@" ${epochs:+--epochs "$epochs"} --seed "$seed" --out "$at.safetensors" \
    --log "$at.jsonl" --device "$device" --threads "$threads" --keep-checkpoint >>"$at.log" 2>&1 || { tail -n 1 "$at.log" >&2; return 1; }
}

# eval_one SET MODEL SEED MODEL_FILE OPTION...
eval_one() {
  local set=$1 at=$out/$1.$2.$3 model=$4 words
  shift 4
  read -ra words <<<"$(files_of "$set")"
  "$build/bin/solid_eval" --model "$model" "${words[@]:0:2}" "$@" --device "$device" --threads "$threads" --json "$at.part" \
    >"$at.txt" 2>>"$at.log" || { tail -n 1 "$at.log" >&2; return 1; }
  mv "$at.part" "$at.json"
}

plain() { # SET HEAD SEED
  local at=$out/$1.$2.$3 asked=()
  [ ! -s "$at.json" ] || return 0
  case $1.$2 in beauty.solid | generated.solid) asked=(--stale 0,1,2,5,10,20) ;; esac
  train_one "$1" "$2" "$3" --head "$2" && eval_one "$1" "$2" "$3" "$at.safetensors" "${asked[@]}" && rm -f "$at.safetensors.checkpoint"
}

# What the generated layers are worth: the seeds of a side are averaged for each user, the difference is paired.
compare_heads() { # SET
  local files=("$out/$1".{solid,static}.[0-9]*.json)
  [ -s "${files[0]}" ] && [ -s "${files[-1]}" ] || return 0
  "$build/bin/solid_eval" compare "$out/$1".solid.[0-9]*.json -- "$out/$1".static.[0-9]*.json --json "$out/compare-$1.json" >"$out/compare-$1.txt"
}

# The same items are hidden in all models of a seed. `all` is trained on them: what they could have reached.
cold_all() { # SET SEED
  local at=$out/$1.cold-all.$2
  [ ! -s "$at.json" ] || return 0
  train_one "$1" cold-all "$2" && eval_one "$1" cold-all "$2" "$at.safetensors" --hide 0.1 --hide-seed "$2" &&
    rm -f "$at.safetensors.checkpoint"
}
# Codes of content and of another item over the same weights: the second run finds the checkpoint of a finished training.
cold_hidden() { # SET SEED MODEL OPTION...
  local set=$1 seed=$2 model=$3 at=$out/$1.$3.$2 options
  shift 3
  [ ! -s "$out/$set.$model-random.$seed.json" ] || return 0
  options=(--hide 0.1 --hide-seed "$seed" "$@")
  train_one "$set" "$model" "$seed" "${options[@]}" && eval_one "$set" "$model" "$seed" "$at.safetensors" &&
    cp "$at.safetensors" "$at.content.safetensors" && train_one "$set" "$model" "$seed" "${options[@]}" --hidden-codes random &&
    eval_one "$set" "$model-random" "$seed" "$at.safetensors" && mv "$at.content.safetensors" "$at.safetensors" &&
    rm -f "$at.safetensors.checkpoint"
}

failed=0
start() { # runs a function in the background, at most $jobs at once
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || failed=1; done
  { "$@" && echo "done after $SECONDS s: $*"; } &
}

# What a SET trains on: itself but for cold start.
trained_on() {
  case $1 in
    cold) echo beauty scientific-text scientific-image ;;
    cold-beauty) echo beauty ;;
    cold-scientific) echo scientific-text scientific-image ;;
    *) echo "$1" ;;
  esac
}
for set in "${sets[@]}"; do
  case $set in
    generated)
      [ -s "$out/generated/events.jsonl" ] || "$build/bin/make_dataset" --users 300 --items 150 --seed 1 --out "$out/generated" >/dev/null ||
        die "make_dataset cannot write $out/generated" ;;
  esac
  for each in $(trained_on "$set"); do check_files "$each"; done
done
for set in "${sets[@]}"; do
  for ((seed = 1; seed <= seeds; seed++)); do
    for each in $(trained_on "$set"); do
      case $set in cold*) ;; *) for head in static solid; do start plain "$each" "$head" "$seed"; done ;; esac
      case $set in cold* | generated)
        start cold_all "$each" "$seed"
        start cold_hidden "$each" "$seed" cold
        start cold_hidden "$each" "$seed" cold-dropout --item-dropout 0.5 ;;
      esac
    done
  done
done
while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n || failed=1; done
for set in "${sets[@]}"; do
  [[ $set = cold* ]] || compare_heads "$set" || failed=1
done

"$root/examples/report.sh" "$out" ${page:+"$page"} ${figures:+"$figures"} || failed=1
exit $failed
