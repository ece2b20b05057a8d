// A number of threads for a scope; the number from before is back afterwards.
#pragma once

#include "../../core/parallel.hpp"

namespace handgrad::test {

struct UseThreads {
    explicit UseThreads(int count) : before(thread_count()) { set_thread_count(count); }
    ~UseThreads() { set_thread_count(before); }
    UseThreads(const UseThreads&) = delete;
    UseThreads& operator=(const UseThreads&) = delete;
    int before;
};

}  // namespace handgrad::test
