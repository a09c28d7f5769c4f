"use strict";
// Everything the page shows comes from the service's own routes. Texts of the data are set as text and never as HTML.
const at = (id) => document.getElementById(id);
const make = (name, text, kind) => {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (kind) element.className = kind;
  return element;
};
const session = [];
let shown = new Set();
let turn = 0;
let before = null;

// A service that wants a token is asked with the one behind # in the page's address.
const head = () => {
  const token = decodeURIComponent(location.hash.slice(1));
  return token ? { Authorization: "Bearer " + token } : {};
};
async function call(path, body) {
  const options = { headers: head() };
  if (body) {
    options.method = "POST";
    options.body = JSON.stringify(body);
  }
  const reply = await fetch(path, options);
  const text = await reply.text();
  let value = text;
  try { value = JSON.parse(text); } catch { /* metrics are no JSON */ }
  if (!reply.ok && !(path.startsWith("health"))) throw new Error(value.error ? value.error.message : reply.status);
  return value;
}
const say = (error) => { at("note").textContent = error ? String(error.message || error) : ""; };

function itemRow(item, kind) {
  const row = make("li"), button = make("button", item.title || item.item, "item" + (kind ? " " + kind : ""));
  button.type = "button";
  button.dataset.item = item.item;
  if (item.categories) button.append(make("small", item.categories.join(", ")));
  button.addEventListener("click", () => click(item));
  row.append(button);
  return row;
}

function why(item) {
  const text = make("span", undefined, "why");
  const reasons = item.reasons;
  if (!reasons || !reasons.events.length) return text;
  text.append("like ");
  reasons.events.forEach((event, i) => {
    if (i) text.append(" and ");
    text.append(make("b", event.title || event.item), " (" + event.similarity.toFixed(2) + ")");
  });
  if (reasons.shared.length) text.append("; shares " + reasons.shared.join(", "));
  return text;
}

async function ask() {
  const mine = ++turn;
  const query = { k: 10, reasons: true, fallback: "popularity" };
  const user = at("user").value.trim();
  if (user) query.user = user;
  if (session.length) query.session = session.map((item) => item.item);
  try {
    const answer = await call("recommend", query);
    if (mine !== turn) return; // a newer click has asked since
    const list = at("list");
    list.replaceChildren();
    for (const item of answer.items) {
      const row = itemRow(item, shown.size && !shown.has(item.item) ? "new" : "");
      row.firstChild.append(why(item));
      list.append(row);
    }
    shown = new Set(answer.items.map((item) => item.item));
    at("source").textContent = "from " + answer.source + (answer.fallback ? " (the store is away)" : "");
    document.body.dataset.turn = mine;
    if (user) showHistory(user);
    say();
  } catch (error) { say(error); }
}

async function showHistory(user) {
  const history = await call("users/" + encodeURIComponent(user) + "/history");
  at("history").replaceChildren(...history.items.slice(0, 12).map((item) => itemRow(item)));
}

function click(item) {
  session.push(item);
  at("session").textContent = "session: " + session.map((one) => one.title || one.item).join(" → ");
  ask();
}

async function search() {
  try {
    const words = at("words").value.trim();
    const found = await call(words ? "items?k=30&search=" + encodeURIComponent(words) : "popular?k=30");
    at("catalogue").replaceChildren(...found.items.map((item) => itemRow(item)));
  } catch (error) { say(error); }
}

const fill = (id, rows) => at(id).replaceChildren(...rows.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));

// The metrics that the page shows, out of Prometheus' text: name{labels} value.
function parse(text) {
  const all = {};
  for (const line of text.split("\n")) {
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match) all[match[1] + (match[2] ? "{" + match[2] + "}" : "")] = Number(match[3]);
  }
  return all;
}
// The bound under which 99 of 100 lie, of the buckets whose names begin so; "" = there are none.
function bound(metrics, start) {
  const buckets = Object.entries(metrics).filter(([name]) => name.startsWith(start))
    .map(([name, count]) => [name.slice(start.length, -2), count]);
  const total = buckets.length ? buckets[buckets.length - 1][1] : 0;
  const found = buckets.find(([, count]) => count >= 0.99 * total);
  return total && found ? found[0] : "";
}
function p99(metrics, source) {
  const found = bound(metrics, 'solid_answer_seconds_bucket{source="' + source + '",le="');
  return !found ? "–" : found === "+Inf" ? "over 10 s" : "≤ " + Number(found) * 1000 + " ms";
}
// How far parameters lagged behind the windows they were asked with.
function lag(metrics) {
  const found = bound(metrics, 'solid_params_age_events_bucket{le="');
  return !found ? "–" : found === "+Inf" ? "over 1000 events" : "≤ " + found + " events";
}

async function watch() {
  try {
    const [ready, model, text] = await Promise.all([call("health/ready"), call("model"), call("metrics")]);
    const metrics = parse(text), now = performance.now();
    const events = metrics['solid_events_total{verdict="applied"}'] + metrics['solid_events_total{verdict="produced"}'];
    const sources = ["cache", "cache+fresh", "generation", "session", "popularity"];
    const answers = sources.reduce((sum, name) => sum + metrics['solid_answers_total{source="' + name + '"}'], 0);
    const rate = (name, value) => before ? ((value - before[name]) / (now - before.now) * 1000).toFixed(1) + "/s" : "–";
    at("health").textContent = ready.status;
    at("health").className = ready.status === "ready" ? "good" : "bad";
    fill("service", [["store", ready.store], ["events", events + ""], ["events a second", rate("events", events)],
      ["answers a second", rate("answers", answers)], ["lag of parameters, p99", lag(metrics)], ["up for", Math.round(ready.uptime_s) + " s"]]);
    fill("sources", sources.map((name) => [name, metrics['solid_answers_total{source="' + name + '"}'] + ", p99 " + p99(metrics, name)]));
    fill("model", [["generation", model.current], ["users who have it", (100 * model.share).toFixed(1) + " %"], ["head", model.model.head],
      ["items", model.model.items + ""], ["loading", model.loading ? "yes" : "no"], ["last error", model.error || "none"]]);
    before = { now, events, answers };
  } catch (error) {
    at("health").textContent = "does not answer";
    at("health").className = "bad";
  }
}

at("ask").addEventListener("submit", (event) => { event.preventDefault(); shown = new Set(); ask(); });
at("search").addEventListener("submit", (event) => { event.preventDefault(); search(); });
at("clear").addEventListener("click", () => {
  session.length = 0;
  shown = new Set();
  at("session").textContent = "";
  ask();
});
search();
ask();
watch();
setInterval(watch, 2000);
