#include "kernel_check.hpp"

using namespace handgrad;
using namespace handgrad::test;
using kernels::KernelTable;

TEST_CASE("sum_rows adds every column from the first row down, in exactly that order") {
    for (Index rows : {0, 1, 2, 7, 33})
        for (bool accumulate : {false, true})
            for_each_length([&](Index cols) {
                CAPTURE(rows);
                CAPTURE(accumulate);
                CAPTURE(cols);
                const Index ldx = cols + 3;
                const std::vector<float> x = uniform_floats(rows * ldx, -1, 1, 1);
                const std::vector<float> before = uniform_floats(cols, -1, 1, 2);
                std::vector<float> want(cols);
                for (Index j = 0; j < cols; ++j) {
                    want[j] = accumulate ? before[j] : 0.0f;
                    for (Index i = 0; i < rows; ++i) want[j] += x[i * ldx + j];
                }
                for_each_table([&](const KernelTable& table) {
                    Guarded input(x), y(before);
                    table.sum_rows(input.data(), ldx, rows, cols, accumulate, y.data());
                    CHECK(y.values() == want);
                    CHECK(y.guards_intact());
                });
            });
}

TEST_CASE("sum_squares adds element j to lane j mod 16, and the lanes in the fixed tree") {
    for_each_length([](Index n) {
        CAPTURE(n);
        const std::vector<float> x = uniform_floats(n, -2, 2, 3);
        float lanes[16] = {};
        double truth = 0;
        for (Index j = 0; j < n; ++j) {
            lanes[j % 16] += x[j] * x[j];
            truth += double(x[j]) * x[j];
        }
        for (int half : {8, 4, 2, 1})
            for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
        CHECK(std::abs(lanes[0] - truth) <= (double(n) / 16 + 6) * kU * truth);
        for_each_table([&](const KernelTable& table) {
            Guarded input(x);
            CHECK(table.sum_squares(input.data(), n) == lanes[0]);
        });
    });
}

TEST_CASE("sum_squares shows a NaN in any place") {
    for_each_table([](const KernelTable& table) {
        for (Index place = 0; place < 37; ++place) {
            std::vector<float> x(37, 1.0f);
            x[place] = kNan;
            CHECK(std::isnan(table.sum_squares(x.data(), 37)));
        }
    });
}

TEST_CASE("scale multiplies in place") {
    for_each_length([](Index n) {
        CAPTURE(n);
        const std::vector<float> x = uniform_floats(n, -2, 2, 4);
        std::vector<float> want = x;
        for (float& value : want) value *= 0.3f;
        for_each_table([&](const KernelTable& table) {
            Guarded array(x);
            table.scale(0.3f, array.data(), n);
            CHECK(array.values() == want);
            CHECK(array.guards_intact());
        });
    });
}
