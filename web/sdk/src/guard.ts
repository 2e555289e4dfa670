// Nothing the SDK does may raise an error in the page: every way in goes through `attempt`.

const PREFIX = "[footfall]";
let loud = false;

/** Say in the console what is dropped or goes wrong; silent by default. */
export function debug(on: boolean): void {
  loud = on;
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

/** Return `value` as JSON, also where an old library taught arrays a `toJSON` of their own. */
export function json(value: unknown): string {
  const arrays = Array.prototype as { toJSON?: unknown };
  const taught = arrays.toJSON;
  if (taught) delete arrays.toJSON;
  try {
    return JSON.stringify(value);
  } finally {
    if (taught) arrays.toJSON = taught;
  }
}
