#include "benchmark_out.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

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

// Until nobody has the other end any more.
void BenchmarkOut::collect() {
    char piece[1 << 16];
    for (ssize_t n; (n = read(ends_[0], piece, sizeof piece)) != 0;) {
        if (n < 0 && errno != EINTR) return;
        if (n > 0) content_.append(piece, std::size_t(n));
    }
}

void BenchmarkOut::finish() {
    if (!collector_.joinable()) return;
    close(ends_[1]);
    collector_.join();
}

void BenchmarkOut::write() {
    finish();
    output_.write(content_);
}

}  // namespace handgrad::apps::kernel_bench
