// What docs/embedding.md promises to programs that use the library.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cfenv>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "../../handgrad.hpp"
#include "../support/convert.hpp"
#include "../support/each_isa.hpp"
#include "../support/temporary_directory.hpp"
#include "../support/use_threads.hpp"

using namespace handgrad;
using namespace handgrad::test;

namespace {

// A model and some steps of its training, with results large enough for every thread; returns the
// weights.
std::vector<float> train() {
    ParameterArena arena;
    Sequential model;
    Dense& hidden = model.add<Dense>(arena, "hidden", 300, 200, Activation::tanh);
    Dense& output = model.add<Dense>(arena, "output", 200, 10, Activation::linear);
    arena.allocate();
    initialize(Initializer::glorot, 1, 0, hidden.weight().value, hidden.bias().value);
    initialize(Initializer::glorot, 1, 2, output.weight().value, output.bias().value);
    Adam adam(arena, AdamConfig::torch());
    const Matrix x = random_matrix(128, 300, 1, 0, 1);
    Matrix dlogits(128, 10);
    std::vector<std::uint32_t> labels;
    for (std::uint32_t i = 0; i < 128; ++i) labels.push_back(i % 10);
    for (int step = 0; step < 3; ++step) {
        softmax_cross_entropy(model.forward(x), labels, dlogits);
        model.backward(dlogits, Write::overwrite, InputGradient::skip);
        clip_global_norm(arena, 1e3);
        adam.step(1e-3);
    }
    return {arena.values().begin(), arena.values().end()};
}

// Most of what the library does, and some of what it refuses.
void use_the_library() {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file";
    train();
    write_png(path, {2, 2, {0, 50, 100, 255}});
    read_png(path);
    CHECK_THROWS_AS(read_idx_images(path), Error);
    CHECK_THROWS_AS(read_png(folder.path() / "nowhere"), Error);
    CHECK_THROWS_AS(replace_file(folder.path() / "no" / "folder", "text"), Error);
    CHECK_THROWS_AS(Matrix(-1, 2), Error);
    CHECK_THROWS_AS(isa_from_name("mmx"), Error);
    measure_fma_peak(active_isa(), 1);
}

// What was written to a file descriptor while `body` ran.
template <class Body>
std::string written_to(int descriptor, Body&& body) {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "written";
    std::fflush(nullptr);
    const int kept = dup(descriptor);
    std::FILE* file = std::fopen(path.c_str(), "w");
    REQUIRE(file != nullptr);
    dup2(fileno(file), descriptor);
    body();
    std::fflush(nullptr);
    dup2(kept, descriptor);
    close(kept);
    std::fclose(file);
    std::ifstream text(path);
    return {std::istreambuf_iterator<char>(text), {}};
}

// How the processor is to round, and what it does with denormal numbers and faults: of x86's MXCSR
// all but the flags of what has happened.
unsigned control_bits() {
#if defined(__x86_64__)
    return _mm_getcsr() & ~0x3fu;
#else
    return unsigned(std::fegetround());
#endif
}

}  // namespace

TEST_CASE("embedding: nothing is printed, whatever is done and refused") {
    for (int descriptor : {STDOUT_FILENO, STDERR_FILENO})
        CHECK(written_to(descriptor, [] { use_the_library(); }).empty());
    // What is not seen here would prove nothing.
    CHECK(written_to(STDOUT_FILENO, [] { std::printf("seen"); }) == "seen");
}

TEST_CASE("embedding: the floating-point environment stays as it is, on every instruction set") {
    for_each_isa([] {
        const unsigned before = control_bits();
        const int rounding = std::fegetround();
        use_the_library();
        CHECK(control_bits() == before);
        CHECK(std::fegetround() == rounding);
    });
#if defined(__x86_64__)
    // Another one than the usual is kept too.
    const unsigned usual = _mm_getcsr();
    _mm_setcsr(usual | _MM_FLUSH_ZERO_ON);
    use_the_library();
    CHECK((_mm_getcsr() & _MM_FLUSH_ZERO_ON) != 0);
    _mm_setcsr(usual);
#endif
}

TEST_CASE("embedding: signal handlers, locale, folder and environment stay as they are") {
    std::vector<void (*)(int)> before, after;
    const auto handlers = [](std::vector<void (*)(int)>& into) {
        for (int number = 1; number < 32; ++number) {
            struct sigaction action {};
            sigaction(number, nullptr, &action);
            into.push_back(action.sa_handler);
        }
    };
    handlers(before);
    const std::string locale = std::setlocale(LC_ALL, nullptr);
    const auto folder = std::filesystem::current_path();
    std::size_t variables = 0, variables_after = 0;
    for (char** v = environ; *v != nullptr; ++v) ++variables;
    use_the_library();
    handlers(after);
    for (char** v = environ; *v != nullptr; ++v) ++variables_after;
    CHECK(before == after);
    CHECK(std::setlocale(LC_ALL, nullptr) == locale);
    CHECK(std::filesystem::current_path() == folder);
    CHECK(variables == variables_after);
}

TEST_CASE("embedding: every refusal is an Error, and every Error is a std::runtime_error") {
    try {
        read_png("/nowhere/at all.png");
        FAIL("nothing was thrown");
    } catch (const std::runtime_error& error) {
        CHECK(dynamic_cast<const Error*>(&error) != nullptr);
    }
}

TEST_CASE("embedding: several threads of the program may use models of their own") {
    active_isa();  // chosen before there are threads
    thread_count();
    const std::vector<float> want = train();
    std::vector<std::vector<float>> got(3);
    std::vector<std::thread> threads;
    for (std::vector<float>& weights : got) threads.emplace_back([&weights] { weights = train(); });
    for (std::thread& thread : threads) thread.join();
    for (const std::vector<float>& weights : got) CHECK(weights == want);
}

TEST_CASE("embedding: after fork the child computes with one thread") {
    const UseThreads use(3);
    const std::vector<float> want = train();
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        alarm(60);  // a child that hangs is a failure, not a wait
        set_thread_count(1);
        _exit(train() == want ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("embedding: the library in use has the version of its headers") {
    CHECK(std::string(version().text) == HANDGRAD_VERSION);
    CHECK(version().major == HANDGRAD_VERSION_MAJOR);
    CHECK(version().minor == HANDGRAD_VERSION_MINOR);
    CHECK(version().patch == HANDGRAD_VERSION_PATCH);
    CHECK(HANDGRAD_VERSION_NUMBER ==
          version().major * 10000 + version().minor * 100 + version().patch);
}
