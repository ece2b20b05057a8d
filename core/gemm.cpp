#include "gemm.hpp"

#include <algorithm>
#include <string>

#include "error.hpp"
#include "parallel.hpp"

namespace handgrad {

namespace {

using kernels::GemmPanel;
using kernels::KernelTable;

// The depth of a panel; deeper products are cut into equal slices, and C holds the chains in
// between. A packed panel stays in L1 while all rows of A meet it (512-bit vectors: 170 deep, 4 %
// faster than 512); one that is read in place comes from L2 just as fast (3 % faster than 170).
constexpr Index kPackedPanel = 1 << 13;  // in floats
constexpr Index kDepthInPlace = 512;

// Floats of packed panels that wait together for the rows of A: half of a small L2.
constexpr Index kPanelGroup = 1 << 17;

// Rows of C per unit of work, in micro-tiles: small enough that the units of a 128 x 512 product
// divide evenly over the threads, large enough that packing a panel twice costs little.
constexpr Index kTilesPerUnit = 4;

// Fused multiply-adds that are worth waking another thread for (about 1 us of fork and join).
constexpr Index kWorkPerThread = 1 << 16;

struct Product {
    const char* name;
    ConstMatrixView a;
    ConstBlockedView b;
    bool a_transposed, b_transposed;
    Index m, n, k;
    TileSink* sink = nullptr;  // takes C, if there is one

    // B is the panels that the kernels read. (One row could be a row-major matrix as well.)
    bool b_in_place() const {
        return !b_transposed && b.ld == kBlockCols && b.block_stride > kBlockCols &&
               b.first_col == 0;
    }
};

void check_operands(const Product& p) {
    const Index a_depth = p.a_transposed ? p.a.rows : p.a.cols;
    const Index b_depth = p.b_transposed ? p.b.cols : p.b.rows;
    if (a_depth != b_depth)
        throw Error(ErrorKind::argument, p.name, "operands do not fit",
                    shape_string(p.a) + " and " + shape_string(p.b), "equal inner sizes");
    if (p.b.first_col % kBlockCols != 0)
        throw Error(ErrorKind::argument, p.name, "a window that begins within a block of columns");
}

void check_result(const Product& p, ConstBlockedView c) {
    check_shape(p.name, c, p.m, p.n);
    if (c.first_col % kBlockCols != 0)
        throw Error(ErrorKind::argument, p.name, "a window that begins within a block of columns");
}

// How the product is cut: a unit is one panel of columns by some rows, and units of the same
// columns follow one another.
struct Units {
    Index rows;       // rows of C in a unit
    Index per_panel;  // units one below the other
};

// How deep a panel may be.
Index max_depth(const KernelTable& table, const Product& p) {
    if (p.sink != nullptr) return std::max<Index>(1, p.k);  // a sink takes finished chains only
    return p.b_in_place() ? kDepthInPlace : kPackedPanel / table.nr;
}

// Where slice i of n begins in k: at a whole block, for a transposed B.
Index slice_begin(Index k, Index i, Index n) {
    return i == n ? k : k * i / n / kBlockCols * kBlockCols;
}

// Packs the columns of panel j, at most nr, of rows [k_begin, k_end) of B.
void pack_panel(const KernelTable& table, const Product& p, Index j, Index k_begin, Index k_end,
                float* packed) {
    const Index column = j * table.nr, n = std::min(table.nr, p.n - column), k = k_end - k_begin;
    if (p.b_transposed)
        table.pack_b_transposed(p.b.at(column, k_begin), p.b.ld, p.b.block_stride, k, n, packed);
    else
        table.pack_b(p.b.at(k_begin, column), p.b.ld, k, n, packed);
}

// One panel, whose columns begin with a block, by the rows of a unit, A packed. A micro-tile at a
// time: it is in L1 when the sink takes it.
void multiply_for_sink(const KernelTable& table, GemmPanel panel, Index row, Index block,
                       TileSink& sink) {
    const Index blocks = (panel.n + kBlockCols - 1) / kBlockCols;
    float* last = panel.c + (blocks - 1) * panel.c_block_stride;
    for (Index left = panel.m; left > 0; left -= panel.m, row += panel.m) {
        panel.m = std::min(table.mr, left);
        if (panel.n % kBlockCols != 0) std::fill_n(last, panel.m * kBlockCols, 0.0f);
        table.gemm_panel(panel);
        for (Index b = 0; b < blocks; ++b)
            sink.take(row, block + b,
                      {panel.c + b * panel.c_block_stride, std::size_t(panel.m * kBlockCols)});
        panel.a += panel.m * panel.k;
    }
}

// Multiplies the units [begin, end). Their panels of B are packed first, unless they are panels
// already; then every block of rows of A meets all of them, so that it is packed, where it needs to
// be, and fetched into L1 once.
void multiply_units(const KernelTable& table, const Product& p, Units units, Index begin, Index end,
                    Write write, BlockedView c, const Epilogue& epilogue) {
    // Kept from call to call: no allocation after the first.
    thread_local Matrix packed_a, packed_b, tile;
    const Index first = begin / units.per_panel, last = (end - 1) / units.per_panel;
    const Index most = max_depth(table, p);
    const Index slices = std::max<Index>(1, (p.k + most - 1) / most);
    const Index depth = p.k / slices + kBlockCols;  // of the deepest
    // Not narrower than a block, of which a panel may be a part.
    const Index panel_size = depth * std::max(table.nr, kBlockCols);
    if (!p.b_in_place()) packed_b.resize(last - first + 1, panel_size);
    if (p.a_transposed) packed_a.resize(1, depth * units.rows);
    const Index tile_stride = table.mr * kBlockCols;  // from block to block, for a sink
    if (p.sink != nullptr) tile.resize(1, table.mr * table.nr);

    GemmPanel panel;
    panel.lda = p.a.ld;
    panel.a_packed = p.a_transposed;
    panel.ldc = p.sink != nullptr ? kBlockCols : c.ld;
    panel.c_block_stride = p.sink != nullptr ? tile_stride : c.block_stride;
    for (Index slice = 0; slice < slices; ++slice) {
        const Index k_begin = slice_begin(p.k, slice, slices);
        const Index k_end = slice_begin(p.k, slice + 1, slices);
        const bool finish = slice == slices - 1;
        panel.k = k_end - k_begin;
        panel.b_block_stride = p.b_in_place() ? p.b.block_stride : panel.k * kBlockCols;
        panel.continue_chain = slice > 0 || write == Write::accumulate;
        if (finish) panel.activation = epilogue.activation;
        if (!p.b_in_place())
            for (Index j = first; j <= last; ++j)
                pack_panel(table, p, j, k_begin, k_end, packed_b.row(j - first));
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
                panel.b = p.b_in_place() ? p.b.at(k_begin, column) : packed_b.row(j - first);
                if (p.sink != nullptr) {
                    panel.c = tile.row(0);
                    multiply_for_sink(table, panel, row, column / kBlockCols, *p.sink);
                    continue;
                }
                panel.c = c.at(row, column);
                if (finish && epilogue.bias != nullptr) panel.bias = epilogue.bias + column;
                table.gemm_panel(panel);
            }
        }
    }
}

