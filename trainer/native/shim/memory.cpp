// What libtorch's allocator of a device has held at most.

#include <c10/core/CachingDeviceAllocator.h>

#include <cstdlib>
#include <cstring>

// Bytes that tensors took at most, and that were held for them. Returns null and sets both, or a
// message for retrial_free.
extern "C" char *retrial_peak_memory(int device, int64_t *taken, int64_t *held) try {
    auto stats = c10::getDeviceAllocator(c10::DeviceType::CUDA)->getDeviceStats(static_cast<c10::DeviceIndex>(device));
    const auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    *taken = stats.allocated_bytes[all].peak;
    *held = stats.reserved_bytes[all].peak;
    return nullptr;
} catch (const std::exception &error) {
    return strdup(error.what());
}
