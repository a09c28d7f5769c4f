#!/usr/bin/env bash
# Long windows through the programs: sparse attention below its crossover is dense attention, another selector's checkpoint is refused,
# a user who finds no room is named, and solid_eval --lengths asks with fewer events.
#   sparse.sh SOLID_TRAIN SOLID_EVAL MAKE_DATASET
set -euo pipefail
train=$1 evaluate=$2 make_dataset=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "sparse: $*" >&2; exit 1; }

"$make_dataset" --long --users 30 --items 100 --genres 4 --longest 300 --seed 3 --out "$work/data" >/dev/null
data=(--data "$work/data/histories.txt" --format rows --threads 2)
with=(--split per-user-ratio --levels 0 --head duet --width 16 --heads 2 --blocks 2 --window 300 --positions rotary --repeats --rows 600
  --generator-window 40 --patience 0)
run() { "$train" "${data[@]}" "${with[@]}" --out "$work/$1" "${@:2}"; }

run dense --epochs 2 >"$work/dense.out"
run below --epochs 2 --attention sparse --dense-below 300 >"$work/below.out"
run sparse --epochs 2 --attention sparse --chunk 32 --always 8 --budget 16 --dense-below 0 >"$work/sparse.out"
losses() { grep -oE 'loss [0-9.]+|ndcg@10 [0-9.]+' "$work/$1.out"; }
[ "$(losses dense)" = "$(losses below)" ] || fail "below the crossover training differs: $(losses dense) | $(losses below)"
[ "$(losses dense)" != "$(losses sparse)" ] || fail "lists leave nothing out"
grep -qE '^epoch .* density 0\.[0-9]{3} ' "$work/sparse.out" || fail "no density: $(cat "$work/sparse.out")"
if grep -q density "$work/dense.out" "$work/below.out"; then fail "a density where nothing is left out"; fi

# Pieces that grow are other windows, of all the events.
run grows --epochs 2 --window-from 32 >"$work/grows.out"
[ "$(losses dense)" != "$(losses grows)" ] || fail "pieces train as windows do"
rows() { grep -oE '[0-9]+ rows per epoch' "$work/$1.out"; }
[ "$(rows dense)" = "$(rows grows)" ] || fail "pieces are $(rows grows), windows $(rows dense)"

# A checkpoint of other lists is not gone on from.
run stop --epochs 1 --attention sparse --chunk 32 --dense-below 0 --keep-checkpoint >/dev/null
if run stop --epochs 2 --attention sparse --chunk 32 --dense-below 0 --budget 16 >/dev/null 2>"$work/err"; then fail "took a checkpoint of another budget"; fi
grep -q 'select_budget=1024, this run has select_budget=16' "$work/err" || fail "what differs is not named: $(cat "$work/err")"

if run full --epochs 1 --rows 200 >/dev/null 2>"$work/err"; then fail "trained a user who has no room"; fi
grep -qE 'user "user-[0-9]+" has [0-9]+ events to train on in the window, and a step has room for 200 rows' "$work/err" || fail "$(cat "$work/err")"

ask() { "$evaluate" --model "$work/$1" "${data[@]}" --split per-user-ratio --no-mask "${@:2}"; }
some=(--least 100 --questions 4)
ask sparse --lengths 5,100,300,400 "${some[@]}" --json "$work/sparse.json" >"$work/out"
grep -qE '^sparse attention: density 0\.[0-9]{3} over the windows of [0-9]+ users' "$work/out" || fail "no density: $(cat "$work/out")"
ask below >"$work/below.eval"
grep -q '^sparse attention: density 1.000 ' "$work/below.eval" || fail "lists that leave nothing out: $(cat "$work/below.eval")"
ask dense >"$work/dense.eval"
if grep -q '^sparse attention' "$work/dense.eval"; then fail "a density of a dense model"; fi
rows=$(grep -cE '^(5|100|300|400) +0\.[0-9]{4} \[' "$work/out") || true
[ "$rows" = 4 ] || fail "$rows lengths, not 4: $(cat "$work/out")"
figure() { grep -E "^$1 +0" "$work/out" | cut -c12-; }
[ "$(figure 300)" = "$(figure 400)" ] || fail "events beyond the window count"
[ "$(figure 5)" != "$(figure 300)" ] || fail "five events are as good as all"
[ "$(tr -d ' \n' <"$work/sparse.json" | grep -o '"of_users":\[' | wc -l)" = 4 ] || fail "users in the result file"
for list in 0 1,x , ''; do
  if ask dense --lengths "$list" "${some[@]}" >/dev/null 2>"$work/err"; then fail "took --lengths '$list'"; fi
done
if ask dense --lengths 5 --least 100000 >/dev/null 2>"$work/err"; then fail "asked nobody"; fi
grep -q 'no user has 100000 events' "$work/err" || fail "$(cat "$work/err")"
echo "sparse: $(grep '^ndcg@10 of' "$work/out")"
