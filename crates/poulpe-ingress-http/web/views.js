// One function a view: asks for what it shows and gives the elements. Never keeps anything but the samples of the
// charts; `page.js` decides when a view is shown and shown again.
"use strict";

const STATES = ["delayed", "ready", "running", "retrying", "dead", "done"];
const LIVING = ["delayed", "ready", "running", "retrying"];

// The charts' memory; filled by `sample` as long as the page is open, whatever is shown.
const queue = new Samples();
const throughput = new Samples();
const lateness = new Samples();
let before = null;

/** Takes the figures of now into the charts. */
async function sample() {
  const stats = await get("/v1/stats");
  queue.add(LIVING.map((name) => stats.counts[name]));
  const ended = stats.ended;
  if (before && stats.uptime > before.stats.uptime) {
    const seconds = stats.uptime - before.stats.uptime;
    const each = (name) => (ended[name] - before.stats.ended[name]) / seconds;
    throughput.add(["succeeded", "buried", "cancelled"].map(each));
    const recent = since(stats.start_lag_micros, before.stats.start_lag_micros);
    lateness.add([0.5, 0.95, 0.99].map((share) => {
      const micros = percentile(recent, share);
      return micros === null ? null : micros / 1000;
    }));
  }
  before = { stats };
  return stats;
}

/** Everything at a glance. */
async function overview() {
  const stats = before?.stats ?? await sample();
  const cards = STATES.map((name) => make("li", { class: "card" },
    make("a", { href: name === "dead" ? "#/dead" : `#/jobs?state=${name}` }, make("b", {}, String(stats.counts[name])), word(name))));
  const lanes = table(word("lanes"), [
    [word("lane"), (lane) => lane.lane, "figure"],
    [word("state"), (lane) => state(lane.state)],
    [word("job"), (lane) => lane.job ? jobLink(lane.job) : ""],
    [word("attempt"), (lane) => lane.attempt, "figure"],
    [word("since"), (lane) => moment(lane.since)],
    [word("waiting"), (lane) => lane.waiting, "figure"],
  ], stats.lanes);
  return [
    make("h2", { class: "hidden" }, word("overview")),
    make("ul", { class: "cards" }, ...cards),
    make("div", { class: "charts" },
      chart(word("queue"), LIVING.map((name) => word(name)), queue),
      chart(word("throughput"), ["succeeded", "buried", "cancelled"].map((name) => word(name)), throughput, (value) => value.toFixed(1)),
      chart(word("lateness"), ["p50", "p95", "p99"], lateness, (value) => `≤ ${value}`)),
    lanes,
    daemonTable(stats.daemons),
    facts([
      [word("store"), `${stats.store.name} (${stats.store.place})`], [word("of_kinds"), stats.kinds.join(", ")],
      [word("uptime"), span(stats.uptime)], [word("version"), stats.version],
    ]),
  ];
}

function daemonTable(daemons) {
  return table(word("daemons"), [
    [word("daemon"), (daemon) => `${daemon.host ?? ""} ${daemon.pid ?? ""}`.trim() || daemon.id],
    [word("state"), (daemon) => daemon.gone ? make("span", { class: "bad" }, word("gone")) : daemon.this ? word("here") : ""],
    [word("address"), (daemon) => daemon.address],
    [word("version"), (daemon) => daemon.version],
    [word("workers"), (daemon) => daemon.workers, "figure"],
    [word("running"), (daemon) => daemon.runs.flatMap((lane) => [jobLink(lane.job), " "])],
    [word("heartbeat"), (daemon) => moment(daemon.heartbeat)],
  ], daemons);
}

const JOB_COLUMNS = () => [
  [word("id"), (job) => jobLink(job.id)],
  [word("state"), (job) => state(job.state)],
  [word("method"), (job) => job.method],
  [word("name"), (job) => job.name],
  [word("due"), (job) => moment(job.due)],
  [word("attempts"), (job) => job.attempts, "figure"],
  [word("last_error"), (job) => job.last_error],
];

/** Jobs by state, a page at a time. */
async function jobs(query) {
  const chosen = query.get("state") ?? "";
  const after = query.get("after");
  const path = new URLSearchParams({ limit: "100" });
  if (STATES.includes(chosen)) path.set("state", chosen);
  if (after) path.set("after", after);
  const page = await get(`/v1/jobs?${path}`);
  const choice = make("select", { id: "state", change: (event) => { location.hash = event.target.value ? `#/jobs?state=${event.target.value}` : "#/jobs"; } },
    make("option", { value: "" }, word("all_states")),
    ...STATES.map((name) => make("option", { value: name, selected: name === chosen }, word(name))));
  return [
    make("h2", {}, word("jobs")),
    make("div", { class: "row" }, make("label", { for: "state" }, word("state")), choice),
    table(word("jobs"), JOB_COLUMNS(), page.jobs),
    page.next === null ? null : make("p", {}, make("a", { href: `#/jobs?${withAfter(chosen, page.next)}` }, word("more"))),
  ];
}

