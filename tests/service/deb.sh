#!/usr/bin/env bash
# The Debian packages in a fresh Debian 12: installed by apt with what they need and nothing else, used, removed. A program is built
# against the installed library there.   deb.sh BUILD_DIR
# Skips (77) where debootstrap, root or a mirror is missing.
set -euo pipefail
build=$(cd "$1" && pwd)
skip() { echo "deb: skipped: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "needs root (debootstrap, chroot)"
command -v debootstrap >/dev/null || skip "debootstrap is not installed"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1 | tr -d ' ' || true)
debootstrap --variant=minbase bookworm "$work/root" ${mirror:+"$mirror"} >"$work/log" 2>&1 ||
  { tail -n 3 "$work/log"; skip "debootstrap could not make a Debian here"; }
for file in /etc/apt/sources.list.d/* /etc/apt/sources.list /etc/apt/apt.conf.d/*proxy* /etc/resolv.conf /etc/hosts; do # as this machine reaches its mirror
  [ -f "$file" ] && cp "$file" "$work/root$file"
done
cpack --config "$build/CPackConfig.cmake" -B "$work/root/packages" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
inside() { chroot "$work/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
inside sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends /packages/*.deb' >"$work/log" 2>&1 ||
  { tail -n 20 "$work/log"; echo "deb: apt could not install the packages"; exit 1; }
before=$(inside dpkg-query -W -f '${Package} ${Status}\n' 'solid*')
echo "$before"
cp "$(dirname "$0")/../../examples/quickstart/quickstart.c" "$work/root/tmp/"
"$build/bin/make_dataset" --users 200 --items 100 --seed 1 --out "$work/root/tmp/data" >/dev/null
inside sh -ec '
  cd /tmp
  solid_train --data data/events.jsonl --attributes data/items.json --titles data/titles.json --width 16 --codes 8 --epochs 2 --out model >/dev/null
  solid_eval --data data/events.jsonl --model model | grep -m 1 "^hr@10 "
  solid_batch --data data/events.jsonl --model model --out lists.jsonl
  solid_ask --model model --session item-1,item-2 --k 3
  solid_serve --model model --listen 127.0.0.1:14990 >serve.log 2>&1 & service=$!
  for i in $(seq 3000); do grep -q listens serve.log && break; sleep 0.1; done
  grep "listens on" serve.log
  kill $service; wait $service
  apt-get install -y -qq --no-install-recommends gcc libc6-dev pkg-config >/dev/null 2>&1
  gcc quickstart.c $(pkg-config --cflags --libs solid_store) -o quickstart && ./quickstart model
  apt-get remove -y -qq solid solid-dev solid-programs >/dev/null 2>&1
  ! ls /usr/bin/solid_* /usr/include/solid /usr/lib/libsolid* 2>/dev/null'
echo "deb: installed, used and removed in a fresh Debian"
