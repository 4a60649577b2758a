"""Would a command keep the agent out? A Python that is told to ignore its environment finds no PYTHONPATH."""

from __future__ import annotations

import os
import re

_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*t?")
_WITH_VALUE = "XW"
_LAST = "cm"  # what follows belongs to the program
_WHY = {
    "I": "-I makes Python ignore PYTHONPATH",
    "E": "-E makes Python ignore PYTHONPATH",
    "S": "-S keeps Python from importing sitecustomize",
}


def isolating(program: str, words: list[str]) -> str | None:
    """Which option of a Python command line, or of a script's first line, keeps the agent out; None for none.

    `program` is the path of `words[0]`. Does not know what a program starts later, nor one that is not Python.
    """
    if _PYTHON.fullmatch(os.path.basename(program)):
        return _option(words[1:])
    interpreter = _first_line(program)
    if interpreter[:1] and os.path.basename(interpreter[0]) == "env":
        interpreter = [word for word in interpreter[1:] if word != "-S"]
    if interpreter and _PYTHON.fullmatch(os.path.basename(interpreter[0])):
        return _option(interpreter[1:])
    return None


def _option(words: list[str]) -> str | None:
    skip = False
    for word in words:
        if skip:
            skip = False
            continue
        if not word.startswith("-") or word == "-" or word.startswith("--"):
            return None
        for index, letter in enumerate(word[1:], 2):
            if letter in _WHY:
                return _WHY[letter]
            if letter in _LAST:
                return None
            if letter in _WITH_VALUE:
                skip = index == len(word)
                break
    return None


def _first_line(program: str) -> list[str]:
    try:
        with open(program, "rb") as stream:
            line = stream.read(256).partition(b"\n")[0]
    except OSError:  # not to be read: what it is nobody can say
        return []
    return line[2:].decode("utf-8", "replace").split() if line.startswith(b"#!") else []