function withAfter(chosen, next) {
  const query = new URLSearchParams();
  if (chosen) query.set("state", chosen);
  query.set("after", next);
  return query;
}

/** A job's story: what was asked for, each attempt, how it ended. */
async function job(id, show) {
  const path = `/v1/jobs/${inPath(id)}`;
  const shown = await get(path, [404]);
  if (!shown || shown.state === undefined) return [make("h2", {}, id), make("p", {}, word("no_job"))];
  const act = (key, method, to) => button(key, async () => {
    await ask(method, to, undefined, [404, 409]);
    show();
  }, { class: key === "revive" ? undefined : "danger" });
  const acts = [];
  if (LIVING.includes(shown.state)) {
    acts.push(button("cancel", async () => {
      if (!(await isSure(word("cancel_sure")))) return;
      const answer = await ask("DELETE", path, undefined, [404, 409]);
      say(answer?.reason || word("cancelled"));
      show();
    }, { class: "danger" }));
  }
  if (shown.state === "dead") acts.push(act("revive", "POST", `/v1/dead/${inPath(id)}/revive`), act("purge", "DELETE", `/v1/dead/${inPath(id)}`));
  const result = shown.result;
  const params = Array.isArray(shown.params) ? JSON.stringify(shown.params) : shown.params;
  return [
    make("h2", {}, shown.id, " ", state(shown.state), shown.cancel_requested ? ` ${word("interrupted")}` : ""),
    acts.length ? make("div", { class: "row" }, ...acts) : null,
    facts([
      [word("method"), shown.method], [word("name"), shown.name], [word("cc"), shown.cc], [word("priority"), shown.priority],
      [word("accepted"), moment(shown.accepted_at)], [word("due"), moment(shown.due)], [word("door"), shown.door],
      [word("timeout"), shown.timeout && word("seconds", { n: shown.timeout })],
      [word("retry_rule"), shown.max_retry === undefined ? "" : `${shown.max_retry} × ${word("seconds", { n: shown.retry_interval })}`],
      [word("headers"), Object.keys(shown.headers ?? {}).join(", ")],
      [word("attempts"), shown.attempts], [word("claims"), shown.claims], [word("losses"), shown.losses || ""], [word("lane"), shown.lane],
    ]),
    params ? [make("h3", {}, word("params")), make("pre", { tabindex: "0" }, params)] : null,
    table(word("story"), [
      [word("attempt"), (error) => error.attempt, "figure"],
      [word("started"), (error) => moment(error.started_at)],
      [word("finished"), (error) => moment(error.finished_at)],
      [word("status"), (error) => error.status, "figure"],
      [word("reason"), (error) => error.reason],
    ], shown.errors),
    result ? [
      make("h3", {}, word("result")),
      facts([[word("result"), result.result], [word("reason"), result.reason], [word("status"), result.status],
        [word("started"), moment(result.started_at)], [word("finished"), moment(result.finished_at)]]),
      result.output ? [make("h3", {}, word("output")), make("pre", { tabindex: "0" }, result.output)] : null,
    ].flat() : null,
  ].flat();
}

/** Dead letters, to revive or purge a selection. */
async function dead(query, show) {
  const after = query.get("after");
  const page = await get(`/v1/dead?limit=100${after ? `&after=${encodeURIComponent(after)}` : ""}`);
  const boxes = new Map();
  const count = make("span", {}, `0 ${word("selected")}`);
  const act = (key, method, suffix) => button(key, async () => {
    const chosen = [...boxes].filter(([, box]) => box.checked).map(([id]) => id);
    if (!chosen.length || !(await isSure(word(`${key}_sure`, { n: chosen.length })))) return;
    let done = 0;
    let refusal = "";
    for (const id of chosen) {
      try {
        await ask(method, `/v1/dead/${inPath(id)}${suffix}`);
        done += 1;
      } catch (error) { refusal = ` ${id}: ${error.message}`; }
    }
    say(word("acted", { done, n: chosen.length }) + refusal);
    show();
    if (refusal) alarm(word("acted", { done, n: chosen.length }) + refusal);
  }, { disabled: true, class: key === "purge" ? "danger" : undefined });
  const acts = [act("revive", "POST", "/revive"), act("purge", "DELETE", "")];
  const chose = () => {
    const many = [...boxes.values()].filter((box) => box.checked).length;
    count.textContent = `${many} ${word("selected")}`;
    for (const one of acts) one.disabled = many === 0;
  };
  const box = (id) => {
    const made = make("input", { type: "checkbox", "aria-label": `${word("select")} ${id}`, change: chose });
    boxes.set(id, made);
    return made;
  };
  const all = make("input", { type: "checkbox", id: "all", change: (event) => {
    for (const one of boxes.values()) one.checked = event.target.checked;
    chose();
  } });
  return [
    make("h2", {}, word("dead_letters")),
    make("div", { class: "row" }, all, make("label", { for: "all" }, word("select_all")), ...acts, count),
    table(word("dead_letters"), [[word("select"), (job) => box(job.id)], ...JOB_COLUMNS()], page.jobs),
    page.next === null ? null : make("p", {}, make("a", { href: `#/dead?after=${page.next}` }, word("more"))),
  ];
}

