// Nothing the SDK does may raise an error in the page: every way in goes through `attempt`.

const PREFIX = "[footfall]";
let loud = false;

/** Say in the console what is dropped or goes wrong; silent by default. */
export function debug(on: boolean): void {
  loud = on;
}

export function isLoud(): boolean {
  return loud;
}

export function say(...words: unknown[]): void {
  try {
    if (loud) console.warn(PREFIX, ...words);
  } catch {
    // A page may have made the console its own.
  }
}

/** Return what `run` returns; undefined, said in debug, if it throws. */
export function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    say(error);
    return undefined;
  }
}

type Ending = () => void;
const endings: Ending[] = [];

/** Listen until `endAll`; in the capture phase, so that a page that stops events hides none. */
export function listen(target: EventTarget, type: string, heard: (event: Event) => void): void {
  const guarded = (event: Event) => void attempt(() => heard(event));
  target.addEventListener(type, guarded, true);
  atEnd(() => target.removeEventListener(type, guarded, true));
}

export function atEnd(ending: Ending): void {
  endings.push(ending);
}

export function endAll(): void {
  for (const ending of endings.splice(0)) attempt(ending);
}

const CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Return `length` random characters [A-Za-z0-9]. */
export function random(length: number): string {
  const bytes = new Uint8Array(length);
  // Without crypto the bytes stay 0 and Math.random decides alone.
  attempt(() => crypto.getRandomValues(bytes));
  let text = "";
  for (let i = 0; i < length; i++) {
    text += CHARACTERS[(bytes[i]! + Math.floor(Math.random() * 62)) % 62];
  }
  return text;
}

type Taught = { toJSON?: unknown };

/**
 * Return `value` as JSON, also where an old library taught texts or lists a `toJSON` of their own.
 *
 * What JSON cannot hold must not cost the event: large integers become text, elements and what
 * contains itself are left out.
 */
export function json(value: unknown): string {
  const prototypes = [Object, Array, String, Number].map((type) => type.prototype as Taught);
  const taught = prototypes.filter((one) => Object.prototype.hasOwnProperty.call(one, "toJSON"));
  const methods = taught.map((one) => one.toJSON);
  for (const one of taught) delete one.toJSON;
  try {
    return JSON.stringify(value);
  } catch {
    return JSON.stringify(value, holdable());
  } finally {
    taught.forEach((one, i) => (one.toJSON = methods[i]));
  }
}

function holdable(): (name: string, value: unknown) => unknown {
  const seen = new Set<unknown>();
  return (_, value) => {
    if (typeof value == "bigint") return `${value}`;
    if (!value || typeof value != "object") return value;
    if (seen.has(value) || value instanceof Node || value === window) return undefined;
    seen.add(value);
    return value;
  };
}
