#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <string>

#include "../../core/error.hpp"
#include "../../layers/dense.hpp"
#include "../../layers/sequential.hpp"
#include "../support/collecting_sinks.hpp"
#include "../support/convert.hpp"
#include "../support/each_isa.hpp"
#include "../support/gradcheck.hpp"
#include "../support/near.hpp"

using namespace handgrad;
using namespace handgrad::test;

namespace {

constexpr Activation kActivations[] = {Activation::linear, Activation::relu, Activation::tanh,
                                       Activation::sigmoid};
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// The float backward pass of one product of length <= 128 keeps about 1e-6 (sqrt(128) 2^-24 and a
// few roundings of the activation); a wrong term shows in the first digits.
constexpr double kTolerance = 1e-5;

struct Widths {
    Index n, in, out;
};

}  // namespace

TEST_CASE("dense: forward and backward agree with the reference's complex-step derivative") {
    for (Widths s : {Widths{3, 5, 4}, {1, 1, 1}, {17, 33, 49}, {8, 100, 2}, {2, 2, 50}}) {
        const Matrix x = random_matrix(s.n, s.in, 1), w = random_matrix(s.in, s.out, 2),
                     b = random_matrix(1, s.out, 3), dy = random_matrix(s.n, s.out, 4);
        const RealTensor tx = to_tensor(x), tw = to_tensor(w), tb = to_tensor(b),
                         tdy = to_tensor(dy);
        for (Activation f : kActivations) {
            const RealTensor y = reference::dense_forward(tx, tw, tb, f);
            const auto gradient = [&](auto forward, const RealTensor& at) {
                return complex_step_backward(forward, at, tdy);
            };
            const RealTensor dx = gradient(
                [&](const ComplexTensor& moved) {
                    return reference::dense_forward(moved, to_complex(tw), to_complex(tb), f);
                },
                tx);
            const RealTensor dw = gradient(
                [&](const ComplexTensor& moved) {
                    return reference::dense_forward(to_complex(tx), moved, to_complex(tb), f);
                },
                tw);
            const RealTensor db = gradient(
                [&](const ComplexTensor& moved) {
                    return reference::dense_forward(to_complex(tx), to_complex(tw), moved, f);
                },
                tb);
            for_each_isa([&] {
                CAPTURE(static_cast<int>(f));
                CAPTURE(s.in);
                CAPTURE(s.out);
                ParameterArena arena;
                Dense layer(arena, "layer", s.in, s.out, f);
                arena.allocate();
                for (Index i = 0; i < s.in; ++i)
                    for (Index j = 0; j < s.out; ++j) layer.weight().value(i, j) = w(i, j);
                for (Index j = 0; j < s.out; ++j) layer.bias().value(0, j) = b(0, j);
                std::fill(arena.gradients().begin(), arena.gradients().end(), kNan);

                CHECK(relative_l2_error(to_tensor(layer.forward(x)).data, y.data) <= kTolerance);
                const ConstMatrixView got =
                    layer.backward(dy, Write::overwrite, InputGradient::compute);
                CHECK(relative_l2_error(to_tensor(got).data, dx.data) <= kTolerance);
                CHECK(relative_l2_error(to_tensor(layer.weight().gradient).data, dw.data) <=
                      kTolerance);
                CHECK(relative_l2_error(to_tensor(layer.bias().gradient).data, db.data) <=
                      kTolerance);

                // Accumulating the same once more doubles what is there.
                layer.backward(dy, Write::accumulate, InputGradient::skip);
                RealTensor twice = dw;
                for (double& value : twice.data) value *= 2;
                CHECK(relative_l2_error(to_tensor(layer.weight().gradient).data, twice.data) <=
                      kTolerance);
            });
        }
    }
}

