"""A town with all that pages tell of: records that can be opened, acts, disputes, data quality, a champion's report."""

import json
import shutil
from hashlib import sha256
from pathlib import Path

from posts import DISPUTES
from running import Housed
from town import NOW, Town, settle, write

from evaluation.gate import Verdict
from evaluation.promotion import Office, Signer, approve, propose
from evaluation.verdict import Check, Detail
from features import signing
from features.records.journal import Journal
from serving import quality
from serving.sandbox import MADE

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
MONTH = "2025-12"
CARD = "# 模型卡 model card\n\n用途：内部参考。\n"
HEADINGS = [
    {"label": "列入经营异常名录信息", "label_en": "abnormal operation", "record_types": ["listing"]},
    {"label": "行政处罚信息", "label_en": "penalties", "record_types": ["event"]},
]
CHECK = Check(
    "EV010", "概率准", "calibrated", "calibration", "at_most", True, False, 0.5, "basis", 0.25, True,
    (Detail("all", 0.25, 0.25, None, True),),
)  # fmt: skip


class Sandboxed(Housed):
    """A town whose home is that of a sandbox."""

    @property
    def home(self):
        return self.folder / "sandbox" / "small"


def sandboxed(town, folder):
    """A copy of a classified town as a sandbox, whose pages take keys, with all that they tell of."""
    from test_acts_verb import ACTS  # once pytest has taken those files in, which it does with asserts of its own
    from test_quality_verb import survey

    shutil.copytree(town.folder, folder)
    settle(Town.at(folder))
    write(folder / "profile" / "acts.yaml", ACTS)
    write(folder / "profile" / "disputes.yaml", DISPUTES)
    write(folder / "profile" / "publicity.yaml", {"headings": HEADINGS})
    (folder / "sandbox").mkdir()
    shutil.move(folder / "home", folder / "sandbox" / "small")
    found = Sandboxed(folder)
    quality.write(survey(folder / "sandbox", found.profile), found.home / "quality" / MONTH)
    _promoted(found)
    (found.home / MADE).write_text("{}\n", encoding="utf-8")
    return found


def report():
    """The report the champion rests on, which names its model card: an evaluation's as it is held golden."""
    page = (GOLDEN / "report.html").read_text(encoding="utf-8")
    return page.replace("</body>", f"<p>model_card.md {sha256(CARD.encode()).hexdigest()}</p></body>")


def digest():
    """The digest the report is signed for by."""
    return sha256(report().encode()).hexdigest()


def _promoted(town):
    """Make the town's scheme champion on an evaluation whose files lie where ``evaluate`` leaves them."""
    scheme = town.scheme.digest
    verdict = Verdict(scheme, "promote", NOW.date(), (CHECK,))
    folder = town.home / "reports" / scheme[:16]
    gate = {**json.loads(json.dumps(verdict.document(), default=str)), "digest": verdict.digest}
    write_all(folder, {"report.html": report(), "model_card.md": CARD, "assessment.json": json.dumps({"gate": gate})})
    keys = town.home / "keys"
    office = Office(town.home, Journal(town.home / "journal.jsonl"), keys, signing.verify_key(keys, "trainer"))
    for name in ("ana", "bo"):
        signing.first_use_key(keys, name)
    propose(office, verdict, folder=town.home / "schemes" / scheme, report=digest(), signer=Signer("ana", NOW, "首次"))
    approve(office, signer=Signer("bo", NOW))


def write_all(folder, texts):
    """Write texts into a folder by the names of their files."""
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
