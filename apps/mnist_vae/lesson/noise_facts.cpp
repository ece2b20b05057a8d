// Section 4: what becomes of the gradients at mu and logvar when the noise moves.
#include <vector>

#include "../../../core/random.hpp"
#include "computed_facts.hpp"

namespace handgrad::apps::mnist_vae::lesson {

namespace {

constexpr Index kDraws = 1000;

// dz for this noise, through the decoder alone.
Tensor decoder_gradient(Model& model, const Walk& w, const Tensor& x, const Tensor& noise) {
    using namespace reference;
    const std::vector<Tensor>& t = model.parameters();
    const Tensor z = reparameterize(w.mu, w.logvar, noise);
    const Tensor d = dense_forward(z, t[kHiddenWeight], t[kHiddenBias], Activation::relu);
    const Tensor a = dense_forward(d, t[kOutputWeight], t[kOutputBias], Activation::linear);
    const Tensor da = bce_with_logits_backward(1.0, a, x);
    const Tensor dd = dense_backward(da, d, a, t[kOutputWeight], Activation::linear).dx;
    return dense_backward(dd, z, d, t[kHiddenWeight], Activation::relu).dx;
}

}  // namespace

void add_noise_facts(const Subject& subject, const Walk& w, Facts& facts) {
    const Digit& digit = subject.digit();
    const Tensor drawn = digit.noise;
    Tensor turned = drawn;
    for (double& value : turned.data) value = -value;
    const std::vector<Tensor> noises = {drawn,          turned,          {1, 2, {0, 0}},
                                        {1, 2, {1, 0}}, {1, 2, {-1, 0}}, {1, 2, {0, 1}},
                                        {1, 2, {0, -1}}};
    Table table{{"noise", "`z`", "`recon`", "`g = dz`, also at `mu`",
                 "`g (z - mu) / 2`, at `logvar`", "numeric", "error"},
                {}};
    for (const Tensor& noise : noises) {
        const Walk at = walk(subject, digit.x, noise);
        const LossOf loss(subject, digit.x, noise);
        std::vector<double> path, slopes;
        double worst = 0;
        for (std::size_t j = 0; j < 2; ++j) {
            path.push_back(at.recon(kLogvarBias, j));
            slopes.push_back(loss.slope(kLogvarBias, j).recon);
            checked("logvar through z", path[j], slopes[j]);
            worst = std::max(worst, relative_error(path[j], slopes[j]));
        }
        table.rows.push_back({numbers(noise.data), numbers(at.z.data), number(at.losses.recon),
                              numbers({at.dz(0), at.dz(1)}), numbers(path), numbers(slopes),
                              error_text(worst)});
    }
    facts.tables["noise"] = table;

    std::vector<float> stream(2 * kDraws);
    fill_normal(1, Purpose::pictures, 0, static_cast<std::uint32_t>(digit.position), stream);
    std::vector<double> at_mu(2), at_logvar(2);
    Index positive = 0;
    Model model = subject.truth;
    for (Index k = 0; k < kDraws; ++k) {
        const float* first = &stream[std::size_t(2 * k)];
        const Tensor noise(1, 2, {double(first[0]), double(first[1])});
        const Tensor g = decoder_gradient(model, w, digit.x, noise);
        const auto path = reference::reparameterize_backward(g, w.logvar, noise);
        for (std::size_t j = 0; j < 2; ++j) {
            at_mu[j] += path.dmu[j] / double(kDraws);
            at_logvar[j] += path.dlogvar[j] / double(kDraws);
        }
        positive += path.dlogvar[0] > 0;
    }
    facts.values["draws"] = std::to_string(kDraws);
    facts.values["positive_draws"] = std::to_string(positive);
    Table mean{{"at", "mean through `z`", "from `kl`", "sum"}, {}};
    for (std::size_t j = 0; j < 2; ++j) {
        const std::string index = "[" + std::to_string(j) + "]`";
        mean.rows.push_back({"`mu" + index, number(at_mu[j]), number(w.kl(kMuBias, j)),
                             number(at_mu[j] + w.kl(kMuBias, j))});
        mean.rows.push_back({"`logvar" + index, number(at_logvar[j]), number(w.kl(kLogvarBias, j)),
                             number(at_logvar[j] + w.kl(kLogvarBias, j))});
    }
    facts.tables["mean"] = mean;
}

}  // namespace handgrad::apps::mnist_vae::lesson
