// The sparse products against the dense ones, which test_gemm.cpp compares with exact integers.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <tuple>
#include <vector>

#include "../../core/error.hpp"
#include "../../core/parameter.hpp"
#include "../../core/sparse_gemm.hpp"
#include "../support/collecting_sinks.hpp"
#include "../support/convert.hpp"
#include "../support/each_isa.hpp"
#include "../support/use_threads.hpp"

using namespace handgrad;
using namespace handgrad::test;

namespace {

// Bytes of which this share is not zero; row 1 is empty and row 2 full, if there are such rows.
std::vector<std::uint8_t> random_pixels(Index rows, Index cols, double density, unsigned seed) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<double> uniform(0, 1);
    std::vector<std::uint8_t> pixels;
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < cols; ++j) {
            const bool lit = i == 1 ? false : i == 2 || uniform(generator) < density;
            pixels.push_back(std::uint8_t(lit ? 1 + generator() % 255 : 0));
        }
    return pixels;
}

Matrix to_matrix(const std::vector<std::uint8_t>& pixels, Index rows, Index cols) {
    Matrix x(rows, cols);
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < cols; ++j)
            x(i, j) = float(pixels[std::size_t(i * cols + j)]) / 255.0f;
    return x;
}

// The matrix that the lists describe. Fails unless they are sorted and in the right tile, and every
// row is in the order of each tile once, shorter lists first.
Matrix listed(const SparseRows& s) {
    Matrix x(s.rows(), s.cols());
    Index problems = 0, entries = 0;
    const Index tiles = s.tiles().count;
    for (Index tile = 0; tile < tiles; ++tile) {
        std::vector<int> seen(std::size_t(s.rows()));
        Index shortest = 0;
        for (Index r = 0; r < s.rows(); ++r) {
            const Index row = s.order(tile)[r];
            ++seen[std::size_t(row)];
            const std::uint32_t* begin = s.begin() + row * tiles + tile;
            const Index length = begin[1] - begin[0];
            problems += length < shortest;
            shortest = length;
            for (Index e = begin[0]; e < begin[1]; ++e) {
                const Index column = s.index()[e];
                problems += s.tiles().of(column) != tile || s.value()[e] == 0;
                problems += e > begin[0] && s.index()[e - 1] >= column;
                x(row, column) = s.value()[e];
                ++entries;
            }
        }
        for (int count : seen) problems += count != 1;
    }
    CHECK(problems == 0);
    CHECK(entries == s.count());
    return x;
}

bool equal(ConstMatrixView a, ConstMatrixView b) {
    if (a.rows != b.rows || a.cols != b.cols) return false;
    for (Index i = 0; i < a.rows; ++i)
        if (a.cols > 0 && std::memcmp(a.row(i), b.row(i), std::size_t(a.cols) * sizeof(float)) != 0)
            return false;
    return true;
}

}  // namespace

TEST_CASE("sparse: the lists are the matrix, gathered, assigned or transposed, at any size") {
    for (const auto& [rows, cols] :
         {std::pair<Index, Index>{1, 1}, {3, 5}, {9, 128}, {40, 129}, {7, 784}, {300, 17}}) {
        const std::vector<std::uint8_t> pixels = random_pixels(rows, cols, 0.2, 1);
        const Matrix x = to_matrix(pixels, rows, cols);
        const SparseImages images(pixels, cols);
        for_each_isa([&, rows = rows, cols = cols] {
            std::vector<std::uint32_t> all, some;
            for (Index i = 0; i < rows; ++i) all.push_back(std::uint32_t(i));
            SparseRows gathered, assigned, transposed, back;
            gathered.gather(images, all);
            CHECK(equal(listed(gathered), x));
            assigned.assign(x);
            CHECK(equal(listed(assigned), x));
            CHECK(assigned.count() == images.count());
            CHECK(assigned.density() == double(images.count()) / double(rows * cols));

            transposed.assign_transpose(gathered);
            const Matrix xt = listed(transposed);
            Index wrong = 0;
            for (Index i = 0; i < rows; ++i)
                for (Index j = 0; j < cols; ++j) wrong += xt(j, i) != x(i, j);
            CHECK(wrong == 0);

            // Fewer rows, in another order, one of them twice, in the same memory.
            some = {std::uint32_t(rows - 1), 0, std::uint32_t(rows - 1)};
            gathered.gather(images, some);
            const Matrix y = listed(gathered);
            for (Index j = 0; j < cols; ++j)
                wrong += y(0, j) != x(rows - 1, j) || y(1, j) != x(0, j);
            CHECK(wrong == 0);
            transposed.assign_transpose(gathered);
            back.assign_transpose(transposed);
            CHECK(equal(listed(back), y));
        });
    }
}

