#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "../../core/error.hpp"
#include "../../core/reference_losses.hpp"
#include "../../losses/softmax_cross_entropy.hpp"
#include "../support/convert.hpp"
#include "../support/each_isa.hpp"
#include "../support/gradcheck.hpp"
#include "../support/near.hpp"
#include "../support/use_threads.hpp"

using namespace handgrad;
using namespace handgrad::test;

namespace {

// The largest logit is taken off in float (one rounding of a logit of at most 16: 2^-21), then exp
// and log1p are within 2 units in the last place; the rest is done in double.
constexpr double kTolerance = 4 * 0x1p-21;

const Index kClasses[] = {1, 2, 10, 15, 16, 17, 63, 64, 65, 200};

std::vector<std::uint32_t> labels_for(Index rows, Index classes) {
    std::vector<std::uint32_t> labels;
    for (Index i = 0; i < rows; ++i) labels.push_back(std::uint32_t((7 * i + 3) % classes));
    return labels;
}

}  // namespace

TEST_CASE("softmax cross-entropy: loss and gradient against the reference") {
    for (Index classes : kClasses) {
        const Matrix logits = random_matrix(9, classes, 1, -8, 8);
        const auto labels = labels_for(9, classes);
        const RealTensor a = to_tensor(logits);
        const double loss = reference::softmax_cross_entropy(a, labels);
        const RealTensor gradient = complex_step_gradient(
            [&](const ComplexTensor& moved) {
                return reference::softmax_cross_entropy(moved, labels);
            },
            a);
        for_each_isa([&] {
            CAPTURE(classes);
            Matrix dlogits(9, classes);
            fill(dlogits, std::numeric_limits<float>::quiet_NaN());
            const double got = softmax_cross_entropy(logits, labels, dlogits);
            CHECK(std::abs(got - loss) <= kTolerance * std::abs(loss));
            for (Index i = 0; i < 9; ++i) {
                double sum = 0;
                for (Index j = 0; j < classes; ++j) {
                    CHECK(std::abs(dlogits(i, j) - gradient(i, j)) <=
                          kTolerance * std::abs(gradient(i, j)) + 1e-30);
                    sum += double(dlogits(i, j));
                }
                // Each of them is rounded once more, to float: they are below 1/9.
                CHECK(std::abs(sum) <= double(classes) * 0x1p-28);
            }
            CHECK(softmax_cross_entropy(logits, labels, {}) == got);
        });
    }
}

TEST_CASE("softmax cross-entropy: the reference's gradient is its complex-step derivative") {
    RealTensor a = to_tensor(random_matrix(4, 6, 3, -3, 3));
    a[5] = 40;
    a[7] = -40;
    const auto labels = labels_for(4, 6);
    CHECK(gradients_agree(reference::softmax_cross_entropy_backward(0.7, a, labels),
                          complex_step_gradient(
                              [&](const ComplexTensor& moved) {
                                  return 0.7 * reference::softmax_cross_entropy(moved, labels);
                              },
                              a)));
}

TEST_CASE("softmax cross-entropy: known values") {
    for_each_isa([&] {
        Matrix logits(2, 4), dlogits(2, 4);
        const std::vector<std::uint32_t> labels{1, 3};
        // All logits are equal: every class has 1/4.
        for (float level : {0.0f, 3.5f, -1e30f}) {
            for (Index i = 0; i < 2; ++i)
                for (Index j = 0; j < 4; ++j) logits(i, j) = level;
            CHECK(std::abs(softmax_cross_entropy(logits, labels, dlogits) - std::log(4.0)) <=
                  kTolerance);
            CHECK(dlogits(0, 0) == 0.125f);
            CHECK(dlogits(0, 1) == -0.375f);
            CHECK(dlogits(1, 3) == -0.375f);
        }
        // Two of three for the label: loss log(3/2), with one logit of log 2 and one of 0.
        Matrix pair(1, 2), dpair(1, 2);
        pair(0, 0) = float(std::log(2.0));
        const std::vector<std::uint32_t> first{0};
        CHECK(std::abs(softmax_cross_entropy(pair, first, dpair) - std::log(1.5)) <= kTolerance);
        CHECK(std::abs(dpair(0, 0) + 1.0 / 3) <= kTolerance);
        CHECK(std::abs(dpair(0, 1) - 1.0 / 3) <= kTolerance);
        // One class is no choice.
        Matrix one(3, 1), done(3, 1);
        CHECK(softmax_cross_entropy(one, std::vector<std::uint32_t>(3), done) == 0);
        CHECK(done(2, 0) == 0);
    });
}

