// That every op tells what it did, once, to whoever listens, and to nobody else.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "../../handgrad.hpp"
#include "../support/collecting_sinks.hpp"
#include "../support/each_isa.hpp"
#include "../support/use_threads.hpp"

using namespace handgrad;
using namespace handgrad::test;

namespace {

struct Recorder : Profiler {
    struct Phase {
        std::string name;
        std::int64_t begin, end;
    };

    void op_done(const OpCall& call) override { calls.push_back(call); }
    void share_done(const ThreadShare& share) override {
        ++shares;
        if (share.end < share.begin) ++wrong_shares;
        if (std::string(share.op) != expected_share) ++wrong_shares;
    }
    void phase_done(const char* name, std::int64_t begin, std::int64_t end) override {
        phases.push_back({name, begin, end});
    }

    std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const OpCall& call : calls) names.push_back(op_name(call));
        return names;
    }
    const OpCall& find(const std::string& name) const {
        for (const OpCall& call : calls)
            if (op_name(call) == name) return call;
        FAIL("no op ", name);
        return calls.front();
    }

    std::vector<OpCall> calls;
    std::vector<Phase> phases;
    std::atomic<int> shares = 0, wrong_shares = 0;
    std::string expected_share;
};

struct Listen {
    explicit Listen(Profiler& p) { set_profiler(&p); }
    ~Listen() { set_profiler(nullptr); }
};

std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

}  // namespace

TEST_CASE("profile: a dense layer tells each of its ops with sizes, cost, layer and phase") {
    if (!profiling_is_built()) return;
    ParameterArena arena;
    Dense layer(arena, "encoder.0", 30, 20, Activation::relu);
    arena.allocate();
    initialize(Initializer::glorot, 0, 0, layer.weight().value, layer.bias().value);
    const Matrix x(8, 30), dy(8, 20);
    Recorder recorder;
    const std::int64_t before = now();
    {
        const Listen listen(recorder);
        const PhaseScope phase("training step");
        layer.forward(x);
        layer.backward(dy, Write::overwrite);
    }
    const std::int64_t after = now();
    CHECK(recorder.names() == std::vector<std::string>{"gemm_nn", "activation_backward", "gemm_nt",
                                                       "gemm_tn", "sum_rows"});
    std::int64_t last = before;
    for (const OpCall& call : recorder.calls) {
        CHECK(std::string(call.layer) == "encoder.0");
        CHECK(std::string(call.phase) == "training step");
        CHECK(call.begin >= last);
        CHECK(call.end >= call.begin);
        last = call.end;
    }
    CHECK(last <= after);
    REQUIRE(recorder.phases.size() == 1);
    CHECK(recorder.phases[0].name == "training step");
    CHECK(recorder.phases[0].begin <= recorder.calls.front().begin);
    CHECK(recorder.phases[0].end >= last);

    const OpCall& forward = recorder.find("gemm_nn");
    CHECK(op_shape(forward) == "8x20x30");
    CHECK(forward.flops == 2.0 * 8 * 20 * 30);
    CHECK(forward.bytes == 4.0 * (8 * 30 + 30 * 20 + 8 * 20));
    CHECK(op_shape(recorder.find("gemm_nt")) == "8x30x20");
    CHECK(op_shape(recorder.find("gemm_tn")) == "30x20x8");
    const OpCall& mask = recorder.find("activation_backward");
    CHECK(op_shape(mask) == "8x20");
    CHECK(mask.bytes == 3.0 * 4 * 8 * 20);
}

TEST_CASE("profile: nobody is told when nobody listens, and labels end with their scope") {
    if (!profiling_is_built()) return;
    Recorder recorder;
    Matrix x(4, 4), y(1, 4);
    sum_rows(x, Write::overwrite, y);
    CHECK(active_profiler() == nullptr);
    {
        const Listen listen(recorder);
        CHECK(active_profiler() == &recorder);
        {
            const LayerScope outer("outer");
            const LayerScope inner("inner");
            sum_rows(x, Write::overwrite, y);
        }
        sum_rows(x, Write::overwrite, y);
    }
    sum_rows(x, Write::overwrite, y);
    REQUIRE(recorder.calls.size() == 2);
    CHECK(std::string(recorder.calls[0].layer) == "inner");
    CHECK(std::string(recorder.calls[1].layer).empty());
}

TEST_CASE("profile: an op within an op belongs to it") {
    if (!profiling_is_built()) return;
    Recorder recorder;
    const Listen listen(recorder);
    {
        const OpScope outer({.op = "outer", .m = 1, .n = 1});
        const OpScope inner({.op = "inner", .m = 1, .n = 1});
    }
    CHECK(recorder.names() == std::vector<std::string>{"outer"});
}

TEST_CASE("profile: an op that fails is told too, and the next one is not part of it") {
    if (!profiling_is_built()) return;
    Recorder recorder;
    const Listen listen(recorder);
    try {
        const OpScope scope({.op = "fails"});
        throw 1;
    } catch (int) {
    }
    const OpScope next({.op = "next"});
    CHECK(std::string(detail::current_op()) == "next");
    CHECK(recorder.names() == std::vector<std::string>{"fails"});
}

