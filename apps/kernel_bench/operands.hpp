// Operands for ops that are run alone: random numbers of a seed, the same in every run.
#pragma once

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../../handgrad.hpp"

namespace handgrad::apps::kernel_bench {

inline Matrix random_matrix(Index rows, Index cols, unsigned seed, float low = -1, float high = 1) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> uniform(low, high);
    Matrix m(rows, cols);
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < cols; ++j) m(i, j) = uniform(generator);
    return m;
}

// Bytes of which the share `density` is not zero.
inline std::vector<std::uint8_t> random_pixels(Index count, double density, unsigned seed) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<double> uniform(0, 1);
    std::uniform_int_distribution<int> value(1, 255);
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(count));
    for (std::uint8_t& p : pixels)
        p = uniform(generator) < density ? static_cast<std::uint8_t>(value(generator)) : 0;
    return pixels;
}

// A weight (rows, cols) in column blocks with its gradient and an optimiser, as a model has them.
struct Weight {
    Weight(Index rows, Index cols) : parameter(arena.add("weight", rows, cols)) {
        arena.allocate();
        initialize(Initializer::glorot, 0, 0, parameter.value, Matrix(1, cols));
        std::fill(arena.gradients().begin(), arena.gradients().end(), 0.01f);
    }
    ParameterArena arena;
    Parameter& parameter;
};

// The optimiser behind a product, as a fused training step has it.
struct OptimizerSink : TileSink {
    OptimizerSink(Weight& w, Optimizer& o) : weight(w), optimizer(o) {}
    void take(Index row, Index block, std::span<const float> values) override {
        optimizer.take(block * weight.parameter.value.block_stride + row * kBlockCols, values);
    }
    SinkCost cost() const override { return optimizer.cost(); }
    Weight& weight;
    Optimizer& optimizer;
};

inline std::unique_ptr<Optimizer> make_optimizer(const std::string& name, ParameterArena& arena) {
    std::unique_ptr<Optimizer> optimizer;
    if (name == "adam")
        optimizer = std::make_unique<Adam>(arena, AdamConfig::keras());
    else
        optimizer = std::make_unique<Sgd>(arena, SgdConfig{});
    optimizer->begin_step(1e-3);
    return optimizer;
}

struct FusedWeight {
    FusedWeight(Index rows, Index cols, const char* name)
        : weight(rows, cols),
          optimizer(make_optimizer(name, weight.arena)),
          sink(weight, *optimizer) {}
    Weight weight;
    std::unique_ptr<Optimizer> optimizer;
    OptimizerSink sink;
};

// Operands live as long as the function that uses them.
inline std::shared_ptr<Matrix> shared_matrix(Index rows, Index cols, unsigned seed = 1) {
    return std::make_shared<Matrix>(random_matrix(rows, cols, seed));
}
inline std::shared_ptr<Weight> shared_weight(Index rows, Index cols) {
    return std::make_shared<Weight>(rows, cols);
}

}  // namespace handgrad::apps::kernel_bench
