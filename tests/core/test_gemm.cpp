#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "../../core/error.hpp"
#include "../../core/gemm.hpp"
#include "../../core/parameter.hpp"
#include "../support/collecting_sinks.hpp"
#include "../support/each_isa.hpp"
#include "../support/use_threads.hpp"

using namespace handgrad;
using namespace handgrad::test;

namespace {

enum class Form { nn, nt, tn };
constexpr Form kForms[] = {Form::nn, Form::nt, Form::tn};

struct Shape {
    Index m, n, k;
};

// Tiny, around every micro-tile (4, 6, 8 rows; 1 to 48 columns), primes, the shapes of a dense
// VAE's heads, and depths beyond one panel (512, or less if packed).
const std::vector<Shape>& shapes() {
    static const std::vector<Shape> all = [] {
        std::vector<Shape> s;
        for (Index m : {1, 2, 3, 5, 7, 8, 9, 13, 17})
            for (Index n : {1, 3, 4, 8, 15, 16, 17, 33, 47, 48, 49, 67}) s.push_back({m, n, 5});
        for (Index k : {0, 1, 2, 7, 16, 17, 511, 512, 513, 1030}) s.push_back({9, 21, k});
        for (Shape shape : {Shape{128, 4, 64},
                            {128, 40, 61},
                            {33, 101, 130},
                            {128, 130, 3},
                            {64, 3, 300},
                            {5, 32, 1030}})
            s.push_back(shape);
        return s;
    }();
    return all;
}

void multiply(Form form, ConstMatrixView a, ConstMatrixView b, Write write, MatrixView c) {
    switch (form) {
        case Form::nn:
            return gemm_nn(a, b, write, c);
        case Form::nt:
            return gemm_nt(a, b, write, c);
        case Form::tn:
            return gemm_tn(a, b, write, c);
    }
}

// The same with the weight, B or C, in column blocks; C is copied there and back.
void multiply_blocked(Form form, ConstMatrixView a, ConstMatrixView b, Write write, MatrixView c) {
    const ConstMatrixView& shape = form == Form::tn ? ConstMatrixView(c) : b;
    ParameterArena arena;
    const Parameter& weight = arena.add("w", shape.rows, shape.cols);
    arena.allocate();
    const auto copy_elements = [](ConstBlockedView from, BlockedView to) {
        for (Index i = 0; i < from.rows; ++i)
            for (Index j = 0; j < from.cols; ++j) to(i, j) = from(i, j);
    };
    copy_elements(shape, weight.value);
    switch (form) {
        case Form::nn:
            return gemm_nn(a, weight.value, write, c);
        case Form::nt:
            return gemm_nt(a, weight.value, write, c);
        case Form::tn:
            gemm_tn(a, b, write, weight.value);
            copy_elements(weight.value, c);
            // The columns that fill up the last block must stay zero.
            for (Index j = c.cols; j % kBlockCols != 0; ++j)
                for (Index i = 0; i < c.rows; ++i)
                    if (*weight.value.at(i, j) != 0) FAIL("written beyond the last column");
    }
}

// Operands of a product: values from `draw`, in the layout that the form wants. at_a(i, p) and
// at_b(p, j) read them as plain A (m, k) and B (k, n).
struct Operands {
    Form form;
    Matrix a, b;

    template <class Draw>
    Operands(Form f, Shape s, Draw&& draw)
        : form(f),
          a(f == Form::tn ? s.k : s.m, f == Form::tn ? s.m : s.k),
          b(f == Form::nt ? s.n : s.k, f == Form::nt ? s.k : s.n) {
        for (Matrix* x : {&a, &b})
            for (Index i = 0; i < x->rows(); ++i)
                for (Index j = 0; j < x->cols(); ++j) (*x)(i, j) = draw();
    }
    double at_a(Index i, Index p) const { return form == Form::tn ? a(p, i) : a(i, p); }
    double at_b(Index p, Index j) const { return form == Form::nt ? b(j, p) : b(p, j); }
};

}  // namespace

