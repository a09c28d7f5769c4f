#!/usr/bin/env bash
# Training on the GPU beside training on the CPU: the same seed gives the same model to the byte, the losses are the CPU's within 0.05 %
# at every epoch (the masks of dropout are the same, only rounding differs), the models' NDCG@10 differs by no more than luck, and a model of either serves on both with the same answers.
#
#   gpu_train.sh SOLID_TRAIN MAKE_DATASET SOLID_EVAL TOP_AGREEMENT [EVENTS [ATTRIBUTES [solid_train's options]]]
#
# Luck: rounding alone leads two trainings apart, about as far as another seed does, so a fixed bound on the difference would be one
# on the number of users. Instead each user's difference is one observation, three seeds a side averaged, and the mean may be twice
# as far from zero as its 95 % interval is wide on one side (4 standard errors, chance 1 in 10,000); that half-width may be 0.01 at most,
# or the test would say nothing.
#
# Without EVENTS on a generated set; with them one seed a side, for the users are many. Exit code 77 (skipped) without a GPU, unless SOLID_REQUIRE names cuda.
set -euo pipefail
train=$1 make_dataset=$2 eval=$3 agreement=$4
shift 4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "gpu_train: $*" >&2; exit 1; }

if [ $# -gt 0 ]; then
  data=(--data "$1" ${2:+--attributes "$2"} "${@:3}")
  events=$1 seeds=11
else
  seeds="11 12 13"
  "$make_dataset" --users 2000 --items 300 --seed 5 --out "$work/data" >/dev/null
  data=(--data "$work/data/events.jsonl" --attributes "$work/data/items.json" --width 32 --codes 16 --batch 64 --epochs 6)
  events=$work/data/events.jsonl
fi
data+=(--patience 0 --threads 0)

# run NAME OPTIONS...: with the first seed unless the options name another
run() {
  local name=$1
  shift
  "$train" --defaults fixed "${data[@]}" --seed 11 "$@" --fresh --log "$work/$name.log" --out "$work/$name" >"$work/$name.out" 2>&1 || return 1
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
for seed in $seeds; do
  for device in cpu cuda; do
    [ "$seed" = 11 ] && cp "$work/$device" "$work/$device.$seed" || run "$device.$seed" --device $device --seed "$seed"
    "$eval" --model "$work/$device.$seed" --data "$events" --threads 0 --json "$work/$device.$seed.json" >/dev/null
  done
done

column() { sed -n "s/.*\"$2\": *\([-0-9.eE]*\).*/\1/p" "$work/$1.log"; }
printf '%-6s' epoch; for name in cpu strict cuda; do printf ' %10s %10s' "$name loss" NDCG@10; done; echo
paste <(column cpu loss) <(column cpu ndcg@10) <(column strict loss) <(column strict ndcg@10) <(column cuda loss) <(column cuda ndcg@10) |
  awk '{ printf "%-6d", NR; for (i = 1; i <= 6; i++) printf " %10.5f", $i; print ""
         for (i = 3; i <= 5; i += 2) { r = ($i - $1) / $1; if (r < 0) r = -r; if (r > worst) worst = r }
         for (i = 4; i <= 6; i += 2) { g = $i - $2; if (g < 0) g = -g; if (g > gap) gap = g } }
       END { printf "loss differs by %.4f %% at most, NDCG@10 by %.5f\n", 100 * worst, gap
             if (NR == 0 || worst > 0.0005) exit 1 }' || fail "the losses do not agree"
# shellcheck disable=SC2086
"$eval" compare $(for seed in $seeds; do echo "$work/cuda.$seed.json"; done) -- $(for seed in $seeds; do echo "$work/cpu.$seed.json"; done) \
  --json "$work/compare.json" >/dev/null
entry=$(tr -d '\n ' <"$work/compare.json" | grep -oE '"ndcg@10":\{[^}]*' | tr '[],' '   ')
value() { grep -oE "\"$1\": *[-0-9.e ]+" <<<"$entry" | cut -d: -f2; }
read -r low high <<<"$(value ci95)"
awk -v d="$(value difference)" -v low="$low" -v high="$high" -v a="$(value a)" -v b="$(value b)" \
  'BEGIN { half = (high - low) / 2; off = d < 0 ? -d : d
           printf "NDCG@10 of the models: %.5f on cuda, %.5f on the CPU, paired over users %+.5f [%+.5f, %+.5f]\n", a, b, d, low, high
           exit !(off <= 2 * half && half <= 0.01 && a > 0) }' || fail "the models differ by more than luck"

for name in cpu cuda; do
  echo "trained on $name, served on both:"
  "$agreement" "$work/$name" "$events" cpu cuda 0.999 || fail "$name's model answers differently on the two devices"
done
