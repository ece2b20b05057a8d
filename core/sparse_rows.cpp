#include "sparse_rows.hpp"

#include <algorithm>
#include <string>

#include "error.hpp"
#include "ops.hpp"
#include "profile.hpp"

namespace handgrad {

// Of a tile of B with 64 columns in single precision 32 KiB: what L1 holds everywhere.
static constexpr Index kTileWidth = 128;

ColumnTiles::ColumnTiles(Index cols)
    : cols(cols),
      count(std::max<Index>(1, (cols + kTileWidth - 1) / kTileWidth)),
      width(std::max<Index>(1, (cols + count - 1) / count)) {}

static void check_size(const char* where, Index size) {
    if (size > kMaxSparseSize)
        throw Error(ErrorKind::argument, where, "too many rows or columns to list",
                    std::to_string(size), "at most " + std::to_string(kMaxSparseSize));
}

SparseImages::SparseImages(std::span<const std::uint8_t> pixels, Index features)
    : tiles_(features) {
    check_size("SparseImages", features);
    const Index size = static_cast<Index>(pixels.size());
    if (features < 1 || size % features != 0)
        throw Error(ErrorKind::argument, "SparseImages", "pixels do not fill whole images",
                    std::to_string(size) + " pixels", "a multiple of " + std::to_string(features));
    const auto total = std::size_t(size - std::count(pixels.begin(), pixels.end(), 0));
    index_.reserve(total);
    value_.reserve(total);
    begin_.reserve(std::size_t(size / features * tiles_.count + 1));
    for (Index first = 0; first < size; first += features) {
        const Index before = count();
        for (Index tile = 0; tile < tiles_.count; ++tile) {
            begin_.push_back(index_.size());
            const Index end = std::min(features, (tile + 1) * tiles_.width);
            for (Index j = tile * tiles_.width; j < end; ++j) {
                const std::uint8_t pixel = pixels[std::size_t(first + j)];
                if (pixel == 0) continue;
                index_.push_back(static_cast<std::uint16_t>(j));
                value_.push_back(pixel);
            }
        }
        most_ = std::max(most_, count() - before);
    }
    begin_.push_back(index_.size());
}

double SparseRows::density() const {
    return rows_ * cols() == 0 ? 0 : double(count_) / (double(rows_) * double(cols()));
}

void SparseRows::resize(Index rows, ColumnTiles tiles, Index capacity) {
    check_size("SparseRows", std::max(rows, tiles.cols));
    rows_ = rows;
    is_transpose_ = false;
    tiles_ = tiles;
    begin_.resize(std::size_t(rows * tiles.count + 1));
    order_.resize(std::size_t(rows * tiles.count));
    if (std::size_t(capacity) > index_.size()) {
        index_.resize(std::size_t(capacity));
        value_.resize(std::size_t(capacity));
    }
}

void SparseRows::assign(ConstMatrixView x) {
    resize(x.rows, ColumnTiles(x.cols), x.rows * x.cols);
    std::size_t entry = 0;
    for (Index i = 0; i < x.rows; ++i)
        for (Index tile = 0; tile < tiles_.count; ++tile) {
            begin_[std::size_t(i * tiles_.count + tile)] = static_cast<std::uint32_t>(entry);
            const Index end = std::min(x.cols, (tile + 1) * tiles_.width);
            for (Index j = tile * tiles_.width; j < end; ++j) {
                if (x(i, j) == 0) continue;
                index_[entry] = static_cast<std::uint16_t>(j);
                value_[entry++] = x(i, j);
            }
        }
    begin_.back() = static_cast<std::uint32_t>(entry);
    count_ = static_cast<Index>(entry);
    sort_rows();
}

void SparseRows::gather(const SparseImages& images, std::span<const std::uint32_t> positions) {
    const Index rows = static_cast<Index>(positions.size());
    const OpScope scope({.op = "gather_sparse", .m = rows, .n = images.features()});
    resize(rows, images.tiles_, rows * images.most_in_an_image());
    const kernels::KernelTable& table = active_kernels();
    const std::size_t tiles = std::size_t(tiles_.count);
    std::size_t entry = 0;
    for (std::size_t i = 0; i < positions.size(); ++i) {
        const std::uint64_t* from = images.begin_.data() + positions[i] * tiles;
        for (std::size_t tile = 0; tile < tiles; ++tile)
            begin_[i * tiles + tile] = static_cast<std::uint32_t>(entry + from[tile] - from[0]);
        entry += from[tiles] - from[0];
    }
    begin_.back() = static_cast<std::uint32_t>(entry);
    for_each_row(rows, cols(), [&](Index i) {
        const std::size_t row = std::size_t(i);
        const std::uint64_t from = images.begin_[positions[row] * tiles];
        const std::uint32_t to = begin_[row * tiles], entries = begin_[(row + 1) * tiles] - to;
        std::copy_n(images.index_.data() + from, entries, index_.data() + to);
        table.pixels_to_float(images.value_.data() + from, value_.data() + to, entries);
    });
    count_ = static_cast<Index>(entry);
    sort_rows();
}

void SparseRows::expand(MatrixView x) const {
    check_shape("SparseRows::expand", x, rows(), cols());
    const OpScope scope(describe_elementwise("expand_sparse", rows(), cols(), 1, 0));
    for_each_row(rows(), cols(), [&](Index i) {
        float* row = x.row(i);
        std::fill_n(row, cols(), 0.0f);
        const std::uint32_t last = begin_[std::size_t((i + 1) * tiles_.count)];
        for (std::uint32_t e = begin_[std::size_t(i * tiles_.count)]; e < last; ++e)
            row[index_[e]] = value_[e];
    });
}

// A counting sort by (column, tile of rows).
void SparseRows::assign_transpose(const SparseRows& x) {
    const OpScope scope({.op = "transpose_sparse", .m = x.cols(), .n = x.rows()});
    resize(x.cols(), ColumnTiles(x.rows()), static_cast<Index>(x.index_.size()));
    count_ = x.count_;
    is_transpose_ = true;
    const std::size_t tiles = std::size_t(tiles_.count);
    const auto entries_of_row = [&](Index i) {
        const std::uint32_t* begin = x.begin() + i * x.tiles_.count;
        return std::pair(begin[0], begin[x.tiles_.count]);
    };
    std::fill(begin_.begin(), begin_.end(), 0u);
    for (Index i = 0; i < x.rows(); ++i) {
        const std::size_t tile = std::size_t(tiles_.of(i));
        const auto [first, last] = entries_of_row(i);
        for (std::uint32_t e = first; e < last; ++e) ++begin_[x.index_[e] * tiles + tile + 1];
    }
    for (std::size_t i = 1; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
    cursor_.assign(begin_.begin(), begin_.end());
    for (Index i = 0; i < x.rows(); ++i) {
        const std::size_t tile = std::size_t(tiles_.of(i));
        const auto [first, last] = entries_of_row(i);
        for (std::uint32_t e = first; e < last; ++e) {
            const std::uint32_t entry = cursor_[x.index_[e] * tiles + tile]++;
            index_[entry] = static_cast<std::uint16_t>(i);
            value_[entry] = x.value_[e];
        }
    }
    sort_rows();
}

// A counting sort of the rows of each tile by their number of entries.
void SparseRows::sort_rows() {
    const auto entries = [&](Index tile, Index row) {
        const std::uint32_t* begin = begin_.data() + row * tiles_.count + tile;
        return std::size_t(begin[1] - begin[0]);
    };
    for (Index tile = 0; tile < tiles_.count; ++tile) {
        cursor_.assign(std::size_t(tiles_.width + 2), 0u);
        for (Index row = 0; row < rows_; ++row) ++cursor_[entries(tile, row) + 1];
        for (std::size_t i = 1; i < cursor_.size(); ++i) cursor_[i] += cursor_[i - 1];
        for (Index row = 0; row < rows_; ++row)
            order_[std::size_t(tile * rows_) + cursor_[entries(tile, row)]++] =
                static_cast<std::uint16_t>(row);
    }
}

}  // namespace handgrad
