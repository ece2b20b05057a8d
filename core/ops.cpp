#include "ops.hpp"

#include <string>

#include "error.hpp"

namespace handgrad {

void sum_rows(ConstMatrixView x, Write write, BlockedView y) {
    check_shape("sum_rows", y, 1, x.cols);
    const OpScope scope(describe_elementwise("sum_rows", x.rows, x.cols, 1, 1));
    const kernels::KernelTable& table = active_kernels();
    // Threads take whole cache lines of columns; the rows of one column are never split.
    const Index grain = (rows_per_thread(x.rows) / kFloatsPerLine + 1) * kFloatsPerLine;
    parallel_for(x.cols, grain, [&](Index begin, Index end) {
        table.sum_rows(x.data + begin, x.ld, x.rows, end - begin, write == Write::accumulate,
                       y.at(0, begin));  // one row: blocks or not, one array
    });
}

void scale_rows(std::span<const float> factors, MatrixView x) {
    if (Index(factors.size()) != x.rows)
        throw Error(ErrorKind::argument, "scale_rows", "another number of factors than of rows",
                    std::to_string(factors.size()), std::to_string(x.rows));
    const OpScope scope(describe_elementwise("scale_rows", x.rows, x.cols, 2, 1));
    const kernels::KernelTable& table = active_kernels();
    for_each_row(x.rows, x.cols,
                 [&](Index i) { table.scale(factors[std::size_t(i)], x.row(i), x.cols); });
}

}  // namespace handgrad
