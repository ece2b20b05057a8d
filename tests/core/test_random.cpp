#include "../../core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <numeric>
#include <vector>

#include "../../core/error.hpp"
#include "../../core/isa.hpp"

using namespace handgrad;

namespace {

using Block = std::array<std::uint32_t, 4>;
constexpr std::uint64_t kSeed = 0x0123456789abcdef;

// Restores the instruction set that was active.
class IsaGuard {
  public:
    ~IsaGuard() { select_isa(before_); }

  private:
    Isa before_ = active_isa();
};

std::vector<float> normals(std::size_t count, std::uint64_t seed = kSeed,
                           Purpose purpose = Purpose::training_noise, std::uint32_t epoch = 1,
                           std::uint32_t sample = 0) {
    std::vector<float> values(count);
    fill_normal(seed, purpose, epoch, sample, values);
    return values;
}

std::vector<std::uint32_t> shuffled(std::size_t count, std::uint64_t seed, std::uint32_t epoch) {
    std::vector<std::uint32_t> order(count);
    shuffle(seed, epoch, order);
    return order;
}

// The words of a stream, straight from the definition.
std::uint32_t word(std::uint64_t seed, Purpose purpose, std::uint32_t epoch, std::uint32_t sample,
                   std::uint32_t element) {
    return philox(
        {element / 4, sample, epoch, static_cast<std::uint32_t>(purpose)},
        {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)})[element % 4];
}

}  // namespace

