#include "parallel.hpp"

#include <omp.h>

#include <algorithm>
#include <exception>
#include <string>

#include "error.hpp"
#include "profile.hpp"

namespace handgrad {

static int g_thread_count = 0;  // 0: not chosen yet

int thread_count() {
    if (g_thread_count == 0) g_thread_count = std::clamp(omp_get_max_threads(), 1, 1024);
    return g_thread_count;
}

void set_thread_count(int count) {
    if (count < 1 || count > 1024)
        throw Error(ErrorKind::argument, "set_thread_count", "number of threads out of range",
                    std::to_string(count), "1 to 1024");
    g_thread_count = count;
}

void detail::parallel_for(Index n, Index grain, RangeFunction function, void* body) {
    if (n <= 0) return;
    const Index grains = (n + grain - 1) / grain;
    if (grains == 1 || thread_count() == 1 || omp_in_parallel()) {
        function(body, 0, n);
        return;
    }
    // An exception must not leave a parallel region: it is carried out by hand.
    std::exception_ptr failure;
    // The team always has the same size, even when there is less to do: libgomp ends the threads
    // that a smaller team leaves over, and starts new ones for the next.
    const char* const op = detail::current_op();
#pragma omp parallel num_threads(thread_count())
    {
        const std::int64_t start = op != nullptr ? detail::profile_clock() : 0;
        // What this thread calls is part of the op, too.
        const char* const outer = detail::exchange_current_op(op);
        // The runtime may grant fewer threads than asked for: cut by what there is.
        const Index id = omp_get_thread_num(), team = omp_get_num_threads();
        const Index begin = grains * id / team * grain;
        const Index end = std::min(n, grains * (id + 1) / team * grain);
        try {
            if (begin < end) function(body, begin, end);
        } catch (...) {
#pragma omp critical(handgrad_parallel_for_failure)
            failure = std::current_exception();
        }
        detail::exchange_current_op(outer);
        if (op != nullptr)
            active_profiler()->share_done({op, int(id), start, detail::profile_clock()});
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace handgrad