TEST_CASE("dense: a sparse input gives the bits of the dense one, with and without dx") {
    Matrix x = random_matrix(24, 150, 1);
    for (Index i = 0; i < 24; ++i)
        for (Index j = 0; j < 150; ++j)
            x(i, j) = (i * 31 + j * 17) % 4 == 0 ? std::abs(x(i, j)) : 0;
    const Matrix dy = random_matrix(24, 20, 2);
    SparseBatch batch;
    batch.x.assign(x);
    batch.transposed.assign_transpose(batch.x);
    for_each_isa([&] {
        ParameterArena arena;
        Dense layer(arena, "l", 150, 20, Activation::relu);
        arena.allocate();
        for (std::size_t i = 0; i < arena.values().size(); ++i)
            arena.values()[i] = float(i % 7) * 0.03f - 0.1f;
        for (InputGradient dx : {InputGradient::compute, InputGradient::skip}) {
            const Matrix y = copy(layer.forward(x));
            const Matrix dense_dx = copy(layer.backward(dy, Write::overwrite, dx));
            const std::vector<float> gradients(arena.gradients().begin(), arena.gradients().end());
            std::fill(arena.gradients().begin(), arena.gradients().end(), 0.0f);

            layer.expect_sparse(&batch);
            CHECK(to_tensor(layer.forward(x)).data == to_tensor(y).data);
            const ConstMatrixView sparse_dx = layer.backward(dy, Write::overwrite, dx);
            CHECK(to_tensor(sparse_dx).data == to_tensor(dense_dx).data);
            CHECK(std::equal(gradients.begin(), gradients.end(), arena.gradients().begin()));

            for (const SparseBatch* sparse : {static_cast<const SparseBatch*>(nullptr),
                                              static_cast<const SparseBatch*>(&batch)}) {
                CollectingGradientSink sink(arena);
                layer.expect_sparse(sparse);
                layer.forward(x);
                // Not what an earlier pass has left.
                std::fill_n(layer.bias().gradient.at(0, 0), 20, kNan);
                layer.backward(dy, Write::overwrite, dx, &sink);
                CHECK(sink.gradients == gradients);
            }
        }
        // The lists are those of one batch alone.
        layer.expect_sparse(&batch);
        layer.forward(x);
        layer.backward(dy, Write::overwrite, InputGradient::skip);
        const Matrix other = random_matrix(24, 150, 3);
        const Matrix y = copy(layer.forward(other));
        CHECK_FALSE(to_tensor(y).data == to_tensor(layer.forward(x)).data);

        layer.expect_sparse(&batch);
        CHECK_THROWS_AS(layer.forward(random_matrix(23, 150, 1)), Error);
    });
}

TEST_CASE("dense: a sink may change the weights; dx is that of the old ones") {
    struct Eraser : GradientSink {
        explicit Eraser(ParameterArena& a) : arena(a) {}
        void take(Index first, std::span<const float> gradients) override {
            std::fill_n(arena.values().data() + first, gradients.size(), kNan);
        }
        ParameterArena& arena;
    };
    const Matrix x = random_matrix(24, 30, 1), dy = random_matrix(24, 20, 2);
    for_each_isa([&] {
        ParameterArena arena;
        Dense layer(arena, "l", 30, 20, Activation::tanh);
        arena.allocate();
        for (std::size_t i = 0; i < arena.values().size(); ++i)
            arena.values()[i] = float(i % 7) * 0.03f;
        layer.forward(x);
        const Matrix before = copy(layer.backward(dy, Write::overwrite));
        Eraser eraser(arena);
        layer.forward(x);
        const ConstMatrixView after =
            layer.backward(dy, Write::overwrite, InputGradient::compute, &eraser);
        CHECK(to_tensor(after).data == to_tensor(before).data);
        CHECK(std::isnan(layer.weight().value(29, 19)));
    });
}

