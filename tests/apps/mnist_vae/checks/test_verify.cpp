#include <doctest/doctest.h>

#include <algorithm>

#include "../../../../apps/mnist_vae/checks/verify.hpp"
#include "../../../../core/error.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;

TEST_CASE("verify: every path with a fused multiply-add is taken, and a scalar one") {
    const std::vector<ComputePath> paths = determinism_paths(200);
    const auto count = [&](auto condition) {
        return std::count_if(paths.begin(), paths.end(), condition);
    };
    for (Isa isa : supported_isas()) {
        if (isa == Isa::scalar || isa == Isa::sse2) continue;
        for (int threads : {1, 2, 3, 4, 7})
            for (bool sparsity : {true, false})
                for (bool fuse : {true, false})
                    CHECK(count([&](const ComputePath& p) {
                              return p.isa == isa && p.threads == threads &&
                                     p.sparsity == sparsity && p.fuse == fuse && p.steps == 200;
                          }) == 1);
    }
    CHECK(count([](const ComputePath& p) { return p.isa == Isa::sse2; }) == 0);
    CHECK(paths.back().isa == Isa::scalar);
    CHECK(paths.back().steps == 10);
    CHECK(determinism_paths(3).back().steps == 3);
}

TEST_CASE("verify: one path that differs is found and shown; steps of other numbers may differ") {
    const std::vector<ComputePath> paths{{Isa::scalar, 1, true, true, 9},
                                         {Isa::scalar, 2, true, false, 9},
                                         {Isa::scalar, 1, false, true, 5},
                                         {Isa::scalar, 7, false, true, 9}};
    std::string table;
    const auto print = [&](const std::string& text) { table += text; };
    const auto hash_of_steps = [](const ComputePath& p) { return std::to_string(p.steps); };
    CHECK_NOTHROW(verify_determinism(paths, hash_of_steps, print));
    CHECK(std::count(table.begin(), table.end(), '\n') == 5);
    CHECK(table.find("DIFFERENT") == std::string::npos);

    table.clear();
    const auto wrong_on_seven = [](const ComputePath& p) {
        return std::string(p.threads == 7 ? "bad" : "good") + std::to_string(p.steps);
    };
    CHECK_THROWS_WITH_AS(verify_determinism(paths, wrong_on_seven, print),
                         doctest::Contains("found 1 of 4 ways, expected none"), Error);
    CHECK(table.find("scalar          7  off       on        9  bad9  DIFFERENT") !=
          std::string::npos);
    try {
        verify_determinism(paths, wrong_on_seven, print);
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::mismatch);
    }
}
