// What is not delivered yet: one entry per item, shared by all tabs of the browser, bounded.

import { json, say } from "./guard";
import { CONSENT, names, read, readLocal, remove, write } from "./store";
import { STATE } from "./visitor";

/** About half a day of busy shopping offline; together far below what localStorage takes. */
const MAX_ITEMS = 1000;
const MAX_CHARACTERS = 1e6;
/** Two requests under way together stay below the 64 KiB that browsers grant to leaving pages. */
const BATCH_BYTES = 30_000;
const BATCH_ITEMS = 100;
/** What the collector and leaving pages take of one request. */
const ITEM_BYTES = 60_000;

export interface Item {
  kind: string;
  id: string;
  at: number;
  visitor?: string;
  [field: string]: unknown;
}

/** What this page has queued and nobody has delivered, as far as it knows: text by name. */
const own = new Map<string, string>();
/** What this page has sent and waits to hear of. */
export const underWay = new Set<string>();
let count = 0;
let characters = 0;

export function enqueue(item: Item): void {
  const text = json(item);
  if (text.length > ITEM_BYTES / 3 && bytes(text) > ITEM_BYTES) {
    say("too large, not sent", item);
    return;
  }
  const name = `q.${item.at}.${item.id}`;
  write(name, text);
  own.set(name, text);
  count++;
  characters += text.length;
  if (count > MAX_ITEMS || characters > MAX_CHARACTERS) queued();
}

export function dequeue(name: string): void {
  remove(name);
  own.delete(name);
}

/** Return what waits, of all tabs, oldest first. Over the bounds the oldest are dropped. */
export function queued(): string[] {
  const found = names("q.");
  count = found.length;
  characters = 0;
  for (const name of found) characters += (read(name) || "").length;
  // A tenth more than necessary, so that a full queue is not counted again at every call.
  if (count > MAX_ITEMS || characters > MAX_CHARACTERS) {
    let dropped = 0;
    while (found.length && (count > MAX_ITEMS * 0.9 || characters > MAX_CHARACTERS * 0.9)) {
      const name = found.shift()!;
      count--;
      characters -= (read(name) || "").length;
      dequeue(name);
      dropped++;
    }
    say(`queue full, dropped the oldest ${dropped}`);
  }
  return found;
}

export function queuedHere(): string[] {
  return Array.from(own.keys());
}

/**
 * Queue this page's items again if the page has cleared the storage, as some do on log-out; drop
 * them if another tab has, because consent was refused there.
 */
export function restoreCleared(): void {
  if (readLocal(CONSENT) == "denied") return Array.from(own.keys()).forEach(dequeue);
  if (read(STATE)) return;
  own.forEach((text, name) => write(name, text));
}

/** Know of nothing any more. */
export function dropQueue(): void {
  own.clear();
  underWay.clear();
}

/** Return the names and the body of the next request; no names if there is nothing to send. */
export function batch(from: string[]): [string[], string] {
  const taken: string[] = [];
  const texts: string[] = [];
  let size = 0;
  for (const name of from) {
    if (underWay.has(name)) continue;
    const text = read(name);
    if (!text) {
      own.delete(name); // delivered by another tab
      continue;
    }
    size += bytes(text) + 1;
    if (taken.length && (size > BATCH_BYTES || taken.length >= BATCH_ITEMS)) break;
    taken.push(name);
    texts.push(text);
  }
  return [taken, `{"sent_at":${Date.now()},"events":[${texts.join(",")}]}`];
}

/** Rewrite what waits, as `change` does with each item. */
export function amend(change: (item: Item) => void): void {
  for (const name of names("q.")) {
    const item = JSON.parse(read(name)!) as Item;
    change(item);
    write(name, json(item));
  }
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
