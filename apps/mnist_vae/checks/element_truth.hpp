// The gradient of single parameters in two ways that share no backward code with anybody: complex
// steps of the scalar forward pass, and central differences of it in long double.
#pragma once

#include <complex>
#include <vector>

#include "../../../core/reference_perturbation.hpp"

namespace handgrad::apps::mnist_vae {

// For the error of a gradient in double, or of a slope, beside the size of its terms. It leaves
// room for a kink within the step that does not show; truncation and rounding stay far below it.
inline constexpr double kDoubleTolerance = 1e-6;

// The gradient of one part of the loss with respect to one element.
struct PartTruth {
    double gradient = 0;        // by complex step
    double slope = 0;           // by central differences
    double slope_rounding = 0;  // bound of the slope's error by rounding
    bool kink = false;          // the differences step over one, and the slope says nothing
};

struct ElementTruth {
    PartTruth recon, kl;
};

class TruthFinder {
  public:
    using Tensor = reference::Tensor<double>;
    // The gradients are those of recon_scale * recon and kl_scale * kl.
    TruthFinder(const reference::VaeConfig& config, reference::Vae<double>& model, const Tensor& x,
                const Tensor& noise, double recon_scale, double kl_scale);

    // Of element e of parameter tensor p. The sizes are those of the terms of the two gradients
    // (reference::Rounded::size).
    ElementTruth find(std::size_t p, std::size_t e, double recon_size, double kl_size) const;

  private:
    reference::Vae<double>& model_;
    reference::PerturbedVae<std::complex<double>> complex_;
    reference::PerturbedVae<long double> wide_;
    reference::LossAddends<long double> rest_;  // where nothing is moved
    double recon_scale_, kl_scale_;
    double recon_rounding_, kl_rounding_;  // of each part of the loss in long double
};

}  // namespace handgrad::apps::mnist_vae
