// The sections: what of the contents each shows.
const state = {};
const shownRuns = (group) => runsOf(group).filter((run) => state.shown.has(run.stem));
const titles = () => DATA.machines.filter((one) => state.shown.has(one.stem)).map((one) => one.title);
const pairOf = (group, a, b) => DATA.pairs[group].find((pair) => pair.a === a && pair.b === b);
const comparable = (group, a, b) => a === b || pairOf(group, a, b)?.unlike.length === 0;

function summary() {
  const place = $("summary").querySelector("div") ?? $("summary").appendChild(element("div", { id: "summary-table" }));
  const keys = unique(DATA.runs.flatMap((run) => Object.keys(run.totals)));
  const rows = DATA.runs.map((run) => ({ network: run.group, machine: run.title, ...run.totals }));
  table(place, "summary", "Totals of every result", [text("network"), text("machine"), ...keys.map((key) => number(key))], rows);
}

// A total against the one of the machine that is normalised to; nothing where the two runs are not alike.
function relative(run) {
  const value = run.totals[state.metric];
  const [how, stem] = state.normalised;
  if (!how) return value;
  const base = comparable(run.group, stem, run.stem) ? runOf(run.group, stem)?.totals[state.metric] : undefined;
  if (base === undefined || value === undefined) return undefined;
  const [above, below] = how === "of" ? [value, base] : [base, value];
  return below ? above / below : undefined;
}

// Of the networks that every machine has that is drawn: means over different networks say nothing beside each other.
function means(rows) {
  const networks = unique(rows.map((row) => row.network));
  const machines = unique(rows.map((row) => row.machine));
  const values = (network) => machines.map((machine) => rows.find((row) => row.network === network && row.machine === machine)?.value);
  const common = networks.filter((network) => values(network).every((value) => value > 0));
  if (common.length < 2) return [];
  const logs = common.map((network) => values(network).map(Math.log));
  return machines.map((machine, at) => ({ network: `geometric mean of ${common.length}`, machine,
    value: Math.exp(logs.reduce((sum, own) => sum + own[at], 0) / common.length) }));
}

function totals() {
  const [how, stem] = state.normalised;
  const found = DATA.groups.filter((group) => state.groups.has(group)).flatMap(shownRuns)
    .map((run) => ({ network: run.group, machine: run.title, value: relative(run) })).filter((row) => row.value !== undefined);
  const rows = how ? [...found, ...means(found)] : found;
  const unit = how === "of" ? `× of ${titleOf(stem)}` : how ? `${titleOf(stem)} ÷ machine` : heading(state.metric);
  return figure("totals", {
    name: "totals", title: how ? `${heading(state.metric)}: ${unit}` : unit,
    note: how ? "Results that are not alike beside their machine (batch, layers, common parts, prices) are left out." : "",
    columns: [text("network"), text("machine"), number("value", unit)], rows,
    spec: {
      params: zoom("y"), mark: { type: "bar", clip: true },
      encoding: {
        x: { field: "network", type: "nominal", sort: null, title: null, axis: { labelAngle: -20 } },
        xOffset: { field: "machine", type: "nominal", sort: titles() },
        y: { field: "value", type: "quantitative", title: unit, axis },
        color: { field: "machine", type: "nominal", sort: titles(), scale: scale("machine", titles()), title: null },
        tooltip: tip(["network", "network"], ["machine", "machine"], ["value", unit, ",.6~g"]),
      },
    },
  });
}

const componentOf = (run) => state.component || run.array;

// Busy, the causes of loss and idle of a component, in cycles of one instance: they make up the run.
function timeOf(run) {
  const name = componentOf(run);
  const instances = run.instances[name];
  if (!instances) return {};
  const parts = { busy: run.busy[name] ?? 0, ...run.lost[name], idle: run.idle[name] ?? 0 };
  return Object.fromEntries(Object.entries(parts).map(([cause, count]) => [cause, count / instances]));
}

const PARTS = {
  energy: { title: "Energy by component", unit: "pJ", kind: "component", of: (run) => run.energy_by, prefix: () => "energy_by", divisor: () => 1 },
  dram: { title: "DRAM bytes by flow", unit: "bytes", kind: "flow", of: (run) => run.dram_bytes_by, prefix: () => "dram_bytes_by", divisor: () => 1 },
  time: { title: "Time by cause", unit: "cycles", kind: "cause", of: timeOf, prefix: (run) => `lost${JOINT}${componentOf(run)}`,
    divisor: (run) => run.instances[componentOf(run)] },
};

