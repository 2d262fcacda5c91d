// The explorer: turns a tenant's keys on and off, and decides again as the platform does.
// Its data is made by atomlab/show/explorer.py. The first half decides, the second half draws.
// It is a module without imports: JupyterLab loads it as a widget, and explore.html holds it whole.

const number = value => value.toLocaleString("en-US");
const count = (n, noun) => `${number(n)} ${noun}${n === 1 ? "" : "s"}`;
const capital = text => text.slice(0, 1).toUpperCase() + text.slice(1);
const BROKEN = ["its litellm_provider is null", "its context window is not a number", "its price is null or no number"];
const CLIENT = 1, BEFORE_PRICE = 0b00111111; // bits of filters, in their order
const BITS = Array.from({ length: 256 }, (_, mask) => [...mask.toString(2)].filter(bit => bit === "1").length);
const TOOLS = 1, UNPRICED = 2, BREAKS = 2; // bits of a model's flags, and the place of the first of three

/** Return the data with the models' ids written out. */
export function unpack(data) {
  let before = "";
  const { rest, shared } = data.models;
  const ids = rest.map((end, place) => (before = before.slice(0, shared[place]) + end));
  return { ...data, ids };
}

/** Return what the page starts from: every key as captured, and the request that was asked. */
export function starting(world) {
  return { ...world.start, on: world.keys.map(key => key.on) };
}

/** Return the places of the providers that get a client, in client order. */
export function clientsOf(world, on) {
  const found = new Set(world.keys.flatMap((key, place) => (on[place] ? key.reads : [])));
  return world.providers.map((_, p) => p).filter(p => found.has(p) && world.llm[p]);
}

/** Return the decision: clients, each model judged by every filter, the order, and who answers. */
export function decide(world, state) {
  const clients = clientsOf(world, state.on);
  const ranking = rank(world, state, clients, false);
  const winner = ranking.order.length ? ranking.order[0] : null;
  const answer = winner === null ? fallback(world, state, clients) : null;
  let outcome = winner !== null ? "ranked" : answer ? "fallback" : "no-models";
  if (world.missing && (winner === null || !world.priced)) outcome = "inconclusive";
  const decision = { ...ranking, clients, winner, answer, outcome };
  return { ...decision, funnel: funnel(world, decision), sentence: sentence(world, decision) };
}

/** Judge every model; `plain` is the same request without capability, tier and cached prompt. */
function rank(world, state, clients, plain) {
  const { kinds, kind, prices, price, served, quality, allowed, catalog } = world.models;
  const total = world.ids.length, has = new Set(clients);
  const mask = new Uint8Array(total), value = new Float64Array(total), active = new Int32Array(total);
  const [window, usual] = world.kinds[state.kind];
  const least = world.tier === null || plain ? usual : world.tier;
  const wanted = plain ? -1 : world.capabilities.indexOf(state.capability);
  const asksTools = state.managed && state.tools && world.plans[state.plan][1];
  const judged = kinds.map(([s, q, a, c, , size, flags]) => { // many models are of one kind
    const serving = served[s].find(p => has.has(p)) ?? -1;
    const score = quality[q][wanted + 1], entry = catalog[c];
    const judge = serving >= 0 ? serving : served[s][0];
    const bits = (serving < 0 ? 1 : 0)
      | (size < window ? 2 : 0)
      | (wanted >= 0 && entry && !entry[0].includes(wanted) ? 4 : 0)
      | (wanted < 0 && entry && entry[1] ? 8 : 0)
      | (judge !== undefined && world.sick[judge] ? 16 : 0)
      | (score < least ? 32 : 0)
      | (state.managed && !allowed[a].includes(state.plan) ? 64 : 0)
      | (asksTools && !(flags & TOOLS) ? 128 : 0);
    const [owner, window_, cost] = [0, 1, 2].map(n => (flags >> (BREAKS + n)) & 1);
    const broken = owner || (window_ && !(bits & CLIENT)) || (cost && !(bits & BEFORE_PRICE));
    return { serving, score, bits, broken, share: plain || serving < 0 ? 1 : world.shares[serving] };
  });
  const breaks = [];
  for (let i = 0; i < total; i++) {
    const { serving, score, bits, broken, share } = judged[kind[i]], [input, output] = prices[price[i]];
    const cost = (input * share + output) / 2;
    value[i] = (score * score) / (Math.max(cost, world.cheapest) * 1e6);
    mask[i] = bits;
    active[i] = serving;
    if (broken) breaks.push(i);
  }
  const order = [];
  if (!breaks.length) mask.forEach((bits, i) => bits === 0 && order.push(i));
  order.sort((a, b) => value[b] - value[a] || a - b);
  return { mask, value, active, order, breaks };
}

