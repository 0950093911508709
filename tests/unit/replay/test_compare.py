import pytest

from local.replay.compare import MOST_SHOWN, differences, without


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["/a/b: 1 before, 2 after"]),
        ({"a": 1}, {}, ["/a: 1 before, '(not there)' after"]),
        ([1], [1, 2], [": 1 elements before, 2 after"]),
        ({"a": 1}, {"a": True}, ["/a: 1 before, True after"]),
        ({"a": []}, {"a": {}}, ["/a: [] before, {} after"]),
    ],
)
def test_differences_are_named_by_place(before, after, expected):
    assert differences(before, after) == expected


def test_only_the_first_differences_are_listed():
    assert len(differences(list(range(100)), list(range(1, 101)))) == MOST_SHOWN


def test_keys_can_be_left_out_at_any_depth():
    assert without({"now": 1, "a": [{"now": 2, "b": 3}]}, "now") == {"a": [{"b": 3}]}
