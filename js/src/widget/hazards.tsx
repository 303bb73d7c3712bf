/** What will go wrong: the hazards that are new, those that stand, those that are over, and mere risks folded. */

import type { ComponentChildren, JSX } from "preact";
import { useContext, useState } from "preact/hooks";
import { FixOf } from "./fix";
import { ActionsOf, Breaking, Button, Fold, Glyph, Name, type Ways } from "./pieces";
import type { CellHead, HazardLine, Link } from "./wire";
import { count } from "./words";

export function Hazards(props: Ways & { hazards: readonly HazardLine[]; leftOut: number }): JSX.Element {
  const { hazards, leftOut, ...ways } = props;
  const main = hazards.filter(({ minor, hushed }) => !(minor || hushed));
  const minor = hazards.filter((one) => one.minor && !one.hushed);
  const hushed = hazards.filter((one) => one.hushed);
  return (
    <>
      <HazardRows hazards={main} {...ways} />
      {minor.length > 0 && (
        <Fold summary={`${count(minor.length, "risk")}, harmful only if backward is run`}>
          <HazardRows hazards={minor} {...ways} />
        </Fold>
      )}
      {hushed.length > 0 && (
        <Fold summary={`${count(hushed.length, "hazard")} not told again`}>
          <HazardRows hazards={hushed} {...ways} />
        </Fold>
      )}
      {leftOut > 0 && <p class="tw-note">{count(leftOut, "more hazard")}, not listed</p>}
    </>
  );
}

export function HazardRows(props: Ways & { hazards: readonly HazardLine[] }): JSX.Element | null {
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
  const place = [...why].reverse().find((link): link is LineLink => typeof link !== "string" && link.length === 3);
  return (
    <li class={`tw-change tw-hazard tw-${outcome} tw-${turn ?? "standing"}`} data-line={place?.slice(1).join(" ")}>
      <Glyph of={turn === "over" ? "over" : outcome} label="hazard" />
      <p class="tw-tag">
        {turn === "new" && !cell && <b>new · </b>}
        {turn === "over" ? code : `${code} · ${outcome}`}
      </p>{" "}
      <p class="tw-what">
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
        <Paragraph>
          <Linked of={why} {...ways} />
        </Paragraph>
      )}
      {isTold && remedy.length > 0 && (
        <Paragraph kind="tw-remedy">
          <Linked of={remedy} {...ways} />
        </Paragraph>
      )}
      {isTold && turn !== "over" && !cell && <FixOf names={[hazard.key ?? ""]} reveal={ways.reveal} />}
      {isTold && turn !== "over" && !cell && <HazardActions hazard={hazard} place={place} reveal={ways.reveal} />}
    </li>
  );
}

function Paragraph({ kind = "", children }: { kind?: string; children: ComponentChildren }): JSX.Element {
  return <p class={`tw-dim ${kind}`}>{children}</p>;
}

type LineLink = Exclude<Link, string> & readonly [text: string, count: number, line: number];

function HazardActions(props: {
  hazard: HazardLine;
  place: LineLink | undefined;
  reveal: Ways["reveal"];
}): JSX.Element | null {
  const { hazard, place, reveal } = props;
  const { hush } = useContext(ActionsOf);
  return (
    <p class="tw-actions">
      {reveal && place && (
        <Button
          class="tw-action"
          title={`Go to ${place[0]}`}
          onClick={() => reveal({ count: place[1], cell: null, line: place[2] })}
        >
          Go to line
        </Button>
      )}
      {hazard.key && (
        <Button class="tw-action" onClick={() => hush(hazard.key, !hazard.hushed)}>
          {hazard.hushed ? "Tell it again" : "Not again for this"}
        </Button>
      )}
    </p>
  );
}

/** Words and code, of which names lead to the details and places to the notebook. */
export function Linked(props: Ways & { of: readonly Link[] }): JSX.Element {
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
    <code>
      <Breaking text={text} />
    </code>
  ) : (
    <Name path={path} text={text} label={text} title={path} select={select} />
  );
}
