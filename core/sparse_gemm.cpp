#include "sparse_gemm.hpp"

#include <algorithm>
#include <string>

#include "error.hpp"
#include "parallel.hpp"

namespace handgrad {

bool sparse_gemm_pays(double density) {
    // A sparse product takes a load for every fma and reaches about half of the dense speed on its
    // non-zeros (measured: 128 x 784 x 512 with 19 % non-zeros takes 0.41 of the dense time with
    // AVX-512, 0.38 with AVX2; the time grows with the density).
    return density < 0.4;
}

namespace {

using kernels::KernelTable;
using kernels::SparsePanel;

// A panel of n columns of B, from `column` on, and of C, whose column 0 is at `c`.
SparsePanel make_panel(const SparseRows& a, ConstBlockedView b, Index column, Index n,
                       BlockedView c) {
    SparsePanel panel;
    panel.rows = a.rows();
    panel.n = n;
    panel.begin_stride = a.tiles().count;
    panel.index = a.index();
    panel.value = a.value();
    panel.b = b.at(0, column);
    panel.ldb = b.ld;
    panel.b_block_stride = b.block_stride;
    panel.c = c.at(0, column);
    panel.ldc = c.ld;
    panel.c_block_stride = c.block_stride;
    return panel;
}

// The entries of `tile` alone.
void choose_tile(SparsePanel& panel, const SparseRows& a, Index tile, Write write) {
    panel.begin = a.begin() + tile;
    panel.order = a.order(tile);
    panel.continue_chain = tile > 0 || write == Write::accumulate;
}

// Multiplies the columns [first_block, last_block) of B, in blocks.
void multiply_columns(const KernelTable& table, const SparseRows& a, ConstBlockedView b,
                      Index first_block, Index last_block, Write write, BlockedView c,
                      const Epilogue& epilogue) {
    const Index end = std::min(b.cols, last_block * kBlockCols);
    for (Index column = first_block * kBlockCols; column < end; column += table.sparse_nr) {
        SparsePanel panel = make_panel(a, b, column, std::min(table.sparse_nr, end - column), c);
        for (Index tile = 0; tile < a.tiles().count; ++tile) {
            choose_tile(panel, a, tile, write);
            if (tile == a.tiles().count - 1) {
                if (epilogue.bias != nullptr) panel.bias = epilogue.bias + column;
                panel.activation = epilogue.activation;
            }
            table.sparse_panel(panel);
        }
    }
}

// Finished columns of C on their way to a sink, a few rows at a time.
class SinkQueue {
  public:
    SinkQueue(TileSink& sink, Index rows) : sink_(sink), rows_(rows), taken_(rows) {}

    // Some blocks of columns, each (rows, 16); the ones before must have been taken.
    void put(const float* values, Index first_block, Index blocks) {
        values_ = values;
        first_block_ = first_block;
        blocks_ = blocks;
        taken_ = 0;
    }
    // Hands over what is left of the rows before `end`.
    void take_until(Index end) {
        if (end <= taken_) return;
        const std::size_t count = std::size_t((end - taken_) * kBlockCols);
        for (Index b = 0; b < blocks_; ++b)
            sink_.take(taken_, first_block_ + b,
                       {values_ + (b * rows_ + taken_) * kBlockCols, count});
        taken_ = end;
    }

