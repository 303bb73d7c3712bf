/** A fix: the lines that go and the lines that come, and a button that edits the cells. */

import type { JSX } from "preact";
import { useContext, useState } from "preact/hooks";
import type { Host } from "../registry";
import { DONE, mend } from "./mend";
import { ActionsOf, Button, type Reveal, Spans } from "./pieces";
import type { Offer, Offers } from "./wire";

/** The fix of a row; where it mends others too, it stands at the first of them. */
export function FixOf(props: { names: readonly string[]; title?: boolean; reveal: Reveal }): JSX.Element | null {
  const { names, ...rest } = props;
  const { offers, host } = useContext(ActionsOf);
  const offer = offers?.fixes.find(({ of }) => names.includes(of[0] ?? ""));
  return offer && offers && host?.find ? <Fix offer={offer} cells={offers.cells} host={host} {...rest} /> : null;
}

export function Fix(props: {
  offer: Offer;
  cells: Offers["cells"];
  host: Host;
  title?: boolean;
  reveal?: Reveal;
  /** Called once the cells are edited. */
  done?: () => void;
}): JSX.Element {
  const { offer, cells, host, title = false, reveal, done } = props;
  const [said, say] = useState("");
  const apply = (): void => {
    const told = mend(offer, cells, host);
    say(told);
    told === DONE && done?.();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a form of no fields, of which there may be many
    <div class="tw-fix" role="group" aria-label="Fix">
      {title && (
        <p class="tw-dim">
          <Spans of={offer.title} />
        </p>
      )}
      {offer.edits.map((edit) => {
        const { count, line, end_line, text } = edit;
        const { cell = null, source = "" } = cells[count] ?? {};
        const place = `cell ${count}, line ${line}`;
        return (
          <figure key={place}>
            <figcaption>
              {reveal ? (
                <Button class="tw-link" title={`Go to ${place}`} onClick={() => reveal({ count, cell, line })}>
                  {place}
                </Button>
              ) : (
                place
              )}
            </figcaption>
            <Lines of={source.split("\n").slice(line - 1, end_line)} as="del" />
            <Lines of={text.split("\n")} as="ins" />
          </figure>
        );
      })}
      <p class="tw-actions">
        <Button class="tw-action" title={offer.note} onClick={apply}>
          Apply
        </Button>
        <span class="tw-dim" role="status">
          {said || offer.note}
        </span>
      </p>
    </div>
  );
}

/** Lines of code with a sign before each, so that colour alone tells nothing. */
function Lines({ of, as: Mark }: { of: readonly string[]; as: "del" | "ins" }): JSX.Element {
  return (
    <>
      {of.map((line, place) => (
        <Mark key={place}>
          <span class="tw-ear">{Mark === "del" ? "remove " : "add "}</span>
          {line}
        </Mark>
      ))}
    </>
  );
}
