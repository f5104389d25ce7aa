"""What documents say of the code is what the code says."""

import re

from dev.generate import config_reference, docs
from tests.stacks import ROOT


def test_the_generated_parts_of_the_documents_are_current() -> None:
    assert list(docs.stale()) == [], "run `make docs`"


def test_every_document_keeps_the_marks_of_its_generated_parts() -> None:
    marked = {name: re.findall(r"<!-- generated: (\w+) -->", (ROOT / name).read_text()) for name in docs.FILES}

    assert sorted(part for parts in marked.values() for part in parts) == sorted(docs.PARTS)


def test_a_changed_default_shows_in_the_documents() -> None:
    """The check can fail: a document with yesterday's default is stale."""
    text = (ROOT / "README.md").read_text()
    assert "`ttl_s: 600`" in text

    assert docs.rendered(text.replace("`ttl_s: 600`", "`ttl_s: 601`")) == text


def test_links_between_documents_lead_somewhere() -> None:
    broken = {
        f"{file.relative_to(ROOT)}: {link}"
        for file in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", file.read_text())
        if not (file.parent / link).exists()
    }

    assert broken == set()


def test_files_that_documents_name_exist() -> None:
    """A path in backquotes that begins with one of the rooms; the records of past decisions may name what is gone."""
    named = re.compile(r"`((?:plan|observe|components|ops|pods|dev|tests|bench|docs)/[\w./-]+\.\w+)`")
    files = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "runbooks").glob("*.md")]
    gone = {
        f"{file.relative_to(ROOT)}: {path}"
        for file in files
        if file.name != "CHANGELOG.md"
        for path in named.findall(file.read_text())
        if not (ROOT / path).exists()
    }

    assert gone == set()


def test_every_key_of_the_configuration_says_what_it_means() -> None:
    assert [key.path for key in config_reference.every_key() if not key.meaning] == []


def test_the_messages_that_the_readme_explains_are_what_the_program_says() -> None:
    rooms = ("plan", "observe", "components", "ops", "dev", "pods")
    sources = [file for room in rooms for kind in ("*.py", "*.sh") for file in (ROOT / room).rglob(kind)]
    said = "\n".join(file.read_text() for file in [*sources, ROOT / "bin" / "local-llm"])
    said = re.sub(r'"\s*\n\s*f?"', "", said).replace("`", "")  # one text over several lines
    table = (ROOT / "README.md").read_text().partition("| you see |")[2].partition("\n\n")[0]
    explained = re.findall(r"^\| `([^|]+)` \|", table, re.MULTILINE)
    # Without what is put in at run time: the value met, a number.
    parts = {
        re.sub(r": got| \d+", "", it).strip(" :") for message in explained for it in re.split(r"\.\.\.|`", message)
    }

    assert len(explained) > 8
    assert {part for part in parts if len(part) > 8 and part not in said} == set()
