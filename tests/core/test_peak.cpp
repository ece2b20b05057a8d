#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "../../core/error.hpp"
#include "../../core/kernels/table.hpp"
#include "../../core/machine.hpp"
#include "../../core/parallel.hpp"
#include "../../core/peak.hpp"
#include "../support/each_isa.hpp"
#include "../support/use_threads.hpp"

using namespace handgrad;
using namespace handgrad::test;

TEST_CASE("peak: the loop of fmas does as many as it says, and its results are used") {
    for_each_isa([&] {
        constexpr Index kSteps = 100;
        float sink = 0;
        const double operations = active_kernels().run_fmas(kSteps, &sink);
        // An fma is two operations, in 12 chains of vectors of 1, 2, 4, 8 or 16 numbers.
        const double width = operations / (2.0 * 12.0 * double(kSteps));
        CHECK((width == 1 || width == 2 || width == 4 || width == 8 || width == 16));
        // x / 2 + 1, many times, is 2 whatever x was.
        CHECK(sink == 12 * 2.0f);
        sink = 0;
        active_kernels().run_fmas(1, &sink);
        CHECK(sink == 11 * 12 / 2 * 0.5f + 12);  // c / 2 + 1 for c from 0 to 11
    });
}

TEST_CASE("peak: the loop of loads reads every number once") {
    for_each_isa([&] {
        float sink = 0;
        const double operations = active_kernels().run_fmas(1, &sink);
        const Index width = Index(operations) / 24;
        // The sum of the first lanes: every width-th number, in whole groups of 8 vectors.
        std::vector<float> x(std::size_t(8 * width * 5 + 8 * width - 1), 1000.0f);
        for (Index i = 0; i < 8 * width * 5; ++i)
            x[std::size_t(i)] = i % width == 0 ? float(i / width) : -1.0f;
        sink = 0;
        active_kernels().read_floats(x.data(), Index(x.size()), &sink);
        CHECK(sink == 39 * 40 / 2);  // 0 to 39
    });
}

TEST_CASE("peak: rates are finite and positive, and the number of threads stays") {
    const UseThreads threads(3);
    const double flops = measure_fma_peak(active_isa(), 2);
    CHECK((flops > 0 && std::isfinite(flops)));
    const double bytes = measure_read_bandwidth(active_isa(), 1, 1 << 14);
    CHECK((bytes > 0 && std::isfinite(bytes)));
    CHECK(thread_count() == 3);
    CHECK_THROWS_AS(measure_fma_peak(active_isa(), 0), Error);
    CHECK(thread_count() == 3);
}

TEST_CASE("the sizes of the caches are known or usual ones") {
    CHECK(l1_cache_bytes() >= 4 << 10);
    CHECK(l2_cache_bytes() >= l1_cache_bytes());
}
