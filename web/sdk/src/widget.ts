// The script that pages load: takes the place of the snippets' stubs and does what they queued.

import { makeCall } from "./calls";
import { attempt } from "./guard";

type Call = ReturnType<typeof makeCall>;
interface PageFunction extends Call {
  /** What a stub has queued: `arguments` objects. */
  q?: ArrayLike<unknown>[];
  loaded?: boolean;
  userKey?: string;
}

declare global {
  interface Window {
    footfall?: PageFunction;
    userengage?: PageFunction;
    UE?: Record<string, (fields?: unknown) => void>;
    civchat?: Record<string, unknown>;
  }
}

function install(): void {
  const { footfall, userengage, civchat } = window;
  if (footfall && footfall.loaded) return;
  const script = (document.currentScript ||
    document.querySelector('script[src*="/widget.js"]')) as HTMLScriptElement | null;
  const call: PageFunction = makeCall(script ? new URL(script.src).origin : "");
  call.loaded = true;
  // A page may have made one of the names its own for good; the others still work.
  attempt(() => (window.footfall = call));
  attempt(() => (window.userengage = call));
  attempt(() => {
    window.UE = {
      pageHit: (fields) => call("pageHit", fields),
      resetAuth: (fields) => call("reset", fields),
      destroy: () => call("destroy"),
    };
  });
  if (civchat && civchat.apiKey) call("init", civchat);
  for (const stub of [footfall, userengage]) {
    for (const words of (stub && stub.q) || []) call(words[0], words[1]);
  }
}

attempt(install);
