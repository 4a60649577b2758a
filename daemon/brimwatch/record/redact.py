"""What of a command line may be shown? Everything but what looks like a secret; in doubt it is hidden.

Hidden are: values of arguments, variables, headers and URL parameters whose name holds pass, pwd, secret, token, key,
credential, auth, cookie, session, signature or bearer; the password arguments of a few known programs; user and
password in URLs; and keys that are known by their look (AWS, GitHub, GitLab, Slack, Google, OpenAI, JSON web tokens).
Does *not* find a secret that stands bare, with nothing around it that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from brimwatch.record.text import escaped

HIDDEN = "***"
LONGEST = 200
_MOST_READ = 4096  # characters of one command line that are looked at

_NAMES = re.compile("pass|pwd|secret|token|key|credential|auth|cookie|session|signature|bearer", re.IGNORECASE)
_SEPARATOR = re.compile("[=:]")
_SCHEME = re.compile(r"\b(bearer|basic|digest|negotiate)\s+\S.*", re.IGNORECASE | re.DOTALL)
_KNOWN = re.compile(
    r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}"
    r"|gh[pousr]_[0-9A-Za-z]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|xox[abeoprs]-[\w-]{8,}|AIza[\w-]{30,}|sk-[\w-]{16,}|eyJ[\w.-]{8,}"
)
_LONG = re.compile(r"(?<![0-9A-Za-z+/])[0-9A-Za-z+/]{40}(?![0-9A-Za-z+/])")  # the form of an AWS secret access key

_PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "mysql": ("-p",),
    "mysqldump": ("-p",),
    "mysqladmin": ("-p",),
    "mysqlimport": ("-p",),
    "mariadb": ("-p",),
    "mariadb-dump": ("-p",),
    "mongosh": ("-p",),
    "mongo": ("-p",),
    "mongodump": ("-p",),
    "sshpass": ("-p",),
    "redis-cli": ("-a",),
    "curl": ("-u", "--user", "-U", "--proxy-user"),
    "ldapsearch": ("-w",),
    "smbclient": ("-U",),
}


def redact(command: Sequence[str] | str, longest: int = LONGEST) -> str:
    """Show a command line in one printable line of at most `longest` characters, with secrets hidden.

    `command` is the list of arguments, or one string: split at NUL as /proc/PID/cmdline has it, else at blanks. In the
    latter case the value of a secret argument is taken to reach to the next word that begins with a dash.
    """
    if isinstance(command, str):
        exact = "\0" in command
        words: Sequence[str] = _whole(command, "\0").split("\0") if exact else _whole(command, " ").split()
    else:
        exact = True
        words = _whole("\0".join(command), "\0").split("\0") if command else ()
    return escaped(" ".join(word for word in _hide(words, exact) if word), longest)


def _whole(text: str, between: str) -> str:
    """The beginning of a long text, without the word that would be cut: half a secret might not be recognised."""
    return text if len(text) <= _MOST_READ else text[:_MOST_READ].rpartition(between)[0]


def _hide(words: Sequence[str], exact: bool) -> Iterator[str]:
    special = _PROGRAMS.get(words[0].rpartition("/")[2], ()) if words else ()
    next_one = until_dash = False
    for word in words:
        if next_one or (until_dash and not word.startswith("-")):
            yield HIDDEN
        else:
            until_dash = False
            yield _hide_within(word, special)
        next_one = word in special or _announces(word)
        until_dash = (next_one or until_dash) and not exact


def _announces(word: str) -> bool:
    """True where the next word is a secret: `--password`, `Authorization:`, `Bearer`."""
    ends = word[-1:] in ("=", ":") or word[-2:] in ('":', "':")
    bare = word.startswith("-") and not _SEPARATOR.search(word)
    return (ends or bare or word.lower() == "bearer") and _NAMES.search(word) is not None


def _hide_within(word: str, special: tuple[str, ...]) -> str:
    for flag in special:
        if word.startswith(flag) and word != flag:
            return flag + HIDDEN
    word = _hide_user(_hide_assigned(word))
    word = _SCHEME.sub(rf"\1 {HIDDEN}", word)
    word = _KNOWN.sub(HIDDEN, word)
    return _LONG.sub(_hide_mixed, word)


def _hide_assigned(word: str) -> str:
    """Hide all that follows the first `=` or `:` that has a telling name before it."""
    start = 0
    for found in _SEPARATOR.finditer(word):
        if _NAMES.search(word, start, found.start()) and found.end() < len(word):
            return word[: found.end()] + HIDDEN
        start = found.end()
    return word


def _hide_user(word: str) -> str:
    """Hide `user:password` before the last `@`, with or without a scheme. No pattern: these would be quadratic."""
    at = word.rfind("@")
    slashes = word.find("//", 0, max(at, 0))
    if slashes >= 0:
        return word[: slashes + 2] + HIDDEN + word[at:]
    colon = word.find(":", 0, max(at, 0))
    if colon < 0:
        return word
    return word[: word.rfind(" ", 0, colon) + 1] + HIDDEN + word[at:]


def _hide_mixed(found: re.Match[str]) -> str:
    text = found[0]
    mixed = any(sign.isdigit() for sign in text) and any(sign.isupper() for sign in text) and not text.isupper()
    return HIDDEN if mixed else text
