// Events without code: elements with data-footfall-event, whenever they came into the page.

import { listen } from "./guard";

/** Report clicks in such elements: the event's name, and product id and values of data-attr-*. */
export function watchClicks(
  clicked: (name: string, fields: Record<string, string>) => void,
): void {
  listen(document, "click", (event) => {
    const target = event.composedPath()[0];
    const element = target instanceof Element && target.closest("[data-footfall-event]");
    if (!element) return;
    const fields: Record<string, string> = {};
    for (const { name, value } of Array.from(element.attributes)) {
      if (name.startsWith("data-attr-")) fields[name.slice(10)] = value;
    }
    const product = element.closest("[data-product-id]");
    if (product) fields.product_id = product.getAttribute("data-product-id")!;
    clicked(element.getAttribute("data-footfall-event")!, fields);
  });
}
