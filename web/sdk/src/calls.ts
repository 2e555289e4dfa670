// What a page can ask for: settings, calls, and how they become items.

import { watchClicks } from "./clicks";
import { comeBack, leave, startDelivery, stopDelivery, wake, wakeNow } from "./delivery";
import { attempt, debug, endAll, listen, random, say } from "./guard";
import { campaign, page, watchRoutes } from "./pages";
import { amend, dropQueue, enqueue, Item, restoreCleared } from "./queue";
import * as store from "./store";
import { deleteVisitor, moment, newVisitor, openVisitor, visitor, visitorChanged } from "./visitor";

type Fields = Record<string, unknown>;

/** Set by the build: the folder of the adapters that fit this core. */
declare const RELEASE: string;
const VERSION = "1.0.0";
const STAFF_COOKIE = "footfall_staff";
/** Calls kept until `init` comes; a page that never calls it must not fill its memory. */
const MAX_WAITING = 1000;
/** Settings that are no attributes of the contact. */
const SETTINGS =
  " apiKey host consent spa adapters dataLayer debug cookieDomain userKey state source_context ";

let settings: Fields | undefined;
const waiting: unknown[][] = [];
let over = false;
/** "granted" or "denied"; undefined while it is asked for. */
let consent: string | undefined;
let staff = false;
let identity: { user_id?: string; signature?: string; email?: string } = {};
let host = "";

/** Return what `footfall(call, value)` does; it never throws. */
export function makeCall(scriptOrigin: string): (call: unknown, value?: unknown) => void {
  host = scriptOrigin;
  return (call, value) => void attempt(() => take(`${call}`, value));
}

/** Tell the page its visitor's key, as soon as it may be kept. */
function tellKey(): void {
  if (consent != "granted") return;
  window.footfall!.userKey = visitor();
  attempt(() => window.civchat && (window.civchat.userKey = visitor()));
}

function take(call: string, value: unknown): void {
  const fields: Fields = { ...(value as Fields) };
  if (over) return;
  if (settings) {
    dispatch(call, value, fields);
  } else if (call == "init" || (call == "pageHit" && fields.apiKey)) {
    const begin = () => start(fields);
    // A page rendered ahead of time may never be seen.
    if ((document as { prerendering?: boolean }).prerendering) {
      listen(document, "prerenderingchange", begin);
    } else begin();
  } else if (waiting.push([call, value]) > MAX_WAITING) {
    waiting.shift();
  }
}

function start(given: Fields): void {
  if (settings) return;
  if (!given.apiKey) return say("apiKey is missing");
  settings = given;
  debug(!!given.debug);
  host = `${given.host || host}`.replace(/\/+$/, "");
  store.open(`${given.apiKey}`);
  if (given.cookieDomain) store.cookieDomain(`${given.cookieDomain}`);
  consent = store.readLocal(store.CONSENT) || (given.consent == "required" ? undefined : "granted");
  if (consent == "granted") allow();
  else openVisitor();
  const link = /footfall-staff=([01])/.exec(location.hash);
  if (link) setStaff(link[1] == "1");
  watch(given);
  pageView(given);
  for (const [call, value] of waiting.splice(0)) attempt(() => take(call as string, value));
  attempt(() => typeof given.onLoad == "function" && given.onLoad());
  for (const name of ([] as unknown[]).concat(given.adapters || [])) attempt(() => load(`${name}`));
}

function watch(given: Fields): void {
  if (given.spa) attempt(() => watchRoutes(routed)); // a page may have frozen its history
  listen(window, "pagehide", () => leave(true));
  listen(document, "visibilitychange", () => document.visibilityState == "hidden" && leave(false));
  listen(window, "online", wakeNow);
  listen(window, "pageshow", (event) => {
    if (!(event as PageTransitionEvent).persisted) return;
    comeBack();
    pageView({});
  });
  watchClicks((name, fields) => {
    if (name.startsWith("event.")) take(name, fields);
    else take("product_event", { event_type: name, ...fields });
  });
}

/** Adapters are scripts of their own that call `footfall(...)`. */
function load(name: string): void {
  const script = document.createElement("script");
  script.src = `${host}/widget/${RELEASE}/${name}.js`;
  script.async = true;
  script.dataset.layer = `${settings!.dataLayer || "dataLayer"}`;
  (document.head || document.documentElement).appendChild(script);
}

