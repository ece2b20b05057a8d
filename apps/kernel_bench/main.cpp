// kernel_bench: the speed of the kernels, per instruction set and number of threads, in GFLOP/s and
// in percent of the FMA peak that is measured on the same machine in the same run.
//
//   kernel_bench                                             everything
//   kernel_bench --benchmark_filter='gemm.*avx512.*threads:1'
//   kernel_bench --benchmark_format=json --benchmark_repetitions=9
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "../../handgrad.hpp"

namespace {

using namespace handgrad;

// The peaks of every instruction set and thread count in use, measured once, before any benchmark.
std::map<std::pair<Isa, int>, double> g_peaks;

Matrix random_matrix(Index rows, Index cols, unsigned seed) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> uniform(-1, 1);
    Matrix m(rows, cols);
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < cols; ++j) m(i, j) = uniform(generator);
    return m;
}

// One product of a dense layer, its operands as a training step has them: activations row-major,
// the weight (in, out) and its gradient in column blocks.
enum class Form { forward, input_gradient, weight_gradient };
struct Product {
    std::string name;
    Form form;
    Index in, out;
};

// The five big products of a training step of a 784-hidden-latent autoencoder.
std::vector<Product> products(Index hidden) {
    const Index pixels = 784;
    return {
        {"gemm_nn/x_w1", Form::forward, pixels, hidden},
        {"gemm_nn/h2_w4", Form::forward, hidden, pixels},
        {"gemm_nt/dy_w4", Form::input_gradient, hidden, pixels},
        {"gemm_tn/h2_dy", Form::weight_gradient, hidden, pixels},
        {"gemm_tn/x_dh1", Form::weight_gradient, pixels, hidden},
    };
}

// Runs `body` under the timer and reports its speed.
template <class Body>
void measure(benchmark::State& state, Isa isa, int threads, double flops, double bytes,
             Body&& body) {
    select_isa(isa);
    set_thread_count(threads);
    for (auto _ : state) {
        body();
        benchmark::ClobberMemory();
    }
    using benchmark::Counter;
    if (flops > 0) {
        state.counters["GFLOP/s"] = Counter(flops / 1e9, Counter::kIsIterationInvariantRate);
        state.counters["%peak"] =
            Counter(100.0 * flops / g_peaks.at({isa, threads}), Counter::kIsIterationInvariantRate);
    }
    if (bytes > 0)
        state.counters["GB/s"] = Counter(bytes / 1e9, Counter::kIsIterationInvariantRate);
}

void run_product(const Product& p, Index batch, benchmark::State& state, Isa isa, int threads) {
    const Matrix x = random_matrix(batch, p.in, 1), dy = random_matrix(batch, p.out, 2);
    ParameterArena arena;
    const Parameter& weight = arena.add("weight", p.in, p.out);
    arena.allocate();
    initialize(Initializer::glorot, 0, 0, weight.value, Matrix(1, p.out));
    Matrix y(batch, p.out), dx(batch, p.in);
    measure(state, isa, threads, 2.0 * double(batch) * double(p.in) * double(p.out), 0, [&] {
        switch (p.form) {
            case Form::forward:
                return gemm_nn(x, weight.value, Write::overwrite, y);
            case Form::input_gradient:
                return gemm_nt(dy, weight.value, Write::overwrite, dx);
            case Form::weight_gradient:
                return gemm_tn(x, dy, Write::overwrite, weight.gradient);
        }
    });
}

// The first layer's product with a batch of which 19 % is not zero, like MNIST's. The counters are
// those of the dense product: what its speed would have to be.
void run_sparse_product(Form form, Index hidden, Index batch, benchmark::State& state, Isa isa,
                        int threads) {
    const Index pixels = 784;
    const Matrix dh = random_matrix(batch, hidden, 2);
    Matrix x = random_matrix(batch, pixels, 1), h(batch, hidden);
    for (Index i = 0; i < batch; ++i)
        for (Index j = 0; j < pixels; ++j)
            if (x(i, j) > 0.38f - 1) x(i, j) = 0;  // uniform in [-1, 1]
    SparseBatch sparse;
    sparse.x.assign(x);
    sparse.transposed.assign_transpose(sparse.x);
    ParameterArena arena;
    const Parameter& weight = arena.add("weight", pixels, hidden);
    arena.allocate();
    initialize(Initializer::glorot, 0, 0, weight.value, Matrix(1, hidden));
    const double flops = 2.0 * double(batch) * double(pixels) * double(hidden);
    measure(state, isa, threads, flops, 0, [&] {
        if (form == Form::forward)
            sparse_gemm(sparse.x, weight.value, Write::overwrite, h);
        else
            sparse_gemm(sparse.transposed, dh, Write::overwrite, weight.gradient);
    });
}

