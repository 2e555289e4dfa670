// How much of a file has been sent, for forms with `data-upload`. Without script the form is sent as it is.

import htmx from "htmx.org";

/** Of a hundred; those who listen to the page hear each. */
const SAID_STEP = 25;

function follow(form: HTMLFormElement, place: HTMLElement): void {
  const bar = place.querySelector("progress");
  const told = place.querySelector<HTMLElement>("[role=status]");
  const cancel = place.querySelector("button");
  const submit = form.querySelector<HTMLButtonElement>("button.primary");
  const request = new XMLHttpRequest();
  let said = -1;

  function say(text: string): void {
    if (told) told.textContent = text;
  }

  function end(text: string): void {
    say(text);
    if (bar) bar.hidden = true;
    if (cancel) cancel.hidden = true;
    if (submit) submit.disabled = false;
  }

  place.hidden = false;
  if (bar) bar.hidden = false;
  if (cancel) {
    cancel.hidden = false;
    cancel.onclick = () => request.abort();
  }
  if (submit) submit.disabled = true;
  request.upload.addEventListener("progress", (sent) => {
    if (!sent.lengthComputable) return;
    const percent = Math.floor((sent.loaded / sent.total) * 100);
    if (bar) bar.value = percent;
    if (percent === 100) say("Sent. Reading the file…");
    else if (Math.floor(percent / SAID_STEP) > said) {
      said = Math.floor(percent / SAID_STEP);
      say(`${percent} % sent`);
    }
  });
  request.addEventListener("load", () => {
    if (request.responseURL !== form.action) return location.assign(request.responseURL);
    // The same page again, with what is wrong with the file.
    const answered = new DOMParser().parseFromString(request.responseText, "text/html").querySelector("main");
    const main = document.querySelector("main");
    if (!answered || !main) return end("This did not work. Try again.");
    main.replaceWith(answered);
    htmx.process(answered);
    answered.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  });
  request.addEventListener("error", () => end("The connection was lost. Send the file again."));
  request.addEventListener("abort", () => end("Cancelled. Nothing of the file was kept."));
  request.open("POST", form.action);
  request.send(new FormData(form));
}

/** Follow the uploads of this page. */
export function startUploads(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !("upload" in form.dataset)) return;
    const place = form.querySelector<HTMLElement>("[data-progress]");
    if (!place) return;
    event.preventDefault();
    follow(form, place);
  });
}
