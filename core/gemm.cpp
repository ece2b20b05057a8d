#include "gemm.hpp"

#include <algorithm>
#include <string>

#include "error.hpp"
#include "machine.hpp"
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

// Floats of packed rows of A that wait together for the panels of B: half of a small L2.
constexpr Index kPackedRows = 1 << 17;

// The same of rows in place: half of the L2 there is. (512 x 2048 x 784 with 2 MiB: 81 instead of
// 75 % of the peak.)
Index floats_in_half_l2() {
    static const Index floats = l2_cache_bytes() / 2 / Index(sizeof(float));
    return floats;
}

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

    // The columns of C in panels of nr. One is narrower if they do not come out even; it stands in
    // the middle, so that two threads that take half of the panels each have half of the work,
    // unless its end is within a block.
    Index panels(Index nr) const { return (n + nr - 1) / nr; }
    Index narrow_panel(Index nr) const {
        return n % kBlockCols == 0 && nr % kBlockCols == 0 ? panels(nr) / 2 : panels(nr) - 1;
    }
    Index panel_begin(Index j, Index nr) const {
        return j <= narrow_panel(nr) ? j * nr : n - (panels(nr) - j) * nr;
    }

    // B is the panels that the kernels read. (One row could be a row-major matrix as well.)
    bool b_is_panels() const {
        return !b_transposed && b.ld == kBlockCols && b.block_stride > kBlockCols &&
               b.first_col == 0;
    }
    // Or B is in whole vectors, and meets so few rows that packing it would not pay.
    bool b_in_place(const KernelTable& table) const {
        return b_is_panels() || (!b_transposed && m <= table.mr && n % kBlockCols == 0);
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
    return p.b_in_place(table) ? kDepthInPlace : kPackedPanel / table.nr;
}

// Where slice i of n begins in k: at a whole block, for a transposed B.
Index slice_begin(Index k, Index i, Index n) {
    return i == n ? k : k * i / n / kBlockCols * kBlockCols;
}

// Packs the columns of panel j, at most nr, of rows [k_begin, k_end) of B.
void pack_panel(const KernelTable& table, const Product& p, Index j, Index k_begin, Index k_end,
                float* packed) {
    const Index column = p.panel_begin(j, table.nr), k = k_end - k_begin;
    const Index n = p.panel_begin(j + 1, table.nr) - column;
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

// Rows of C, and what they meet: the units [begin, end) of a thread, cut by slices of k and, where
// A is packed, by windows of rows.
class UnitProduct {
  public:
    UnitProduct(const KernelTable& table, const Product& p, Units units, Index begin, Index end,
                Write write, BlockedView c, const Epilogue& epilogue)
        : table_(table),
          p_(p),
          units_(units),
          begin_(begin),
          end_(end),
          write_(write),
          c_(c),
          epilogue_(epilogue),
          slices_(std::max<Index>(1, (p.k + max_depth(table, p) - 1) / max_depth(table, p))) {}

    // Rows that lie side by side are fetched well as they are: a panel of B at a time, whose chains
    // are finished before the next, by as many rows as stay near until then.
    void run() {
        if (p_.a_transposed) return run_packed();
        const Index window = whole_units(floats_in_half_l2() / std::max<Index>(1, p_.k));
        for (Index row = 0; row < p_.m; row += window)
            for (Index j = first_panel(); j <= last_panel(); ++j)
                for (Index s = 0; s < slices_; ++s)
                    multiply_panel(j, s, row, std::min(p_.m, row + window), nullptr);
    }

  private:
    // Rows that must be packed meet all panels before the next are packed. A panel at a time, so
    // that its columns of C are walked down once.
    void run_packed() {
        thread_local Matrix packed;  // kept from call to call: no allocation after the first
        const bool one_panel = first_panel() == last_panel();
        const Index first = one_panel ? begin_ % units_.per_panel * units_.rows : 0;
        const Index last = one_panel ? std::min(p_.m, first + (end_ - begin_) * units_.rows) : p_.m;
        const Index window = whole_units(kPackedRows / slice_depth());
        packed.resize(1, window * slice_depth());
        for (Index row = first; row < last; row += window) {
            const Index row_end = std::min(last, row + window);
            for (Index s = 0; s < slices_; ++s) {
                table_.pack_a_transposed(p_.a.row(k_begin(s)) + row, p_.a.ld,
                                         k_begin(s + 1) - k_begin(s), row_end - row, packed.row(0));
                for (Index j = first_panel(); j <= last_panel(); ++j)
                    multiply_panel(j, s, row, row_end, packed.row(0));
            }
        }
    }

    // Panel j by the rows from `row` to `row_end` that are among the units. packed_a: these rows.
    void multiply_panel(Index j, Index s, Index row, Index row_end, const float* packed_a) {
        thread_local Matrix packed_b, tile;
        const Index first = std::max(row, row_of(std::max(begin_, j * units_.per_panel)));
        const Index last =
            std::min(row_end, row_of(std::min(end_, (j + 1) * units_.per_panel) - 1) + units_.rows);
        if (first >= last) return;
        const Index column = p_.panel_begin(j, table_.nr);
        GemmPanel panel;
        panel.m = last - first;
        panel.n = p_.panel_begin(j + 1, table_.nr) - column;
        panel.k = k_begin(s + 1) - k_begin(s);
        panel.lda = p_.a.ld;
        panel.a_packed = packed_a != nullptr;
        panel.a =
            packed_a != nullptr ? packed_a + (first - row) * panel.k : p_.a.row(first) + k_begin(s);
        if (p_.b_in_place(table_)) {
            panel.b = p_.b.at(k_begin(s), column);
            panel.ldb = p_.b.ld;
            panel.b_block_stride = p_.b.block_stride;
        } else {
            // Not narrower than a block, of which a panel may be a part.
            packed_b.resize(1, slice_depth() * std::max(table_.nr, kBlockCols));
            pack_panel(table_, p_, j, k_begin(s), k_begin(s + 1), packed_b.row(0));
            panel.b = packed_b.row(0);
            panel.b_block_stride = panel.k * kBlockCols;
        }
        panel.continue_chain = s > 0 || write_ == Write::accumulate;
        if (p_.sink != nullptr) {
            tile.resize(1, table_.mr * table_.nr);
            panel.c = tile.row(0);
            panel.ldc = kBlockCols;
            panel.c_block_stride = table_.mr * kBlockCols;
            return multiply_for_sink(table_, panel, first, column / kBlockCols, *p_.sink);
        }
        panel.c = c_.at(first, column);
        panel.ldc = c_.ld;
        panel.c_block_stride = c_.block_stride;
        if (s == slices_ - 1) {
            panel.activation = epilogue_.activation;
            if (epilogue_.bias != nullptr) panel.bias = epilogue_.bias + column;
        }
        table_.gemm_panel(panel);
    }

    // The rows of as many units as there are in `rows`, but of one at least.
    Index whole_units(Index rows) const {
        return std::max<Index>(1, rows / units_.rows) * units_.rows;
    }
    Index first_panel() const { return begin_ / units_.per_panel; }
    Index last_panel() const { return (end_ - 1) / units_.per_panel; }
    Index row_of(Index unit) const { return unit % units_.per_panel * units_.rows; }
    Index k_begin(Index s) const { return slice_begin(p_.k, s, slices_); }
    Index slice_depth() const { return p_.k / slices_ + kBlockCols; }  // of the deepest, at most

    const KernelTable& table_;
    const Product& p_;
    const Units units_;
    const Index begin_, end_;
    const Write write_;
    const BlockedView c_;
    const Epilogue& epilogue_;
    const Index slices_;
};

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
    const Index unit_work = std::max<Index>(1, unit_rows * table.nr * p.k);
    const Index grain = std::max<Index>(1, kWorkPerThread / unit_work);
    parallel_for(units.per_panel * p.panels(table.nr), grain, [&](Index begin, Index end) {
        UnitProduct(table, p, units, begin, end, write, c, epilogue).run();
    });
}

