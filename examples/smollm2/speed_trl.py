"""Seconds a step of TRL's GRPOTrainer on the same model, prompts, group size and lengths as gpu.toml, and as
many rollouts as its first trials have.

Usage: python speed_trl.py MODEL PROMPTS [REHEARSE]          (PROMPTS: what `retrial prompts` wrote)
"""

import json
import sys
import time

import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

model, prompts, rehearse = sys.argv[1], sys.argv[2], sys.argv[3:] not in ([], [""])
problems, group, tokens, steps = (6, 2, 48, 1) if rehearse else (60, 8, 160, 4)


def rows():
    for line in open(prompts):
        row = json.loads(line)
        yield {"prompt": [{"role": "user", "content": row["prompt"]}], "answer": row["answer"]}


def reward(completions, answer, **_):
    said = [completion[0]["content"] for completion in completions]
    return [float(f"\\boxed{{{right}}}" in text) for text, right in zip(said, answer)]


class Clock(TrainerCallback):
    seconds = []

    def on_step_begin(self, *_, **__):
        self.begun = time.time()

    def on_step_end(self, *_, **__):
        self.seconds.append(time.time() - self.begun)


on_gpu = torch.cuda.is_available() and not rehearse
settings = GRPOConfig(
    output_dir="trl", max_steps=steps, per_device_train_batch_size=problems * group,
    num_generations=group, max_completion_length=tokens, temperature=1.0, learning_rate=1e-5, beta=0.0,
    bf16=on_gpu, use_cpu=not on_gpu, save_strategy="no", report_to=[], logging_steps=1,
)
trainer = GRPOTrainer(
    model=model, reward_funcs=reward, args=settings, train_dataset=Dataset.from_list(list(rows())),
    callbacks=[Clock()],
)
trainer.train()
later = Clock.seconds[1:] or Clock.seconds
print(f"TRL: {sum(later) / len(later):.2f} seconds a step, the first of {steps} aside")
