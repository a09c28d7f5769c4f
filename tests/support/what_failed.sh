#!/usr/bin/env bash
# What CMake, a compiler or a linker said in a build that failed: its log without progress and commands.   what_failed.sh LOG
set -euo pipefail
awk '
  skip {skip = 0; next}
  /^-- Build files have been written/ {n = 0; next} # configured: what was said until then is not why
  /^\[ *[0-9]+(%|\/[0-9]+)\]/ || /^-- / || /^g?make.*(Entering|Leaving) directory/ || /^$/ {next}
  /^FAILED: / {skip = 1} # ninja gives the command in the next line
  {said[n++] = $0}
  END {for (i = 0; i < n && i < 60; i++) print said[i]}' "${1:?usage: what_failed.sh LOG}"
