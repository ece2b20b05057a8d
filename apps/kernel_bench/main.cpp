// kernel_bench: the speed of the kernels, per instruction set and number of threads, against the
// limits that are measured on the same machine in the same run. See --help.
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../../handgrad.hpp"
#include "../common/console.hpp"
#include "../common/exit_code.hpp"
#include "../common/output.hpp"
#include "benchmark_options.hpp"
#include "benchmark_out.hpp"
#include "machine.hpp"
#include "op_runs.hpp"
#include "roofline.hpp"
#include "step_runs.hpp"
#include "thread_sweep.hpp"
#include "timing.hpp"

namespace {

using namespace handgrad;
using namespace handgrad::apps;
using namespace handgrad::apps::kernel_bench;

constexpr const char* kHelp =
    "kernel_bench: the speed of the kernels against the measured limits of this machine\n"
    "\n"
    "  kernel_bench                                     every op, alone\n"
    "  kernel_bench --benchmark_filter='gemm.*avx512.*threads:1'\n"
    "  kernel_bench --shape gemm_nn:128x512x784 --shape adam:1x807700\n"
    "  kernel_bench --in-step                           the ops within training steps\n"
    "  kernel_bench --benchmark_format=json --benchmark_repetitions=9\n"
    "  kernel_bench --roofline roofline.svg\n"
    "  kernel_bench --sweep-threads\n"
    "\n"
    "  --shape OP:SIZES     This op; may be repeated. As HANDGRAD_VERBOSE=1 prints it: a product "
    "by\n"
    "                       the rows and columns of its result and the length of its chains, with\n"
    "                       the density if it is sparse; another op by rows and columns\n"
    "  --in-step            Ops of training steps, timed in their place\n"
    "  --roofline FILE.svg  Draw the measured roofline with a dot for every op; -: standard output\n"
    "  --sweep-threads      A table of every op on 1, 2, 3, ... threads\n"
    "\n"
    "HANDGRAD_ISA=NAME runs one instruction set; the last two options take that or the strongest,\n"
    "and all processors. Everything else is Google Benchmark's:\n"
    "  --benchmark_filter=REGEX, _format=console|json|csv, _out=FILE, _repetitions=N,\n"
    "  _min_time=SECONDS, _list_tests=true, _enable_random_interleaving=true, ...\n"
    "A file of results is replaced when all is measured, and stays as it was until then.\n";

struct Options {
    std::vector<std::string> shapes;
    std::string roofline, out;
    bool in_step = false, sweep_threads = false, help = false;
};

// Takes our own options out of the arguments; Google Benchmark gets the rest.
Options take_options(int& argc, char** argv) {
    Options options;
    int kept = 1;
    const auto value = [&](int& i, const std::string& name) -> std::string {
        std::string text;
        if (const std::string_view argument = argv[i]; argument.size() > name.size())
            text = argument.substr(name.size() + 1);
        else if (i + 1 < argc)
            text = argv[++i];
        if (text.empty()) throw Error(ErrorKind::argument, name, "needs a value");
        return text;
    };
    const auto is = [](std::string_view argument, std::string_view name) {
        return argument == name ||
               (argument.starts_with(name) && argument.substr(name.size()).starts_with('='));
    };
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (is(argument, "--shape"))
            options.shapes.push_back(value(i, "--shape"));
        else if (is(argument, "--roofline"))
            options.roofline = value(i, "--roofline");
        else if (is(argument, "--benchmark_out"))
            options.out = value(i, "--benchmark_out");
        else if (argument == "--in-step")
            options.in_step = true;
        else if (argument == "--sweep-threads")
            options.sweep_threads = true;
        else if (argument == "--help" || argument == "-h")
            options.help = true;
        else
            argv[kept++] = argv[i];
    }
    argc = kept;
    return options;
}

std::vector<int> thread_counts() {
    std::vector<int> counts{1};
    if (thread_count() > 1) counts.push_back(thread_count());
    return counts;
}

