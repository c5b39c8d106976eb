"""The champion: what is refused, what goes on meanwhile, and that no byte is parsed before it is verified."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from town import NOW, Town

from evaluation.errors import GateError
from evaluation.promotion import APPROVED, POINTER, PROPOSED, ROLLED_BACK, Office, Signer, acts, signed
from features import signing
from features.matrix import batches
from features.records.journal import Journal, JournalError
from serving.champion import REFUSED, RefusedError, Reign
from serving.http import ProblemError
from training import boosters, package, trial
from training.scheme import Scheme

HERE = Path(__file__).parent
MUTATIONS = 2_000
PROMOTIONS = 50
SLOWEST = 5.0  # seconds until a champion answers, on a machine that is busy with other tests


class Counted(subprocess.Popen):
    """Counts the processes started since a test set it to 0.

    An audit hook would see them too, but stays for good, and beside one threads cannot be traced reliably (CPython
    issue 98257).
    """

    started = 0

    def __init__(self, *stated, **named):
        Counted.started += 1
        super().__init__(*stated, **named)


@pytest.fixture(autouse=True)
def processes(monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", Counted)


def other(scheme, *, models=1):
    """A scheme that computes otherwise: fewer of the boosters."""
    left = scheme.models[:models]
    return replace(scheme, models=left, golden=boosters.golden(left, scheme.names))


OTHERS = {}  # by the digest of the scheme they are made from


class Court:
    """A home with two kept, signed schemes, the first of them champion, and who may promote."""

    def __init__(self, town):
        self.town = town
        self.home = town.home
        self.key = signing.signing_key(self.home / "keys", "trainer")
        self.verify = self.key.public_key()
        self.journal = Journal.of(self.home)
        self.office = Office(self.home, self.journal, self.home / "keys", self.verify)
        for name in ("ana", "bo"):
            signing.first_use_key(self.home / "keys", name)
        self.first = town.scheme
        self.second = OTHERS.setdefault(self.first.digest, other(self.first))
        self.keep(self.second)
        self.name(self.first.digest)

    def keep(self, scheme):
        scheme.save(self.folder(scheme.digest), self.key)

    def folder(self, digest):
        return self.home / "schemes" / digest

    def name(self, digest, action=APPROVED, by="bo"):
        """Have a decision name a scheme, whatever its folder holds: what an insider with a key could do."""
        entry = signed(self.office, action, {"scheme": digest, "proposal": None}, Signer(by, NOW, "because"))
        (self.home / POINTER).write_text(json.dumps({"scheme": digest, "entry": entry.digest, "seq": entry.seq}))
        return entry

    def propose(self, digest):
        return signed(self.office, PROPOSED, {"scheme": digest}, Signer("ana", NOW))

    def reign(self):
        return Reign(self.home, self.journal, self.home / "keys", self.verify, lambda: NOW + timedelta(hours=1))

    def refusals(self):
        return [dict(entry.details) for entry in self.journal.entries(REFUSED)]


@pytest.fixture
def court(town, tmp_path):
    shutil.copytree(town.folder, tmp_path / "town")
    return Court(Town.at(tmp_path / "town"))


@pytest.fixture
def reign(court):
    found = court.reign()
    found.open()
    return found


def flip(draw, path, _):
    content = bytearray(path.read_bytes())
    content[int(draw.integers(len(content)))] ^= 1 << int(draw.integers(8))
    path.write_bytes(content)


def truncate(draw, path, _):
    content = path.read_bytes()
    path.write_bytes(content[: int(draw.integers(len(content)))])


def lengthen(draw, path, _):
    path.write_bytes(path.read_bytes() + bytes(draw.integers(32, 127, int(draw.integers(1, 9)), np.uint8)))


def insert(draw, path, _):
    content = path.read_bytes()
    place = int(draw.integers(len(content)))
    path.write_bytes(content[:place] + b"0" + content[place:])


def swap(_, path, older):
    """A file of another signed scheme in its place; a list or a model that scheme does not have is its next one."""
    others = [older / path.name, *sorted(older.iterdir())]
    path.write_bytes(next(held for held in map(read, others) if held not in (None, path.read_bytes())))


def read(path):
    return path.read_bytes() if path.is_file() else None


def swap_two(_, path, __):
    beside = next(found for found in sorted(path.parent.iterdir()) if found.read_bytes() != path.read_bytes())
    content = path.read_bytes()
    path.write_bytes(beside.read_bytes())
    beside.write_bytes(content)


def extra(draw, path, _):
    path.with_name(f"{path.stem}-{draw.integers(10**6)}.txt").write_bytes(path.read_bytes())


def missing(_, path, __):
    path.unlink()


def symlink(_, path, __):
    held = path.rename(path.parent.parent / f".{path.name}.held")
    path.symlink_to(held)


def hard_link(_, path, older):
    path.unlink()
    os.link(next(found for found in sorted(older.iterdir(), reverse=True) if found.name != path.name), path)


def a_folder(_, path, __):
    path.unlink()
    path.mkdir()


def a_pipe(_, path, __):
    path.unlink()
    os.mkfifo(path)


def edited_list(draw, path, _):
    target = path.parent / package.LIST
    stated = json.loads(target.read_bytes())
    chosen = sorted(stated["files"])[int(draw.integers(len(stated["files"])))]
    stated["files"][chosen]["bytes"] += 1 + int(draw.integers(9))
    target.write_bytes(json.dumps(stated).encode())


def recased(_, path, __):
    target = path.parent / package.SIGNATURE
    target.write_text(target.read_text().upper())


def foreign(draw, path, _):
    document = (path.parent / package.LIST).read_bytes()
    private = Ed25519PrivateKey.from_private_bytes(draw.bytes(32))
    (path.parent / package.SIGNATURE).write_text(signing.sign(private, document) + "\n")


def forged(draw, path, older):
    """A changed file with a list that says so, signed with a key of one's own."""
    flip(draw, path, older)
    files = {
        found.name: found.read_bytes()
        for found in path.parent.iterdir()
        if found.name not in {package.LIST, package.SIGNATURE}
    }
    shutil.rmtree(path.parent)
    package.write(path.parent, files, created_for="x", key=Ed25519PrivateKey.from_private_bytes(draw.bytes(32)))


