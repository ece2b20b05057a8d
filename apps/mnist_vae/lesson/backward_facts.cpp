// Section 3: the backward pass, tensor by tensor.
#include <algorithm>
#include <cmath>

#include "../../../core/error.hpp"
#include "computed_facts.hpp"

namespace handgrad::apps::mnist_vae::lesson {

namespace {

// mu and logvar: what comes through z, and from kl.
Table head_table(const Walk& w, const LossOf& loss) {
    Table table{{"at", "through `z`", "numeric", "from `kl`", "numeric", "sum", "error"}, {}};
    for (const std::size_t p : {kMuBias, kLogvarBias})
        for (std::size_t j = 0; j < 2; ++j) {
            const Parts slope = loss.slope(p, j);
            const std::string name = (p == kMuBias ? "mu[" : "logvar[") + std::to_string(j) + "]";
            checked(name + " through z", w.recon(p, j), slope.recon);
            checked(name + " from kl", w.kl(p, j), slope.kl);
            table.rows.push_back({"`" + name + "`", number(w.recon(p, j)), number(slope.recon),
                                  number(w.kl(p, j)), number(slope.kl), number(w.gradient(p, j)),
                                  checked(name, w.gradient(p, j), slope.sum())});
        }
    return table;
}

// Every tensor in the order of the backward pass, its element with the largest gradient checked.
Table tensor_table(const Walk& w, const LossOf& loss) {
    Table table{{"tensor", "norm", "of `recon`", "of `kl`", "largest element", "its gradient",
                 "numeric", "error"},
                {}};
    for (std::size_t p = kTensorCount; p-- > 0;) {
        const std::size_t e = largest(w.gradients[p]);
        const double slope = loss.slope(p, e).sum();
        Tensor recon = w.gradients[p];
        for (std::size_t k = 0; k < recon.size(); ++k) recon[k] = w.recon(p, k);
        const std::string name = element_name(w, p, e);
        const std::size_t bracket = name.find('[');
        table.rows.push_back({"`" + name.substr(0, bracket) + "`", number(norm(w.gradients[p])),
                              number(norm(recon)), number(norm(w.kl_gradients[p])),
                              "`" + name.substr(bracket) + "`", number(w.gradient(p, e)),
                              number(slope), checked(name, w.gradient(p, e), slope)});
    }
    return table;
}

// Of the float pass, which training uses, over all tensors: relative to the norm.
double float_difference(Subject& subject, const Walk& w) {
    const Digit& digit = subject.digit();
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
    return std::sqrt(differences / squares);
}

}  // namespace

std::string checked(const std::string& what, double analytic, double numeric) {
    const double error = relative_error(analytic, numeric);
    if (!(error <= kTolerance))
        throw Error(ErrorKind::mismatch, "lesson", "the gradient of " + what + " is wrong",
                    number(analytic), number(numeric) + " as its central difference says");
    return error_text(error);
}

void add_backward_facts(Subject& subject, const Walk& w, Facts& facts) {
    auto& values = facts.values;
    // One element of dW = x^T da: the largest.
    const Tensor& dw = w.gradients[kOutputWeight];
    const std::size_t e = largest(dw), cols = std::size_t(dw.cols);
    const std::size_t unit = e / cols, pixel = e % cols;
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
    values["float_difference"] = error_text(float_difference(subject, w));

    const LossOf loss(subject, subject.digit().x, subject.digit().noise);
    facts.tables["head"] = head_table(w, loss);
    facts.tables["tensors"] = tensor_table(w, loss);
}

}  // namespace handgrad::apps::mnist_vae::lesson
