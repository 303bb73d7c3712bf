"""The style of the HTML: JupyterLab's own colours, with fallbacks for light and dark."""

from __future__ import annotations

_RULES = """
.ipytw {
  --tw-text: var(--jp-ui-font-color1, var(--vscode-foreground, inherit));
  --tw-dim: var(--jp-ui-font-color2, var(--vscode-descriptionForeground, #6a737d));
  --tw-line: var(--jp-border-color2, var(--vscode-widget-border, #8884));
  --tw-mark: light-dark(#9a5b00, #f2b84b);
  --tw-wash: light-dark(#fff4dc, #332609);
  color: var(--tw-text);
  font: 13px/1.45 var(--jp-ui-font-family, system-ui, sans-serif);
  max-width: 100%;
  overflow-x: auto;
}
[data-jp-theme-light="true"] .ipytw, body.vscode-light .ipytw { color-scheme: light; }
[data-jp-theme-light="false"] .ipytw, body.vscode-dark .ipytw { color-scheme: dark; }
.ipytw p { margin: 4px 0; color: var(--tw-dim); }
.ipytw p.ipytw-head { font-weight: 600; color: var(--tw-text); white-space: pre-wrap; }
.ipytw table { border-collapse: collapse; border: 0; margin: 6px 0 8px; font-size: 13px; table-layout: auto; }
.ipytw caption { caption-side: top; text-align: left; padding: 2px 0; color: var(--tw-dim); font-weight: 600; }
.ipytw table th, .ipytw table td {
  padding: 2px 14px 2px 6px;
  text-align: left;
  vertical-align: top;
  font-weight: 400;
  background: none;
  border: 0;
  border-bottom: 1px solid var(--tw-line);
  max-width: 38em;
  white-space: normal;
}
.ipytw table thead th { color: var(--tw-dim); font-size: 12px; }
.ipytw table tr { background: none; }
.ipytw code {
  font-family: var(--jp-code-font-family, ui-monospace, monospace);
  font-size: 12px;
  background: none;
  padding: 0;
  color: inherit;
  white-space: pre-wrap;
}
.ipytw table tbody th { border-left: 3px solid transparent; }
.ipytw table tr.ipytw-silent { background: var(--tw-wash); }
.ipytw table tr.ipytw-silent th { border-left-color: var(--tw-mark); }
.ipytw .ipytw-sign { color: var(--tw-mark); }
"""

STYLE = "".join(line.strip() for line in _RULES.splitlines())
"""Scoped by the class `ipytw`, without the blanks that only people need."""
