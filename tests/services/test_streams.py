"""So many open streams for each subject."""

import pytest

from imagewright.core.errors import Busy
from imagewright.services.streams import Streams


def test_each_subject_has_so_many_and_gets_them_back() -> None:
    streams = Streams(2)
    streams.enter("user:a")
    streams.enter("user:a")
    with pytest.raises(Busy, match="2 streams") as refused:
        streams.enter("user:a")
    assert refused.value.details == {"limit": "streams", "retry_after": 5}
    streams.enter("user:b")
    streams.leave("user:a")
    streams.enter("user:a")
    for who in ("user:a", "user:a", "user:b"):
        streams.leave(who)
    assert vars(streams) == vars(Streams(2))
