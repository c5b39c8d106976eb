"""The verb that hands results of inspections on: deliveries for the intake."""

from serving import display
from serving.entrance import Json, of_the_place


def returns(json: Json = False) -> None:
    """Write the results of inspections that came in through the API as deliveries; then give them to intake."""
    from features.profile import ProfileError
    from serving import settings as edge
    from serving.feedback import Feedback, deliver
    from serving.workshop import Workshop

    bench = Workshop(of_the_place())
    feedback = Feedback.read(bench.settings.profile)
    if feedback is None:
        raise ProfileError(
            f"Profile {bench.settings.profile.name} has no returns.yaml: it takes no results of inspections. Nothing "
            "was written; add the file, see profiles/README.md."
        )
    written = deliver(feedback, bench.store, bench.home, at=edge.now())
    found = [{"delivery": one.delivery, "folder": str(one.folder), "rows": dict(one.rows)} for one in written]
    if json:
        display.document({"deliveries": found})
        return
    for one in written:
        display.say(f"{one.folder}: {', '.join(f'{rows:,} {name}' for name, rows in one.rows.items())}")
    display.say(f"{len(written)} deliveries written; take them with jianwei intake.")
