#!/usr/bin/env python3
"""Makes the references of suite/reference.rs: random tiny models of each family, and what Hugging
Face transformers and PyTorch compute with them, in f32.

    trainer/fetch-reference.sh
    .servers/reference/bin/python trainer/tests/reference/make.py

A folder holds a model as transformers saves it and `expected.safetensors`: token ids, logits,
log-probs, entropies, the gradients of  sum over tokens w_t log p(o_t) + v_t H_t  with given weights
w and v, and how far transformers itself is from all that in bf16.
"""

from pathlib import Path

import tiny
import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    # Short, so that frequencies of this head fall below, between and above.
    "original_max_position_embeddings": 32,
}
MODELS = {
    "untied": dict(model_type="qwen3", head_dim=16, tie_word_embeddings=False),
    "tied": dict(model_type="qwen3", head_dim=16, tie_word_embeddings=True),
    "qwen2": dict(model_type="qwen2", tie_word_embeddings=True),
    "llama": dict(model_type="llama", tie_word_embeddings=False, rope_parameters=LLAMA3),
    "llama_biased": dict(
        model_type="llama", head_dim=16, attention_bias=True, mlp_bias=True, tie_word_embeddings=True
    ),
}

for name, options in MODELS.items():
    rope = {"rope_type": "default", "rope_theta": 10000.0}
    model = tiny.make({"rope_parameters": rope} | options)
    ids, w, v = tiny.inputs()
    computed = tiny.compute(model, ids, w, v)
    _, token, _, gradients = computed
    folder = HERE / name
    # The large checkpoints that people train come in shards with an index.
    tiny.save(model, folder, max_shard_size="30KB" if name == "llama" else "50GB")
    model.bfloat16()
    _, rounded_token, _, rounded = tiny.compute(model, ids, w, v)
    norm = lambda values: torch.cat([x.flatten() for x in values]).norm()
    off = norm([rounded[key] - gradients[key] for key in gradients]) / norm(gradients.values())
    expected = tiny.expected(ids, w, v, computed) | {
        # Mean error of a log-probability, relative error of the whole gradient.
        "bf16": torch.stack([(rounded_token - token).abs().mean(), off]),
    }
    expected |= {f"gradient.{key}": gradient for key, gradient in gradients.items()}
    save_file(expected, folder / "expected.safetensors")
    print(name, expected["bf16"].tolist())
