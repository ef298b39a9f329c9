// The contents of the page, and how numbers, names and colours are shown.
const DATA = JSON.parse(document.getElementById("data").textContent);
const JOINT = "\u001f";
const UNITS = {
  cycles: "cycles", compute_cycles: "cycles", energy_pj: "pJ", energy_by: "pJ", dram_bytes: "B", dram_bytes_by: "B", sram_bytes: "B",
  milliseconds: "ms", millijoules: "mJ", macs: "", macs_done: "", gops: "10⁹ op/s", gops_per_watt: "10⁹ op/J", busy: "instance-cycles",
  lost: "instance-cycles", area_mm2: "mm²", leakage_pj: "pJ",
};
const $ = (id) => document.getElementById(id);
const runsOf = (group) => DATA.runs.filter((run) => run.group === group);
const runOf = (group, stem) => DATA.runs.find((run) => run.group === group && run.stem === stem);
const titleOf = (stem) => DATA.machines.find((one) => one.stem === stem).title;
const unique = (values) => [...new Set(values)];

// The words of a key; what its unit says as well is left out.
const wordsOf = (key) => key.replace(/_(by|pj|mm2)$/, "").replaceAll("_", " ")
  .replace(/\b(dram|sram)\b/, (name) => name.toUpperCase()).replace(/^macs/, "MACs");

// A key of the JSON as a heading: its words, the parts of a nested one, and its unit.
function heading(key) {
  const parts = key.split(JOINT);
  const unit = UNITS[parts[0]];
  const words = parts.map((part, at) => (at ? part : wordsOf(part))).join(" · ");
  return unit && unit !== words ? `${words} [${unit}]` : words;
}

function shown(value) {
  if (typeof value !== "number") return value ?? "";
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  return Math.abs(value) >= 1000 ? value.toLocaleString("en-US", { maximumFractionDigits: 1 }) : String(Number(value.toPrecision(5)));
}

// An element. Text is only ever set as text, so that no name becomes markup.
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// Colours are variables of the style sheet, so that light, dark and paper need no drawing anew.
const COLOURS = new Map();
{
  const rules = [];
  const add = (kind, name, [light, dark]) => {
    COLOURS.set(`${kind}${JOINT}${name}`, `var(--k${rules.length})`);
    rules.push(`--k${rules.length}: light-dark(${light}, ${dark});`);
  };
  for (const one of DATA.machines) add("machine", one.title, one.colour);
  for (const [kind, own] of Object.entries(DATA.colours)) for (const [name, colour] of Object.entries(own)) add(kind, name, colour);
  document.head.append(element("style", { text: `:root { ${rules.join(" ")} }` }));
}
const scale = (kind, names) => ({ domain: names, range: names.map((name) => COLOURS.get(`${kind}${JOINT}${name}`) ?? "gray") });