TEST_CASE("dense: micro-batches accumulated give the bits of the whole batch, sparse or not") {
    Matrix x = random_matrix(24, 30, 1);
    const Matrix dy = random_matrix(24, 20, 2);
    for (Index i = 0; i < 24; ++i)
        for (Index j = 0; j < 30; ++j)
            if ((i + j) % 4 != 0) x(i, j) = 0;
    ParameterArena whole_arena, parts_arena;
    Dense whole(whole_arena, "l", 30, 20, Activation::tanh);
    Dense parts(parts_arena, "l", 30, 20, Activation::tanh);
    for (ParameterArena* arena : {&whole_arena, &parts_arena}) {
        arena->allocate();
        for (std::size_t i = 0; i < arena->values().size(); ++i)
            arena->values()[i] = float(i % 7) * 0.03f;
    }
    whole.forward(x);
    whole.backward(dy, Write::overwrite, InputGradient::skip);
    for (bool sparse : {false, true}) {
        CAPTURE(sparse);
        for (Index first : {0, 8, 16}) {
            const ConstMatrixView part = x.view().middle_rows(first, 8);
            SparseBatch batch;
            batch.x.assign(part);
            batch.transposed.assign_transpose(batch.x);
            if (sparse) parts.expect_sparse(&batch);
            parts.forward(part);
            parts.backward(dy.view().middle_rows(first, 8),
                           first == 0 ? Write::overwrite : Write::accumulate, InputGradient::skip);
        }
        // Skipping a zero may change the sign of one.
        CHECK(std::equal(whole_arena.gradients().begin(), whole_arena.gradients().end(),
                         parts_arena.gradients().begin()));
        if (!sparse)
            CHECK(std::memcmp(whole_arena.gradients().data(), parts_arena.gradients().data(),
                              whole_arena.gradients().size_bytes()) == 0);
    }
}

TEST_CASE("dense: shapes that do not fit are refused") {
    ParameterArena arena;
    Dense layer(arena, "layer", 3, 2, Activation::relu);
    arena.allocate();
    const Matrix wrong(4, 5), right(4, 3), dy(4, 3);
    CHECK_THROWS_AS(layer.forward(wrong), Error);
    layer.forward(right);
    CHECK_THROWS_AS(layer.backward(dy, Write::overwrite, InputGradient::skip), Error);
}

TEST_CASE("sequential: backward is the chain rule, and skip leaves out the first dx alone") {
    const Matrix x = random_matrix(6, 4, 1), dy = random_matrix(6, 3, 5);
    const Matrix w1 = random_matrix(4, 7, 2), w2 = random_matrix(7, 3, 3);
    ParameterArena arena;
    Sequential model;
    Dense& first = model.add<Dense>(arena, "first", 4, 7, Activation::tanh);
    Dense& second = model.add<Dense>(arena, "second", 7, 3, Activation::sigmoid);
    CHECK_THROWS_AS(model.add<Dense>(arena, "third", 4, 1, Activation::linear), Error);
    CHECK(model.in_features() == 4);
    CHECK(model.out_features() == 3);
    arena.allocate();
    for (Index i = 0; i < 4; ++i)
        for (Index j = 0; j < 7; ++j) first.weight().value(i, j) = w1(i, j);
    for (Index i = 0; i < 7; ++i)
        for (Index j = 0; j < 3; ++j) second.weight().value(i, j) = w2(i, j);

    const auto forward = [&](const ComplexTensor& moved, const ComplexTensor& weights) {
        const ComplexTensor h =
            reference::dense_forward(moved, weights, ComplexTensor(1, 7), Activation::tanh);
        return reference::dense_forward(h, to_complex(to_tensor(w2)), ComplexTensor(1, 3),
                                        Activation::sigmoid);
    };
    const RealTensor dx = complex_step_backward(
        [&](const ComplexTensor& moved) { return forward(moved, to_complex(to_tensor(w1))); },
        to_tensor(x), to_tensor(dy));
    const RealTensor dw1 = complex_step_backward(
        [&](const ComplexTensor& moved) { return forward(to_complex(to_tensor(x)), moved); },
        to_tensor(w1), to_tensor(dy));

    model.forward(x);
    CHECK(relative_l2_error(to_tensor(model.backward(dy, Write::overwrite)).data, dx.data) <=
          kTolerance);
    CHECK(relative_l2_error(to_tensor(first.weight().gradient).data, dw1.data) <= kTolerance);
    std::fill(arena.gradients().begin(), arena.gradients().end(), kNan);
    CHECK(model.backward(dy, Write::overwrite, InputGradient::skip).data == nullptr);
    CHECK(relative_l2_error(to_tensor(first.weight().gradient).data, dw1.data) <= kTolerance);
}
