#include "kernel_check.hpp"

using namespace handgrad;
using namespace handgrad::test;
using kernels::KernelTable;

namespace {

constexpr double kTwoPi = 6.283185307179586;

std::vector<std::uint32_t> random_words(Index n) {
    std::mt19937 generator(5);
    std::vector<std::uint32_t> words(n);
    for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(generator());
    return words;
}

}  // namespace

TEST_CASE("normal_from_bits is Box and Muller's transform of 24 bits of each word") {
    for_each_length([](Index pairs) {
        CAPTURE(pairs);
        std::vector<std::uint32_t> bits = random_words(2 * pairs);
        // The extremes: the largest radius, and the radius 0.
        if (pairs > 0) bits[0] = 0;
        if (pairs > 1) bits[2] = 0xffffffff, bits[3] = 0xffffffff;
        std::vector<double> want, radius;
        for (Index i = 0; i < pairs; ++i) {
            const double u1 = ((bits[2 * i] >> 8) + 1.0) / (1 << 24);
            const double u2 = (bits[2 * i + 1] >> 8) / double(1 << 24);
            radius.push_back(std::sqrt(-2 * std::log(u1)));
            want.push_back(radius.back() * std::cos(kTwoPi * u2));
            want.push_back(radius.back() * std::sin(kTwoPi * u2));
        }
        for_each_table([&](const KernelTable& table) {
            Guarded normal(2 * pairs);
            table.normal_from_bits(bits.data(), normal.data(), pairs);
            CHECK(normal.guards_intact());
            // The angle is rounded twice, sine and cosine are within 2^-23 = 2 u; the radius has
            // half the 4 u of its logarithm and the root's, and a product follows.
            if (pairs > 0)
                CHECK(near_elements(normal, want, [&](std::size_t i) {
                    return radius[i / 2] * (2 * kTwoPi + 2 + 4) * kU;
                }));
        });
        check_same_bits([&](const KernelTable& table) {
            std::vector<float> normal(2 * pairs);
            table.normal_from_bits(bits.data(), normal.data(), pairs);
            return normal;
        });
    });
}

TEST_CASE("normal_from_bits has the moments of a normal distribution") {
    constexpr Index kPairs = 100000;
    const std::vector<std::uint32_t> bits = random_words(2 * kPairs);
    for_each_table([&](const KernelTable& table) {
        std::vector<float> normal(2 * kPairs);
        table.normal_from_bits(bits.data(), normal.data(), kPairs);
        double moment[5] = {};
        for (float x : normal)
            for (int k = 1; k <= 4; ++k) moment[k] += std::pow(x, k) / (2 * kPairs);
        // Five standard errors: x^k has the variances 1, 2, 15 and 96.
        const double expected[] = {0, 0, 1, 0, 3}, variance[] = {0, 1, 2, 15, 96};
        for (int k = 1; k <= 4; ++k) {
            CAPTURE(k);
            CHECK(std::abs(moment[k] - expected[k]) <= 5 * std::sqrt(variance[k] / (2 * kPairs)));
        }
    });
}

TEST_CASE("pixels_to_float is k / 255, correctly rounded, for every k and length") {
    const auto check = [](Index n) {
        CAPTURE(n);
        std::vector<std::uint8_t> pixels(n);
        for (Index i = 0; i < n; ++i) pixels[i] = static_cast<std::uint8_t>(255 - i % 256);
        std::vector<float> want(n);
        for (Index i = 0; i < n; ++i) want[i] = static_cast<float>(pixels[i]) / 255.0f;
        for_each_table([&](const KernelTable& table) {
            Guarded y(n);
            table.pixels_to_float(pixels.data(), y.data(), n);
            CHECK(y.values() == want);
            CHECK(y.guards_intact());
        });
    };
    for_each_length(check);
    check(256);
}
