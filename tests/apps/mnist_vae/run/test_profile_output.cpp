// What --profile, --trace and HANDGRAD_VERBOSE make of the ops that the library tells them.
#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "../../../../apps/mnist_vae/commands/listening.hpp"
#include "../../../../apps/mnist_vae/commands/verbose_lines.hpp"
#include "../../../../apps/mnist_vae/run/profile_table.hpp"
#include "../../../../apps/mnist_vae/run/trace.hpp"
#include "../../../../core/error.hpp"
#include "../../../support/environment_variable.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using handgrad::test::EnvironmentVariable;

namespace {

constexpr std::int64_t kMillisecond = 1'000'000;

OpCall call(const char* op, const char* layer, std::int64_t milliseconds) {
    return {.op = op,
            .m = 128,
            .n = 512,
            .k = 784,
            .flops = 1e8,
            .bytes = 1e6,
            .layer = layer,
            .phase = "training step",
            .begin = 5 * kMillisecond,
            .end = (5 + milliseconds) * kMillisecond};
}

// The line of the table that begins with this.
std::string line_of(const std::string& table, const std::string& start) {
    std::stringstream lines(table);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(start)) return line;
    return "no line " + start;
}

std::vector<std::string> words(const std::string& line) {
    std::stringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

}  // namespace

TEST_CASE("profile table: calls, times, shares and rates add up") {
    ProfileTable table;
    for (int step = 0; step < 2; ++step) {
        table.op_done(call("gemm_nn", "decoder.1", 1));
        table.op_done(call("gemm_nt", "decoder.1", 4));
        OpCall fused = call("gemm_tn", "decoder.1", 2);
        fused.sink = "adam";
        table.op_done(fused);
        OpCall load = call("load_pixels", "", 2);
        load.flops = 0;
        load.k = 0;
        table.op_done(load);
        table.phase_done("training step", 0, 10 * kMillisecond);
    }
    OpCall other = call("gemm_nn", "decoder.1", 50);
    other.phase = "validation";
    table.op_done(other);
    table.phase_done("validation", 0, 60 * kMillisecond);

    const std::string text = table.format(200e9, "avx2, 2 threads");
    CHECK(text.find("profile of 2 training steps, 10.000 ms each; avx2, 2 threads, measured peak "
                    "200.0 GFLOP/s") != std::string::npos);
    using Words = std::vector<std::string>;
    // 1e8 operations in a millisecond: 100 GFLOP/s.
    CHECK(words(line_of(text, "gemm_nn")) ==
          Words{"gemm_nn", "decoder.1", "128x512x784", "2", "2.0", "10.0", "100.0", "1.0", "50.0"});
    CHECK(words(line_of(text, "gemm_tn+adam")) == Words{"gemm_tn+adam", "decoder.1", "128x512x784",
                                                        "2", "4.0", "20.0", "50.0", "0.5", "25.0"});
    CHECK(words(line_of(text, "load_pixels")) ==
          Words{"load_pixels", "128x512", "2", "4.0", "20.0", "-", "0.5", "-"});
    CHECK(words(line_of(text, "all ops")) ==
          Words{"all", "ops", "8", "18.0", "90.0", "33.3", "0.4", "16.7"});
    CHECK(words(line_of(text, "decoder.1")) ==
          Words{"decoder.1", "6", "14.0", "70.0", "42.9", "0.4", "21.4"});
    CHECK(line_of(text, "outside the steps") == "outside the steps: validation 60.0 ms");
    // Largest first, and nothing wider than a terminal.
    CHECK(text.find("gemm_nt") < text.find("gemm_tn+adam"));
    std::stringstream lines(text);
    for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 100);
}

TEST_CASE("profile table: without a step it says so") {
    CHECK(ProfileTable().format(1e9, "") == "profile: no training step was done\n");
}

TEST_CASE("trace: valid JSON with one track a thread, times in microseconds") {
    Trace trace;
    trace.op_done(call("gemm_nn", "encoder.0", 3));
    trace.share_done({"gemm_nn", 0, 5 * kMillisecond, 7 * kMillisecond});
    trace.share_done({"gemm_nn", 1, 5 * kMillisecond, 8 * kMillisecond});
    trace.phase_done("training step", 4 * kMillisecond, 9 * kMillisecond);
    const nlohmann::json json = nlohmann::json::parse(trace.to_json());
    std::map<std::string, int> categories;
    std::set<int> tracks, named;
    for (const auto& event : json.at("traceEvents")) {
        if (event.at("ph") == "M") {
            if (event.at("name") == "thread_name") named.insert(event.at("tid").get<int>());
            continue;
        }
        CHECK(event.at("ph") == "X");
        CHECK(event.at("pid") == 1);
        tracks.insert(event.at("tid").get<int>());
        ++categories[event.at("cat")];
        if (event.at("cat") == "op") {
            CHECK(event.at("name") == "gemm_nn");
            CHECK(event.at("dur") == doctest::Approx(3000));
            CHECK(event.at("args").at("layer") == "encoder.0");
            CHECK(event.at("args").at("shape") == "128x512x784");
            CHECK(event.at("args").at("GFLOP/s") == doctest::Approx(33.3));
        }
    }
    CHECK(categories == std::map<std::string, int>{{"op", 1}, {"phase", 1}, {"share", 2}});
    CHECK(tracks == std::set<int>{0, 1});
    CHECK(named == tracks);
    CHECK(trace.dropped() == 0);
}

TEST_CASE("trace: what does not fit is counted") {
    Trace trace(2);
    for (int i = 0; i < 5; ++i) trace.op_done(call("gemm_nn", "", 1));
    trace.share_done({"gemm_nn", 1, 0, 1});
    CHECK(trace.dropped() == 3);
    CHECK(nlohmann::json::parse(trace.to_json()).at("traceEvents").size() == 2 + 3 + 1);
}

TEST_CASE("verbose: a line for an op, without rates that nobody counted") {
    OpCall op = call("gemm_nn", "decoder.1", 2);
    const std::string line = format_verbose_line(op);
    CHECK(line.starts_with("handgrad gemm_nn:128x512x784 "));
    CHECK(line.find(" 2.000 ms 50.0 GFLOP/s decoder.1") != std::string::npos);
    op.flops = 0;
    op.layer = "";
    CHECK(format_verbose_line(op).ends_with(" 2.000 ms"));
}

TEST_CASE("verbose: the environment variable is 0 or 1") {
    const auto wanted = [](const char* value) {
        const EnvironmentVariable variable("HANDGRAD_VERBOSE", value);
        return verbose_lines_wanted();
    };
    unsetenv("HANDGRAD_VERBOSE");
    CHECK_FALSE(verbose_lines_wanted());
    CHECK_FALSE(wanted(""));
    CHECK_FALSE(wanted("0"));
    CHECK(wanted("1"));
    for (const char* bad : {"2", "on", " 1", "-1"}) CHECK_THROWS_AS(wanted(bad), Error);
}

TEST_CASE("listening: several hear the same, each as long as it wants") {
    if (!profiling_is_built()) return;
    struct Counter : Profiler {
        int ops = 0;
        void op_done(const OpCall&) override { ++ops; }
    } first, second;
    const auto op = [] { const OpScope scope({.op = "op"}); };
    {
        const Listening a(first);
        op();
        {
            const Listening b(second);
            op();
        }
        op();
    }
    op();
    CHECK(active_profiler() == nullptr);
    CHECK(first.ops == 3);
    CHECK(second.ops == 1);
}
