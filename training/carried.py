"""What a scheme carries of the indicator system it was trained on, and a lake read under what it carries."""

from datetime import date

from features.compiled import queries
from features.indicators.catalogue import Definitions, load
from features.indicators.system import FILE, System
from features.reading import Lake
from features.restated import Restated
from training.errors import SchemeError
from training.scheme import Scheme

QUERY = "query-{}.sql"


def carried(lake: Lake, definitions: Definitions, as_of: date) -> dict[str, str]:
    """Texts by file name: the system of a lake's profile, and its queries compiled as of a date."""
    compiled = queries(definitions, lake.profile, as_of)
    texts = {QUERY.format(name): f"-- as of {as_of}\n{text}" for name, text in compiled.items()}
    return {FILE: System.of(lake.profile, definitions).text, **texts}


def under(scheme: Scheme, lake: Lake) -> tuple[Lake, Definitions]:
    """A lake and definitions as a scheme was trained on, whatever the profile says now.

    A scheme made before schemes carried their system has only the profile's present definitions to go by:
    SchemeError when these are not the ones it was trained on.
    """
    if scheme.system is not None:
        return Restated.under(lake, scheme.system), scheme.system.definitions
    definitions = load(lake.profile)
    if definitions.digest != scheme.definitions:
        raise SchemeError(
            f"Scheme {scheme.digest[:12]} was trained on definitions {scheme.definitions[:12]}, profile "
            f"{lake.profile.name} has {definitions.digest[:12]} now, and the scheme was made before schemes carried "
            "theirs. Nothing was computed; put the profile's definitions back, or train and promote a new scheme."
        )
    return lake, definitions
