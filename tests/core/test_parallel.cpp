#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

#include "../../core/error.hpp"
#include "../../core/ops.hpp"
#include "../../core/parallel.hpp"

using namespace handgrad;

TEST_CASE("parallel_for covers every index once, in ranges that begin at whole grains") {
    const int before = thread_count();
    for (int threads : {1, 2, 3, 8}) {
        set_thread_count(threads);
        for (Index n : {0, 1, 7, 64, 1000})
            for (Index grain : {1, 16, 4096}) {
                std::vector<std::atomic<int>> seen(static_cast<std::size_t>(n));
                std::atomic<int> bad_begins{0};
                parallel_for(n, grain, [&](Index begin, Index end) {
                    bad_begins += begin % grain != 0;
                    for (Index i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
                });
                Index not_once = 0;
                for (const auto& count : seen) not_once += count != 1;
                CHECK(not_once == 0);
                CHECK(bad_begins == 0);
            }
    }
    set_thread_count(before);
}

TEST_CASE("an exception in the body reaches the caller") {
    const int before = thread_count();
    for (int threads : {1, 4}) {
        set_thread_count(threads);
        CHECK_THROWS_AS(parallel_for(100, 1,
                                     [](Index begin, Index) {
                                         if (begin == 0) throw std::runtime_error("x");
                                     }),
                        std::runtime_error);
    }
    set_thread_count(before);
}

TEST_CASE("a nested parallel_for runs on its own thread") {
    const int before = thread_count();
    set_thread_count(4);
    std::atomic<Index> sum{0};
    parallel_for(8, 1, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i)
            parallel_for(10, 1, [&](Index b, Index e) { sum += e - b; });
    });
    CHECK(sum == 80);
    set_thread_count(before);
}

TEST_CASE("parallel_invoke runs each task once, on any number of threads") {
    const int before = thread_count();
    for (int threads : {1, 2, 3}) {
        set_thread_count(threads);
        int first = 0, second = 0;
        parallel_invoke([&] { ++first; }, [&] { ++second; });
        CHECK(first == 1);
        CHECK(second == 1);
        CHECK_THROWS_AS(parallel_invoke([] {}, [] { throw std::runtime_error("x"); }),
                        std::runtime_error);
    }
    set_thread_count(before);
}

TEST_CASE("thread counts out of range are refused") {
    CHECK_THROWS_AS(set_thread_count(0), Error);
    CHECK_THROWS_AS(set_thread_count(-1), Error);
    CHECK_THROWS_AS(set_thread_count(1025), Error);
}

TEST_CASE("sum_over_rows adds in the order of the rows, whatever the number of threads") {
    const int before = thread_count();
    // 1, then numbers that vanish beside it unless they are added first: the order shows.
    const auto value = [](Index i) { return i == 0 ? 1.0 : 1e-16 * double(i % 3); };
    double expected = 0;
    for (Index i = 0; i < 1000; ++i) expected += value(i);
    for (int threads : {1, 2, 3, 7}) {
        set_thread_count(threads);
        CHECK(sum_over_rows(1000, 100000, value) == expected);
    }
    set_thread_count(before);
}
