// The non-zeros of a matrix, row by row: what is left of a mini-batch of digits, four fifths of
// whose pixels are zero.
//
// Compressed sparse rows (CSR), with two additions that the products of sparse_gemm.hpp want: the
// columns are cut into tiles, and the list of a row says where each tile begins; and for each tile
// the rows are known in the order of their number of non-zeros.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "export.hpp"
#include "matrix.hpp"

namespace handgrad {

// How the columns 0 .. cols-1 are cut into tiles of equal width (the last may be narrower).
struct HANDGRAD_API ColumnTiles {
    // The tiles for so many columns.
    explicit ColumnTiles(Index cols = 0);
    Index cols, count, width;
    // The tile of a column.
    Index of(Index col) const { return col / width; }
};

// Rows or columns that may be listed.
inline constexpr Index kMaxSparseSize = 1 << 16;

// The non-zero bytes of a data set: images whose pixels are features, one after another. Built
// once; a mini-batch is gathered from it.
class HANDGRAD_API SparseImages {
  public:
    SparseImages() = default;
    // pixels: images of `features` bytes each. Throws Error(argument) if features is not in
    // 1 .. kMaxSparseSize or does not divide pixels.size().
    SparseImages(std::span<const std::uint8_t> pixels, Index features);

    // Pixels of an image.
    Index features() const { return tiles_.cols; }
    // The number of non-zero pixels of all images, and of the image that has most.
    Index count() const { return static_cast<Index>(index_.size()); }
    Index most_in_an_image() const { return most_; }

  private:
    friend class SparseRows;
    ColumnTiles tiles_;
    std::vector<std::uint16_t> index_;
    std::vector<std::uint8_t> value_;
    std::vector<std::uint64_t> begin_;  // of each tile of each image, and the end
    Index most_ = 0;
};

// The non-zeros themselves.
class HANDGRAD_API SparseRows {
  public:
    // Of the matrix, the number of its non-zeros, and their share.
    Index rows() const { return rows_; }
    Index cols() const { return tiles_.cols; }
    Index count() const { return count_; }
    double density() const;

    // Becomes the listed non-zeros of x. Throws Error(argument) for a size above kMaxSparseSize.
    void assign(ConstMatrixView x);

    // Becomes a mini-batch: the images at these positions, each pixel divided by 255, as
    // pixels_to_float does. Allocates nothing once a batch of this size was gathered.
    void gather(const SparseImages& images, std::span<const std::uint32_t> positions);

    // Writes all elements, zeros too, to x (rows, cols). Throws Error(argument) for another shape.
    void expand(MatrixView x) const;

    // Becomes the transpose of x. Allocates nothing once it has held as much.
    void assign_transpose(const SparseRows& x);
    bool is_transpose() const { return is_transpose_; }

    // For the products: the entries of row i in tile t are those from begin()[i * tiles + t] to
    // begin()[i * tiles + t + 1]; index() counts from the first column of the matrix.
    const ColumnTiles& tiles() const { return tiles_; }
    const std::uint32_t* begin() const { return begin_.data(); }
    const std::uint16_t* index() const { return index_.data(); }
    const float* value() const { return value_.data(); }
    // The rows in the order of their number of entries in tile t.
    const std::uint16_t* order(Index t) const { return order_.data() + t * rows_; }

  private:
    void resize(Index rows, ColumnTiles tiles, Index capacity);
    void sort_rows();

    Index rows_ = 0, count_ = 0;
    bool is_transpose_ = false;
    ColumnTiles tiles_;
    std::vector<std::uint32_t> begin_;
    std::vector<std::uint16_t> index_;
    std::vector<float> value_;
    std::vector<std::uint16_t> order_;
    std::vector<std::uint32_t> cursor_;  // scratch of sorting
};

// A mini-batch x (n, features) and its transpose: what the forward product and the weight gradient
// of a first layer need.
struct SparseBatch {
    SparseRows x, transposed;

    // Both become those of the images at these positions.
    void gather(const SparseImages& images, std::span<const std::uint32_t> positions) {
        x.gather(images, positions);
        transposed.assign_transpose(x);
    }
};

}  // namespace handgrad
