#!/usr/bin/env python3
"""Makes the references of suite/families.rs: random tiny models of further families and rotary
scalings, and what Hugging Face transformers computes with them, in f32. As make.py, which see.

    trainer/fetch-reference.sh
    .servers/reference/bin/python trainer/tests/reference/families.py
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

HERE = Path(__file__).parent / "families"
VOCABULARY = 67
TOKENS = 40
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
    pad_token_id=None,
)
ROPE = dict(rope_type="default", rope_theta=10000.0)
# Shorter than the sequences, so that windows matter.
WINDOW = 16
MODELS = {
    "mistral": dict(model_type="mistral", head_dim=16, sliding_window=WINDOW, rope_parameters=ROPE),
    # The second layer has no rotary positions.
    "smollm3": dict(model_type="smollm3", no_rope_layer_interval=2, rope_parameters=ROPE),
    "olmo2": dict(model_type="olmo2", rope_parameters=ROPE),
    "gemma3": dict(
        model_type="gemma3_text",
        head_dim=16,
        query_pre_attn_scalar=24,
        sliding_window=WINDOW,
        layer_types=["sliding_attention", "full_attention"],
    ),
    "qwen3_moe": dict(
        model_type="qwen3_moe",
        head_dim=16,
        num_experts=6,
        num_experts_per_tok=2,
        moe_intermediate_size=24,
        norm_topk_prob=True,
        rope_parameters=ROPE,
    ),
    # The second layer slides.
    "qwen3_window": dict(
        model_type="qwen3",
        head_dim=16,
        use_sliding_window=True,
        sliding_window=WINDOW,
        max_window_layers=1,
        rope_parameters=ROPE,
    ),
    "yarn": dict(
        model_type="qwen3",
        head_dim=16,
        rope_parameters=ROPE | dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16),
    ),
    "linear": dict(model_type="llama", rope_parameters=ROPE | dict(rope_type="linear", factor=2.0)),
    "dynamic": dict(model_type="llama", rope_parameters=ROPE | dict(rope_type="dynamic", factor=2.0)),
}


def named(name, tensor):
    """A parameter under the names that it has in files: transformers keeps all experts in one."""
    if name.endswith("experts.gate_up_proj"):
        of = name.removesuffix("gate_up_proj")
        for index, both in enumerate(tensor):
            gate, up = both.chunk(2)
            yield f"{of}{index}.gate_proj.weight", gate
            yield f"{of}{index}.up_proj.weight", up
    elif name.endswith("experts.down_proj"):
        of = name.removesuffix("down_proj")
        for index, down in enumerate(tensor):
            yield f"{of}{index}.down_proj.weight", down
    else:
        yield name, tensor


for name, options in MODELS.items():
    torch.manual_seed(20251026)
    config = AutoConfig.for_model(**SHAPE | options)
    config._experts_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager")
    model.eval()
    with torch.no_grad():
        # Norms that differ, so that each is seen to be applied.
        for key, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.uniform_(0.5, 1.5)
                if config.model_type == "gemma3_text":
                    parameter.sub_(1)
    ids = torch.randint(0, VOCABULARY, (3, TOKENS))
    w, v = torch.randn(3, TOKENS - 1), torch.rand(3, TOKENS - 1)
    logits = model(ids).logits
    log_p = torch.log_softmax(logits[:, :-1], -1)
    token = log_p.gather(2, ids[:, 1:, None])[..., 0]
    entropy = -(log_p.exp() * log_p).sum(-1)
    (w * token + v * entropy).sum().backward()
    folder = HERE / name
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    expected = {
        "ids": ids.float(),
        "logits": logits.detach().contiguous(),
        "logprobs": token.detach().contiguous(),
        "entropies": entropy.detach().contiguous(),
        "w": w,
        "v": v,
    }
    for key, parameter in model.named_parameters():
        for part, gradient in named(key, parameter.grad):
            expected[f"gradient.{part}"] = gradient.contiguous()
    save_file(expected, folder / "expected.safetensors")
    print(name, logits.std().item(), log_p.mean().item())
