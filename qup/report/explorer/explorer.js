// The explorer of traces. What a trace says is only ever put in place as text.
(function () {
"use strict";
const find = (name) => document.getElementById("explorer-" + name);
const root = document.getElementById("explorer");
const data = JSON.parse(find("data").textContent);
const native = data.streams.findIndex((stream) => stream.native);
const LAST = data.digits.length - 1;
let listed = [];

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// The packed numbers, as qup/records/_packed.py writes them.
const values = (text) => Array.from(text, (digit) => data.digits.indexOf(digit));
function nats(text) {
  const digits = values(text), all = [];
  for (let i = 0; i < digits.length; i += 2) all.push((data.digits.length * digits[i] + digits[i + 1]) / 100);
  return all;
}
function lengths(text) {
  const all = [];
  let held = 0;
  for (const value of values(text)) {
    held += value;
    if (value !== LAST) { all.push(held); held = 0; }
  }
  return all;
}

// Tokens by where they end in the text; one without a character of its own adds to the next.
function tokens(stream) {
  const all = [], own = nats(stream.surprisal);
  let end = 0, held = 0, waits = false;
  lengths(stream.lengths).forEach((length, i) => {
    held += own[i];
    waits = !length;
    if (length) { end += length; all.push({ end, nats: held }); held = 0; }
  });
  return { all, last: waits ? held : null };
}

function token(text, surprise, kind) {
  const shade = Math.min(data.steps, Math.floor(data.steps * surprise / data.full));
  const said = surprise.toFixed(2) + " nats" + (kind ? ", edit of " + kind : "");
  return make("span", { class: "s" + shade, title: said }, text);
}

// A trace: tokens within edits, a token that an edit parts standing in two pieces.
function marked(stream, label) {
  const box = make("div", { class: "trace", dir: "auto", tabindex: "0", role: "group",
    "aria-label": label + ": the trace; the left and right arrow keys read its tokens one by one" });
  const text = Array.from(stream.text), { all, last } = tokens(stream);
  let at = 0, next = 0;
  for (const [sign, what] of stream.edits || [["=", text.length]]) {
    const kind = { l: "logic", s: "style" }[sign[1]];
    if (sign[0] === "-") { box.append(make("del", { class: kind }, what)); continue; }
    const place = sign[0] === "+" ? box.appendChild(make("ins", { class: kind })) : box;
    for (const stop = at + what; at < stop;) {
      const own = all[next], end = own ? Math.min(own.end, stop) : stop, part = text.slice(at, end).join("");
      place.append(own ? token(part, own.nats, kind) : part);
      at = end;
      if (own && at === own.end) next += 1;
    }
  }
  if (stream.cut) box.append(make("span", { class: "end" }, " … it goes on"));
  else if (last !== null) { const end = token("⏎", last); end.classList.add("end"); end.title = "its end: " + end.title; box.append(end); }
  return box;
}

// Facts.
const mean = (stream) => (stream && stream.tokens ? stream.nll / stream.tokens : null);
const reward = (stream, name) => (stream && stream.text !== undefined ? stream.rewards[data.rewards.indexOf(name)] : null);
const bad = (stream) => !stream || stream.text === undefined || stream.verdict !== "correct";
function gain(problem, place) {
  const own = reward(problem.streams[place], data.primary), before = reward(problem.streams[native], data.primary);
  return own == null || before == null ? null : own - before;
}

function facts(stream) {
  const list = make("dl"), row = (name, value) => list.append(make("dt", {}, name), make("dd", {}, value));
  const verdict = make("span", stream.verdict ? { class: stream.verdict === "correct" ? "good" : "bad" } : {}, stream.verdict || "none");
  row("answer is", verdict);
  row("draft was", stream.outcome + (stream.wrong ? ", and wrong" : ""));
  if (stream.origin) row("author", stream.origin);
  if (stream.text !== undefined) {
    data.rewards.forEach((name, i) => row("reward " + name, stream.rewards[i] == null ? "failed" : String(stream.rewards[i])));
    row("tokens", String(stream.tokens));
    row("surprisal, nats", stream.nll.toFixed(1));
    if (stream.tokens) row("nats a token", mean(stream).toFixed(2));
  }
  row("Oracle tokens", stream.calls ? stream.oracle + " in " + stream.calls + (stream.calls > 1 ? " calls" : " call") : "none");
  return list;
}

function column(stream, i, problem) {
  const { label } = data.streams[i], name = "explorer-stream-" + i;
  const box = make("article", { "aria-labelledby": name }, make("h3", { id: name }, label));
  if (!stream) { box.append(make("p", {}, "Not in this stream.")); return box; }
  box.append(facts(stream));
  box.append(stream.text === undefined ? make("p", { class: "caption" }, "No trace: " + stream.outcome + ".") : marked(stream, label));
  return box;
}

// Choosing.
const ORDERS = {
  drawn: { key: () => 0, say: () => "" },
  foreign: { key: (problem, place) => mean(problem.streams[place]), say: (value) => value.toFixed(2) + " nats a token" },
  improved: { key: gain, say: (value) => (value < 0 ? "" : "+") + value.toFixed(2) + " " + data.primary },
  failed: { key: (problem, place) => (bad(problem.streams[place]) ? 0 : null), say: () => "" },
};
function list() {
  const order = ORDERS[find("order").value], place = Number(find("stream").value);
  const rows = data.problems.map((problem, i) => ({ problem, i, value: order.key(problem, place) }));
  listed = rows.filter((row) => row.value !== null).sort((a, b) => b.value - a.value || a.i - b.i);
  find("problem").replaceChildren(...listed.map(({ problem, value }, i) => {
    // By characters: half of a pair of surrogates is none.
    const said = order.say(value), question = Array.from(problem.question.replace(/\s+/g, " ")).slice(0, 80).join("");
    return make("option", { value: String(i) }, (i + 1) + ". " + (said ? said + ": " : "") + question);
  }));
  show();
}

function show() {
  const row = listed[find("problem").selectedIndex];
  // Not `disabled`: whoever is there by keyboard would be thrown out.
  find("previous").setAttribute("aria-disabled", String(!listed.length || row === listed[0]));
  find("next").setAttribute("aria-disabled", String(!listed.length || row === listed[listed.length - 1]));
  find("token").textContent = "";
  find("chosen").textContent = row
    ? "Problem " + (listed.indexOf(row) + 1) + " of " + listed.length + ", gold answer " + row.problem.answer
    : "None of the " + data.problems.length + " problems here.";
  find("question").textContent = row ? row.problem.question : "";
  find("streams").replaceChildren(...(row ? row.problem.streams.map((stream, i) => column(stream, i, row.problem)) : []));
}

function step(by) {
  const next = find("problem").selectedIndex + by;
  if (next < 0 || next >= listed.length) return;
  find("problem").selectedIndex = next;
  show();
}

// One token, read out: by pointer, or by arrow keys within a trace.
function read(span) {
  root.querySelectorAll(".here").forEach((other) => other.classList.remove("here"));
  span.classList.add("here");
  find("token").textContent = "“" + span.textContent.replace(/\n/g, "⏎") + "”: " + span.title;
}
find("streams").addEventListener("keydown", (event) => {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key], box = event.target.closest(".trace");
  if (!by || !box) return;
  const spans = [...box.querySelectorAll("span[title]")], here = spans.findIndex((span) => span.classList.contains("here"));
  const next = spans[Math.max(0, Math.min(spans.length - 1, here < 0 ? (by > 0 ? 0 : spans.length - 1) : here + by))];
  if (next) { event.preventDefault(); read(next); next.scrollIntoView({ block: "nearest" }); }
});
find("streams").addEventListener("click", (event) => {
  if (event.target.matches(".trace span[title]")) read(event.target);
});
for (const mark of ["surprisal", "edits", "removed"]) {
  const set = () => root.classList.toggle("no-" + mark, !find(mark).checked);
  find(mark).addEventListener("change", set);
  set();
}
find("stream").append(...data.streams.map(({ label }, i) => make("option", { value: String(i) }, label)));
find("stream").selectedIndex = Math.min(1, data.streams.length - 1);
find("order").addEventListener("change", list);
find("stream").addEventListener("change", list);
find("problem").addEventListener("change", show);
find("previous").addEventListener("click", () => step(-1));
find("next").addEventListener("click", () => step(1));
if (!data.primary || native < 0) find("order").querySelector("[value=improved]").remove();
list();
root.hidden = false;
})();
