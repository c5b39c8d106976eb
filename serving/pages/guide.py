"""Help: what a class is and is not, the words, how to object."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.pages.front import Front, asking


def routes(front: Front) -> list[Route]:
    """The page of help."""

    def guide(request: Request) -> Response:
        """Help."""
        asking(request)
        return front.page(request, "help.html")

    return [Route("/help", guide)]
