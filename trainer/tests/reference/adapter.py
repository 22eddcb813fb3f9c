#!/usr/bin/env python3
"""PEFT's side of tests/lora.rs.

    trainer/fetch-reference.sh
    .servers/reference/bin/python trainer/tests/reference/adapter.py

makes `lora`: an adapter of the model in `untied`, as PEFT saves it, and what PEFT computes with it.
With a folder and token ids it prints the log-probs of the ids after the first under the adapter in
the folder, as JSON.
"""

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent


def base(folder):
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    )


def logprobs(model, ids):
    scores = torch.log_softmax(model(ids).logits[:, :-1], -1)
    return scores.gather(2, ids[:, 1:, None])[..., 0]


if len(sys.argv) > 1:
    adapter = Path(sys.argv[1])
    config = json.loads((adapter / "adapter_config.json").read_text())
    model = PeftModel.from_pretrained(base(config["base_model_name_or_path"]), adapter)
    ids = torch.tensor([[int(id) for id in sys.argv[2:]]])
    print(json.dumps(logprobs(model.eval(), ids)[0].tolist()))
    sys.exit()

torch.manual_seed(20251026)
targets = ["q_proj", "v_proj", "o_proj", "gate_proj", "down_proj"]
config = LoraConfig(
    r=4, lora_alpha=8, target_modules=targets, init_lora_weights=False, task_type="CAUSAL_LM"
)
model = get_peft_model(base(HERE / "untied"), config).eval()
ids, w = torch.randint(0, 67, (1, 40)), torch.randn(1, 39)
found = logprobs(model, ids)
(w * found).sum().backward()
model.save_pretrained(HERE / "lora")
(HERE / "lora" / "README.md").unlink(missing_ok=True)
path = HERE / "lora" / "adapter_config.json"
config = json.loads(path.read_text())
config["base_model_name_or_path"] = "untied"
path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
expected = {"ids": ids.float(), "w": w, "logprobs": found.detach().contiguous()}
for name, parameter in model.named_parameters():
    if parameter.grad is not None:
        expected["gradient." + name.replace(".default", "")] = parameter.grad.contiguous()
save_file(expected, HERE / "lora" / "expected.safetensors")
