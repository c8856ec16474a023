"""House rules that no linter knows: sizes, names, leaks, and tests that mirror the packages.

An exception is listed here with its reason, and leaves the list when it is no longer needed.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("homechain", "tui/homechain_tui", "devices/homechain_devices")
CORE_PACKAGES = ("homechain/model", "homechain/ledger", "homechain/consensus")

MIRRORING_LANES = ("tests/unit/", "tests/property/", "tests/contract/", "tests/simulation/")

MODULE_LENGTH_MAX_LINES = 350
TEST_MODULE_LENGTH_MAX_LINES = 500
FUNCTION_LENGTH_MAX_LINES = 60
ARCHITECTURE_LENGTH_MAX_LINES = 250

# path -> why it is longer than the house allows
LONG_MODULES: dict[str, str] = {}
# path::function -> why it is longer than the house allows
LONG_FUNCTIONS: dict[str, str] = {}
# module path -> which test holds it, although none imports it
TESTED_ELSEWHERE: dict[str, str] = {}

BANNED_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|managers?|misc)(_|$)")
# In two halves, so that this file does not contain what it looks for.
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")
REGISTRY_HOSTS = re.compile(
    r"py" + r"pi\.org|python" + r"hosted\.org|registry\.npm" + r"js|deb\.debian" + r"\.org"
)
MACHINE_PATHS = re.compile(r"(?<![\w.}~-])/(?:work|root|Users|opt/py" + r"pi)/\w|/tmp/\w+/\w")
UNEXPLAINED_IGNORE = re.compile(
    r"#\s*type:\s*ignore(?!\[[\w, -]+\]\s*#\s*\S.{3,})"
    r"|#\s*(?:ruff:\s*)?noqa(?!:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*\s+\S.{3,})"
)
MARKDOWN_LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)(?:#[^)]*)?\)")


@cache
def kept_files() -> tuple[Path, ...]:
    """Every file that git keeps or would keep, without what it ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = (ROOT / name for name in sorted(set(listed.split("\0"))) if name)
    return tuple(path for path in found if path.is_file())


@cache
def texts() -> dict[str, str]:
    """Path below the root -> text, of every kept file that is text."""
    readable = {}
    for path in kept_files():
        try:
            readable[str(path.relative_to(ROOT))] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return readable


@cache
def modules(*, tests: bool) -> dict[str, ast.Module]:
    """Path below the root -> parsed module, of the packages or of the tests."""
    roots = ("tests/",) if tests else tuple(f"{package}/" for package in PACKAGES)
    return {
        path: ast.parse(text)
        for path, text in texts().items()
        if path.endswith(".py") and path.startswith(roots)
    }


