// Types of the browser SDK: `/// <reference path="widget.d.ts" />`, or put the file beside your sources.

/** JSON as it is sent; a Date becomes ISO 8601 text, what is undefined is left out. */
type FootfallValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | Date
  | FootfallValue[]
  | { [name: string]: FootfallValue };

type FootfallEventType =
  | "click"
  | "promo click"
  | "view"
  | "detail"
  | "liking"
  | "add to observation"
  | "reservation"
  | "add"
  | "add to cart"
  | "remove"
  | "checkout"
  | "checkout option"
  | "order"
  | "purchase"
  | "return"
  | "refund";

/** Who browses. Names that are not listed are attributes of the contact. */
interface FootfallContact {
  /** The shop's own id of the person; it wins over everything else. */
  user_id?: string | number | null;
  /** Hex HMAC-SHA256 of `user_id` under the workspace's identity secret, made by the shop's server. */
  signature?: string;
  email?: string | null;
  first_name?: string;
  last_name?: string;
  name?: string;
  phone_number?: string;
  [attribute: string]: FootfallValue | ((...words: never[]) => unknown);
}

interface FootfallSettings extends FootfallContact {
  /** 6 characters; may write only. */
  apiKey: string;
  /** Footfall's address; default: the origin that the script came from. */
  host?: string;
  /** With "required" nothing is stored or sent before `footfall("consent", "granted")`. */
  consent?: "required";
  /** A page view for each change of the address by script, back or forward. */
  spa?: boolean;
  adapters?: ("ga4" | "segment")[];
  /** Name of the array that the ga4 adapter reads; default "dataLayer". */
  dataLayer?: string;
  /** Domain of the cookies, for a shop on several hosts; default: the page's host. */
  cookieDomain?: string;
  /** Say in the console what is dropped or fails. */
  debug?: boolean;
  /** Called when the SDK has started and has made the calls that were queued. */
  onLoad?: () => void;
}

interface FootfallProductEvent {
  product_id: string | number;
  event_type: FootfallEventType;
  /** Makes repeats of this event count once; default: a random one. */
  event_id?: string;
  /** Kept with this occurrence only; every other name is an attribute of the product. */
  custom_data?: { [name: string]: FootfallValue };
  [attribute: string]: FootfallValue;
}

interface FootfallFunction {
  (call: "init", settings: FootfallSettings): void;
  (call: "product_event", event: FootfallProductEvent): void;
  (call: `event.${string}`, attributes?: { [name: string]: FootfallValue }): void;
  (call: "client.update" | "identify" | "pageHit" | "reset", contact?: FootfallContact): void;
  (call: "consent", choice: "granted" | "denied"): void;
  (call: "destroy"): void;
  /** The visitor's key, 12 characters, once it may be kept. */
  userKey?: string;
}

declare var footfall: FootfallFunction;
declare var userengage: FootfallFunction;
declare var civchat: FootfallSettings & { userKey?: string };
declare var UE: {
  pageHit(contact?: FootfallContact): void;
  resetAuth(contact?: FootfallContact): void;
  destroy(): void;
};
