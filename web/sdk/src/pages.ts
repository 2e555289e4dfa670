// What is known about the page: its address, campaign and title, and when a route makes another.

import { atEnd, attempt, listen } from "./guard";

const CAMPAIGN = ["source", "medium", "campaign", "term", "content"];

/** The address before this one within the page; set by `watchRoutes`. */
let referrer: string | undefined;

/** Return the page as items describe it. */
export function page(): Record<string, string> {
  const found: Record<string, string> = {
    url: location.href,
    referrer: referrer === undefined ? document.referrer : referrer,
  };
  const query = new URLSearchParams(location.search);
  for (const name of CAMPAIGN) {
    const value = query.get(`utm_${name}`);
    if (value) found[`utm_${name}`] = value;
  }
  return found;
}

/** Return the address's utm parameters as one word, empty if there are none. */
export function campaign(): string {
  if (!location.search.includes("utm_")) return "";
  const found = page();
  return CAMPAIGN.map((name) => encodeURIComponent(found[`utm_${name}`] || "")).join("&");
}

/** Return the address that makes a page: with a fragment only where routers keep routes in it. */
function route(): string {
  const [address, fragment] = location.href.split(/#(.*)/s);
  return /^[!/]/.test(fragment || "") ? location.href : address!;
}

/** Call `changed` at each change of the address by script, back or forward. */
export function watchRoutes(changed: () => void): void {
  let last = route();
  let href = location.href;
  let watching = true;
  const look = () => {
    if (!watching) return;
    const before = href;
    href = location.href;
    if (route() == last) return;
    last = route();
    referrer = before;
    attempt(changed);
  };
  atEnd(() => (watching = false));
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (this: History, ...words: Parameters<History["pushState"]>) {
      const result = original.apply(this, words);
      look();
      return result;
    };
  }
  listen(window, "popstate", look);
}
