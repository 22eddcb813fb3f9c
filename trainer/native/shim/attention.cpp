// Attention over packed sequences by libtorch's flash kernel, which tch does not bind.

#include <ATen/core/Tensor.h>
#include <ATen/ops/_flash_attention_forward.h>

#include <cstdlib>
#include <cstring>
#include <tuple>

// Causal attention inside each sequence. `query_starts` and `key_starts` have where the queries and the keys
// of each begin, and the end of the last; where there are more keys, the queries are the last tokens.
// Returns null and sets `attended`, or a message for retrial_free.
extern "C" char *retrial_flash_attention(const at::Tensor *q, const at::Tensor *k, const at::Tensor *v,
                                         const at::Tensor *query_starts, const at::Tensor *key_starts,
                                         int64_t longest_query, int64_t longest_key, at::Tensor **attended) try {
    const bool causal = true, masks = false;
    auto all = at::_flash_attention_forward(*q, *k, *v, *query_starts, *key_starts, longest_query, longest_key, 0.0,
                                            causal, masks);
    *attended = new at::Tensor(std::get<0>(std::move(all)));
    return nullptr;
} catch (const std::exception &error) {
    return strdup(error.what());
}

extern "C" void retrial_free(char *message) {
    free(message);
}
