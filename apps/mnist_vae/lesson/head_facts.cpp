// Sections 5 to 7 and 9: a step of Adam, what else the encoder could return for the spread of z,
// what mean and sum make of the loss, and the step of a central difference.
#include <cmath>
#include <string>

#include "../../common/option_values.hpp"
#include "computed_facts.hpp"

namespace handgrad::apps::mnist_vae::lesson {

namespace {

// What the encoder may return for the spread of z, as a function of sigma and back.
struct Head {
    const char *name, *sigma_text, *rule_text;
    double (*from_sigma)(double sigma);
    double (*to_sigma)(double r);
    double (*dsigma)(double sigma);  // d sigma / d r
};
constexpr Head kHeads[] = {
    {"`logvar`", "`exp(r / 2)`", "`sigma / 2`", [](double s) { return 2 * std::log(s); },
     [](double r) { return std::exp(r / 2); }, [](double s) { return s / 2; }},
    {"`log sigma`", "`exp(r)`", "`sigma`", [](double s) { return std::log(s); },
     [](double r) { return std::exp(r); }, [](double s) { return s; }},
    {"softplus", "`log(1 + exp(r))`", "`1 - exp(-sigma)`",
     [](double s) { return s + std::log(-std::expm1(-s)); },
     [](double r) { return reference::softplus(r); }, [](double s) { return -std::expm1(-s); }},
    {"`sigma` itself", "`r`", "`1`", [](double s) { return s; }, [](double r) { return r; },
     [](double) { return 1.0; }},
};

}  // namespace

void add_adam_facts(const Subject& subject, const Walk& w, Facts& facts) {
    const Digit& digit = subject.digit();
    Model model = subject.truth;
    const reference::AdamConfig adam;
    const std::vector<Tensor> before = model.parameters();
    model.train_step(adam, digit.x, digit.noise);
    Table table{{"weight", "`w`", "`g`", "`m`", "`v`", "`w` after", "its step"}, {}};
    for (const std::size_t p : {kOutputWeight, kHiddenWeight, kMuWeight, kEncoderWeight}) {
        const std::size_t e = largest(w.gradients[p]);
        const double g = w.gradient(p, e), after = model.parameters()[p][e];
        table.rows.push_back({"`" + element_name(w, p, e) + "`", number(before[p][e]), number(g),
                              number((1 - adam.beta1) * g), number((1 - adam.beta2) * g * g),
                              number(after), number(after - before[p][e])});
    }
    facts.tables["adam"] = table;
    const auto after = model.forward(digit.x, digit.noise);
    facts.values["loss_after"] = number(after.loss);
    facts.values["recon_after"] = number(after.recon);
    facts.values["kl_after"] = number(after.kl);
    facts.values["learning_rate"] = "0.001";
}

void add_head_facts(const Subject& subject, const Walk& w, Facts& facts) {
    const Digit& digit = subject.digit();
    const LossOf loss(subject, digit.x, digit.noise);
    const double sigma = w.sigma[0], logvar = w.logvar[0];
    // dloss / dsigma, from both parts of the loss.
    const double dsigma = w.dz(0) * digit.noise[0] + sigma - 1 / sigma;
    Table here{
        {"the head returns", "`sigma`", "`dsigma / dr`", "`r` here", "`dr`", "numeric", "error"},
        {}};
    for (const Head& head : kHeads) {
        const double r = head.from_sigma(sigma), dr = dsigma * head.dsigma(sigma);
        const auto moved_logvar = [&](double h) {
            return 2 * std::log(head.to_sigma(r + h)) - logvar;
        };
        const double slope =
            loss.change(kLogvarBias, 0, moved_logvar(-kStep), moved_logvar(kStep)).sum() /
            (2 * kStep);
        here.rows.push_back({head.name, head.sigma_text, head.rule_text, number(r), number(dr),
                             number(slope), checked(head.name, dr, slope)});
    }
    facts.tables["heads"] = here;

    Table kl{{"`sigma`"}, {}};
    for (const Head& head : kHeads) kl.header.push_back(std::string("at ") + head.name);
    for (const double s : {0.001, 0.03, 0.3, 1.0, 3.0, 30.0}) {
        std::vector<std::string> row = {number_text(s)};
        for (const Head& head : kHeads) row.push_back(number((s - 1 / s) * head.dsigma(s)));
        kl.rows.push_back(row);
    }
    facts.tables["heads_kl"] = kl;
    facts.values["dsigma"] = number(dsigma);
}

void add_scale_facts(const Subject& subject, const Walk& w, Facts& facts) {
    const double pixels = double(subject.model.architecture().pixels());
    const double latent = double(subject.model.architecture().latent);
    struct Reduction {
        const char* name;
        double recon, kl;
    };
    const Reduction reductions[] = {
        {"sum over pixels, sum over latents: handgrad, Keras' example", 1, 1},
        {"mean over pixels, sum over latents", 1 / pixels, 1},
        {"mean over pixels, mean over latents", 1 / pixels, 1 / latent},
        {"sum over pixels, `kl` divided by the pixels", 1, 1 / pixels},
    };
    Table table{{"the program computes", "same as beta", "`mu[0]` through `z`", "from `kl`",
                 "`kl` as a share of both"},
                {}};
    for (const Reduction& r : reductions) {
        const double recon = r.recon * w.recon(kMuBias, 0), kl = r.kl * w.kl(kMuBias, 0);
        const double share = std::abs(kl) / (std::abs(kl) + std::abs(recon));
        table.rows.push_back({r.name, number(r.kl / r.recon), number(recon), number(kl),
                              number(100 * share) + " %"});
    }
    facts.tables["scales"] = table;
    facts.values["pixels"] = std::to_string(subject.model.architecture().pixels());
}

void add_step_facts(const Subject& subject, const Walk& w, Facts& facts) {
    const LossOf loss(subject, subject.digit().x, subject.digit().noise);
    // No relu stands between the first and the loss; many stand behind the second.
    const std::size_t pixel = largest(w.gradients[kOutputBias]), latent = largest(w.mu);
    Table table{{"`h`", "`" + element_name(w, kOutputBias, pixel) + "`", "error",
                 "`" + element_name(w, kMuBias, latent) + "`", "error"},
                {}};
    for (const double h : {1.0, 0.1, 0.01, 0.001}) {
        std::vector<std::string> row = {number_text(h)};
        for (const auto& [p, e] : {std::pair{kOutputBias, pixel}, std::pair{kMuBias, latent}}) {
            const double slope = loss.slope(p, e, h).sum();
            row.push_back(number(slope));
            row.push_back(error_text(relative_error(w.gradient(p, e), slope)));
        }
        table.rows.push_back(row);
    }
    table.rows.push_back({"backward", number(w.gradient(kOutputBias, pixel)), "",
                          number(w.gradient(kMuBias, latent)), ""});
    facts.tables["steps"] = table;
}

}  // namespace handgrad::apps::mnist_vae::lesson
