// Sinks that put back together what they are given, and count how often each part came.
#pragma once

#include <mutex>
#include <vector>

#include "../../core/gemm.hpp"
#include "../../core/parameter.hpp"

namespace handgrad::test {

class CollectingTileSink : public TileSink {
  public:
    CollectingTileSink(Index rows, Index cols)
        : result(rows, cols), rows_(rows), cols_(cols), taken_(std::size_t(rows * cols)) {}

    void take(Index row, Index block, std::span<const float> values) override {
        const std::lock_guard lock(mutex_);
        for (std::size_t k = 0; k < values.size(); ++k) {
            const Index i = row + Index(k) / kBlockCols;
            const Index j = block * kBlockCols + Index(k) % kBlockCols;
            if (i >= rows_ || j < 0) {
                ++outside;
            } else if (j >= cols_) {
                outside += values[k] != 0;  // columns that C does not have are zero
            } else {
                result(i, j) = values[k];
                ++taken_[std::size_t(i * cols_ + j)];
            }
        }
    }
    bool each_once() const {
        for (int count : taken_)
            if (count != 1) return false;
        return outside == 0;
    }

    Matrix result;
    Index outside = 0;

  private:
    Index rows_, cols_;
    std::vector<int> taken_;
    std::mutex mutex_;
};

class CollectingGradientSink : public GradientSink {
  public:
    explicit CollectingGradientSink(const ParameterArena& arena)
        : gradients(arena.values().size()) {}

    void take(Index first, std::span<const float> values) override {
        const std::lock_guard lock(mutex_);
        for (std::size_t k = 0; k < values.size(); ++k)
            gradients[std::size_t(first) + k] = values[k];
    }

    std::vector<float> gradients;

  private:
    std::mutex mutex_;
};

}  // namespace handgrad::test