def older(_, path, before):
    shutil.rmtree(path.parent)
    shutil.copytree(before, path.parent)


def linked_folder(_, path, before):
    shutil.rmtree(path.parent)
    path.parent.symlink_to(before, target_is_directory=True)


def no_folder(_, path, __):
    shutil.rmtree(path.parent)


KINDS = (
    flip, flip, flip, truncate, lengthen, insert, swap, swap_two, extra, missing, symlink, hard_link, a_folder, a_pipe,
    edited_list, recased, foreign, forged, older, linked_folder, no_folder,
)  # fmt: skip


def restore(folder, contents):
    """The folder as it was signed."""
    if folder.is_symlink():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    for held in folder.parent.glob(".*.held"):
        held.unlink()


def mutated(court, reign, count):
    """How many of so many mutations of a newly promoted scheme's folder were refused while the first one answered."""
    target, before = court.folder(court.second.digest), court.folder(court.first.digest)
    contents = {path.name: path.read_bytes() for path in target.iterdir()}
    court.name(court.second.digest)
    draw = np.random.default_rng(11)
    refused, margins = 0, scored(court.first, court)
    Counted.started = 0
    for mutate in islice(cycle(KINDS), count):
        names = (
            sorted(contents)
            if mutate not in (swap, forged)
            else sorted(set(contents) - {"package.json", "package.sig"})
        )
        mutate(draw, target / names[int(draw.integers(len(names)))], before)
        fault = reign.look()
        refused += fault is not None and fault.refusal.stage in ("folder", "another")
        assert reign.scheme.digest == court.first.digest, mutate.__name__
        restore(target, contents)
    assert Counted.started == 0  # none reached a parser, not even the trial's
    assert np.array_equal(scored(reign.scheme, court), margins)
    return refused


def scored(scheme, court):
    batch = whole(court)
    return scheme.margins(batch.values, batch.kind)


def whole(court):
    if not hasattr(court, "batch"):
        town = court.town
        court.batch = next(batches(town.lake, town.definitions, as_of=NOW.date() - timedelta(days=64)))
    return court.batch


def test_two_thousand_mutations_of_a_scheme_are_refused_and_the_last_good_one_answers(court, reign, record_property):
    refused = mutated(court, reign, MUTATIONS)
    record_property("mutations", MUTATIONS)
    record_property("accepted", MUTATIONS - refused)
    assert refused == MUTATIONS
    stages = {(one["stage"], one["fault"]) for one in court.refusals()}
    assert len(court.refusals()) == len(stages) == 2  # each kind once, not two thousand lines
    assert reign.refusals >= MUTATIONS
    assert reign.look() is None
    assert Counted.started == 1
    assert reign.scheme.digest == court.second.digest
    assert reign.refused is None


