#include "benchmark_out.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "../../core/error.hpp"

namespace handgrad::apps::kernel_bench {

static constexpr const char* kOption = "--benchmark_out";

BenchmarkOut::BenchmarkOut(const std::string& file) : output_(file) {
    if (!output_.is_file())
        throw Error(ErrorKind::argument, kOption, "leads to an open descriptor", file,
                    "a file; --benchmark_format is for standard output");
    if (pipe2(ends_, O_CLOEXEC) != 0)
        throw Error(ErrorKind::output, kOption, "no pipe: " + std::string(std::strerror(errno)));
    collector_ = std::thread([this] { collect(); });
}

BenchmarkOut::~BenchmarkOut() {
    finish();
    close(ends_[0]);
}

std::string BenchmarkOut::argument() const {
    return std::string(kOption) + "=/proc/self/fd/" + std::to_string(ends_[1]);
}

// Until nobody has the other end any more. What does not fit into memory is read all the same, so
// that Google Benchmark does not wait for ever.
void BenchmarkOut::collect() {
    char piece[1 << 16];
    for (ssize_t n; (n = read(ends_[0], piece, sizeof piece)) != 0;) {
        if (n < 0 && errno != EINTR) return;
        if (n < 0 || out_of_memory_) continue;
        try {
            content_.append(piece, std::size_t(n));
        } catch (const std::bad_alloc&) {
            out_of_memory_ = true;
        }
    }
}

void BenchmarkOut::finish() {
    if (!collector_.joinable()) return;
    close(ends_[1]);
    collector_.join();
}

void BenchmarkOut::write() {
    finish();
    if (out_of_memory_) throw std::bad_alloc();
    // Benchmarks that were listed and not run have no results.
    if (!content_.empty()) output_.write(content_);
}

}  // namespace handgrad::apps::kernel_bench
