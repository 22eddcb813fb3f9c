#!/usr/bin/env python3
"""Makes the references of suite/families.rs: random tiny models of further families and rotary
scalings, and what Hugging Face transformers computes with them, in f32. As make.py, which see.

    trainer/fetch-reference.sh
    .servers/reference/bin/python trainer/tests/reference/families.py
"""

from pathlib import Path

import tiny
from safetensors.torch import save_file

HERE = Path(__file__).parent / "families"
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
    model = tiny.make({"pad_token_id": None} | options)
    ids, w, v = tiny.inputs()
    computed = tiny.compute(model, ids, w, v)
    logits, _, _, gradients = computed
    folder = HERE / name
    tiny.save(model, folder)
    expected = tiny.expected(ids, w, v, computed)
    for key, gradient in gradients.items():
        for part, piece in named(key, gradient):
            expected[f"gradient.{part}"] = piece.contiguous()
    save_file(expected, folder / "expected.safetensors")
    print(name, logits.std().item())
