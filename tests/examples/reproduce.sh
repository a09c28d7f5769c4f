#!/usr/bin/env bash
# examples/reproduce.sh on a generated data set: results, tables, plots, and what it says when something is missing.
#   reproduce.sh BUILD
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd) build=$1
command -v jq >/dev/null || { echo "reproduce: skipped: jq is not there"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "reproduce: $*" >&2; exit 1; }
reproduce() { "$root/examples/reproduce.sh" --build "$build" --out "$work/out" --jobs 2 --threads 1 "$@"; }
# refuses EXIT TEXT ARGUMENTS...
refuses() {
  local want=$1 text=$2 got=0
  shift 2
  reproduce "$@" >"$work/said" 2>&1 || got=$?
  [ "$got" = "$want" ] && grep -qF -- "$text" "$work/said" || fail "$*: exit $got, not $want with '$text': $(cat "$work/said")"
}

refuses 2 "no set is named"
refuses 2 "movielens: no such set" movielens
refuses 2 "--seeds 0" --seeds 0 generated
refuses 2 "--seeds needs a value" --seeds
SOLID_DATA=$work/away refuses 1 "beauty: $work/away/amazon-beauty/Beauty.txt is not there; SOLID_DATA" beauty
refuses 1 "solid_train is not there" --build "$work/away" generated
refuses 1 "$work/away.md: cannot be written" --write "$work/away.md" generated
[ -z "$(ls -A "$work/out" 2>/dev/null)" ] || fail "what was refused left $(ls "$work/out")"

printf 'before\n<!-- accuracy -->\nold\n<!-- /accuracy -->\nbetween\n<!-- cold -->\n<!-- /cold -->\nafter\n' >"$work/page"
reproduce --seeds 2 --epochs 3 --write "$work/page" --figures "$work/figures" generated >"$work/log"
for model in static solid cold-all cold cold-random cold-dropout cold-dropout-random; do
  for seed in 1 2; do [ -s "$work/out/generated.$model.$seed.json" ] || fail "no result of $model, seed $seed"; done
done
[ -z "$(find "$work/out" -name '*.checkpoint')" ] || fail "checkpoints are left"

# The page's figures are the means of the result files; what stands round the markers stays.
want=$(jq -s 'map(.metrics["hr@10"]) | add / length' "$work/out"/generated.solid.*.json | awk '{x = sprintf("%.4f", $1); sub(/^0/, "", x); print x}')
grep -qF "| \`solid\` | $want ±" "$work/page" || fail "no $want in: $(cat "$work/page")"
want=$(jq -s 'map(.hidden.model_on_hidden_full["hr@10"][0]) | add / length' "$work/out"/generated.cold-dropout.?.json | awk '{x = sprintf("%.4f", $1); sub(/^0/, "", x); print x}')
grep -qF "| item dropout, codes from content | $want [" "$work/page" || fail "no $want in: $(cat "$work/page")"
want=$(jq '.metrics["ndcg@10"].difference' "$work/out/compare-generated.json" | awk '{x = sprintf("%+.4f", $1); sub(/0/, "", x); print x}')
grep -qF "| $want [" "$work/page" || fail "no difference $want in: $(cat "$work/page")"
want=$(jq -s 'map(.stale.rows[1].old_state["ndcg@10"].value) | add / length' "$work/out"/generated.solid.?.json | awk '{x = sprintf("%.4f", $1); sub(/^0/, "", x); print x}')
grep -qE "^\| [^|]*\| 1 \| [^|]*\| [^|]*\| $want \|" "$work/out/staleness.md" || fail "no $want in: $(cat "$work/out/staleness.md")"
! grep -qx old "$work/page" || fail "the old table is still there"
[ "$(grep -cE '^(before|between|after)$' "$work/page")" = 3 ] || fail "the page lost text: $(cat "$work/page")"
if command -v gnuplot >/dev/null; then
  for plot in comparison curves-generated; do
    grep -q '</svg>' "$work/figures/$plot.svg" || fail "$plot.svg is no whole picture"
  done
else
  grep -q 'skipped: plots need gnuplot' "$work/log" || fail "says nothing of gnuplot: $(cat "$work/log")"
fi

# Again: nothing is trained, the tables are the same.
cp "$work/page" "$work/page.1"
touch "$work/then"
reproduce --seeds 2 --epochs 3 --write "$work/page" generated >/dev/null
[ -z "$(find "$work/out" -name 'generated.*.json' -newer "$work/then")" ] || fail "results were made again"
cmp "$work/page" "$work/page.1" || fail "the second table differs"

# Without gnuplot: tables, and a word about the plots.
mkdir "$work/bin" && rm -f "$work/out"/*.svg
for tool in bash jq awk sed grep sort cut find basename cat rm dirname printf realpath mkdir xargs; do
  ! command -v $tool >/dev/null || ln -s "$(type -P $tool)" "$work/bin/$tool"
done
PATH=$work/bin "$root/examples/report.sh" "$work/out" >"$work/log"
grep -q 'skipped: plots need gnuplot' "$work/log" && grep -q '^| generated, ' "$work/log" || fail "$(cat "$work/log")"
printf 'no markers\n' >"$work/page"
if "$root/examples/report.sh" "$work/out" "$work/page" >/dev/null 2>"$work/said"; then fail "wrote into a page without markers"; fi
grep -q "has no lines '<!-- accuracy -->'" "$work/said" || fail "$(cat "$work/said")"
[ "$(cat "$work/page")" = "no markers" ] || fail "changed a page without markers"
echo "reproduce: results, tables, plots"
