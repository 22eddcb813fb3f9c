#!/usr/bin/env python3
"""Makes the reference of tests/reference.rs: a random tiny Qwen3 and the logits that Hugging Face
transformers computes with it, in f32.

    pip install torch==2.11.0 transformers==5.23.0 safetensors
    python3 trainer/tests/reference/make.py

Two models: one with its own output matrix, one whose output matrix is the embedding.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Qwen3Config, Qwen3ForCausalLM

HERE = Path(__file__).parent
VOCABULARY = 67

for name, tied in [("untied", False), ("tied", True)]:
    torch.manual_seed(20251026)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=64,
        rope_theta=10000.0,
        tie_word_embeddings=tied,
        # Large enough for attention and rotary positions to matter.
        initializer_range=0.3,
        eos_token_id=1,
        bos_token_id=None,
    )
    model = Qwen3ForCausalLM(config).eval()
    with torch.no_grad():
        # Norms other than 1, so that each is seen to be applied.
        for key, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.uniform_(0.5, 1.5)
        ids = torch.randint(0, VOCABULARY, (3, 40))
        logits = model(ids).logits
    folder = HERE / name
    model.save_pretrained(folder)
    # Made anew from the configuration.
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_file({"ids": ids.float(), "logits": logits.contiguous()}, folder / "expected.safetensors")
