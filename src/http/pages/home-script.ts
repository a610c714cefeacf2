// The home page's program, in the browser's own JavaScript: starts a run, follows its events, draws its turns.
// It writes text only (never markup), and a key lives in the form's field and nowhere else.

export const homeScript = `
"use strict";
const $ = (id) => document.getElementById(id);
const keyed = document.body.querySelector("#key") !== null;
let source = null, runId = null, lastSeq = 0, turnCard = null, turnNumber = 0;

function add(parent, tag, text, className) {
  const node = document.createElement(tag);
  node.textContent = text;
  if (className) node.className = className;
  parent.append(node);
  return node;
}
const show = (value) => typeof value === "string" ? value : JSON.stringify(value, null, 2);

async function call(path, body) {
  const headers = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (keyed) headers.authorization = "Bearer " + $("key").value.trim();
  const reply = await fetch(path, { method: "POST", headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const value = await reply.json();
  if (!reply.ok) throw new Error(value.detail || value.title);
  return value;
}

function state(text, className) { $("state").textContent = text; $("state").className = className || "soft"; }

function turnOf(event) {
  if (turnCard === null || turnNumber !== event.turn) {
    turnNumber = event.turn;
    turnCard = add($("turns"), "div", "", "card");
    add(turnCard, "strong", "Turn " + event.turn);
  }
  return turnCard;
}

const draw = {
  "run.created": (e) => state("started: " + e.tools.length + " tools, at most " + e.limits.max_turns + " turns"),
  "run.started": () => state("analysing the query"),
  "analysis.completed": () => state("planning"),
  "turn.started": (e) => { turnOf(e); state("turn " + e.turn + ": planning"); },
  "plan.completed": (e) => {
    const card = turnOf(e);
    add(card, "div", (e.tool || "no tool") + ": " + (e.sub_goal || e.parse_error || "the plan could not be read"));
    if (e.justification) add(card, "div", e.justification, "soft");
  },
  "command.completed": (e) => { for (const c of e.calls) add(turnOf(e), "pre", show(c.arguments.code || c.arguments)); },
  "tool.started": (e) => state("turn " + e.turn + ": " + e.tool + " runs"),
  "tool.completed": (e) => { add(turnOf(e), "pre", show(e.result)); add(turnOf(e), "div", e.produced_by + ", " + e.ms + " ms", "soft"); },
  "tool.failed": (e) => add(turnOf(e), "pre", e.problem.code + ": " + e.problem.detail, "bad"),
  "verification.completed": (e) => add(turnOf(e), "div", e.conclusion + ": " + e.analysis, e.conclusion === "stop" ? "good" : "warn"),
  "step.retried": (e) => { if (e.role === "generator") $("answer").textContent = ""; state(e.step + " again: " + e.reason, "warn"); },
  "answer.delta": (e) => { $("answer").hidden = false; $("answer").textContent += e.text; },
  "snapshot": (e) => { if (e.of === "answer.delta") { $("answer").hidden = false; $("answer").textContent = e.text; } },
  "answer.completed": (e) => { $("answer").hidden = false; $("answer").textContent = e.text; },
};
const ends = {
  "run.completed": (e) => { $("answer").hidden = false; $("answer").textContent = e.answer; state("completed", "good"); },
  "run.incomplete": (e) => { $("answer").hidden = false; $("answer").textContent = e.answer; state("incomplete: " + e.reason, "warn"); },
  "run.failed": (e) => state("failed: " + e.problem.code + ": " + e.problem.detail, "bad"),
  "run.cancelled": () => state("cancelled", "warn"),
};

function finish() { if (source) source.close(); source = null; $("go").disabled = false; $("cancel").hidden = true; }

async function follow() {
  const ticket = keyed ? "&ticket=" + encodeURIComponent((await call("/v1/runs/" + runId + "/ticket")).ticket) : "";
  source = new EventSource("/v1/runs/" + runId + "/events?starting_after=" + lastSeq + ticket);
  const on = (type, handle, isEnd) => source.addEventListener(type, (message) => {
    const event = JSON.parse(message.data);
    if (event.seq) lastSeq = event.seq;
    handle(event);
    if (isEnd) finish();
  });
  for (const type in draw) on(type, draw[type], false);
  for (const type in ends) on(type, ends[type], true);
  // A refused reconnect (the ticket has expired) closes the source for good; a new ticket opens another.
  source.onerror = () => {
    if (source && source.readyState === EventSource.CLOSED) setTimeout(() => { if (source) follow().catch(fail); }, 1000);
  };
}
function fail(error) { state(error.message, "bad"); finish(); }

$("form").addEventListener("submit", async (submit) => {
  submit.preventDefault();
  $("go").disabled = true; $("turns").textContent = ""; $("answer").textContent = ""; $("answer").hidden = true;
  turnCard = null; lastSeq = 0;
  try {
    const run = await call("/v1/solve", { query: $("query").value, background: true });
    runId = run.id;
    $("run").textContent = run.id;
    $("cancel").hidden = false;
    await follow();
  } catch (error) { fail(error); }
});
$("cancel").addEventListener("click", () => call("/v1/runs/" + runId + "/cancel").catch(fail));
`;
