// Attention over packed sequences by libtorch's flash kernel, which tch does not bind.

#include <ATen/core/Tensor.h>
#include <ATen/ops/_flash_attention_forward.h>

#include <cstdlib>
#include <cstring>
#include <tuple>

// Causal attention inside each sequence. `starts` has where each begins, and the end of the last.
// Returns null and sets `attended`, or a message for retrial_free.
extern "C" char *retrial_flash_attention(const at::Tensor *q, const at::Tensor *k, const at::Tensor *v,
                                         const at::Tensor *starts, int64_t longest,
                                         at::Tensor **attended) try {
    const bool causal = true, masks = false;
    auto all = at::_flash_attention_forward(*q, *k, *v, *starts, *starts, longest, longest, 0.0, causal, masks);
    *attended = new at::Tensor(std::get<0>(std::move(all)));
    return nullptr;
} catch (const std::exception &error) {
    return strdup(error.what());
}

extern "C" void retrial_free(char *message) {
    free(message);
}
