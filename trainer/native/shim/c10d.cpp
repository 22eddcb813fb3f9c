// c10d, the engine under torch.distributed, over Gloo: what a group of processes does together.
// Every function returns null, or a message for retrial_free.

#include "c10d.h"

#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

// What is under way. It holds the tensors that it reads and writes.
struct RetrialWork {
    c10::intrusive_ptr<c10d::Work> work;
};

// The interface that the group talks over: the one of the environment, as torch has it; loopback if
// all ranks are here; or the one that this machine's name leads to.
static std::shared_ptr<gloo::transport::Device> device(const std::string &host) {
    const char *interface = std::getenv("GLOO_SOCKET_IFNAME");
    if (interface && *interface) return c10d::ProcessGroupGloo::createDeviceForInterface(interface);
    const bool here = host == "127.0.0.1" || host == "localhost";
    if (here) return c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1");
    return c10d::ProcessGroupGloo::createDefaultDevice();
}

// `serves`: whether the store, where ranks find each other, is in this process.
extern "C" char *retrial_c10d_join(const char *host, uint16_t port, bool serves, const char *prefix,
                                   int rank, int world, int64_t timeout_ms, RetrialGroup **group) {
    return attempt([&] {
        const std::chrono::milliseconds timeout(timeout_ms);
        c10d::TCPStoreOptions where;
        where.port = port;
        where.isServer = serves;
        where.waitWorkers = false;
        where.timeout = timeout;
        auto tcp = c10::make_intrusive<c10d::TCPStore>(host, where);
        auto store = c10::make_intrusive<c10d::PrefixStore>(prefix, tcp);
        auto options = c10d::ProcessGroupGloo::Options::create(timeout);
        options->devices.push_back(device(host));
        options->threads = 1;
        auto ranks = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, world, options);
        *group = new RetrialGroup{store, ranks};
    });
}

// What is under way is not waited for.
static void disconnect(RetrialGroup *group) {
    if (group->ranks) group->ranks->abort();
    group->ranks.reset();
}

extern "C" void retrial_c10d_leave(RetrialGroup *group) {
    attempt([&] {
        disconnect(group);
        delete group;
    });
}

// Disconnects, so that the others' operations fail, and leaves word in the store. Rank 0, which has the
// store, waits for the others' word and sets `there` for those that left it.
extern "C" void retrial_c10d_roll_call(RetrialGroup *group, int rank, int world,
                                       int64_t patience_ms, bool *there) {
    const auto key = [](int rank) { return "lost/" + std::to_string(rank); };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
    std::free(attempt([&] {
        disconnect(group);
        group->store->set(key(rank), std::vector<uint8_t>{1});
        while (rank == 0 && std::chrono::steady_clock::now() < deadline) {
            for (int other = 0; other < world; other++)
                there[other] = group->store->check({key(other)});
            if (std::all_of(there, there + world, [](bool is) { return is; })) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    }));
}

extern "C" char *retrial_c10d_all_reduce(RetrialGroup *group, const at::Tensor *tensor) {
    return attempt([&] {
        std::vector<at::Tensor> tensors{*tensor};
        group->ranks->allreduce(tensors)->wait();
    });
}

extern "C" char *retrial_c10d_broadcast(RetrialGroup *group, const at::Tensor *tensor, int root) {
    return attempt([&] {
        std::vector<at::Tensor> tensors{*tensor};
        c10d::BroadcastOptions options;
        options.rootRank = root;
        group->ranks->broadcast(tensors, options)->wait();
    });
}

// Begins it, and sets `work` for retrial_c10d_wait.
extern "C" char *retrial_c10d_reduce_scatter(RetrialGroup *group, const at::Tensor *share,
                                             const at::Tensor *whole, RetrialWork **work) {
    return attempt([&] {
        at::Tensor output = *share, input = *whole;
        *work = new RetrialWork{group->ranks->_reduce_scatter_base(output, input)};
    });
}

extern "C" char *retrial_c10d_wait(RetrialWork *work) {
    return attempt([&] { work->work->wait(); });
}

extern "C" void retrial_c10d_forget(RetrialWork *work) {
    attempt([&] { delete work; });
}

extern "C" char *retrial_c10d_all_gather(RetrialGroup *group, const at::Tensor *whole,
                                         const at::Tensor *share) {
    return attempt([&] {
        at::Tensor output = *whole, input = *share;
        group->ranks->_allgather_base(output, input)->wait();
    });
}

extern "C" char *retrial_c10d_barrier(RetrialGroup *group) {
    return attempt([&] { group->ranks->barrier()->wait(); });
}