function where() {
  return Object.entries(PARTS).map(([name, { title, unit, kind, of }]) => {
    const order = Object.keys(DATA.colours[kind]);
    const rows = shownRuns(state.group).flatMap((run) => {
      const parts = Object.entries(of(run)).filter(([, value]) => value);
      const whole = parts.reduce((sum, [, value]) => sum + value, 0);
      return parts.map(([part, value]) => ({ machine: run.title, part, value, share: value / whole, at: order.indexOf(part) }));
    });
    const names = order.filter((part) => rows.some((row) => row.part === part));
    const what = name === "time" ? ` of ${state.component || "the compute array"}, per instance` : "";
    return figure("where", { name, title: `${title}${what}: ${state.group}`, spec: stacked(kind, names, unit, unique(rows.map((row) => row.machine)).length), rows,
      columns: [text("machine"), text("part"), number("value", unit), number("share")] });
  });
}

// The layers of a run that are in the chosen range, with their places.
function layersOf(run) {
  const every = run.words.name.map((name, at) => ({ at, name, phase: run.words.phase[at], op: run.words.op[at] }));
  return every.slice(state.first - 1, state.last);
}

function layerMetric() {
  const rows = shownRuns(state.group).flatMap((run) => layersOf(run).map((layer) =>
    ({ layer: layer.at + 1, name: layer.name, phase: layer.phase, machine: run.title, value: run.counts[state.layerMetric]?.[layer.at] ?? 0 })));
  const unit = heading(state.layerMetric);
  return figure("layers", {
    name: "layer-metric", title: `${unit} of each layer: ${state.group}`, rows,
    columns: [number("layer"), text("name"), text("phase"), text("machine"), number("value", unit)],
    spec: {
      params: zoom("x", "y"), mark: { type: "line", point: { size: 40 }, clip: true, strokeWidth: 1 },
      encoding: {
        x: { field: "layer", type: "quantitative", title: "layer", scale: { zero: false } },
        y: { field: "value", type: "quantitative", title: unit, axis },
        color: { field: "machine", type: "nominal", sort: titles(), scale: scale("machine", titles()), title: null },
        tooltip: tip(["name", "layer"], ["phase", "phase"], ["machine", "machine"], ["value", unit, ",.6~g"]),
      },
    },
  });
}

function layerParts() {
  const run = runOf(state.group, state.machine);
  const { title, unit, kind, prefix, divisor } = PARTS[state.layerParts];
  const order = Object.keys(DATA.colours[kind]);
  const columns = run ? Object.entries(run.counts).filter(([key]) => key.startsWith(`${prefix(run)}${JOINT}`))
    .map(([key, values]) => [key.slice(prefix(run).length + 1), values]) : [];
  if (run && state.layerParts === "time") columns.unshift(["busy", run.counts[`busy${JOINT}${componentOf(run)}`] ?? []]);
  columns.sort(([one], [two]) => order.indexOf(one) - order.indexOf(two));
  const rows = run ? layersOf(run).flatMap((layer) => {
    let above = 0;
    return columns.filter(([, values]) => values[layer.at]).map(([part, values]) => {
      const value = values[layer.at] / divisor(run);
      const [below] = [above, above += value];
      return { layer: layer.at + 1, name: layer.name, phase: layer.phase, part, value, below, above, from: layer.at + 0.55, to: layer.at + 1.45 };
    });
  }) : [];
  const names = order.filter((part) => rows.some((row) => row.part === part));
  return figure("layers", { name: "layer-parts", title: `${title} of each layer: ${titleOf(state.machine)}, ${state.group}`, rows,
    spec: stackedLayers(kind, names, unit),
    columns: [number("layer"), text("name"), text("phase"), text("part"), number("value", unit)] });
}

function layerTable() {
  const run = runOf(state.group, state.machine);
  const place = $("layer-table") ?? $("layers").appendChild(element("div", { id: "layer-table" }));
  if (!run) return place.replaceChildren(`There is no result of ${titleOf(state.machine)} on ${state.group}.`);
  const keys = Object.keys(run.counts);
  const rows = run.words.name.map((_, at) => ({
    layer: at + 1, ...Object.fromEntries(Object.entries(run.words).map(([word, values]) => [word, values[at]])),
    ...Object.fromEntries(keys.map((key) => [key, run.counts[key][at]])),
  }));
  const columns = [number("layer"), ...Object.keys(run.words).map((word) => text(word, word.replaceAll("_", " "))), ...keys.map((key) => number(key))];
  return table(place, "layers", `Every layer: ${run.title}, ${run.group}`, columns, rows);
}

