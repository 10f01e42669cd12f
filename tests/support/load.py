"""Many callers at once, who remember what they saw of each answer.

Plain sockets: a caller must see exactly how far an answer came when the gateway is killed.
"""

import asyncio
import json
import time
from dataclasses import dataclass, field

# Longer than anything takes that goes well, and than any outage in these tests.
PATIENCE = 120


@dataclass
class Seen:
    """What a caller saw of an answer."""

    model: str
    streamed: bool
    #: Whether its end was seen, and with which status.
    ended: bool = False
    status: int = 0
    id: str = ""
    usage: dict = field(default_factory=dict)
    begun: float = 0.0
    seconds: float = 0.0
    error: str = ""


async def ask(port, key, model, text, streamed):
    """One request over a connection of its own."""
    seen = Seen(model, streamed, begun=time.monotonic())
    try:
        async with asyncio.timeout(PATIENCE):
            await _ask(seen, port, key, model, text, streamed)
    except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
        seen.error = repr(error)
    seen.seconds = time.monotonic() - seen.begun
    return seen


async def _ask(seen, port, key, model, text, streamed):
    message = {"role": "user", "content": text}
    body = json.dumps({"model": model, "stream": streamed, "messages": [message]}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(
            b"POST /api/v1/chat/completions HTTP/1.1\r\nHost: books\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\n"
            + f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        # Ids differ by case.
        for line in lines[1:]:
            if line.lower().startswith("x-generation-id: "):
                seen.id = line.split(": ", 1)[1]
        status = int(lines[0].split(" ")[1])
        if headers.get("transfer-encoding") == "chunked":
            text = b""
            while True:
                size = int(await reader.readuntil(b"\r\n"), 16)
                text += (await reader.readexactly(size + 2))[:size]
                if size == 0:
                    break
        else:
            text = await reader.readexactly(int(headers["content-length"]))
        if headers["content-type"].startswith("text/event-stream"):
            # Whoever saw this saw the end.
            seen.ended = b"data: [DONE]" in text
            for line in text.decode().splitlines():
                if line.startswith("data: {"):
                    seen.usage = json.loads(line[6:]).get("usage") or seen.usage
        else:
            seen.ended = True
            seen.usage = json.loads(text).get("usage") or {}
        seen.status = status
    finally:
        writer.close()


async def keep_asking(port, key, random, callers, models, until, is_patient):
    """So many callers ask again and again until the event. One whose answer breaks off leaves,
    unless he is patient. Returns what they saw."""
    seen = []

    async def call(number):
        count = 0
        while not until.is_set():
            count += 1
            model, streamed = random.choice(models), random.random() < 0.5
            words = " ".join(f"word{random.randrange(1000)}" for _ in range(random.randrange(1, 9)))
            answer = await ask(port, key, model, f"{number}-{count} {words}", streamed)
            seen.append(answer)
            if not answer.ended and not is_patient:
                return
            # A caller who is refused does not hammer.
            if answer.status != 200:
                await asyncio.sleep(0.05)

    await asyncio.gather(*(call(number) for number in range(callers)))
    return seen
