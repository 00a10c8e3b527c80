"""What each rule's jobs import, and whether its environments have it.

Read from the sources: a rule's library module and all of the library it leads to, imports inside functions too. What is
imported at the top of a module must be in every environment that the rule may name; what a function imports (a backend
that the config chooses) must be in at least one of them.
"""

import ast
import json
import re
import subprocess
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from nonverbal.config import Config
from nonverbal.environments.build import inside
from nonverbal.environments.files import ROOT

# A rule's environment: a file's name, or the config section whose backend names it.
DIRECTIVE = re.compile(r'\bconda:\s*f?"\.\./envs/(?:(\w+)|\{CONFIG\.([\w.]+)\.family\})\.yaml"')


@dataclass
class Imports:
    """Names of modules: the library's own and those of packages."""

    eager: set[str] = field(default_factory=set)
    lazy: set[str] = field(default_factory=set)


def rules() -> dict[str, list[str]]:
    """Rule as STAGE.NAME -> the environments that it may name."""
    named: dict[str, list[str]] = {}
    for path in sorted((ROOT / "rules").glob("*.smk")):
        for block in re.split(r"^(?=rule )", path.read_text(), flags=re.MULTILINE)[1:]:
            name = re.match(r"rule (\w+):", block)
            directive = DIRECTIVE.search(block)
            if name and directive:
                family, section = directive.groups()
                named[f"{path.stem}.{name[1]}"] = [family] if family else families(section)
    return named


def families(section: str) -> list[str]:
    """The environments that the backends of a config section live in, the first backend's first."""
    annotation: Any = Config
    for key in section.split("."):
        annotation = annotation.model_fields[key].annotation
    found: list[str] = []
    for settings in models(annotation):
        backends = typing.get_args(settings.model_fields["backend"].annotation)
        found += [settings.model_construct(backend=backend).family for backend in backends]
    return list(dict.fromkeys(found))


def models(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - a class, or a union of classes
    """The settings classes in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for one in typing.get_args(annotation):
        yield from models(one)


def imports_of(module: str) -> Imports:
    """All that a module of the library leads to."""
    found = Imports()
    queue = [(module, True)]
    while queue:
        name, eager = queue.pop()
        if name in found.eager or (name in found.lazy and not eager):
            continue
        (found.eager if eager else found.lazy).add(name)
        queue += [(target, eager and at_top) for target, at_top in statements(name)]
    found.lazy -= found.eager
    return found


@cache
def statements(module: str) -> list[tuple[str, bool]]:
    """What one module of the library imports, and whether that is at its top; of other packages' modules, nothing."""
    path = source(module)
    if not path:
        return []
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inner = {id(node) for function in functions for node in ast.walk(function)}
    checks = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    typed = {id(node) for check in checks for node in ast.walk(check)}
    found = []
    for node in ast.walk(tree):
        if id(node) in typed:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) not in inner) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [(name, id(node) not in inner) for name in [node.module, *filter(source, submodules)]]
    return found


@cache
def source(module: str) -> Path | None:
    """The file of a module of this library."""
    if module.partition(".")[0] != "nonverbal":
        return None
    base = ROOT.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def missing(prefix: Path, modules: set[str]) -> dict[str, str]:
    """Module -> why it cannot be imported in a built environment."""
    result = subprocess.run(
        [str(prefix / "bin" / "python"), "-m", "nonverbal.environments.probe"], input=json.dumps(sorted(modules)),
        env=inside(prefix), cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    return json.loads(result.stdout.splitlines()[-1])


def faults(prefixes: dict[str, Path]) -> list[str]:
    """One sentence for each import that a rule lacks in the environments given: family -> folder."""
    wanted = {rule: (imports_of(f"nonverbal.{rule}"), names) for rule, names in rules().items()}
    lacks = {}
    for family, prefix in prefixes.items():
        of_family = [found for found, names in wanted.values() if family in names]
        lacks[family] = missing(prefix, {"nonverbal.job"}.union(*(found.eager | found.lazy for found in of_family)))
    sentences = []
    for rule, (found, names) in wanted.items():
        built = [name for name in names if name in prefixes]
        for family in built:
            bad = sorted(found.eager & lacks[family].keys())
            sentences += [f"{rule} in {family}: {module}: {lacks[family][module]}" for module in bad]
        if built == names:
            nowhere = set.intersection(found.lazy, *(set(lacks[family]) for family in names))
            sentences += [f"{rule} nowhere: {module}: {lacks[names[0]][module]}" for module in sorted(nowhere)]
    return sentences
