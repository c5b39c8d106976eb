"""How people come in to the pages: by a key in a sandbox, by the unified identity portal a profile names."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from features.profile import Profile
from serving.passage import Passages
from serving.portal import Registration

if TYPE_CHECKING:
    from serving.oidc import Speaker


@dataclass
class Portal:
    """The portal of a profile, the secret by which it knows this service, and the logins on their way there."""

    profile: Profile
    registration: Registration
    secret: str = field(repr=False)
    passages: Passages
    now: Callable[[], datetime]
    _made: "Speaker | None" = None

    async def speaker(self) -> "Speaker":
        """Who speaks with the portal. What that takes is loaded by the first login, while other requests go on."""
        if self._made is None:
            self._made = await asyncio.to_thread(self._loaded)
        return self._made

    def _loaded(self) -> "Speaker":
        from serving.oidc import Speaker

        return Speaker(self.registration, self.secret, self.now)


@dataclass(frozen=True)
class Doors:
    """Whether keys log in at the pages (in a sandbox only), and the portal that vouches for people, if any."""

    is_sandbox: bool = False
    portal: Portal | None = None


SHUT = Doors()  # nobody comes in
