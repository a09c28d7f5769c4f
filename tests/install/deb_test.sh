#!/usr/bin/env bash
# Debian packages of the build: made, unpacked beside the system, and used. Manual pages name every option; the units are as systemd
# wants them. tests/service/deb.sh installs them in a fresh Debian.   deb_test.sh BUILD_DIR
set -euo pipefail
build=$(cd "$1" && pwd) here=$(cd "$(dirname "$0")" && pwd)
for tool in cpack dpkg-deb dpkg-shlibdeps; do
  command -v $tool >/dev/null || { echo "deb: skipped: $tool is not here (Debian: cmake, dpkg-dev)"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "deb: $*" >&2; exit 1; }
cpack --config "$build/CPackConfig.cmake" -B "$work/packages" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
for package in solid solid-dev solid-programs; do
  file=$(echo "$work/packages/${package}"_[0-9]*.deb)
  [ -f "$file" ] || fail "no package $package"
  dpkg-deb -x "$file" "$work/root"
  dpkg-deb -f "$file" Depends >"$work/$package.depends"
done
grep -q 'libopenblas' "$work/solid.depends" && grep -q '^solid (= ' "$work/solid-dev.depends" && grep -q 'solid (= ' "$work/solid-programs.depends" ||
  fail "dependencies: $(cat "$work"/*.depends)"
# No file is in two packages.
for file in "$work"/packages/*.deb; do dpkg-deb -c "$file" | awk '$1 !~ /^d/ {print $6}'; done | sort | uniq -d >"$work/twice"
[ ! -s "$work/twice" ] || fail "in two packages: $(cat "$work/twice")"

root=$work/root/usr
lib=$(dirname "$(find "$root" -name libsolid.so.0)")
nm -D --defined-only "$lib/libsolid.so.0" | grep ' solid_recommend$' >/dev/null || fail "libsolid.so.0 has no solid_recommend"
for program in "$root"/bin/*; do
  name=$(basename "$program")
  "$program" --version | grep -q "^$name " || fail "$name does not run"
  page=$root/share/man/man1/$name.1
  [ -f "$page" ] || fail "no manual page of $name"
  "$program" --help | grep -oE '^  --(\[no-\])?[a-z-]+' | tr -d ' ' | sed 's/-/\\-/g' | while read -r flag; do
    grep -qF -- ".B $flag" "$page" || fail "$name.1 lacks $flag"
  done
  if command -v man >/dev/null; then
    man --warnings -l "$page" 2>"$work/warnings" >/dev/null
    [ ! -s "$work/warnings" ] || fail "$name.1: $(head -n 3 "$work/warnings")"
  fi
done
"$root/bin/solid_plan" --users 1000 >/dev/null
if command -v systemd-analyze >/dev/null && [ -f "$root/lib/systemd/system/solid-serve.service" ]; then
  mkdir "$work/units"
  for unit in "$root"/lib/systemd/system/*.service; do # with the programs where they were unpacked
    sed "s|^ExecStart=/usr|ExecStart=$root|" "$unit" >"$work/units/$(basename "$unit")"
  done
  systemd-analyze --man=no verify "$work"/units/*.service >"$work/said" 2>&1 || fail "$(cat "$work/said")"
  [ ! -s "$work/said" ] || fail "$(cat "$work/said")"
fi
if command -v python3 >/dev/null; then
  PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$root/share/solid python3 -c 'import sys, solid; solid._load(sys.argv[1])' "$lib"
fi
for service in serve ingestd; do # every name of the shipped configuration is an option
  [ -f "$root/share/solid/$service.conf" ] || continue
  "$root/bin/solid_$service" --config "$root/share/solid/$service.conf" --help >/dev/null
done
echo "deb: three packages, $(ls "$root/share/man/man1" | wc -l) manual pages, units"
