"""Every route there is, found by path and method."""

import re
from collections.abc import Mapping

from serving.access import Route
from serving.http import ProblemError

HEALTH = ("/livez", "/readyz")


class Paths:
    """The routes of a table and the two of health."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self._fixed: dict[str, dict[str, Route]] = {}
        self._patterns: dict[re.Pattern[str], dict[str, Route]] = {}
        for one in routes.values():
            if "{" in one.path:
                self._patterns.setdefault(one.pattern, {})[one.method] = one
            else:
                self._fixed.setdefault(one.path, {})[one.method] = one
        for path in HEALTH:
            self._fixed[path] = {}

    def find(self, path: str, method: str) -> Route:
        """The route of a path and method; ProblemError where there is none, or none of this method."""
        methods = self._fixed.get(path)
        if methods is None:
            methods = next((found for one, found in self._patterns.items() if one.fullmatch(path)), None)
        if methods is None:
            raise ProblemError("not-found")
        if method not in methods:
            raise ProblemError("method-not-allowed", allow=", ".join(sorted(methods or ("GET", "HEAD"))))
        return methods[method]
