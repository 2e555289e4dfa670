// GA4 e-commerce: dataLayer.push({event, ecommerce}) and gtag("event", name, params).

import { asFields, asList, Fields, first, Line, quietly, reportEvent, reportLines } from "./report";

/** Event types by event; null: an ordinary event of the same name. */
const EVENTS: Record<string, string | null> = {
  view_item: "view",
  select_item: "click",
  select_promotion: "promo click",
  add_to_cart: "add to cart",
  remove_from_cart: "remove",
  add_to_wishlist: "add to observation",
  begin_checkout: "checkout",
  add_shipping_info: "checkout option",
  add_payment_info: "checkout option",
  purchase: "purchase",
  refund: "refund",
  view_item_list: null,
  view_promotion: null,
  view_cart: null,
};

const CATEGORIES = ["item_category", "item_category2", "item_category3", "item_category4", "item_category5"];

function report(name: unknown, values: unknown): void {
  if (typeof name != "string" || !Object.prototype.hasOwnProperty.call(EVENTS, name)) return;
  const fields = asFields(values);
  const eventType = EVENTS[name];
  const lines = asList(fields.items).map((item) => line(item, fields));
  // Without products there is nothing to say about one, but the event happened.
  if (!eventType || !reportLines(eventType, lines)) reportEvent(name, fields);
}

function line(item: Fields, event: Fields): Line {
  const categories = CATEGORIES.map((name) => item[name]).filter(Boolean);
  return {
    productId: first(item, "item_id", "id", "item_name", "name"),
    attributes: {
      name: first(item, "item_name", "name"),
      price: first(item, "price"),
      brand: first(item, "item_brand", "brand"),
      category_name: first(item, "item_category", "category"),
      categories: categories.length > 1 ? categories : undefined,
      variant: first(item, "item_variant", "variant"),
    },
    occurrence: {
      price: first(item, "price"),
      quantity: first(item, "quantity"),
      currency: first(item, "currency") || first(event, "currency"),
      order_id: first(event, "transaction_id"),
      discount: first(item, "discount"),
      coupon: first(item, "coupon") || first(event, "coupon"),
      affiliation: first(item, "affiliation") || first(event, "affiliation"),
      index: first(item, "index"),
      list_id: first(item, "item_list_id") || first(event, "item_list_id"),
      list_name: first(item, "item_list_name") || first(event, "item_list_name"),
      promotion_id: first(item, "promotion_id") || first(event, "promotion_id"),
      promotion_name: first(item, "promotion_name") || first(event, "promotion_name"),
      shipping_tier: first(event, "shipping_tier"),
      payment_type: first(event, "payment_type"),
    },
  };
}

function read(entry: unknown): void {
  if (!entry || typeof entry != "object") return;
  // gtag() pushes its `arguments`; an array would be a command of another kind.
  if (Object.prototype.toString.call(entry) == "[object Arguments]") {
    const [command, name, values] = Array.from(entry as ArrayLike<unknown>);
    if (command == "event") report(name, values);
  } else {
    const { event, ecommerce } = entry as Fields;
    if (ecommerce) report(event, ecommerce);
  }
}

quietly(() => {
  const name = (document.currentScript as HTMLScriptElement).dataset.layer!;
  const page = window as unknown as Record<string, unknown[]>;
  const layer = (page[name] = page[name] || []);
  for (const entry of layer.slice()) quietly(() => read(entry));
  const push = layer.push;
  layer.push = function (...entries: unknown[]) {
    const result = push.apply(this, entries);
    for (const entry of entries) quietly(() => read(entry));
    return result;
  };
});
