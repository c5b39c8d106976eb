"""The verb that shows a points score card."""

from typing import Annotated

import typer

from serving import display, screens
from serving.entrance import Json, workshop


def card(
    scheme: Annotated[
        str, typer.Argument(help="The digest of a scheme that was champion; else the newest trained.")
    ] = "",
    json: Json = False,
) -> None:
    """Show a points score card: the weight of every dimension, the steps and points of every indicator."""
    from training.card import told
    from training.carried import under
    from training.scheme import Scheme

    bench = workshop()
    found = bench.scheme(scheme) if scheme else Scheme.load(bench.newest().folder, bench.office.scheme_key)
    _, definitions = under(found, bench.lake)
    document = told(found, definitions)
    if json:
        display.document(document)
        return
    screens.card(document, bench.settings.profile.language)
