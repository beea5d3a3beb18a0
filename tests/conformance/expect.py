"""Compares what a server did with what the RFC wants, or with what differences.py lists for that server instead."""

from acme_client import URN
from differences import differences_of

CLIENT_ERROR = frozenset(range(400, 500))


def _meets(got, wanted):
    """wanted is a value, a set of values, or a tuple of those."""
    if isinstance(wanted, (set, frozenset)):
        return got in wanted
    if isinstance(wanted, tuple):
        return len(got) == len(wanted) and all(_meets(g, w) for g, w in zip(got, wanted))
    return got == wanted


def kind_of(answer):
    """The ACME error of an answer; its content type where that is no problem document."""
    content_type = answer.headers.get("content-type", "").split(";")[0]
    if content_type != "application/problem+json":
        return content_type
    return answer.json().get("type", "").removeprefix(URN)


class Expect:
    def __init__(self, server, test):
        self.listed = differences_of(server, test)
        self.met, self.asked = set(), set()

    def that(self, what, got, wanted, shown=""):
        """what names the observation within its test, for differences.py."""
        self.asked.add(what)
        listed = self.listed.get(what)
        if listed is None:
            assert _meets(got, wanted), f"{what}: {got!r} instead of {wanted!r}\n{shown}"
            return
        self.met.add(what)
        assert not _meets(got, wanted), f"{what}: {got!r} is what the RFC wants; strike it from differences.py"
        assert _meets(got, listed.does), f"{what}: {got!r} instead of the listed {listed.does!r}\n{shown}"

    def problem(self, what, answer, kinds, statuses=400):
        """The answer is a problem document of this type (or one of these) with this status (or one of these)."""
        shown = f"{answer.status_code} {answer.headers}\n{answer.text[:1500]}"
        self.that(what, (answer.status_code, kind_of(answer)), (statuses, kinds), shown)

    def check_all_met(self):
        """A parametrised test meets a part of what is listed for it; what it asked for it must have met."""
        assert self.met == self.asked & set(self.listed)
