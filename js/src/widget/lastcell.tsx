/** What a cell did: silent changes first, then hazards, and the rest folded. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Hazards } from "./hazards";
import { Button, Fold, Glyph, type Reveal, Spans, type Ways } from "./pieces";
import type { CellHead, Line, Told } from "./wire";
import { count } from "./words";

/** How many lines are drawn before a button asks for more. */
const STEP = 30;

export function LastCell(props: Ways & { told: Told }): JSX.Element {
  const { told, ...ways } = props;
  const { cell, lines, hazards } = told;
  const silent = lines.filter((line) => line.silent);
  const others = lines.filter((line) => !line.silent);
  return (
    <>
      {cell.status !== "ok" && <p class="tw-note">{STATUS[cell.status]}</p>}
      {lines.length === 0 && hazards.every(({ turn }) => turn === null) && <p class="tw-note">It changed nothing.</p>}
      {silent.length > 0 && <Lines lines={silent} cell={cell} {...ways} />}
      <Hazards hazards={hazards} leftOut={told.hazards_left_out} {...ways} />
      {others.length > 0 && (
        <Fold summary={summary(others, told.left_out, silent.length + hazards.length === 0)}>
          <Lines lines={others} cell={cell} {...ways} />
        </Fold>
      )}
    </>
  );
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
  return (
    <>
      <ul class="tw-lines">
        {lines.slice(0, shown).map((line) => (
          <ChangeRow key={`${line.kind} ${line.paths[0]}`} line={line} cell={cell} {...ways} />
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

export function ChangeRow(props: Ways & { line: Line; cell: CellHead; isNamed?: boolean }): JSX.Element {
  const { line, cell, select, reveal, isNamed = true } = props;
  const first = line.paths[0] ?? line.label;
  const several = line.paths.length > 1 ? ` (${count(line.paths.length, "tensor")})` : "";
  const details = [line.amount, line.counter].filter((part) => part.length > 0);
  return (
    <li class={line.silent ? "tw-change tw-silent" : "tw-change"}>
      {line.silent && <Glyph of="silent" label="silent" />}
      <p>
        {isNamed ? (
          <Button class="tw-name" title={first} onClick={() => select(first)}>
            {line.label}
          </Button>
        ) : (
          <span>Cell [{cell.count}]</span>
        )}
        {several} <Spans of={line.how} />
      </p>
      {line.line !== null && (
        <p class="tw-dim">
          <Where line={line} cell={cell} reveal={reveal} /> <Spans of={line.statement} />
        </p>
      )}
      {details.length > 0 && (
        <p class="tw-dim tw-numbers">
          {details.map((part, place) => (
            <span key={place} class="tw-part">
              <Spans of={part} />
              {place < details.length - 1 && ", "}
            </span>
          ))}
        </p>
      )}
    </li>
  );
}

/** The line as a link, where there is a notebook to show it. */
function Where({ line, cell, reveal }: { line: Line; cell: CellHead; reveal: Reveal }): JSX.Element {
  const text = line.where.map((span) => (typeof span === "string" ? span : span[0])).join("");
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