def functions(module: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node


def hold(broken: dict[str, str], exceptions: dict[str, str]) -> None:
    """Fail with every broken rule that has no exception, and every exception nobody needs."""
    told = [f"{where}: {what}" for where, what in broken.items() if where not in exceptions]
    told += [f"{where}: needs no exception any more" for where in exceptions.keys() - broken.keys()]
    if told:
        pytest.fail("\n".join(sorted(told)), pytrace=False)


def test_modules_hold_one_idea_each() -> None:
    too_long = {}
    for tests, length_max in (
        (False, MODULE_LENGTH_MAX_LINES),
        (True, TEST_MODULE_LENGTH_MAX_LINES),
    ):
        for path in modules(tests=tests):
            length = len(texts()[path].splitlines())
            if length > length_max:
                too_long[path] = f"{length} lines, and {length_max} are allowed"
    hold(too_long, LONG_MODULES)


def test_functions_fit_on_a_screen() -> None:
    too_long = {}
    for path, module in (modules(tests=False) | modules(tests=True)).items():
        for name, function in functions(module):
            described = 0
            if ast.get_docstring(function) is not None:  # words about it are not its length
                described = (function.body[0].end_lineno or 0) - function.body[0].lineno + 1
            length = (function.end_lineno or 0) - function.lineno + 1 - described
            if length > FUNCTION_LENGTH_MAX_LINES:
                too_long[f"{path}::{name}"] = (
                    f"{length} lines, and {FUNCTION_LENGTH_MAX_LINES} are allowed"
                )
    hold(too_long, LONG_FUNCTIONS)


def test_every_exception_has_a_reason() -> None:
    reasons = [*LONG_MODULES.values(), *LONG_FUNCTIONS.values(), *TESTED_ELSEWHERE.values()]
    assert [reason for reason in reasons if len(reason.split()) < 4] == []


def test_modules_are_named_after_what_they_are_about() -> None:
    vague = [
        path
        for path in modules(tests=False) | modules(tests=True)
        if any(BANNED_NAMES.search(part) for part in Path(path).with_suffix("").parts)
    ]
    hold(dict.fromkeys(vague, "a name that says nothing"), {})


@pytest.mark.parametrize(
    ("pattern", "meaning"),
    [
        (UNFINISHED, "a note to oneself"),
        (REGISTRY_HOSTS, "a registry's host"),
        (MACHINE_PATHS, "a path of one machine"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_leak_nothing_of_where_they_were_written(
    pattern: re.Pattern[str], meaning: str
) -> None:
    found = [
        f"{path}:{number}: {meaning}: {line.strip()[:100]}"
        for path, text in texts().items()
        if not path.startswith("tests/vectors/") and pattern.search(text)
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]
    hold(dict.fromkeys(found, "not for other people's eyes"), {})


def test_a_silenced_checker_says_why() -> None:
    silenced = [
        f"{path}:{number}: {line.strip()}"
        for path in modules(tests=False) | modules(tests=True)
        if path != str(Path(__file__).relative_to(ROOT))
        for number, line in enumerate(texts()[path].splitlines(), start=1)
        if UNEXPLAINED_IGNORE.search(line)
    ]
    hold(dict.fromkeys(silenced, "silenced without a code and a reason"), {})


def called(module: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_nothing_sleeps_through_the_event_loop() -> None:
    sleepers = [
        f"{path}:{call.lineno}"
        for path, module in (modules(tests=False) | modules(tests=True)).items()
        for name, call in called(module)
        if name == "time.sleep"
    ]
    hold(dict.fromkeys(sleepers, "blocks the event loop"), {})


def test_tests_wait_for_events_and_not_for_time() -> None:
    # Real processes (e2e) have no event to await from outside; there, polling is bounded.
    sleepers = [
        f"{path}:{call.lineno}: {ast.unparse(call)}"
        for path, module in modules(tests=True).items()
        if not path.startswith("tests/e2e/")
        for name, call in called(module)
        if name in ("asyncio.sleep", "sleep") and ast.unparse(call.args[0]) != "0"
    ]
    hold(dict.fromkeys(sleepers, "waits for time"), {})


def test_no_test_is_switched_off_and_nothing_is_mocked() -> None:
    switches = re.compile(r"pytest\.(?:mark\.)?(?:skip|skipif|xfail|importorskip)\b")
    mocked = re.compile(
        r"^\s*(?:from|import) (?:unittest\.mock|unittest import mock|mock)\b", re.MULTILINE
    )
    found = [
        path
        for path in modules(tests=True)
        if path != str(Path(__file__).relative_to(ROOT))
        and (switches.search(texts()[path]) or mocked.search(texts()[path]))
    ]
    hold(dict.fromkeys(found, "switches a test off, or mocks"), {})


def imported_names(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_name(path: str) -> str:
    below_root = path.removeprefix("tui/").removeprefix("devices/").removesuffix(".py")
    return below_root.removesuffix("/__init__").replace("/", ".")


def floor(name: str) -> str:
    package, _, below = name.partition(".")
    return f"{package}.{below.partition('.')[0]}" if package == "homechain" else package


def test_tests_mirror_the_packages() -> None:
    """A test imports the module, or another of its floor that stands in front of it."""
    named = {module_name(path): module for path, module in modules(tests=False).items()}
    held: set[str] = set()
    reached = {
        name
        for path, module in modules(tests=True).items()
        if path.startswith(MIRRORING_LANES)
        for name in imported_names(module)
    } & named.keys()
    while reached:
        held |= reached
        reached = {
            name
            for front in reached
            for name in imported_names(named[front])
            if name in named and floor(name) == floor(front)
        } - held
    bare = {
        path: "no test reaches it"
        for path, module in modules(tests=False).items()
        if any(True for _ in functions(module))
        and not path.endswith(("/__init__.py", "/__main__.py"))
        and module_name(path) not in held
    }
    hold(bare, TESTED_ELSEWHERE)


def test_core_packages_say_what_may_not_live_in_them() -> None:
    silent = []
    for path, module in modules(tests=False).items():
        words = ast.get_docstring(module)
        if not path.startswith(CORE_PACKAGES):
            continue
        if words is None or (
            path.endswith("__init__.py")
            and not re.search(r"\b(no|not|never|nothing)\b", words, re.IGNORECASE)
        ):
            silent.append(path)
    hold(dict.fromkeys(silent, "does not say what may not live in it"), {})


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{path}: {target}"
        for path, text in texts().items()
        if path.endswith(".md")
        for target in MARKDOWN_LINK.findall(text)
        if "://" not in target and not target.startswith("mailto:")
        if not (ROOT / path).parent.joinpath(target).exists()
    ]
    hold(dict.fromkeys(broken, "leads nowhere"), {})


def test_the_architecture_is_told_in_few_words() -> None:
    text = texts().get("ARCHITECTURE.md", "")
    assert len(text.splitlines()) <= ARCHITECTURE_LENGTH_MAX_LINES


def test_requirements_are_pinned_by_hash_and_name_no_index() -> None:
    for name in ("runtime", "dev"):
        text = texts()[f"requirements/{name}.txt"]
        pinned = re.findall(r"^[\w.-]+==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
        assert len(pinned) == len(re.findall(r"^[\w-]", text, re.MULTILINE)) > 0
        assert "://" not in text
        assert not re.search(r"^--", text, re.MULTILINE)
