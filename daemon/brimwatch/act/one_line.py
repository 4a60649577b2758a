"""How is what a program said, or is called, shown in one line?"""

from __future__ import annotations


def one_line(text: str | bytes, longest: int = 200) -> str:
    """Bounded, printable and without line breaks: nothing that a terminal or a log would obey.

    Bytes are read as UTF-8; what is not printable becomes `?`.
    """
    if isinstance(text, bytes):
        text = text[: 4 * longest].decode("utf-8", "replace")
    cut = text if len(text) <= longest else text[: longest - 3] + "..."
    return "".join(character if character.isprintable() else "?" for character in cut)
