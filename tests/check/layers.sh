#!/usr/bin/env bash
# Arrows point down only: examples -> {ingest, store, solid/train} -> solid -> kernels. Prints every line that breaks a rule.
set -uo pipefail
cd "$(dirname "$0")/../.."
bad=0
# rule NAME PATTERN FILES...: no #include (or line) matching PATTERN in FILES
rule() {
  local name=$1 pattern=$2
  shift 2
  local hits
  hits=$(grep -nE "$pattern" "$@" 2>/dev/null)
  if [ -n "$hits" ]; then
    printf 'layering: %s\n%s\n' "$name" "$hits"
    bad=1
  fi
}
files() { find "$@" -type f \( -name '*.c' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' \) 2>/dev/null; }
mapfile -t kernels < <(files kernels)
mapfile -t solid < <(files solid | grep -v '^solid/train/')
mapfile -t train < <(files solid/train)
mapfile -t store < <(files store)
mapfile -t ingest < <(files ingest)
mapfile -t examples < <(files examples)
mapfile -t public < <(find solid store ingest -maxdepth 1 -name '*.h')
mapfile -t libraries < <(files kernels solid store ingest)
mapfile -t everything < <(files kernels solid store ingest examples tests)

rule "kernels/ sees only kernels/ and the vocabulary" '#include "(solid/(context|model|worker|pipeline|recommender|store|extend|codebook|solid|internal/|train/)|store/|ingest/)' "${kernels[@]}"
rule "vocabulary headers include only <stddef.h>, <stdint.h>, export.h" '#include (<(std[^di]|std(dd|in)x|[^s])|"solid/[^e])' solid/export.h solid/types.h
rule "solid/ does not see store/, ingest/ or solid/train/" '#include "(store|ingest|solid/train|examples|tests)/' "${solid[@]}"
rule "public solid headers do not see kernels/ or internals" '#include "(kernels|solid/internal)/' $(ls solid/*.h)
rule "store/ sees public solid headers and itself" '#include "(ingest|kernels|solid/internal|solid/train|examples|tests)/' "${store[@]}"
rule "ingest/ sees public solid headers and itself" '#include "(store|kernels|solid/internal|solid/train|examples|tests)/' "${ingest[@]}"
rule "solid/train does not see store/ or ingest/" '#include "(store|ingest|examples|tests)/' "${train[@]}"
rule "hiredis only in store/" '#include <hiredis' $(printf '%s\n' "${everything[@]}" | grep -vE '^(store|tests)/')
rule "librdkafka only in ingest/, examples and tests" '#include <librdkafka' $(printf '%s\n' "${libraries[@]}" | grep -v '^ingest/')
rule "no hiredis, librdkafka or CUDA type in a public header" '(redisContext|redisReply|rd_kafka_|cudaStream_t|#include <(hiredis|librdkafka|cuda))' "${public[@]}"
rule "CUDA headers only in kernels/cuda" '#include <(cuda|cublas)' $(printf '%s\n' "${everything[@]}" | grep -v '^kernels/cuda/')
rule "no relative includes, no included sources" '#include "(\.|[^"]*\.(c|cu)")' "${everything[@]}"
rule "libraries do not print, exit or abort" '(^|[^_[:alnum:]])(printf|puts|perror|exit|_exit|abort)\(' "${libraries[@]}"
rule "nothing outside solid/train, examples and tests uses solid/train" '#include "solid/train/' "${kernels[@]}" "${solid[@]}" "${store[@]}" "${ingest[@]}"
[ "$bad" = 0 ] && echo "layers: ${#everything[@]} files obey"
exit "$bad"
