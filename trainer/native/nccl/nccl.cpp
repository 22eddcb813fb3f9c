// c10d over NCCL, in a library of its own: it needs a libtorch for CUDA, and is loaded where there is
// a GPU.

#include "c10d.h"

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <cstdlib>

// A group of the same ranks as `others`, each of which gives one of its GPUs. All come at the same
// time. Returns null, or a message for retrial_free.
extern "C" char *retrial_c10d_join_nccl(const RetrialGroup *others, int rank, int world,
                                        int64_t timeout_ms, int device, RetrialGroup **group) {
    return attempt([&] {
        // A wait ends in an exception: without this the process would be ended by a thread of c10d's.
        setenv("TORCH_NCCL_BLOCKING_WAIT", "1", 1);
        auto store = c10::make_intrusive<c10d::PrefixStore>("nccl", others->store);
        auto options = c10d::ProcessGroupNCCL::Options::create();
        options->timeout = std::chrono::milliseconds(timeout_ms);
        auto ranks = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, world, options);
        const at::Device gpu(at::kCUDA, static_cast<c10::DeviceIndex>(device));
        ranks->setBoundDeviceId(gpu);
        ranks->eagerConnectSingleDevice(gpu);
        *group = new RetrialGroup{store, ranks};
    });
}
