// Draws the charts of a page: every element with `data-chart` names its specification. The bundler
// gives it `vegaEmbed`.

const dark = window.matchMedia("(prefers-color-scheme: dark)");

function theme() {
  return document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
}

async function draw(place) {
  const answer = await fetch(`${place.dataset.chart}?theme=${theme()}`);
  if (!answer.ok) return;
  const spec = await answer.json();
  spec.width = "container";
  spec.autosize = { type: "fit-x", contains: "padding" };
  // `ast` has Vega interpret expressions, as the page's policy forbids to compile them; the styles
  // that it would add to the page are forbidden, too.
  const options = { ast: true, actions: false, renderer: "canvas", defaultStyle: false, tooltip: false };
  await vegaEmbed(place, spec, options);
}

function drawAll() {
  for (const place of document.querySelectorAll("[data-chart]")) draw(place);
}

dark.addEventListener("change", drawAll);
drawAll();
