"""The width of text in a terminal, and text cut to a width."""

from __future__ import annotations

_OWN = str.maketrans(dict.fromkeys("·×–→…▲Δµ�", "."))
"""Our own symbols, each of which takes one column."""


def width(text: str) -> int:
    """Return the width of a text in terminal columns.

    Examples
    --------
    >>> width("|Δ| 変数")
    8
    """
    if text.isascii() or text.translate(_OWN).isascii():
        return len(text)
    from wcwidth import wcswidth  # noqa: PLC0415  (its tables take 10 ms, and few texts need them)

    return wcswidth(clean(text))


def pad(text: str, columns: int) -> str:
    """Pad a text with blanks to a width in columns."""
    return text + " " * (columns - width(text))


def shorten(text: str, columns: int) -> str:
    """Cut a text to at most `columns` columns, ending in an ellipsis if it was too wide.

    Examples
    --------
    >>> shorten("model.layers[0].weight", 12)
    'model.layer…'
    """
    if width(text) <= columns:
        return text
    kept = ""
    for letter in text:
        if width(kept + letter) >= columns:
            break
        kept += letter
    return f"{kept}…"


def shorten_middle(text: str, length: int) -> str:
    """Cut out the middle of a text longer than `length` characters: begin and end of a path tell it from others.

    Examples
    --------
    >>> shorten_middle("model.layers[11].running_mean", 22)
    'model.laye…unning_mean'
    """
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[head - length + 1 :]}"


def clean(text: str) -> str:
    r"""Replace control characters: escapes, line ends, bidirectional marks.

    Examples
    --------
    >>> clean("x\x1b[31m")
    'x�[31m'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if letter == " " or letter.isprintable() else "�" for letter in text)