TEST_CASE("profile: every thread tells its share of an op, under the op's name") {
    if (!profiling_is_built()) return;
    Recorder recorder;
    recorder.expected_share = "gemm_nn";
    const Matrix a(256, 256), b(256, 256);
    Matrix c(256, 256);
    const test::UseThreads threads(3);
    const Listen listen(recorder);
    gemm_nn(a, b, Write::overwrite, c);
    CHECK(recorder.shares == 3);
    CHECK(recorder.wrong_shares == 0);
    parallel_for(100000, 1, [](Index, Index) {});  // no op
    CHECK(recorder.shares == 3);
}

TEST_CASE("profile: what the threads of an op call is part of it") {
    if (!profiling_is_built()) return;
    const test::UseThreads threads(2);
    Recorder recorder;
    recorder.expected_share = "outer";
    const Listen listen(recorder);
    const Matrix x(4, 4);
    Matrix y(1, 4), z(1, 4);
    {
        const OpScope outer({.op = "outer"});
        parallel_invoke([&] { sum_rows(x, Write::overwrite, y); },
                        [&] { sum_rows(x, Write::overwrite, z); });
    }
    sum_rows(x, Write::overwrite, y);
    CHECK(recorder.names() == std::vector<std::string>{"outer", "sum_rows"});
    CHECK(recorder.shares == 2);
    CHECK(recorder.wrong_shares == 0);
}

TEST_CASE("profile: a sink is part of the op that feeds it, with its own cost") {
    if (!profiling_is_built()) return;
    // Also where panels are narrower than the blocks that a sink takes.
    for_each_isa([&] {
        ParameterArena arena;
        Dense layer(arena, "d", 32, 16, Activation::linear);
        arena.allocate();
        Adam adam(arena, AdamConfig::keras());
        const Matrix x(8, 32), dy(8, 16);
        layer.forward(x);
        Recorder recorder;
        {
            const Listen listen(recorder);
            adam.begin_step(1e-3);
            layer.backward(dy, Write::overwrite, InputGradient::skip, &adam);
        }
        CHECK(recorder.names() == std::vector<std::string>{"gemm_tn+adam", "sum_rows", "adam"});
        const OpCall& fused = recorder.find("gemm_tn+adam");
        CHECK(fused.flops == (2.0 * 8 + 12) * 32 * 16);
        CHECK(fused.bytes == 4.0 * (8 * 32 + 8 * 16) + 24.0 * 32 * 16);
        const OpCall& bias = recorder.find("adam");
        CHECK(bias.flops == 12.0 * 16);
        {
            const Listen listen(recorder);
            recorder.calls.clear();
            adam.step(1e-3);
        }
        CHECK(recorder.calls.size() == 1);
        CHECK(recorder.calls[0].bytes == 28.0 * double(arena.values().size()));
    });
}

TEST_CASE("profile: a sparse product tells its density and the work that it has") {
    if (!profiling_is_built()) return;
    Matrix x(10, 40), w(40, 16), y(10, 16), dw(40, 16);
    for (Index i = 0; i < 10; ++i) x(i, i) = x(i, 39) = 1;
    SparseBatch batch;
    batch.x.assign(x);
    Recorder recorder;
    {
        const Listen listen(recorder);
        batch.transposed.assign_transpose(batch.x);
        sparse_gemm(batch.x, w, Write::overwrite, y);
        sparse_gemm(batch.transposed, y, Write::overwrite, dw);
    }
    CHECK(recorder.names() ==
          std::vector<std::string>{"transpose_sparse", "sparse_gemm_nn", "sparse_gemm_tn"});
    const OpCall& forward = recorder.find("sparse_gemm_nn");
    CHECK(forward.density == doctest::Approx(0.05));
    CHECK(forward.flops == 2.0 * 20 * 16);
    CHECK(op_text(forward) == "sparse_gemm_nn:10x16x40:0.050");
    CHECK(op_text(recorder.find("sparse_gemm_tn")) == "sparse_gemm_tn:40x16x10:0.050");
}

TEST_CASE("profile: an op as text is read back") {
    OpCall call{.op = "gemm_tn", .m = 512, .n = 784, .k = 128, .sink = "adam"};
    CHECK(op_text(call) == "gemm_tn+adam:512x784x128");
    OpShape shape = parse_op_text(op_text(call));
    CHECK(shape.op == "gemm_tn+adam");
    CHECK(shape.m == 512);
    CHECK(shape.n == 784);
    CHECK(shape.k == 128);
    CHECK(shape.density == 1);
    shape = parse_op_text("adam:1x807700");
    CHECK(shape.op == "adam");
    CHECK(shape.n == 807700);
    CHECK(shape.k == 0);
    shape = parse_op_text("sparse_gemm_nn:128x512x784:0.191");
    CHECK(shape.k == 784);
    CHECK(shape.density == 0.191);
    for (const char* bad : {"", "gemm_nn", "gemm_nn:", ":1x2", "gemm_nn:1", "gemm_nn:1x",
                            "gemm_nn:0x2", "gemm_nn:1x2x", "gemm_nn:1x2x3x4", "gemm_nn:-1x2",
                            "gemm_nn:1x2:", "gemm_nn:1x2:2", "gemm_nn:1x2:nan", "gemm_nn:1x2 ",
                            "gemm_nn:1x99999999999999999999", "gemm_nn:1x2097152"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(parse_op_text(bad), Error);
    }
}

TEST_CASE("profile: a build without it says so") {
    if (profiling_is_built()) return;
    Recorder recorder;
    CHECK_THROWS_AS(set_profiler(&recorder), Error);
    CHECK(active_profiler() == nullptr);
}
