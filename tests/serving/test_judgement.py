"""What the first pages of a report and the model card state of how a scheme was made."""

from dataclasses import replace

from serving.judgement import model_facts
from tests.training import small_scheme
from training import card, fit
from training.card import CardSettings

CARD = CardSettings(steps=5, double=20, count=40, learning_rate=0.2, min_rows=20, l2=1.0, seed=3)
TREES = {"seeds": [7, 8], "leaves": 31}
SETTINGS = {"trees": TREES, "card": vars(CARD)}


def stated(method, *, models=None, layout=None, **history):
    """The facts of a scheme by its method, by their English label: a profile has settings of both."""
    rows = small_scheme.make_rows(3000, seed=4)
    world = small_scheme.World(rows, layout) if layout else small_scheme.make_world()
    made = small_scheme.scheme_of(
        world, models=models and models(rows), history={"method": method, "settings": SETTINGS, **history}
    )
    return {fact.label[1]: fact.value for fact in model_facts(made)}, made


def test_a_score_card_states_its_own_settings_and_none_of_the_trees():
    layout = fit.layout(small_scheme.DEFINITIONS, replace(small_scheme.OUTCOME, controls=None))
    told, made = stated("card", models=lambda rows: (card.model(rows, layout, CARD),), layout=layout)
    assert told == {
        "seeds": "3",
        "model": ("积分卡", "score card"),
        "most steps of an indicator": 5,
        "points that double the odds": 20,
        "trees of one split, before rounding to points": 40,
        "indicators that carry points": len(made.used),
    }
    assert 0 < len(made.used) <= len(made.features)
    assert not any("LightGBM" in str(value) for value in told.values())


def test_boosters_state_their_trees_and_leaves():
    told, _ = stated("trees", trees=[120, 90])
    assert told == {"seeds": "7, 8", "models (trees of each, most leaves)": "LightGBM, 120 + 90, 31"}