  private:
    TileSink& sink_;
    Index rows_, taken_;
    const float* values_ = nullptr;
    Index first_block_ = 0, blocks_ = 0;
};

// Multiplies the same columns for a sink, which takes each panel while the next is computed, some
// rows of the one after some rows of the other: the sink waits for memory and the product for L1,
// and so neither for both.
void multiply_for_sink(const KernelTable& table, const SparseRows& a, ConstBlockedView b,
                       Index first_block, Index last_block, TileSink& sink) {
    constexpr Index kRowsAtOnce = 16;
    thread_local Matrix buffers[2];  // kept from call to call
    const Index rows = a.rows(), block_size = rows * kBlockCols;
    const Index group = std::max<Index>(1, table.sparse_nr / kBlockCols);
    const Index steps_per_tile = (rows + kRowsAtOnce - 1) / kRowsAtOnce;
    const Index steps = steps_per_tile * a.tiles().count;
    SinkQueue queue(sink, rows);
    int turn = 0;
    for (Index first = first_block; first < last_block; first += group, turn ^= 1) {
        const Index blocks = std::min(group, last_block - first);
        const Index column = first * kBlockCols;
        const Index cols = std::min(b.cols - column, blocks * kBlockCols);
        float* values = buffers[turn].resize(1, group * block_size).data;
        if (cols % kBlockCols != 0)
            std::fill_n(values + (blocks - 1) * block_size, block_size, 0.0f);
        const BlockedView c{values, rows, cols, kBlockCols, block_size};
        // A kernel may take fewer columns than a block has.
        for (Index done = 0; done < cols; done += table.sparse_nr) {
            SparsePanel panel = make_panel(a, b.middle_cols(column, cols), done,
                                           std::min(table.sparse_nr, cols - done), c);
            for (Index tile = 0; tile < a.tiles().count; ++tile) {
                choose_tile(panel, a, tile, Write::overwrite);
                for (Index step = 0; step < steps_per_tile; ++step) {
                    panel.rows = std::min(kRowsAtOnce, rows - step * kRowsAtOnce);
                    table.sparse_panel(panel);
                    panel.order += panel.rows;
                    queue.take_until(rows * (tile * steps_per_tile + step + 1) / steps);
                }
            }
        }
        queue.put(values, first, blocks);
    }
    queue.take_until(rows);
}

void check_operands(const SparseRows& a, ConstBlockedView b) {
    if (a.cols() != b.rows)
        throw Error(
            ErrorKind::argument, "sparse_gemm", "operands do not fit",
            std::to_string(a.rows()) + " x " + std::to_string(a.cols()) + " and " + shape_string(b),
            "equal inner sizes");
    if (b.first_col % kBlockCols != 0)
        throw Error(ErrorKind::argument, "sparse_gemm",
                    "a window that begins within a block of columns");
}

OpCall describe_call(const SparseRows& a, ConstBlockedView b, SinkCost result) {
    const double m = double(a.rows()), n = double(b.cols), entries = double(a.count());
    // An entry is its value and a 16-bit position.
    constexpr double kEntryBytes = sizeof(float) + sizeof(std::uint16_t);
    return {.op = a.is_transpose() ? "sparse_gemm_tn" : "sparse_gemm_nn",
            .m = a.rows(),
            .n = b.cols,
            .k = a.cols(),
            .density = a.density(),
            .flops = 2 * entries * n + result.flops_per_value * m * n,
            .bytes = kEntryBytes * entries + sizeof(float) * double(b.rows) * n +
                     result.bytes_per_value * m * n,
            .sink = result.name};
}

Index block_count(ConstBlockedView m) { return (m.cols + kBlockCols - 1) / kBlockCols; }

}  // namespace

// Threads share the columns, in whole blocks.
void sparse_gemm(const SparseRows& a, ConstBlockedView b, Write write, BlockedView c,
                 const Epilogue& epilogue) {
    check_operands(a, b);
    check_shape("sparse_gemm", c, a.rows(), b.cols);
    if (c.first_col % kBlockCols != 0)
        throw Error(ErrorKind::argument, "sparse_gemm",
                    "a window that begins within a block of columns");
    if (c.empty()) return;
    const OpScope scope(describe_call(a, b, {"", 0, sizeof(float)}));
    parallel_for(block_count(b), 1, [&](Index first, Index last) {
        multiply_columns(active_kernels(), a, b, first, last, write, c, epilogue);
    });
}

void sparse_gemm(const SparseRows& a, ConstBlockedView b, TileSink& sink) {
    check_operands(a, b);
    if (a.rows() == 0) return;
    const OpScope scope(describe_call(a, b, sink.cost()));
    parallel_for(block_count(b), 1, [&](Index first, Index last) {
        multiply_for_sink(active_kernels(), a, b, first, last, sink);
    });
}

}  // namespace handgrad
