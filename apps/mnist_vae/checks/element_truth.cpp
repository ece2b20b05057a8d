#include "element_truth.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "../../../core/reference_rounding.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

using Complex = std::complex<double>;
using Addends = std::vector<long double>;

constexpr double kComplexStep = 1e-30;
// Of the difference, for a parameter of size 1. A step that goes over a kink is tried again, so
// often, with a sixteenth of it.
constexpr long double kDifferenceStep = 1e-5L;
constexpr int kTries = 3;

// Half a unit in the last place of 1, by which one operation in long double may be wrong.
constexpr long double kWideUnit = std::numeric_limits<long double>::epsilon() / 2;

double imaginary_sum(const std::vector<Complex>& addends) {
    double sum = 0;
    for (const Complex& addend : addends) sum += addend.imag();
    return sum;
}

// One part of the loss at -2h, -h, 0, h and 2h, addend by addend, so that differences are taken
// before a sum rounds them.
struct Stencil {
    const Addends &minus2, &minus, &rest, &plus, &plus2;

    // f'(0), with errors of order h^4: from differences with steps h and 2h, whose errors of order
    // h^2 cancel in 4/3 of the one less 1/3 of the other.
    long double slope(long double h) const { return (4 * narrow(h) - wide(h)) / 3; }

    // The traces of a kink within 2h. A slope that changes by J at a distance of s h leaves both
    //   narrow - wide                                                      J s / 4
    //   (f(2h) + f(-2h) - 2 f(0)) / 2h - 2 (f(h) + f(-h) - 2 f(0)) / h     J |1 - 3 s / 2|
    // where a smooth f has h^2 f''' / 2 and h^3 f'''' / 2. Together they are more than slope()
    // is wrong by, J |1/2 - 7 s / 12|; and so they are for s between 1 and 2, where it is wrong by
    // J (2 - s) / 12.
    long double kink(long double h) const {
        const long double bend = second(plus, minus) / h, bend2 = second(plus2, minus2) / (2 * h);
        return std::abs(narrow(h) - wide(h)) + std::abs(bend2 - 2 * bend);
    }

  private:
    long double narrow(long double h) const { return first(plus, minus) / (2 * h); }
    long double wide(long double h) const { return first(plus2, minus2) / (4 * h); }
    long double first(const Addends& a, const Addends& b) const {
        long double sum = 0;
        for (std::size_t k = 0; k < rest.size(); ++k) sum += at(a, k) - at(b, k);
        return sum;
    }
    long double second(const Addends& a, const Addends& b) const {
        long double sum = 0;
        for (std::size_t k = 0; k < rest.size(); ++k)
            sum += (at(a, k) - rest[k]) + (at(b, k) - rest[k]);
        return sum;
    }
    // A step that moves nothing returns no addends.
    long double at(const Addends& a, std::size_t k) const { return a.empty() ? rest[k] : a[k]; }
};

// Each of the five values is wrong by kRoundingBound times its size at most. Of them kink() takes
// (3, 1/2, 1/2, 2, 2) / h, whose root of squares is 4.2 / h, and (1/2, 1/2, 1/4, 1/4) / h, of
// 0.8 / h; slope() takes less.
constexpr double kStencilRoundings = reference::kRoundingBound * (4.2 + 0.8);

// How far a part of the loss counts, the size of its gradient, and of the loss in long double the
// error by rounding.
struct PartSizes {
    double scale, size, rounding;
};

// Finds the slope, and whether there is a kink.
void find_slope(const Stencil& f, long double h, const PartSizes& sizes, PartTruth& part) {
    part.slope_rounding = sizes.scale * kStencilRoundings * sizes.rounding / double(h);
    part.slope = sizes.scale * double(f.slope(h));
    const double found = sizes.scale * double(f.kink(h));
    part.kink = !(found <= kDoubleTolerance * sizes.size + part.slope_rounding);
}

}  // namespace

TruthFinder::TruthFinder(const reference::VaeConfig& config, reference::Vae<double>& model,
                         const Tensor& x, const Tensor& noise, double recon_scale, double kl_scale)
    : model_(model),
      complex_(config, model, x, noise),
      wide_(config, model, x, noise),
      rest_(wide_.losses()),
      recon_scale_(recon_scale),
      kl_scale_(kl_scale) {
    using reference::Rounded;
    const auto rounded = reference::PerturbedVae<Rounded>(config, model, x, noise).losses();
    recon_rounding_ = double(kWideUnit) * Rounded::size_of_sum(rounded.recon);
    kl_rounding_ = double(kWideUnit) * Rounded::size_of_sum(rounded.kl);
}

ElementTruth TruthFinder::find(std::size_t p, std::size_t e, double recon_size,
                               double kl_size) const {
    ElementTruth truth;
    const auto step = complex_.losses(p, e, Complex(0, kComplexStep));
    truth.recon.gradient = recon_scale_ * imaginary_sum(step.recon) / kComplexStep;
    truth.kl.gradient = kl_scale_ * imaginary_sum(step.kl) / kComplexStep;

    truth.recon.kink = truth.kl.kink = true;
    const long double value = model_.parameters()[p][e];
    long double h = kDifferenceStep * std::max(1.0L, std::abs(value));
    // The last layer's move one column of pixels alone.
    const bool is_last = p + 2 >= model_.parameters().size();
    const reference::LossAddends<long double> column =
        is_last ? wide_.losses(p, e, 0) : reference::LossAddends<long double>();
    const auto& rest = is_last ? column : rest_;
    for (int k = 0; k < kTries && (truth.recon.kink || truth.kl.kink); ++k, h /= 16) {
        const auto minus2 = wide_.losses(p, e, -2 * h), minus = wide_.losses(p, e, -h),
                   plus = wide_.losses(p, e, h), plus2 = wide_.losses(p, e, 2 * h);
        if (truth.recon.kink)
            find_slope({minus2.recon, minus.recon, rest.recon, plus.recon, plus2.recon}, h,
                       {recon_scale_, recon_size, recon_rounding_}, truth.recon);
        if (truth.kl.kink)
            find_slope({minus2.kl, minus.kl, rest.kl, plus.kl, plus2.kl}, h,
                       {kl_scale_, kl_size, kl_rounding_}, truth.kl);
    }
    return truth;
}

}  // namespace handgrad::apps::mnist_vae