/** Schedules with their next fire times. */
async function schedules(show) {
  const list = await get("/v1/schedules?limit=1000");
  const act = (key, schedule) => button(key === "run" ? "run_now" : key, async () => {
    if (key === "run" && !(await isSure(word("run_sure")))) return;
    const answer = await ask("POST", `/v1/schedules/${inPath(schedule.id)}/${key}`);
    say(`${schedule.id}: ${answer?.state ?? "OK"}`);
    show();
  }, { "aria-label": `${word(key === "run" ? "run_now" : key)} ${schedule.id}` });
  return [
    make("h2", {}, word("schedules")),
    table(word("schedules"), [
      [word("schedule"), (one) => [make("b", {}, one.id), make("br"), one.text]],
      [word("words_of"), (one) => [one.words, make("br"), one.zone]],
      [word("next"), (one) => one.paused ? make("span", { class: "warm" }, word("paused")) : one.next.slice(0, 3).flatMap((at) => [moment(at), make("br")])],
      [word("last"), (one) => one.last ? [moment(one.last.at), " ", jobLink(one.last.job), " ", one.last.state ? state(one.last.state) : ""] : ""],
      [word("trouble"), (one) => [one.trouble ?? "", one.missed ? ` ${one.missed} ${word("missed")}` : "", one.skipped ? ` ${one.skipped} ${word("skipped")}` : ""].join("")],
      ["", (one) => [act("run", one), " ", one.paused ? act("resume", one) : act("pause", one)]],
    ], list.schedules),
    table(word("files"), [
      [word("name"), (file) => file.name],
      [word("problems"), (file) => file.missing ?? file.problems.flatMap((problem) => [`${problem.line}:${problem.column} ${problem.message}`, make("br")])],
    ], list.files),
  ];
}

/** A form that submits a task and waits for its result. */
function submit() {
  const field = (name, attributes = {}, help = "") => make("div", {},
    make("label", { for: `f-${name}` }, word(name), help ? ` (${help})` : ""),
    make("input", { id: `f-${name}`, name, ...attributes }));
  const answer = make("div", { role: "status", "aria-live": "polite" });
  const form = make("form", { class: "fields", submit: async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(form));
    const task = { method: values.method, name: values.name, params: values.params, cc: values.cc };
    for (const name of ["delay", "wait"]) if (values[name]) task[name] = Number(values[name]);
    if (values.id) task.id = values.id;
    answer.replaceChildren(word("sending"));
    try {
      const given = await ask("POST", "/task_in_queue", task, [400, 409]);
      answer.replaceChildren(make("h3", {}, word("answer")), given.id ? make("p", {}, jobLink(given.id)) : "", make("pre", { tabindex: "0" }, JSON.stringify(given, null, 2)));
    } catch (error) {
      answer.replaceChildren(word("refused", { reason: error.message }));
    }
  } },
  make("div", {}, make("label", { for: "f-method" }, word("method")),
    make("select", { id: "f-method", name: "method" }, ...(before?.stats.kinds ?? ["GET", "POST"]).map((kind) => make("option", { selected: kind === "GET" }, kind)))),
  field("name", { required: true, placeholder: "http://127.0.0.1:9000/" }),
  field("id", { maxlength: "200" }, word("id_help")),
  field("delay", { type: "number", min: "0", step: "any", placeholder: "0" }),
  field("cc", {}, word("cc_help")),
  field("wait", { type: "number", min: "0", max: "3600", step: "any", value: "10" }),
  make("div", { class: "all" }, make("label", { for: "f-params" }, word("params"), ` (${word("params_help")})`), make("textarea", { id: "f-params", name: "params", spellcheck: "false" })),
  make("div", { class: "all" }, make("button", {}, word("send"))));
  return [make("h2", {}, word("submit")), form, answer];
}
