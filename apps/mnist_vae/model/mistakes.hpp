// The classic mistakes in training a variational autoencoder, to be made on purpose: each has cost
// somebody days, none ends in an error message, and each is caught by some check.
//
// A mistake is made in training alone. Validation stays right, so that curves can be compared,
// apart from test_on_mean, which is a mistake of validation.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "../../../optim/optimizer.hpp"
#include "vae.hpp"

namespace handgrad::apps::mnist_vae {

enum class Mistake {
    none,
    mean_bce,
    kl_over_pixels,
    kl_sign,
    sigma_as_logvar,
    no_noise,
    shared_noise,
    stale_adam,
    clip_grad,
    test_on_mean,
};

inline constexpr const char* kMistakeNames[] = {
    "none",     "mean-bce",     "kl-over-pixels", "kl-sign",   "sigma-as-logvar",
    "no-noise", "shared-noise", "stale-adam",     "clip-grad", "test-on-mean"};

// What catches a mistake: a row of check-gradients, its comparison of the first training steps with
// those of the scalar reference, or nothing but losses that are known to be right.
enum class CaughtBy { gradients, training, reference_curve };

struct MistakeDescription {
    const char* what;  // is done wrong
    CaughtBy caught_by;
};
MistakeDescription describe(Mistake mistake);

// "MISTAKE kl-sign, made on purpose: ...; check-gradients catches it"; empty for none.
std::string flag_text(Mistake mistake);

// The same of what a file calls a mistake, which is any text; empty for an empty one.
std::string flag_text_of(const std::string& name);

// Its name; empty for none.
std::string mistake_name(Mistake mistake);

// The hooks of those that are made in the model's step; does nothing for the others.
std::unique_ptr<StepHooks> make_hooks(Mistake mistake);

// The optimiser of those that are made there: `right`, led astray; `right` itself for the others.
std::unique_ptr<Optimizer> lead_astray(Mistake mistake, std::unique_ptr<Optimizer> right,
                                       ParameterArena& arena);

// shared_noise: every image gets the noise of the first.
void share_noise(MatrixView noise);

}  // namespace handgrad::apps::mnist_vae
