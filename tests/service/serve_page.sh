#!/usr/bin/env bash
# The page of solid_serve in a real browser: it lists titles, a click changes the ten recommendations and says why, health and
# counts are shown, and nothing of the data is taken for HTML. SOLID_SCREENSHOT=FILE keeps a picture.
#   serve_page.sh BUILD
set -uo pipefail
bin=$1/bin
[ -x "$bin/solid_serve" ] || { echo "[SKIP] solid_serve is not built"; exit 77; }
browser=$(command -v chromium || command -v chromium-browser) || { echo "[SKIP] chromium is not installed (cmake/install-packages.sh browser)"; exit 77; }
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/examples/serve_lib.sh"
make_model m.safetensors 1 --epochs 3
start --model "$work/m.safetensors"
for i in 3 23 43 63; do ask 200 /events -d "{\"user\":\"ann\",\"item\":\"item-$i\"}"; done
# A page of the test's own in front of the server's: the steps run in the page itself and leave their findings in the
# title, which the browser prints with the document.
cat >"$work/steps.js" <<'JS'
(async () => {
  const at = (id) => document.getElementById(id);
  const wait = async (what, test) => {
    for (let i = 0; i < 200; i++) { if (test()) return; await new Promise((done) => setTimeout(done, 50)); }
    throw new Error("waited in vain: " + what);
  };
  const list = () => [...document.querySelectorAll("#list .item")].map((one) => one.dataset.item);
  try {
    await wait("a catalogue", () => document.querySelectorAll("#catalogue .item").length > 2);
    await wait("a first list", () => list().length === 10);
    const first = list().join();
    document.querySelector("#catalogue .item").click();
    await wait("another list", () => list().length === 10 && list().join() !== first);
    const second = list().join();
    await wait("reasons", () => document.querySelector("#list .why b"));
    document.querySelectorAll("#list .item")[4].click();
    await wait("a third list", () => list().length === 10 && list().join() !== second);
    if (!at("session").textContent.includes("→")) throw new Error("the session is not shown");
    at("user").value = "ann";
    at("ask").requestSubmit();
    await wait("the history", () => document.querySelectorAll("#history .item").length === 4);
    await wait("health", () => at("health").textContent === "ready");
    await wait("the lag", () => /lag of parameters, p99≤ \d+ events/.test(at("service").textContent));
    await wait("counts", () => /[1-9]/.test(at("sources").textContent));
    at("words").value = "copper";
    at("search").requestSubmit();
    await wait("what was searched", () => [...document.querySelectorAll("#catalogue .item")].every((one) => /copper/i.test(one.textContent)));
    if (at("note").textContent) throw new Error("a note: " + at("note").textContent);
    document.title = "passed";
  } catch (error) { document.title = "failed: " + error.message; }
})();
JS
python3 - "$url" "$work" <<'PY' || { echo "[SKIP] python3 has no http.server"; exit 77; }
import sys
try:
    import http.server, urllib.request
except ImportError:
    sys.exit(1)
PY
cat >"$work/front.py" <<'PY'
import http.server, sys, urllib.request
url, work = sys.argv[1], sys.argv[2]
class Front(http.server.BaseHTTPRequestHandler):
    def answer(self, body=None):
        if self.path == "/steps.js":
            status, kind, text = 200, "text/javascript", open(work + "/steps.js", "rb").read()
        else:
            try:
                with urllib.request.urlopen(urllib.request.Request(url + self.path, data=body)) as reply:
                    status, kind, text = reply.status, reply.headers["Content-Type"], reply.read()
            except urllib.error.HTTPError as error:
                status, kind, text = error.code, "application/json", error.read()
            if self.path == "/":
                text = text.replace(b"</html>", b'<script src="steps.js"></script></html>')
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def do_GET(self): self.answer()
    def do_POST(self): self.answer(self.rfile.read(int(self.headers["Content-Length"])))
    def log_message(self, *unused): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Front)
print(server.server_port, flush=True)
server.serve_forever()
PY
python3 "$work/front.py" "$url" "$work" >"$work/front.port" &
for _ in $(seq 3000); do [ -s "$work/front.port" ] && break; sleep 0.05; done
page="http://127.0.0.1:$(cat "$work/front.port")/"
browse() { timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$work/browser" \
  --virtual-time-budget=20000 "$@" 2>"$work/browser.log"; }
browse --dump-dom "$page" >"$work/dom.html" || die "the browser: $(tail -n 3 "$work/browser.log")"
title=$(grep -oE '<title>[^<]*' "$work/dom.html" | head -n 1 | sed 's/<title>//')
[ "$title" = passed ] || die "in the page: ${title:-no title}"
if [ -n "${SOLID_SCREENSHOT:-}" ]; then browse --window-size=1200,640 --screenshot="$SOLID_SCREENSHOT" "$page" >/dev/null; fi
stop
echo "serve_page: passed in $("$browser" --version 2>/dev/null)"
