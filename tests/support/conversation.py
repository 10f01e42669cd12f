"""What tests say to simulated models: lines of a play, and words to recognise.

A play leads a simulated model through work; `crates/testkit/src/play.rs` says how.
"""

import base64
import json
import struct
import zlib



def _picture(side):
    """A PNG of one colour that every decoder takes."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\x20\x60\xa0" * side) * side
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


PICTURE_BYTES = _picture(16)
PICTURE = base64.b64encode(PICTURE_BYTES).decode()

# What is asked for in plain answers and streams, and what the answer has to hold.
QUESTION = "one two three four five six seven eight"
ECHO = f"You said: {QUESTION}"

# A question long enough for its answer to be left in the middle.
LONG = " ".join(f"word{number}" for number in range(400))


def call(name, /, **arguments):
    """The model calls a tool."""
    return f"sim-call: {name} {json.dumps(arguments)}"


def also(name, /, **arguments):
    """The model calls another tool in the same turn."""
    return f"sim-also: {name} {json.dumps(arguments)}"


def say(text):
    """The model says a text."""
    return f"sim-say: {json.dumps(text)}"


def play(opening, *steps):
    """A message of the user that leads the model through steps."""
    return "\n".join([opening, *steps])