/** Return who answers where pricing finds no model: its words, model and by what; null if nobody. */
function fallback(world, state, clients) {
  const rules = world.fallback;
  if (!rules || !clients.length) return null;
  const pairs = state.managed
    ? rules.managed[state.kind][state.plan]
    : rules.byok[state.kind][state.tools ? 1 : 0];
  const pair = pairs.find(([provider]) => clients.includes(provider));
  if (pair) return { provider: pair[0], model: pair[1], by: "static-mapping" };
  if (world.special || world.capabilities.includes(state.capability)) {
    const { order, active } = rank(world, state, clients, true);
    if (order.length) {
      return { provider: active[order[0]], model: world.ids[order[0]], by: "plain-ranking" };
    }
  }
  return { provider: clients[0], model: rules.last, by: "first-client" };
}

/** Return for each filter how many models enter it, how many it rejects, and of how many it alone. */
function funnel(world, { mask }) {
  const rows = world.filters.map(([name, phrase]) => ({ name, phrase, rejected: 0, only: 0 }));
  for (const bits of mask) {
    if (!bits) continue;
    const first = 31 - Math.clz32(bits & -bits);
    rows[first].rejected++;
    if (bits === 1 << first) rows[first].only++;
  }
  let entering = mask.length;
  for (const row of rows) {
    row.entering = entering;
    entering -= row.rejected;
  }
  return rows;
}

/** Return the same words as `sentence` of atomlab/show/explorer.py. */
function sentence(world, decision) {
  if (decision.outcome === "inconclusive") return `Nothing can be decided: ${world.missing}.`;
  let found = `the platform raises "${world.error}"`;
  if (decision.winner !== null) {
    const { provider, chat, mode, unpriced } = modelOf(world, decision, decision.winner);
    found = `the winner is ${world.ids[decision.winner]}, through ${provider}`;
    if (chat === false) found += `: not a chat model (${mode}), so the request fails`;
    else if (unpriced) found += " (its price is unknown, so it looks cheaper than it is)";
  } else if (decision.answer) {
    const { provider, model, by } = decision.answer;
    const who = `${world.providers[provider]}/${model}`;
    found = `pricing finds no model; ${world.fallback.ways[by]} answers with ${who}`;
  }
  return `${capital(found)}. ${capital(summary(world, decision))}.`;
}

function summary(world, { mask, breaks, ...decision }) {
  const rows = funnel(world, { mask }).filter(row => row.rejected);
  const parts = rows.map(row => `${number(row.rejected)} ${row.phrase}`);
  const usable = mask.reduce((sum, bits) => sum + (bits === 0), 0);
  if (usable) parts.push(`${number(usable)} usable`);
  if (breaks.length) {
    const flags = world.models.kinds[world.models.kind[breaks[0]]][6] >> BREAKS;
    const what = BROKEN[31 - Math.clz32(flags & -flags)], others = breaks.length - 1;
    const more = others ? ` (and ${number(others)} more ${others === 1 ? "entry" : "entries"})` : "";
    parts.push(`the entry ${world.ids[breaks[0]]}${more} breaks the ranking: ${what}`);
  }
  const total = count(mask.length, "model");
  return parts.length ? `${total}: ${parts.join(", ")}` : `${total} in the pricing cache`;
}

/** Return what there is to say of a model under a decision. */
export function modelOf(world, decision, place) {
  const [served, , , , modes, , flags] = world.models.kinds[world.models.kind[place]];
  const [mode, chat] = world.models.modes[modes];
  const serving = decision.active[place];
  const provider = serving >= 0 ? serving : world.models.served[served][0];
  const bits = decision.mask[place];
  const reasons = world.filters.filter((_, bit) => (bits >> bit) & 1).map(([, phrase]) => phrase);
  return {
    id: world.ids[place],
    provider: provider === undefined ? "" : world.providers[provider],
    raw: provider === undefined ? "" : rawProvider(world, provider),
    value: decision.value[place],
    unpriced: Boolean(flags & UNPRICED),
    mode, chat, reasons,
  };
}

