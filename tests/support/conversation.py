"""What tests say to simulated models: lines of a play, and words to recognise.

A play leads a simulated model through work; `crates/testkit/src/play.rs` says how.
"""

import base64
import json

# The smallest PNG: one transparent pixel.
PIXEL_BYTES = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
PIXEL = base64.b64encode(PIXEL_BYTES).decode()

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
