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

void sparse_gemm(const SparseRows& a, ConstBlockedView b, Write write, BlockedView c,
                 const Epilogue& epilogue) {
    if (a.cols() != b.rows)
        throw Error(
            ErrorKind::argument, "sparse_gemm", "operands do not fit",
            std::to_string(a.rows()) + " x " + std::to_string(a.cols()) + " and " + shape_string(b),
            "equal inner sizes");
    check_shape("sparse_gemm", c, a.rows(), b.cols);
    if (b.first_col % kBlockCols != 0 || c.first_col % kBlockCols != 0)
        throw Error(ErrorKind::argument, "sparse_gemm",
                    "a window that begins within a block of columns");
    if (c.empty()) return;
    const kernels::KernelTable& table = active_kernels();

    kernels::SparsePanel product;  // what all panels share
    product.rows = a.rows();
    product.begin_stride = a.tiles().count;
    product.index = a.index();
    product.value = a.value();
    product.ldb = b.ld;
    product.b_block_stride = b.block_stride;
    product.ldc = c.ld;
    product.c_block_stride = c.block_stride;
    // Threads share the columns, in whole blocks.
    const Index blocks = (b.cols + kBlockCols - 1) / kBlockCols;
    parallel_for(blocks, 1, [&](Index first, Index last) {
        kernels::SparsePanel panel = product;
        const Index end = std::min(b.cols, last * kBlockCols);
        for (Index column = first * kBlockCols; column < end; column += table.sparse_nr) {
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
    });
}

}  // namespace handgrad
