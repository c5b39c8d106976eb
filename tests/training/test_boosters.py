import json
from dataclasses import replace

import numpy as np
import pytest

from training import boosters
from training.scheme import Scheme, SchemeError
from training.trees import read_trees


def signed(scheme, key, folder, **changed):
    """A folder signed with the right key around a scheme that is not whole."""
    replace(scheme, **changed).save(folder, key)
    return folder


def test_a_signed_but_truncated_model_is_refused_before_the_parser(scheme, key, tmp_path):
    broken = (scheme.models[0][: len(scheme.models[0]) // 2], scheme.models[1])
    with pytest.raises(SchemeError):
        Scheme.load(signed(scheme, key, tmp_path / "s", models=broken), key.public_key())


def test_golden_rows_notice_a_leaf_that_changed(scheme, key, tmp_path):
    changed = altered(scheme.models[0], "leaf_value", lambda words: [bumped(words[0]), *words[1:]])
    with pytest.raises(SchemeError, match="golden rows gave other margins"):
        Scheme.load(signed(scheme, key, tmp_path / "s", models=(changed, scheme.models[1])), key.public_key())


def test_golden_rows_notice_counts_that_change_only_the_contributions(scheme, key, tmp_path):
    (tree, *_) = read_trees(scheme.models[0], scheme.names, where="model")
    node = next(node for node in range(len(tree.left)) if tree.left[node] < 0 and tree.right[node] < 0)
    pair = ~tree.left[node], ~tree.right[node]

    def moved(words):
        counts = [int(word) for word in words]
        counts[pair[0]], counts[pair[1]] = counts[pair[1]], counts[pair[0]]
        return [str(count) for count in counts]

    changed = altered(scheme.models[0], "leaf_count", moved)
    assert changed != scheme.models[0]
    with pytest.raises(SchemeError, match="golden rows gave other"):
        Scheme.load(signed(scheme, key, tmp_path / "s", models=(changed, scheme.models[1])), key.public_key())


def altered(text, name, change):
    """The model with the first line of a name changed, its length kept (LightGBM counts characters)."""
    start = text.index(f"\n{name}=") + len(name) + 2
    end = text.index("\n", start)
    line = " ".join(change(text[start:end].split(" ")))
    assert len(line) == end - start
    return text[:start] + line + text[end:]


def bumped(number):
    """The number with its second decimal digit another one."""
    place = number.index(".") + 2
    return number[:place] + ("1" if number[place] != "1" else "2") + number[place + 1 :]


def test_golden_rows_lie_on_thresholds_and_are_the_same_every_time(scheme):
    assert boosters.golden(scheme.models, scheme.names) == scheme.golden
    rows = np.array(json.loads(scheme.golden)["rows"], float)
    assert np.isnan(rows[:, : len(scheme.features)]).any()
    assert rows.shape == (boosters.ROWS, len(scheme.names))


def test_the_mean_margin_does_not_depend_on_the_chunk(scheme, monkeypatch):
    grown = [boosters.booster(text) for text in scheme.models]
    rows = np.array(json.loads(scheme.golden)["rows"], float)
    whole = boosters.mean_margin(grown, rows)
    monkeypatch.setattr(boosters, "CHUNK", 7)
    assert np.array_equal(boosters.mean_margin(grown, rows), whole)


def test_text_that_is_no_scheme_is_refused(scheme, key, tmp_path):
    from training import package

    files = scheme.files()
    package.write(tmp_path / "a", {**files, "scheme.json": b"{}"}, created_for="x", key=key)
    with pytest.raises(SchemeError, match="missing or malformed"):
        Scheme.load(tmp_path / "a", key.public_key())
    later = files["scheme.json"].replace(b'"format": 3', b'"format": 9')
    package.write(tmp_path / "b", {**files, "scheme.json": later}, created_for="x", key=key)
    with pytest.raises(SchemeError, match=r"format 9; this version reads formats 3 to 5\. Retrain it"):
        Scheme.load(tmp_path / "b", key.public_key())
    loose = files["scheme.json"].replace(b'"format": 3', b'"format":  3')
    package.write(tmp_path / "c", {**files, "scheme.json": loose}, created_for="x", key=key)
    with pytest.raises(SchemeError, match="do not say what this version"):
        Scheme.load(tmp_path / "c", key.public_key())
