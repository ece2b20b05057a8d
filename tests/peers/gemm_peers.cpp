// The five big matrix products of a training step of 784-512-2 at batch 128, by a library of
// others: what kernel_bench measures of handgrad, by the same timer, under the same names.
//
//   g++ -O2 -std=c++20 -DPEER_ONEDNN gemm_peers.cpp -lbenchmark -ldnnl -o gemm_onednn
//   g++ -O2 -std=c++20 -DPEER_OPENBLAS gemm_peers.cpp -lbenchmark -lopenblas -o gemm_openblas
//   OMP_NUM_THREADS=1 ONEDNN_MAX_CPU_ISA=AVX2 ./gemm_onednn --benchmark_format=json
//   OPENBLAS_NUM_THREADS=1 OPENBLAS_CORETYPE=Haswell ./gemm_openblas
//
// Matrices are plain row-major, as these interfaces take them, and start on cache lines.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <new>
#include <random>
#include <string>
#include <vector>

#if defined(PEER_ONEDNN)
#include <dnnl.h>
#elif defined(PEER_OPENBLAS)
#include <cblas.h>
#else
#error "define PEER_ONEDNN or PEER_OPENBLAS"
#endif

namespace {

// c (m, n) = op(a) op(b), where op(a) is (m, k) and op(b) is (k, n).
struct Product {
    std::string name;
    bool transpose_a, transpose_b;
    int m, n, k;
};

const std::vector<Product>& products() {
    const int batch = 128, pixels = 784, hidden = 512;
    static const std::vector<Product> all{
        {"gemm_nn", false, false, batch, hidden, pixels},
        {"gemm_nn", false, false, batch, pixels, hidden},
        {"gemm_nt", false, true, batch, hidden, pixels},
        {"gemm_tn", true, false, hidden, pixels, batch},
        {"gemm_tn", true, false, pixels, hidden, batch},
    };
    return all;
}

template <class T>
struct CacheLineAllocator {
    using value_type = T;
    T* allocate(std::size_t n) {
        return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64)));
    }
    void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t(64)); }
    friend bool operator==(CacheLineAllocator, CacheLineAllocator) { return true; }
};
using Floats = std::vector<float, CacheLineAllocator<float>>;

#if defined(PEER_ONEDNN)

bool multiply(const Product& p, const Floats& a, const Floats& b, Floats& c) {
    return dnnl_sgemm(p.transpose_a ? 'T' : 'N', p.transpose_b ? 'T' : 'N', p.m, p.n, p.k, 1,
                      a.data(), p.transpose_a ? p.m : p.k, b.data(), p.transpose_b ? p.k : p.n, 0,
                      c.data(), p.n) == dnnl_success;
}

std::string library() {
    const dnnl_version_t* v = dnnl_version();
    return "oneDNN " + std::to_string(v->major) + "." + std::to_string(v->minor) + "." +
           std::to_string(v->patch);
}

// What ONEDNN_MAX_CPU_ISA left of the processor.
std::string kernels() {
    const auto isa = dnnl_get_effective_cpu_isa();
    if (isa >= dnnl_cpu_isa_avx512_core) return "avx512";
    return isa == dnnl_cpu_isa_avx2 || isa == dnnl_cpu_isa_avx2_vnni ? "avx2" : "older";
}

#else

bool multiply(const Product& p, const Floats& a, const Floats& b, Floats& c) {
    cblas_sgemm(CblasRowMajor, p.transpose_a ? CblasTrans : CblasNoTrans,
                p.transpose_b ? CblasTrans : CblasNoTrans, p.m, p.n, p.k, 1, a.data(),
                p.transpose_a ? p.m : p.k, b.data(), p.transpose_b ? p.k : p.n, 0, c.data(), p.n);
    return true;
}

std::string library() {
    // "OpenBLAS 0.3.21 NO_LAPACK ...": the name and the version alone.
    std::string text = openblas_get_config();
    text = text.substr(0, text.find(' ', text.find(' ') + 1));
    const int parallel = openblas_get_parallel();
    return text + (parallel == OPENBLAS_OPENMP   ? " (OpenMP)"
                   : parallel == OPENBLAS_THREAD ? " (pthread)"
                                                 : " (serial)");
}

// What OPENBLAS_CORETYPE chose.
std::string kernels() { return openblas_get_corename(); }

#endif

// A few sums of the product beside the definition: the arguments mean what they should.
bool is_right(const Product& p, const Floats& a, const Floats& b, const Floats& c) {
    for (int i : {0, 1, p.m - 1}) {
        for (int j : {0, 1, p.n - 1}) {
            double sum = 0;
            for (int l = 0; l < p.k; ++l)
                sum += double(a[std::size_t(p.transpose_a ? l * p.m + i : i * p.k + l)]) *
                       double(b[std::size_t(p.transpose_b ? j * p.k + l : l * p.n + j)]);
            if (std::abs(sum - double(c[std::size_t(i * p.n + j)])) > 1e-3) return false;
        }
    }
    return true;
}

void run(const Product& p, benchmark::State& state) {
    const auto size = [](int rows, int cols) { return std::size_t(rows) * std::size_t(cols); };
    Floats a(size(p.m, p.k)), b(size(p.k, p.n)), c(size(p.m, p.n));
    std::mt19937 generator(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (float& v : a) v = uniform(generator);
    for (float& v : b) v = uniform(generator);
    if (!multiply(p, a, b, c) || !is_right(p, a, b, c)) {
        state.SkipWithError("wrong product");
        return;
    }
    for (auto _ : state) {
        multiply(p, a, b, c);
        benchmark::ClobberMemory();
    }
    using benchmark::Counter;
    state.counters["GFLOP/s"] = Counter(2e-9 * p.m * p.n * p.k, Counter::kIsIterationInvariantRate);
}

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::AddCustomContext("library", library());
    benchmark::AddCustomContext("kernels", kernels());
    for (const Product& p : products()) {
        const std::string shape =
            std::to_string(p.m) + "x" + std::to_string(p.n) + "x" + std::to_string(p.k);
        benchmark::RegisterBenchmark((p.name + ":" + shape).c_str(), [&p](benchmark::State& state) {
            run(p, state);
        })->UseRealTime();
    }
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
