// Sections 1 to 3: the digit, the forward pass, and the backward pass tensor by tensor.
#include <algorithm>
#include <cmath>

#include "../../../core/error.hpp"
#include "computed_facts.hpp"

namespace handgrad::mnist_vae::lesson {

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

std::string checked(const std::string& what, double analytic, double numeric) {
    const double error = relative_error(analytic, numeric);
    if (!(error <= kTolerance))
        throw Error(ErrorKind::mismatch, "lesson", "the gradient of " + what + " is wrong",
                    number(analytic), number(numeric) + " as its central difference says");
    return error_text(error);
}

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

void add_backward_facts(Subject& subject, const Walk& w, Facts& facts) {
    const Digit& digit = subject.digit();
    const LossOf loss(subject, digit.x, digit.noise);
    auto& values = facts.values;

    // One element of dW = x^T da, of the weight that asks for most.
    const Tensor& dw = w.gradients[kOutputWeight];
    const std::size_t e = largest(dw), unit = e / std::size_t(dw.cols),
                      pixel = e % std::size_t(dw.cols);
    values["dw_name"] = "dW[" + std::to_string(unit) + ", " + std::to_string(pixel) + "]";
    values["dw_unit"] = std::to_string(unit);
    values["dw_pixel"] = std::to_string(pixel);
    values["dw_d"] = number(w.d[unit]);
    values["dw_da"] = number(w.gradient(kOutputBias, pixel));
    values["dw"] = number(dw[e]);
    values["open_units"] = std::to_string(count_positive(w.d));
    values["open_h"] = std::to_string(count_positive(w.h));
    values["hidden"] = std::to_string(w.d.cols);
    values["dz"] = numbers({w.dz(0), w.dz(1)});

    Table at_head{{"at", "through `z`", "numeric", "from `kl`", "numeric", "sum", "error"}, {}};
    for (const std::size_t p : {kMuBias, kLogvarBias})
        for (std::size_t j = 0; j < 2; ++j) {
            const Parts slope = loss.slope(p, j);
            const std::string name = (p == kMuBias ? "mu[" : "logvar[") + std::to_string(j) + "]";
            checked(name + " through z", w.recon(p, j), slope.recon);
            checked(name + " from kl", w.kl(p, j), slope.kl);
            at_head.rows.push_back({"`" + name + "`", number(w.recon(p, j)), number(slope.recon),
                                    number(w.kl(p, j)), number(slope.kl), number(w.gradient(p, j)),
                                    checked(name, w.gradient(p, j), slope.sum())});
        }
    facts.tables["head"] = at_head;

    Table tensors{{"tensor", "norm", "of `recon`", "of `kl`", "largest element", "its gradient",
                   "numeric", "error"},
                  {}};
    for (std::size_t p = kTensorCount; p-- > 0;) {
        const std::size_t largest_element = largest(w.gradients[p]);
        const double slope = loss.slope(p, largest_element).sum();
        Tensor recon = w.gradients[p];
        for (std::size_t k = 0; k < recon.size(); ++k) recon[k] = w.recon(p, k);
        const std::string name = element_name(subject, p, largest_element);
        tensors.rows.push_back({"`" + std::string(kTensorNames[p]) + "`",
                                number(norm(w.gradients[p])), number(norm(recon)),
                                number(norm(w.kl_gradients[p])), "`" + name.substr(name.find('[')),
                                number(w.gradient(p, largest_element)), number(slope),
                                checked(name, w.gradient(p, largest_element), slope)});
    }
    facts.tables["tensors"] = tensors;

    // The float pass, which training uses.
    Matrix x(1, digit.x.cols), noise(1, digit.noise.cols);
    std::copy(digit.x.data.begin(), digit.x.data.end(), x.row(0));
    std::copy(digit.noise.data.begin(), digit.noise.data.end(), noise.row(0));
    subject.model.forward_training(x, noise, {});
    subject.model.backward();
    const std::vector<NamedTensor> simd = subject.model.tensors(subject.model.arena().gradients());
    double differences = 0, squares = 0;
    for (std::size_t p = 0; p < simd.size(); ++p) {
        const Tensor gradient = reference::to_tensor(simd[p].values);
        for (std::size_t k = 0; k < gradient.size(); ++k) {
            differences += std::pow(gradient[k] - w.gradient(p, k), 2);
            squares += std::pow(w.gradient(p, k), 2);
        }
    }
    values["float_difference"] = error_text(std::sqrt(differences / squares));
}

}  // namespace handgrad::mnist_vae::lesson
