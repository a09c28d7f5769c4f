#!/usr/bin/env bash
# Popularity on public data against figures from elsewhere: leave-one-out as published with the data, the other splits
# as a naive program of their definitions computes them (its NDCG of ml-100k by ratio is .0358: two items of equal count change places).   public_eval.sh SOLID_EVAL DATA_FOLDER
set -uo pipefail
eval=$1 data=$2 bad=0 done=0
# figures USERS HR@10 NDCG@10 FILE OPTIONS...
figures() {
  local want="$1 $2 $3" file=$4 got
  shift 4
  for each in "$data/$file" "$@"; do
    case $each in "$data"/*) [ -e "$each" ] || { echo "public_eval: ${each#"$data/"} is not here: skipped"; return; } ;; esac
  done
  got=$("$eval" --popularity-only --resamples 1 --data "$data/$file" "$@" 2>/dev/null |
    awk '/ users with a /{ for (i = 2; i <= NF; i++) if ($i == "users" && !users) users = $(i - 1) }
         $1 == "hr@10" && $2 ~ /^0/ { hr = $2 } $1 == "ndcg@10" && $2 ~ /^0/ { ndcg = $2 } END { print users, hr, ndcg }')
  done=$((done + 1))
  [ "$got" = "$want" ] && return
  echo "public_eval: $file $*: users, hr@10, ndcg@10 are $got, not $want"
  bad=1
}
figures 6040 0.0369 0.0180 ml-1m/ml-1m.txt
figures 22363 0.0115 0.0055 amazon-beauty/Beauty.txt
figures 19412 0.0090 0.0049 amazon-toys/Toys_and_Games.txt
figures 17112 0.0680 0.0453 instruments-multimodal/Instruments.inter.json --format histories
figures 1180 0.0551 0.0308 ml-1m/ratings.tsv.gz --split global-time
figures 1180 0.0551 0.0308 ml-1m/ratings.tsv.gz --split global-time --valid-from 975768738 --test-from 978133414
figures 6040 0.0384 0.0182 ml-1m/ratings.tsv.gz --split per-user-ratio
figures 90 0.0111 0.0043 ml-100k/ml-100k.inter --split global-time
figures 943 0.0764 0.0357 ml-100k/ml-100k.inter --split per-user-ratio
figures 5585 0.0098 0.0050 amazon-beauty/Beauty.txt --split global-time --times "$data/amazon-beauty/Beauty_s3rec_timestamps.txt"
figures 22363 0.0127 0.0060 amazon-beauty/Beauty.txt --split per-user-ratio
[ "$bad" = 0 ] || exit 1
[ "$done" -gt 0 ] || exit 77
echo "public_eval: $done figures agree"
