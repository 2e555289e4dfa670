// Shows what arrives: on Live as new rows, on Install as the first event.

interface Named {
  id: number;
  custom_id: string | null;
  name?: string | null;
  email?: string | null;
}

interface Stored {
  id: number;
  event_type?: string;
  name?: string;
  occurred_at: string;
  product?: Named;
  url?: string | null;
  contact: Named | null;
}

interface Arrived {
  id: number;
  kind: string;
  event: Stored | null;
  activity: Stored | null;
}

const MOST_ROWS = 200;
const SUMMARY_MS = 5000;
/** Where there is room beside the list; the style sheet says the same. */
const WIDE = window.matchMedia("(min-width: 60.01rem)");

function labelOf(arrived: Arrived, stored: Stored): string {
  return stored.event_type || stored.name || arrived.kind.replace("_", " ");
}

/** Open the stream of a place on the page that says where it begins; nothing comes twice. */
function opened(place: HTMLElement, query: URLSearchParams): EventSource {
  query.set("after", place.dataset.after ?? "0");
  return new EventSource(`${place.dataset.url}/stream?${query}`);
}

function read(message: MessageEvent<string>): { arrived: Arrived; stored: Stored } | null {
  const arrived = JSON.parse(message.data) as Arrived;
  const stored = arrived.event ?? arrived.activity;
  return stored && { arrived, stored };
}

function watchFirst(place: HTMLElement): void {
  const source = opened(place, new URLSearchParams());
  source.addEventListener("message", (message: MessageEvent<string>) => {
    const found = read(message);
    const text = place.querySelector("p");
    if (!found || !text) return;
    const product = found.stored.product;
    const about = product ? ` of ${product.name || product.custom_id}` : "";
    place.classList.add("good");
    text.textContent = `Events arrive. The newest: ${labelOf(found.arrived, found.stored)}${about}.`;
  });
}

function watchAll(table: HTMLTableElement): void {
  const body = table.tBodies[0];
  if (!body) return;
  const time = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", timeZone: table.dataset.zone });
  const waiting: HTMLTableRowElement[] = [];
  let paused = false;
  let unsaid = 0;

  function row(arrived: Arrived, stored: Stored): HTMLTableRowElement {
    const made = document.createElement("tr");
    const link = document.createElement("a");
    link.href = `${table.dataset.url}/${arrived.event ? "events" : "activities"}/${arrived.id}`;
    link.textContent = time.format(new Date(stored.occurred_at));
    const when = made.insertCell();
    when.className = "one-line";
    when.append(link);
    const chip = document.createElement("span");
    chip.className = "chip";
    chip.textContent = labelOf(arrived, stored);
    made.insertCell().append(chip);
    made.insertCell().textContent = stored.product ? stored.product.name || stored.product.custom_id : (stored.url ?? "");
    const who = stored.contact;
    made.insertCell().textContent = who ? who.custom_id || who.email || `Visitor ${who.id}` : "Nobody known";
    return made;
  }

  function show(): void {
    unsaid += waiting.length;
    for (const made of waiting.splice(0)) body?.prepend(made);
    while (body && body.rows.length > MOST_ROWS) body.deleteRow(-1);
    document.getElementById("live-empty")?.remove();
  }

  const button = document.getElementById("live-pause");
  function label(): void {
    if (!button) return;
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = !paused ? "Pause" : waiting.length ? `Go on (${waiting.length} wait)` : "Go on";
  }
  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => {
      paused = !paused;
      if (!paused) show();
      label();
    });
  }

  const query = new URLSearchParams(location.search);
  for (const [name, value] of [...query]) if (!value) query.delete(name);
  const source = opened(table, query);
  source.addEventListener("message", (message: MessageEvent<string>) => {
    const found = read(message);
    if (!found) return;
    waiting.push(row(found.arrived, found.stored));
    if (waiting.length > MOST_ROWS) waiting.shift();
    if (!paused) show();
    label();
  });
  source.addEventListener("rate", (message: MessageEvent<string>) => {
    const rate = JSON.parse(message.data) as { last_10_seconds: number; last_5_minutes: number };
    const shown = document.getElementById("live-rate");
    if (shown) shown.textContent = `${rate.last_10_seconds} per second now, ${rate.last_5_minutes} over five minutes`;
  });
  source.addEventListener("dropped", (message: MessageEvent<string>) => {
    const { count } = JSON.parse(message.data) as { count: number };
    const notice = document.getElementById("live-dropped");
    const text = notice?.querySelector("p");
    if (!notice || !text) return;
    notice.hidden = false;
    text.textContent = `${count} events came faster than this page could show them.`;
  });
  // One sentence now and then, not each row, for those who listen to the page.
  setInterval(() => {
    const summary = document.getElementById("live-summary");
    if (summary && unsaid) summary.textContent = `${unsaid} new events`;
    unsaid = 0;
  }, SUMMARY_MS);
}

/** Open events beside the list; where that fails, and in a new tab, their links lead to their page. */
function openBeside(table: HTMLTableElement, panel: HTMLDialogElement): void {
  let opener: HTMLAnchorElement | null = null;

  function mark(link: HTMLAnchorElement | null): void {
    opener?.removeAttribute("aria-current");
    link?.setAttribute("aria-current", "true");
    opener = link;
  }

  async function open(link: HTMLAnchorElement): Promise<void> {
    const answer = await fetch(link.href, { headers: { "HX-Request": "true" }, redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    // The server's own template, with all that came from outside escaped.
    panel.innerHTML = await answer.text();
    if (panel.open) panel.close();
    mark(link);
    if (WIDE.matches) panel.show();
    else panel.showModal();
    panel.scrollTop = 0;
  }

  table.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open(link).catch(() => location.assign(link.href));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panel.open) panel.close();
  });
  panel.addEventListener("close", () => {
    if (panel.open) return; // another event was opened meanwhile
    const link = opener;
    mark(null);
    (link?.isConnected ? link : table.querySelector("a"))?.focus();
  });
  WIDE.addEventListener("change", () => panel.close());
}

const first = document.getElementById("first-event");
if (first) watchFirst(first);
const table = document.getElementById("live");
const panel = document.getElementById("event-panel");
if (table instanceof HTMLTableElement) watchAll(table);
if (table instanceof HTMLTableElement && panel instanceof HTMLDialogElement) openBeside(table, panel);