TEST_CASE("philox gives the published answers of Random123") {
    // Random123, tests/kat_vectors, the lines "philox4x32 10".
    CHECK(philox({0, 0, 0, 0}, {0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    const std::uint32_t f = 0xffffffff;
    CHECK(philox({f, f, f, f}, {f, f}) == Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
          Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("normals are Box-Muller of the words of their stream") {
    const std::vector<float> got = normals(1000, kSeed, Purpose::pictures, 3, 4711);
    for (std::uint32_t e = 0; e < got.size(); e += 2) {
        // The upper 24 bits of a word: u in (0, 1], so that its logarithm is finite, and the angle
        // in [0, 2 pi).
        const double u = ((word(kSeed, Purpose::pictures, 3, 4711, e) >> 8) + 1) * 0x1p-24;
        const double turn = (word(kSeed, Purpose::pictures, 3, 4711, e + 1) >> 8) * 0x1p-24;
        const double radius = std::sqrt(-2 * std::log(u)), angle = 2 * std::numbers::pi * turn;
        // In units of 2^-24 of the radius: 2 pi rounded to float and its product with the turn move
        // the angle by up to 3 + 2 pi; log, sqrt, sine or cosine and their product take 1 or 2
        // each.
        const double bound = 16 * 0x1p-24 * radius;
        CHECK(std::abs(got[e] - radius * std::cos(angle)) <= bound);
        CHECK(std::abs(got[e + 1] - radius * std::sin(angle)) <= bound);
    }
}

TEST_CASE("normals have the moments of N(0, 1)") {
    // The mean of x^p over n draws has the standard deviation sqrt(var(x^p) / n), with
    // var(x) = 1, var(x^2) = 2, var(x^3) = 15, var(x^4) = 96. Five of them is one seed in a
    // million.
    const std::vector<float> x = normals(1 << 20);
    const double n = static_cast<double>(x.size());
    double sums[4] = {};
    for (const double value : x)
        for (int p = 0; p < 4; ++p) sums[p] += std::pow(value, p + 1);
    const double means[4] = {0, 1, 0, 3}, variances[4] = {1, 2, 15, 96};
    for (int p = 0; p < 4; ++p) {
        CAPTURE(p + 1);
        CHECK(std::abs(sums[p] / n - means[p]) <= 5 * std::sqrt(variances[p] / n));
    }
}

TEST_CASE("normals follow the normal distribution (Kolmogorov and Smirnov)") {
    std::vector<float> x = normals(1 << 18, kSeed + 1);
    std::sort(x.begin(), x.end());
    const double n = static_cast<double>(x.size());
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double expected = std::erfc(-x[i] / std::sqrt(2.0)) / 2;
        const double below = static_cast<double>(i) / n;
        worst = std::max({worst, std::abs(expected - below), std::abs(expected - below - 1 / n)});
    }
    // P(sqrt(n) D > d) is about 2 exp(-2 d^2): one in a million for this d.
    CHECK(std::sqrt(n) * worst <= std::sqrt(std::log(2e6) / 2));
}

TEST_CASE("neighbours, samples, epochs, purposes and seeds are uncorrelated") {
    const std::size_t n = 1 << 18;
    const std::vector<float> x = normals(n + 1);
    const std::vector<float> others[] = {
        std::vector<float>(x.begin() + 1, x.end()),
        normals(n, kSeed, Purpose::training_noise, 1, 1),
        normals(n, kSeed, Purpose::training_noise, 2, 0),
        normals(n, kSeed, Purpose::validation_noise, 1, 0),
        normals(n, kSeed + 1),
        normals(n, kSeed + (std::uint64_t{1} << 32)),
    };
    for (const auto& y : others) {
        double sum = 0, sum_of_squares = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const double a = x[i], b = y[i];
            sum += a * b;
            sum_of_squares += a * a * b * b;
        }
        // Products of independent normals have mean 0; those of their squares, mean 1 and
        // variance 3 * 3 - 1 = 8.
        const double root = std::sqrt(static_cast<double>(n));
        CHECK(std::abs(sum) <= 5 * root);
        CHECK(std::abs(sum_of_squares - static_cast<double>(n)) <= 5 * std::sqrt(8.0) * root);
    }
}

TEST_CASE("a stream does not depend on how many of its numbers are asked for") {
    const std::vector<float> all = normals(200);
    for (std::size_t count = 0; count <= all.size(); ++count) {
        const std::vector<float> some = normals(count);
        CHECK(std::equal(some.begin(), some.end(), all.begin()));
    }
}

TEST_CASE("fill_normal writes nothing beyond its span") {
    for (std::size_t count : {0, 1, 2, 3, 63, 64, 65}) {
        std::vector<float> buffer(count + 2, 99.0f);
        fill_normal(kSeed, Purpose::pictures, 0, 0, {buffer.data() + 1, count});
        CHECK(buffer.front() == 99.0f);
        CHECK(buffer.back() == 99.0f);
    }
}

TEST_CASE("the noise of a sample does not depend on its place in the batch") {
    const std::vector<std::uint32_t> batch = {7, 59999, 0, 12, 7}, other = {12, 59999};
    for (const Index latent : {1, 2, 3, 20, 65}) {
        Matrix noise(5, latent), some(2, latent);
        fill_noise(kSeed, Purpose::training_noise, 9, batch, noise);
        fill_noise(kSeed, Purpose::training_noise, 9, other, some);
        const auto bytes = static_cast<std::size_t>(latent) * sizeof(float);
        CHECK(std::memcmp(noise.row(3), some.row(0), bytes) == 0);
        CHECK(std::memcmp(noise.row(1), some.row(1), bytes) == 0);
        CHECK(std::memcmp(noise.row(0), noise.row(4), bytes) == 0);
        CHECK(std::memcmp(noise.row(0), noise.row(2), bytes) != 0);
        const auto alone =
            normals(static_cast<std::size_t>(latent), kSeed, Purpose::training_noise, 9, 59999);
        CHECK(std::memcmp(noise.row(1), alone.data(), bytes) == 0);
    }
    Matrix wrong(4, 2);
    CHECK_THROWS_AS(fill_noise(kSeed, Purpose::training_noise, 9, batch, wrong), Error);
}

TEST_CASE("normals have the same bits on every instruction set but sse2") {
    const IsaGuard guard;
    select_isa(Isa::scalar);
    const std::vector<float> want = normals(4099);
    for (const Isa isa : supported_isas()) {
        CAPTURE(isa_name(isa));
        select_isa(isa);
        const std::vector<float> got = normals(4099);
        if (isa != Isa::sse2) {
            CHECK(std::memcmp(got.data(), want.data(), want.size() * sizeof(float)) == 0);
        } else {
            for (std::size_t e = 0; e < want.size(); ++e)
                CHECK(std::abs(got[e] - want[e]) <= 1e-5f * (1 + std::abs(want[e])));
        }
    }
}

TEST_CASE("uniform numbers are the words of the stream, scaled with one rounding") {
    const float low = -0.067f, high = 0.067f;
    Matrix values(5, 7);
    fill_uniform(kSeed, Purpose::initial_weights, 0, 3, low, high, values);
    for (Index i = 0; i < 5; ++i) {
        for (Index j = 0; j < 7; ++j) {
            const std::uint32_t bits = word(kSeed, Purpose::initial_weights, 0, 3,
                                            static_cast<std::uint32_t>(i * 7 + j)) >>
                                       8;
            // Exact in double: 24 bits times 24 bits, plus a number of the same scale.
            const double exact = double{high - low} * (bits * 0x1p-24) + double{low};
            CHECK(values(i, j) == static_cast<float>(exact));
        }
    }
}

TEST_CASE("uniform numbers stay in their interval and fill it evenly") {
    Matrix values(256, 1024);
    fill_uniform(kSeed, Purpose::initial_weights, 0, 0, -3.0f, 5.0f, values);
    constexpr int kBins = 64;
    std::vector<double> counts(kBins);
    for (Index i = 0; i < values.rows(); ++i) {
        for (Index j = 0; j < values.cols(); ++j) {
            const double u = (values(i, j) + 3.0) / 8.0;
            REQUIRE((u >= 0 && u < 1));
            ++counts[static_cast<std::size_t>(u * kBins)];
        }
    }
    const double expected = 256.0 * 1024 / kBins;
    double chi_square = 0;
    for (const double count : counts)
        chi_square += (count - expected) * (count - expected) / expected;
    // Mean kBins - 1, variance 2 (kBins - 1): 5.5 deviations leave about one seed in a million,
    // the distribution being skew. Too even is as suspect as too uneven.
    const double degrees = kBins - 1;
    CHECK(std::abs(chi_square - degrees) <= 5.5 * std::sqrt(2 * degrees));
}

TEST_CASE("an element of a uniform tensor does not depend on the leading dimension") {
    Matrix wide(4, 40), narrow(4, 6);
    fill_uniform(kSeed, Purpose::initial_weights, 0, 1, 0, 1, wide.view().middle_cols(0, 6));
    fill_uniform(kSeed, Purpose::initial_weights, 0, 1, 0, 1, narrow);
    for (Index i = 0; i < 4; ++i) {
        CHECK(std::equal(narrow.row(i), narrow.row(i) + 6, wide.row(i)));
        CHECK(wide(i, 6) == 0);
    }
}

TEST_CASE("shuffle gives a permutation that depends on seed and epoch alone") {
    const auto order = shuffled(60000, kSeed, 1);
    auto sorted = order;
    std::sort(sorted.begin(), sorted.end());
    for (std::uint32_t i = 0; i < sorted.size(); ++i) REQUIRE(sorted[i] == i);

    auto again = order;  // what stood there before does not matter
    shuffle(kSeed, 1, again);
    CHECK(again == order);
    CHECK(shuffled(60000, kSeed, 2) != order);
    CHECK(shuffled(60000, kSeed + 1, 1) != order);
    CHECK(shuffled(0, kSeed, 1).empty());
    CHECK(shuffled(1, kSeed, 1) == std::vector<std::uint32_t>{0});
}

TEST_CASE("shuffle swaps from the last element down, by the words of its stream") {
    std::vector<std::uint32_t> want(10);
    std::iota(want.begin(), want.end(), 0u);
    for (std::uint32_t i = 9; i > 0; --i) {
        const double fraction = word(kSeed, Purpose::shuffle, 4, 0, i) * 0x1p-32;
        std::swap(want[i], want[static_cast<std::size_t>(std::floor(fraction * (i + 1)))]);
    }
    CHECK(shuffled(10, kSeed, 4) == want);
}

TEST_CASE("every permutation of four elements comes up equally often") {
    std::vector<double> counts(256);
    const std::uint32_t epochs = 24000;
    for (std::uint32_t epoch = 0; epoch < epochs; ++epoch) {
        const auto p = shuffled(4, kSeed, epoch);
        ++counts[p[0] + 4 * p[1] + 16 * p[2] + 64 * p[3]];
    }
    double chi_square = 0;
    int seen = 0;
    for (const double count : counts) {
        if (count == 0) continue;
        ++seen;
        chi_square += (count - 1000) * (count - 1000) / 1000;
    }
    CHECK(seen == 24);
    CHECK(std::abs(chi_square - 23) <= 6 * std::sqrt(2.0 * 23));
}