/** Return the places of the next ten models: the ranked ones, then those that least rejects. */
export function losers(world, decision) {
  const found = decision.order.slice(1, 11);
  if (found.length === 10) return found;
  const orphan = place => (servedBy(world, place).length ? 0 : 1); // no key of anybody's helps
  const key = new Map();
  decision.mask.forEach((bits, place) => bits && key.set(place, orphan(place) + BITS[bits]));
  const { value } = decision;
  const rejected = [...key.keys()].sort(
    (a, b) => key.get(a) - key.get(b) || value[b] - value[a] || a - b,
  );
  return [...found, ...rejected.slice(0, 10 - found.length)];
}

// What can be taken along.

const rawName = key => key.raw ?? key.name;
const rawProvider = (world, place) => world.raw[place] ?? world.providers[place];

/** Return which keys were turned on, and which off, in the order in which they stand. */
export function flipped(world, state) {
  const changed = world.keys.map((key, n) => ({ key, now: state.on[n] })).filter(c => c.now !== c.key.on);
  return [true, false].map(on => changed.filter(c => Boolean(c.now) === on).map(c => c.key));
}

/** Return text in double quotes as YAML reads it, in plain ASCII. */
function quoted(text) {
  const escaped = [...text].map(c => {
    if (c === '"' || c === "\\") return `\\${c}`;
    if (c >= " " && c <= "~") return c;
    return `\\U${c.codePointAt(0).toString(16).padStart(8, "0")}`;
  });
  return `"${escaped.join("")}"`;
}

/** Return a hypothesis file: what is so before the change and, of a copied key, what cures. */
export function hypothesis(world, state, after = decide(world, state)) {
  const [on, off] = flipped(world, state);
  const before = decide(world, { ...state, ...starting(world), ...requestOf(state) });
  const kind = state.kind + (state.tools ? " with tools" : "");
  const claims = [];
  const claim = (kind_, statement, fields) => claims.push({ kind: kind_, statement, ...fields });
  for (const key of on.filter(key => key.state === null)) {
    claim("key_absent", `There is no ${key.name}.`, { setting_key: rawName(key) });
  }
  for (const key of off) claim("key_present", `${key.name} holds a key.`, { setting_key: rawName(key) });
  for (const p of after.clients.filter(p => !before.clients.includes(p))) {
    claim("client_absent", `${world.providers[p]} gets no client.`, { provider: rawProvider(world, p) });
    const own = world.ids.map((_, i) => i).filter(i => servedBy(world, i).includes(p));
    if (own.length && own.every(i => before.active[i] < 0)) {
      const statement = `Every model of ${world.providers[p]} is skipped.`;
      claim("models_skipped", statement, { provider: rawProvider(world, p) });
    }
  }
  for (const p of before.clients.filter(p => !on.length || !after.clients.includes(p))) {
    claim("client_present", `${world.providers[p]} gets a client.`, { provider: rawProvider(world, p) });
  }
  if (before.outcome === "no-models" || !claims.length) {
    claim("ranking_raises", `A ${kind} request raises the error.`, { message: world.error });
  }
  const [key] = on, wins = after.winner !== null && modelOf(world, after, after.winner);
  const alone = on.length === 1 && !off.length && state.plan === world.start.plan;
  if (alone && key.copy && wins && wins.chat !== false && before.winner === null && !world.missing) {
    const statement = `${key.name} with the value of another key lets ${wins.provider} answer.`;
    const fields = { setting_key: rawName(key), copy_from: key.copy, provider: wins.raw };
    claim("fix_resolves", statement, fields);
  }
  const request = {
    complexity: state.kind, tools: state.tools, managed: state.managed,
    capability: state.capability, ...world.request,
  };
  const lines = [`# ${ascii(after.sentence)}`];
  if (!alone && on.length + off.length) lines.push("# With all changes made; the claims are on the tenant as captured.");
  if (state.plan !== world.start.plan) lines.push("# The plan is changed as well, which no claim can say.");
  lines.push(`title: ${quoted(`What if, for ${world.tenant}`)}`);
  if (world.called) lines.push(`tenant: ${quoted(world.called)}`);
  lines.push("request:");
  for (const [name, asked] of Object.entries(request)) {
    if (asked || asked === false) lines.push(`  ${name}: ${typeof asked === "string" ? quoted(asked) : asked}`);
  }
  lines.push("claims:");
  claims.slice(0, 100).forEach(({ kind: what, ...fields }, place) => {
    lines.push(`  - id: C${place + 1}`, `    kind: ${what}`);
    for (const [name, text] of Object.entries(fields)) lines.push(`    ${name}: ${quoted(text)}`);
  });
  return `${lines.join("\n")}\n`;
}

