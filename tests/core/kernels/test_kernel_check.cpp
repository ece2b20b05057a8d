// What the kernels are checked with is tested first.
#include <algorithm>

#include "kernel_check.hpp"

using namespace handgrad;
using namespace handgrad::test;

TEST_CASE("guards notice a write on either side, and values stay as they were given") {
    for (Index n : {0, 1, 16, 67}) {
        const std::vector<float> values = uniform_floats(n, -1, 1);
        Guarded array(values);
        CHECK(array.values() == values);
        CHECK(array.guards_intact());
        for (Index stray : {Index{-21}, Index{-1}, n, n + 20}) {
            Guarded written(values);
            written.data()[stray] = 0;
            CHECK_FALSE(written.guards_intact());
        }
        Guarded fresh(n);
        for (Index i = 0; i < n; ++i) CHECK(std::isnan(fresh[std::size_t(i)]));
    }
}

TEST_CASE("every length of a tail after whole vectors comes up, and none at all") {
    std::vector<Index> lengths;
    for_each_length([&](Index n) { lengths.push_back(n); });
    for (Index width : {1, 4, 8, 16})
        for (Index tail = 0; tail < width; ++tail)
            for (Index n : {tail, width + tail, 3 * width + tail})
                CHECK(std::count(lengths.begin(), lengths.end(), n) == 1);
}
