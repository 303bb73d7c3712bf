/** Shortens names in the middle, so that names that differ are told apart at any width. */

const GAP = "…";

/** Of a name that is told apart without its middle, the beginning gets one third: names of one model end differently. */
const HEAD_SHARE = 3;

/** Letters that are looked at, from the beginning and from the end: names of ten thousand letters exist. */
const REACH = 120;

/** Shows each of some names in so many letters; a list of ten thousand is shortened row by row, as it is drawn. */
export type Shorten = (name: string) => string;

export function shortener(names: Iterable<string>, letters: number): Shorten {
  const all = [...new Set(names)].sort().map((name) => ({ name, spelled: [...name], apart: new Set<number>() }));
  markDifferences(all, 0, all.length, 0);
  const places = new Map(all.map(({ name }, place) => [name, place]));
  const shown = new Map<string, string>();
  const owners = new Map(all.flatMap(({ name, spelled }) => (spelled.length <= letters ? [[name, name]] : [])));
  return (name) => {
    const place = places.get(name) ?? -1;
    const known = shown.get(name) ?? (owners.get(name) === name ? name : undefined);
    if (known !== undefined || place < 0) {
      return known ?? shorten(name, letters);
    }
    const { spelled, apart } = all[place] as Name;
    const text = fitted(spelled, apart, letters);
    const own = text === null || owners.has(text) ? numbered(spelled, place, letters) : text;
    owners.set(own, name);
    shown.set(name, own);
    return own;
  };
}

/** Shorten one name, where there is no other to be told from. */
export function shorten(name: string, letters: number): string {
  return shortener([name], letters)(name);
}

interface Name {
  readonly spelled: readonly string[];
  /** Places in which it differs from another name that is the same up to there. */
  readonly apart: Set<number>;
}

/** Note where sorted names, the same up to a place, differ from there on. */
function markDifferences(names: readonly Name[], low: number, high: number, from: number): void {
  const [first, last] = [names[low]?.spelled, names[high - 1]?.spelled];
  if (high - low < 2 || !(first && last)) {
    return;
  }
  let place = from;
  while (place < first.length && first[place] === last[place]) {
    place += 1; // they are sorted: what the first and the last begin with, all begin with
  }
  let begin = low;
  for (let index = low; index < high; index += 1) {
    const { spelled, apart } = names[index] as Name;
    apart.add(Math.min(place, spelled.length - 1));
    if (index + 1 === high || names[index + 1]?.spelled[place] !== spelled[place]) {
      markDifferences(names, begin, index + 1, place + 1);
      begin = index + 1;
    }
  }
}

/** Keep the letters that tell a name apart, then as much of its end and its beginning as there is room for. */
function fitted(spelled: readonly string[], apart: ReadonlySet<number>, letters: number): string | null {
  const size = spelled.length;
  const kept = new Set(apart);
  const head = Math.floor((letters - 1) / HEAD_SHARE);
  const keep = (place: number): void => {
    const isNew = place >= 0 && place < size && !kept.has(place);
    isNew && kept.add(place) && written(spelled, kept).length > letters && kept.delete(place);
  };
  for (let step = 1; step < letters - head; step += 1) {
    keep(size - step);
  }
  for (let place = 0; place < head; place += 1) {
    keep(place);
  }
  for (const place of [...kept].flatMap((one) => [one + 1, one - 1, one + 2, one - 2])) {
    keep(place);
  }
  for (let step = 0; step < Math.min(size, REACH); step += 1) {
    keep(size - step);
  }
  const text = written(spelled, kept);
  return text.length <= letters ? text.join("") : null;
}

/** The letters that are kept, with a gap for each stretch that is not. */
function written(spelled: readonly string[], kept: ReadonlySet<number>): string[] {
  const places = [...kept].sort((a, b) => a - b);
  const text: string[] = [];
  let next = 0;
  for (const place of places) {
    place > next && text.push(place === next + 1 ? (spelled[next] ?? "") : GAP);
    text.push(spelled[place] ?? "");
    next = place + 1;
  }
  next < spelled.length && text.push(GAP);
  return text;
}

/** Where not even that fits, a number tells names apart. */
function numbered(spelled: readonly string[], place: number, letters: number): string {
  const mark = `${GAP}#${place + 1}`;
  return `${spelled.slice(0, Math.max(0, letters - mark.length)).join("")}${mark}`;
}
