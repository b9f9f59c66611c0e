"""An ACL without a file, for one person on one machine."""

from imagewright.core.caller import LOCAL
from imagewright.core.policy import Acl, Entry
from imagewright.core.scope import expand


class FixedAcl:
    """Implements `ports.acl.AclSource` with an ACL that never changes."""

    def __init__(self, acl: Acl) -> None:
        self._acl = acl

    def current(self) -> Acl:
        return self._acl


def local_acl(*, read_only: bool) -> Acl:
    """The subject `local` may do all that `*` names: to spend, it is asked each time."""
    return Acl(subjects={LOCAL: Entry(scopes=expand(["*"]))}, read_only=read_only)