const ascii = text => quoted(text).slice(1, -1).replaceAll('\\"', '"'); // in a comment a quote is plain
const servedBy = (world, place) => world.models.served[world.models.kinds[world.models.kind[place]][0]];
const requestOf = ({ kind, tools, managed, capability }) => ({ kind, tools, managed, capability });

/** Return what has to be done to make the change: SQL where a key is copied, words for the rest. */
export function todo(world, state) {
  const [on, off] = flipped(world, state), start = world.start;
  const words = on.filter(key => !key.sql).map(key => key.todo);
  for (const key of off) {
    words.push(world.settings
      ? `the tenant removes its setting ${key.name}`
      : `unset the worker's variable ${key.name}, and restart the worker`);
  }
  if (state.plan !== start.plan) words.push(`an operator changes the tenant's plan to ${world.plans[state.plan][0]}`);
  if (state.managed !== start.managed) {
    words.push(`an operator changes the tenant's ai_mode to ${state.managed ? "managed" : "byok"}`);
  }
  const asked = s => `${s.kind}${s.tools ? " with tools" : ""}${s.capability ? `, ${s.capability}` : ""}`;
  if (asked(state) !== asked(start)) words.push(`whoever calls asks for: ${asked(state)}`);
  const scripts = on.filter(key => key.sql).map(key => key.sql);
  if (!words.length && !scripts.length) return "Nothing is changed: this is the tenant as captured.\n";
  const said = words.map(word => `${scripts.length ? "-- " : "- "}${capital(word)}.\n`);
  return [...said, ...scripts].join(scripts.length ? "\n" : "");
}

// What is drawn. All text reaches the page as text, never as HTML.

function element(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== "" && value !== undefined && value !== false) made.setAttribute(attribute, value === true ? "" : value);
  }
  made.append(...inside);
  return made;
}

const LABELS = { "ranked": "A model wins", "no-models": "No models", "fallback": "Fallback", "inconclusive": "Undecided" };
const toneOf = (decision, wins) =>
  decision.outcome === "no-models" || (wins && wins.chat === false) ? "bad"
    : decision.outcome === "ranked" ? "good" : "open";
const rounded = value => value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
let drawn = 0; // explorers on this page, of which each has ids of its own

/** Draw the explorer into `root`; with `hash` the question is kept in the page's address. */
export function mount(root, data, { hash = false } = {}) {
  const world = unpack(data), id = `atomlab-explorer-${drawn++}`;
  let state = hash ? fromHash(world, location.hash) : starting(world);
  const controls = form(world, id, change => { state = { ...state, ...change }; show(); });
  const parts = Object.fromEntries(["badge", "said", "clients", "models", "take"].map(name => [name, element("div")]));
  parts.badge.className = "badge";
  parts.said.className = "said";
  const live = element("div", { class: "decision", role: "status", "aria-live": "polite", "aria-atomic": "true" }, parts.badge, parts.said);
  const taken = take(id, world, () => state);
  const { snapshot, captured, rules } = data.about;
  root.replaceChildren(
    element("header", {},
      element("h1", {}, `What if? ${data.tenant}`),
      element("p", { class: "about" }, `Turn keys on and off and see what the platform decides. Snapshot ${snapshot}, captured ${captured}, rules ${rules}. Nothing is changed anywhere.`)),
    live,
    element("div", { class: "columns" },
      controls.node,
      section(id, "clients", "Clients", parts.clients),
      section(id, "models", "Models", parts.models)),
    taken.node,
  );
  function show() {
    const decision = decide(world, state);
    const wins = decision.winner === null ? null : modelOf(world, decision, decision.winner);
    controls.show(state);
    if (parts.said.textContent !== decision.sentence) parts.said.textContent = decision.sentence;
    parts.badge.textContent = wins && wins.chat === false ? "No chat model" : LABELS[decision.outcome];
    parts.badge.className = `badge ${toneOf(decision, wins)}`;
    parts.clients.replaceChildren(clientList(world, decision));
    parts.models.replaceChildren(winnerList(world, decision, wins), funnelTable(decision), loserTable(world, decision));
    taken.show(decision);
    if (!hash) return;
    const address = toHash(world, state) || location.href.split("#")[0];
    try { history.replaceState(null, "", address); } catch { /* in another page's frame it has no address */ }
  }
  if (hash) addEventListener("hashchange", () => { state = fromHash(world, location.hash); show(); });
  show();
}

function section(id, name, title, ...inside) {
  const heading = `${id}-${name}`;
  return element("section", { class: name, "aria-labelledby": heading }, element("h2", { id: heading }, title), ...inside);
}