TEST_CASE("sparse: a product without the zeros has the bits of the product with them") {
    std::mt19937 generator(2);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (double density : {0.0, 0.05, 0.3, 1.0})
        for (const auto& [n, k, m] : {std::tuple<Index, Index, Index>{1, 1, 1},
                                      {5, 300, 3},
                                      {33, 784, 70},
                                      {128, 130, 131},
                                      {200, 20, 16}}) {
            const Matrix x = to_matrix(random_pixels(n, k, density, 3), n, k);
            const Matrix dy = random_matrix(n, m, 4);
            SparseBatch batch;
            batch.x.assign(x);
            batch.transposed.assign_transpose(batch.x);
            for_each_isa([&, n = n, k = k, m = m] {
                ParameterArena arena;
                const Parameter& w = arena.add("w", k, m);
                const Parameter& b = arena.add("b", 1, m);
                arena.allocate();
                for (Index i = 0; i < k; ++i)
                    for (Index j = 0; j < m; ++j) w.value(i, j) = uniform(generator);
                for (Index j = 0; j < m; ++j) b.value(0, j) = uniform(generator);
                for (int threads : {1, 2, 3}) {
                    const UseThreads use(threads);
                    CAPTURE(density);
                    CAPTURE(n);
                    CAPTURE(k);
                    CAPTURE(m);
                    CAPTURE(threads);
                    for (Activation f : {Activation::linear, Activation::relu}) {
                        const Epilogue epilogue{.bias = b.value.at(0, 0), .activation = f};
                        Matrix dense(n, m), sparse(n, m);
                        fill(sparse, std::numeric_limits<float>::quiet_NaN());
                        gemm_nn(x, w.value, Write::overwrite, dense, epilogue);
                        sparse_gemm(batch.x, w.value, Write::overwrite, sparse, epilogue);
                        CHECK(equal(dense, sparse));
                        gemm_nn(x, w.value, Write::accumulate, dense, epilogue);
                        sparse_gemm(batch.x, w.value, Write::accumulate, sparse, epilogue);
                        CHECK(equal(dense, sparse));
                    }
                    // The gradient: into a row-major matrix and into column blocks.
                    Matrix dense(k, m), sparse(k, m);
                    Index wrong = 0;
                    for (Write write : {Write::overwrite, Write::accumulate}) {
                        gemm_tn(x, dy, write, dense);
                        sparse_gemm(batch.transposed, dy, write, sparse);
                        sparse_gemm(batch.transposed, dy, write, w.gradient);
                        CHECK(equal(dense, sparse));
                        for (Index i = 0; i < k; ++i)
                            for (Index j = 0; j < m; ++j) wrong += w.gradient(i, j) != dense(i, j);
                    }
                    CHECK(wrong == 0);

                    gemm_tn(x, dy, Write::overwrite, dense);
                    CollectingTileSink sink(k, m);
                    sparse_gemm(batch.transposed, dy, sink);
                    CHECK(sink.each_once());
                    CHECK(equal(dense, sink.result));
                }
            });
        }
}

TEST_CASE("sparse: integer products are exact at every shape, instruction set and thread count") {
    std::mt19937 generator(7);
    const auto integers = [&](Index rows, Index cols, unsigned one_of) {
        Matrix x(rows, cols);
        for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < cols; ++j)
                if (generator() % one_of == 0) x(i, j) = float(int(generator() % 15) - 7);
        return x;
    };
    // Columns around the panels of every set, and tiles of 128 rows of B with one more and less.
    std::vector<std::tuple<Index, Index, Index>> shapes;
    for (Index m : {1, 3, 4, 8, 15, 16, 17, 31, 32, 33, 47, 48, 67}) shapes.push_back({7, 21, m});
    for (Index k : {1, 2, 127, 128, 129, 257, 784}) shapes.push_back({9, k, 33});
    for (Index n : {1, 2, 3, 5, 127, 128, 129, 300}) shapes.push_back({n, 30, 18});
    for (const auto& shape : shapes) {
        const auto n = std::get<0>(shape), k = std::get<1>(shape), m = std::get<2>(shape);
        CAPTURE(n);
        CAPTURE(k);
        CAPTURE(m);
        // Every partial sum is an integer of at most 2 * 784 * 7 * 7 < 2^24: no rounding can occur.
        const Matrix x = integers(n, k, 4), w = integers(k, m, 1), dy = integers(n, m, 1);
        Matrix want(n, m), want_dw(k, m);
        for (Index i = 0; i < n; ++i)
            for (Index p = 0; p < k; ++p)
                for (Index j = 0; j < m; ++j) {
                    want(i, j) += x(i, p) * w(p, j);
                    want_dw(p, j) += x(i, p) * dy(i, j);
                }
        SparseBatch batch;
        batch.x.assign(x);
        batch.transposed.assign_transpose(batch.x);
        for_each_isa([&, n = n, k = k, m = m] {
            for (int threads : {1, 2, 3, 4, 7}) {
                CAPTURE(threads);
                const UseThreads use(threads);
                Matrix y(n, m);
                fill(y, std::numeric_limits<float>::quiet_NaN());
                ParameterArena arena;
                const Parameter& weight = arena.add("w", k, m);
                arena.allocate();
                CollectingTileSink sink(k, m);
                Index wrong = 0;
                for (float times : {1.0f, 2.0f}) {
                    const Write write = times == 1 ? Write::overwrite : Write::accumulate;
                    sparse_gemm(batch.x, w, write, y);
                    sparse_gemm(batch.transposed, dy, write, weight.gradient);
                    for (Index i = 0; i < n; ++i)
                        for (Index j = 0; j < m; ++j) wrong += !(y(i, j) == times * want(i, j));
                    for (Index i = 0; i < k; ++i)
                        for (Index j = 0; j < m; ++j)
                            wrong += !(weight.gradient(i, j) == times * want_dw(i, j));
                }
                sparse_gemm(batch.transposed, dy, sink);
                wrong += !sink.each_once();
                for (Index i = 0; i < k; ++i)
                    for (Index j = 0; j < m; ++j) wrong += !(sink.result(i, j) == want_dw(i, j));
                CHECK(wrong == 0);
            }
        });
    }
}

