// The sinks that check are tested before anything is checked with them.
#include "collecting_sinks.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace handgrad;
using namespace handgrad::test;

namespace {

// Two rows of a block of which the matrix has 3 columns: 1 to 6.
std::vector<float> two_rows() {
    std::vector<float> values(2 * kBlockCols);
    for (Index j = 0; j < 3; ++j) {
        values[std::size_t(j)] = float(j + 1);
        values[std::size_t(kBlockCols + j)] = float(j + 4);
    }
    return values;
}

}  // namespace

TEST_CASE("a collecting sink has each element once, in its place") {
    CollectingTileSink sink(2, 3);
    sink.take(0, 0, two_rows());
    CHECK(sink.each_once());
    for (Index i = 0; i < 2; ++i)
        for (Index j = 0; j < 3; ++j) CHECK(sink.result(i, j) == float(3 * i + j + 1));
}

TEST_CASE("a collecting sink notices what is missing, comes twice, or lies outside") {
    CollectingTileSink missing(3, 3), twice(2, 3), below(1, 3), beside(2, 3), padding(2, 3);
    CHECK_FALSE(missing.each_once());
    missing.take(0, 0, two_rows());
    CHECK_FALSE(missing.each_once());

    twice.take(0, 0, two_rows());
    twice.take(1, 0, std::vector<float>(kBlockCols));
    CHECK_FALSE(twice.each_once());

    below.take(0, 0, two_rows());
    CHECK_FALSE(below.each_once());

    beside.take(0, 0, two_rows());
    beside.take(0, 1, two_rows());
    CHECK_FALSE(beside.each_once());

    std::vector<float> values = two_rows();
    values[3] = NAN;
    padding.take(0, 0, values);
    CHECK_FALSE(padding.each_once());
}