TEST_CASE("integer products are exact in every form, shape, instruction set and thread count") {
    std::mt19937 generator(1);
    for (Form form : kForms)
        for (Shape s : shapes()) {
            // Every partial sum is an integer of at most 10 + 3 * 1030 * 7 * 7 < 2^24, which a
            // float holds exactly: no rounding can occur, in any order, with fma or without.
            const Operands x(form, s, [&] { return float(int(generator() % 15) - 7); });
            Matrix expected(s.m, s.n);
            for (Index i = 0; i < s.m; ++i)
                for (Index j = 0; j < s.n; ++j)
                    for (Index p = 0; p < s.k; ++p)
                        expected(i, j) += float(x.at_a(i, p) * x.at_b(p, j));
            for_each_isa([&] {
                for (int threads : {1, 2, 3, 4, 7}) {
                    const UseThreads use(threads);
                    CAPTURE(threads);
                    CAPTURE(s.m);
                    CAPTURE(s.n);
                    CAPTURE(s.k);
                    Matrix c(s.m, s.n);
                    // Overwriting must not read C.
                    for (Index i = 0; i < s.m; ++i)
                        for (Index j = 0; j < s.n; ++j)
                            c(i, j) = std::numeric_limits<float>::quiet_NaN();
                    Index wrong = 0;
                    multiply(form, x.a, x.b, Write::overwrite, c);
                    for (Index i = 0; i < s.m; ++i)
                        for (Index j = 0; j < s.n; ++j) wrong += !(c(i, j) == expected(i, j));
                    // What is there is another number than the product's.
                    for (Index i = 0; i < s.m; ++i)
                        for (Index j = 0; j < s.n; ++j) c(i, j) = float((3 * i + j) % 11);
                    multiply(form, x.a, x.b, Write::accumulate, c);
                    for (Index i = 0; i < s.m; ++i)
                        for (Index j = 0; j < s.n; ++j)
                            wrong += !(c(i, j) == float((3 * i + j) % 11) + expected(i, j));
                    if (s.k > 0) {  // a weight without rows is no parameter
                        multiply_blocked(form, x.a, x.b, Write::accumulate, c);
                        multiply_blocked(form, x.a, x.b, Write::accumulate, c);
                        for (Index i = 0; i < s.m; ++i)
                            for (Index j = 0; j < s.n; ++j)
                                wrong += !(c(i, j) == float((3 * i + j) % 11) + 3 * expected(i, j));
                    }
                    if (form == Form::tn) {
                        CollectingTileSink sink(s.m, s.n);
                        gemm_tn(x.a, x.b, sink);
                        wrong += !sink.each_once();
                        for (Index i = 0; i < s.m; ++i)
                            for (Index j = 0; j < s.n; ++j)
                                wrong += !(sink.result(i, j) == expected(i, j));
                    }
                    CHECK(wrong == 0);
                }
            });
        }
}

TEST_CASE("products of any floats are within the error of one chain and bit-equal everywhere") {
    std::mt19937 generator(2);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (Form form : kForms)
        for (Shape s : {Shape{37, 83, 700}, Shape{128, 40, 129}, Shape{8, 48, 64}}) {
            const Operands x(form, s, [&] { return uniform(generator); });
            Matrix first;
            for_each_isa([&] {
                for (int threads : {1, 2, 4}) {
                    const UseThreads use(threads);
                    Matrix c(s.m, s.n), blocked(s.m, s.n);
                    multiply(form, x.a, x.b, Write::overwrite, c);
                    multiply_blocked(form, x.a, x.b, Write::overwrite, blocked);
                    Index outside = 0, unequal = 0;
                    for (Index i = 0; i < s.m; ++i)
                        for (Index j = 0; j < s.n; ++j) {
                            double exact = 0, magnitude = 0;
                            for (Index p = 0; p < s.k; ++p) {
                                exact += x.at_a(i, p) * x.at_b(p, j);
                                magnitude += std::abs(x.at_a(i, p) * x.at_b(p, j));
                            }
                            // k roundings in the chain, and k of products where there is no fma:
                            // gamma_2k sum |a b|, u = 2^-24.
                            const double bound = 2.0 * double(s.k) * 0x1p-24 * magnitude * 1.001;
                            outside += !(std::abs(c(i, j) - exact) <= bound);
                        }
                    CHECK(outside == 0);
                    for (Index i = 0; i < s.m; ++i)
                        unequal += std::memcmp(c.row(i), blocked.row(i),
                                               std::size_t(s.n) * sizeof(float)) != 0;
                    CHECK(unequal == 0);
                    if (active_isa() == Isa::sse2) continue;
                    if (first.rows() == 0) first = copy(c);
                    for (Index i = 0; i < s.m; ++i)
                        unequal += std::memcmp(c.row(i), first.row(i),
                                               std::size_t(s.n) * sizeof(float)) != 0;
                    CHECK(unequal == 0);
                }
            });
        }
}

TEST_CASE("an element of a product is one chain of fused multiply-adds from +0, k ascending") {
    std::mt19937 generator(7);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (Form form : kForms)
        for (Shape s : {Shape{11, 53, 1100}, Shape{64, 3, 70}, Shape{1, 1, 3}}) {
            const Operands x(form, s, [&] { return uniform(generator); });
            for_each_isa([&] {
                if (active_isa() == Isa::sse2) return;  // has no fused multiply-add
                Matrix c(s.m, s.n);
                multiply(form, x.a, x.b, Write::overwrite, c);
                Index wrong = 0;
                for (Index i = 0; i < s.m; ++i)
                    for (Index j = 0; j < s.n; ++j) {
                        float chain = 0;
                        for (Index p = 0; p < s.k; ++p)
                            chain = std::fma(float(x.at_a(i, p)), float(x.at_b(p, j)), chain);
                        wrong += !(c(i, j) == chain);
                    }
                CHECK(wrong == 0);
            });
        }
}

