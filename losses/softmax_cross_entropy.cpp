#include "softmax_cross_entropy.hpp"

#include <algorithm>
#include <string>

#include "mean_over_images.hpp"

namespace handgrad {

namespace {

constexpr const char* kName = "softmax_cross_entropy";

void check_labels(ConstMatrixView logits, std::span<const std::uint32_t> labels) {
    if (Index(labels.size()) != logits.rows)
        throw Error(ErrorKind::argument, kName, "another number of labels than of rows",
                    std::to_string(labels.size()), std::to_string(logits.rows));
    for (std::size_t i = 0; i < labels.size(); ++i)
        if (Index(labels[i]) >= logits.cols)
            throw Error(ErrorKind::argument, "softmax_cross_entropy, row " + std::to_string(i),
                        "the label is no class", std::to_string(labels[i]),
                        "below " + std::to_string(logits.cols));
}

// The sum of exp(a_j - highest) over all classes but the likeliest: one chain in double over
// increasing j. All terms, also the likeliest's 1, go to dlogits, if there is any.
double sum_of_others(const kernels::KernelTable& table, std::span<const float> logits,
                     std::size_t likeliest, float* dlogits) {
    constexpr std::size_t kBlock = 64;  // more need no buffer of the size of a row
    float terms[kBlock];
    double sum = 0;
    for (std::size_t first = 0; first < logits.size(); first += kBlock) {
        const auto block = logits.subspan(first, std::min(kBlock, logits.size() - first));
        for (std::size_t j = 0; j < block.size(); ++j) terms[j] = block[j] - logits[likeliest];
        table.exp(terms, terms, Index(block.size()));
        for (std::size_t j = 0; j < block.size(); ++j)
            if (first + j != likeliest) sum += double(terms[j]);
        if (dlogits != nullptr) std::copy_n(terms, block.size(), dlogits + first);
    }
    return sum;
}

// The loss of one image; dlogits, if there is any, gets scale times its gradient.
double row_loss(const kernels::KernelTable& table, std::span<const float> logits,
                std::uint32_t label, double scale, float* dlogits) {
    const std::uint32_t likeliest = argmax(logits);
    const double others = sum_of_others(table, logits, likeliest, dlogits);
    if (dlogits != nullptr) {
        const double total = 1 + others;
        // 1 - p of the label. Where that is sure, a difference from 1 would lose it.
        const double missing =
            label == likeliest ? others / total : 1 - double(dlogits[label]) / total;
        for (std::size_t j = 0; j < logits.size(); ++j) {
            const double da = scale * (j == label ? -missing : double(dlogits[j]) / total);
            dlogits[j] = da > -1e-30 && da < 1e-30 ? 0.0f : static_cast<float>(da);
        }
    }
    const auto sum = static_cast<float>(others);
    float log_of_total;
    table.log1p(&sum, &log_of_total, 1);
    return (double(logits[likeliest]) - double(logits[label])) + double(log_of_total);
}

}  // namespace

double softmax_cross_entropy(ConstMatrixView logits, std::span<const std::uint32_t> labels,
                             MatrixView dlogits, const Reduction& reduction) {
    detail::check_reduction(kName, reduction, logits.rows);
    check_labels(logits, labels);
    if (dlogits.data != nullptr) check_shape(kName, dlogits, logits.rows, logits.cols);
    const OpScope scope(
        describe_elementwise(kName, logits.rows, logits.cols, dlogits.data != nullptr ? 2 : 1, 28));
    const kernels::KernelTable& table = active_kernels();
    const double scale = double(reduction.weight) / static_cast<double>(logits.rows);
    const double sum = sum_over_rows(logits.rows, logits.cols, [&](Index i) {
        const double loss =
            row_loss(table, {logits.row(i), std::size_t(logits.cols)}, labels[std::size_t(i)],
                     scale, dlogits.data != nullptr ? dlogits.row(i) : nullptr);
        if (!reduction.per_image.empty()) reduction.per_image[std::size_t(i)] = loss;
        return loss;
    });
    return sum / static_cast<double>(logits.rows);
}

std::uint32_t argmax(std::span<const float> logits) {
    if (logits.empty()) throw Error(ErrorKind::argument, "argmax", "there is no class");
    return static_cast<std::uint32_t>(std::max_element(logits.begin(), logits.end()) -
                                      logits.begin());
}

}  // namespace handgrad
