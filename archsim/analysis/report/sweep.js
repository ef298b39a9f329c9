// The page over a sweep: points that can be hovered over, and tables.
const FRONT = "front";
const WORDS = new Set(DATA.words);
const column = (key) => (WORDS.has(key) ? text(key, key) : number(key, key));
const columnsOf = (keys) => keys.map(column);
const machineTitles = () => DATA.machines.map((one) => one.title).filter((title) => checked("shown").has(title));
const state = {};

const WHICH = { all: "all that ran", feasible: "feasible", front: "on the front" };
const isIn = { all: () => true, feasible: (row) => row.feasible === "true", front: (row) => row[FRONT] === "true" };

function picked() {
  const machines = new Set(machineTitles());
  return DATA.rows.filter((row) => row.workload === state.group && machines.has(row.name) && isIn[state.which](row)
    && typeof row[state.across] === "number" && typeof row[state.up] === "number");
}

// Vega-Lite takes dots and brackets in a name for a path: rows are drawn under names of their own.
function points() {
  const rows = picked().map((row) => ({ ...row, x: row[state.across], y: row[state.up], c: String(row[state.colour]), best: row[FRONT] === "true" ? "front" : "other" }));
  const machines = state.colour === "name";
  const values = unique(rows.map((row) => row.c)).toSorted((one, two) => one.localeCompare(two, "en", { numeric: true }));
  const colour = machines ? { field: "c", type: "nominal", sort: machineTitles(), scale: scale("machine", machineTitles()), title: null }
    : { field: "c", type: "nominal", sort: values, scale: { scheme: values.length > 10 ? "tableau20" : "tableau10" }, title: state.colour };
  const asked = DATA.asked.map((key) => ({ field: key.replace(/[.[\]'"\\]/g, "\\$&"), title: key, type: WORDS.has(key) ? "nominal" : "quantitative", ...(WORDS.has(key) ? {} : { format: ",.6~g" }) }));
  return figure("points", {
    name: "scatter", title: `${heading(state.up)} over ${heading(state.across)}: ${state.group}`,
    note: `${rows.length} points. Diamonds are on the front of this network: no other is at least as good in every objective and better in one.`,
    columns: columnsOf(unique(["name", ...DATA.asked, state.across, state.up, FRONT])), rows,
    spec: {
      height: 420, params: zoom("x", "y"), mark: { type: "point", filled: true, opacity: 0.8, clip: true },
      encoding: {
        x: { field: "x", type: "quantitative", title: heading(state.across), axis, scale: { zero: false } },
        y: { field: "y", type: "quantitative", title: heading(state.up), axis, scale: { zero: false } },
        color: colour,
        shape: { field: "best", type: "nominal", scale: { domain: ["front", "other"], range: ["diamond", "circle"] }, title: null },
        size: { field: "best", type: "ordinal", sort: ["front", "other"], scale: { domain: ["front", "other"], range: [110, 40] }, legend: null },
        tooltip: [{ field: "name", title: "machine", type: "nominal" }, ...asked, { field: "best", title: "of the front", type: "nominal" }],
      },
    },
  });
}

async function draw() {
  delete document.documentElement.dataset.ready;
  for (const id of ["group", "across", "up", "colour", "which"]) state[id] = $(id).value;
  await points();
  document.documentElement.dataset.ready = "true";
}

function begin() {
  const groups = unique(DATA.rows.map((row) => row.workload));
  const numeric = DATA.columns.filter((key) => !WORDS.has(key));
  const [x, y] = DATA.axes;
  options("group", groups.map((name) => [name, name]), groups[0]);
  options("across", numeric.map((key) => [key, heading(key)]), x);
  options("up", numeric.map((key) => [key, heading(key)]), y);
  options("colour", ["name", ...DATA.asked].map((key) => [key, key === "name" ? "machine" : key]), DATA.machines.length > 1 ? "name" : DATA.asked[0]);
  options("which", Object.entries(WHICH), "feasible");
  boxes("shown", DATA.machines.map((one) => [one.title, one.title]));
  const shownColumns = columnsOf(DATA.shown);
  table($("best-table"), "best", "Points that no other beats", shownColumns, DATA.rows.filter((row) => row[FRONT] === "true"));
  table($("all-table"), "all", "Points", shownColumns, DATA.rows);
  $("made").textContent = `${DATA.count} points.`;
  $("cut").textContent = DATA.rows.length < DATA.count ? `The best points and the first ${DATA.most} of ${DATA.count}; the file below has all.` : "";
  $("kept").append(element("a", { href: DATA.csv, download: "points.csv", text: "points.csv, all columns" }));
  for (const one of DATA.pictures) $("drawn").append(element("h3", { text: one.title }), element("img", { class: "diagram", src: one.source, alt: one.title }));
  $("notes").querySelector("ul").replaceChildren(...DATA.notes.map((note) => element("li", { text: note })));
  return frame(draw);
}
begin();
