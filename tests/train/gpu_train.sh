#!/usr/bin/env bash
# Training on the GPU beside training on the CPU: the same seed gives the same model to the byte, the curves are the CPU's within
# noise, and a model of either serves on both with the same answers.
#
#   gpu_train.sh SOLID_TRAIN MAKE_DATASET TOP_AGREEMENT [EVENTS [ATTRIBUTES [solid_train's options]]]
#
# Without EVENTS on a generated set. Exit code 77 (skipped) without a GPU, unless SOLID_REQUIRE names cuda.
set -euo pipefail
train=$1 make_dataset=$2 agreement=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "gpu_train: $*" >&2; exit 1; }

if [ $# -gt 0 ]; then
  data=(--data "$1" ${2:+--attributes "$2"} "${@:3}")
  events=$1
else
  "$make_dataset" --users 600 --items 300 --seed 5 --out "$work/data" >/dev/null
  data=(--data "$work/data/events.jsonl" --attributes "$work/data/items.json" --width 32 --codes 16 --batch 64 --epochs 6)
  events=$work/data/events.jsonl
fi
data+=(--patience 0 --seed 11 --threads 0)

# run NAME OPTIONS...
run() {
  local name=$1
  shift
  "$train" "${data[@]}" "$@" --fresh --log "$work/$name.log" --out "$work/$name" >"$work/$name.out" 2>&1 || return 1
}
if ! run cuda --device cuda; then
  cat "$work/cuda.out" >&2
  grep -q 'cuda' "$work/cuda.out" && [[ ${SOLID_REQUIRE:-} != *cuda* ]] && exit 77
  fail "did not train on cuda"
fi
run again --device cuda
cmp "$work/cuda" "$work/again" || fail "the same seed gave another model on the same card"
run strict --device cuda --precision fp32
run cpu --device cpu

column() { sed -n "s/.*\"$2\": *\([-0-9.eE]*\).*/\1/p" "$work/$1.log"; }
printf '%-6s' epoch; for name in cpu strict cuda; do printf ' %10s %10s' "$name loss" NDCG@10; done; echo
paste <(column cpu loss) <(column cpu ndcg@10) <(column strict loss) <(column strict ndcg@10) <(column cuda loss) <(column cuda ndcg@10) |
  awk '{ printf "%-6d", NR; for (i = 1; i <= 6; i++) printf " %10.5f", $i; print ""
         for (i = 3; i <= 5; i += 2) { r = ($i - $1) / $1; if (r < 0) r = -r; if (r > worst) worst = r }
         for (i = 4; i <= 6; i += 2) { g = $i - $2; if (g < 0) g = -g; if (g > gap) gap = g } }
       END { printf "loss differs by %.4f %% at most, NDCG@10 by %.5f\n", 100 * worst, gap
             if (NR == 0 || worst > 0.01 || gap > 0.01) exit 1 }' || fail "the curves do not agree"

for name in cpu cuda; do
  echo "trained on $name, served on both:"
  "$agreement" "$work/$name" "$events" cpu cuda 0.999 || fail "$name's model answers differently on the two devices"
done
