"""What does a Python program need of a Linux system? Copies that, and nothing else, into a root of its own.

    python3 assemble.py ROOT PREFIX

ROOT gets the interpreter that runs this, its standard library without what a daemon never imports, every shared library
that they and the virtual environment PREFIX are linked with, certificates, and a user. No shell, no package manager.
Beside ROOT, in ROOT.files, stands each file of the system that was copied, for `sbom.py`.

Nothing in here knows a processor: paths are those of the machine that it runs on.
"""

from __future__ import annotations

import compileall
import os
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

# Of the standard library: tests, editors, installers, terminals and their data.
UNUSED = """
    __phello__ __pycache__ config-* dist-packages distutils ensurepip idlelib lib2to3 pydoc_data site-packages test
    tests tkinter turtle.py turtledemo unittest venv _curses* _dbm* _gdbm* _test* _tkinter* _ctypes_test* _xx* audioop*
    nis* ossaudiodev* readline* xx* EXTERNALLY-MANAGED LICENSE.txt libpython*.a
"""
SYSTEM = ("/etc/ssl/certs/ca-certificates.crt", "/usr/lib/os-release", "/etc/os-release")
SCRIPTS = frozenset(("__pycache__", "[aA]ctivate*", ".gitignore"))  # of a virtual environment: for shells
LOADED = ("libgcc_s.so.1",)  # by glibc when a thread ends: nothing is linked with it
UID = 65532
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
_ELF = b"\x7fELF"


def main() -> None:
    root, prefix = Path(sys.argv[1]), Path(sys.argv[2])
    copied = [*assemble(root, UNUSED.split()), *copy_tree(prefix, root, SCRIPTS)]
    libraries = copy_libraries(copied, root)
    compile_all(root)
    add_user(root)
    system = sorted({os.fspath(path) for path in (*copied, *libraries) if not path.is_relative_to(prefix)})
    Path(f"{root}.files").write_text("".join(f"{path}\n" for path in system))


def assemble(root: Path, unused: Iterable[str]) -> list[Path]:
    """The interpreter that runs this, its standard library, and what every program looks for; the files copied."""
    root.mkdir(parents=True, exist_ok=True)
    merge_usr(root)
    for name, mode in {"proc": 0o555, "sys": 0o555, "dev": 0o755, "etc": 0o755, "run": 0o755, "tmp": 0o1777}.items():
        (root / name).mkdir(exist_ok=True)
        (root / name).chmod(mode)
    binary = Path(os.path.realpath(sys.executable))
    copied = [copy(binary, root), *copy_tree(Path(sysconfig.get_path("stdlib")), root, unused)]
    link = binary.with_name("python3")
    if link != binary and not (root / link.relative_to("/")).exists():
        (root / link.relative_to("/")).symlink_to(binary.name)
    copied += [copy(path, root) for path in map(Path, SYSTEM) if path.exists()]
    return copied


def merge_usr(root: Path) -> None:
    """The links of a merged /usr, where this machine has them."""
    for name in ("bin", "lib", "lib64"):
        if Path("/", name).is_symlink() and not (root / name).is_symlink():
            (root / "usr" / name).mkdir(parents=True, exist_ok=True)
            (root / name).symlink_to(f"usr/{name}")


def copy(source: Path, root: Path) -> Path:
    """One file to the same place below the root, links followed; returns where its content came from."""
    target = root / source.relative_to("/")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
    return source


def copy_tree(folder: Path, root: Path, unused: Iterable[str]) -> list[Path]:
    """A folder to the same place below the root, links kept, without the names that are not used; the files of it."""
    target = root / folder.relative_to("/")
    shutil.copytree(folder, target, symlinks=True, ignore=shutil.ignore_patterns(*unused), dirs_exist_ok=True)
    return [folder / path.relative_to(target) for path in target.rglob("*") if path.is_file() and not path.is_symlink()]


def copy_libraries(files: Iterable[Path], root: Path) -> list[Path]:
    """The shared libraries that programs and modules are linked with, and those that glibc loads by itself."""
    libraries = sorted({library for path in files if is_elf(path) for library in linked(path)})
    homes = {library.parent for library in libraries if library.name.startswith("libc.so")}
    libraries += [home / name for home in homes for name in LOADED if (home / name).exists()]
    return [copy(library, root) for library in libraries]


def is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == _ELF


def linked(path: Path) -> Iterator[Path]:
    """The libraries of a program, its loader among them, as ldd(1) finds them; none for a static one."""
    said = subprocess.run(["ldd", os.fspath(path)], check=False, capture_output=True, text=True)
    missing = [line.strip() for line in said.stdout.splitlines() if "not found" in line]
    if missing:
        raise SystemExit(f"{path}: {missing[0]}")
    for line in said.stdout.splitlines():
        found = _LIBRARY.search(line)
        if found:
            yield Path(found[1])


def compile_all(root: Path) -> None:
    """Byte code beside every module: a read-only root takes none later. Checked by nobody, so it has no dates in it."""
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(root, quiet=1, stripdir=os.fspath(root), invalidation_mode=unchecked, force=True):
        raise SystemExit("a module cannot be compiled")


def add_user(root: Path) -> None:
    """A user without a login, and the folder that it may write to where nothing is mounted there."""
    (root / "etc/passwd").write_text(
        f"root:x:0:0:root:/:/sbin/nologin\nbrimwatch:x:{UID}:{UID}:Brimwatch:/var/lib/brimwatch:/sbin/nologin\n"
    )
    (root / "etc/group").write_text(f"root:x:0:\nbrimwatch:x:{UID}:\n")
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    storage = root / "var/lib/brimwatch"
    storage.mkdir(parents=True, exist_ok=True)
    os.chown(storage, UID, UID)
    storage.chmod(0o1777)  # a sidecar runs as another user; what it keeps is in a folder of its own below


if __name__ == "__main__":
    main()
