#include "walk.hpp"

#include <algorithm>
#include <cmath>

namespace handgrad::apps::mnist_vae::lesson {

Walk walk(const Subject& subject, const Tensor& x, const Tensor& noise) {
    Model model = subject.truth;
    const auto losses = model.forward(x, noise);
    const std::vector<Tensor>& y = model.outputs();
    Walk w{.losses = {losses.recon, losses.kl},
           .h = y[0],
           .mu = y[1],
           .logvar = y[2],
           .sigma = y[2],
           .z = reference::reparameterize(y[1], y[2], noise),
           .d = y[3],
           .a = y[4],
           .p = y[4],
           .gradients = {},
           .kl_gradients = {}};
    for (double& s : w.sigma.data) s = std::exp(s / 2);
    for (double& p : w.p.data) p = reference::sigmoid(p);
    model.backward();
    w.gradients = model.gradients();
    model.backward(0);
    w.kl_gradients = model.gradients();
    return w;
}

std::size_t largest(const Tensor& t) {
    const auto less = [](double a, double b) { return std::abs(a) < std::abs(b); };
    return std::size_t(std::max_element(t.data.begin(), t.data.end(), less) - t.data.begin());
}

double norm(const Tensor& t) {
    double squares = 0;
    for (const double value : t.data) squares += value * value;
    return std::sqrt(squares);
}

Index count_positive(const Tensor& t) {
    return std::count_if(t.data.begin(), t.data.end(), [](double value) { return value > 0; });
}

std::string element_name(const Walk& w, std::size_t tensor, std::size_t e) {
    const Tensor& t = w.gradients[tensor];
    const std::size_t cols = std::size_t(t.cols);
    const std::string row = t.rows == 1 ? "" : std::to_string(e / cols) + ", ";
    return std::string(kTensorNames[tensor]) + "[" + row + std::to_string(e % cols) + "]";
}

}  // namespace handgrad::apps::mnist_vae::lesson
