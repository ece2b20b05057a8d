// Threads. This file and parallel.cpp are the only place that knows OpenMP.
#pragma once

#include <type_traits>

#include "export.hpp"
#include "matrix.hpp"

namespace handgrad {

// How many threads parallel_for may use. At first: one per processor this process may run on.
HANDGRAD_API int thread_count();
// Throws Error(argument) unless 1 <= count <= 1024. Not to be called from inside parallel_for.
HANDGRAD_API void set_thread_count(int count);

namespace detail {
using RangeFunction = void (*)(void* body, Index begin, Index end);
HANDGRAD_API void parallel_for(Index n, Index grain, RangeFunction function, void* body);
}  // namespace detail

// Calls body(begin, end) so that the ranges cover [0, n) exactly once, each on one thread. Ranges
// begin at multiples of `grain` and, but for the last, hold whole grains; with at most one grain of
// work, or one thread, body runs once on the caller. The cut depends on the number of threads:
// work is therefore split over outputs, never over a sum, and the bits do not depend on it.
template <class Body>
void parallel_for(Index n, Index grain, Body&& body) {
    using B = std::remove_reference_t<Body>;
    detail::parallel_for(
        n, grain, [](void* b, Index begin, Index end) { (*static_cast<B*>(b))(begin, end); },
        const_cast<void*>(static_cast<const void*>(&body)));
}

// Runs two tasks that do not touch the same memory, side by side if there are two threads. Within
// them parallel_for has one.
template <class First, class Second>
void parallel_invoke(First&& first, Second&& second) {
    parallel_for(2, 1, [&](Index begin, Index end) {
        if (begin == 0) first();
        if (end == 2) second();
    });
}

}  // namespace handgrad
