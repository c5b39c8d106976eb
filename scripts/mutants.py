"""What became of the mutants that ``scripts/mutants`` made: a line for people, a line of JSON."""

import json
from pathlib import Path

found = json.loads(Path("mutants/mutmut-cicd-stats.json").read_text(encoding="utf-8"))
share = found["killed"] / found["total"]
print(f"{found['killed']} of {found['total']} changes found by a test: {share:.1%}")
print(json.dumps({**found, "killed_share": share}))
