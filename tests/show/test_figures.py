"""Figures: what they draw is what the ranking says."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_hex

import atomlab
from atomlab import Request
from atomlab.show import figures
from atomlab.show.palette import LIGHT


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


def test_bars_are_as_long_as_their_numbers(rankings):
    """On a linear scale from zero, with the numbers written beside them."""
    for axis in (*figures.funnel(*rankings).figure.axes, *figures.funnel(rankings[1]).figure.axes):
        assert axis.get_xscale() == "linear"
        assert axis.get_xlim()[0] == 0
        for bar, text in zip(axis.patches, axis.texts, strict=True):
            assert int(text.get_text().split()[0].replace(",", "")) == bar.get_width()


def test_the_blockers_picture_counts_each_provider_by_hand(rankings):
    """A cell is the per cent of its models that a filter rejects; the last counts usable."""
    (axis,) = figures.blockers(rankings[1]).figure.axes
    assert len(axis.get_yticklabels()) == 1  # of the others no client could serve a model
    row = [text.get_text() for text in axis.get_yticklabels()].index("minimax (9)")
    columns = [text.get_text() for text in axis.get_xticklabels()]
    written = {t.get_position(): t.get_text() for t in axis.texts}

    frame = rankings[1].frame()
    models = frame[frame["model"].str.startswith("minimax/")]
    for name in (f.__name__ for f in atomlab.FILTERS):
        rejected = models["blockers"].str.split(", ").map(lambda b, n=name: n in b)
        place = columns.index(name) if name in columns else -9
        told = written.get((place + 0.5, row + 0.5), "0")
        assert int(told) == round(100 * rejected.mean())
    assert written[columns.index("usable") + 0.5, row + 0.5] == "5"


def test_the_blockers_picture_shows_what_the_fix_changes(rankings):
    """Of the providers only minimax, of the filters those that reject a model of it."""
    picture = figures.blockers(*rankings)
    for figure in (picture.figure, picture.beside):
        (axis,) = figure.axes
        assert [text.get_text() for text in axis.get_yticklabels()] == ["minimax (9)"]
        names = [text.get_text() for text in axis.get_xticklabels()]
        assert names == ["client", "context", "usable"]
    alone = figures.blockers(rankings[0]).figure.axes[0].get_yticklabels()
    assert picture.caption.endswith(f" Not shown: {len(alone) - 1} rows that stay the same.")
    same = figures.blockers(rankings[0], rankings[0]).figure.axes[0].get_yticklabels()
    assert len(same) == len(alone) > 10


def test_a_cell_s_colour_has_the_rank_of_its_share(rankings):
    """Up to a quarter, a half, less than all, all: four colours, the more the stronger."""
    (axis,) = figures.blockers(rankings[0]).figure.axes
    written = {text.get_position(): text.get_text().replace("<1", "0.5") for text in axis.texts}
    drawn = {}
    for cell in axis.collections[:-1]:  # the last are the lines
        corner = cell.get_paths()[0].get_extents().min
        share = float(written[corner[0] + 0.5, corner[1] + 0.5])
        drawn.setdefault(to_hex(cell.get_facecolor()[0]), set()).add(share)
    expected = {LIGHT["share-1"]: (0, 25), LIGHT["share-2"]: (25, 50), LIGHT["share-3"]: (50, 100)}
    for colour, (least, most) in expected.items():
        assert all(least < share + 0.5 and share < most for share in drawn.pop(colour))
    assert drawn == {LIGHT["share-4"]: {100}}


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
