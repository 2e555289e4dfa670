// What every page of the console needs: htmx without eval, and small behaviours told by data attributes.

import htmx from "htmx.org";

import { startSearch } from "./parts/search_dialog";
import { startUploads } from "./parts/upload";

htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false; // the style would be inline, which our policy forbids
htmx.config.selfRequestsOnly = true;
htmx.config.scrollBehavior = "auto";
// A refusal is a page or a part of one too: it says what is wrong.
htmx.config.responseHandling = [
  { code: "204", swap: false },
  { code: "[23]..", swap: true },
  { code: "[45]..", swap: true, error: true },
];

declare global {
  interface Window {
    htmx: typeof htmx;
  }
}
window.htmx = htmx;

/** Return the nearest element around the event's target that has the attribute. */
function around(event: Event, attribute: string): HTMLElement | null {
  return event.target instanceof Element ? event.target.closest<HTMLElement>(`[${attribute}]`) : null;
}

async function copy(button: HTMLElement): Promise<void> {
  const text = button.dataset.copy ?? "";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without a secure context there is no clipboard: select what stands beside the button.
    const shown = button.parentElement?.querySelector("pre");
    if (shown) getSelection()?.selectAllChildren(shown);
    return;
  }
  const label = button.querySelector("span") ?? button;
  const before = label.textContent;
  label.textContent = "Copied";
  setTimeout(() => (label.textContent = before), 1500);
}

document.addEventListener("click", (event) => {
  const copied = around(event, "data-copy");
  if (copied) void copy(copied);

  const toggle = around(event, "data-toggle");
  const toggled = toggle && document.getElementById(toggle.dataset.toggle ?? "");
  if (toggle && toggled) {
    const open = toggled.classList.toggle("open");
    toggle.setAttribute("aria-expanded", String(open));
  }

  const opener = around(event, "data-open");
  const dialog = opener && document.getElementById(opener.dataset.open ?? "");
  if (dialog instanceof HTMLDialogElement && !dialog.open && !event.defaultPrevented) {
    event.preventDefault();
    dialog.showModal();
  }
  const closer = around(event, "data-close");
  if (closer) closer.closest("dialog")?.close();
  if (event.target instanceof HTMLDialogElement) event.target.close(); // a click beside it

  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    if (!(event.target instanceof Node && menu.contains(event.target))) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});

// Forms that destroy ask first: data-confirm holds the question.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement)) return;
  const question = (event.submitter as HTMLElement | null)?.dataset.confirm ?? form.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// Choices that act at once: data-submit on a field sends its form when it changes.
document.addEventListener("change", (event) => {
  const field = around(event, "data-submit");
  if (field instanceof HTMLSelectElement || field instanceof HTMLInputElement) field.form?.requestSubmit();
});

// A picture that cannot be had leaves its place empty, without the browser's torn sheet.
document.addEventListener(
  "error",
  (event) => {
    if (event.target instanceof HTMLImageElement) event.target.hidden = true;
  },
  true,
);

const search = document.getElementById("search-dialog");
if (search instanceof HTMLDialogElement) startSearch(search);
startUploads();

// The first field that is wrong, so that it can be put right at once.
document.querySelector<HTMLElement>("[aria-invalid='true']")?.focus();