// Operations per DRAM byte and per cycle under the two ceilings, as archsim breakdown has them.
function roofline() {
  const runs = shownRuns(state.group);
  const rows = runs.flatMap((run) => layersOf(run).map((layer) => {
    const [macs, bytes, cycles] = ["macs", "dram_bytes", "cycles"].map((key) => run.counts[key][layer.at]);
    const ops = DATA.ops_per_mac * macs;
    return { layer: layer.at + 1, name: layer.name, phase: layer.phase, machine: run.title, intensity: ops / bytes, rate: ops / cycles };
  }).filter((row) => [row.intensity, row.rate].every((each) => each > 0 && Number.isFinite(each))));
  const ends = [Math.min(...rows.map((row) => row.intensity)) / 2, Math.max(...rows.map((row) => row.intensity)) * 2];
  const roofs = runs.flatMap((run) => {
    const { ops_per_cycle: peak, dram_bytes_per_cycle: slope } = run.roof;
    if (!(peak > 0 && slope > 0)) return [];
    return [ends[0], peak / slope, ends[1]].toSorted((x, y) => x - y)
      .map((intensity) => ({ machine: run.title, intensity, rate: Math.min(peak, slope * intensity) }));
  });
  const colour = { field: "machine", type: "nominal", sort: titles(), scale: scale("machine", titles()), title: null };
  const x = { field: "intensity", type: "quantitative", scale: { type: "log" }, title: "operations per DRAM byte" };
  const y = { field: "rate", type: "quantitative", scale: { type: "log" }, title: "operations per cycle" };
  return figure("roofline", {
    name: "roofline", title: `Roofline: ${state.group}`, rows,
    note: "Lines: what DRAM can feed, and two operations per multiplier and cycle. Skipped work counts as done, so a machine that skips may "
      + "stand above its roof, and so may a layer whose bytes came while an earlier one was computed.",
    columns: [number("layer"), text("name"), text("phase"), text("machine"), number("intensity", x.title), number("rate", y.title)],
    spec: { height: 360, layer: [
      { data: { values: roofs }, mark: { type: "line", strokeWidth: 1.5, clip: true }, encoding: { x, y, color: colour, order: { field: "intensity" } } },
      { params: zoom("x", "y"), mark: { type: "point", filled: true, size: 45, opacity: 0.8, clip: true }, encoding: { x, y, color: colour,
        tooltip: tip(["name", "layer"], ["phase", "phase"], ["machine", "machine"], ["intensity", x.title, ",.4~g"], ["rate", y.title, ",.4~g"]) } },
    ] },
  });
}

const DIFFERENCES = { cycles: ["Cycles", "cycles"], energy_pj: ["Energy", "pJ"] };

function difference() {
  const pair = pairOf(state.group, state.a, state.b);
  const why = !pair ? "The two are not both here, or not held against each other: a network has too many results for every pair."
    : pair.unlike.length ? `Not compared, for they differ in more than the machine: ${pair.unlike.join("; ")}.`
      : "From the results' own accounts; archsim explain switches mechanisms off one after the other and so says more.";
  return Object.entries(DIFFERENCES).map(([key, [title, unit]]) => {
    const rows = (pair?.[key] ?? []).map(([part, value]) => ({ part, value, way: value > 0 ? "more" : "less" }));
    const whole = rows.reduce((sum, row) => sum + row.value, 0);
    return figure("difference", {
      name: `difference-${key}`, title: `${title}: from ${titleOf(state.a)} to ${titleOf(state.b)}, ${state.group}${rows.length ? `: ${shown(whole)} ${unit}` : ""}`, note: why, rows,
      columns: [text("part"), number("value", unit)],
      spec: { height: 22 * rows.length, params: zoom("x"), mark: { type: "bar", clip: true }, encoding: {
        y: { field: "part", type: "nominal", sort: null, title: null }, x: { field: "value", type: "quantitative", title: unit, axis },
        color: { field: "way", type: "nominal", scale: scale("way", ["less", "more"]), title: null },
        tooltip: tip(["part", "part"], ["value", unit, ",.6~g"]),
      } },
    });
  });
}

function machines() {
  for (const [at, one] of DATA.diagrams.entries()) {
    const place = element("div", { id: `machine-${at}` });
    $("machines").append(element("h3", { text: one.title }), element("img", { class: "diagram", src: one.picture, alt: `Diagram. Flows: ${one.flows.join("; ")}` }),
      element("ul", {}, ...one.flows.map((flow) => element("li", { text: flow }))),
      element("p", { text: `${one.arch_hash}; results of ${one.groups.join(", ")}` }),
      element("details", {}, element("summary", { text: "Every value" }), place));
    const rows = one.keys.map(([component, key, value]) => ({ component, key, value }));
    table(place, `machine-${one.stem}`, `Values of ${one.title}`, [text("component"), text("key"), text("value")], rows);
  }
}

function provenance() {
  const keys = unique(DATA.provenance.flatMap((row) => Object.keys(row)));
  const place = (id) => $("provenance").appendChild(element("div", { id }));
  table(place("provenance-table"), "provenance", "What made each result", keys.map((key) => text(key, key.replaceAll("_", " "))), DATA.provenance);
  const notes = DATA.notes.map(([note, files]) => ({ note, results: files.join(", ") }));
  table(place("notes-table"), "notes", "What has to be said of results", [text("note"), text("results")], notes);
}
