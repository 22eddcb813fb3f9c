"""Whether the log-probabilities that a run of examples/smollm2/tiny.toml sampled with are those of
transformers, with prompts by its own tokenizer and chat template.

Usage: python smollm2_logprobs.py LOG, from the root of the repository.
"""

import json
import sqlite3
import struct
import subprocess
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

START = "target/smollm2/tiny/start"
RESPONSES = """
    SELECT problem_text, prompt_tokens, token_ids, logprobs
    FROM (SELECT id, text AS problem_text FROM problems) JOIN rollouts ON id = problem
    JOIN responses USING (run, step, problem, trial, position)
    WHERE version = 0 AND step = 1 AND trial = 'first'
"""


def prompt_of(problem):
    lines = subprocess.run(
        ["target/debug/retrial", "prompts", "examples/smollm2/tiny.toml", "-"],
        input=json.dumps({"problem": problem}), stdout=subprocess.PIPE, text=True, check=True,
    )
    return json.loads(lines.stdout)["prompt"]


log = sqlite3.connect(sys.argv[1])
tokenizer = AutoTokenizer.from_pretrained(START)
model = AutoModelForCausalLM.from_pretrained(START, dtype=torch.float32)
worst, responses = 0.0, 0
for problem, prompt_tokens, ids, logprobs in log.execute(RESPONSES):
    message = [{"role": "user", "content": prompt_of(problem)}]
    text = tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
    prompt = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert len(prompt) == prompt_tokens, (len(prompt), prompt_tokens, text)
    ids = list(struct.unpack(f"<{len(ids) // 4}I", ids))
    logprobs = torch.tensor(struct.unpack(f"<{len(logprobs) // 4}f", logprobs))
    with torch.no_grad():
        logits = model(torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1]
    own = logits.log_softmax(-1).gather(1, torch.tensor(ids)[:, None])[:, 0]
    worst = max(worst, float((own - logprobs).abs().max()))
    responses += 1
print(f"{responses} responses, largest difference from transformers {worst:.1e} nats")
assert responses > 0 and worst < 1e-3
