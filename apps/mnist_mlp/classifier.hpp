// A multilayer perceptron that tells digits apart: dense layers with ReLU between them, and softmax
// cross-entropy of the last one's outputs, the logits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "../../handgrad.hpp"
#include "../common/dataset.hpp"

namespace handgrad::apps::mnist_mlp {

inline constexpr Index kClasses = 10;

class Classifier {
  public:
    // Weights as Glorot and Bengio draw them, from the seed; biases are zero.
    Classifier(Index pixels, const std::vector<Index>& hidden, std::uint64_t seed);

    ParameterArena& parameters() { return parameters_; }

    // The logits (n, 10) of x (n, pixels).
    ConstMatrixView forward(ConstMatrixView x) { return model_.forward(x); }

    // For the last forward: leaves the gradients of the parameters in their arena.
    void backward(ConstMatrixView dlogits) {
        model_.backward(dlogits, Write::overwrite, InputGradient::skip);
    }

    // The bytes of a safetensors file of the weights, as PyTorch names and lays them out:
    // hidden.0.weight (out, in), ..., output.bias.
    std::vector<std::byte> serialize() const;

    std::string widths() const;  // "784-512-10"

  private:
    ParameterArena parameters_;
    Sequential model_;
};

struct TrainingPlan {
    Index epochs = 10;
    Index batch_size = 128;
    double lr = 1e-3;  // falls to 0 along half a cosine
    std::uint64_t seed = 0;
};

// How an epoch went: the mean loss, in nats per image, and the share of images that were told
// right, before the step that they were part of; and the share of the test images afterwards.
struct EpochResult {
    Index epoch = 0;  // from 1
    double loss = 0;
    double train_accuracy = 0, test_accuracy = 0;
};

// The share of images whose largest logit is that of their label.
double measure_accuracy(Classifier& model, const Split& split, Index batch_size);

// Trains with Adam; `tell` is called at the end of each epoch. Throws Error(numeric) when the loss
// or a weight is not finite, Error(argument) for batches larger than the data set.
void train(Classifier& model, const Dataset& data, const TrainingPlan& plan,
           const std::function<void(const EpochResult&)>& tell);

}  // namespace handgrad::apps::mnist_mlp
