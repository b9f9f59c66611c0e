"""A provider and an identity provider on loopback of a container's network, for `Vendor`.

It prints what they are as a line of JSON, with a token for the service's address, and at the end of
its input how many pictures were asked for.
"""

import json
import sys

from tests.fakes.openai_images import FakeOpenAI
from tests.identity.provider import IdentityProvider, signing_key


def main(resource: str) -> None:
    keys = [signing_key("only")]
    with FakeOpenAI() as vendor, IdentityProvider(keys=keys) as identity:
        token = identity.token(resource, "images:read images:write")
        told = {"vendor": vendor.origin, "issuer": identity.issuer, "token": token}
        print(json.dumps(told), flush=True)
        sys.stdin.read()
        print(len(vendor.orders), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