// What HANDGRAD_ISA names, or all that are meant to be fast.
std::vector<Isa> isas_to_run() {
    if (std::getenv("HANDGRAD_ISA") != nullptr) return {active_isa()};
    std::vector<Isa> isas;
    for (Isa isa : supported_isas())
        if (isa != Isa::scalar) isas.push_back(isa);
    return isas;
}

// What a run has done so far, as rates.
void set_counters(benchmark::State& state, double flops, double bytes, double peak) {
    using benchmark::Counter;
    const auto rate = [](double amount) {
        return Counter(amount, Counter::kIsIterationInvariantRate);
    };
    if (flops > 0) {
        state.counters["GFLOP/s"] = rate(flops / 1e9);
        state.counters["%peak"] = rate(100 * flops / peak);
    }
    if (bytes > 0) state.counters["GB/s"] = rate(bytes / 1e9);
}

void register_op(const std::string& name, Isa isa, int threads) {
    const OpShape shape = parse_op_text(name);
    const double peak = measure_limits(isa, threads).fma_peak;
    benchmark::RegisterBenchmark(
        (name + "/" + isa_name(isa) + "/threads:" + std::to_string(threads)).c_str(),
        [=](benchmark::State& state) {
            select_isa(isa);
            set_thread_count(threads);
            const OpRun op = make_op_run(shape);
            for (auto _ : state) {
                op.run();
                benchmark::ClobberMemory();
            }
            set_counters(state, op.flops, op.bytes, peak);
        })
        ->UseRealTime();
}

// Benchmarks that play back what was measured in training steps.
void register_steps(Isa isa, int threads) {
    constexpr Index kSteps = 200;
    const double peak = measure_limits(isa, threads).fma_peak;
    for (const auto& [hidden, latent] : {std::pair<Index, Index>{512, 2}, {400, 20}}) {
        const std::string net =
            "in_step/784-" + std::to_string(hidden) + "-" + std::to_string(latent) + "/";
        for (const OpInStep& op : run_steps(isa, threads, hidden, latent, kSteps)) {
            const std::string name =
                net + op.name + "/" + isa_name(isa) + "/threads:" + std::to_string(threads);
            benchmark::RegisterBenchmark(name.c_str(),
                                         [=](benchmark::State& state) {
                                             auto seconds = op.seconds.begin();
                                             for (auto _ : state)
                                                 state.SetIterationTime(*seconds++);
                                             set_counters(state, op.flops, op.bytes, peak);
                                         })
                ->Iterations(benchmark::IterationCount(op.seconds.size()))
                ->UseManualTime();
        }
    }
}

void write_roofline(const Output& output, const std::vector<std::string>& ops) {
    const Limits& limits = measure_limits(active_isa(), thread_count());
    std::vector<RooflineDot> dots;
    for (const std::string& name : ops) {
        const OpRun op = make_op_run(parse_op_text(name));
        if (!(op.flops > 0 && op.bytes > 0)) continue;
        dots.push_back({name, op.flops / op.bytes, op.flops / median_seconds(op.run)});
    }
    const std::string title = std::string("Roofline, ") + isa_name(active_isa()) + ", " +
                              std::to_string(thread_count()) +
                              (thread_count() == 1 ? " thread" : " threads");
    output.write(draw_roofline(title, limits, dots));
}

// More memory than the machine has is refused where it is asked for (std::bad_alloc): Linux grants
// it, and kills some process once it is used.
void limit_memory() {
    // Pages of the program's own, of which a sanitizer takes more than any machine has.
    rlim_t total = 0, resident = 0, shared = 0, text = 0, library = 0, data = 0;
    std::ifstream("/proc/self/statm") >> total >> resident >> shared >> text >> library >> data;
    rlimit limit{};
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);
    if (pages <= 0 || page <= 0 || getrlimit(RLIMIT_DATA, &limit) != 0) return;
    limit.rlim_cur = std::min(limit.rlim_cur, (data + rlim_t(pages)) * rlim_t(page));
    setrlimit(RLIMIT_DATA, &limit);
}

