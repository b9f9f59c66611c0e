"""Where the ACL in force comes from."""

from typing import Protocol

from imagewright.core.policy import Acl


class AclSource(Protocol):
    """Gives the last ACL that was read whole and without fault, and what was revoked."""

    def current(self) -> Acl:
        """The ACL in force now; a change is seen by the next call.

        Raises Unavailable where what was revoked cannot be told.
        """
