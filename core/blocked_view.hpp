// Windows on matrices whose columns come in blocks of 16: the layout of the weights.
//
// A product y = x W walks down some columns of W at once. In a row-major W every step lands on
// another page; here it is the next cache line:
//
//     block 0: W[0][0..16)  W[1][0..16)  ...  W[rows-1][0..16)
//     block 1: W[0][16..32) W[1][16..32) ...
//
// (oneDNN calls this layout AB16b.) 16 floats are one cache line, one 512-bit register, and the
// virtual lanes of a sum, so that every instruction set reads the same layout. A row-major matrix
// is the special case whose blocks lie side by side; the matrix views convert to these.
#pragma once

#include <cstddef>

namespace handgrad {

// Counts and positions are signed, so that a difference of two of them is what it looks like.
using Index = std::ptrdiff_t;

inline constexpr Index kBlockCols = 16;

// Element (i, j) of the columns from first_col on is, with c = first_col + j, at
// data[(c / 16) * block_stride + i * ld + c % 16].
template <class Float>
struct BasicBlockedView {
    Float* data = nullptr;
    Index rows = 0, cols = 0;
    Index ld = kBlockCols;            // elements between the rows of a block
    Index block_stride = kBlockCols;  // elements between the starts of two blocks
    Index first_col = 0;

    // Where an element is, and the element; not checked.
    Float* at(Index i, Index j) const {
        const Index c = first_col + j;
        return data + c / kBlockCols * block_stride + i * ld + c % kBlockCols;
    }
    Float& operator()(Index i, Index j) const { return *at(i, j); }

    // Whether there is no element.
    bool empty() const { return rows == 0 || cols == 0; }

    // Columns [first, first + count); not checked.
    BasicBlockedView middle_cols(Index first, Index count) const {
        return {data, rows, count, ld, block_stride, first_col + first};
    }

    // The same window, read-only.
    operator BasicBlockedView<const Float>() const {
        return {data, rows, cols, ld, block_stride, first_col};
    }
};

using BlockedView = BasicBlockedView<float>;
using ConstBlockedView = BasicBlockedView<const float>;

}  // namespace handgrad
