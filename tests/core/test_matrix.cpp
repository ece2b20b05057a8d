#include <doctest/doctest.h>

#include <cstdint>
#include <limits>

#include "../../core/error.hpp"
#include "../../core/matrix.hpp"
#include "../../core/parameter.hpp"

using namespace handgrad;

TEST_CASE("a matrix is zero, aligned, and its rows are an odd number of cache lines apart") {
    for (Index cols : {1, 15, 16, 17, 32, 400, 512, 784}) {
        const Matrix m(3, cols);
        CHECK(m.ld() >= cols);
        CHECK(m.ld() % kFloatsPerLine == 0);
        CHECK(m.ld() / kFloatsPerLine % 2 == 1);
        for (Index i = 0; i < 3; ++i) {
            CHECK(reinterpret_cast<std::uintptr_t>(m.row(i)) % kAlignment == 0);
            for (Index j = 0; j < cols; ++j) CHECK(m(i, j) == 0.0f);
        }
    }
    CHECK(padded_ld(512) == 528);
    CHECK(padded_ld(784) == 784);
}

TEST_CASE("resize keeps the memory when it is large enough") {
    Matrix m(128, 784);
    const float* before = m.row(0);
    CHECK(m.resize(96, 784).data == before);
    CHECK(m.rows() == 96);
    CHECK(m.resize(128, 784).data == before);
    m.resize(129, 784);
    CHECK(m.rows() == 129);
}

TEST_CASE("moving leaves an empty matrix behind and copy() is deep") {
    Matrix a(2, 3);
    a(1, 2) = 5;
    Matrix b = copy(a);
    b(1, 2) = 6;
    CHECK(a(1, 2) == 5);
    Matrix c = std::move(a);
    CHECK(c(1, 2) == 5);
    CHECK(a.rows() == 0);
    c = std::move(b);
    CHECK(c(1, 2) == 6);
}

TEST_CASE("sizes that cannot be are refused") {
    CHECK_THROWS_AS(Matrix(-1, 3), Error);
    CHECK_THROWS_AS(Matrix(std::numeric_limits<Index>::max(), 2), Error);
    CHECK_THROWS_AS(Matrix(2, std::numeric_limits<Index>::max()), Error);
}

TEST_CASE("a message has what, where, found and expected, and leaves out what is empty") {
    CHECK(std::string(Error(ErrorKind::input, "f", "w", "a", "b").what()) ==
          "f: w: found a, expected b");
    CHECK(std::string(Error(ErrorKind::input, "f", "w").what()) == "f: w");
    CHECK(std::string(Error(ErrorKind::input, "f", "w", "", "b").what()) == "f: w: expected b");
    const Matrix m(2, 3);
    CHECK_THROWS_WITH_AS(check_shape("here", m, 2, 4),
                         "here: wrong shape: found 2 x 3, expected 2 x 4", Error);
}

TEST_CASE("an arena lays values and gradients out alike, padding included") {
    ParameterArena arena;
    Parameter& w = arena.add("w", 3, 20);
    Parameter& b = arena.add("b", 1, 20);
    CHECK_THROWS_AS(arena.add("w", 1, 1), Error);
    CHECK_THROWS_AS(arena.add("empty", 0, 1), Error);
    arena.allocate();
    CHECK_THROWS_AS(arena.add("late", 1, 1), Error);
    CHECK_THROWS_AS(arena.allocate(), Error);
    CHECK(arena.parameter_count() == 80);
    CHECK(arena.values().size() == std::size_t(4 * 2 * kBlockCols));
    CHECK(w.value.data - arena.values().data() == w.gradient.data - arena.gradients().data());
    CHECK(b.value.data - arena.values().data() == 3 * 2 * kBlockCols);
    CHECK(w.value.at(2, 15) - w.value.data == 2 * kBlockCols + 15);
    CHECK(w.value.at(1, 16) - w.value.data == 3 * kBlockCols + kBlockCols);
    CHECK(w.value.middle_cols(10, 9).at(1, 6) == w.value.at(1, 16));
    for (Index j = 0; j < 20; ++j) CHECK(b.value.at(0, j) == b.value.data + j);  // a plain array
    CHECK(&arena.parameters().front() == &w);
}