OpCall describe_call(const Product& p) {
    const double m = double(p.m), n = double(p.n), k = double(p.k);
    OpCall call{.op = p.name, .m = p.m, .n = p.n, .k = p.k};
    const SinkCost result = p.sink != nullptr ? p.sink->cost() : SinkCost{"", 0, sizeof(float)};
    call.sink = result.name;
    call.flops = (2 * k + result.flops_per_value) * m * n;
    call.bytes = sizeof(float) * (m * k + k * n) + result.bytes_per_value * m * n;
    return call;
}

void multiply(const Product& p, Write write, BlockedView c, const Epilogue& epilogue) {
    check_operands(p);
    if (p.sink == nullptr) check_result(p, c);
    if (p.m == 0 || p.n == 0) return;
    const OpScope scope(describe_call(p));
    const KernelTable& table = active_kernels();

    const Index unit_rows = table.mr * kTilesPerUnit;
    const Units units{unit_rows, (p.m + unit_rows - 1) / unit_rows};
    const Index panels = (p.n + table.nr - 1) / table.nr;
    const Index unit_work = std::max<Index>(1, unit_rows * table.nr * p.k);
    const Index grain = std::max<Index>(1, kWorkPerThread / unit_work);
    parallel_for(units.per_panel * panels, grain, [&](Index begin, Index end) {
        // Rows that lie side by side are fetched well as they are, and a panel at a time stays
        // near for all of them; rows that must be packed meet as many panels as L2 holds.
        const Index panel_size = std::min(p.k, max_depth(table, p)) * table.nr;
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

void gemm_nn(ConstMatrixView a, ConstBlockedView b, Write write, MatrixView c,
             const Epilogue& epilogue) {
    multiply({"gemm_nn", a, b, false, false, a.rows, b.cols, a.cols}, write, c, epilogue);
}

void gemm_nt(ConstMatrixView a, ConstBlockedView b, Write write, MatrixView c) {
    multiply({"gemm_nt", a, b, false, true, a.rows, b.rows, a.cols}, write, c, {});
}

void gemm_tn(ConstMatrixView a, ConstMatrixView b, Write write, BlockedView c) {
    multiply({"gemm_tn", a, b, true, false, a.cols, b.cols, a.rows}, write, c, {});
}

// Where panels are narrower than a block, C is computed first.
void gemm_tn(ConstMatrixView a, ConstMatrixView b, TileSink& sink) {
    Product product{"gemm_tn", a, b, true, false, a.cols, b.cols, a.rows, &sink};
    if (active_kernels().nr % kBlockCols == 0) return multiply(product, Write::overwrite, {}, {});
    product.sink = nullptr;
    thread_local Matrix whole;
    const Index blocks = (b.cols + kBlockCols - 1) / kBlockCols, size = a.cols * kBlockCols;
    whole.resize(blocks, size);
    const BlockedView c{whole.row(0), a.cols, b.cols, kBlockCols, whole.ld()};
    if (blocks > 0) std::fill_n(whole.row(blocks - 1), size, 0.0f);
    multiply(product, Write::overwrite, c, {});
    for (Index block = 0; block < blocks; ++block)
        sink.take(0, block, {whole.row(block), std::size_t(size)});
}

}  // namespace handgrad
