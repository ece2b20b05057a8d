#include "gemm.hpp"

#include <algorithm>
#include <string>

#include "error.hpp"
#include "parallel.hpp"

namespace handgrad {

namespace {

using kernels::GemmPanel;
using kernels::KernelTable;

// The depth of one packed panel. 512 x 48 floats are 96 KiB: the panel streams from L2 (1 MiB at
// least) while the rows of A, 8 x 512 floats = 16 KiB, stay in L1. Deeper products are cut into
// equal blocks; C holds the chains in between.
constexpr Index kMaxDepth = 512;

// Rows of C per unit of work, in micro-tiles: small enough that the units of a 128 x 512 product
// divide evenly over the threads, large enough that packing a panel twice costs little.
constexpr Index kTilesPerUnit = 4;

// Fused multiply-adds that are worth waking another thread for (about 1 us of fork and join).
constexpr Index kWorkPerThread = 1 << 16;

struct Product {
    const char* name;
    ConstMatrixView a, b;
    bool a_transposed, b_transposed;
    Index m, n, k;
};

void check(const Product& p, ConstMatrixView c) {
    const Index a_depth = p.a_transposed ? p.a.rows : p.a.cols;
    const Index b_depth = p.b_transposed ? p.b.cols : p.b.rows;
    if (a_depth != b_depth)
        throw Error(ErrorKind::argument, p.name, "operands do not fit",
                    shape_string(p.a) + " and " + shape_string(p.b), "equal inner sizes");
    check_shape(p.name, c, p.m, p.n);
}

// Multiplies rows [first_row, last_row) by the columns [first_col, first_col + n), n <= nr.
void multiply_columns(const KernelTable& table, const Product& p, Index first_row, Index last_row,
                      Index first_col, Write write, MatrixView c, const Epilogue& epilogue) {
    thread_local Matrix packed;  // kept from call to call: no allocation after the first
    packed.resize(1, kMaxDepth * table.nr);

    GemmPanel panel;
    panel.m = last_row - first_row;
    panel.n = std::min(table.nr, p.n - first_col);
    panel.lda = p.a.ld;
    panel.a_transposed = p.a_transposed;
    panel.b = packed.row(0);
    panel.c = c.row(first_row) + first_col;
    panel.ldc = c.ld;
    panel.continue_chain = write == Write::accumulate;

    const Index blocks = std::max<Index>(1, (p.k + kMaxDepth - 1) / kMaxDepth);
    for (Index block = 0; block < blocks; ++block) {
        const Index begin = p.k * block / blocks, end = p.k * (block + 1) / blocks;
        panel.k = end - begin;
        panel.a = p.a_transposed ? p.a.row(begin) + first_row : p.a.row(first_row) + begin;
        if (p.b_transposed)
            table.pack_b_transposed(p.b.row(first_col) + begin, p.b.ld, panel.k, panel.n,
                                    packed.row(0));
        else
            table.pack_b(p.b.row(begin) + first_col, p.b.ld, panel.k, panel.n, packed.row(0));
        if (block == blocks - 1) {
            panel.bias = epilogue.bias != nullptr ? epilogue.bias + first_col : nullptr;
            panel.activation = epilogue.activation;
        }
        table.gemm_panel(panel);
        panel.continue_chain = true;
    }
}

void multiply(const Product& p, Write write, MatrixView c, const Epilogue& epilogue) {
    check(p, c);
    if (c.empty()) return;
    const KernelTable& table = active_kernels();

    // A unit is one panel of columns by some rows; units of the same columns follow one another,
    // so that a thread packs most panels it needs once.
    const Index unit_rows = table.mr * kTilesPerUnit;
    const Index row_units = (p.m + unit_rows - 1) / unit_rows;
    const Index col_units = (p.n + table.nr - 1) / table.nr;
    const Index unit_work = std::max<Index>(1, unit_rows * table.nr * p.k);
    const Index grain = std::max<Index>(1, kWorkPerThread / unit_work);
    parallel_for(row_units * col_units, grain, [&](Index begin, Index end) {
        for (Index unit = begin; unit < end;) {
            const Index column = unit / row_units;
            const Index last = std::min(end, (column + 1) * row_units);
            multiply_columns(table, p, (unit - column * row_units) * unit_rows,
                             std::min(p.m, (last - column * row_units) * unit_rows),
                             column * table.nr, write, c, epilogue);
            unit = last;
        }
    });
}

}  // namespace

void gemm_nn(ConstMatrixView a, ConstMatrixView b, Write write, MatrixView c,
             const Epilogue& epilogue) {
    multiply({"gemm_nn", a, b, false, false, a.rows, b.cols, a.cols}, write, c, epilogue);
}

void gemm_nt(ConstMatrixView a, ConstMatrixView b, Write write, MatrixView c,
             const Epilogue& epilogue) {
    multiply({"gemm_nt", a, b, false, true, a.rows, b.rows, a.cols}, write, c, epilogue);
}

void gemm_tn(ConstMatrixView a, ConstMatrixView b, Write write, MatrixView c,
             const Epilogue& epilogue) {
    multiply({"gemm_tn", a, b, true, false, a.cols, b.cols, a.rows}, write, c, epilogue);
}

}  // namespace handgrad
