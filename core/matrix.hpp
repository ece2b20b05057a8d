// Matrices of float: one owning type and two views. Row-major; rows are samples, columns features.
#pragma once

#include <cstddef>
#include <string>

#include "blocked_view.hpp"
#include "export.hpp"

namespace handgrad {

// Every row of an owning matrix begins at a multiple of this many bytes: one cache line, and one
// AVX-512 register.
inline constexpr std::size_t kAlignment = 64;
inline constexpr Index kFloatsPerLine = kAlignment / sizeof(float);

// The leading dimension (elements between the starts of two rows) that an owning matrix uses for
// `cols` columns: rounded up to an ODD number of cache lines. With an even number, a power of two
// at worst, walking down a column lands on few sets of the L1 cache (512 floats are 32 lines: 2 of
// 64 sets) and the lines push one another out.
constexpr Index padded_ld(Index cols) {
    const Index lines = (cols + kFloatsPerLine - 1) / kFloatsPerLine;
    return (lines % 2 == 0 ? lines + 1 : lines) * kFloatsPerLine;
}

// A read-only window on a matrix that somebody else owns: element (i, j) is data[i * ld + j].
struct ConstMatrixView {
    const float* data = nullptr;
    Index rows = 0, cols = 0;
    Index ld = 0;  // leading dimension: elements between row starts, >= cols

    // The start of a row, and an element; not checked.
    const float* row(Index i) const { return data + i * ld; }
    float operator()(Index i, Index j) const { return data[i * ld + j]; }

    // Whether there is no element.
    bool empty() const { return rows == 0 || cols == 0; }

    // Rows [first, first + count), and columns likewise; not checked.
    ConstMatrixView middle_rows(Index first, Index count) const {
        return {data + first * ld, count, cols, ld};
    }
    ConstMatrixView middle_cols(Index first, Index count) const {
        return {data + first, rows, count, ld};
    }

    // The same window where blocks of columns are allowed.
    operator ConstBlockedView() const { return {data, rows, cols, ld}; }
};

// A window through which the elements may be written.
struct MatrixView {
    float* data = nullptr;
    Index rows = 0, cols = 0;
    Index ld = 0;

    // The start of a row, and an element; not checked.
    float* row(Index i) const { return data + i * ld; }
    float& operator()(Index i, Index j) const { return data[i * ld + j]; }

    // Whether there is no element.
    bool empty() const { return rows == 0 || cols == 0; }

    // The same window where less is asked for.
    operator ConstMatrixView() const { return {data, rows, cols, ld}; }
    operator BlockedView() const { return {data, rows, cols, ld}; }
    operator ConstBlockedView() const { return {data, rows, cols, ld}; }

    // Rows [first, first + count), and columns likewise; not checked.
    MatrixView middle_rows(Index first, Index count) const {
        return {data + first * ld, count, cols, ld};
    }
    MatrixView middle_cols(Index first, Index count) const {
        return {data + first, rows, count, ld};
    }
};

// Owns rows x cols floats, zero at first, aligned and padded as above. Movable; copied only by
// copy(), so that no copy is made by accident in a hot loop.
class HANDGRAD_API Matrix {
  public:
    Matrix() = default;
    // Throws Error(argument) for a negative size or one whose bytes overflow; std::bad_alloc.
    Matrix(Index rows, Index cols);
    Matrix(Matrix&& other) noexcept;
    Matrix& operator=(Matrix&& other) noexcept;
    Matrix(const Matrix&) = delete;
    Matrix& operator=(const Matrix&) = delete;
    ~Matrix();

    // The shape, and the elements between the starts of two rows.
    Index rows() const { return view_.rows; }
    Index cols() const { return view_.cols; }
    Index ld() const { return view_.ld; }
    // The start of a row, and an element; not checked.
    float* row(Index i) { return view_.row(i); }
    const float* row(Index i) const { return view_.row(i); }
    float& operator()(Index i, Index j) { return view_(i, j); }
    float operator()(Index i, Index j) const { return view_(i, j); }

    // All of it as a window, which is what functions take.
    MatrixView view() { return view_; }
    ConstMatrixView view() const { return view_; }
    operator MatrixView() { return view_; }
    operator ConstMatrixView() const { return view_; }
    operator BlockedView() { return view_; }
    operator ConstBlockedView() const { return view_; }

    // Makes this matrix hold at least rows x cols and returns a view of exactly that shape. Keeps
    // its memory when it is large enough, so that a partial last batch allocates nothing. The
    // elements are unspecified afterwards.
    MatrixView resize(Index rows, Index cols);

  private:
    MatrixView view_;
    Index capacity_ = 0;  // in floats
};

// A new matrix with the same elements.
HANDGRAD_API Matrix copy(ConstMatrixView source);

// "128 x 784", for messages.
HANDGRAD_API std::string shape_string(ConstBlockedView m);

// Throws Error(argument) naming `where` unless m is rows x cols.
HANDGRAD_API void check_shape(const char* where, ConstBlockedView m, Index rows, Index cols);

}  // namespace handgrad
