const scheme = matchMedia("(prefers-color-scheme: dark)"), canHover = matchMedia("(hover: hover)").matches;
const config = { responsive: true, displaylogo: false, displayModeBar: canHover ? "hover" : false };
const LETTERS = {{ letters | tojson }};
async function unpack(name) {  // see packing.py
  const text = document.getElementById(`packed-${name}`).textContent.trim(), values = new Uint8Array(128);
  for (let at = 0; at < LETTERS.length; at++) values[LETTERS.charCodeAt(at)] = at;
  const odd = text.length % 2, bytes = new Uint8Array(Math.floor((text.length - odd) / 2 * 13 / 8) - odd);
  let word = 0, bits = 0, end = 0;
  for (let at = 0; at < text.length - odd; at += 2) {
    word = word << 13 | values[text.charCodeAt(at)] * LETTERS.length + values[text.charCodeAt(at + 1)];
    for (bits += 13; bits >= 8; bits -= 8) bytes[end++] = word >> bits - 8;  // beyond the end it does nothing
    word &= (1 << bits) - 1;
  }
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
}
let figures = [];
async function begin() {
  const places = [...document.querySelectorAll("figure")].filter(figure => figure.querySelector(".plot"));
  if (places.length) {
    const [code, packed] = await Promise.all([unpack("plotly"), unpack("figures")]), contents = JSON.parse(packed);
    document.head.append(Object.assign(document.createElement("script"), { textContent: code }));
    figures = places.map(figure => ({ place: figure.querySelector(".plot"), content: contents[figure.id] }));
  }
  scheme.addEventListener("change", draw);
  await draw();
}
const turn = () => new Promise(done => setTimeout(done));  // the page stays usable while it draws
const through = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)" };  // a box that scrolls has a shade
const onPage = template => ({ ...template, layout: { ...template.layout, ...through } });
let drawing = 0;
async function draw() {
  const mine = ++drawing, template = onPage(scheme.matches ? DARK : LIGHT);
  for (const { place, content } of figures) {
    const layout = { ...content.layout, template };
    if (!canHover) layout.dragmode = false;  // a finger scrolls the page
    await Plotly.react(place, content.data, layout, config);
    await turn();
    if (mine !== drawing) return;
  }
  document.body.dataset.drawn = scheme.matches ? "dark" : "light";
}
if (window.DecompressionStream) begin();
else document.getElementById("undrawn").hidden = false;

for (const head of document.querySelectorAll("th[aria-sort]"))
  head.querySelector("button").addEventListener("click", () => {
    const body = head.closest("table").tBodies[0], column = head.cellIndex;
    const falling = head.getAttribute("aria-sort") === "ascending";
    const value = row => row.cells[column].dataset.order ?? row.cells[column].textContent;
    const compare = (a, b) => value(a).localeCompare(value(b));
    const numeric = (a, b) => value(a) - value(b);
    const rows = [...body.rows], order = rows.some(row => isNaN(value(row))) ? compare : numeric;
    rows.sort((a, b) => falling ? order(b, a) : order(a, b));
    for (const other of head.parentNode.cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    body.append(...rows);
  });
for (const table of document.querySelectorAll("table[data-unfolded]")) {
  const button = document.createElement("button"), rows = table.tBodies[0].rows.length;
  button.type = "button";
  button.className = "more";
  const show = folded => {
    table.classList.toggle("folded", folded);
    button.setAttribute("aria-expanded", !folded);
    button.textContent = folded ? `show all ${rows} rows` : `show ${table.dataset.unfolded} rows`;
  };
  button.addEventListener("click", () => show(!table.classList.contains("folded")));
  show(true);
  table.closest(".wide").after(button);
}
