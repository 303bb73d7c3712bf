/** What a cell did: what will go wrong since, what changed silently, and the rest folded. */

import { Fragment, type JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { FixOf } from "./fix";
import { HazardRows, Hazards, Linked } from "./hazards";
import { Button, Fold, Glyph, Name, type Reveal, Spans, type Ways } from "./pieces";
import { useLetters } from "./room";
import { type Shorten, shortener } from "./shorten";
import type { CellHead, Line, Link, Span, Told } from "./wire";
import { count, hasPart } from "./words";

/** How many lines are drawn before a button asks for more. */
const STEP = 30;

export function LastCell(props: Ways & { told: Told; filter: string }): JSX.Element {
  const { told, filter, ...ways } = props;
  const { cell, hazards, lines } = matching(told, filter);
  const silent = lines.filter((line) => line.silent);
  const others = lines.filter((line) => !line.silent);
  const isQuiet = lines.length === 0 && hazards.every(({ turn }) => turn === null);
  const begun = hazards.filter(
    ({ turn, minor, hushed, explains }) => (turn === "new" || (turn === null && explains)) && !(minor || hushed),
  );
  return (
    <>
      {cell.status !== "ok" && <p class="tw-note">{STATUS[cell.status]}</p>}
      {isQuiet && <p class="tw-note">{filter ? NOT_FOUND : "It changed nothing."}</p>}
      <HazardRows hazards={begun} {...ways} />
      {silent.length > 0 && <Lines lines={silent} cell={cell} {...ways} />}
      <Hazards hazards={hazards.filter((one) => !begun.includes(one))} leftOut={told.hazards_left_out} {...ways} />
      {others.length > 0 && (
        <Fold summary={summary(others, filter ? 0 : told.left_out, silent.length + hazards.length === 0)}>
          <Lines lines={others} cell={cell} {...ways} />
        </Fold>
      )}
    </>
  );
}

const NOT_FOUND = "It did nothing to what the filter names.";

/** What a filter leaves of it: lines and hazards that name such a variable. */
function matching(told: Told, filter: string): Told {
  if (!filter) {
    return told;
  }
  const isNamed = (link: Link): boolean => typeof link !== "string" && link.length < 3 && hasPart(link[0], filter);
  return {
    ...told,
    lines: told.lines.filter(
      ({ paths, label }) => hasPart(label, filter) || paths.some((path) => hasPart(path, filter)),
    ),
    hazards: told.hazards.filter(({ what, why }) => what.some(isNamed) || why.some(isNamed)),
  };
}

const STATUS = {
  ok: "",
  error: "It raised an error; its tensors were compared.",
  interrupted: "It was interrupted; its tensors were compared.",
};

/** Sum up lines: `4 more: 2 written by name, 1 rebound, 1 new`, or without the total where nothing stands above. */
export function summary(lines: readonly Line[], leftOut: number, isAll: boolean): string {
  const kinds = new Map<string, number>();
  for (const line of lines) {
    const name = line.kind === "mutated" ? (CAUSES[line.cause ?? ""] ?? "changed") : (KINDS[line.kind] ?? line.kind);
    kinds.set(name, (kinds.get(name) ?? 0) + line.paths.length);
  }
  const total = [...kinds.values()].reduce((sum, one) => sum + one, leftOut);
  const parts = [...kinds].map(([name, number]) => `${number.toLocaleString("en")} ${name}`);
  const told = [...parts, ...(leftOut > 0 ? [`${leftOut.toLocaleString("en")} not listed`] : [])].join(", ");
  return isAll ? told : `${total.toLocaleString("en")} more: ${told}`;
}

const CAUSES: Record<string, string> = {
  direct: "written by name",
  optimizer: "updated by an optimizer or by hand",
  backward: "changed by backward",
  module: "changed by their module",
  object: "changed by their own object",
  leftover: "listed under another name",
  component: "part of a sparse tensor",
};

const KINDS: Record<string, string> = {
  bound: "new",
  unbound: "gone",
  rebound: "rebound",
  touched: "touched",
  metadata: "with changed metadata",
};

function Lines(props: Ways & { lines: readonly Line[]; cell: CellHead }): JSX.Element {
  const { lines, cell, ...ways } = props;
  const [shown, setShown] = useState(STEP);
  const letters = useLetters(BESIDE);
  const shorten = useMemo(
    () =>
      shortener(
        lines.map(({ label }) => label),
        letters,
      ),
    [lines, letters],
  );
  return (
    <>
      <ul class="tw-lines">
        {lines.slice(0, shown).map((line) => (
          <ChangeRow key={`${line.kind} ${line.paths[0]}`} line={line} cell={cell} shorten={shorten} {...ways} />
        ))}
      </ul>
      {lines.length > shown && (
        <Button class="tw-fold" onClick={() => setShown(shown + STEP)}>
          Show {Math.min(STEP, lines.length - shown)} more of {count(lines.length - shown, "line")}
        </Button>
      )}
    </>
  );
}

/** What stands beside a name in its row, in pixels: the mark. */
const BESIDE = 24;

/** A change; without `shorten`, under the details of its variable, where its cell stands in place of its name. */
export function ChangeRow(props: Ways & { line: Line; cell: CellHead; shorten?: Shorten }): JSX.Element {
  const { line, cell, select, reveal, shorten } = props;
  const first = line.paths[0] ?? line.label;
  const several = line.paths.length > 1 ? `${count(line.paths.length, "tensor")} ` : "";
  const details = [...pieces(line.amount), line.counter].filter((part) => part.length > 0);
  return (
    <li class={line.silent ? "tw-change tw-silent" : "tw-change"} data-line={`${cell.count} ${line.line}`}>
      {line.silent && <Glyph of="silent" label="silent" />}
      <p>
        {shorten ? (
          <Name
            path={first}
            label={line.label}
            text={shorten(line.label)}
            title={several ? first : line.label}
            select={select}
          />
        ) : (
          <b class="tw-when">Cell [{cell.count}]</b>
        )}{" "}
        <span class="tw-how">
          {several}
          <Spans of={line.how} />
        </span>
      </p>
      {line.line !== null && (
        <p class="tw-dim tw-statement" title={plain(line.statement)}>
          <Where line={line} cell={cell} reveal={reveal} /> <Spans of={line.statement} />
        </p>
      )}
      {line.since && line.since.length > 0 && (
        <p class="tw-dim tw-since">
          <Linked of={line.since} select={select} reveal={reveal} />
        </p>
      )}
      {details.length > 0 && (
        <p class="tw-dim tw-numbers">
          {details.map((part, place) => (
            <Fragment key={place}>
              {place > 0 && <span class="tw-ear">, </span>}
              <span class="tw-part">
                <Spans of={part} />
              </span>
            </Fragment>
          ))}
        </p>
      )}
      {shorten && line.silent && <FixOf names={line.paths} title={true} reveal={reveal} />}
    </li>
  );
}

/** An amount in pieces that break into lines only between them. */
function pieces(amount: readonly Span[]): (readonly Span[])[] {
  return amount.every((span) => typeof span === "string")
    ? plain(amount)
        .split(", ")
        .map((text) => [text])
    : [amount];
}

function plain(spans: readonly Span[]): string {
  return spans.map((span) => (typeof span === "string" ? span : span[0])).join("");
}

/** The line as a link, where there is a notebook to show it. */
function Where({ line, cell, reveal }: { line: Line; cell: CellHead; reveal: Reveal }): JSX.Element {
  const text = plain(line.where);
  if (!reveal || line.line === null) {
    return <span>{text}</span>;
  }
  const place = { count: cell.count, cell: cell.id, line: line.line };
  return (
    <Button class="tw-link" title={`Go to ${text} of cell [${cell.count}]`} onClick={() => reveal(place)}>
      {text}
    </Button>
  );
}
