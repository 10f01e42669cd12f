"""Killed at random moments: what a caller saw is in the books, once, and nothing else is.

TRUNKLINE_KILLS sets how often, TRUNKLINE_SEED which moments.
"""

import asyncio
import os
import random
import time

from load import keep_asking

KILLS = int(os.environ.get("TRUNKLINE_KILLS", "30"))
SEED = int(os.environ.get("TRUNKLINE_SEED", "20251126"))
CALLERS = 200
# Most take a while, so that they are under way when the kill comes.
MODELS = ["e2e/openai", "e2e/anthropic", "e2e/gemini"] + [
    f"e2e/{protocol}-drip" for protocol in ("openai", "anthropic", "gemini") for _ in range(3)
]


async def round_of_calls(node, chance, seconds):
    """Callers from now to the kill."""
    killed = asyncio.Event()
    calling = asyncio.create_task(
        keep_asking(node.port, node.key, chance, CALLERS, MODELS, killed, is_patient=False)
    )
    await asyncio.sleep(seconds)
    node.kill()
    killed.set()
    return await calling


def test_a_kill_at_any_moment_costs_no_record_and_doubles_none(simulator, node):
    chance = random.Random(SEED)
    print(f"TRUNKLINE_SEED={SEED} TRUNKLINE_KILLS={KILLS}")
    seen, cut_off, known = [], [], 0
    for kill in range(KILLS):
        # Now and then it does not even come to serve: the replay is interrupted.
        if chance.random() < 0.2:
            node.launch()
            time.sleep(chance.uniform(0, 0.3))
            node.kill()
            continue
        node.start()
        answers = asyncio.run(round_of_calls(node, chance, chance.uniform(0.1, 1.6)))
        bill = simulator.bill()["answers"]
        seen += answers
        cut_off.append((kill, sum(not answer.ended for answer in answers), bill[known:]))
        known = len(bill)
    node.start()
    node.wait_until_written()
    node.stop()
    check(simulator, node, seen, cut_off)


def check(simulator, node, seen, cut_off):
    rows = node.rows()
    node.check_sums(rows)
    ended = [answer for answer in seen if answer.ended]
    assert len(ended) > 3 * KILLS, "too few answers to say anything"
    for answer in ended:
        assert answer.status == 200, answer
        row = rows.get(answer.id)
        assert row is not None, f"seen to its end and not in the books: {answer}"
        assert int(row["native_tokens_prompt"]) == answer.usage["prompt_tokens"], answer
        assert int(row["native_tokens_completion"]) == answer.usage["completion_tokens"], answer
        assert int(row["total_cost"]) == round(answer.usage["cost"] * 1e9), answer

    bill = simulator.bill()
    billed = {answer["answer"]: answer for answer in bill["answers"]}
    assert len(billed) == len(bill["answers"])
    by_upstream = {}
    for row in rows.values():
        if row["upstream_id"]:
            assert row["upstream_id"] not in by_upstream, row
            by_upstream[row["upstream_id"]] = row
            answer = billed[row["upstream_id"]]
            counted = (int(row["native_tokens_prompt"]), int(row["native_tokens_completion"]))
            assert counted == (answer["prompt_tokens"], answer["output_tokens"]), (row, answer)

    # What the provider counted and the books do not have was under way at a kill: its caller,
    # one for each, did not see the end.
    lost = []
    for kill, unfinished, answers in cut_off:
        missing = [answer for answer in answers if answer["answer"] not in by_upstream]
        assert len(missing) <= unfinished, f"kill {kill}: {missing}"
        lost += missing
    tokens = sum(answer["prompt_tokens"] + answer["output_tokens"] for answer in lost)
    in_books = sum(
        int(row["native_tokens_prompt"]) + int(row["native_tokens_completion"])
        for row in rows.values()
    )
    assert in_books + tokens == bill["billable_tokens"]
    print(
        f"{len(seen)} requests, {len(ended)} seen to their end, {len(rows)} records; "
        f"{in_books} tokens in the books; under way at a kill: {len(lost)} answers, {tokens} tokens"
    )
    for outcome in sorted({answer["outcome"] for answer in lost}):
        alike = [answer for answer in lost if answer["outcome"] == outcome]
        print(f"under way at a kill, {outcome} for the provider: {len(alike)}, such as {alike[0]}")
