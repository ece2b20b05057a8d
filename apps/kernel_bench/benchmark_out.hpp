// The file of --benchmark_out. Google Benchmark would empty it before anything is measured, and does
// not look whether its writing succeeds; here it writes into a pipe, and the file is replaced once
// everything is there.
#pragma once

#include <string>
#include <thread>

#include "../common/output.hpp"

namespace handgrad::apps::kernel_bench {

class BenchmarkOut {
  public:
    // Throws Error(output) if the file cannot be written, and Error(argument) for an open
    // descriptor: what is to go to standard output has --benchmark_format.
    explicit BenchmarkOut(const std::string& file);
    ~BenchmarkOut();
    BenchmarkOut(const BenchmarkOut&) = delete;
    BenchmarkOut& operator=(const BenchmarkOut&) = delete;

    // The option as Google Benchmark is to get it.
    std::string argument() const;
    // To be called when it has written; leaves the file as it is if that was nothing. Throws
    // Error(output), and std::bad_alloc for more than the memory holds.
    void write();

  private:
    void collect();
    void finish();

    Output output_;
    int ends_[2] = {-1, -1};  // to read from, and to write to
    std::string content_;
    bool out_of_memory_ = false;
    std::thread collector_;
};

}  // namespace handgrad::apps::kernel_bench
