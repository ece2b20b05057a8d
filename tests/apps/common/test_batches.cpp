#include "../../../apps/common/batches.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <vector>

#include "../../../core/error.hpp"
#include "../../../core/parallel.hpp"

using namespace handgrad;
using handgrad::apps::Batches;

namespace {

// Pixel number i of all is (7 i + 1) mod 256.
IdxImages images_of(Index count, Index rows, Index cols) {
    IdxImages images{count, rows, cols, {}, {}};
    for (Index i = 0; i < count * rows * cols; ++i)
        images.pixels.push_back(static_cast<std::uint8_t>(7 * i + 1));
    return images;
}

using Order = std::vector<std::uint32_t>;

// The samples of all batches, one after the other.
Order order_of(const Batches& batches) {
    Order order;
    for (Index b = 0; b < batches.batches_per_epoch(); ++b) {
        const auto samples = batches.samples(b);
        order.insert(order.end(), samples.begin(), samples.end());
    }
    return order;
}

Order counted(Index n) {
    Order order;
    for (Index i = 0; i < n; ++i) order.push_back(static_cast<std::uint32_t>(i));
    return order;
}

// True if y is the float nearest to k / 255. With y = m * 2^-32 and m an integer, the distance is
// |255 m - k 2^32| in units of 2^-32 / 255; it must be at most half the distance of two floats
// around y. There are no ties, because 255 is odd.
bool is_correctly_rounded(float y, int k) {
    if (k == 0) return y == 0;
    const std::int64_t m = static_cast<std::int64_t>(std::ldexp(double(y), 32));
    const float next = std::nextafter(y, 2.0f);
    const std::int64_t spacing =
        static_cast<std::int64_t>(std::ldexp(double(next) - double(y), 32));
    const std::int64_t error = std::abs(255 * m - (std::int64_t{k} << 32));
    // Below a power of two the floats are twice as dense; only k = 255 gives one, without error.
    return 2 * error <= 255 * spacing;
}

}  // namespace

TEST_CASE("batches: a pixel k becomes k / 255, correctly rounded, for all 256 values") {
    IdxImages images{1, 16, 16, {}, {}};
    for (int k = 0; k < 256; ++k) images.pixels.push_back(static_cast<std::uint8_t>(k));
    const Batches batches(images, 1);
    Matrix x(1, 256);
    batches.load(0, x);
    for (int k = 0; k < 256; ++k) {
        CAPTURE(k);
        CHECK(is_correctly_rounded(x(0, k), k));
    }
    CHECK(x(0, 255) == 1.0f);
    CHECK_FALSE(is_correctly_rounded(std::nextafter(x(0, 100), 2.0f), 100));
    CHECK_FALSE(is_correctly_rounded(std::nextafter(x(0, 100), 0.0f), 100));
}

TEST_CASE("batches: the last one holds what is left") {
    const IdxImages images = images_of(10, 2, 3);
    struct Cut {
        Index batch_size, batches, last;
    };
    for (const Cut& cut : {Cut{4, 3, 2}, {5, 2, 5}, {9, 2, 1}, {10, 1, 10}, {1, 10, 1}}) {
        const Batches batches(images, cut.batch_size);
        REQUIRE(batches.batches_per_epoch() == cut.batches);
        for (Index b = 0; b + 1 < cut.batches; ++b)
            CHECK(Index(batches.samples(b).size()) == cut.batch_size);
        CHECK(Index(batches.samples(cut.batches - 1).size()) == cut.last);
        CHECK(order_of(batches) == counted(10));
    }
}

TEST_CASE("batches: every sample comes exactly once in an epoch") {
    const IdxImages images = images_of(1000, 1, 1);
    for (Index batch_size : {1, 7, 128, 1000}) {
        Batches batches(images, batch_size);
        for (std::uint32_t epoch : {1u, 2u, 3u}) {
            batches.start_epoch(5, epoch);
            Order order = order_of(batches);
            CHECK(order != counted(1000));
            std::sort(order.begin(), order.end());
            CHECK(order == counted(1000));
        }
        batches.start_sequential();
        CHECK(order_of(batches) == counted(1000));
    }
}

