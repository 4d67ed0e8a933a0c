import pandas as pd
import pytest

from fperank.stations.answers.doubts import doubts


def answers(*rows):
    frame = pd.DataFrame(rows, columns=["left_image_id", "right_image_id", "rank"], dtype="str")
    return frame.assign(left_attributes=None, right_attributes=None)


def test_a_plain_station_raises_no_doubt():
    assert doubts(answers()) == []
    assert doubts(answers(("a", "b", "LEFT"))) == []
    twice = [("a", "b", "LEFT"), ("b", "a", "RIGHT"), ("a", "b", "UNKNOWN"), ("a", "c", "SAME")]
    assert doubts(answers(*twice)) == []


@pytest.mark.parametrize(
    ("rank", "said"),
    [
        ("SAME", "All 2 answers are SAME: no order can be learnt from them."),
        ("RIGHT", "All 2 answers are RIGHT: was one key pressed for all"),
    ],
)
def test_one_answer_for_all_is_said(rank, said):
    (sentence,) = doubts(answers(("a", "b", rank), ("a", "c", rank), ("b", "c", "UNKNOWN")))
    assert sentence.startswith(said)


def test_contradictions_are_counted_whichever_side_a_photo_was_on():
    rows = [("a", "b", "LEFT"), ("b", "a", "LEFT"), ("a", "b", "LEFT")]
    rows += [("c", "d", "SAME"), ("d", "c", "SAME"), ("e", "f", "SAME"), ("f", "e", "LEFT")]
    assert doubts(answers(*rows)) == [
        "Pairs of photos that were compared more than once: 3; with answers that contradict each "
        "other: 2. All are kept."
    ]


def test_marks_that_no_parameter_can_name_are_counted():
    frame = answers(("a", "b", "LEFT"), ("a", "c", "SAME"))
    frame["left_attributes"] = ["FOG,BAD", "FOG"]
    frame["right_attributes"] = ["SNOW", None]
    (sentence,) = doubts(frame)
    assert sentence.startswith("Photos bear marks that exclude_attributes cannot name: FOG (2), ")
    assert "SNOW (1); it knows DRY," in sentence
