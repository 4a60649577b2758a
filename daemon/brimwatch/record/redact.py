"""What of a command line may be shown? Everything but what looks like a secret; in doubt it is hidden.

Hidden are: values of arguments, variables, headers and URL parameters whose name holds pass, pwd, secret, token, key,
credential, auth, cookie, session, signature or bearer, or is pw, pin, otp, sig, jwt, creds or login; what follows a
bare word like password or token; the password arguments of known programs, in a shell's command as well; user and
password in URLs; and keys that are known by their look (AWS, GitHub, GitLab, Slack, Google, OpenAI, Stripe, npm, PyPI,
Hugging Face, SendGrid, JSON web tokens, private keys). Does *not* find a secret that stands bare, with nothing around
it that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from brimwatch.record.text import escaped

HIDDEN = "***"
LONGEST = 200
_MOST_READ = 4096  # characters of one command line that are looked at

_NAMES = re.compile(
    "pass|pwd|secret|token|key|credential|auth|cookie|session|signature|bearer"
    "|(?<![a-z])(?:pw|pin|otp|sig|jwt|creds?|login)(?![a-z])",
    re.IGNORECASE,
)
_BARE = re.compile(r"[\w.]{0,40}(?:password|passwd|passphrase|secret|token|api_?key|access_key)", re.IGNORECASE)
_MIXED_P = re.compile(r"-p(?=\S*[0-9])(?=\S*[A-Za-z])[^\s:./=]{6,}")  # -pX of whatever program; ports have no letters
_SEPARATOR = re.compile("[=:]")
_SCHEME = re.compile(r"\b(bearer|basic|digest|negotiate)\s+\S.*", re.IGNORECASE | re.DOTALL)
_KNOWN = re.compile(
    r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}"
    r"|gh[pousr]_[0-9A-Za-z]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|xox[abeoprs]-[\w-]{8,}|AIza[\w-]{30,}|sk-[\w-]{16,}|eyJ[\w.-]{8,}"
    r"|[rs]k_(?:live|test)_\w{10,}|hf_\w{20,}|npm_\w{20,}|pypi-[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}|dop_v1_\w{32,}"
    r"|(?<=hooks\.slack\.com/)\S+|-----BEGIN [A-Z ]*PRIVATE KEY-----.*",
    re.DOTALL,
)
_LONG = re.compile(r"(?<![0-9A-Za-z+/])[0-9A-Za-z+/]{40}(?![0-9A-Za-z+/])")  # the form of an AWS secret access key

_PROGRAMS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((f"mysql{tool}" for tool in ("", "dump", "admin", "import", "show", "check", "pump")), ("-p",)),
    **dict.fromkeys((f"mariadb{tool}" for tool in ("", "-dump", "-admin", "-import", "-show", "-check")), ("-p",)),
    "mongosh": ("-p",),
    "mongo": ("-p",),
    "mongodump": ("-p",),
    "mongorestore": ("-p",),
    "sshpass": ("-p",),
    "docker": ("-p",),
    "podman": ("-p",),
    "7z": ("-p",),
    "zip": ("-P",),
    "unzip": ("-P",),
    "sqlcmd": ("-P",),
    "bcp": ("-P",),
    "ipmitool": ("-P",),
    "xfreerdp": ("/p:",),
    "kubectl": ("--from-literal",),
    "snmpwalk": ("-A", "-X", "-c"),
    "snmpget": ("-A", "-X", "-c"),
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
    special: tuple[str, ...] = ()
    next_one = until_dash = False
    for word in words:
        special = _PROGRAMS.get(word.rpartition("/")[2], special)
        if next_one or (until_dash and not word.startswith("-")):
            yield HIDDEN
        elif exact and _is_script(word):
            yield _hide_within(" ".join(_hide(word.split(), exact=False)), ())
        else:
            until_dash = False
            yield _hide_within(word, special)
        next_one = word in special or _announces(word) or _ends_in(word, special)
        until_dash = (next_one or until_dash) and not exact


def _is_script(word: str) -> bool:
    """True for a shell's command that runs a program whose password arguments are known."""
    return any(part.rpartition("/")[2] in _PROGRAMS for part in word.split()[:100]) and " " in word


def _ends_in(word: str, special: tuple[str, ...]) -> bool:
    """True for several short options in one, the last of which takes the secret: `curl -sSu`."""
    short = word.startswith("-") and word[1:].isalpha()
    return short and any(len(flag) == 2 and word.endswith(flag[1]) for flag in special if flag.startswith("-"))


def _announces(word: str) -> bool:
    """True where the next word is a secret: `--password`, `Authorization:`, `Bearer`."""
    ends = word[-1:] in ("=", ":") or word[-2:] in ('":', "':")
    bare = word.startswith("-") and not _SEPARATOR.search(word)
    if _BARE.fullmatch(word):
        return True
    return (ends or bare or word.lower() == "bearer") and _NAMES.search(word) is not None


def _hide_within(word: str, special: tuple[str, ...]) -> str:
    for flag in special:
        if word.startswith(flag) and word != flag:
            return flag + HIDDEN
    if _MIXED_P.fullmatch(word):
        return "-p" + HIDDEN
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
