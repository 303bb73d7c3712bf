"""The style sheet of the HTML: JupyterLab's colours, with fallbacks for light and dark themes."""

from __future__ import annotations

from typing import NamedTuple


class Shade(NamedTuple):
    """One colour on a light and on a dark background."""

    light: str
    dark: str


SHADES = (
    Shade("#4477aa", "#7fb0e0"), Shade("#3f8f8a", "#86cfc8"), Shade("#aa6699", "#d79ac6"), Shade("#7a7a2e", "#cfc97a"),
)  # fmt: skip
"""The colours of strips; without a style sheet the light ones are used, which are visible on any background."""

MARK = "#b06a00"
"""The colour of changed bytes without a style sheet."""

_RULES = """
& {
  --tw-text: var(--jp-ui-font-color1, var(--vscode-foreground, inherit));
  --tw-dim: var(--jp-ui-font-color2, var(--vscode-descriptionForeground, light-dark(#59636e, #9198a1)));
  --tw-line: var(--jp-border-color2, var(--vscode-widget-border, #8884));
  --tw-mark: light-dark(#9a5b00, #f2b84b);
  --tw-wash: light-dark(#fff9ec, #2a2212);
  color: var(--tw-text);
  font: 13px/1.45 var(--jp-ui-font-family, system-ui, sans-serif);
  max-width: 100%;
  overflow-x: auto;
  container-type: inline-size;
}
[data-jp-theme-light="true"] &, body.vscode-light & { color-scheme: light; }
[data-jp-theme-light="false"] &, body.vscode-dark &, html[theme="dark"] & { color-scheme: dark; }
& p { margin: 4px 0; color: var(--tw-dim); overflow-wrap: anywhere; }
& p.ipytw-head { font-weight: 600; color: var(--tw-text); white-space: pre-wrap; }
& table {
  border-collapse: collapse;
  border: 0;
  margin: 4px 0 8px;
  font-size: 13px;
  table-layout: auto;
  width: auto;
}
& caption { caption-side: top; text-align: left; padding: 4px 0 2px; color: var(--tw-dim); font-weight: 600; }
& table tr th, & table tr td {
  padding: 2px 14px 2px 6px;
  text-align: left;
  vertical-align: top;
  font-weight: 400;
  line-height: 1.45;
  background: none;
  border: 0;
  border-bottom: 1px solid var(--tw-line);
  max-width: none;
  white-space: normal;
  overflow-wrap: anywhere;
}
& table tr .ipytw-short { white-space: nowrap; }
& table tr td.ipytw-wrapped { box-sizing: content-box; max-width: 44em; }
& table thead tr th { color: var(--tw-dim); font-size: 12px; white-space: nowrap; }
& table tbody tr, & table thead tr { background: none; border: 0; }
& table tbody tr th { border-left: 3px solid transparent; }
& table thead tr th:first-child { padding-left: 9px; }
& table.ipytw-signed tr th:first-child { padding-left: 22px; }
& table.ipytw-signed thead tr th:first-child { padding-left: 25px; }
& table tbody tr.ipytw-silent { background: var(--tw-wash); }
& table tbody tr.ipytw-silent th { border-left-color: var(--tw-mark); }
& .ipytw-sign { position: absolute; margin-left: -16px; color: var(--tw-mark); }
& code {
  font-family: var(--jp-code-font-family, ui-monospace, monospace);
  font-size: 12px;
  background: none;
  border: 0;
  padding: 0;
  color: inherit;
  white-space: pre-wrap;
}
& .ipytw-wrapped code { display: inline-block; }
"""

_ENTRY_RULES = """
& { --tw-hazard: light-dark(#b42318, #ff8f85); --tw-hazard-wash: light-dark(#fdf1ef, #301816); }
& .ipytw-entry { display: flex; gap: 10px; margin: 6px 0; padding: 3px 9px; border-left: 3px solid var(--tw-hazard); }
& .ipytw-entry { background: var(--tw-hazard-wash); }
& .ipytw-entry > div { min-width: 0; }
& .ipytw-entry > p { flex: none; font-weight: 600; color: var(--tw-hazard); }
& .ipytw-entry p { margin: 0; max-width: 72em; }
& .ipytw-entry > div > p:first-child { color: var(--tw-text); }
"""

_LINK_RULES = """
& .ipytw-head button { font: inherit; padding: 0; border: 0; background: none; cursor: pointer; }
& .ipytw-head button { color: var(--jp-content-link-color, inherit); text-decoration: underline; }
"""

_NARROW = "@container (max-width: 1000px)"
"""Where there is less room, the cells of a table with many columns follow each other."""

_NARROW_RULES = """
& table:not(.ipytw-picture) { width: 100%; }
& table tr td.ipytw-wrapped { min-width: 0 !important; max-width: none; }
& table.ipytw-many thead { display: none; }
& table.ipytw-many > tbody > tr { display: flex; flex-wrap: wrap; border-bottom: 1px solid var(--tw-line); }
& table.ipytw-many > tbody > tr > th, & table.ipytw-many > tbody > tr > td { border-bottom: 0; min-width: 0; }
"""

_PICTURE_RULES = """
& table table.ipytw-picture { margin: 2px 0 6px; }
& table.ipytw-picture tr th, & table.ipytw-picture tr td { border: 0; padding: 1px 12px 1px 6px; font-size: 12px; }
& table.ipytw-picture tr th { padding-left: 9px; min-width: 7em; }
& table.ipytw-picture tr td { color: var(--tw-dim); font-variant-numeric: tabular-nums; }
& table.ipytw-picture svg { display: block; min-width: 120px; vertical-align: middle; }
& table tbody tr.ipytw-above th, & table tbody tr.ipytw-above td { border-bottom: 0; }
& table tbody tr.ipytw-below td { padding: 0 0 0 12px; }
& .ipytw-block { stroke: var(--tw-line); stroke-opacity: 0.4; }
& .ipytw-dirty { stroke: var(--tw-mark); }
"""
_SHADE_RULES = "".join(
    f"& .ipytw-{place} {{ stroke: light-dark({shade.light}, {shade.dark}); }}\n" for place, shade in enumerate(SHADES)
)


def _scoped(rules: str) -> str:
    """Scope rules by our class, three times to outrank JupyterLab's rules for tables, and strip indentation."""
    return "".join(line.strip() for line in rules.splitlines()).replace("&", ".ipytw" * 3)


STYLE = _scoped(_RULES) + f"{_NARROW}{{{_scoped(_NARROW_RULES)}}}"
ENTRY_STYLE, LINK_STYLE = _scoped(_ENTRY_RULES), _scoped(_LINK_RULES)
PICTURE_STYLE = _scoped(_PICTURE_RULES + _SHADE_RULES)