TEST_CASE("accumulating two halves of a batch gives the bits of the whole") {
    std::mt19937 generator(3);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (Shape s : {Shape{50, 70, 96}, {64, 3, 96}}) {
        CAPTURE(s.n);
        const Operands x(Form::tn, s, [&] { return uniform(generator); });
        const ConstMatrixView a = x.a, b = x.b;
        Matrix whole(s.m, s.n), halves(s.m, s.n);
        gemm_tn(a, b, Write::overwrite, whole);
        gemm_tn(a.middle_rows(0, 40), b.middle_rows(0, 40), Write::overwrite, halves);
        gemm_tn(a.middle_rows(40, 56), b.middle_rows(40, 56), Write::accumulate, halves);
        Index unequal = 0;
        for (Index i = 0; i < s.m; ++i)
            unequal +=
                std::memcmp(whole.row(i), halves.row(i), std::size_t(s.n) * sizeof(float)) != 0;
        CHECK(unequal == 0);
    }
}

TEST_CASE("the epilogue adds the bias and applies the activation, also when k is 0") {
    for_each_isa([&] {
        for (Index k : {0, 3, 600, 2100})  // more than one slice for any set
            for (Index n : {1, 5, 16, 50, 112}) {
                std::mt19937 generator(4);
                const Operands x(Form::nn, {11, n, k},
                                 [&] { return float(int(generator() % 5) - 2); });
                std::vector<float> bias;
                for (Index j = 0; j < n; ++j) bias.push_back(float(int(generator() % 9) - 4));
                Matrix c(11, n);
                gemm_nn(x.a, x.b, Write::overwrite, c,
                        {.bias = bias.data(), .activation = Activation::relu});
                Index wrong = 0;
                for (Index i = 0; i < 11; ++i)
                    for (Index j = 0; j < n; ++j) {
                        double sum = bias[std::size_t(j)];
                        for (Index p = 0; p < k; ++p) sum += x.at_a(i, p) * x.at_b(p, j);
                        wrong += !(c(i, j) == std::max(sum, 0.0));
                    }
                CHECK(wrong == 0);
            }
    });
}

TEST_CASE("a sink gets each element once, and the bits that would be in memory") {
    std::mt19937 generator(6);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (Shape s : {Shape{1, 1, 1},
                    {5, 17, 3},
                    {37, 83, 300},
                    {130, 100, 64},
                    {20, 48, 0},
                    {128, 4, 64},
                    {64, 1, 9}}) {
        const Operands x(Form::tn, s, [&] { return uniform(generator); });
        for_each_isa([&] {
            Matrix c(s.m, s.n);
            gemm_tn(x.a, x.b, Write::overwrite, c);
            for (int threads : {1, 2, 3}) {
                const UseThreads use(threads);
                CAPTURE(s.m);
                CAPTURE(threads);
                CollectingTileSink sink(s.m, s.n);
                gemm_tn(x.a, x.b, sink);
                CHECK(sink.each_once());
                Index unequal = 0;
                for (Index i = 0; i < s.m; ++i)
                    unequal += std::memcmp(c.row(i), sink.result.row(i),
                                           std::size_t(s.n) * sizeof(float)) != 0;
                CHECK(unequal == 0);
            }
        });
    }
}

TEST_CASE("nothing is written outside a window") {
    std::mt19937 generator(5);
    for_each_isa([&] {
        for (Form form : kForms) {
            const Operands x(form, {9, 19, 33}, [&] { return float(int(generator() % 5)); });
            Matrix big(13, 29);
            for (Index i = 0; i < 13; ++i)
                for (Index j = 0; j < 29; ++j) big(i, j) = -77;
            multiply(form, x.a, x.b, Write::overwrite,
                     big.view().middle_rows(2, 9).middle_cols(3, 19));
            Index touched = 0;
            for (Index i = 0; i < 13; ++i)
                for (Index j = 0; j < 29; ++j)
                    if (!(i >= 2 && i < 11 && j >= 3 && j < 22)) touched += big(i, j) != -77;
            CHECK(touched == 0);
        }
    });
}

TEST_CASE("operands that do not fit are refused with both shapes") {
    const Matrix a(3, 4), b(5, 6);
    Matrix c(3, 6);
    CHECK_THROWS_WITH_AS(gemm_nn(a, b, Write::overwrite, c), doctest::Contains("3 x 4 and 5 x 6"),
                         Error);
    const Matrix b4(4, 6), wide(4, 9);
    CHECK_THROWS_WITH_AS(gemm_nn(a, ConstBlockedView(wide).middle_cols(3, 6), Write::overwrite, c),
                         doctest::Contains("within a block"), Error);
    Matrix wide_result(3, 9);
    CHECK_THROWS_WITH_AS(
        gemm_tn(Matrix(4, 3), b4, Write::overwrite, BlockedView(wide_result).middle_cols(3, 6)),
        doctest::Contains("within a block"), Error);
    Matrix wrong(3, 5);
    CHECK_THROWS_WITH_AS(gemm_nn(a, b4, Write::overwrite, wrong),
                         doctest::Contains("found 3 x 5, expected 3 x 6"), Error);
}
