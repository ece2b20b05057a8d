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

// Multiplies the columns [first_block, last_block) of B, in blocks. c is where column 0 is.
void multiply_columns(const kernels::KernelTable& table, const SparseRows& a, ConstBlockedView b,
                      Index first_block, Index last_block, Write write, BlockedView c,
                      const Epilogue& epilogue) {
    kernels::SparsePanel panel;
    panel.rows = a.rows();
    panel.begin_stride = a.tiles().count;
    panel.index = a.index();
    panel.value = a.value();
    panel.ldb = b.ld;
    panel.b_block_stride = b.block_stride;
    panel.ldc = c.ld;
    panel.c_block_stride = c.block_stride;
    const Index end = std::min(b.cols, last_block * kBlockCols);
    for (Index column = first_block * kBlockCols; column < end; column += table.sparse_nr) {
        panel.n = std::min(table.sparse_nr, end - column);
        panel.b = b.at(0, column);
        panel.c = c.at(0, column);
        panel.bias = nullptr;
        panel.activation = Activation::linear;
        for (Index tile = 0; tile < a.tiles().count; ++tile) {
            panel.begin = a.begin() + tile;
            panel.order = a.order(tile);
            panel.continue_chain = tile > 0 || write == Write::accumulate;
            if (tile == a.tiles().count - 1) {
                if (epilogue.bias != nullptr) panel.bias = epilogue.bias + column;
                panel.activation = epilogue.activation;
            }
            table.sparse_panel(panel);
        }
    }
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
    const Index size = a.rows() * kBlockCols;
    parallel_for(block_count(b), 1, [&](Index first, Index last) {
        const kernels::KernelTable& table = active_kernels();
        const Index group = std::max<Index>(1, table.sparse_nr / kBlockCols);
        thread_local Matrix tile;  // kept from call to call
        for (; first < last; first += group) {
            const Index end = std::min(last, first + group);
            const Index cols = std::min(b.cols, end * kBlockCols) - first * kBlockCols;
            tile.resize(1, group * size);
            if (cols % kBlockCols != 0)
                std::fill_n(tile.row(0) + (end - first - 1) * size, size, 0.0f);
            const BlockedView c{tile.row(0), a.rows(), cols, kBlockCols, size};
            multiply_columns(table, a, b.middle_cols(first * kBlockCols, cols), 0, end - first,
                             Write::overwrite, c, {});
            for (Index block = first; block < end; ++block)
                sink.take(0, block, {tile.row(0) + (block - first) * size, std::size_t(size)});
        }
    });
}

}  // namespace handgrad
