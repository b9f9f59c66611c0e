"""What a notice is on the wire."""

import json

import pytest

from imagewright.adapters.notices.letter import body_of, headers_of, read_key
from imagewright.core.notice import Event, Notice
from imagewright.core.secret import Secret
from tests.adapters.notices.receiver import SECRET
from tests.contracts.samples import NOON, OWNER

WHOLE = Notice(
    event=Event.CONFIRMATION_REQUIRED,
    at=NOON + 123_456,
    subject=OWNER.subject,
    level="subject",
    amounts={"ceiling": "0.04"},
    facts={"provider": "painter", "n": 2},
    ids={"quote": "quo_a"},
    link=Secret("https://images.example.com/ui/approvals/link/x"),
)


def test_the_signature_is_the_specifications_own_example() -> None:
    id, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}'
    headers = headers_of(id, body, read_key(SECRET), 1_614_265_330_999_999)
    assert headers == {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_notice_says_what_it_has_and_nothing_else() -> None:
    assert json.loads(body_of(WHOLE)) == {
        "type": "confirmation_required",
        "timestamp": "2026-11-21T12:00:00.123Z",
        "data": {
            "subject": OWNER.subject,
            "level": "subject",
            "amounts_usd": {"ceiling": "0.04"},
            "ids": {"quote": "quo_a"},
            "provider": "painter",
            "n": 2,
            "link": "https://images.example.com/ui/approvals/link/x",
        },
    }
    bare = Notice(event=Event.OUTCOME_UNKNOWN, at=NOON, ids={"job": "job_a"})
    assert json.loads(body_of(bare))["data"] == {"ids": {"job": "job_a"}}


def test_a_notice_shows_its_link_to_no_log() -> None:
    assert "ui/approvals" not in f"{WHOLE} {WHOLE!r}"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_c2hvcnQ=",
        "whsec_ä",
        "whsec_" + "A" * 100,
    ],
)
def test_a_secret_of_another_form_is_none(wrong: str) -> None:
    with pytest.raises(ValueError, match="not whsec_ and 24 to 64 bytes") as raised:
        read_key(wrong)
    assert wrong in {"", "whsec_"} or wrong not in str(raised.value)
