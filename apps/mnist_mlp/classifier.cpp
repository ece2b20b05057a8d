#include "classifier.hpp"

#include <cmath>

#include "../common/batches.hpp"

namespace handgrad::apps::mnist_mlp {

namespace {

// The labels of the images at these positions.
void take_labels(const IdxLabels& from, std::span<const std::uint32_t> positions,
                 std::vector<std::uint32_t>& labels) {
    labels.clear();
    for (const std::uint32_t position : positions) labels.push_back(from.labels[position]);
}

Index count_correct(ConstMatrixView logits, std::span<const std::uint32_t> labels) {
    Index correct = 0;
    for (Index i = 0; i < logits.rows; ++i)
        correct += argmax({logits.row(i), std::size_t(logits.cols)}) == labels[std::size_t(i)];
    return correct;
}

}  // namespace

Classifier::Classifier(Index pixels, const std::vector<Index>& hidden, std::uint64_t seed) {
    std::vector<Dense*> layers;
    Index width = pixels;
    for (std::size_t i = 0; i < hidden.size(); ++i) {
        const std::string name = "hidden." + std::to_string(i);
        layers.push_back(&model_.add<Dense>(parameters_, name, width, hidden[i], Activation::relu));
        width = hidden[i];
    }
    layers.push_back(
        &model_.add<Dense>(parameters_, "output", width, kClasses, Activation::linear));
    parameters_.allocate();
    std::uint32_t tensor = 0;
    for (Dense* layer : layers) {
        initialize(Initializer::glorot, seed, tensor, layer->weight().value, layer->bias().value);
        tensor += 2;
    }
}

std::vector<std::byte> Classifier::serialize() const {
    std::vector<TensorToWrite> tensors;
    for (const Parameter& p : parameters_.parameters()) {
        const bool is_weight = p.name.ends_with(".weight");
        tensors.push_back(
            {p.name, p.value, is_weight ? TensorLayout::transposed : TensorLayout::vector});
    }
    return serialize_safetensors(std::move(tensors), {{"format", "handgrad-mlp-1"}});
}

std::string Classifier::widths() const {
    std::string text = std::to_string(model_.in_features());
    for (const Parameter& p : parameters_.parameters())
        if (p.name.ends_with(".bias")) text += "-" + std::to_string(p.value.cols);
    return text;
}

double measure_accuracy(Classifier& model, const Split& split, Index batch_size) {
    Batches batches(split.images, std::min(batch_size, split.images.count));
    Matrix x;
    std::vector<std::uint32_t> labels;
    Index correct = 0;
    for (Index b = 0; b < batches.batches_per_epoch(); ++b) {
        const auto samples = batches.samples(b);
        batches.load(b, x.resize(Index(samples.size()), batches.features()));
        take_labels(split.labels, samples, labels);
        correct += count_correct(model.forward(x), labels);
    }
    return double(correct) / double(split.images.count);
}

void train(Classifier& model, const Dataset& data, const TrainingPlan& plan,
           const std::function<void(const EpochResult&)>& tell) {
    const Split& split = data.train;
    Batches batches(split.images, plan.batch_size);
    Adam adam(model.parameters(), AdamConfig::keras());
    Matrix x, dlogits;
    std::vector<std::uint32_t> labels;
    const std::int64_t steps = plan.epochs * batches.batches_per_epoch();
    for (Index epoch = 1; epoch <= plan.epochs; ++epoch) {
        batches.start_epoch(plan.seed, std::uint32_t(epoch));
        double loss_sum = 0;
        Index correct = 0;
        for (Index b = 0; b < batches.batches_per_epoch(); ++b) {
            const auto samples = batches.samples(b);
            const Index n = Index(samples.size());
            batches.load(b, x.resize(n, batches.features()));
            take_labels(split.labels, samples, labels);

            const ConstMatrixView logits = model.forward(x);
            const double loss = softmax_cross_entropy(logits, labels, dlogits.resize(n, kClasses));
            if (!std::isfinite(loss))
                throw Error(ErrorKind::numeric,
                            "epoch " + std::to_string(epoch) + ", batch " + std::to_string(b + 1),
                            "the loss is not finite; a smaller --lr may help");
            model.backward(dlogits);
            adam.step(scheduled_rate(Schedule::cosine, plan.lr, adam.steps(), steps,
                                     batches.batches_per_epoch()));

            loss_sum += loss * double(n);
            correct += count_correct(logits, labels);
        }
        // The last batch of a training may spoil the weights, and no loss comes after it.
        for (const float weight : model.parameters().values())
            if (!std::isfinite(weight))
                throw Error(ErrorKind::numeric, "epoch " + std::to_string(epoch),
                            "the weights are not finite; a smaller --lr may help");
        const double count = double(split.images.count);
        tell({.epoch = epoch,
              .loss = loss_sum / count,
              .train_accuracy = double(correct) / count,
              .test_accuracy = measure_accuracy(model, data.test, plan.batch_size)});
    }
}

}  // namespace handgrad::apps::mnist_mlp
