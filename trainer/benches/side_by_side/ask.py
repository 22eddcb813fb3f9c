"""Sampled tokens a second of a server, at 1, 16 and 64 requests at once: the same prompts and lengths
for whatever server it is. Needs nothing but Python.

ask.py URL MODEL VOCABULARY [ROUNDS]
"""

import json
import random
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

RESPONSE = 63


def ask(url, model, prompt, seed):
    body = {
        "model": model, "prompt": prompt, "max_tokens": RESPONSE, "temperature": 1.0, "top_p": 1.0,
        "top_k": -1, "seed": seed, "logprobs": 0, "ignore_eos": True, "return_token_ids": True,
    }
    request = urllib.request.Request(
        url + "/v1/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)["usage"]["completion_tokens"]


def measure(url, model, vocabulary, at_once, round_):
    """Tokens a second from the first request to the last answer, prompts included."""
    prompts = []
    for index in range(at_once):
        draw = random.Random(1000 * round_ + index)
        prompts.append([draw.randrange(3, vocabulary) for _ in range(draw.randrange(40, 90))])
    with ThreadPoolExecutor(at_once) as pool:
        start = time.monotonic()
        tokens = sum(pool.map(lambda i: ask(url, model, prompts[i], i), range(at_once)))
        return tokens / (time.monotonic() - start)


def main():
    url, model, vocabulary = sys.argv[1], sys.argv[2], int(sys.argv[3])
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 2
    ask(url, model, [5, 6, 7], 0)
    best = {
        at_once: max(measure(url, model, vocabulary, at_once, round_) for round_ in range(rounds))
        for at_once in (1, 16, 64)
    }
    print(json.dumps(best))


main()