TEST_CASE("sparse: nothing is written outside a window") {
    const Matrix x = to_matrix(random_pixels(9, 30, 0.3, 5), 9, 30), w = random_matrix(30, 19, 6);
    SparseRows rows;
    rows.assign(x);
    for_each_isa([&] {
        Matrix big(13, 29);
        fill(big, -77);
        sparse_gemm(rows, w, Write::overwrite, big.view().middle_rows(2, 9).middle_cols(3, 19),
                    {.activation = Activation::sigmoid});
        Index touched = 0;
        for (Index i = 0; i < 13; ++i)
            for (Index j = 0; j < 29; ++j)
                if (!(i >= 2 && i < 11 && j >= 3 && j < 22)) touched += big(i, j) != -77;
        CHECK(touched == 0);
    });
}

TEST_CASE("sparse: what does not fit is refused") {
    const std::vector<std::uint8_t> pixels(12);
    CHECK_THROWS_WITH_AS(SparseImages(pixels, 5),
                         doctest::Contains("found 12 pixels, expected a multiple of 5"), Error);
    CHECK_THROWS_AS(SparseImages(pixels, 0), Error);
    CHECK_THROWS_WITH_AS(SparseImages({}, kMaxSparseSize + 1), doctest::Contains("at most 65536"),
                         Error);
    SparseRows rows;
    rows.gather(SparseImages(pixels, 4), std::vector<std::uint32_t>{0, 1});
    Matrix c(2, 3);
    CHECK_THROWS_WITH_AS(sparse_gemm(rows, Matrix(5, 3), Write::overwrite, c),
                         doctest::Contains("2 x 4 and 5 x 3"), Error);
    CHECK_THROWS_AS(sparse_gemm(rows, Matrix(4, 4), Write::overwrite, c), Error);
    Matrix wide(4, 9), wide_result(2, 9);
    CHECK_THROWS_WITH_AS(
        sparse_gemm(rows, ConstBlockedView(wide).middle_cols(3, 3), Write::overwrite, c),
        doctest::Contains("within a block"), Error);
    CHECK_THROWS_WITH_AS(sparse_gemm(rows, Matrix(4, 3), Write::overwrite,
                                     BlockedView(wide_result).middle_cols(3, 3)),
                         doctest::Contains("within a block"), Error);
}

TEST_CASE("sparse: expanded, the lists are the matrix, whatever was there before") {
    for (const auto& size : {std::pair<Index, Index>{1, 1}, {4, 7}, {13, 784}}) {
        const Index rows = size.first, cols = size.second;
        CAPTURE(cols);
        const std::vector<std::uint8_t> pixels = random_pixels(rows, cols, 0.2, 3);
        std::vector<std::uint32_t> all(std::size_t(rows), 0);
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = std::uint32_t(i);
        SparseRows lists;
        lists.gather(SparseImages(pixels, cols), all);
        Matrix x(rows, cols);
        for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < cols; ++j) x(i, j) = std::numeric_limits<float>::quiet_NaN();
        lists.expand(x);
        const Matrix expected = to_matrix(pixels, rows, cols);
        Index different = 0;
        for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < cols; ++j) different += !(x(i, j) == expected(i, j));
        CHECK(different == 0);
        Matrix wrong(rows, cols + 1);
        CHECK_THROWS_AS(lists.expand(wrong), Error);
    }
}

TEST_CASE("sparse: the cost rule takes MNIST for sparse and Fashion-MNIST for dense") {
    CHECK(sparse_gemm_pays(0));
    CHECK(sparse_gemm_pays(0.1912));        // MNIST's training images
    CHECK_FALSE(sparse_gemm_pays(0.4980));  // Fashion-MNIST's
    CHECK_FALSE(sparse_gemm_pays(1));
}