@pytest.mark.slow
def test_twenty_thousand_mutations_of_a_scheme_are_refused(court, reign):
    assert mutated(court, reign, 10 * MUTATIONS) == 10 * MUTATIONS


def test_a_service_that_starts_over_a_mutated_champion_is_not_ready_until_the_folder_is_back(court):
    folder = court.folder(court.first.digest)
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    Counted.started = 0
    for mutate in dict.fromkeys(KINDS):
        mutate(np.random.default_rng(3), folder / "model-1.txt", court.folder(court.second.digest))
        reign = court.reign()
        with pytest.raises(RefusedError):
            reign.open()
        with pytest.raises(ProblemError):
            _ = reign.scheme
        assert (reign.is_open, Counted.started) == (False, 0), mutate.__name__
        restore(folder, contents)
    assert reign.open().digest == court.first.digest


def test_a_champion_whose_folder_is_changed_while_it_answers_goes_on_and_the_change_is_told(court, reign, caplog):
    path = court.folder(court.first.digest) / "model-0.txt"
    path.write_bytes(path.read_bytes().replace(b"leaf_value=", b"leaf_value=1"))
    assert reign.look().refusal.stage == "folder"
    assert reign.scheme.digest == court.first.digest
    assert court.refusals() == [
        {
            "stage": "folder",
            "scheme": court.first.digest,
            "promotion": acts(court.office)[-1].entry,
            "fault": "SchemeError",
        }
    ]
    assert caplog.messages[-1] == f"refused at stage folder: SchemeError, scheme {court.first.digest[:12]}"


def test_a_refusal_is_read_once_more_at_most_and_written_once_also_after_a_start(court, reign):
    older(None, court.folder(court.first.digest) / "x", court.folder(court.second.digest))
    assert reign.look().refusal.stage == "another"
    reign.look()  # its own entry changed the journal
    before = reign.refusals
    for _ in range(20):
        assert reign.look() is None
    assert reign.refusals == before <= 2
    with pytest.raises(RefusedError, match="expected the scheme of its name"):
        court.reign().open()
    assert len(court.refusals()) == 1


def test_a_pointer_moved_by_hand_moves_nothing(court, reign):
    (court.home / POINTER).write_text(json.dumps({"scheme": court.second.digest, "entry": "0" * 64, "seq": 1}))
    assert reign.look() is None
    assert reign.scheme.digest == court.first.digest
    (court.home / POINTER).unlink()
    assert court.reign().open().digest == court.first.digest


def test_a_journal_line_that_was_edited_moves_nothing_and_nothing_is_written_after_it(court, reign):
    court.name(court.second.digest)
    edited = court.journal.path.read_bytes().replace(b'"bo"', b'"ed"')
    court.journal.path.write_bytes(edited)
    assert reign.look().refusal.stage == "journal"
    assert reign.scheme.digest == court.first.digest
    assert court.journal.path.read_bytes() == edited


def test_of_a_journal_that_grows_only_what_was_added_is_verified(court, reign):
    lines = reign._promoted.following.lines
    for number in range(4):
        court.journal.append("audit.anchored", {"lines": number}, at=NOW, actor="service")
    assert reign.look() is None
    court.name(court.second.digest)
    named = court.journal.verify().entries - lines - 4
    assert reign.look() is None
    assert reign.look() is None
    assert reign.scheme.digest == court.second.digest
    assert reign._promoted.following.lines == lines + 4 + named


def test_an_old_line_edited_while_one_is_added_is_not_believed_and_stops_the_next_start(court, reign):
    court.journal.append("audit.opened", {}, at=NOW, actor="service")
    assert reign.look() is None
    court.journal.append("audit.anchored", {"lines": 1}, at=NOW, actor="service")
    edited = court.journal.path.read_bytes().replace(court.first.digest.encode(), court.second.digest.encode(), 1)
    court.journal.path.write_bytes(edited)
    assert reign.look() is None
    assert reign.scheme.digest == court.first.digest
    again = court.reign()
    assert again.look().refusal.stage == "journal"
    assert not again.is_open
    with pytest.raises(JournalError, match="line"):
        court.journal.verify()


def test_a_journal_that_lost_its_end_does_not_bring_an_older_champion_back(court):
    whole_before = court.journal.path.read_bytes()
    court.name(court.second.digest)
    reign = court.reign()
    assert reign.open().digest == court.second.digest
    court.journal.path.write_bytes(whole_before)
    assert reign.look().refusal.stage == "journal"
    assert reign.scheme.digest == court.second.digest


