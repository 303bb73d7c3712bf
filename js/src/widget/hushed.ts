/** Remembers in the browser which hazards of a notebook are not to be told again: the kernel does so until it ends. */

const PREFIX = "ipy-tensorwatch:hushed:";
const MAX_KEPT = 200;

export function hushedIn(notebook: string): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(PREFIX + notebook) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => typeof one === "string") : [];
  } catch {
    return []; // no storage, or somebody else's text in it
  }
}

export function keepHushed(notebook: string, key: string, isOn: boolean): void {
  const others = hushedIn(notebook).filter((one) => one !== key);
  try {
    localStorage.setItem(PREFIX + notebook, JSON.stringify([...others, ...(isOn ? [key] : [])].slice(-MAX_KEPT)));
  } catch {
    // No storage, or none left: the kernel knows it all the same.
  }
}
