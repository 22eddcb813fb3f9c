"""Random tiny models, and what Hugging Face transformers and PyTorch compute with them."""

import torch
from transformers import AutoConfig, AutoModelForCausalLM

VOCABULARY = 67
TOKENS = 40
SEED = 20251026
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


def make(options):
    """A model in f32 with the plainest attention there is. Its one-dimensional parameters, norms and
    biases, are none of them 1 or 0, so that each is seen to be applied."""
    torch.manual_seed(SEED)
    config = AutoConfig.for_model(**SHAPE | options)
    config._experts_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager")
    model.eval()
    with torch.no_grad():
        for _, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.uniform_(0.5, 1.5)
                # Gemma adds 1 to its norms.
                if config.model_type == "gemma3_text":
                    parameter.sub_(1)
    return model


def inputs():
    """Token ids, and what a loss weighs log-probs and entropies by."""
    ids = torch.randint(0, VOCABULARY, (3, TOKENS))
    return ids, torch.randn(3, TOKENS - 1), torch.rand(3, TOKENS - 1)


def compute(model, ids, w, v):
    """Logits, log-probs, entropies, and the gradients of  sum over tokens w_t log p(o_t) + v_t H_t."""
    model.zero_grad()
    logits = model(ids).logits.float()
    log_p = torch.log_softmax(logits[:, :-1], -1)
    token = log_p.gather(2, ids[:, 1:, None])[..., 0]
    entropy = -(log_p.exp() * log_p).sum(-1)
    (w * token + v * entropy).sum().backward()
    gradients = {key: p.grad.float().clone() for key, p in model.named_parameters()}
    return logits.detach(), token.detach(), entropy.detach(), gradients


def save(model, folder, **how):
    """Saves a model as transformers does."""
    model.save_pretrained(folder, **how)
    # Made anew from the configuration.
    (folder / "generation_config.json").unlink(missing_ok=True)


def expected(ids, w, v, computed):
    """What `expected.safetensors` has of a computation, its gradients left out."""
    logits, token, entropy, _ = computed
    return {
        "ids": ids.float(),
        "logits": logits.contiguous(),
        "logprobs": token.contiguous(),
        "entropies": entropy.contiguous(),
        "w": w,
        "v": v,
    }