void run_benchmarks(BenchmarkOut* out) {
    const std::size_t count = benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    // Google Benchmark has told that nothing matches, and does not look at what it writes.
    if (count == 0) throw Error(ErrorKind::argument, "--benchmark_filter", "no benchmark was run");
    if (out != nullptr) out->write();
    if (!std::cout.flush()) throw Error(ErrorKind::output, "standard output", "cannot be written");
}

// Google Benchmark has a variable for what the command line does not say.
std::string file_of_benchmarks(const Options& options) {
    const char* variable = std::getenv("BENCHMARK_OUT");
    return options.out.empty() && variable != nullptr ? variable : options.out;
}

// `out` is the option --benchmark_out, or empty.
void initialize_benchmark(int argc, char** argv, std::string out) {
    std::vector<char*> arguments(argv, argv + argc);
    if (!out.empty()) arguments.push_back(out.data());
    int count = int(arguments.size());
    arguments.push_back(nullptr);
    benchmark::Initialize(&count, arguments.data());
    if (count > 1)
        throw Error(ErrorKind::argument, arguments[1], "no such option", "", "what --help lists");
}

void run(int argc, char** argv) {
    const Options options = take_options(argc, argv);
    if (options.help) {
        print(kHelp);
        return;
    }
    check_benchmark_options({argv + 1, argv + argc});
    const bool draws_or_sweeps = !options.roofline.empty() || options.sweep_threads;
    if (draws_or_sweeps && !options.out.empty())
        throw Error(ErrorKind::argument, "--benchmark_out",
                    "is of benchmarks, and --roofline and --sweep-threads run none", options.out);
    // What cannot be written is found before anything is measured.
    std::optional<BenchmarkOut> out;
    std::optional<Output> roofline;
    const std::string file = draws_or_sweeps ? "" : file_of_benchmarks(options);
    if (!file.empty()) out.emplace(file);
    if (!options.roofline.empty()) roofline.emplace(options.roofline);
    if (roofline && !roofline->is_file() && options.sweep_threads)
        throw Error(ErrorKind::argument, "--roofline", "goes where --sweep-threads prints",
                    options.roofline, "a file");
    initialize_benchmark(argc, argv, out ? out->argument() : "");
    const std::vector<std::string> ops = options.shapes.empty() ? default_ops() : options.shapes;
    for (const std::string& op : ops) make_op_run(parse_op_text(op));  // a bad one is found first

    const int most = thread_count();
    if (draws_or_sweeps) {
        std::fprintf(stderr, "%s\n", describe_limits(active_isa(), most).c_str());
        if (roofline) write_roofline(*roofline, ops);
        if (options.sweep_threads) print(sweep_threads(active_isa(), ops, most));
        return;
    }
    const std::vector<int> counts = thread_counts();
    for (Isa isa : isas_to_run()) {
        for (int threads : counts) {
            const std::string limits = describe_limits(isa, threads);
            std::fprintf(stderr, "%s\n", limits.c_str());
            benchmark::AddCustomContext(
                std::string("limits, ") + isa_name(isa) + ", threads:" + std::to_string(threads),
                limits);
            if (options.in_step)
                register_steps(isa, threads);
            else
                for (const std::string& op : ops) register_op(op, isa, threads);
        }
    }
    // A reader that goes away does not take the file with it.
    if (out) std::signal(SIGPIPE, SIG_IGN);
    run_benchmarks(out ? &*out : nullptr);
}

}  // namespace

int main(int argc, char** argv) try {
    reserve_standard_descriptors();
    // A file that grows too large is an error to report, like a full disk.
    std::signal(SIGXFSZ, SIG_IGN);
    limit_memory();
    run(argc, argv);
    return 0;
} catch (const Error& error) {
    print_error(error.what());
    return exit_code(error.kind());
} catch (const std::bad_alloc&) {
    print_error("out of memory");
    return 1;
} catch (const std::exception& error) {
    print_error(std::string("internal error: ") + error.what());
    return 1;
}
