// What the browser keeps: localStorage where it may be used and works, else this page's memory.

/** Name of the visitor's choice. */
export const CONSENT = "consent";

let prefix = "";
let durable = false;
let memory: Record<string, string> = Object.create(null);

/** Run on localStorage; undefined where its access or the action throws. */
function local<T>(run: (storage: Storage) => T): T | undefined {
  try {
    return run(localStorage);
  } catch {
    return undefined; // blocked or full: the page's memory takes over
  }
}

/** Keep everything under the app key, so that two keys on one origin do not mix. */
export function open(apiKey: string): void {
  prefix = `footfall.${apiKey}.`;
}

/** Return what localStorage itself holds: the remembered consent, read before any is given. */
export function readLocal(name: string): string | null {
  return local((storage) => storage.getItem(prefix + name)) || null;
}

export function writeLocal(name: string, value: string): void {
  local((storage) => storage.setItem(prefix + name, value));
}

export function read(name: string): string | null {
  const kept = memory[name];
  return kept !== undefined ? kept : durable ? readLocal(name) : null;
}

export function write(name: string, value: string): void {
  if (durable && local((storage) => (storage.setItem(prefix + name, value), true))) {
    delete memory[name];
  } else {
    memory[name] = value;
  }
}

export function remove(name: string): void {
  delete memory[name];
  if (durable) local((storage) => storage.removeItem(prefix + name));
}

/** Return the names that begin with `start`, sorted. */
export function names(start: string): string[] {
  const found = new Set(Object.keys(memory).filter((name) => name.startsWith(start)));
  if (durable) {
    local((storage) => {
      for (let i = storage.length; i--; ) {
        const key = storage.key(i)!;
        if (key.startsWith(prefix + start)) found.add(key.slice(prefix.length));
      }
    });
  }
  return Array.from(found).sort();
}

/** From now on use localStorage, also for what was kept in memory so far. */
export function persist(): void {
  durable = true;
  for (const name of Object.keys(memory)) write(name, memory[name]!);
}

/** Delete everything and use memory only. */
export function forget(): void {
  durable = true;
  for (const name of names("")) remove(name);
  durable = false;
}

/** Return a cookie's value; undefined if there is none, none may be kept, or cookies throw. */
export function cookie(name: string): string | undefined {
  if (!durable) return undefined;
  try {
    return (`; ${document.cookie}`.split(`; ${name}=`)[1] || "").split(";")[0] || undefined;
  } catch {
    return undefined;
  }
}

let domain = "";

/** Set cookies for this domain and those below it instead of the page's host. */
export function cookieDomain(name: string): void {
  domain = `; domain=${name}`;
}

/** Set a first-party cookie for 13 months; delete it where `value` is empty. */
export function setCookie(name: string, value: string): void {
  if (!durable && value) return;
  const secure = location.protocol == "https:" ? "; secure" : "";
  const seconds = value ? 34128000 : 0; // 395 days; browsers allow 400
  try {
    document.cookie = `${name}=${value}; path=/; max-age=${seconds}; samesite=lax${secure}${domain}`;
  } catch {
    // Cookies are blocked; localStorage or memory holds the same.
  }
}
