#!/usr/bin/env python3
"""The update of main.rs as a plain PyTorch + transformers loop makes it: batches padded to their
longest response, old log-probs in a pass of their own, AdamW. `trainer/fetch-reference.sh` puts
what it needs, in pinned versions, where main.rs looks for it.

It reads the model's folder and the batch, recorded as JSON, and prints one line of JSON.
"""

import json
import resource
import sys
import time

import torch
from transformers import AutoModelForCausalLM

# transformers asks even without a GPU, and the stand-ins for CUDA have no answer.
torch.cuda.is_current_stream_capturing = lambda: False

folder, batch_file = sys.argv[1:3]
rounds, micro_batch, mini_batches = map(int, sys.argv[3:])
torch.set_num_threads(1)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
model.config.use_cache = False
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, weight_decay=0.01, fused=True)
with open(batch_file) as file:
    samples = json.load(file)


def collate(chosen):
    """Prompts padded on the left, responses on the right, as TRL does."""
    prompt = max(len(sample["prompt"]) for sample in chosen)
    response = max(len(sample["response"]) for sample in chosen)
    ids = torch.zeros(len(chosen), prompt + response, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, sample in enumerate(chosen):
        tokens = sample["prompt"] + sample["response"]
        start = prompt - len(sample["prompt"])
        ids[row, start : start + len(tokens)] = torch.tensor(tokens)
        mask[row, start : start + len(tokens)] = 1
    advantages = torch.tensor([sample["advantage"] for sample in chosen])
    return ids, mask, mask[:, prompt:], advantages, response


batches = [collate(samples[i : i + micro_batch]) for i in range(0, len(samples), micro_batch)]
share = len(batches) // mini_batches


def logprobs(ids, mask, response):
    # Logits of the response only, as TRL asks for them.
    logits = model(input_ids=ids, attention_mask=mask, logits_to_keep=response + 1).logits[:, :-1]
    return torch.log_softmax(logits, -1).gather(2, ids[:, -response:, None])[..., 0]


def update():
    with torch.no_grad():
        old = [logprobs(ids, mask, response) for ids, mask, _, _, response in batches]
    values, norms = [], []
    for start in range(0, len(batches), share):
        chosen = list(zip(batches, old))[start : start + share]
        total = sum(learned.sum() for (_, _, learned, _, _), _ in chosen)
        optimizer.zero_grad()
        value = 0.0
        for (ids, mask, learned, advantages, response), before in chosen:
            ratio = (logprobs(ids, mask, response) - before).exp()
            a = advantages[:, None]
            surrogate = torch.minimum(ratio * a, ratio.clamp(0.8, 1.2) * a)
            loss = -(surrogate * learned).sum() / total
            loss.backward()
            value += loss.item()
        values.append(value)
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item())
        optimizer.step()
    return sum(values) / len(values), sum(norms) / len(norms)


def timed():
    clock = time.process_time()
    update()
    return time.process_time() - clock


loss, norm = update()
seconds = min(timed() for _ in range(rounds))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peak_mib": peak, "loss": loss, "grad_norm": norm}))
