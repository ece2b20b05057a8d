// Proves a model's gradients: every tensor and every part of the loss, as the model is configured.
//
// Two comparisons, with the noise held still:
//   float    the backward pass that training uses, beside the derivatives of the scalar forward
//            pass in double by complex steps (core/reference.hpp), exact to the last digits
//   double   the scalar backward pass, beside central differences of the forward pass, as every
//            gradient check does it, but in long double: what is left is no rounding error
//
// The terms of a gradient may cancel, down to nothing at a minimum, and rounding errors do not
// shrink with it. So an error is measured beside the size of the terms that were rounded on its way
// (core/reference_rounding.hpp), which is about the gradient where nothing cancels.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "../../../core/reference_rounding.hpp"
#include "element_truth.hpp"
#include "image_choice.hpp"

namespace handgrad::apps::mnist_vae {

struct GradientCheckPlan {
    Objective objective{};
    Index images = 8;     // in the batch
    Index elements = 64;  // of each tensor, half of them with a gradient; 0: all
    std::uint64_t seed = 0;
};

// |a - n| / size over some elements, and the Euclidean norm of all differences beside that of the
// sizes. Infinite if an a or an n is not finite.
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
    std::string problem{};  // why it has failed
    std::string unmeasured{};  // if it has not: why that says nothing
};

// For the worst element: the bound of its rounding error, derived in core/reference_rounding.hpp.
inline constexpr double kFloatTolerance = reference::kRoundingBound * reference::kFloatUnit;

struct GradientCheck {
    Index images = 0, skipped_images = 0;
    bool made_images = false;  // some tensor gets no gradient from those of the data
    std::vector<GradientRow> rows;

    Index failed() const;
    Index unmeasured() const;
    // Those of which no row is measured.
    std::vector<std::string> unmeasured_tensors() const;
    // Every row is measured and right.
    bool passed() const { return !rows.empty() && failed() == 0 && unmeasured() == 0; }
};

// `row_done` is called after each row.
//
// A row fails if an error exceeds its tolerance. It is not measured if nothing would show: if every
// expected value is zero, or no larger than its rounding error, so that a backward pass that
// computes nothing would pass too; if more than a quarter of its central differences step over a
// kink; if there is no image to measure at.
GradientCheck check_gradients(Vae& model, const Candidates& candidates,
                              const GradientCheckPlan& plan,
                              const std::function<void(const GradientRow&)>& row_done);

}  // namespace handgrad::apps::mnist_vae
