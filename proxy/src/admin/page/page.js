"use strict";
// Everything that comes from the proxy is written as text: a node's name is never markup.
const KEY = "ringway-token", EVERY_MS = 1000, HISTORY = 120, WINDOW = 10, MINUTE = 60;
const STEPS = ["staging", "copying", "catching up", "frozen", "committing", "activating"];
const at = (id) => document.getElementById(id);
const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};
const draw = (tag, attributes, text) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
};
const count = (number) => Math.round(number).toLocaleString("en");
const short = (number) => number >= 100 ? count(number) : number >= 10 ? number.toFixed(1) : number.toFixed(number ? 2 : 0);
const percent = (share) => (100 * share).toFixed(2) + " %";

// Colours in the order in which nodes were first seen, as far apart as can be.
const hues = new Map();
const colour = (name, alpha = 1) => {
  if (!hues.has(name)) hues.set(name, (212 + hues.size * 137.508) % 360);
  return `hsl(${hues.get(name).toFixed(1)} 62% var(--light) / ${alpha})`;
};

async function get(path) {
  const headers = { Authorization: "Bearer " + sessionStorage.getItem(KEY) };
  const answer = await fetch(path, { headers, cache: "no-store", signal: AbortSignal.timeout(5000) });
  if (answer.status === 401) throw new Refused();
  if (!answer.ok) throw new Error(((await answer.json().catch(() => ({}))).message) || `${path}: ${answer.status}`);
  return path === "/metrics" ? answer.text() : answer.json();
}
class Refused extends Error {}

