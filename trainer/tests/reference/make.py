#!/usr/bin/env python3
"""Makes the references of tests/reference.rs: random tiny models of each family, and what Hugging
Face transformers and PyTorch compute with them, in f32.

    trainer/fetch-reference.sh
    .servers/reference/bin/python trainer/tests/reference/make.py

A folder holds a model as transformers saves it and `expected.safetensors`: token ids, logits,
log-probs, entropies, the gradients of  sum over tokens w_t log p(o_t) + v_t H_t  with given weights
w and v, and how far transformers itself is from all that in bf16.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

HERE = Path(__file__).parent
VOCABULARY = 67
SHAPE = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    # Large enough for attention and rotary positions to matter.
    initializer_range=0.3,
    eos_token_id=1,
    bos_token_id=None,
)
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
    torch.manual_seed(20251026)
    rope = options.pop("rope_parameters", {"rope_type": "default", "rope_theta": 10000.0})
    config = AutoConfig.for_model(**options, **SHAPE, rope_parameters=rope)
    # Numbers in f32, with the plainest attention there is.
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager")
    model.eval()
    with torch.no_grad():
        # Norms other than 1 and biases other than 0, so that each is seen to be applied.
        for key, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.uniform_(0.5, 1.5)
    ids = torch.randint(0, VOCABULARY, (3, 40))
    w, v = torch.randn(3, 39), torch.rand(3, 39)

    def compute():
        model.zero_grad()
        logits = model(ids).logits.float()
        log_p = torch.log_softmax(logits[:, :-1], -1)
        token = log_p.gather(2, ids[:, 1:, None])[..., 0]
        entropy = -(log_p.exp() * log_p).sum(-1)
        (w * token + v * entropy).sum().backward()
        gradients = {key: p.grad.float().clone() for key, p in model.named_parameters()}
        return logits.detach(), token.detach(), entropy.detach(), gradients

    logits, token, entropy, gradients = compute()
    folder = HERE / name
    # The large checkpoints that people train come in shards with an index.
    model.save_pretrained(folder, max_shard_size="30KB" if name == "llama" else "50GB")
    # Made anew from the configuration.
    (folder / "generation_config.json").unlink(missing_ok=True)
    model.bfloat16()
    _, rounded_token, _, rounded = compute()
    norm = lambda values: torch.cat([x.flatten() for x in values]).norm()
    off = norm([rounded[key] - gradients[key] for key in gradients]) / norm(gradients.values())
    expected = {
        "ids": ids.float(),
        "logits": logits.contiguous(),
        "logprobs": token.contiguous(),
        "entropies": entropy.contiguous(),
        "w": w,
        "v": v,
        # Mean error of a log-probability, relative error of the whole gradient.
        "bf16": torch.stack([(rounded_token - token).abs().mean(), off]),
    } | {f"gradient.{key}": gradient for key, gradient in gradients.items()}
    save_file(expected, folder / "expected.safetensors")
    print(name, expected["bf16"].tolist())
