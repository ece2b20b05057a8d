// Proves a model's gradients: every tensor and every part of the loss, as the model is configured.
//
// Two comparisons, with the noise held still:
//   float    the backward pass that training uses, beside the derivatives of the scalar forward
//   pass
//            in double by complex steps (core/reference.hpp), exact to the last digits
//   double   the scalar backward pass, beside central differences of the forward pass, as every
//            gradient check does it, but in long double: what is left is no rounding error
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "../model/vae.hpp"

namespace handgrad::apps::mnist_vae {

struct GradientCheckPlan {
    Objective objective{};
    Index images = 8;     // in the batch
    Index elements = 64;  // of each tensor, half of them with a gradient; 0: all
    std::uint64_t seed = 0;
};

// |a - n| / max(|a|, |n|, 1e-8) over some elements, and the Euclidean norm of all differences
// beside that of n. Infinite if any is not a number.
struct GradientErrors {
    double worst = 0, mean = 0, relative_l2 = 0;
};

// One tensor's gradient of one part of the loss.
struct GradientRow {
    std::string tensor;            // "encoder.0.weight"
    std::string path;              // "recon", "recon through z", "kl"; "bound" has no parts
    Index elements = 0, size = 0;  // compared, and of the tensor
    GradientErrors float_errors, double_errors;
    Index kinks = 0;        // elements whose central difference steps over a kink, and is left out
    std::string problem{};  // empty if the row has passed
};

// float: relative L2 of a tensor. double: the worst element.
inline constexpr double kFloatTolerance = 1e-5, kDoubleTolerance = 1e-6;

struct GradientCheck {
    Index images = 0, skipped_images = 0;
    std::vector<GradientRow> rows;
    bool passed() const;
};

// Takes the first images (n, pixels), with noise (n samples, latent), that lie away from every
// kink: where rounding decides what a ReLU or a clamp does there are two derivatives, and both are
// right. `row_done` is called after each row. Throws Error(mismatch) unless there are half of
// plan.images.
//
// A row fails if an error exceeds its tolerance, if more than a quarter of its central differences
// step over a kink, or if nearly all of its expected values are zero: a backward pass that computes
// nothing would pass too.
GradientCheck check_gradients(Vae& model, ConstMatrixView images, ConstMatrixView noise,
                              const GradientCheckPlan& plan,
                              const std::function<void(const GradientRow&)>& row_done);

}  // namespace handgrad::apps::mnist_vae