/** Samples of Prometheus' text: name{labels} to value. */
function parse(text) {
  const samples = new Map();
  for (const line of text.split("\n")) {
    const space = line.lastIndexOf(" ");
    if (line && line[0] !== "#" && space > 0) samples.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return samples;
}
const sum = (samples, name) => {
  let total = 0;
  for (const [key, value] of samples) if (key === name || key.startsWith(name + "{")) total += value;
  return total;
};
const label = (key, name) => (new RegExp(name + '="([^"]*)"').exec(key) || [])[1];

const history = [];
/** The growth of counters over the last so many samples, and how many seconds those took. */
function growth(samples) {
  const now = history[history.length - 1], then = history[Math.max(0, history.length - 1 - samples)];
  const seconds = (now.time - then.time) / 1000;
  // A counter that fell began anew: the proxy was started again.
  return { seconds, of: (read) => Math.max(0, read(now.samples) - read(then.samples)) };
}
const answers = (samples) => sum(samples, "ringway_node_answers_total");
const refusals = (samples) => sum(samples, "ringway_refusals_total");
const failures = (samples) => refusals(samples) + (samples.get('ringway_node_answers_total{class="5xx"}') || 0) + sum(samples, "ringway_answers_cut_total");

/** A quantile of the requests of the last seconds, in milliseconds, from the histogram. */
function quantile(wanted, grown) {
  const name = "ringway_request_seconds_bucket";
  const ends = [...history[history.length - 1].samples.keys()].filter((key) => key.startsWith(name + "{"));
  const buckets = ends.map((key) => {
    const le = label(key, "le");
    return [le === "+Inf" ? Infinity : Number(le), grown.of((samples) => samples.get(key) || 0)];
  }).sort((one, other) => one[0] - other[0]);
  const total = buckets.length ? buckets[buckets.length - 1][1] : 0;
  if (!total) return null;
  let [low, before] = [0, 0];
  for (const [end, below] of buckets) {
    if (below >= wanted * total) {
      if (end === Infinity) return low * 1000;
      return 1000 * (low + (end - low) * (wanted * total - before) / Math.max(1, below - before));
    }
    [low, before] = [end, below];
  }
  return null;
}

function line(id, values) {
  const svg = at(id), top = Math.max(1, ...values), step = 120 / (HISTORY - 1);
  const points = values.map((value, index) => {
    const x = 120 - (values.length - 1 - index) * step;
    return `${x.toFixed(2)} ${(29 - 27 * value / top).toFixed(2)}`;
  });
  if (points.length < 2) return;
  const path = "M" + points.join("L");
  const begin = points[0].split(" ")[0];
  svg.replaceChildren(draw("path", { class: "area", d: `${path}L120 30L${begin} 30Z` }), draw("path", { d: path }));
}

const arc = (radius, from, to) => {
  const point = (turn) => {
    const angle = 2 * Math.PI * turn;
    return `${(radius * Math.sin(angle)).toFixed(2)} ${(-radius * Math.cos(angle)).toFixed(2)}`;
  };
  // A whole turn begins where it ends, and would be nothing.
  const end = Math.min(to, from + 0.99999);
  return `M${point(from)}A${radius} ${radius} 0 ${end - from > 0.5 ? 1 : 0} 1 ${point(end)}`;
};

function showRing(ring, status) {
  const svg = at("ring"), parts = ring.parts.length, shapes = [];
  const runs = (values, each) => {
    for (let from = 0; from < parts;) {
      let to = from + 1;
      while (to < parts && values[to] === values[from]) to++;
      each(values[from], from / parts, to / parts);
      from = to;
    }
  };
  runs(ring.parts, (owner, from, to) => {
    const shape = draw("path", { d: arc(158, from, to), fill: "none", "stroke-width": 40 });
    shape.style.stroke = colour(ring.nodes[owner]);
    shape.append(draw("title", {}, ring.nodes[owner]));
    shapes.push(shape);
  });
  runs(ring.moving, (to, from, end) => {
    if (to === null) return;
    const shape = draw("path", { d: arc(190, from, end), fill: "none", "stroke-width": 12, class: "going" });
    shape.style.stroke = colour(ring.nodes[to]);
    shapes.push(shape);
  });
  const left = status.moves_left, nodes = status.nodes.length;
  shapes.push(draw("text", { class: "big", y: 4 }, left ? count(left) : count(nodes)));
  shapes.push(draw("text", { class: "small", y: 28 }, left ? "segments to move" : nodes === 1 ? "node, all in place" : "nodes, all in place"));
  svg.replaceChildren(...shapes);
}

function showNodes(status) {
  const top = Math.max(...status.nodes.map((node) => Math.max(node.share, node.target_share)), 1e-9) * 1.06;
  at("nodes").replaceChildren(...status.nodes.map((node) => {
    const row = make("tr"), name = make("td", "name"), dot = make("span", "dot");
    dot.style.background = colour(node.name);
    name.append(dot, node.name);
    name.title = node.name + (node.zone ? `, zone ${node.zone}` : "") + `, weight ${node.weight}`;
    const share = make("div", "share"), track = make("div", "track"), fill = make("i"), ideal = make("u");
    fill.style.width = 100 * node.share / top + "%";
    fill.style.background = colour(node.name);
    ideal.style.left = `calc(${100 * node.target_share / top}% - 1px)`;
    track.append(fill, ideal);
    const apart = Math.abs(node.share - node.target_share) > 5e-5;
    share.append(track, make("span", apart ? "off" : "", apart ? `${percent(node.share)} → ${percent(node.target_share)}` : percent(node.share)));
    const cell = make("td");
    cell.append(share);
    const state = make("td");
    state.append(make("span", "pill " + ({ up: "good", drain: "warn", leaving: "warn" }[node.state] || "bad"), node.state));
    row.append(name, cell, make("td", "right", count(node.segments)), state, make("td", "quiet", node.address || "unknown"));
    return row;
  }));
}

let most = 0;
function showMoves(moves) {
  most = moves.left ? Math.max(most, moves.left) : 0;
  at("progress").hidden = !most;
  if (most) at("progress").firstElementChild.style.width = 100 * (1 - moves.left / most) + "%";
  at("left").textContent = moves.left ? `${count(moves.left)} segments left` : "";
  const rows = moves.moves.map((move) => {
    const row = make("tr"), steps = make("div", "steps");
    // What comes after the last of them is only tidying up.
    const index = move.step === "dropping" || move.step === "ended" ? STEPS.length : STEPS.indexOf(move.step);
    STEPS.forEach((step, place) => {
      const mark = make("i", place > index ? "" : place === index && index > 2 && index < 5 ? "hot" : "on");
      mark.title = step;
      steps.append(mark);
    });
    steps.append(make("span", "", move.step));
    const node = (name) => {
      const cell = make("td", "name"), dot = make("span", "dot");
      dot.style.background = colour(name);
      cell.append(dot, name);
      return cell;
    };
    const step = make("td");
    step.append(steps);
    row.append(node(move.from), node(move.to), step, make("td", "right", count(move.rows_sent)));
    return row;
  });
  if (!rows.length) {
    const row = make("tr"), cell = make("td", "empty", moves.paused ? "Held by an operator." : moves.left ? "The next ones begin at once." : "Nothing moves: every key is where it belongs.");
    cell.colSpan = 4;
    row.append(cell);
    rows.push(row);
  }
  at("moves").replaceChildren(...rows);
  const done = moves.totals;
  at("totals").textContent = `Since the start: ${count(done.moved)} moved, ${count(done.aborted)} aborted, ${count(done.resumed)} taken over, `
    + `${count(done.rows_sent)} rows, ${(done.bytes_sent / 1048576).toFixed(1)} MiB.`;
  const { count: measured, median_ms, p99_ms, max_ms } = moves.pauses;
  at("pause").textContent = measured ? short(median_ms) : "–";
  at("pause-p99").textContent = measured ? short(p99_ms) : "–";
  at("pause-max").textContent = measured ? short(max_ms) : "–";
}

function showRates() {
  const grown = growth(WINDOW), per = (read) => grown.seconds ? grown.of(read) / grown.seconds : 0;
  const all = (samples) => answers(samples) + refusals(samples);
  at("rate").textContent = short(per(all));
  at("errors").textContent = short(per(failures));
  at("errors").className = per(failures) ? "bad-text" : "";
  for (const [id, wanted] of [["p50", 0.5], ["p99", 0.99]]) {
    const ms = grown.seconds ? quantile(wanted, grown) : null;
    at(id).textContent = ms === null ? "–" : short(ms);
  }
  const series = (read) => history.slice(1).map((sample, index) => {
    const before = history[index], seconds = (sample.time - before.time) / 1000;
    return Math.max(0, read(sample.samples) - read(before.samples)) / Math.max(seconds, 0.001);
  });
  line("rate-line", series(all));
  line("error-line", series(failures));
  const minute = growth(MINUTE), since = growth(HISTORY - 1), rows = [];
  for (const key of history[history.length - 1].samples.keys()) {
    if (!key.startsWith("ringway_refusals_total{")) continue;
    const read = (samples) => samples.get(key) || 0;
    const total = read(history[history.length - 1].samples) - (first.get(key) || 0);
    if (total <= 0 && since.of(read) <= 0) continue;
    const row = make("tr");
    row.append(make("td", "", label(key, "code")), make("td", "right", count(minute.of(read))), make("td", "right", count(Math.max(total, 0))));
    rows.push(row);
  }
  if (!rows.length) {
    const row = make("tr"), cell = make("td", "empty", "None.");
    cell.colSpan = 3;
    row.append(cell);
    rows.push(row);
  }
  at("codes").replaceChildren(...rows);
}

function banner(kind, title, text) {
  const box = make("p", "banner " + kind);
  box.append(make("b", "", title), text);
  return box;
}

function age(seconds) {
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  return days ? `${days} d ${hours} h` : hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min` : `${seconds} s`;
}

function showState(status) {
  const pill = at("state"), left = status.moves_left, banners = [];
  const down = status.nodes.filter((node) => node.state === "down").map((node) => node.name);
  if (status.map_fault) banners.push(banner("bad", "The map is not followed.", status.map_fault));
  if (status.failure) banners.push(banner("bad", "The last move failed.", status.failure));
  if (status.paused) banners.push(banner("warn", "Moves are held.", `${status.paused}. Go on with: ringway moves resume`));
  if (status.difference) banners.push(banner("warn", "The cluster file differs.", status.difference));
  if (down.length) banners.push(banner("warn", "Marked as down:", down.join(", ")));
  at("banners").replaceChildren(...banners);
  const [kind, text] = status.map_fault ? ["bad", "map not followed"]
    : status.paused && left ? ["warn", "held"]
    : left ? ["busy", `moving, ${count(left)} left`]
    : status.failure ? ["bad", "failing"] : ["good", "all in place"];
  pill.className = "pill " + kind;
  pill.textContent = text;
  document.title = (left ? `${count(left)} left · ` : "") + "Ringway";
  at("facts").textContent = `${status.layout} · configuration ${status.config} · revision ${status.revision} · fingerprint ${status.fingerprint} · version ${status.version} · up ${age(status.uptime_s)}`;
  at("flight").textContent = count(status.requests_in_flight);
  at("parked").textContent = count(status.requests_parked);
  at("connections").textContent = count(status.connections);
}

let first = null;
async function look() {
  const [status, moves, ring, metrics] = await Promise.all([get("/status"), get("/moves"), get("/ring"), get("/metrics")]);
  const samples = parse(metrics);
  first = first || samples;
  history.push({ time: performance.now(), samples });
  if (history.length > HISTORY) history.shift();
  status.nodes.forEach((node) => colour(node.name));
  showState(status);
  showRing(ring, status);
  showNodes(status);
  showMoves(moves);
  showRates();
}

const ask = (reason) => {
  at("refused").textContent = reason;
  at("ask").hidden = false;
  at("main").hidden = true;
  at("forget").hidden = true;
  at("state").className = "pill";
  at("state").textContent = "token needed";
  at("facts").textContent = "";
  at("token").focus();
};

let timer = 0;
async function run() {
  clearTimeout(timer);
  if (!sessionStorage.getItem(KEY)) return ask("");
  // A page that nobody sees asks for nothing.
  if (!document.hidden) {
    try {
      await look();
      at("ask").hidden = true;
      at("main").hidden = false;
      at("forget").hidden = false;
    } catch (error) {
      if (error instanceof Refused) {
        sessionStorage.removeItem(KEY);
        return ask("The proxy does not know this token.");
      }
      at("state").className = "pill bad";
      at("state").textContent = "no answer";
      at("banners").replaceChildren(banner("bad", "The proxy does not answer.", String(error.message || error)));
    }
  }
  timer = setTimeout(run, EVERY_MS);
}

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, at("token").value.trim());
  at("token").value = "";
  run();
});
at("forget").addEventListener("click", () => {
  sessionStorage.removeItem(KEY);
  run();
});
document.addEventListener("visibilitychange", run);
run();
