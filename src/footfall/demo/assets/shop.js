// Reports to Footfall. The page says what in its data block, so that no script stands in the page.

window.dataLayer = window.dataLayer || [];
// Keeps calls until the SDK has arrived.
window.footfall =
  window.footfall ||
  function () {
    (footfall.q = footfall.q || []).push(arguments);
  };

const page = JSON.parse(document.getElementById("shop-page").textContent);
footfall("init", page.settings);
for (const [call, fields] of page.calls) footfall(call, fields);
for (const push of page.pushes) dataLayer.push(push);

// Whoever uses this browser next is somebody else.
document.querySelector("[data-logout]")?.addEventListener("submit", () => footfall("reset"));