function dispatch(call: string, value: unknown, fields: Fields): void {
  noticeOtherTabs();
  if (call == "product_event") productEvent(fields);
  else if (call.startsWith("event.")) record("event", { name: call.slice(6), data: fields });
  else if (call == "client.update" || call == "identify" || call == "init") update(fields);
  else if (call == "pageHit") pageView(fields);
  else if (call == "reset" || call == "resetAuth") reset(fields);
  else if (call == "consent") decide(`${value}`);
  else if (call == "destroy") destroy();
  else say(`there is no call ${call}`);
}

function productEvent({ product_id, event_type, event_id, ...data }: Fields): void {
  // What is no id is left out, so that the server refuses it instead of making a product "null".
  const isId = product_id !== undefined && typeof product_id != "object";
  const id = isId ? `${product_id as string}` : undefined;
  record("product_event", { product_id: id, event_type, data }, undefined, event_id);
}

function pageView(fields: Fields): void {
  record("page_view", { data: { title: document.title } }, contactOf(fields));
}

/** A route's page sets its title a moment after its address. */
function routed(): void {
  noticeOtherTabs();
  const item = describe("page_view", {});
  setTimeout(() => attempt(() => queue({ ...item, data: { title: document.title } })));
}

function update(fields: Fields): void {
  const contact = contactOf(fields);
  if (contact) record("update", {}, contact);
}

function reset(fields: Fields): void {
  identity = {};
  newVisitor();
  tellKey();
  update(fields);
}

function destroy(): void {
  leave(false);
  endAll();
  stopDelivery();
  over = true;
}

/** Take the identity out of `fields`; return the attributes, undefined if there is nothing at all. */
function contactOf(fields: Fields): Fields | undefined {
  const contact: Fields = {};
  let empty = true;
  // Somebody else: neither the proof nor the address of the one before.
  if (filled(fields.user_id) && identity.user_id != `${fields.user_id}`) identity = {};
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (SETTINGS.includes(` ${name} `) || typeof value == "function") continue;
    if (name == "user_id" || name == "signature" || name == "email") {
      if (!filled(value)) continue;
      identity[name] = `${value}`;
    } else contact[name] = value;
    empty = false;
  }
  return empty ? undefined : contact;
}

/** Shops' templates leave the id empty where nobody is logged in. */
function filled(value: unknown): boolean {
  return value != null && value !== "";
}

function record(kind: string, more: Fields, contact?: Fields, id?: unknown): void {
  queue(describe(kind, more, contact, id));
}

function queue(item: Item): void {
  if (consent == "denied" || over) return;
  enqueue(item);
  wake();
}

/** Return an item as of now: who it is about is settled here, whenever it is sent. */
function describe(kind: string, more: Fields, contact?: Fields, id?: unknown): Item {
  const viewed = kind == "page_view";
  const [key, session, at] = moment(viewed ? campaign() : "");
  const about = contact || !identity.user_id;
  return {
    kind,
    id: id ? `${id}` : random(22),
    at,
    visitor: key,
    session,
    user_id: identity.user_id,
    signature: identity.signature,
    email: about ? identity.email : undefined,
    contact,
    ...more,
    ...(viewed || kind == "event" ? { page: page(), device: device() } : {}),
    traffic: staff ? "staff" : undefined,
  };
}

function device(): Record<string, string> {
  const { language } = navigator;
  return { language, screen: `${screen.width}x${screen.height}`, sdk: VERSION };
}

function setStaff(on: boolean): void {
  staff = on;
  store.setCookie(STAFF_COOKIE, on ? "1" : "");
}

function noticeOtherTabs(): void {
  const choice = store.readLocal(store.CONSENT);
  if (choice && choice != consent) follow(choice);
  restoreCleared();
  if (!visitorChanged()) return;
  identity = {}; // somebody has logged out there
  tellKey();
}

function decide(choice: string): void {
  if (choice != "granted" && choice != "denied") return say(`consent is no ${choice}`);
  follow(choice);
}

function follow(choice: string): void {
  if (choice == consent) return;
  consent = choice;
  if (choice == "granted") {
    allow();
  } else {
    stopDelivery();
    setStaff(false);
    deleteVisitor();
    dropQueue();
    store.forget();
  }
  store.writeLocal(store.CONSENT, choice);
}

/** Keep things from now on, and send what was called before. */
function allow(): void {
  const before = visitor();
  store.persist();
  openVisitor();
  // What was called before consent is about the one whom the cookie names.
  if (before != visitor()) {
    amend((item) => {
      if (item.visitor == before) item.visitor = visitor();
    });
  }
  setStaff(staff || store.cookie(STAFF_COOKIE) == "1");
  tellKey();
  startDelivery(host, `${settings!.apiKey}`);
}
