// The controls of a page, its light and dark, and what its sections are scrolled to.
function options(id, pairs, chosen) {
  $(id).replaceChildren(...pairs.map(([value, said]) => element("option", { value, text: said })));
  if (chosen !== undefined) $(id).value = chosen;
}

function boxes(id, pairs) {
  for (const [value, said] of pairs) $(id).append(element("label", {}, element("input", { type: "checkbox", value, checked: "" }), ` ${said}`));
}
const checked = (id) => new Set([...$(id).querySelectorAll("input:checked")].map((box) => box.value));

function frame(draw) {
  document.addEventListener("change", (event) => event.target.closest(".controls") && draw());
  const dark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  $("theme").addEventListener("click", () => (document.documentElement.dataset.theme = dark() ? "light" : "dark"));
  // What a link leads to stands below the controls, which stay at the top.
  new ResizeObserver(() => document.documentElement.style.setProperty("--top", `${$("controls").offsetHeight + 8}px`)).observe($("controls"));
  return draw();
}
