"""The README and the docs name what exists."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType

import pytest
from click.testing import CliRunner
from PIL import Image

from digitrec.cli.main import main as cli
from digitrec.recognizer import Recognizer
from digitrec.web import create_app
from digitrec.web.config import Settings

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "digitrec"
PICTURES = ROOT / "examples" / "pictures"
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_and_option_in_the_documents_exists() -> None:
    text = "\n".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    named = set(re.findall(r"(?:^ +\$? ?|bin/|`)digitrec ([a-z][a-z-]*)", text, re.MULTILINE))
    assert {"serve", "predict", "evaluate", "convert"} <= named <= set(cli.commands)
    unknown = []
    for line in re.findall(r"(?:^ +\$? ?|`)digitrec ([^\n`#]+)", text, re.MULTILINE):
        command, *words = line.split()
        known = {name for option in cli.commands.get(command, cli).params for name in option.opts}
        options = {word.split("=")[0] for word in words if word.startswith("--")} - {"--version"}
        unknown += [f"{command} {name}" for name in options - known]
    assert unknown == []


def test_the_commands_of_readme_print_what_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shown = re.findall(r"^    \$ digitrec ((?:predict|read) .+)\n    (.+)$", README, re.MULTILINE)
    printed = [(command, CliRunner().invoke(cli, command.split()).stdout.strip()) for command, _ in shown]
    assert shown
    assert printed == shown


@pytest.mark.parametrize(
    "document",
    [*DOCUMENTS, ROOT / "benchmarks" / "README.md", *(ROOT / "benchmarks").rglob("*.py")],
    ids=lambda path: path.name,
)
def test_every_make_target_in_a_document_is_a_target(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets |= {"test-js", "lint-js"}  # one rule for both
    named = re.findall(r"(?:^    |`)make ([a-z-]+)", document.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name in named if name not in targets] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_source_files_in_a_document_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert [link for link in links if not (document.parent / link).exists()] == []
    named = re.findall(r"`(\w[\w/]*/[\w.]+\.(?:py|js|css|h5|jinja))`", text)
    folders = (ROOT, PACKAGE, ROOT / "static")
    assert [name for name in named if not any((folder / name).exists() for folder in folders)] == []
    assert re.findall(r"@[A-Z]+@", text) == []  # a number to be filled in


def test_every_script_option_of_readme_exists() -> None:
    script = (ROOT / "src" / "digitrec" / "training" / "cli.py").read_text()
    line = next(line for line in README.splitlines() if "scripts/train_model.py" in line)
    options = re.findall(r"--[a-z-]+", line)
    assert options
    assert [option for option in options if f'"{option}"' not in script] == []


def test_every_function_and_class_in_the_architecture_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = {path.stem for path in PACKAGE.iterdir() if path.suffix in {"", ".py"}}
    named = [name for name in re.findall(r"`([a-z_]+(?:\.\w+)+)`", text) if name.split(".")[0] in packages]
    assert named
    assert [name for name in named if not is_defined(name)] == []


def is_defined(dotted: str) -> bool:
    """Return whether a dotted name below digitrec is a module, or something that one defines."""
    *modules, name = dotted.split(".")
    if PACKAGE.joinpath(*modules, f"{name}.py").exists():
        return True
    try:
        path, _ = located(dotted)
    except IndexError:
        return False
    return bool(re.search(rf"^ *(?:def|class) {name}\b", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_module_overview_of_the_web_ui_is_complete() -> None:
    text = (ROOT / "docs" / "web-ui.md").read_text(encoding="utf-8")
    modules = {path.stem for path in (ROOT / "static" / "js").glob("*.js")}
    assert modules - set(re.findall(r"\w+", text)) == set()


def test_the_architecture_lists_the_functions_that_a_prediction_and_read_call() -> None:
    recognizer = Recognizer.load()
    client = create_app(Settings(), recognizer).test_client()
    image = io.BytesIO()
    Image.open(PICTURES / "photo.jpg").crop((52, 0, 280, 280)).save(image, "JPEG")  # cut off at the left
    called = calls(lambda: client.post("/predict", data=image.getvalue(), content_type="image/jpeg"))
    assert_is_called_in_order(names_in("walk: predict"), called, max_modules=8)
    assert_is_called_in_order(names_in("steps: normalize"), called, max_modules=4)
    called = calls(lambda: recognizer.read(PICTURES / "postcode.png"))
    assert_is_called_in_order(names_in("walk: read"), called, max_modules=8)


def names_in(part: str) -> list[tuple[Path, str]]:
    """Return file and name of the functions, and of the methods, that begin the items of a list."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    part_text = text.split(f"<!-- {part} -->")[1].split("<!-- /")[0]
    items = re.findall(r"^\d+\. `([\w.]+)`(?:, then `([\w.]+)`)?", part_text, re.MULTILINE)
    return [located(name) for item in items for name in item if name]


def located(dotted: str) -> tuple[Path, str]:
    """Return the file that a dotted name is in, and the name of its function; "" for a class."""
    *modules, name = dotted.split(".")
    while not (path := PACKAGE.joinpath(*modules).with_suffix(".py")).exists():
        modules.pop()
    return path, "" if name[0].isupper() else name


def calls(action: Callable[[], object]) -> list[tuple[Path, str]]:
    """Return the functions of digitrec that an action calls, by the first call of each."""
    found: dict[CodeType, None] = {}

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            found.setdefault(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    return [(Path(code.co_filename), code.co_name) for code in found]


def assert_is_called_in_order(
    listed: list[tuple[Path, str]], called: list[tuple[Path, str]], max_modules: int
) -> None:
    functions = [item for item in listed if item[1]]
    assert functions
    assert [item for item in functions if item not in called] == []
    assert sorted(functions, key=called.index) == functions
    assert len({path for path, _ in listed}) <= max_modules