def test_an_act_that_its_person_did_not_sign_moves_nothing(court, reign):
    details = dict(next(court.journal.entries(APPROVED)).details)
    court.journal.append(APPROVED, {**details, "scheme": court.second.digest}, at=NOW, actor="bo")
    assert reign.look().refusal.stage == "act"
    assert reign.scheme.digest == court.first.digest
    assert court.refusals()[0] == {"stage": "act", "fault": "GateError"}


def test_a_home_without_a_champion_is_not_ready_and_becomes_so(fresh):
    home = fresh.home
    keys = home / "keys"
    found = Reign(home, Journal.of(home), keys, signing.verify_key(keys, "trainer"), lambda: NOW)
    with pytest.raises(GateError, match="has no champion"):
        found.open(trial.begin())
    found.watch(0.05)
    try:
        assert not found.is_open
        court = Court(fresh)
        until(lambda: found.is_open)
        assert found.scheme.digest == court.first.digest
    finally:
        found.close()


def test_a_trial_begun_ahead_is_the_one_that_is_used(court):
    waiting = trial.begin()
    Counted.started = 0
    assert court.reign().open(waiting).digest == court.first.digest
    assert Counted.started == 0


def wild_child(text):
    """A child that is no node: the parser writes past the end of its arrays."""
    start = text.index("\nleft_child=") + len("\nleft_child=")
    return text[:start] + "9" + text[start + 1 :]


def shifted(text):
    """One blank: the structure holds, and the parser, which counts characters, dies."""
    return text.replace("leaf_value=", "leaf_value= ", 1)


@pytest.mark.parametrize("spoil", [wild_child, shifted], ids=["refused", "died"])
def test_a_malicious_scheme_signed_and_promoted_rightly_ends_only_its_trial(court, reign, spoil):
    bad = replace(court.first, models=(spoil(court.first.models[0]), *court.first.models[1:]))
    court.keep(bad)
    court.name(bad.digest)
    fault = reign.look()
    assert fault.refusal.stage == "trial"
    assert ("ended with code" in str(fault)) == (spoil is shifted)
    assert reign.scheme.digest == court.first.digest
    Counted.started = 0
    for _ in range(5):
        reign.look()
        with pytest.raises(RefusedError):
            reign.scheme_of(bad.digest)
    assert Counted.started == 0  # what failed is not tried again and again
    court.name(court.second.digest)
    assert reign.look() is None
    assert reign.scheme.digest == court.second.digest


def test_a_signed_scheme_that_computes_other_than_its_golden_rows_is_refused(court, reign):
    bad = replace(court.first, golden=court.second.golden)
    court.keep(bad)
    court.name(bad.digest)
    assert "golden rows" in str(reign.look())
    assert reign.scheme.digest == court.first.digest


def test_a_scheme_a_month_was_sealed_under_is_opened_the_same_way_and_once(court, reign):
    Counted.started = 0
    assert reign.scheme_of(court.first.digest) is reign.scheme
    old = reign.scheme_of(court.second.digest)
    assert reign.scheme_of(court.second.digest) is old
    assert Counted.started == 1
    for name in ("../keys", "", "0" * 64, court.first.digest.upper()):
        with pytest.raises(RefusedError):
            reign.scheme_of(name)


def test_a_home_that_cannot_be_written_still_refuses(court, reign, caplog, monkeypatch):
    monkeypatch.setattr(Journal, "append", denied)
    no_folder(None, court.folder(court.first.digest) / "x", None)
    assert reign.look().refusal.stage == "folder"
    assert caplog.messages[-1] == "a refusal could not be written into the journal: PermissionError"
    assert reign.scheme.digest == court.first.digest


def denied(*_, **__):
    raise PermissionError


class Swapper:
    """Somebody who keeps putting files of another signed scheme in place, and the right ones back."""

    def __init__(self, folder, others):
        self.folder, self.others = folder, others
        self.good = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.swap)

    def put(self, name, content, seconds):
        fresh = self.folder.with_name(".swapped")
        fresh.write_bytes(content)
        fresh.replace(self.folder / name)
        time.sleep(seconds)

    def swap(self):
        for name in cycle(("model-0.txt", "golden.json", "package.json", "package.sig")):
            self.put(name, (self.others / name).read_bytes(), 0.003)
            self.put(name, self.good[name], 0.001)
            if self.ended.is_set():
                return

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def tried_to_open(court, digest):
    """The stage at which a scheme was refused, or what it computes when it was not."""
    try:
        return scored(court.reign().scheme_of(digest), court).tobytes()
    except RefusedError as fault:
        return fault.refusal.stage


