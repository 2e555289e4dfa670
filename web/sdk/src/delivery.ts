// Sends what is queued: in batches, again until the server has it, also while the page is left.

import { attempt, isLoud, random, say } from "./guard";
import { batch, dequeue, queued, queuedHere, restoreCleared, underWay } from "./queue";
import { read, remove, write } from "./store";

/** Long enough to send what one click causes together, short enough not to be noticed. */
const BATCH_MS = 200;
/** Browsers tell other tabs of changed storage a moment later than of a free lock. */
const SETTLE_MS = 100;
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 5 * 60 * 1000;
const LONGEST_PAUSE_MS = 60 * 60 * 1000;
const ANSWER_MS = 30_000;
/** Longer than a request may take. */
const LEASE_MS = 40_000;

const RETRY = "retry";
const LEASE = "lease";
const tab = random(8);

let url = "";
let lockName = "";
let timer: ReturnType<typeof setTimeout> | undefined;
let due = 0;
let failures = 0;
let retryAt = 0;
let draining = false;
let stopped = true;

export function startDelivery(host: string, apiKey: string): void {
  url = `${host}/api/browser/v1/events/${apiKey}`;
  lockName = `footfall.${apiKey}`;
  stopped = false;
  wake();
}

export function stopDelivery(): void {
  stopped = true;
  clearTimeout(timer);
}

/** Send soon; what is added meanwhile goes along. */
export function wake(afterMs = BATCH_MS): void {
  const at = Math.max(Date.now() + afterMs, retryAt);
  if (stopped || (timer && at >= due)) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(() => {
    timer = undefined;
    attempt(exclusively);
  }, at - Date.now());
}

/** The network is back: what failed without it need not wait. */
export function wakeNow(): void {
  failures = retryAt = 0;
  wake(0);
}

/**
 * Send now, without waiting for other tabs: the page may be gone in a moment.
 *
 * What is not answered in this page's life stays queued, and the next page sends it again with the
 * same ids. `gone`: requests end with the page, unless the browser keeps them alive.
 */
export function leave(gone: boolean): void {
  if (stopped) return;
  release();
  restoreCleared();
  const beacon = gone && !("keepalive" in Request.prototype);
  if (beacon) underWay.clear();
  for (let i = 0; i < 2; i++) {
    const [taken, body] = batch(queuedHere());
    if (!taken.length) return;
    if (!beacon) void post(taken, body);
    else if (navigator.sendBeacon(url, body)) taken.forEach((name) => underWay.add(name));
  }
}

/** The page is back out of the browser's cache: nobody waits for answers to its beacons. */
export function comeBack(): void {
  underWay.clear();
  wake();
}

/** Only one tab sends at a time, so that none sends what another has under way. */
function exclusively(): void {
  if (draining) return;
  draining = true;
  const locks = navigator.locks as LockManager | undefined;
  const run = () => settled().then(drain).then(done, done);
  // Where locks are refused, as in a sandboxed frame, storage is too: this tab is alone.
  if (!locks || !attempt(() => locks.request(lockName, run).catch(run))) lease();
}

function done(): void {
  draining = false;
  if (!timer && queuedHere().some((name) => !underWay.has(name))) wake();
}

function lease(): void {
  const [owner, until] = (read(LEASE) || "").split(" ");
  const left = Number(until) - Date.now();
  const finish = () => {
    release();
    done();
  };
  if (owner && owner != tab && left > 0 && left <= LEASE_MS) {
    draining = false;
    wake(1000);
    return;
  }
  write(LEASE, `${tab} ${Date.now() + LEASE_MS}`);
  // Two tabs may have written at once; then both see whose word was the last.
  void settled().then(() => {
    if ((read(LEASE) || "").startsWith(tab)) drain().then(finish, finish);
    else done();
  });
}

function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

function release(): void {
  if ((read(LEASE) || "").startsWith(tab)) remove(LEASE);
}

async function drain(): Promise<void> {
  while (!stopped) {
    const asked = Math.min(Number(read(RETRY)) - Date.now(), LONGEST_PAUSE_MS);
    const pause = Math.max(asked, retryAt - Date.now());
    if (pause > 0) return wake(pause);
    restoreCleared();
    const [taken, body] = batch(queued());
    if (!taken.length || !(await post(taken, body))) return;
  }
}

/** Return whether the server has answered for these, so that they are done with. */
async function post(taken: string[], body: string): Promise<boolean> {
  taken.forEach((name) => underWay.add(name));
  const [status, retryAfter] = await request(body);
  taken.forEach((name) => underWay.delete(name));
  if (!status || status == 408 || status == 429 || status >= 500) {
    const backoff = Math.min(FIRST_RETRY_MS * 2 ** failures++, LAST_RETRY_MS);
    const pause = Math.min(retryAfter, LONGEST_PAUSE_MS);
    // Between half and all of it, so that many browsers do not come back together.
    retryAt = Date.now() + Math.max(pause, backoff * (0.5 + Math.random() / 2));
    if (pause) write(RETRY, `${retryAt}`); // the server's word holds for every tab
    say(`not delivered (${status || "no answer"}), again in ${retryAt - Date.now()} ms`);
    wake();
    return false;
  }
  if (status >= 400) say(`refused with ${status}, dropped`, body);
  taken.forEach(dequeue);
  failures = retryAt = 0;
  return true;
}

/** Return [status, milliseconds of Retry-After]; status 0 without an answer. */
async function request(body: string): Promise<[number, number]> {
  const controller = new AbortController();
  const timeout = setTimeout(() => controller.abort(), ANSWER_MS);
  try {
    const answer = await fetch(url, {
      method: "POST",
      body,
      keepalive: true,
      credentials: "omit",
      signal: controller.signal,
    });
    const after = answer.headers.get("retry-after") || "0";
    const seconds = Number(after); // NaN: it is a date
    if (isLoud()) void tellRefusals(answer, body);
    const wait = seconds >= 0 ? seconds * 1000 : Date.parse(after) - Date.now();
    return [answer.status, Math.max(wait, 0) || 0];
  } catch {
    return [0, 0];
  } finally {
    clearTimeout(timeout);
  }
}

/** Whoever tries things out wants to know what a good answer refuses or sets aside. */
async function tellRefusals(answer: Response, body: string): Promise<void> {
  try {
    const told = (await answer.json()) as Record<string, { index: number; message: string }[]>;
    const { events } = JSON.parse(body) as { events: unknown[] };
    for (const list of ["rejected", "set_aside"]) {
      for (const { index, message } of told[list] || []) say(`${list}: ${message}`, events[index]);
    }
  } catch {
    // No such answer; its status has been dealt with.
  }
}
