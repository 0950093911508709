"""Sets of templates in files: what is read, and what is refused with the file's name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.starter import library
from cli.templates.definition import creation, place_of
from cli.templates.files import read_set, write_set
from cli.trouble import Trouble
from local.stack.children import ROOT
from tests.support.templates import valid_templates

NEWS = {"name": "news", "language": "de", "category": "UTILITY", "components": [{"type": "BODY", "text": "Da"}]}

some = st.lists(valid_templates(), min_size=1, max_size=3, unique_by=place_of)


@given(templates=some)
def test_what_is_written_is_read_again(tmp_path_factory, templates):
    folder, file = tmp_path_factory.mktemp("set") / "new" / "folder", tmp_path_factory.mktemp("set") / "set.json"

    assert write_set(str(folder), templates) == []
    write_set(str(file), templates)

    assert sorted(read_set(str(folder)), key=place_of) == sorted(templates, key=place_of)
    assert read_set(str(file)) == templates


def test_a_file_may_hold_all_translations_as_the_starter_library_does():
    starter = library()["order_update"]

    found = read_set(str(ROOT / "cli" / "starter" / "order_update.json"))

    assert found == [starter.creation(language) for language in starter.components]


def test_a_listing_of_metas_is_read_as_what_creates_it(tmp_path):
    listed = {**NEWS, "id": "1", "status": "APPROVED", "quality_score": {"score": "GREEN"}}
    (tmp_path / "all.json").write_text(json.dumps({"data": [listed], "paging": {}}))

    assert read_set(str(tmp_path)) == [creation(NEWS)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no JSON"),
        ("[1]", "no template"),
        ('"news"', "no template"),
        ("[]", "no template in"),
        ('{"name": "news"}', "needs a language"),
        ('{"language": "de"}', "needs a name"),
        ('{"name": "news", "translations": {}}', "translations is a list"),
        ('{"name": "news", "translations": [{"components": []}]}', "needs a language"),
        (json.dumps([NEWS, NEWS]), "already"),
    ],
)
def test_what_is_no_set_is_refused_with_the_name_of_the_file(tmp_path, content, words):
    (tmp_path / "bad.json").write_text(content)

    with pytest.raises(Trouble, match=words) as refused:
        read_set(str(tmp_path / "bad.json"))

    assert "bad.json" in str(refused.value)


def test_two_files_with_one_template_are_both_named(tmp_path):
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text(json.dumps(NEWS))

    with pytest.raises(Trouble, match=r"two\.json.*one\.json"):
        read_set(str(tmp_path))


def test_a_strange_name_stays_within_the_folder(tmp_path):
    strange: dict[str, Any] = {**NEWS, "name": "../../x"}

    write_set(str(tmp_path / "set"), [strange])

    assert [file.name for file in (tmp_path / "set").iterdir()] == ["------x.de.json"]


def test_what_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(Trouble, match="can't be written"):
        write_set(str(tmp_path / "file" / "folder"), [NEWS])
