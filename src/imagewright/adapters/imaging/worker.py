"""The worker process: loads libvips and the font, enters the jail, then answers messages.

`python -m imagewright.adapters.imaging.worker MEMORY PROCESSOR`, a socket on standard input.
It ends when the other side does.
"""

import os
import sys
import time
from typing import Any

import pyvips

from imagewright.adapters.imaging import caption, drawing, frames, jail, masks, pictures
from imagewright.adapters.imaging.formats import Bounds
from imagewright.adapters.imaging.refusal import Refused

_SOCKET = 0


def main() -> None:
    """Serve until the socket closes."""
    memory, processor = (int(word) for word in sys.argv[1:3])
    pyvips.cache_set_max(0)
    # Every loader but the five, in case one is ever reached by a road we did not think of.
    pyvips.operation_block_set("VipsForeignLoad", True)
    for name in ("Png", "Jpeg", "Webp", "Nsgif", "Heif"):
        pyvips.operation_block_set(f"VipsForeignLoad{name}", False)
    _warm()
    # What libraries print may hold a stranger's words; after the start nobody needs it.
    os.dup2(1, 2)
    try:
        held = jail.enter(memory, processor)
    except OSError as error:
        frames.send(_SOCKET, {"failed": error.strerror})
        return
    frames.send(_SOCKET, {"held": held})
    while True:
        try:
            head, blobs = frames.receive(_SOCKET)
        except EOFError:
            return
        answer, made = _answer(head, blobs)
        answer["seconds"] = time.process_time()
        frames.send(_SOCKET, answer, made)


def _warm() -> None:
    """Have every coder, the font and the threads loaded: in the jail no file opens."""
    caption.load_font()
    for kind in ("png", "jpeg", "webp", "gif", "avif"):
        data = drawing.draw(drawing.Sheet.sample(kind), None, None)
        pictures.inspect(data, Bounds(1 << 20, 1 << 20, 1 << 10, 1), 32, 1 << 16)


def _answer(head: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    try:
        return _work(head, blobs)
    except Refused as refused:
        return {"refused": refused.reason}, []
    except MemoryError:
        return {"refused": "memory"}, []
    except pyvips.Error as error:
        said = str(error).lower()
        short = "out of memory" in said or "alloc" in said
        return {"refused": "memory" if short else "broken"}, []


def _work(head: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    task = head["task"]
    if task == "inspect":
        return pictures.inspect(blobs[0], Bounds(*head["bounds"]), head["edge"], head["most"])
    if task == "render":
        return pictures.render(blobs[0], Bounds(*head["bounds"]), pictures.Asked(*head["asked"]))
    if task == "draw":
        given = [pictures.decode(blob, Bounds(*head["bounds"]))[0] for blob in blobs]
        reference, mask = [*given, None, None][:2]
        return {}, [drawing.draw(drawing.Sheet(*head["sheet"]), reference, mask)]
    if task == "mask":
        return masks.read(blobs[0], Bounds(*head["bounds"]))
    if task == "alpha":
        return {}, [masks.with_alpha(blobs[0], Bounds(*head["bounds"]))]
    return {}, []


if __name__ == "__main__":
    main()
