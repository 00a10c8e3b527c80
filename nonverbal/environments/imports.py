"""What each rule's jobs import, and whether its environments have it.

Read from the sources: what importing a rule's library module imports must be in every environment that the rule may
name; what its function imports, or any function that this names (a backend that the config chooses), in at least one.
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
    """All that a rule's library module imports at its top, and all that its function, and what that names, imports."""
    found = Imports(eager=set(at_top(module)))
    seen: set[tuple[str, str]] = set()
    queue = [(module, module.rpartition(".")[2])]
    while queue:
        one = queue.pop()
        if one not in seen:
            seen.add(one)
            targets, named = definition(*one)
            found.lazy.update(*map(at_top, targets))
            queue += named
    found.lazy -= found.eager
    return found


@cache
def at_top(module: str) -> frozenset[str]:
    """A module and all that importing it imports; of other packages' modules, nothing."""
    found: set[str] = set()
    queue = [module]
    while queue:
        name = queue.pop()
        if name not in found:
            found.add(name)
            queue += parsed(name).targets
    return frozenset(found)


@dataclass
class Code:
    """What stands in a piece of code: modules it imports, names that these bind, functions and constants it defines."""

    targets: list[str] = field(default_factory=list)
    bound: dict[str, tuple[str, str]] = field(
        default_factory=dict
    )  # name -> module, name there ("": the module itself)
    defined: dict[str, ast.AST] = field(default_factory=dict)

    def add_import(self, node: ast.AST) -> None:
        """Take note of a node, if it imports."""
        if isinstance(node, ast.Import):
            self.targets += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            self.targets.append(node.module)
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                self.targets += [whole] if source(whole) else []
                self.bound[alias.asname or alias.name] = (whole, "") if source(whole) else (node.module, alias.name)


@cache
def parsed(module: str) -> Code:
    """The top of a module of the library; empty for other packages'."""
    code, path = Code(), source(module)
    queue: list[ast.AST] = list(ast.parse(path.read_text()).body) if path else []
    while queue:
        node = queue.pop()
        code.add_import(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            code.defined[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            code.defined |= {target.id: node for target in targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.If | ast.Try) and "TYPE_CHECKING" not in ast.dump(node):
            queue += ast.iter_child_nodes(node)
    return code


def definition(module: str, name: str) -> tuple[list[str], list[tuple[str, str]]]:
    """What a function, class or constant of a module imports, and the definitions that it names: module, name."""
    top = parsed(module)
    if name in top.bound:
        return [], [top.bound[name]]
    nodes = list(ast.walk(top.defined[name])) if name in top.defined else []
    inner = Code()
    for node in nodes:
        inner.add_import(node)
    named = {node.id for node in nodes if isinstance(node, ast.Name)}
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    bound = [target for key, target in (top.bound | inner.bound).items() if key in named]
    found = [(module, one) for one in named if one in top.defined] + [target for target in bound if target[1]]
    return inner.targets, found + [(whole, one) for whole, rest in bound if not rest for one in attributes]


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
