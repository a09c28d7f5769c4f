#!/usr/bin/env bash
# The commands that pages print work as printed: the programs have these options, and the files of the repository that they
# name are there.   commands.sh FOLDER-OF-PROGRAMS
set -uo pipefail
bin=$(cd "${1:?usage: commands.sh FOLDER-OF-PROGRAMS}" && pwd)
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# options PROGRAM [WHAT]: those of its --help. --[no-]plain is two.
options() {
  "$bin/$1" ${2:+"$2"} --help 2>&1 | grep -oE -- '--(\[no-\])?[a-z][a-z0-9.-]*' | sed 'p; s/\[no-\]/no-/; s/--no-no-/--no-/' | sed 's/\[no-\]//'
}
for program in "$bin"/solid_* "$bin"/make_dataset "$bin"/mini_broker; do
  [ -f "$program" ] && options "$(basename "$program")" | sed "s/^/$(basename "$program") /"
done >"$work/known"
for what in compare lists plot; do options solid_eval "$what" | sed "s/^/solid_eval.$what /"; done >>"$work/known"
cut -d' ' -f1 "$work/known" | sort -u >"$work/programs"
[ "$(wc -l <"$work/programs")" -ge 8 ] || { echo "commands: only $(tr '\n' ' ' <"$work/programs")are built"; exit 77; }

# PAGE:LINE PROGRAM OPTION of every command in a page. A command ends where the shell's or the page's own marks end it.
find . -name '*.md' -not -path './build*' -not -path './CHANGELOG.md' -print0 | xargs -0 awk '
  FNR == 1 { held = ""; program = "" }
  /\\$/ { held = held substr($0, 1, length($0) - 1) " "; next }
  {
    text = held $0; held = ""
    gsub(/[`|;()]|&&|[0-9]?>/, " ; ", text)
    gsub(/[],:"]|\[|\.( |$)/, " ", text)
    n = split(text, word, " "); program = ""
    for (i = 1; i <= n; i++) {
      name = word[i]; sub(/^.*\//, "", name)
      if (name ~ /^(solid_(train|eval|batch|plan|paper|ingestd|serve|ask|send)|make_dataset|mini_broker)$/) {
        program = name
        if (program == "solid_eval" && word[i + 1] ~ /^(compare|lists|plot)$/) program = program "." word[++i]
      } else if (word[i] == ";" || word[i] == "#") program = ""
      else if (program != "" && word[i] ~ /^--[a-z]/) { sub(/=.*/, "", word[i]); print FILENAME ":" FNR, program, word[i] }
    }
  }' >"$work/used"
bad=0 checked=0
while read -r where program option; do
  checked=$((checked + 1))
  case $option in --kafka.*) option=--kafka. ;; esac
  grep -qxF -- "$program $option" "$work/known" && continue
  grep -qx -- "$program" "$work/programs" || continue # is not built here
  echo "commands: $where: ${program/./ } has no $option"
  bad=1
done <"$work/used"

# The scripts that commands run.
while IFS=: read -r page line script; do
  [ -e "$script" ] && continue
  echo "commands: $page:$line: $script is not there"
  bad=1
done < <(find . -name '*.md' -not -path './build*' -not -path './CHANGELOG.md' -print0 |
  xargs -0 grep -noE '\b(tests|examples|cmake)/[A-Za-z0-9_./-]+\.(sh|py|c)\b' /dev/null)
[ "$checked" -ge 50 ] || { echo "commands: only $checked options were found in the pages"; bad=1; }
[ "$bad" = 0 ] && echo "commands: $checked options of programs are known, and the scripts are there"
exit "$bad"
