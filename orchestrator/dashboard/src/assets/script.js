// Keeps pages live, adds keys and the reading of charts. Pages are complete without it.
"use strict";

const body = document.body;
const content = () => document.getElementById("content");

// Live: the server renders, this puts what has changed in its place.
let stale = false;

async function refresh() {
  if (document.hidden || content().contains(document.activeElement?.closest("input, select, textarea"))) {
    stale = true;
    return;
  }
  stale = false;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const parts = fresh.querySelectorAll("#content .live[id]");
  const known = document.querySelectorAll("#content .live[id]");
  const same = parts.length > 0 && parts.length === known.length &&
    [...parts].every((part, place) => part.id === known[place].id);
  if (!same) return replace(content(), fresh.getElementById("content"));
  parts.forEach((part) => replace(document.getElementById(part.id), part));
}

const shown = new Map();

function replace(old, fresh) {
  if (!fresh || shown.get(fresh.id) === fresh.outerHTML) return;
  shown.set(fresh.id, fresh.outerHTML);
  old.replaceWith(document.importNode(fresh, true));
  openCharts();
}

if (body.dataset.live && window.EventSource) {
  const run = body.dataset.run ? "?run=" + encodeURIComponent(body.dataset.run) : "";
  const events = new EventSource("/events" + run);
  events.addEventListener("status", (event) => {
    const header = document.getElementById("status");
    if (header) header.innerHTML = JSON.parse(event.data).html;
  });
  // What is shown is no longer how things are: say since when.
  events.addEventListener("error", () => {
    if (document.getElementById("lost")) return;
    const lost = document.createElement("p");
    lost.id = "lost";
    lost.className = "notice bad";
    lost.setAttribute("role", "status");
    lost.textContent = `No connection since ${new Date().toLocaleTimeString()}: what is shown may be old.`;
    content().before(lost);
  });
  events.addEventListener("open", () => document.getElementById("lost")?.remove());
  events.addEventListener("changed", () => refresh().catch(() => {}));
  document.addEventListener("visibilitychange", () => stale && refresh().catch(() => {}));
  addEventListener("pagehide", () => events.close());
}

// Keys.
let current = -1;

function move(by) {
  const items = [...document.querySelectorAll(".item")];
  if (items.length === 0) return;
  current = Math.min(Math.max(current + by, 0), items.length - 1);
  items.forEach((item, place) => item.classList.toggle("current", place === current));
  const item = items[current];
  (item.matches("[tabindex]") ? item : item.querySelector("a, input") || item).focus({ preventScroll: true });
  item.scrollIntoView({ block: "nearest" });
}

function turn(key, by) {
  const link = document.querySelector(`[data-key="${key}"]`);
  if (link) link.click();
  else if (!document.querySelector("[data-key]")) move(by);
}