// A weight gradient of few columns, such as a head's, is computed as its transpose: a micro-tile of
// A's many columns has all its lanes to use, one of B's few would have as many as there are.
bool is_narrow(const Product& p) { return p.n <= 4 && p.m >= 64 && p.m % kBlockCols == 0; }

// C transposed (n, m), from what C holds or from +0. Valid until the next call on this thread.
ConstMatrixView multiply_narrow(const Product& p, Write write, ConstBlockedView c) {
    thread_local Matrix transposed;
    const MatrixView result = transposed.resize(p.n, p.m);
    if (write == Write::accumulate)
        for (Index j = 0; j < p.n; ++j)
            for (Index i = 0; i < p.m; ++i) result(j, i) = c(i, j);
    const ConstMatrixView b{p.b.at(0, 0), p.b.rows, p.b.cols, p.b.ld};
    multiply({p.name, b, p.a, true, false, p.n, p.m, p.k}, write, result, {});
    return result;
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
    const Product product{"gemm_tn", a, b, true, false, a.cols, b.cols, a.rows};
    if (!is_narrow(product)) return multiply(product, write, c, {});
    check_operands(product);
    check_result(product, c);
    const OpScope scope(describe_call(product));
    const ConstMatrixView transposed = multiply_narrow(product, write, c);
    for (Index i = 0; i < c.rows; ++i)
        for (Index j = 0; j < c.cols; ++j) c(i, j) = transposed(j, i);
}

// Where C is computed as its transpose, or panels are narrower than a block, it is computed first.
void gemm_tn(ConstMatrixView a, ConstMatrixView b, TileSink& sink) {
    Product product{"gemm_tn", a, b, true, false, a.cols, b.cols, a.rows, &sink};
    if (is_narrow(product)) {
        check_operands(product);
        const OpScope scope(describe_call(product));
        const ConstMatrixView transposed = multiply_narrow(product, Write::overwrite, {});
        thread_local Matrix block;
        const Index size = a.cols * kBlockCols;
        float* values = block.resize(1, size).data;
        std::fill_n(values, size, 0.0f);
        for (Index i = 0; i < a.cols; ++i)
            for (Index j = 0; j < b.cols; ++j) values[i * kBlockCols + j] = transposed(j, i);
        sink.take(0, 0, {values, std::size_t(size)});
        return;
    }
    if (active_kernels().nr % kBlockCols == 0) return multiply(product, Write::overwrite, {}, {});
    check_operands(product);
    if (product.m == 0 || product.n == 0) return;
    const OpScope scope(describe_call(product));
    product.sink = nullptr;
    thread_local Matrix whole;
    const Index blocks = (b.cols + kBlockCols - 1) / kBlockCols, size = a.cols * kBlockCols;
    whole.resize(blocks, size);
    const BlockedView c{whole.row(0), a.cols, b.cols, kBlockCols, whole.ld()};
    std::fill_n(whole.row(blocks - 1), size, 0.0f);
    multiply(product, Write::overwrite, c, {});
    for (Index block = 0; block < blocks; ++block)
        sink.take(0, block, {whole.row(block), std::size_t(size)});
}

}  // namespace handgrad
