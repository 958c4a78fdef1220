// What the page does once it is read: sort the table, open a call, show its pairs of answers.
// Every text of a model gets in by textContent or createTextNode. No markup is ever made of data.
"use strict";
(() => {
  const PAGE = 50; // pairs at a time
  const EFFORT = 800; // changes up to which two texts are compared word by word
  const STRETCH = 600; // characters that stay the same up to which they are shown
  const FLIPS = {
    failure: "hard failure",
    loss: "only the new differs",
    both: "both differ",
    undecided: "undecided",
    gain: "only the old differs",
    same: "the same",
  };
  const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\p{Cs}/gu;

  function make(name, attributes, ...inside) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...inside.map((one) => (typeof one === "string" ? document.createTextNode(visible(one)) : one)));
    return made;
  }

  // What nobody would see, or what turns the reading direction round, is written as an escape.
  function visible(text) {
    return text.replace(HIDDEN, (char) => {
      const number = char.codePointAt(0);
      return number < 256 ? "\\x" + number.toString(16).padStart(2, "0") : "\\u" + number.toString(16).padStart(4, "0");
    });
  }

  // ---- the table ----

  function sortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make("button", { type: "button" }, head.textContent);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((one) => one.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sort(table.tBodies[0], column, down ? -1 : 1);
      });
    });
  }

  function sort(body, column, side) {
    const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const rows = [...body.rows].map((row) => [key(row), row]);
    rows.sort(([a], [b]) => side * a.localeCompare(b, "en"));
    const numbers = rows.every(([value]) => value === "–" || value.trim() !== "" && isFinite(value));
    // What is not known goes last, whichever way the others stand.
    if (numbers) rows.sort(([a], [b]) => (a === "–") - (b === "–") || side * (Number(a) - Number(b)) || 0);
    body.append(...rows.map(([, row]) => row));
  }

  // ---- the pairs of a call ----

  function opened(site) {
    const place = site.querySelector("[data-pairs]");
    if (!place || place.dataset.done) return;
    place.dataset.done = "yes";
    const pairs = JSON.parse(document.getElementById("pairs-" + place.dataset.pairs).textContent);
    for (const pair of pairs) {
      // A text that is the recorded one is not written twice.
      pair.old = pair.old ?? pair.recorded;
      pair.new = pair.new ?? pair.recorded;
    }
    show(place, pairs);
  }

  function show(place, pairs) {
    const list = make("ol", { class: "list" });
    const said = make("p", { class: "quiet", role: "status" });
    const more = make("button", { type: "button", class: "more" }, "Show more");
    let found = pairs;
    let shown = 0;
    const next = () => {
      list.append(...found.slice(shown, shown + PAGE).map(entry));
      shown = Math.min(found.length, shown + PAGE);
      more.hidden = shown >= found.length;
    };
    const filters = form(pairs, (test) => {
      found = pairs.filter(test);
      shown = 0;
      list.replaceChildren();
      const [chosen, all] = [found, pairs].map((list) => list.length.toLocaleString("en"));
      said.textContent = `${chosen} of ${all} pairs, the worst first`;
      next();
    });
    more.addEventListener("click", () => {
      const first = shown;
      next();
      list.children[first]?.querySelector("summary").focus();
    });
    place.append(filters, said, list, more);
  }

  function form(pairs, choose) {
    const flips = Object.keys(FLIPS).filter((flip) => pairs.some((pair) => pair.flip === flip));
    const kinds = [...new Set(pairs.flatMap((pair) => pair.differences.map((one) => one.kind)))].sort();
    const templates = [...new Set(pairs.map((pair) => pair.template))].sort();
    const flip = select("Case", [["", "all that differ"], ["*", "all"], ...flips.map((one) => [one, FLIPS[one]])]);
    const kind = select("Kind of difference", [["", "all"], ...kinds.map((one) => ["=" + one, one])]);
    const template = select("Prompt", [["", "all"], ...templates.map((one) => ["=" + one, one])]);
    const text = make("input", { type: "search", placeholder: "in question and answers" });
    const made = make("form", { class: "filters", role: "search" }, flip.label, kind.label);
    if (templates.length > 1) made.append(template.label);
    made.append(make("label", {}, "Text", text));
    const change = () => {
      const wanted = text.value.toLowerCase();
      choose((pair) =>
        (flip.input.value === "*" || (flip.input.value ? pair.flip === flip.input.value : pair.flip !== "same")) &&
        (!kind.input.value || pair.differences.some((one) => "=" + one.kind === kind.input.value)) &&
        (!template.input.value || "=" + pair.template === template.input.value) &&
        (!wanted || [pair.case, pair.prompt, pair.recorded, pair.old, pair.new].some((one) => one.toLowerCase().includes(wanted))));
    };
    let waiting = 0;
    made.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(change, 120);
    });
    made.addEventListener("submit", (event) => event.preventDefault());
    change.call();
    return made;
  }

  function select(name, options) {
    const input = make("select", {}, ...options.map(([value, text]) => make("option", { value }, text)));
    return { input, label: make("label", {}, name, input) };
  }

  function entry(pair) {
    const first = pair.differences.find((one) => !one.is_noise);
    const changed = first && (first.old || first.new) ? `: ${short(first.old)} → ${short(first.new)}` : "";
    const told = pair.failure || (first ? `${first.kind} ${first.where}`.trim() + changed : "");
    const summary = make("summary", {},
      make("span", { class: "flip " + pair.flip }, FLIPS[pair.flip]), " ",
      make("bdi", { class: "case" }, pair.case), " ",
      make("bdi", {}, told.slice(0, 200)));
    const folded = make("details", {}, summary);
    folded.addEventListener("toggle", () => {
      if (folded.open && folded.children.length === 1) folded.append(detail(pair));
    });
    return make("li", {}, folded);
  }

  function short(text) {
    return text.length > 40 ? text.slice(0, 40) + "…" : text || "nothing";
  }

  function detail(pair) {
    const made = make("div", { class: "pair" });
    if (pair.failure) made.append(make("p", {}, make("strong", {}, pair.failure)));
    made.append(make("h5", {}, "Asked"), make("div", { class: "text", tabindex: "0" }, stretch(pair.prompt)));
    const fields = table(pair);
    if (fields) made.append(make("h5", {}, "Fields that differ"), fields);
    if (!fields || pair.new === pair.recorded) {
      made.append(make("h5", {}, pair.new === pair.recorded ? "New answer, as recorded" : "New answer against the recorded one"));
      made.append(make("div", { class: "text", tabindex: "0" }, ...words(pair.recorded, pair.new)));
    }
    if (!fields && pair.old !== pair.recorded) {
      made.append(make("h5", {}, "Fresh old answer against the recorded one"));
      made.append(make("div", { class: "text", tabindex: "0" }, ...words(pair.recorded, pair.old)));
    } else if (pair.old === pair.recorded) {
      made.append(make("p", { class: "quiet" }, "The fresh old answer is as recorded."));
    }
    const listed = pair.differences.map((one) => difference(one, "new"));
    listed.push(...pair.old_differences.map((one) => difference(one, "old")));
    if (listed.length) {
      made.append(make("h5", {}, "What the comparison says"), make("ul", { class: "notes" }, ...listed));
    }
    return made;
  }

  function difference(one, side) {
    const where = one.where ? ` at ${one.where}` : "";
    const noise = one.is_noise ? " (noise: the old model disagrees with itself here; not counted)" : "";
    return make("li", {}, `${side}: ${one.kind}${where}: `, make("del", {}, one.old || "nothing"), " → ",
      make("ins", {}, one.new || "nothing"), noise);
  }

  // ---- field by field ----

  // Read an answer as JSON, or as calls of tools written name({...}), a line each; null for anything else.
  function structure(text) {
    const read = (said) => {
      const value = JSON.parse(said);
      return typeof value === "object" ? value : null;
    };
    try {
      return read(text);
    } catch {
      const calls = text.split("\n").map((line) => /^([\w.-]+)\((.*)\)$/.exec(line));
      if (calls.includes(null)) return null;
      try {
        return calls.map((call) => ({ tool: call[1], arguments: read(call[2]) }));
      } catch {
        return null;
      }
    }
  }

  function flatten(value, path, found) {
    if (value === null || typeof value !== "object") {
      found.set(path, JSON.stringify(value));
      return found;
    }
    const entries = Array.isArray(value)
      ? value.map((one, i) => [`${path}[${i}]`, one])
      : Object.entries(value).map(([key, one]) => [/^\w+$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`, one]);
    if (!entries.length) found.set(path, Array.isArray(value) ? "[]" : "{}");
    for (const [inner, one] of entries) flatten(one, inner, found);
    return found;
  }

  // The fields on which the three answers are not one; null where they are no fields, or where no field shows it.
  function table(pair) {
    let sides;
    try {
      sides = [pair.recorded, pair.old, pair.new].map((text) => {
        const value = structure(text);
        return value === null ? null : flatten(value, "$", new Map());
      });
    } catch {
      return null; // nested deeper than can be walked
    }
    if (!sides[0] || !sides[2]) return null;
    const paths = [...new Set(sides.flatMap((side) => [...(side || new Map()).keys()]))];
    const rows = paths.filter((path) => sides.some((side) => side && side.get(path) !== sides[0].get(path)));
    const seen = (i) => !sides[i] || rows.some((path) => sides[i].get(path) !== sides[0].get(path));
    if ((pair.new !== pair.recorded && !seen(2)) || !rows.length) return null;
    const head = make("tr", {}, ...["field", "recorded", "fresh old", "new"].map((text) => make("th", { scope: "col" }, text)));
    const body = rows.slice(0, 500).map((path) => make("tr", {},
      make("th", { scope: "row" }, path),
      make("td", {}, sides[0].get(path) ?? "–"),
      cell(sides[0].get(path), sides[1] ? sides[1].get(path) : pair.old, Boolean(sides[1])),
      cell(sides[0].get(path), sides[2].get(path), true)));
    const same = paths.length - rows.length;
    const cut = rows.length > 500 ? `, ${rows.length - 500} more that differ` : "";
    return make("div", {},
      make("table", { class: "fields" }, make("thead", {}, head), make("tbody", {}, ...body)),
      make("p", { class: "quiet" }, `${same} more ${same === 1 ? "field is" : "fields are"} the same${cut}.`));
  }

  function cell(recorded, value, isStructure) {
    if (!isStructure) return make("td", { class: "same-as" }, "not of this form");
    if (value === recorded) return make("td", { class: "same-as" }, value === undefined ? "–" : "as recorded");
    if (value === undefined) return make("td", {}, make("del", {}, "missing"));
    if (recorded === undefined) return make("td", {}, make("ins", {}, value));
    return make("td", {}, ...(value.length > 40 ? words(recorded, value) : [make("ins", {}, value)]));
  }

  // ---- word by word ----

  function words(before, after) {
    const split = (text) => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) || [];
    const a = split(before);
    const b = split(after);
    let start = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) start++;
    let end = 0;
    while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
    const middle = steps(a.slice(start, a.length - end), b.slice(start, b.length - end));
    const nodes = [];
    const put = (kind, tokens) => {
      const text = tokens.join("");
      if (text) nodes.push(kind === "same" ? stretch(text) : make(kind, {}, text));
    };
    put("same", a.slice(0, start));
    for (const [kind, tokens] of middle) put(kind, tokens);
    put("same", a.slice(a.length - end));
    return nodes;
  }

  // The shortest script from a to b (Myers, "An O(ND) Difference Algorithm", 1986); too long a one is one replacement.
  function steps(a, b) {
    if (!a.length || !b.length || Math.abs(a.length - b.length) > EFFORT) return [["del", a], ["ins", b]];
    const trace = [];
    const most = Math.min(EFFORT, a.length + b.length);
    let reach = new Map([[1, 0]]);
    for (let d = 0; d <= most; d++) {
      const now = new Map(reach);
      for (let k = -d; k <= d; k += 2) {
        const down = k === -d || (k !== d && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
        let x = down ? reach.get(k + 1) : reach.get(k - 1) + 1;
        while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
        now.set(k, x);
        if (x >= a.length && x - k >= b.length) return walked(trace, reach, a, b, d);
      }
      trace.push(reach);
      reach = now;
    }
    return [["del", a], ["ins", b]];
  }

  function walked(trace, last, a, b, d) {
    const back = [];
    const rounds = [...trace, last];
    let x = a.length;
    let y = b.length;
    for (let i = d; i > 0; i--) {
      const reach = rounds[i];
      const k = x - y;
      const down = k === -i || (k !== i && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
      const from = down ? reach.get(k + 1) : reach.get(k - 1);
      const left = from - (down ? k + 1 : k - 1);
      const begin = down ? from : from + 1;
      for (; x > begin; x--, y--) back.push(["same", a[x - 1]]);
      back.push(down ? ["ins", b[y - 1]] : ["del", a[x - 1]]);
      x = from;
      y = left;
    }
    for (; x > 0; x--) back.push(["same", a[x - 1]]);
    return merged(back.reverse());
  }

  // Put neighbours together: first what went, then what came, over single spaces that stayed between them.
  function merged(single) {
    const said = [];
    for (const [kind, token] of single) {
      const last = said[said.length - 1];
      if (last && last[0] === kind) last[1].push(token);
      else said.push([kind, [token]]);
    }
    const out = [];
    let gone = [];
    let come = [];
    const flush = () => {
      if (gone.length) out.push(["del", gone]);
      if (come.length) out.push(["ins", come]);
      gone = [];
      come = [];
    };
    said.forEach(([kind, tokens], i) => {
      const isBridge = kind === "same" && /^\s+$/.test(tokens.join("")) && gone.length + come.length && i + 1 < said.length;
      if (kind === "del" || isBridge) gone.push(...tokens);
      if (kind === "ins" || isBridge) come.push(...tokens);
      if (kind === "same" && !isBridge) {
        flush();
        out.push(["same", tokens]);
      }
    });
    flush();
    return out;
  }

  // A long text that stays the same is folded between its ends, until somebody wants it.
  function stretch(text) {
    if (text.length <= STRETCH) return document.createTextNode(visible(text));
    const ends = STRETCH / 3;
    const inner = text.slice(ends, -ends);
    const button = make("button", { type: "button", class: "gap" }, `⋯ ${inner.length.toLocaleString("en")} characters ⋯`);
    button.addEventListener("click", () => button.replaceWith(visible(inner)));
    const made = document.createDocumentFragment();
    made.append(visible(text.slice(0, ends)), button, visible(text.slice(-ends)));
    return made;
  }

  // ---- the page ----

  function jump() {
    const site = /^#site-\d+$/.test(location.hash) ? document.querySelector(location.hash) : null;
    if (!site) return;
    site.open = true;
    opened(site);
    site.scrollIntoView();
  }

  sortable(document.getElementById("calls"));
  for (const site of document.querySelectorAll("details.site")) {
    site.addEventListener("toggle", () => site.open && opened(site));
  }
  addEventListener("hashchange", jump);
  addEventListener("beforeprint", () => document.querySelectorAll("details.site").forEach((site) => (site.open = true)));
  jump();
})();
