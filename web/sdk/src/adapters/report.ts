// What both adapters do with the products of an e-commerce call: one product event for each.

export type Fields = Record<string, unknown>;

/** A product of a call, its fields under our names; `attributes` describe it, `occurrence` this event. */
export interface Line {
  productId: unknown;
  attributes: Fields;
  occurrence: Fields;
}

type Call = (call: string, fields: Fields) => void;

function call(name: string, fields: Fields): void {
  (window as unknown as { footfall: Call }).footfall(name, fields);
}

/** Return the first of `names` that has a value in `fields`. */
export function first(fields: Fields, ...names: string[]): unknown {
  for (const name of names) {
    const value = fields[name];
    if (value !== undefined && value !== null && value !== "") return value;
  }
  return undefined;
}

/** Return objects as they are, and an empty one for everything else. */
export function asFields(value: unknown): Fields {
  return value && typeof value == "object" ? (value as Fields) : {};
}

/** Return the objects of a list, and none for everything else. */
export function asList(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter((one) => one && typeof one == "object") : [];
}

export function reportEvent(name: string, fields: Fields): void {
  call(`event.${name}`, fields);
}

/** Report one product event for each line that names its product; return whether there was any. */
export function reportLines(eventType: string, lines: Line[]): boolean {
  const named = lines.filter((line) => line.productId !== undefined);
  named.forEach((line, index) => {
    const { occurrence } = line;
    call("product_event", {
      ...line.attributes,
      custom_data: occurrence,
      product_id: line.productId,
      event_type: eventType,
      // The page that thanks for an order may be loaded again; the same line is the same event.
      event_id:
        eventType == "purchase" && occurrence.order_id !== undefined
          ? lineId([occurrence.order_id, eventType, line.productId, index])
          : undefined,
    });
  });
  return named.length > 0;
}

/** Return an event id that the same parts give in every browser: 128 bits of two mixed FNV walks. */
function lineId(parts: unknown[]): string {
  const text = parts.map((part) => encodeURIComponent(`${part}`)).join("/");
  let id = "order-line-";
  for (let seed = 0; seed < 4; seed++) {
    let hash = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1);
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    id += ((hash ^ (hash >>> 16)) >>> 0).toString(16).padStart(8, "0");
  }
  return id;
}

/** Run what must not break the page's own call. */
export function quietly(run: () => void): void {
  try {
    run();
  } catch {
    // The page's tracking goes on; only our copy of this call is lost.
  }
}
