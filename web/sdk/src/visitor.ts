// Who browses: the visitor key, the session, and a clock that never stands still or goes back.

import { random } from "./guard";
import { cookie, read, setCookie, write } from "./store";

const COOKIE = "__ca__chat";
/** Name of the entry that is always there, unless the page has cleared the storage. */
export const STATE = "state";
const SILENCE_MS = 30 * 60 * 1000;
/** A browser clock set back by more than this was wrong before, and is believed again. */
const CLOCK_RESET_MS = 5 * 60 * 1000;

let current = "";
let fresh = false;
let latest = 0;

export function visitor(): string {
  return current;
}

/**
 * Begin, or go on where consent has just come: with the key of the cookie unless this page has
 * begun a new visitor, else the page's own, else that of localStorage, else a new one.
 */
export function openVisitor(): void {
  setVisitor((!fresh && storedKey()) || current || state()[0] || random(12));
}

/** Whether another tab has begun a new visitor; from now on it is this page's, too. */
export function visitorChanged(): boolean {
  const key = state()[0];
  if (!key || key == current) return false;
  current = key;
  return true;
}

/** Continue as somebody unknown, in a session of their own. */
export function newVisitor(): void {
  fresh = true;
  write(STATE, ["", "", state()[2], ""].join(" "));
  setVisitor(random(12));
}

export function deleteVisitor(): void {
  setCookie(COOKIE, "");
  current = "";
}

function storedKey(): string | undefined {
  const key = cookie(COOKIE);
  return key && /^[A-Za-z0-9]{12}$/.test(key) ? key : undefined;
}

function setVisitor(key: string): void {
  const [, session, at, campaign] = state();
  current = key;
  write(STATE, [key, session, at, campaign].join(" "));
  setCookie(COOKIE, key);
}

function state(): string[] {
  return (read(STATE) || "").split(" ");
}

/**
 * Return [visitor, session, at] for something that happens now.
 *
 * `campaign` is the address's utm parameters, empty where there are none: another one than the
 * session began with begins a new session, as 30 minutes of silence do. `at` is larger than any
 * before it in this browser.
 */
export function moment(campaign: string): [string, string, number] {
  let [, session, last, origin] = state();
  let at = Date.now();
  const before = Math.max(Number(last) || 0, latest);
  if (!session || (campaign && campaign != origin) || at - before > SILENCE_MS) {
    session = random(16);
  }
  if (before >= at && before - at < CLOCK_RESET_MS) at = before + 1;
  latest = at;
  write(STATE, [current, session, at, campaign || origin].join(" "));
  return [current, session, at];
}
