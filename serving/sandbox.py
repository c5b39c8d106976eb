"""The whole line on a simulated province, verb by verb as typed, and a sandbox made by it."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

from features.records.intake import ACTION
from features.steps import write_text
from serving import display
from serving.process import end
from serving.settings import Settings
from serving.workshop import Workshop

ROOT = Path(__file__).resolve().parents[1]
ENDED = 15  # for a process that was ended: the family of what a machine refuses
MADE = "sandbox.json"  # in the home of a sandbox, once all of it is there
ENTRY = (
    "import sys; sys.path.insert(0, {root!r}); from serving.process import follow_parent; follow_parent(); "
    "from serving.cli import main; main()"
)
Words = tuple[str, ...]
Verbs = Callable[..., Any]


@dataclass(frozen=True)
class Line:
    """A simulated province and what is done with it: trained on what was known by a day, so many months published."""

    entities: int = 20_000
    detection: int = 10
    first: str = "2017-04"
    known_by: str = "2025-12-31"
    months: Words = ("2026-01", "2026-02", "2026-03")
    persons: tuple[str, str] = ("analyst", "approver")
    reason: str = "demonstration on a simulated province"

    def steps(self, opened: Callable[[], Workshop]) -> Iterator[tuple[str, list[Words]]]:
        """Every step by name with its verbs; what is done already is left out, and asked about when its turn comes."""
        province = f"simulate --entities {self.entities} --detection {self.detection} --first {self.first}"
        yield "simulate", [(province,)]
        yield "intake", self._delivered(opened())
        yield "indicators", self._drafted(opened())
        yield "train", [(f"train --known-by {self.known_by}",)]
        yield "evaluate", [("evaluate",)]
        yield "publish", self._published(opened())
        yield "promote", self._promoted(opened())
        for month in self.months:
            yield f"month {month}", [(f"month {month}",)]
        yield "quality", [(f"quality --as-of {self.months[-1]}",)]

    def _delivered(self, bench: Workshop) -> list[Words]:
        """What takes the province's deliveries; nothing where the journal tells of as many."""
        folders = sorted(str(path.parent) for path in (bench.home / "deliveries").glob("*/*/manifest.json"))
        told = [one for entry in bench.lake_journal.entries(ACTION) for one in entry.details["deliveries"]]
        return [] if len(told) >= len(folders) else [("intake", *folders)]

    def _drafted(self, bench: Workshop) -> list[Words]:
        """What gives the definitions a version, so that every result names it: keys of two persons, a draft."""
        keys: list[Words] = [
            (f"keys create {name}",) for name in self.persons if not (bench.keys / f"{name}.pem").is_file()
        ]
        if bench.version is not None:
            return keys
        name, effective = f"demo-{bench.definitions.digest[:6]}", self.months[0]
        draft = f"indicators draft --version {name} --effective {effective} --author {self.persons[0]}"
        return [*keys, (draft, "--reason", self.reason)]

    def _published(self, bench: Workshop) -> list[Words]:
        """What publishes the version: an impact report, a review, and the other person."""
        from evaluation import versions

        name = str(bench.version)
        done = ("draft", "review", "published").index(versions.find(bench.office, name).state)
        acts: list[Words] = [
            (f"indicators review {name} --as {self.persons[0]}",),
            (f"indicators impact {name} --known-by {self.known_by}",),
            (f"indicators publish {name} --as {self.persons[1]}",),
        ]
        return [acts, acts[1:], []][done]

    def _promoted(self, bench: Workshop) -> list[Words]:
        """What makes the newest scheme champion: a proposal, and an approval by another person."""
        from evaluation import promotion

        _, made = bench.latest(display.quiet)
        reigning = promotion.champion(bench.office)
        if reigning is not None and reigning.scheme == made.digest:
            return []
        verdict, _ = bench.verdict(made.digest)
        why = ("--reason", self.reason) if verdict.verdict == "review" else ()
        return [(f"promote propose --as {self.persons[0]}", *why), (f"promote approve --as {self.persons[1]}",)]


# Of a smaller province, or a shorter one, an early fit of the evaluation has too few positives to be calibrated.
SANDBOX = Line(entities=3_000)


def typed(verbs: Verbs, command: str, *arguments: str) -> None:
    """Run one verb as typed; its figures are not shown."""
    words = [*shlex.split(command), *arguments]
    shown = " ".join(words if len(words) < 8 else [*words[:2], f"… {len(words) - 1} words"])
    display.say(f"jianwei {shown}")
    with redirect_stdout(StringIO()):
        verbs(words, standalone_mode=False)


def make(settings: Settings, verbs: Verbs, line: Line = SANDBOX) -> None:
    """Bring a sandbox's province to where it can be served; what an earlier attempt did is not done again."""
    for _, commands in line.steps(lambda: Workshop(settings)):
        for command in commands:
            typed(verbs, *command)
    write_text(settings.home / MADE, json.dumps(asdict(line)) + "\n")


def is_made(settings: Settings) -> bool:
    """Whether all of the sandbox is there."""
    return (settings.home / MADE).is_file()


def made_beside(settings: Settings) -> None:
    """The sandbox, made where it is not by a process of its own beside the one that answers, which is ready once it is
    there; when it cannot be made, this process ends and says so."""
    if not is_made(settings):
        display.say("The sandbox is made: a simulated province, its scheme and its months. It takes two minutes, once.")
        display.say("Until then /readyz says 503.")
        Thread(target=_made, args=(settings,), name="sandbox", daemon=True).start()


def _made(settings: Settings) -> None:
    command = [sys.executable, "-c", ENTRY.format(root=str(ROOT)), "serve", "--prepare"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as making:  # noqa: S603
        code = making.wait()
    if code or not is_made(settings):
        display.say("The sandbox is not whole yet. Nothing is served; the same command goes on where this one stopped.")
        end(max(code, ENDED))
    display.say("The sandbox is made.")