/** Return the switches, and what shows a state in them. */
function form(world, id, changed) {
  const shows = [];
  const choice = (name, title, options, hint = "") => {
    const about = `${id}-${name}-hint`;
    const select = element("select", { id: `${id}-${name}`, "aria-describedby": hint && about }, ...options.map(([value, text]) => new Option(text, value)));
    select.addEventListener("change", () => changed({ [name]: name === "plan" ? Number(select.value) : name === "managed" ? select.value === "1" : select.value }));
    shows.push(state => { select.value = name === "managed" ? String(Number(state.managed)) : String(state[name]); });
    const note = hint ? [element("small", { id: about }, hint)] : [];
    return element("div", { class: "choice" }, element("label", { for: select.id }, title), select, ...note);
  };
  const flip = (text, hint, read, change, classes = "") => {
    const box = element("input", { type: "checkbox", role: "switch" });
    const label = element("label", { class: `switch ${classes}` }, box, element("span", {}, text, element("small", {}, hint)));
    box.addEventListener("change", () => changed(change(box.checked)));
    shows.push(state => { box.checked = Boolean(read(state)); });
    return label;
  };
  let now = null;
  shows.push(state => { now = state; });
  const keySwitch = (key, place) => {
    const label = flip(key.name, key.state === null ? readBy(world, key) : `${key.state}; ${readBy(world, key)}`, state => state.on[place],
      on => ({ on: now.on.map((was, n) => (n === place ? Number(on) : was)) }), "key");
    shows.push(state => label.classList.toggle("changed", state.on[place] !== key.on));
    return label;
  };
  const held = world.keys.map((key, place) => [key, place]);
  const group = (title, some) => some.length ? [element("fieldset", {}, element("legend", {}, title), ...some.map(pair => keySwitch(...pair)))] : [];
  const reset = element("button", { type: "button" }, "As captured");
  reset.addEventListener("click", () => changed(starting(world)));
  const node = section(id, "switches", "Keys and request",
    element("fieldset", {}, element("legend", {}, "Request"),
      choice("kind", "Kind", Object.keys(world.kinds).map(kind => [kind, kind])),
      choice("managed", "Mode", [["0", "BYOK"], ["1", "managed"]]),
      choice("plan", "Plan", world.plans.map(([name], place) => [place, name]), "It counts for managed requests only."),
      ...(world.capabilities.length ? [choice("capability", "Capability", [["", "none"], ...world.capabilities.map(c => [c, c])])] : []),
      flip("Needs tools", "tools or structured output", state => state.tools, tools => ({ tools })),
      reset),
    ...group(world.settings ? "Keys that the tenant has" : "Keys that the worker has", held.filter(([key]) => key.state !== null)),
    ...group("Keys that it could have", held.filter(([key]) => key.state === null)));
  return { node, show: state => shows.forEach(each => each(state)) };
}

function readBy(world, key) {
  const names = key.reads.map(p => world.providers[p] + (world.llm[p] ? "" : " (gets no client)"));
  if (!names.length) return "no provider reads it";
  return names.length === 1 ? `read for ${names[0]}` : `one switch for ${names.join(", ")}: all read it`;
}

function clientList(world, { clients, active }) {
  if (!clients.length) return element("p", {}, "None: no provider finds a usable key.");
  const models = p => active.reduce((sum, serving) => sum + (serving === p), 0);
  return element("ol", {}, ...clients.map(p => element("li", {}, world.providers[p], element("small", {}, `serves ${count(models(p), "model")}`))));
}

function winnerList(world, { answer }, wins) {
  const facts = wins ? {
    "Winner": wins.id, "Provider": wins.provider, "Value score": rounded(wins.value),
    "Chat model": wins.chat === null ? "unknown" : wins.chat ? "yes" : `no (${wins.mode})`,
    "Price": wins.unpriced ? "unknown: looks cheaper than it is" : "known",
  } : answer ? {
    "Winner": "none by pricing", "Fallback": answer.model, "Provider": world.providers[answer.provider],
  } : { "Winner": "none" };
  return element("dl", {}, ...Object.entries(facts).map(([name, text]) => element("div", {}, element("dt", {}, name), element("dd", {}, text))));
}