TEST_CASE("softmax cross-entropy: stable at huge logits, exact where it is sure") {
    constexpr float kHuge = std::numeric_limits<float>::max();
    for_each_isa([&] {
        Matrix logits(1, 3), dlogits(1, 3);
        const std::vector<std::uint32_t> right{0}, wrong{1};
        logits(0, 0) = kHuge;
        logits(0, 1) = -kHuge;
        CHECK(softmax_cross_entropy(logits, right, dlogits) == 0);
        for (Index j = 0; j < 3; ++j) CHECK(dlogits(0, j) == 0);
        CHECK(softmax_cross_entropy(logits, wrong, dlogits) == 2 * double(kHuge));
        CHECK(dlogits(0, 0) == 1);
        CHECK(dlogits(0, 1) == -1);
        CHECK(dlogits(0, 2) == 0);
        // The loss of a sure and right answer keeps its digits: 2 exp(-30), not 0.
        logits(0, 0) = 30;
        logits(0, 1) = 0;
        const double small = 2 * std::exp(-30.0);
        CHECK(std::abs(softmax_cross_entropy(logits, right, dlogits) - small) <=
              kTolerance * small);
        CHECK(std::abs(dlogits(0, 0) + small) <= kTolerance * small);
        // No gradient becomes a denormal number.
        logits(0, 0) = 100;
        softmax_cross_entropy(logits, right, dlogits);
        CHECK(dlogits(0, 1) == 0);
        logits(0, 2) = std::numeric_limits<float>::quiet_NaN();
        CHECK(std::isnan(softmax_cross_entropy(logits, right, dlogits)));
        CHECK(std::isnan(dlogits(0, 1)));
    });
}

TEST_CASE("softmax cross-entropy: the mean over images, their losses, and the weight") {
    const Matrix logits = random_matrix(5, 10, 1, -3, 3);
    const auto labels = labels_for(5, 10);
    Matrix mean(5, 10), sum(5, 10);
    std::vector<double> each(5);
    const double loss = softmax_cross_entropy(logits, labels, mean);
    CHECK(softmax_cross_entropy(logits, labels, sum, {.weight = 5, .per_image = each}) == loss);
    double total = 0;
    for (Index i = 0; i < 5; ++i) {
        CHECK(each[std::size_t(i)] == softmax_cross_entropy(logits.view().middle_rows(i, 1),
                                                            {&labels[std::size_t(i)], 1}, {}));
        total += each[std::size_t(i)];
        for (Index j = 0; j < 10; ++j)
            CHECK(std::abs(sum(i, j) - 5 * mean(i, j)) <= 2 * 0x1p-24 * std::abs(sum(i, j)));
    }
    CHECK(std::abs(total / 5 - loss) <= 4 * 0x1p-52 * loss);
}

TEST_CASE("softmax cross-entropy: the same bits on every instruction set and number of threads") {
    const Matrix logits = random_matrix(700, 100, 1, -5, 5);
    const auto labels = labels_for(700, 100);
    double first_loss = 0;
    Matrix first(700, 100);
    for_each_isa([&] {
        if (active_isa() == Isa::sse2) return;  // has no fma
        for (int threads : {1, 2, 7}) {
            const UseThreads use(threads);
            Matrix dlogits(700, 100);
            const double loss = softmax_cross_entropy(logits, labels, dlogits);
            if (first_loss == 0) {
                first_loss = loss;
                first = copy(dlogits);
            }
            CHECK(loss == first_loss);
            Index differing = 0;
            for (Index i = 0; i < 700; ++i)
                for (Index j = 0; j < 100; ++j) differing += dlogits(i, j) != first(i, j);
            CHECK(differing == 0);
        }
    });
}

TEST_CASE("softmax cross-entropy: what does not fit is refused") {
    const Matrix logits(2, 3), none(0, 3);
    Matrix narrow(2, 2);
    const std::vector<std::uint32_t> labels{0, 2}, three{0, 1, 2}, no_class{0, 3};
    std::vector<double> one(1);
    CHECK_THROWS_AS(softmax_cross_entropy(logits, three, {}), Error);
    CHECK_THROWS_WITH_AS(softmax_cross_entropy(logits, no_class, {}),
                         "softmax_cross_entropy, row 1: the label is no class: found 3, expected "
                         "below 3",
                         Error);
    CHECK_THROWS_AS(softmax_cross_entropy(logits, labels, narrow), Error);
    CHECK_THROWS_AS(softmax_cross_entropy(none, {}, {}), Error);
    CHECK_THROWS_AS(softmax_cross_entropy(logits, labels, {}, {.per_image = one}), Error);
    CHECK_THROWS_AS(argmax({}), Error);
}

TEST_CASE("argmax: the largest, the first of equals") {
    CHECK(argmax(std::vector<float>{-3, -1, -2}) == 1);
    CHECK(argmax(std::vector<float>{5, 5, 1}) == 0);
    CHECK(argmax(std::vector<float>{-0.0f}) == 0);
}
