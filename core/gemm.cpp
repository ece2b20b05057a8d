#include "gemm.hpp"

#include <algorithm>
#include <string>

#include "error.hpp"
#include "parallel.hpp"

namespace handgrad {

namespace {

using kernels::GemmPanel;
using kernels::KernelTable;

// A packed panel that stays in L1 while all rows of A meet it: deeper products are cut into equal
// blocks, and C holds the chains in between. (512-bit vectors: 170 deep, 4 % faster than 512.)
constexpr Index kPanel = 1 << 13;  // in floats

// Floats of packed panels that wait together for the rows of A: half of a small L2.
constexpr Index kPanelGroup = 1 << 17;

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

// How the product is cut: a unit is one panel of columns by some rows, and units of the same
// columns follow one another.
struct Units {
    Index rows;       // rows of C in a unit
    Index per_panel;  // units one below the other
};

Index max_depth(const KernelTable& table) { return kPanel / table.nr; }

// Packs the columns of panel j, at most nr, of rows [k_begin, k_end) of B.
void pack_panel(const KernelTable& table, const Product& p, Index j, Index k_begin, Index k_end,
                float* packed) {
    const Index column = j * table.nr, n = std::min(table.nr, p.n - column);
    if (p.b_transposed)
        table.pack_b_transposed(p.b.row(column) + k_begin, p.b.ld, k_end - k_begin, n, packed);
    else
        table.pack_b(p.b.row(k_begin) + column, p.b.ld, k_end - k_begin, n, packed);
}

// Multiplies the units [begin, end). Their panels of B are packed first; then every block of rows
// of A meets all of them, so that it is packed, where it needs to be, and fetched into L1 once.
void multiply_units(const KernelTable& table, const Product& p, Units units, Index begin, Index end,
                    Write write, MatrixView c, const Epilogue& epilogue) {
    // Kept from call to call: no allocation after the first.
    thread_local Matrix packed_a, packed_b;
    const Index first = begin / units.per_panel, last = (end - 1) / units.per_panel;
    const Index most = max_depth(table);
    const Index blocks = std::max<Index>(1, (p.k + most - 1) / most);
    const Index depth = (p.k + blocks - 1) / blocks;
    packed_b.resize(last - first + 1, depth * table.nr);
    if (p.a_transposed) packed_a.resize(1, depth * units.rows);

    GemmPanel panel;
    panel.lda = p.a.ld;
    panel.a_packed = p.a_transposed;
    panel.ldc = c.ld;
    for (Index block = 0; block < blocks; ++block) {
        const Index k_begin = p.k * block / blocks, k_end = p.k * (block + 1) / blocks;
        for (Index j = first; j <= last; ++j)
            pack_panel(table, p, j, k_begin, k_end, packed_b.row(j - first));
        panel.k = k_end - k_begin;
        panel.continue_chain = block > 0 || write == Write::accumulate;
        if (block == blocks - 1) panel.activation = epilogue.activation;
        for (Index i = 0; i < units.per_panel; ++i) {
            const Index row = i * units.rows;
            panel.m = std::min(units.rows, p.m - row);
            panel.a = p.a.row(row) + k_begin;
            if (p.a_transposed) {
                table.pack_a_transposed(p.a.row(k_begin) + row, p.a.ld, panel.k, panel.m,
                                        packed_a.row(0));
                panel.a = packed_a.row(0);
            }
            for (Index j = first; j <= last; ++j) {
                const Index unit = j * units.per_panel + i, column = j * table.nr;
                if (unit < begin || unit >= end) continue;
                panel.n = std::min(table.nr, p.n - column);
                panel.b = packed_b.row(j - first);
                panel.c = c.row(row) + column;
                if (block == blocks - 1 && epilogue.bias != nullptr)
                    panel.bias = epilogue.bias + column;
                table.gemm_panel(panel);
            }
        }
    }
}

void multiply(const Product& p, Write write, MatrixView c, const Epilogue& epilogue) {
    check(p, c);
    if (c.empty()) return;
    const KernelTable& table = active_kernels();

    const Index unit_rows = table.mr * kTilesPerUnit;
    const Units units{unit_rows, (p.m + unit_rows - 1) / unit_rows};
    const Index panels = (p.n + table.nr - 1) / table.nr;
    const Index unit_work = std::max<Index>(1, unit_rows * table.nr * p.k);
    const Index grain = std::max<Index>(1, kWorkPerThread / unit_work);
    parallel_for(units.per_panel * panels, grain, [&](Index begin, Index end) {
        // Rows that lie side by side are fetched well as they are, and a panel at a time stays in
        // L1 for all of them; rows that must be packed meet as many panels as L2 holds.
        const Index panel_size = std::min(p.k, max_depth(table)) * table.nr;
        const Index group = p.a_transposed ? kPanelGroup / std::max<Index>(1, panel_size) : 1;
        while (begin < end) {
            const Index group_end =
                std::min(end, (begin / units.per_panel + group) * units.per_panel);
            multiply_units(table, p, units, begin, group_end, write, c, epilogue);
            begin = group_end;
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
