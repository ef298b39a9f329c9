// Figures: a drawing by Vega-Lite with its caption, and its numbers as a table below it.
const INK = "currentColor";
const CONFIG = {
  background: null,
  font: "DejaVu Sans, Verdana, sans-serif",
  axis: { labelColor: INK, titleColor: INK, gridColor: INK, gridOpacity: 0.15, domainColor: INK, tickColor: INK, labelLimit: 220 },
  legend: { labelColor: INK, titleColor: INK, labelLimit: 240, symbolLimit: 60 },
  header: { labelColor: INK, titleColor: INK },
  view: { stroke: null },
};
const FIGURES = new Map();  // by name: { place, numbers, drawing, turn }

function placeOf(section, name) {
  if (!FIGURES.has(name)) {
    const parts = { caption: element("figcaption"), chart: element("div", { class: "chart" }), numbers: element("div", { id: `${name}-table` }) };
    const opened = element("details", {}, element("summary", { text: "Numbers as a table" }), parts.numbers);
    $(section).append(element("figure", { id: `figure-${name}` }, parts.caption, parts.chart, opened));
    FIGURES.set(name, { ...parts, drawing: Promise.resolve(), turn: 0 });
  }
  return FIGURES.get(name);
}

// Draws a figure if it shows anything else than before. A drawing that is overtaken by the next one is never begun.
function figure(section, { name, title, note, columns, rows, spec }) {
  const own = placeOf(section, name);
  const all = JSON.stringify([title, note, columns, rows, spec]);
  if (own.all === all) return own.drawing;
  own.all = all;
  own.caption.replaceChildren(title, element("small", { text: note ?? "" }));
  table(own.numbers, name, title, columns, rows);
  const turn = ++own.turn;
  own.drawing = own.drawing.then(async () => {
    if (turn !== own.turn) return;
    own.view?.finalize();
    own.view = undefined;
    if (!rows.length) return own.chart.replaceChildren("Nothing to draw.");
    const whole = {
      width: "container", height: 300, autosize: { type: "fit-x", contains: "padding" }, ...spec,
      data: { values: rows }, description: `${title}. The numbers stand in the table below.`, config: CONFIG,
    };
    own.view = (await vegaEmbed(own.chart, whole, { renderer: "svg", actions: false, ast: true, tooltip: { theme: "custom" } })).view;
  });
  return own.drawing;
}

const zoom = (...encodings) => [{ name: "zoom", select: { type: "interval", encodings, zoom: "wheel![event.altKey]" }, bind: "scales" }];
const axis = { format: "~s" };
const tip = (...fields) => fields.map(([field, title, format]) => ({ field, title, ...(format ? { format, type: "quantitative" } : { type: "nominal" }) }));

// Bars of parts, stacked, for each machine.
const stacked = (kind, names, unit, count) => ({
  params: zoom("x"),
  height: Math.max(26 * count, 13 * names.length),
  mark: { type: "bar", clip: true },
  encoding: {
    y: { field: "machine", type: "nominal", sort: null, title: null },
    x: { field: "value", type: "quantitative", title: unit, axis },
    color: { field: "part", type: "nominal", sort: names, scale: scale(kind, names), title: null },
    order: { field: "at", type: "quantitative" },
    tooltip: tip(["machine", "machine"], ["part", "part"], ["value", unit, ",.6~g"], ["share", "share", ".1%"]),
  },
});

// Bars of parts, stacked, for each layer in its place.
const stackedLayers = (kind, names, unit) => ({
  params: zoom("x"),
  mark: { type: "bar", clip: true },
  encoding: {
    x: { field: "from", type: "quantitative", title: "layer", scale: { nice: false, zero: false } },
    x2: { field: "to" },
    y: { field: "below", type: "quantitative", title: unit, axis },
    y2: { field: "above" },
    color: { field: "part", type: "nominal", sort: names, scale: scale(kind, names), title: null },
    tooltip: tip(["name", "layer"], ["phase", "phase"], ["part", "part"], ["value", unit, ",.6~g"]),
  },
});
