"""A provider on loopback of a container's network: `vendor.py` prints its port, and the calls."""

import sys

from tests.fakes.openai_images import FakeOpenAI


def main() -> None:
    with FakeOpenAI() as vendor:
        print(vendor.origin.rpartition(":")[2], flush=True)
        sys.stdin.read()
        print(len(vendor.orders), flush=True)


if __name__ == "__main__":
    main()
