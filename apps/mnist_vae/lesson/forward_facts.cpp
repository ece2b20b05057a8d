// Sections 1, 2 and 3.1: the digit, the forward pass, and its pixels.
#include <algorithm>
#include <cmath>

#include "computed_facts.hpp"

namespace handgrad::apps::mnist_vae::lesson {

namespace {

// Two rows of pixels are one line: a quarter, half or all of each character is white.
std::string draw(const Tensor& left, const Tensor& right, Index rows, Index cols) {
    constexpr double kWhite = 0.5;
    std::string text;
    for (Index i = 0; i < rows; i += 2) {
        std::string line;
        for (const Tensor* picture : {&left, &right}) {
            for (Index j = 0; j < cols; ++j) {
                const bool upper = (*picture)(0, i * cols + j) >= kWhite;
                const bool lower = i + 1 < rows && (*picture)(0, (i + 1) * cols + j) >= kWhite;
                line += upper ? (lower ? "\u2588" : "\u2580") : (lower ? "\u2584" : " ");
            }
            if (picture == &left) line += "   ";
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    // Without the empty lines above and below.
    text.erase(text.find_last_not_of('\n') + 1);
    return text.substr(text.find_first_not_of('\n'));
}

// Pixels to look at: where the decoder is most wrong, either way, where it is most right about a
// white one, and a corner.
std::vector<std::size_t> choose_pixels(const Tensor& x, const Tensor& da) {
    const auto [lowest, highest] = std::minmax_element(da.data.begin(), da.data.end());
    std::size_t right = 0;
    for (std::size_t e = 0; e < x.size(); ++e)
        if (x[e] > 0.9 && (x[right] <= 0.9 || std::abs(da[e]) < std::abs(da[right]))) right = e;
    return {std::size_t(highest - da.data.begin()), std::size_t(lowest - da.data.begin()), right,
            0};
}

Table pixel_table(const Subject& subject, const Walk& w, const LossOf& loss) {
    const Tensor &x = subject.digit().x, &da = w.gradients[kOutputBias];
    const std::size_t cols = std::size_t(subject.model.architecture().image_cols);
    Table table{{"row, column", "`x`", "`a`", "`p`", "nats", "`da = p - x`", "numeric", "error"},
                {}};
    for (const std::size_t e : choose_pixels(x, da)) {
        const double slope = loss.slope(kOutputBias, e).sum();
        table.rows.push_back({std::to_string(e / cols) + ", " + std::to_string(e % cols),
                              number(x[e]), number(w.a[e]), number(w.p[e]),
                              number(reference::softplus(w.a[e]) - w.a[e] * x[e]), number(da[e]),
                              number(slope), checked("a logit", da[e], slope)});
    }
    return table;
}

std::string count_text(Index count, Index of) {
    return std::to_string(of) + " numbers, " + std::to_string(count) + " of them above 0";
}

}  // namespace

void add_forward_facts(Subject& subject, const Walk& w, Facts& facts) {
    const Digit& digit = subject.digit();
    const Architecture& a = subject.model.architecture();
    auto& values = facts.values;
    values["label"] = std::to_string(digit.label);
    values["position"] = std::to_string(digit.position);
    values["epochs"] = std::to_string(subject.options.epochs);
    values["train_images"] = std::to_string(subject.dataset.train.images.count);
    values["parameters"] = std::to_string(subject.model.arena().parameter_count());
    values["val_loss"] = number(subject.val_loss);
    values["h"] = "0.0001";
    static_assert(kStep == 1e-4);
    values["tolerance"] = "1e-6";
    static_assert(kTolerance == 1e-6);
    values["loss"] = number(w.losses.sum());
    values["picture"] = draw(digit.x, w.p, a.image_rows, a.image_cols);
    values["dark_pixels"] = std::to_string(a.pixels() - count_positive(digit.x));
    facts.tables["forward"] = {{"line", "value on this digit"},
                               {{"`h`", count_text(count_positive(w.h), w.h.cols)},
                                {"`mu`", numbers(w.mu.data)},
                                {"`logvar`", numbers(w.logvar.data)},
                                {"`sigma = exp(logvar / 2)`", numbers(w.sigma.data)},
                                {"`noise`", numbers(digit.noise.data)},
                                {"`z`", numbers(w.z.data)},
                                {"`d`", count_text(count_positive(w.d), w.d.cols)},
                                {"`recon`", number(w.losses.recon) + " nats"},
                                {"`kl`", number(w.losses.kl) + " nats"},
                                {"`loss`", number(w.losses.sum()) + " nats"}}};
    const LossOf loss(subject, digit.x, digit.noise);
    facts.tables["pixels"] = pixel_table(subject, w, loss);
}

}  // namespace handgrad::apps::mnist_vae::lesson
