"""Figures: what they draw is what the ranking says."""

from __future__ import annotations

import pytest

import atomlab
from atomlab import Request
from atomlab.report import figures


@pytest.fixture(scope="module")
def rankings(before, after):
    """Return the moderate decision before and after the fix."""
    return [
        atomlab.diagnose(s, "brennan", [Request("moderate")]).requests[0].ranking
        for s in (before, after)
    ]


def test_the_funnel_draws_the_models_left_after_each_filter(rankings):
    """Bars are all models, then what is left after each of the eight filters."""
    left, right = figures.funnel(*rankings).figure.axes
    assert [bar.get_width() for bar in left.patches] == [2690] + [0] * 8
    assert [bar.get_width() for bar in right.patches] == [2690, 9] + [5] * 7
    assert left.get_title(loc="left") == "as captured: 0 usable"


def test_the_blockers_picture_counts_each_provider_by_hand(rankings):
    """A cell is the share of a provider's models that a filter rejects; the last counts usable."""
    picture = figures.blockers(*rankings)
    _, right = picture.figure.axes
    labels = [text.get_text() for text in right.get_yticklabels()] or [
        text.get_text() for text in picture.figure.axes[0].get_yticklabels()
    ]
    row = labels.index("minimax (9)")
    share = right.images[0].get_array()[row]

    frame = rankings[1].frame()
    models = frame[frame["model"].str.startswith("minimax/")]
    for column, name in enumerate(f.__name__ for f in atomlab.FILTERS):
        rejected = models["blockers"].str.split(", ").map(lambda b, n=name: n in b)
        assert share[column] == pytest.approx(rejected.mean())
    assert right.texts[row].get_text() == "5"


def test_pictures_are_the_same_for_the_same_data(rankings):
    """The same decision gives the same bytes, so that reports can be compared."""
    assert figures.funnel(*rankings).svg() == figures.funnel(*rankings).svg()


def test_without_a_fix_there_is_one_panel(rankings):
    """A case without a proposed fix is drawn as captured."""
    assert len(figures.funnel(rankings[0], None).figure.axes) == 1
    assert len(figures.blockers(rankings[0], None).figure.axes) == 1


def test_no_models_at_all_can_be_drawn(captured, write_json):
    """An empty cache makes an empty picture, not an error."""
    snapshot = captured({"acme": {}}, pricing=write_json({"pricing": {}}))
    ranking = atomlab.diagnose(snapshot, "acme").requests[0].ranking
    assert figures.funnel(ranking).svg()
    assert figures.blockers(ranking).svg()
