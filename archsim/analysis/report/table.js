// Tables: sorted by a click on a head, filtered by words, and saved as CSV.
const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;

// As `archsim.formats.spreadsheet` does: what a spreadsheet would compute stands behind an apostrophe.
function csvCell(value) {
  if (typeof value === "number") return String(value);
  const text = String(value ?? "");
  const safe = FORMULA.test(text) && text !== "-" ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const csv = (columns, rows) =>
  [columns.map((one) => one.key.replaceAll(JOINT, ".")), ...rows.map((row) => columns.map((one) => row[one.key]))]
    .map((cells) => `${cells.map(csvCell).join(",")}\n`).join("");

function save(name, text) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

function ordered(rows, { key, down }) {
  if (!key) return rows;
  const rank = (row) => row[key] ?? "";
  const compare = (x, y) => (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true }));
  return rows.toSorted((one, two) => compare(rank(one), rank(two)) * (down ? -1 : 1));
}

const kind = (one) => (one.text ? "text" : one.key.includes(JOINT) ? "number part" : "number");

// A table in `place`, in place of the one that stood there. A column is { key, title, text }; `text` are words, others numbers.
function table(place, name, caption, columns, rows) {
  const state = { key: "", down: false, filter: place.dataset.filter ?? "" };
  const body = element("tbody");
  const heads = columns.map((one) => {
    const sort = () => {
      Object.assign(state, { key: one.key, down: state.key === one.key ? !state.down : !one.text });
      draw();
    };
    return element("th", { scope: "col", class: kind(one), "data-key": one.key },
      element("button", { type: "button", text: one.title ?? heading(one.key), onclick: sort }));
  });
  const count = element("span", { role: "status" });
  const visible = () => {
    const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (row) => columns.map((one) => row[one.key] ?? "").join(" ").toLowerCase();
    return ordered(rows.filter((row) => words.every((word) => text(row).includes(word))), state);
  };
  function cell(row, one, at) {
    const value = row[one.key];
    const long = one.text && String(value ?? "").length > 60 ? " long" : "";
    const made = element(at ? "td" : "th", { class: kind(one) + long, text: shown(value), ...(at ? {} : { scope: "row" }) });
    if (typeof value === "number") made.dataset.value = String(value);
    return made;
  }
  function draw() {
    const lines = visible();
    body.replaceChildren(...lines.map((row) => element("tr", {}, ...columns.map((one, at) => cell(row, one, at)))));
    count.textContent = `${lines.length} of ${rows.length} rows`;
    heads.forEach((head) => {
      const own = head.dataset.key === state.key;
      if (own) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }
  const filter = element("input", { type: "search", "aria-label": `Filter ${caption}`, placeholder: "filter", value: state.filter, oninput: () => {
    state.filter = place.dataset.filter = filter.value;
    draw();
  } });
  const button = element("button", { type: "button", text: "CSV", "aria-label": `Save ${caption} as CSV`,
    onclick: () => save(`${name}.csv`, csv(columns, visible())) });
  const grid = element("table", {}, element("caption", { text: caption }), element("thead", {}, element("tr", {}, ...heads)), body);
  place.replaceChildren(element("div", { class: "tools" }, filter, button, count),
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, grid));
  draw();
}

const text = (key, title) => ({ key, title, text: true });
const number = (key, title) => ({ key, title, text: false });
