#!/usr/bin/env bash
# Base, DUET and SOLID of the paper (examples/paper) where semantics come from content: Scientific with clusters of text or image
# vectors, Instruments with the first of the given text codes. Beside them SOLID on clusters of a duet's items, as on MovieLens.
#
#   paper.sh run SET...    scientific-items scientific-text scientific-image instruments-items instruments-codes; a seed that is done is not repeated
#   paper.sh table         means over seeds after the last epoch, and what SOLID is above DUET, paired by seed
#
# Environment: BUILD (build/release); SOLID_DATA (../shared/data); RESULTS (build/paper); SEEDS ("0 1 2"); DEVICE (cpu); THREADS (1).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${BUILD:-$root/build/release}/bin data=${SOLID_DATA:-$root/../shared/data} results=${RESULTS:-$root/build/paper}

# The first code of every item alone: its category.
first_codes() {
  [ -s "$results/codes.json" ] || jq -c 'map_values(.[:1])' "$data/instruments-multimodal/Instruments.index_lemb.json" >"$results/codes.json"
}
options_of() {
  local scientific="--data $data/scientific-multimodal/Scientific.test.inter" instruments="--data $data/instruments-multimodal/Instruments.inter.json --format histories"
  case $1 in
    scientific-items) echo "$scientific" ;;
    scientific-text) echo "$scientific --semantics vectors --vectors $data/scientific-multimodal/Scientific.feat1CLS --vector-width 512" ;;
    scientific-image) echo "$scientific --semantics vectors --vectors $data/scientific-multimodal/Scientific.feat3CLS --vector-width 512" ;;
    instruments-items) echo "$instruments" ;;
    instruments-codes) echo "$instruments --semantics attributes --attributes $results/codes.json" ;;
    *) echo "paper.sh: $1: no such set" >&2; return 2 ;;
  esac
}

run() { # SET
  local seed words
  for seed in ${SEEDS:-0 1 2}; do
    [ ! -s "$results/$1.$seed.jsonl" ] || continue
    rm -f "$results/$1.$seed.part"
    read -ra words <<<"$(options_of "$1")"
    "$bin/solid_paper" "${words[@]}" --seeds "$seed" --device "${DEVICE:-cpu}" --threads "${THREADS:-1}" --log "$results/$1.$seed.part" \
      >"$results/$1.$seed.log" 2>&1 || { echo "$1: $(tail -n 1 "$results/$1.$seed.log")" >&2; return 1; }
    mv "$results/$1.$seed.part" "$results/$1.$seed.jsonl"
    echo "$1 seed $seed: done after $SECONDS s"
  done
}

table() {
  jq -n -r '
    def mean: add / length;
    def four: . * 10000 | round / 10000 | tostring;
    def figure(f): (map(f) | mean | four) + (map(f) | (if length < 2 then "" else (mean as $m | " ±" + ((map((. - $m) * (. - $m)) | add) / (length - 1) | sqrt | four)) end));
    [inputs | . + {set: (input_filename | split("/")[-1] | split(".")[0])}] | group_by(.set)[] | .[0].set as $set |
      (map(.epoch) | max) as $last | map(select(.epoch == $last)) as $rows |
      ($rows | group_by([.form, .head])[] |
        "| \($set) | \(.[0].form) | \(.[0].head) | \(length) | \(figure(.auc)) | \(figure(.uauc)) | \(figure(.logloss)) | \(figure(.ndcg[1])) | \(figure(.hr[1])) |"),
      ($rows | group_by(.form)[] | .[0].form as $form |
        [group_by(.seed)[] | (map(select(.head == "solid")) + map(select(.head == "duet"))) | select(length == 2) | {auc: (.[0].auc - .[1].auc), uauc: (.[0].uauc - .[1].uauc),
          logloss: (.[0].logloss - .[1].logloss), ndcg: (.[0].ndcg[1] - .[1].ndcg[1]), hr: (.[0].hr[1] - .[1].hr[1])}] | select(length > 0) |
        "| \($set) | \($form) | solid - duet | \(length) | \(figure(.auc)) | \(figure(.uauc)) | \(figure(.logloss)) | \(figure(.ndcg)) | \(figure(.hr)) |")
  ' "$results"/*.jsonl | sed '1i | set and semantics | form | head | seeds | AUC | UAUC | log loss | NDCG@10 | HR@10 |\n|---|---|---|---|---|---|---|---|---|'
}

mkdir -p "$results"
case ${1:-} in
  run) [ $# -gt 1 ] || { echo "paper.sh: no set is named" >&2; exit 2; }
    for set in "${@:2}"; do options_of "$set" >/dev/null; done
    first_codes
    for set in "${@:2}"; do run "$set"; done ;;
  table) table ;;
  *) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
