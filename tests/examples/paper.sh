#!/usr/bin/env bash
# solid_paper and solid_eval --protocol paper from outside.   paper.sh SOLID_PAPER SOLID_EVAL SOLID_TRAIN
set -uo pipefail
paper=$1 evaluate=$2 train=$3 bad=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# expect NAME EXIT_CODE PATTERN COMMAND...: output (both streams) matches PATTERN
expect() {
  local name=$1 code=$2 pattern=$3 output got
  shift 3
  output=$("$@" 2>&1)
  got=$?
  if [ "$got" != "$code" ] || ! grep -qE -- "$pattern" <<<"$output"; then
    printf 'paper: %s: exit %s (want %s), output:\n%s\n' "$name" "$got" "$code" "$output"
    bad=1
  fi
}
awk 'BEGIN {
  srand(7)
  for (u = 0; u < 60; u++) {
    at = int(rand() * 150)
    line = "u" u
    for (i = 0; i < 14; i++) { line = line " i" at; at = (at + 1 + int(rand() * 3)) % 150 }
    print line
  }
}' >"$folder/data.txt"
printf 'u1 a b c\nu2 a c b\n' >"$folder/small.txt"
same=(--data "$folder/data.txt" --format rows --epochs 2 --clusters 8 --semantic-rows 10 --width 8 --heads-of-attention 2)

expect table 0 '^\| din \| fixed \| solid \| 2 \|' "$paper" "${same[@]}" --backbones sasrec,gru4rec,din --seeds 0,1 --jobs 2
expect differences 0 '^\| sasrec \| fixed \| solid - duet \| 2 \| [+-]' "$paper" "${same[@]}" --backbones sasrec --seeds 0,1 --forms fixed
for head in base duet solid; do
  for form in faithful fixed; do
    one=(--backbones sasrec --heads $head --forms $form --seeds 3)
    expect "train $head $form" 0 "epoch  2 .*auc" "$paper" "${same[@]}" "${one[@]}" --out "$folder/$head.$form"
    want=$("$paper" "${same[@]}" "${one[@]}" | sed -n 's/.*epoch  2 .* auc \([0-9.]*\) .*/\1/p')
    expect "evaluates as it was trained: $head $form" 0 "ties fair +auc $want" "$evaluate" --protocol paper \
      --model "$folder/$head.$form" --data "$folder/data.txt" --format rows --json "$folder/out.json"
  done
done
grep -q '"metrics_file_order"' "$folder/out.json" || { echo "paper: the JSON lacks its figures"; bad=1; }
for key in version data_hash split seed device threads model options; do
  grep -q "^    \"$key\":" "$folder/out.json" || { echo "paper: the manifest lacks $key"; bad=1; }
done
# One training is the same with any number of jobs and threads.
"$paper" "${same[@]}" --seeds 0,1 --jobs 1 --threads 2 | grep epoch | sed 's/ [0-9.]* s$//' | sort >"$folder/one"
"$paper" "${same[@]}" --seeds 0,1 --jobs 3 --threads 1 | grep epoch | sed 's/ [0-9.]* s$//' | sort >"$folder/three"
cmp -s "$folder/one" "$folder/three" || { echo "paper: jobs and threads change the figures"; diff "$folder/one" "$folder/three"; bad=1; }

# Semantics from elsewhere: one category an item, and clusters of given vectors; both say other things than a duet's items.
awk '{ for (i = 2; i <= NF; i++) print $i }' "$folder/data.txt" | sort -u >"$folder/ids.txt"
awk '{ printf "%s\"%s\": [\"c%d\"]", NR == 1 ? "{" : ", ", $1, substr($1, 2) / 15 } END { print "}" }' "$folder/ids.txt" >"$folder/kinds.json"
while read -r id; do
  for ((j = 0; j < 8; j++)); do [ $j = $((${id#i} % 8)) ] && printf '\0\0\200\77' || printf '\0\0\0\0'; done
done <"$folder/ids.txt" >"$folder/vectors.f32"
one=(--backbones sasrec --heads solid --forms fixed --seeds 3)
expect given 0 "epoch  2 .*auc" "$paper" "${same[@]}" "${one[@]}" --semantics attributes --attributes "$folder/kinds.json" --out "$folder/given"
expect vectors 0 "epoch  2 .*auc" "$paper" "${same[@]}" "${one[@]}" --semantics vectors --vectors "$folder/vectors.f32" --vector-width 8 \
  --vector-ids "$folder/ids.txt" --out "$folder/vectors"
expect "given, evaluated" 0 "ties fair +auc" "$evaluate" --protocol paper --model "$folder/given" --data "$folder/data.txt" --format rows
for other in vectors solid.fixed; do ! cmp -s "$folder/given" "$folder/$other" || { echo "paper: semantics of attributes are those of $other"; bad=1; }; done
sed -i '1s/\[/["c99", /' "$folder/kinds.json"
expect "two categories" 2 'has 2 of them, not 1' "$paper" "${same[@]}" "${one[@]}" --semantics attributes --attributes "$folder/kinds.json"
expect "no vectors" 2 'semantics from vectors: the data has none' "$paper" "${same[@]}" "${one[@]}" --semantics vectors

expect list 2 'no sasrek' "$paper" --data "$folder/data.txt" --backbones sasrek
expect seeds 2 'seeds: "x' "$paper" --data "$folder/data.txt" --seeds 1,x
expect out 2 'one backbone, head, form and seed' "$paper" --data "$folder/data.txt" --out "$folder/x"
expect width 2 'no multiple of' "$paper" --data "$folder/data.txt" --format rows --width 9 --epochs 1
expect few 1 'user "u1" met 3 of 3 items: fewer than 99' "$paper" --data "$folder/small.txt" --format rows
expect other-data 5 'items, .* was trained on' "$evaluate" --protocol paper --model "$folder/duet.fixed" --data "$folder/small.txt" --format rows
sed 's/^u0 i[0-9]*/u0 i5/' "$folder/data.txt" >"$folder/changed.txt"
expect changed 5 'allow-other-data' "$evaluate" --protocol paper --model "$folder/duet.fixed" --data "$folder/changed.txt" --format rows
expect no-model 2 'model is missing' "$evaluate" --protocol paper --data "$folder/data.txt"
for option in '--split global-time' '--part valid' '--stale 1' '--no-mask' '--cache i8' '--slate 3' '--k 7'; do
  expect "not with $option" 2 'has no effect with --protocol paper' "$evaluate" --protocol paper --model "$folder/duet.fixed" --data "$folder/data.txt" --format rows $option
done
expect "a model nobody could write, said before the work" 1 "nowhere/x.*: No such file" "$paper" "${same[@]}" --heads base --forms fixed --backbones sasrec --seeds 1 --out "$folder/nowhere/x"
expect no-folder 1 "nowhere/out.json: cannot be written: No such file" "$evaluate" --protocol paper --model "$folder/duet.fixed" --data "$folder/data.txt" --format rows --json "$folder/nowhere/out.json"
expect not-paper 3 'format|safetensors' "$evaluate" --protocol paper --model "$folder/data.txt" --data "$folder/data.txt"
"$train" --data "$folder/data.txt" --format rows --out "$folder/own" --epochs 1 --width 8 --codes 8 --content 4 >/dev/null 2>&1
expect other-format 3 'solid_paper makes such files' "$evaluate" --protocol paper --model "$folder/own" --data "$folder/data.txt" --format rows
expect for-ranking 3 'solid-paper|format' "$evaluate" --model "$folder/duet.fixed" --data "$folder/data.txt" --format rows
exit "$bad"
