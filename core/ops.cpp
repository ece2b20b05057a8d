#include "ops.hpp"

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

}  // namespace handgrad
