// What the tests of the element-wise kernels share: arrays that notice stray writes, and the
// comparison of the instruction sets with one another.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "../../../core/isa.hpp"
#include "../../../core/kernels/table.hpp"
#include "../../support/near.hpp"

namespace handgrad::test {

// Unit roundoff of float: a correctly rounded operation has a relative error of at most this.
inline constexpr double kU = 0x1p-24;
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

// n floats with NaNs before and after them. As an output it starts as NaNs too, so that a missing
// write is seen; as an input it spoils the result of a kernel that uses what lies beyond the end.
class Guarded {
  public:
    explicit Guarded(Index n) : memory_(n + 2 * kGuard, kNan) {}
    explicit Guarded(const std::vector<float>& values) : Guarded(std::ssize(values)) {
        std::copy(values.begin(), values.end(), data());
    }
    float* data() { return memory_.data() + kGuard; }
    std::size_t size() const { return memory_.size() - 2 * kGuard; }
    float operator[](std::size_t i) const { return memory_[kGuard + i]; }
    std::vector<float> values() const { return {memory_.begin() + kGuard, memory_.end() - kGuard}; }
    bool guards_intact() const {
        const std::vector<float> untouched(kGuard, kNan);
        const std::size_t bytes = kGuard * sizeof(float);
        return std::memcmp(memory_.data(), untouched.data(), bytes) == 0 &&
               std::memcmp(memory_.data() + memory_.size() - kGuard, untouched.data(), bytes) == 0;
    }

  private:
    // Odd, so that the array is not aligned to vectors; more than one vector.
    static constexpr Index kGuard = 21;
    std::vector<float> memory_;
};

inline std::vector<float> uniform_floats(Index n, float low, float high, unsigned seed = 1) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> uniform(low, high);
    std::vector<float> values(n);
    for (float& value : values) value = uniform(generator);
    return values;
}

// Every tail after none to four vectors of the widest kind, and a row of pixels.
template <class Body>
void for_each_length(Body&& body) {
    for (Index n = 0; n <= 67; ++n) body(n);
    body(784);
}

// body(table) for every instruction set, its name in every failure message.
template <class Body>
void for_each_table(Body&& body) {
    for (Isa isa : supported_isas()) {
        const char* name = isa_name(isa);
        CAPTURE(name);
        body(kernel_table(isa));
    }
}

// Whether the instruction set is one of those that compute the same bits.
inline bool has_fma(Isa isa) { return isa != Isa::sse2; }

// outputs(table), a vector of floats, has the same bytes for every instruction set with fma.
template <class Outputs>
void check_same_bits(Outputs&& outputs) {
    const std::vector<float> want = outputs(kernel_table(Isa::scalar));
    for_each_table([&](const kernels::KernelTable& table) {
        if (!has_fma(table.isa)) return;
        const std::vector<float> got = outputs(table);
        REQUIRE(got.size() == want.size());
        for (std::size_t i = 0; i < want.size(); ++i) {
            if (std::memcmp(&got[i], &want[i], sizeof(float)) == 0) continue;
            FAIL_CHECK("element ", i, " is ", got[i], ", and ", want[i], " on scalar");
            break;
        }
    });
}

// One array after another, for check_same_bits.
inline std::vector<float> concatenated(std::initializer_list<std::vector<float>> parts) {
    std::vector<float> all;
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

}  // namespace handgrad::test
