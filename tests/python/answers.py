"""Reading answers and streams."""


def user(text):
    """A message of the user."""
    return {"role": "user", "content": text}


def text_of(answer):
    """The text of a whole answer."""
    return answer["choices"][0]["message"].get("content") or ""


def streamed_text(chunks):
    """The text of a stream."""
    return "".join(delta.get("content") or "" for delta in deltas(chunks))


def deltas(chunks):
    """The deltas of the first choice."""
    return [choice["delta"] for chunk in chunks for choice in chunk["choices"][:1]]


def usages(chunks):
    """The usage objects in a stream."""
    return [chunk["usage"] for chunk in chunks if chunk.get("usage")]


def finishes(chunks):
    """The finish reasons in a stream."""
    choices = [choice for chunk in chunks for choice in chunk["choices"][:1]]
    return [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]


def streamed_calls(chunks):
    """Tool calls put together from a stream, as a whole answer has them."""
    calls = {}
    for delta in deltas(chunks):
        for piece in delta.get("tool_calls") or []:
            call = calls.setdefault(
                piece["index"],
                {"id": None, "type": "function", "function": {"name": "", "arguments": ""}},
            )
            call["id"] = piece.get("id") or call["id"]
            function = piece.get("function") or {}
            call["function"]["name"] += function.get("name") or ""
            call["function"]["arguments"] += function.get("arguments") or ""
    return [calls[index] for index in sorted(calls)]


def plain(call):
    """A tool call with nothing but what goes back."""
    function = call["function"]
    return {
        "id": call["id"],
        "type": "function",
        "function": {"name": function["name"], "arguments": function["arguments"]},
    }