// "128x512x784": the sizes m, n, k of the product.
std::string shape_text(const Product& p, Index batch) {
    const auto text = [](Index m, Index n, Index k) {
        return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
    };
    switch (p.form) {
        case Form::forward:
            return text(batch, p.out, p.in);
        case Form::input_gradient:
            return text(batch, p.in, p.out);
        case Form::weight_gradient:
            return text(p.in, p.out, batch);
    }
    return {};
}

void register_products(Isa isa, int threads, const std::string& suffix) {
    const Index batch = 128;
    for (Index hidden : {512, 400})
        for (const Product& p : products(hidden))
            benchmark::RegisterBenchmark(
                (p.name + "/" + shape_text(p, batch) + suffix).c_str(),
                [=](benchmark::State& state) { run_product(p, batch, state, isa, threads); })
                ->UseRealTime();
    for (const auto& [name, form] : {std::pair{"sparse_gemm/x_w1/128x512x784", Form::forward},
                                     {"sparse_gemm/x_dh1/784x512x128", Form::weight_gradient}})
        benchmark::RegisterBenchmark((name + suffix).c_str(), [=, form = form](
                                                                  benchmark::State& state) {
            run_sparse_product(form, 512, batch, state, isa, threads);
        })->UseRealTime();
}

void register_elementwise(Isa isa, int threads, const std::string& suffix) {
    const auto add = [&](const std::string& name, auto run) {
        benchmark::RegisterBenchmark((name + suffix).c_str(), run)->UseRealTime();
    };
    add("bce_with_logits/128x784", [=](benchmark::State& state) {
        const Matrix logits = random_matrix(128, 784, 1), targets(128, 784);
        Matrix dlogits(128, 784);
        measure(state, isa, threads, 0, 3.0 * 4 * 128 * 784,
                [&] { benchmark::DoNotOptimize(bce_with_logits(logits, targets, dlogits)); });
    });
    add("adam/807700", [=](benchmark::State& state) {
        ParameterArena arena;
        arena.add("w", 1, 807700);
        arena.allocate();
        std::fill(arena.gradients().begin(), arena.gradients().end(), 0.01f);
        Adam adam(arena, AdamConfig::keras());
        // Reads w, m, v and the gradient; writes w, m, v.
        measure(state, isa, threads, 0, 7.0 * 4 * 807700, [&] { adam.step(1e-3); });
    });
    add("fill_noise/128x20", [=](benchmark::State& state) {
        std::vector<std::uint32_t> samples(128);
        Matrix noise(128, 20);
        measure(state, isa, threads, 0, 4.0 * 128 * 20,
                [&] { fill_noise(0, Purpose::training_noise, 1, samples, noise); });
    });
}

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    try {
        std::vector<int> thread_counts{1};
        if (thread_count() > 1) thread_counts.push_back(thread_count());
        for (Isa isa : supported_isas()) {
            if (isa == Isa::scalar) continue;
            for (int threads : thread_counts) {
                const double peak = measure_fma_peak(isa, threads);
                g_peaks[{isa, threads}] = peak;
                std::fprintf(stderr, "measured FMA peak, %s, threads:%d: %.1f GFLOP/s\n",
                             isa_name(isa), threads, peak / 1e9);
                const std::string suffix =
                    std::string("/") + isa_name(isa) + "/threads:" + std::to_string(threads);
                register_products(isa, threads, suffix);
                register_elementwise(isa, threads, suffix);
            }
        }
        benchmark::RunSpecifiedBenchmarks();
    } catch (const Error& e) {
        std::fprintf(stderr, "kernel_bench: %s\n", e.what());
        return 2;
    }
    benchmark::Shutdown();
}
