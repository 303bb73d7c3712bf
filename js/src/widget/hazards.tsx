/** What will go wrong: the hazards that are new, those that stand, those that are over, and mere risks folded. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Button, Fold, Glyph, type Ways } from "./pieces";
import type { CellHead, HazardLine, Link } from "./wire";
import { count } from "./words";

export function Hazards(props: Ways & { hazards: readonly HazardLine[]; leftOut: number }): JSX.Element {
  const { hazards, leftOut, ...ways } = props;
  const [minor, main] = [hazards.filter((one) => one.minor), hazards.filter((one) => !one.minor)];
  return (
    <>
      <HazardRows hazards={main} {...ways} />
      {minor.length > 0 && (
        <Fold summary={`${count(minor.length, "risk")}, harmful only if backward is run`}>
          <HazardRows hazards={minor} {...ways} />
        </Fold>
      )}
      {leftOut > 0 && <p class="tw-note">{count(leftOut, "more hazard")}, not listed</p>}
    </>
  );
}

function HazardRows(props: Ways & { hazards: readonly HazardLine[] }): JSX.Element | null {
  const { hazards, ...ways } = props;
  if (hazards.length === 0) {
    return null;
  }
  return (
    <ul class="tw-lines">
      {hazards.map((hazard) => (
        <HazardRow key={`${hazard.code} ${hazard.what} ${hazard.why}`} hazard={hazard} {...ways} />
      ))}
    </ul>
  );
}

/** One hazard; under the details of a variable with the cell that it began or was over with. */
export function HazardRow(props: Ways & { hazard: HazardLine; cell?: CellHead }): JSX.Element {
  const { hazard, cell, ...ways } = props;
  const { code, outcome, turn, what, why, remedy } = hazard;
  const [isOpen, setOpen] = useState(false);
  const isTold = turn !== null || isOpen; // of one that stands, the cell that it began with has told all
  const told = <Linked of={what} {...ways} />;
  return (
    <li class={`tw-change tw-hazard tw-${outcome} tw-${turn ?? "standing"}`}>
      <Glyph of={turn === "over" ? "over" : outcome} label="hazard" />
      <p class="tw-what">
        <span class="tw-tag">
          {turn === "new" && !cell && <b>new · </b>}
          {turn === "over" ? code : `${code} · ${outcome}`}
        </span>{" "}
        {cell && `Cell [${cell.count}] `}
        {turn === "over" ? <s>{told}</s> : told}
        {turn === null && (
          <>
            {" "}
            <Button class="tw-link tw-dim" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
              why
            </Button>
          </>
        )}
      </p>
      {isTold && why.length > 0 && (
        <p class="tw-dim">
          <Linked of={why} {...ways} />
        </p>
      )}
      {isTold && remedy.length > 0 && (
        <p class="tw-dim tw-remedy">
          <Linked of={remedy} {...ways} />
        </p>
      )}
    </li>
  );
}

/** Words and code, of which names lead to the details and places to the notebook. */
function Linked(props: Ways & { of: readonly Link[] }): JSX.Element {
  const { of, ...ways } = props;
  return (
    <>{of.map((link, place) => (typeof link === "string" ? link : <Linking key={place} link={link} {...ways} />))}</>
  );
}

function Linking(props: Ways & { link: Exclude<Link, string> }): JSX.Element {
  const { link, select, reveal } = props;
  if (link.length === 3) {
    const [text, cell, line] = link;
    return reveal ? (
      <Button class="tw-link" title={`Go to ${text}`} onClick={() => reveal({ count: cell, cell: null, line })}>
        {text}
      </Button>
    ) : (
      <span>{text}</span>
    );
  }
  const [text, path] = link;
  return path === undefined ? (
    <code>{text}</code>
  ) : (
    <Button class="tw-name" title={path} onClick={() => select(path)}>
      {text}
    </Button>
  );
}
