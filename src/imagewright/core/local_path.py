"""Where a browser may be sent after signing in: a page of ours and nothing else."""

import re

HOME = "/ui"
_LONGEST = 512
_PAGE = re.compile(r"/ui(?:/[A-Za-z0-9._~-]+)*(?:\?[A-Za-z0-9._~=&-]*)?\Z")
_NOT_THERE = ("/ui/sign-in", "/ui/sign-out")


def local_path(text: str) -> str:
    """The path if it is that of a page of ours, else `/ui`.

    Characters that any reader of addresses could take for a host, a step up or the end of a
    header are in none; pages that sign in or out lead nowhere.
    """
    if len(text) > _LONGEST or not _PAGE.match(text) or text.startswith(_NOT_THERE):
        return HOME
    if any(part in {".", ".."} for part in text.partition("?")[0].split("/")):
        return HOME
    return text
