/** The small pieces that all sections are made of. */

import { type ComponentChildren, createContext, Fragment, type JSX } from "preact";
import { useContext, useState } from "preact/hooks";
import type { Host, Place } from "../registry";
import type { HazardLine, Mark, Offers, Span } from "./wire";

/** Shows a line in the notebook; undefined where there is no notebook to show it. */
export type Reveal = ((place: Place) => void) | undefined;

/** Where a row leads: to the details of a variable, and to a line. */
export interface Ways {
  readonly select: (path: string) => void;
  readonly reveal: Reveal;
}

/** What can be done to a variable or about a hazard; what runs in the kernel is missing where nothing can run it. */
export interface Actions {
  /** Run a line in the kernel without a place in the history; what it printed. */
  readonly run?: ((code: string) => Promise<string>) | undefined;
  /** Keep quiet about a hazard, or tell it again. */
  hush(key: string | undefined, isOn: boolean): void;
  /** The page around, where there is a notebook. */
  readonly host?: Host | null;
  /** What mends what the cell did, as soon as the kernel has told. */
  readonly offers?: Offers | null | undefined;
}

export const ActionsOf = createContext<Actions>({ hush: () => {} });

/** What every control carries. */
type Keys = Readonly<Record<string, string>>;

/** In a cell, the notebook's shortcuts must not fire while a control has the focus: JupyterLab asks that element only. */
export const OWN_KEYS: Keys = { "data-lm-suppress-shortcuts": "true" };

/** The keys of the place that the panel is in. */
export const KeysOf = createContext<Keys>({});

export function Spans({ of }: { of: readonly Span[] }): JSX.Element {
  return (
    <>
      {of.map((span, place) =>
        typeof span === "string" ? (
          span
        ) : (
          <code key={place}>
            <Breaking text={span[0]} />
          </code>
        ),
      )}
    </>
  );
}

const BREAKS = /(?<=[.[(,])(?=[^.[(,…)])/;

/** The most letters that are cut into pieces: a name of ten thousand letters breaks anywhere. */
const MAX_BROKEN = 400;

/** Code that breaks into lines behind a dot or a bracket, rather than within a word. */
export function Breaking({ text }: { text: string }): JSX.Element {
  const pieces = text.length <= MAX_BROKEN ? text.split(BREAKS) : [text];
  return (
    <>
      {pieces.map((piece, place) => (
        <Fragment key={place}>
          {place > 0 && <wbr />}
          {piece}
        </Fragment>
      ))}
    </>
  );
}

/** A text that is shortened for the eye, and whole for the ear. */
export function Short({ text, full }: { text: string; full: string }): JSX.Element {
  return text === full ? (
    <Breaking text={text} />
  ) : (
    <>
      <span aria-hidden="true">{text}</span>
      <span class="tw-ear">{full}</span>
    </>
  );
}

/** A name that leads to the details of its variable; shortened for the eye, whole for the pointer and for the ear. */
export function Name(props: {
  path: string;
  text?: string;
  label?: string;
  title?: string;
  select: (path: string) => void;
}): JSX.Element {
  const { path, text = path, label = path, title = label, select } = props;
  return (
    <Button class="tw-name" title={title} onClick={() => select(path)}>
      <Short text={text} full={label} />
    </Button>
  );
}

export function Button(props: JSX.IntrinsicElements["button"]): JSX.Element {
  return <button type="button" {...useContext(KeysOf)} {...props} />;
}

/** A heading that folds what stands below it. */
export function Section(props: {
  title: string;
  number?: string;
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
        {props.number && <span class="tw-number">{props.number}</span>}
        {props.aside && <span class="tw-aside">{props.aside}</span>}
      </h3>
      {props.isOpen && props.children}
    </section>
  );
}

/** Less important rows below a line that sums them up. */
export function Fold({ summary, children }: { summary: string; children: ComponentChildren }): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button class="tw-fold" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Chevron isOpen={isOpen} />
        {summary}
      </Button>
      {isOpen && children}
    </>
  );
}

export function Chevron({ isOpen }: { isOpen: boolean }): JSX.Element {
  return (
    <svg class={isOpen ? "tw-chevron tw-open" : "tw-chevron"} viewBox="0 0 8 8" aria-hidden="true">
      <path d="M2 1l4 3-4 3z" />
    </svg>
  );
}

const SHAPES: Record<Mark | HazardLine["outcome"] | "over" | "none", JSX.Element> = {
  silent: <path class="tw-ink-silent" d="M7 1.5 13 12.5H1Z" />,
  written: <rect x="3" y="3" width="8" height="8" />,
  rebound: <path class="tw-outline" d="M7 2 12 7 7 12 2 7Z" />,
  created: <circle class="tw-outline" cx="7" cy="7" r="3.75" />,
  gone: <path class="tw-outline" d="M3.5 3.5l7 7m0-7l-7 7" />,
  raises: <path class="tw-ink-hazard" d="M4.5 1h5L13 4.5v5L9.5 13h-5L1 9.5v-5Z" />,
  wrong: (
    <path
      class="tw-ink-hazard"
      fill-rule="evenodd"
      d="M4.5 1h5L13 4.5v5L9.5 13h-5L1 9.5v-5ZM4 4.5h6v1.5h-6ZM4 8h6v1.5h-6Z"
    />
  ),
  risk: <path class="tw-outline tw-ink-risk" d="M4.8 1.75h4.4L12.25 4.8v4.4L9.2 12.25H4.8L1.75 9.2V4.8Z" />,
  over: <path class="tw-outline" d="M2.5 7.5 6 11 12 3.5" />,
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
