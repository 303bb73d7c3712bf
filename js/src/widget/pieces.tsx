/** The small pieces that all sections are made of. */

import { type ComponentChildren, createContext, type JSX } from "preact";
import { useContext } from "preact/hooks";
import type { Mark, Span } from "./wire";

/** What every control carries. */
type Keys = Readonly<Record<string, string>>;

/** In a cell, the notebook's shortcuts must not fire while a control has the focus: JupyterLab asks that element only. */
export const OWN_KEYS: Keys = { "data-lm-suppress-shortcuts": "true" };

/** The keys of the place that the panel is in. */
export const KeysOf = createContext<Keys>({});

export function Spans({ of }: { of: readonly Span[] }): JSX.Element {
  return <>{of.map((span, place) => (typeof span === "string" ? span : <code key={place}>{span[0]}</code>))}</>;
}

export function Button(props: JSX.IntrinsicElements["button"]): JSX.Element {
  return <button type="button" {...useContext(KeysOf)} {...props} />;
}

/** A heading that folds what stands below it. */
export function Section(props: {
  title: string;
  aside?: ComponentChildren;
  isOpen: boolean;
  toggle: () => void;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <section aria-label={props.title}>
      <h3>
        <Button class="tw-heading" aria-expanded={props.isOpen} onClick={props.toggle}>
          <Chevron isOpen={props.isOpen} />
          {props.title}
        </Button>
        <span class="tw-aside">{props.aside}</span>
      </h3>
      {props.isOpen && props.children}
    </section>
  );
}

export function Chevron({ isOpen }: { isOpen: boolean }): JSX.Element {
  return (
    <svg class={isOpen ? "tw-chevron tw-open" : "tw-chevron"} viewBox="0 0 8 8" aria-hidden="true">
      <path d="M2 1l4 3-4 3z" />
    </svg>
  );
}

const SHAPES: Record<Mark | "hazard" | "none", JSX.Element> = {
  silent: <path class="tw-ink-silent" d="M7 1.5 13 12.5H1Z" />,
  written: <rect x="3" y="3" width="8" height="8" />,
  rebound: <path class="tw-outline" d="M7 2 12 7 7 12 2 7Z" />,
  created: <circle class="tw-outline" cx="7" cy="7" r="3.75" />,
  gone: <path class="tw-outline" d="M3.5 3.5l7 7m0-7l-7 7" />,
  hazard: <path class="tw-ink-hazard" d="M4.5 1h5L13 4.5v5L9.5 13h-5L1 9.5v-5Z" />,
  none: <circle cx="7" cy="7" r="1" opacity="0.5" />,
};

export const MARK_NAMES: Record<Mark, string> = {
  silent: "silently changed",
  written: "written",
  rebound: "rebound",
  created: "new",
  gone: "gone",
};

/** A mark that is told by its shape as well as by its colour. */
export function Glyph({ of, label }: { of: keyof typeof SHAPES; label?: string }): JSX.Element {
  const naming = label ? { role: "img" as const, "aria-label": label } : { "aria-hidden": true as const };
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: it has a label, or is hidden
    <svg class="tw-glyph" viewBox="0 0 14 14" {...naming}>
      {SHAPES[of]}
    </svg>
  );
}