function find() {
  const field = document.getElementById("find");
  if (field) {
    field.focus();
    field.select();
  } else {
    const run = body.dataset.run ? "?run=" + encodeURIComponent(body.dataset.run) : "";
    location.href = "/mistakes" + run + "#find";
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const actions = {
    j: () => move(1), k: () => move(-1), n: () => turn("n", 1), p: () => turn("p", -1), "/": find,
  };
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

if (location.hash === "#find") document.getElementById("find")?.focus();

// Charts: the numbers under the pointer, from the JSON twin.
const twins = new Map();

function twin(address) {
  if (!twins.has(address)) {
    twins.set(address, fetch(address).then((answer) => answer.ok ? answer.json() : null));
    setTimeout(() => twins.delete(address), 5000);
  }
  return twins.get(address);
}

const short = (value) => Number(value.toPrecision(4)).toString();

function nearest(panel, values, x) {
  let found = -1;
  panel.x.forEach((here, place) => {
    if (values && values[place] === null) return;
    if (found < 0 || Math.abs(here - x) < Math.abs(panel.x[found] - x)) found = place;
  });
  return found;
}

// Tells the values at a place. The line for them is there already: nothing moves.
function tell(chart, panel, place) {
  const { left, right, top, bottom, from, to } = chart.dataset;
  const x = panel.x[place];
  const values = panel.series.map((series) => {
    // Series that were measured elsewhere say where.
    const own = panel.gaps === "joined" ? nearest(panel, series.values, x) : place;
    const value = own < 0 ? null : series.values[own];
    const where = own >= 0 && own !== place ? ` (at ${panel.x[own]})` : "";
    return `${series.name} ${value === null ? "–" : short(value)}${where}`;
  });
  const over = panel.over.replace("_", " ");
  chart.closest("[data-twin]").querySelector(".readout").textContent =
    `${over} ${x}: ${values.join(" · ")}`;
  let cursor = chart.querySelector(".cursor");
  if (!cursor) {
    cursor = document.createElementNS("http://www.w3.org/2000/svg", "path");
    cursor.setAttribute("class", "cursor");
    chart.appendChild(cursor);
  }
  const where = Number(left) + ((x - from) / (to - from)) * (right - left);
  cursor.setAttribute("d", `M${where} ${top}V${bottom}`);
  chart.dataset.place = place;
}

function forget(chart) {
  chart.querySelector(".cursor")?.remove();
  delete chart.dataset.place;
  const readout = chart.closest("[data-twin]")?.querySelector(".readout");
  if (readout) readout.textContent = "";
}

const chartOf = (target) => {
  const chart = target.closest?.("svg.chart");
  return chart?.closest("[data-twin]") ? chart : null;
};

async function panelOf(chart) {
  const panel = await twin(chart.closest("[data-twin]").dataset.twin).catch(() => null);
  return panel && panel.x.length > 0 ? panel : null;
}

// Charts take the keyboard's focus where there are values to tell.
function openCharts() {
  document.querySelectorAll("[data-twin] svg.chart").forEach((chart) => { chart.tabIndex = 0; });
}
openCharts();

let pointed = null;

document.addEventListener("pointermove", async (event) => {
  const chart = chartOf(event.target);
  if (pointed && pointed !== chart) forget(pointed);
  pointed = chart;
  if (!chart) return;
  const { left, right, from, to } = chart.dataset;
  const box = chart.getBoundingClientRect();
  const at = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width;
  const x = Number(from) + ((at - left) / (right - left)) * (to - from);
  const panel = await panelOf(chart);
  // The pointer may have left while the numbers were on their way.
  if (panel && pointed === chart) tell(chart, panel, nearest(panel, null, x));
});

document.addEventListener("keydown", async (event) => {
  const chart = chartOf(event.target);
  const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
  if (!chart || !(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const panel = await panelOf(chart);
  if (!panel) return;
  const last = panel.x.length - 1;
  const place = "place" in chart.dataset ? Number(chart.dataset.place) + moves[event.key] : last;
  tell(chart, panel, Math.min(Math.max(place, 0), last));
});

document.addEventListener("focusout", (event) => {
  const chart = chartOf(event.target);
  if (chart && chart !== pointed) forget(chart);
});

// The page of the API: answers in place.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form.try");
  if (!form) return;
  event.preventDefault();
  let path = form.dataset.path;
  const rest = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (name === "path" || value === "") continue;
    const place = `{${name}}`;
    if (path.includes(place)) path = path.replace(place, encodeURIComponent(value));
    else rest.append(name, value);
  }
  const address = path + (rest.size ? "?" + rest : "");
  const output = form.querySelector("output");
  const answer = await fetch(address, { method: form.dataset.method }).catch((error) => error);
  const text = answer instanceof Response ? await answer.text() : "";
  output.replaceChildren();
  const told = output.appendChild(document.createElement("p"));
  told.append(`${answer.status ?? answer} `);
  const link = told.appendChild(document.createElement("a"));
  link.href = address;
  link.textContent = address;
  const pre = output.appendChild(document.createElement("pre"));
  pre.className = "text";
  try {
    pre.textContent = JSON.stringify(JSON.parse(text), null, 2).slice(0, 100000);
  } catch {
    pre.textContent = text.slice(0, 100000);
  }
});
