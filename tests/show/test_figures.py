"""Figures: what they draw is what the ranking says."""

from __future__ import annotations

import pytest

import atomlab
from atomlab import Request
from atomlab.show import figures


@pytest.fixture(scope="module")
def rankings(before, after):
    """Return the moderate decision before and after the fix."""
    return [
        atomlab.diagnose(s, "brennan", [Request("moderate")]).requests[0].ranking
        for s in (before, after)
    ]


def test_the_funnel_draws_the_models_left_after_each_filter(rankings):
    """Bars are all models, then what is left after each of the eight filters."""
    picture = figures.funnel(*rankings)
    [left], [right] = picture.figure.axes, picture.beside.axes
    assert [bar.get_width() for bar in left.patches] == [2690] + [0] * 8
    assert [bar.get_width() for bar in right.patches] == [2690, 9] + [5] * 7
    assert [text.get_text() for text in picture.figure.texts] == ["as captured: 0 usable"]
    assert [text.get_text() for text in picture.beside.texts] == ["after the fix: 5 usable"]


def test_the_blockers_picture_counts_each_provider_by_hand(rankings):
    """A cell is the per cent of its models that a filter rejects; the last counts usable."""
    (axis,) = figures.blockers(*rankings).beside.axes
    row = [text.get_text() for text in axis.get_yticklabels()].index("minimax (9)")
    written = {t.get_position(): t.get_text() for t in axis.texts}

    frame = rankings[1].frame()
    models = frame[frame["model"].str.startswith("minimax/")]
    for column, name in enumerate(f.__name__ for f in atomlab.FILTERS):
        rejected = models["blockers"].str.split(", ").map(lambda b, n=name: n in b)
        told = written.get((column + 0.5, row + 0.5), "0")
        assert int(told) == round(100 * rejected.mean())
    assert written[len(atomlab.FILTERS) + 0.5, row + 0.5] == "5"


def test_a_cell_s_colour_has_the_rank_of_its_share(rankings):
    """None, up to a quarter, a half, less than all, all: five colours, the more the stronger."""
    (axis,) = figures.blockers(rankings[0]).figure.axes
    mesh = axis.collections[0]
    steps = [mesh.norm(share) for share in (0, 0.001, 0.25, 0.5, 0.999, 1)]
    assert steps == [0, 1, 2, 3, 3, 4]


def test_without_a_fix_there_is_one_panel(rankings):
    """A case without a proposed fix is drawn as captured."""
    assert figures.funnel(rankings[0], None).beside is None
    assert len(figures.blockers(rankings[0], None).svgs()) == 1


def test_no_models_at_all_can_be_drawn(captured, write_json):
    """An empty cache makes an empty picture, not an error."""
    snapshot = captured({"acme": {}}, pricing=write_json({"pricing": {}}))
    ranking = atomlab.diagnose(snapshot, "acme").requests[0].ranking
    assert figures.funnel(ranking).svgs()
    assert figures.blockers(ranking).svgs()
