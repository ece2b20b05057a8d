// Central differences of the scalar forward pass, in double: what every gradient of the lesson is
// held against.
//
//   numeric = (f(h) - f(-h)) / (2 h) = f'(0) + h^2 f'''(0) / 6 + ...
//
// The difference is taken pixel by pixel, before the sum rounds it. So with h = 0.0001 rounding
// leaves some 1e-11, and the second term is the error that one sees: the digits are the same on
// every machine.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "../../../core/reference_perturbation.hpp"
#include "subject.hpp"

namespace handgrad::apps::mnist_vae::lesson {

inline constexpr double kStep = 1e-4;
// A gradient and its central difference may differ by this, relative to the larger one: 100 h^2.
// Moving a weight moves what it is multiplied with by as much, here up to ten times h.
inline constexpr double kTolerance = 1e-6;

// Both parts of the loss, in nats; or their derivatives.
struct Parts {
    double recon = 0, kl = 0;
    double sum() const { return recon + kl; }
};

// The loss of one image as a function of one parameter, with everything else held still.
class LossOf {
  public:
    LossOf(const Subject& subject, const Tensor& x, const Tensor& noise)
        : model_(subject.truth), loss_(subject.config, model_, x, noise) {}

    // How much it changes when element e of parameter tensor p goes from one place to another, both
    // relative to its value.
    Parts change(std::size_t p, std::size_t e, double from, double to) const {
        const auto before = loss_.losses(p, e, from), after = loss_.losses(p, e, to);
        return {sum_of_differences(after.recon, before.recon),
                sum_of_differences(after.kl, before.kl)};
    }
    Parts slope(std::size_t p, std::size_t e, double h = kStep) const {
        const Parts difference = change(p, e, -h, h);
        return {difference.recon / (2 * h), difference.kl / (2 * h)};
    }

  private:
    static double sum_of_differences(const std::vector<double>& a, const std::vector<double>& b) {
        double sum = 0;
        for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] - b[k];
        return sum;
    }

    Model model_;
    reference::PerturbedVae<double> loss_;
};

inline double relative_error(double analytic, double numeric) {
    const double larger = std::max(std::abs(analytic), std::abs(numeric));
    return larger == 0 ? 0 : std::abs(analytic - numeric) / larger;
}

}  // namespace handgrad::apps::mnist_vae::lesson
