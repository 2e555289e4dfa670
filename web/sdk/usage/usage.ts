// What a shop's TypeScript may and may not write; checked by `npm run types`, never run.

window.civchat = {
  apiKey: "ABC123",
  user_id: "7",
  my_attribute: 5,
  onLoad: () => userengage("product_event", { product_id: 1, event_type: "view" }),
};
footfall("init", { apiKey: "ABC123", consent: "required", spa: true, adapters: ["ga4"] });
footfall("product_event", {
  product_id: "mug-1",
  event_type: "add to cart",
  available_from: new Date(0),
  custom_data: { quantity: 2, sizes: ["s", "m"] },
});
footfall("event.newsletter", { source: "footer" });
footfall("identify", { user_id: 7, signature: "ab", email: null });
footfall("consent", "granted");
UE.pageHit({ apiKey: "ABC123", vip: true });
UE.resetAuth();
UE.destroy();

// @ts-expect-error: not one of the sixteen
footfall("product_event", { product_id: "mug-1", event_type: "vieww" });
// @ts-expect-error: the app key is missing
footfall("init", { spa: true });
// @ts-expect-error: there is no such call
footfall("send", {});
// @ts-expect-error: neither granted nor denied
footfall("consent", "maybe");
