// Segment e-commerce v2: analytics.track("Product Viewed", {...}), also what its snippet has queued.

import { asFields, asList, Fields, first, Line, quietly, reportEvent, reportLines } from "./report";

/** Event types by event; null: an ordinary event of the same name. */
const EVENTS: Record<string, string | null> = {
  "Product Viewed": "view",
  "Product Clicked": "click",
  "Promotion Clicked": "promo click",
  "Product Added": "add to cart",
  "Product Removed": "remove",
  "Product Added to Wishlist": "add to observation",
  "Wishlist Product Added to Cart": "add to cart",
  "Checkout Started": "checkout",
  "Payment Info Entered": "checkout option",
  "Order Completed": "purchase",
  "Order Refunded": "refund",
  "Product Removed from Wishlist": null,
  "Products Searched": null,
  "Product List Viewed": null,
  "Product List Filtered": null,
  "Promotion Viewed": null,
  "Cart Viewed": null,
  "Cart Shared": null,
  "Product Shared": null,
  "Product Reviewed": null,
  "Checkout Step Viewed": null,
  "Checkout Step Completed": null,
  "Order Updated": null,
  "Order Cancelled": null,
  "Coupon Entered": null,
  "Coupon Applied": null,
  "Coupon Denied": null,
  "Coupon Removed": null,
};

type Track = (this: unknown, ...words: unknown[]) => unknown;
interface Analytics {
  track?: Track & { footfall?: boolean };
  ready?: (then: () => void) => void;
}

function report(name: unknown, properties: unknown): void {
  if (typeof name != "string" || !Object.prototype.hasOwnProperty.call(EVENTS, name)) return;
  const fields = asFields(properties);
  const eventType = EVENTS[name];
  const products = asList(fields.products);
  const lines = (products.length ? products : [fields]).map((product) => line(product, fields));
  if (!eventType || !reportLines(eventType, lines)) reportEvent(name, fields);
}

function line(product: Fields, event: Fields): Line {
  return {
    productId: first(product, "product_id", "sku"),
    attributes: {
      name: first(product, "name"),
      price: first(product, "price"),
      brand: first(product, "brand"),
      category_name: first(product, "category"),
      variant: first(product, "variant"),
      sku: first(product, "sku"),
      product_url: first(product, "url"),
      image_url: first(product, "image_url"),
    },
    occurrence: {
      price: first(product, "price"),
      quantity: first(product, "quantity"),
      currency: first(product, "currency") || first(event, "currency"),
      order_id: first(event, "order_id"),
      coupon: first(product, "coupon") || first(event, "coupon"),
      affiliation: first(product, "affiliation") || first(event, "affiliation"),
      position: first(product, "position"),
      list_id: first(event, "list_id"),
      cart_id: first(event, "cart_id"),
      checkout_id: first(event, "checkout_id"),
      shipping_method: first(event, "shipping_method"),
      payment_method: first(event, "payment_method"),
    },
  };
}

/** Calls that were reported while the snippet's stub queued them: the library makes them again. */
const queued: [unknown, unknown][] = [];

function repeated(name: unknown, properties: unknown): boolean {
  if (!properties) return false; // nothing to know the call again by
  const place = queued.findIndex((call) => call[0] === name && call[1] === properties);
  if (place >= 0) queued.splice(place, 1);
  return place >= 0;
}

function wrap(analytics: unknown): void {
  const target = analytics as Analytics;
  const track = target && target.track;
  if (typeof track != "function" || track.footfall) return;
  const stub = Array.isArray(target);
  const wrapped: Analytics["track"] = function (...words) {
    quietly(() => {
      const [name, properties] = words;
      if (stub) queued.push([name, properties]);
      else if (repeated(name, properties)) return;
      report(name, properties);
    });
    return track.apply(this, words);
  };
  wrapped.footfall = true;
  target.track = wrapped;
}

quietly(() => {
  const page = window as unknown as { analytics?: Analytics };
  let analytics = page.analytics;
  if (Array.isArray(analytics)) {
    // The stub queues [method, ...arguments].
    for (const [method, name, properties] of analytics.filter(Array.isArray)) {
      if (method != "track") continue;
      queued.push([name, properties]);
      quietly(() => report(name, properties));
    }
  }
  wrap(analytics);
  try {
    // The library takes the place of its stub, and only this tells when.
    Object.defineProperty(page, "analytics", {
      configurable: true,
      enumerable: true,
      get: () => analytics,
      set: (value: Analytics) => {
        analytics = value;
        quietly(() => wrap(value));
      },
    });
  } catch {
    // Declared with `var`: its own word for it.
    if (analytics && analytics.ready) analytics.ready(() => quietly(() => wrap(page.analytics)));
  }
});