function table(title, heads, rows) {
  const cell = (name, attributes, inside) => element(name, attributes, inside);
  return element("table", {}, element("caption", {}, title),
    element("thead", {}, element("tr", {}, ...heads.map((head, n) => cell("th", { scope: "col", class: n ? "" : "first" }, head)))),
    element("tbody", {}, ...rows.map(row => element("tr", {}, ...row.map((inside, n) =>
      cell(n ? "td" : "th", n ? { "data-label": heads[n] } : { scope: "row" }, inside))))));
}

function funnelTable({ funnel, mask }) {
  const bar = (n, tone) => {
    const drawnBar = element("span", { class: `bar ${tone}`, "aria-hidden": "true" });
    drawnBar.style.width = `${mask.length ? (100 * n) / mask.length : 0}%`;
    return element("span", { class: "amount" }, element("span", {}, number(n)), drawnBar);
  };
  const rows = funnel.map(row => [row.phrase, bar(row.entering, "plain"), bar(row.rejected, "bad"), bar(row.only, "open")]);
  return table("Models by filter: entering, rejected there, rejected by this filter alone", ["filter rejects", "entering", "rejected", "only blocker"], rows);
}

function loserTable(world, decision) {
  const rows = losers(world, decision).map(place => {
    const model = modelOf(world, decision, place);
    const why = model.reasons.length ? model.reasons.join(", ") : decision.winner === null ? "an entry breaks the ranking" : model.value === modelOf(world, decision, decision.winner).value ? "same value score, later in the price map" : "lower value score";
    return [model.id, model.provider || "not registered", rounded(model.value), why];
  });
  return table(`Why the ${decision.winner === null ? "first" : "next"} ten lose`, ["model", "provider", "value score", "why"], rows);
}

/** Return what can be copied: a hypothesis file, and what to do. */
function take(id, world, now) {
  const said = element("p", { role: "status", class: "copied" });
  const shows = [];
  const text = (name, title, what, make) => {
    const area = element("textarea", { id: `${id}-${name}`, readonly: true, rows: 8, spellcheck: "false" });
    const button = element("button", { type: "button" }, `Copy ${what}`);
    button.addEventListener("click", async () => {
      area.select();
      const done = await navigator.clipboard?.writeText(area.value).then(() => true, () => false);
      said.textContent = done || document.execCommand("copy") ? `Copied: ${what}.` : "Not copied: select the text and copy it.";
    });
    shows.push(decision => {
      const made = make(world, now(), decision);
      if (area.value !== made) area.value = made;
      said.textContent = "";
    });
    return element("div", {}, element("label", { for: area.id }, title), area, button);
  };
  const node = section(id, "take", "Take it along",
    element("div", { class: "texts" }, text("claims", "This change as a hypothesis file", "the hypothesis file", hypothesis), text("todo", "As SQL or words", "what to do", todo)), said);
  return { node, show: decision => shows.forEach(each => each(decision)) };
}

/** Return what differs from the start as an address's fragment, empty if nothing does. */
export function toHash(world, state) {
  const [on, off] = flipped(world, state), start = world.start;
  const parts = [...on.map(key => ["on", rawName(key)]), ...off.map(key => ["off", rawName(key)])];
  for (const name of ["kind", "managed", "plan", "tools", "capability"]) {
    if (state[name] !== start[name]) parts.push([name, name === "plan" ? world.plans[state.plan][0] : String(state[name])]);
  }
  return parts.length ? `#${new URLSearchParams(parts)}` : "";
}

/** Return the state that a fragment says; what this page does not know is left out. */
export function fromHash(world, hash) {
  const state = starting(world), asked = new URLSearchParams(hash.slice(1)), { start } = world;
  for (const [turn, on] of [["on", 1], ["off", 0]]) {
    const names = new Set(asked.getAll(turn));
    state.on = state.on.map((was, n) => (names.has(rawName(world.keys[n])) ? on : was));
  }
  const pick = (name, known) => (known.includes(asked.get(name)) ? asked.get(name) : start[name]);
  const truth = name => pick(name, ["true", "false"]);
  const plan = world.plans.findIndex(([name]) => name === asked.get("plan"));
  return {
    ...state,
    kind: pick("kind", Object.keys(world.kinds)),
    capability: pick("capability", ["", ...world.capabilities]),
    managed: truth("managed") === start.managed ? start.managed : truth("managed") === "true",
    tools: truth("tools") === start.tools ? start.tools : truth("tools") === "true",
    plan: plan < 0 ? start.plan : plan,
  };
}

/** What JupyterLab calls (anywidget). */
export default {
  render({ model, el }) {
    const root = element("div", { class: "explorer" });
    el.append(root);
    mount(root, model.get("data"));
  },
};
