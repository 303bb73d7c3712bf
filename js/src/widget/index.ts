/** A stand-in until the panel itself is written: what it fills in of the contract is enough to build the rest on. */

import { type Entry, EVENT, type News, REGISTRY } from "../registry";

interface Model {
  get(name: string): unknown;
  on(event: string, listener: (...values: never[]) => void): void;
  off(event: string, listener: (...values: never[]) => void): void;
  readonly widget_manager?: { readonly kernel?: unknown };
}

function news(model: Model): News {
  return model.get("news") as News;
}

function mount(model: Model, element: HTMLElement): () => void {
  const region = document.createElement("section");
  region.className = "ipytw-panel";
  region.setAttribute("role", "region");
  region.setAttribute("aria-label", "tensorwatch");
  const draw = (): void => {
    const { count, silent } = news(model);
    region.textContent = `[${count}] ${silent} silent ${silent === 1 ? "change" : "changes"}`;
  };
  draw();
  element.append(region);
  model.on("change:news", draw);
  return () => {
    model.off("change:news", draw);
    region.remove();
  };
}

function initialize({ model }: { model: Model }): () => void {
  const closed = new AbortController();
  const entry: Entry = {
    kernel: model.widget_manager?.kernel,
    born: model.get("born") as number,
    closed: closed.signal,
    mount: (element) => mount(model, element),
    follow(listener) {
      const tell = (): void => listener(news(model));
      tell();
      model.on("change:news", tell);
      return () => model.off("change:news", tell);
    },
  };
  const page = globalThis as unknown as Record<string, Set<Entry> | undefined>;
  page[REGISTRY] ??= new Set();
  const registry = page[REGISTRY];
  registry.add(entry);
  document.dispatchEvent(new CustomEvent(EVENT, { detail: entry }));
  return () => {
    registry.delete(entry);
    closed.abort();
  };
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  return mount(model, el);
}

export default { initialize, render };