def test_files_swapped_between_check_and_use_give_the_good_scheme_or_none(court):
    digest = court.second.digest
    expected, found = scored(court.second, court).tobytes(), []
    with Swapper(court.folder(digest), court.folder(court.first.digest)):
        end = time.monotonic() + 30
        while time.monotonic() < end and (found.count("folder") < 20 or found.count(expected) < 2):
            found.append(tried_to_open(court, digest))
    assert set(found) <= {"folder", "another", expected}
    assert found.count("folder") >= 20
    assert tried_to_open(court, digest) == expected


def until(holds, seconds=20.0):
    """How many seconds it took until something held."""
    start = time.monotonic()
    while not holds():
        assert time.monotonic() < start + seconds
        time.sleep(0.002)
    return time.monotonic() - start


class Crowd:
    """Threads that score as requests do: one scheme object for one answer, and what each answer says."""

    def __init__(self, reign, batch, threads=3):
        self.reign, self.batch = reign, batch
        self.rows = [slice(start, start + 20) for start in range(0, len(batch.values) - 20, 20)]
        self.ended, self.answers, self.errors = threading.Event(), [], []
        self.threads = [threading.Thread(target=self.guarded, args=(place,)) for place in range(threads)]

    def margin(self, scheme, which):
        part = self.rows[which]
        return scheme.margins(self.batch.values[part], self.batch.kind[part]).tobytes()

    def guarded(self, place):
        try:
            self.score(place)
        except Exception as fault:  # whatever it is, the test says so
            self.errors.append(fault)

    def score(self, place):
        for which in cycle(range(place, len(self.rows))):
            scheme = self.reign.scheme
            self.answers.append((scheme.digest, which, self.margin(scheme, which)))
            if self.ended.is_set():
                return
            time.sleep(0.001)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def test_fifty_promotions_and_rollbacks_while_scoring_give_no_mixed_answer(court, reign, record_property):
    crowd, slowest = Crowd(reign, whole(court)), 0.0
    reign.watch(0.05)
    with crowd:
        court.propose(court.second.digest)
        until(lambda: reign.knows(court.second.digest))  # made ready while nobody waits for it
        for number in range(PROMOTIONS):
            digest = (court.second, court.first)[number % 2].digest
            court.name(digest, (APPROVED, ROLLED_BACK)[number % 2])
            slowest = max(slowest, until(lambda wanted=digest: reign.scheme.digest == wanted))
    reign.close()
    offline = {}
    for digest in (court.first.digest, court.second.digest):
        loaded = Scheme.load(court.folder(digest), court.verify)
        offline[digest] = [crowd.margin(loaded, which) for which in range(len(crowd.rows))]
    assert offline[court.first.digest] != offline[court.second.digest]
    mixed = [answer for answer in crowd.answers if offline[answer[0]][answer[1]] != answer[2]]
    for name, number in (("promotions", PROMOTIONS), ("mixed", len(mixed)), ("failed", len(crowd.errors))):
        record_property(name, number)
    assert not crowd.errors
    assert mixed == []
    assert {digest for digest, *_ in crowd.answers} == set(offline)
    assert slowest <= SLOWEST


UNPICKLED = """
import sys
from pathlib import Path
found = []
sys.addaudithook(lambda event, _: found.append(event) if event == "pickle.find_class" else None)
from test_champion import Court, scored, whole
from town import Town
court = Court(Town.at(Path(sys.argv[1])))
reign = court.reign()
scheme = reign.open()
batch = whole(court)
scheme.classify(batch, None)
scheme.contributions(batch.values[:5], batch.kind[:5], bulk=False)
court.name(court.second.digest)
reign.look()
scored(reign.scheme, court)
print(len(found))
import pickle
pickle.loads(pickle.dumps(Court))
print(len(found))
"""


def test_nothing_is_unpickled_while_a_scheme_is_opened_and_scores(town, tmp_path):
    shutil.copytree(town.folder, tmp_path / "town")
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (HERE.parents[1], HERE.parent, HERE)))}
    command = [sys.executable, "-c", UNPICKLED, str(tmp_path / "town")]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=here)
    assert found.stdout.split() == ["0", "1"]  # the second is the hook's own proof
