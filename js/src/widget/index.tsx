/** The widget as anywidget runs it: once a model, and once a view. */

import { render as draw } from "preact";
import { type Entry, EVENT, type Host, REGISTRY } from "../registry";
import { offer } from "./card";
import { hushedIn } from "./hushed";
import type { Model } from "./model";
import { Panel } from "./panel";
import { Store } from "./store";

/** One store a model: what anywidget hands to `initialize` and to `render` are two proxies of it. */
const stores = new Map<string, Store>();

/** A kernel of these states knows nothing any more of what it has sent. */
const ENDS = new Set(["restarting", "autorestarting", "terminating", "dead"]);

function open(model: Model): Store {
  const store = new Store(model);
  stores.set(String(model.get("name")), store);
  return store;
}

function mount(store: Store, element: HTMLElement, host: Host | null): () => void {
  const root = document.createElement("div");
  root.className = host ? "tw-panel" : "tw-panel tw-inline";
  element.append(root);
  for (const key of host?.name ? hushedIn(host.name) : []) {
    store.hush(key, true);
  }
  const view = {};
  const sight = new IntersectionObserver((entries) => store.see(view, entries.at(-1)?.isIntersecting ?? false));
  sight.observe(root);
  draw(<Panel store={store} host={host} />, root);
  return () => {
    sight.disconnect();
    store.see(view, false);
    draw(null, root);
    root.remove();
  };
}

function initialize({ model }: { model: Model }): () => void {
  const store = open(model);
  const closed = new AbortController();
  const kernel = model.widget_manager?.kernel;
  const hear = (_: unknown, status: string): void => {
    ENDS.has(status) && store.retire();
  };
  kernel?.statusChanged?.connect(hear);
  const entry: Entry = {
    kernel,
    born: Number(model.get("born")),
    closed: closed.signal,
    mount: (element, host) => mount(store, element, host),
    follow: (listener) => store.follow(listener),
    choose: ({ block }) => store.chooseBlock(block),
    show: (place) => store.show(place),
    foretell: (cells) => store.foretell(cells),
    offer: (place, near, host, isAsked) => void offer(store, place, near, host, isAsked),
  };
  const page = globalThis as unknown as Record<string, Set<Entry> | undefined>;
  page[REGISTRY] ??= new Set();
  page[REGISTRY].add(entry);
  document.dispatchEvent(new CustomEvent(EVENT, { detail: entry }));
  return () => {
    page[REGISTRY]?.delete(entry);
    stores.delete(String(model.get("name")));
    kernel?.statusChanged?.disconnect(hear);
    store.retire();
    closed.abort();
  };
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  return mount(stores.get(String(model.get("name"))) ?? open(model), el, null);
}

export default { initialize, render };