TEST_CASE("batches: seed and epoch determine the order, whatever came before") {
    const IdxImages images = images_of(300, 1, 1);
    Batches through(images, 32), resumed(images, 32), other_size(images, 7);
    std::vector<Order> orders;
    for (std::uint32_t epoch : {1u, 2u, 3u}) {
        through.start_epoch(9, epoch);
        orders.push_back(order_of(through));
    }
    resumed.start_epoch(9, 3);
    other_size.start_epoch(9, 3);
    CHECK(order_of(resumed) == orders[2]);
    CHECK(order_of(other_size) == orders[2]);
    CHECK(orders[0] != orders[1]);
    CHECK(orders[1] != orders[2]);
    resumed.start_epoch(10, 3);
    CHECK(order_of(resumed) != orders[2]);
}

TEST_CASE("batches: each row holds the pixels of its sample and nothing beside it is written") {
    const IdxImages images = images_of(37, 5, 9);
    Batches batches(images, 8);
    batches.start_epoch(1, 1);
    for (Index b = 0; b < batches.batches_per_epoch(); ++b) {
        const auto samples = batches.samples(b);
        const Index n = Index(samples.size());
        Matrix x(n + 1, 45 + 2);
        for (Index i = 0; i < x.rows(); ++i) std::fill_n(x.row(i), x.cols(), -1.0f);
        batches.load(b, x.view().middle_rows(0, n).middle_cols(0, 45));
        Index wrong = 0;
        for (Index i = 0; i < n; ++i) {
            for (Index j = 0; j < 45; ++j) {
                const std::size_t pixel =
                    samples[std::size_t(i)] * std::size_t{45} + std::size_t(j);
                wrong += x(i, j) != float(images.pixels[pixel]) / 255.0f;
            }
            wrong += x(i, 45) != -1.0f || x(i, 46) != -1.0f;
        }
        for (Index j = 0; j < 47; ++j) wrong += x(n, j) != -1.0f;
        CHECK(wrong == 0);
    }
}

TEST_CASE("batches: order and numbers do not depend on the number of threads") {
    const int before = thread_count();
    const IdxImages images = images_of(500, 28, 28);
    Matrix expected(200, 784), x(200, 784);
    Order order;
    for (int threads : {1, 2, 3, 8}) {
        set_thread_count(threads);
        Batches batches(images, 200);
        batches.start_epoch(3, 1);
        batches.load(1, threads == 1 ? expected : x);
        if (threads == 1) {
            order = order_of(batches);
            continue;
        }
        CHECK(order_of(batches) == order);
        Index wrong = 0;
        for (Index i = 0; i < 200; ++i)
            for (Index j = 0; j < 784; ++j) wrong += !(x(i, j) == expected(i, j));
        CHECK(wrong == 0);
    }
    set_thread_count(before);
}

TEST_CASE("batches: the order stays where it is, so that no epoch allocates") {
    const IdxImages images = images_of(10, 1, 1);
    Batches batches(images, 4);
    const std::uint32_t* const place = batches.samples(0).data();
    batches.start_epoch(1, 1);
    CHECK(batches.samples(0).data() == place);
    batches.start_sequential();
    CHECK(batches.samples(0).data() == place);
}

TEST_CASE("batches: sizes that do not fit are refused") {
    const IdxImages images = images_of(10, 2, 3);
    CHECK_THROWS_AS(Batches(images, 0), Error);
    CHECK_THROWS_AS(Batches(images, -1), Error);
    CHECK_THROWS_AS(Batches(images, std::numeric_limits<Index>::max()), Error);
    CHECK_THROWS_WITH_AS(
        Batches(images, 11),
        "batch size: out of range: found 11, expected 1 to the number of images, 10", Error);
    IdxImages torn = images_of(10, 2, 3);
    torn.pixels.pop_back();
    CHECK_THROWS_AS(Batches(torn, 4), Error);

    const Batches batches(images, 4);
    CHECK_THROWS_AS(batches.samples(-1), Error);
    CHECK_THROWS_AS(batches.samples(3), Error);
    Matrix too_few(3, 6), too_wide(4, 7), for_the_last(2, 6);
    CHECK_THROWS_AS(batches.load(0, too_few), Error);
    CHECK_THROWS_AS(batches.load(0, too_wide), Error);
    CHECK_THROWS_AS(batches.load(0, for_the_last), Error);
    CHECK_NOTHROW(batches.load(2, for_the_last));
}
