// What both libraries of the shim know of a group: this one, and the one over NCCL.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include <cstring>

struct RetrialGroup {
    c10::intrusive_ptr<c10d::Store> store;
    c10::intrusive_ptr<c10d::Backend> ranks;
};

// Returns null, or a message for retrial_free.
template <typename Work>
static char *attempt(Work work) {
    try {
        work();
        return nullptr;
    } catch (const std::exception &error) {
        return strdup(error.what());
    } catch (...) {
        return strdup("an exception of an unknown kind");
    }
}
