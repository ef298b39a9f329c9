// The controls, and drawing what depends on them.
function read() {
  const value = (id) => $(id).value;
  const group = value("group");
  const count = Math.max(...runsOf(group).map((run) => run.words.name.length));
  if (state.group !== group) Object.assign($("last"), { value: count, max: count }) && ($("first").value = 1);
  const [how, ...stem] = value("normalised").split(":");
  Object.assign(state, {
    group, machine: value("machine"), metric: value("metric"), component: value("component"), normalised: [how, stem.join(":")],
    shown: checked("shown"), groups: checked("groups"), first: Math.max(1, Number(value("first")) || 1), last: Number(value("last")) || count,
    layerMetric: value("layer-metric"), layerParts: value("layer-parts"), a: value("a"), b: value("b"),
  });
}

async function draw() {
  delete document.documentElement.dataset.ready;
  read();
  const drawings = [totals(), ...where(), layerMetric(), layerParts(), roofline(), ...difference()];
  layerTable();
  await Promise.all(drawings);
  document.documentElement.dataset.ready = "true";
}

function begin() {
  const machinesHere = DATA.machines.map((one) => [one.stem, one.title]);
  const groups = DATA.groups.map((group) => [group, group]);
  const scalars = unique(DATA.runs.flatMap((run) => Object.keys(run.totals)));
  const counts = unique(DATA.runs.flatMap((run) => Object.keys(run.counts))).filter((key) => !key.includes(JOINT));
  const components = unique(DATA.runs.flatMap((run) => Object.keys(run.instances)));
  const [base] = DATA.reference;
  const fullest = DATA.groups.toSorted((one, two) => runsOf(two).length - runsOf(one).length)[0];
  options("group", groups, fullest);
  options("machine", machinesHere, machinesHere.at(-1)[0]);
  options("metric", scalars.map((key) => [key, heading(key)]), "cycles");
  options("normalised", [["", "as counted"], ...machinesHere.map(([stem, title]) => [`of:${stem}`, `as a multiple of ${title}`]),
    ...machinesHere.map(([stem, title]) => [`to:${stem}`, `${title} ÷ machine (speed-up)`])], base ? `to:${base}` : "");
  options("component", [["", "the compute array"], ...components.map((name) => [name, name])]);
  options("layer-metric", counts.map((key) => [key, heading(key)]), "cycles");
  options("layer-parts", Object.entries(PARTS).map(([key, { title }]) => [key, title]), "time");
  options("a", machinesHere, base ?? machinesHere[0][0]);
  options("b", machinesHere, machinesHere.findLast(([stem]) => stem !== $("a").value)?.[0]);
  boxes("shown", machinesHere);
  boxes("groups", groups);
  $("made").textContent = `${DATA.runs.length} results, archsim ${DATA.archsim}, model ${DATA.model}.`;
  $("warnings").replaceChildren(...DATA.warnings.map((line) => element("p", { text: line })));
  summary();
  machines();
  provenance();
  return frame(draw);
}
begin();
