"""envs/*.yaml from one source: the groups of pyproject.toml and the pins of constraints.txt.

`python -m nonverbal.environments` writes them; a test fails when they are stale.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FAMILIES = ("media", "speech", "vision", "learning", "paper", "demo")
# Wheels installed without their dependencies (see bundled.txt), by the family that reads the models inside them.
BUNDLED = {
    "media": ("mediapipe",),
    "speech": ("whisperx", "resemblyzer"),
    "vision": ("mediapipe", "anny"),
    "learning": ("anny",),
    "paper": ("anny",),
    "demo": ("anny",),
}


def pins(path: Path = ROOT / "constraints.txt") -> dict[str, str]:
    """Normalised package name -> pinned requirement, e.g. "torch" -> "torch==2.13.0"."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return {normalise(line.split("==")[0]): line for line in lines if line}


def normalise(name: str) -> str:
    """A package name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(family: str) -> list[str]:
    """The pinned direct requirements of a tool family, sorted."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"][family]]
    names = {normalise(re.split(r"[<>=!~\[; ]", one)[0]) for one in wanted}
    known = pins()
    return sorted(known[name] for name in names)


def environment(family: str) -> str:
    """The text of envs/FAMILY.yaml."""
    lines = "".join(f"      - {requirement}\n" for requirement in requirements(family))
    return (
        "# Written by `python -m nonverbal.environments` from pyproject.toml and constraints.txt.\n"
        f"name: nonverbal-{family}\nchannels:\n  - conda-forge\n  - nodefaults\n"
        f"dependencies:\n  - python=3.11\n  - pip\n  - pip:\n{lines}"
    )


def post_deploy(family: str) -> str:
    """The text of envs/FAMILY.post-deploy.sh, which Snakemake runs once the environment is made."""
    known = pins(ROOT / "bundled.txt")
    wheels = " ".join(known[name] for name in BUNDLED[family])
    return (
        "# Written by `python -m nonverbal.environments` from bundled.txt: wheels used without their dependencies.\n"
        f"set -e\npython -m pip install --no-deps {wheels}\n"
    )


def files() -> dict[Path, str]:
    """Every environment file and its text."""
    folder = ROOT / "envs"
    texts = {folder / f"{family}.yaml": environment(family) for family in FAMILIES}
    return texts | {folder / f"{family}.post-deploy.sh": post_deploy(family) for family in BUNDLED}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
        sys.stdout.write(f"{path}\n")
