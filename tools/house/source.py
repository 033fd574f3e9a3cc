"""Reading a package: its modules, their functions and imports, as ``ast`` shows them. Nothing of it is imported."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Def = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method. ``name`` is "Class.method", or "outer.inner" for a function in a function."""

    module: str
    name: str
    node: Def

    @property
    def at(self) -> str:
        """Where it is, as "module:name"."""
        return f"{self.module}:{self.name}"

    @property
    def lines(self) -> int:
        """From ``def`` to its end, both included, with docstring and inner functions; decorators do not count."""
        return (self.node.end_lineno or self.node.lineno) - self.node.lineno + 1

    @property
    def only_passes_on(self) -> bool:
        """Is its body one call of another function, with nothing else called? Making a value is work of its own."""
        body = without_docstring(self.node.body)
        return len(body) == 1 and _is_one_call(body[0])


@dataclass(frozen=True, slots=True)
class Module:
    """One file. ``name`` is dotted, below the package: "controller.events"; a package's own is that of its folder."""

    name: str
    folder: str
    is_init: bool
    lines: int
    tree: ast.Module
    functions: tuple[Function, ...]

    @property
    def room(self) -> str:
        """Its folder; a module directly in the package is a room of its own."""
        return self.folder or self.name

    @property
    def only_passes_on(self) -> bool:
        """Does it hold nothing but imports and functions that only pass on?"""
        body = without_docstring(self.tree.body)
        work = [
            statement
            for statement in body
            if not isinstance(statement, ast.Import | ast.ImportFrom) and not _is_export(statement)
        ]
        passing = {function.node for function in self.functions if function.only_passes_on}
        return bool(body) and all(statement in passing for statement in work)


@dataclass(frozen=True, slots=True)
class Package:
    """A package with all below it."""

    name: str
    modules: tuple[Module, ...]

    @property
    def own(self) -> tuple[Module, ...]:
        """The modules, without every ``__init__``."""
        return tuple(module for module in self.modules if not module.is_init)

    @property
    def functions(self) -> tuple[Function, ...]:
        """All functions, methods and inner functions."""
        return tuple(function for module in self.modules for function in module.functions)


def read_package(root: Path) -> Package:
    """The package in this folder."""
    return Package(root.name, tuple(_read(root, file) for file in sorted(root.rglob("*.py"))))


def _read(root: Path, file: Path) -> Module:
    text, where, is_init = file.read_text(), file.relative_to(root).parent, file.name == "__init__.py"
    name = ".".join(where.parts if is_init else (*where.parts, file.stem))
    tree = ast.parse(text)
    functions = tuple(Function(name, qualified, node) for qualified, node in _functions(tree, ""))
    folder = "/".join(where.parts)
    return Module(name, folder, is_init, len(text.splitlines()), tree, functions)


def _functions(node: ast.AST, within: str) -> Iterator[tuple[str, Def]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Def):
            yield f"{within}{child.name}", child
        inner = f"{within}{child.name}." if isinstance(child, Def | ast.ClassDef) else within
        yield from _functions(child, inner)


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements after the docstring."""
    return body[1:] if body and _is_text(body[0]) else body


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_export(statement: ast.stmt) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


def _is_one_call(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Return | ast.Expr) else None
    value = value.value if isinstance(value, ast.Await) else value
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return isinstance(value, ast.Call) and calls == [value] and not called_name(value)[:1].isupper()


def called_name(call: ast.Call) -> str:
    """The last part of what is called: "put" for ``self.store.put(...)``; empty for what has no name."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def imports_of(module: Module, package: Package) -> set[str]:
    """The modules of the same package that it imports, also where only a type checker does."""
    known = {other.name for other in package.modules}
    found = (_resolved(name, known) for name in _imported(module, package.name))
    return {name for name in found if name is not None} - {module.name}


def _imported(module: Module, package: str) -> Iterator[str]:
    """Dotted names below the package; of ``from a import b`` both ``a.b`` and, where that is no module, ``a``."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{_source(node, module, package)}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.removeprefix(f"{package}.") for name in names if name.startswith(f"{package}."))


def _source(node: ast.ImportFrom, module: Module, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = [package, *module.folder.split("/")] if module.folder else [package]
    return ".".join(filter(None, (*parts[: len(parts) - node.level + 1], node.module)))


def _resolved(name: str, known: set[str]) -> str | None:
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name or None
