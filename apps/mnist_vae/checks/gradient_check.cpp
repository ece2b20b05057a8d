#include "gradient_check.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numeric>

#include "../../../core/error.hpp"
#include "../../../core/parallel.hpp"
#include "../../../core/random.hpp"
#include "../../../core/reference_perturbation.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

using Complex = std::complex<double>;
using Tensor = reference::Tensor<double>;

constexpr double kComplexStep = 1e-30;
// Of the difference, for a parameter of size 1: with a truncation error of its fourth power.
constexpr long double kDifferenceStep = 1e-5L;
// Gradients below it are compared with it instead of with themselves.
constexpr double kFloor = 1e-8;
constexpr double kMostKinks = 0.25;
// At least so many expected values must not be zero: a tenth of them, or this number.
constexpr double kNonZeroShare = 0.1, kNonZeroCount = 32;

double relative_difference(double a, double n) {
    return std::abs(a - n) / std::max({std::abs(a), std::abs(n), kFloor});
}

// The gradient of one element, part by part of the loss, in all ways but the float one.
struct ElementTruth {
    double recon = 0, kl = 0;              // by complex step
    double recon_slope = 0, kl_slope = 0;  // by central differences
    bool recon_kink = false, kl_kink = false;
};

// The derivative at 0 of a function of delta, from central differences with steps h and 2h, whose
// errors of order h^2 cancel in 4/3 of the one less 1/3 of the other. Where the two differ by more
// than what smooth functions make of h, there is a kink between.
struct Slope {
    double value;
    bool kink;
};
Slope extrapolate(long double with_h, long double with_2h) {
    return {double((4 * with_h - with_2h) / 3),
            !(relative_difference(double(with_h), double(with_2h)) <= kDoubleTolerance)};
}

// (f(delta) - f(-delta)) / (2 delta) of a sum, addend by addend.
long double central_difference(const std::vector<long double>& plus,
                               const std::vector<long double>& minus, long double delta) {
    long double sum = 0;
    for (std::size_t k = 0; k < plus.size(); ++k) sum += plus[k] - minus[k];
    return sum / (2 * delta);
}

double imaginary_sum(const std::vector<Complex>& addends) {
    double sum = 0;
    for (const Complex& addend : addends) sum += addend.imag();
    return sum;
}

class TruthFinder {
  public:
    TruthFinder(const reference::VaeConfig& config, reference::Vae<double>& model, const Tensor& x,
                const Tensor& noise)
        : model_(model), complex_(config, model, x, noise), wide_(config, model, x, noise) {}

    ElementTruth find(std::size_t p, std::size_t e) const {
        ElementTruth truth;
        const auto step = complex_.losses(p, e, Complex(0, kComplexStep));
        truth.recon = imaginary_sum(step.recon) / kComplexStep;
        truth.kl = imaginary_sum(step.kl) / kComplexStep;

        const long double value = model_.parameters()[p][e];
        const long double h = kDifferenceStep * std::max(1.0L, std::abs(value));
        long double recon[2], kl[2];
        for (int k : {0, 1}) {
            const long double delta = (k + 1) * h;
            const auto plus = wide_.losses(p, e, delta), minus = wide_.losses(p, e, -delta);
            recon[k] = difference(plus.recon, minus.recon, delta);
            kl[k] = difference(plus.kl, minus.kl, delta);
        }
        const Slope recon_slope = extrapolate(recon[0], recon[1]);
        const Slope kl_slope = extrapolate(kl[0], kl[1]);
        truth.recon_slope = recon_slope.value;
        truth.recon_kink = recon_slope.kink;
        truth.kl_slope = kl_slope.value;
        truth.kl_kink = kl_slope.kink;
        return truth;
    }

  private:
    // A step that only one of the two sides feels goes over a kink.
    static long double difference(const std::vector<long double>& plus,
                                  const std::vector<long double>& minus, long double delta) {
        if (plus.size() != minus.size()) return NAN;
        return central_difference(plus, minus, delta);
    }

    reference::Vae<double>& model_;
    reference::PerturbedVae<Complex> complex_;
    reference::PerturbedVae<long double> wide_;
};

GradientErrors errors_of(const std::vector<double>& got, const std::vector<double>& want) {
    GradientErrors errors;
    double sum = 0, difference = 0, norm = 0;
    for (std::size_t k = 0; k < want.size(); ++k) {
        const double error = relative_difference(got[k], want[k]);
        if (!(error <= errors.worst)) errors.worst = std::isnan(error) ? INFINITY : error;
        sum += error;
        difference += (got[k] - want[k]) * (got[k] - want[k]);
        norm += want[k] * want[k];
    }
    errors.mean = want.empty() ? 0 : sum / double(want.size());
    errors.relative_l2 = difference == 0 ? 0 : std::sqrt(difference / norm);
    for (double* error : {&errors.mean, &errors.relative_l2})
        if (std::isnan(*error)) *error = INFINITY;
    return errors;
}

// Losses of probabilities have a kink where they clip, so far from 0 and from 1.
double lowest_smooth_probability(ReconLoss loss) {
    if (loss == ReconLoss::bce_probabilities) return reference::kProbabilityClip;
    if (loss == ReconLoss::bce_clamped_logs) return 1e-12;
    return -std::numeric_limits<double>::infinity();
}

// Which images lie away from every kink: the model and its reference let them through the same
// ReLUs and clamp the same values, and no ReLU is so near its kink that rounding could decide, as
// all are for a dark image and biases of zero.
std::vector<bool> smooth_images(const Architecture& architecture,
                                const std::vector<LayerView>& layers, Index images,
                                const reference::PerturbedVae<double>& truth) {
    constexpr double kNear = 1e-6;
    std::vector<bool> smooth(std::size_t(images), true);
    std::size_t l = 0;
    for (const LayerView& layer : layers) {
        if (layer.name == "z") continue;
        const Tensor &a = truth.pre_activations()[l], &y = truth.outputs()[l];
        const bool last = ++l == truth.outputs().size();
        const auto is_smooth = [&](double found, Index n, Index j) {
            if (layer.name == "mu") return true;
            if (layer.name == "logvar") {
                const double factor = architecture.log_sigma_head ? 2 : 1;
                const double low = reference::kLogvarMin, high = reference::kLogvarMax;
                return reference::inside(factor * found, low, high) ==
                       reference::inside(factor * y(n, j), low, high);
            }
            if (last) {
                const double low = lowest_smooth_probability(architecture.recon_loss);
                return reference::inside(found, low, 1 - low) ==
                       reference::inside(y(n, j), low, 1 - low);
            }
            return architecture.activation != Activation::relu ||
                   ((found > 0) == (y(n, j) > 0) && std::abs(a(n, j)) > kNear);
        };
        const Index samples = y.rows / images;  // 1 in the encoder
        for (Index n = 0; n < y.rows; ++n)
            for (Index j = 0; j < y.cols; ++j)
                if (!is_smooth(double(layer.output(n, j)), n, j))
                    smooth[std::size_t(n / samples)] = false;
    }
    return smooth;
}

// Positions of a tensor: half of them where it has a gradient, half anywhere; all if `count` is 0.
std::vector<std::size_t> choose_elements(const Tensor& gradient, Index count, std::uint64_t seed,
                                         std::size_t tensor) {
    std::vector<std::uint32_t> order(gradient.size());
    std::iota(order.begin(), order.end(), 0);
    if (count == 0 || std::size_t(count) >= order.size()) return {order.begin(), order.end()};
    handgrad::shuffle(seed, std::uint32_t(tensor), order);
    std::vector<std::size_t> chosen(order.begin(), order.begin() + count / 2);
    for (std::size_t k = std::size_t(count / 2);
         k < order.size() && chosen.size() < std::size_t(count); ++k)
        if (gradient[order[k]] != 0) chosen.push_back(order[k]);
    return chosen;
}

// The `samples` rows of each of these images.
Matrix select_rows(ConstMatrixView m, const std::vector<Index>& images, Index samples) {
    Matrix selected(Index(images.size()) * samples, m.cols);
    for (Index i = 0; i < selected.rows(); ++i)
        std::copy_n(m.row(images[std::size_t(i / samples)] * samples + i % samples), m.cols,
                    selected.row(i));
    return selected;
}

std::vector<Tensor> gradients_of(Vae& model) {
    std::vector<Tensor> gradients;
    for (const NamedTensor& t : model.tensors(model.arena().gradients()))
        gradients.push_back(reference::to_tensor(t.values));
    return gradients;
}

// What was found for one tensor and one part of the loss.
struct Comparison {
    std::vector<double> float_got, float_want, double_got, double_want;
    Index kinks = 0;

    void add(double simd, double scalar, double complex_step, double slope, bool kink) {
        float_got.push_back(simd);
        float_want.push_back(complex_step);
        if (kink) {
            ++kinks;
            return;
        }
        double_got.push_back(scalar);
        double_want.push_back(slope);
    }

    // Free bits may leave a part of the loss without any gradient.
    GradientRow row(const std::string& tensor, const std::string& path, Index size,
                    bool may_be_zero) const {
        GradientRow row{.tensor = tensor,
                        .path = path,
                        .elements = Index(float_want.size()),
                        .size = size,
                        .float_errors = errors_of(float_got, float_want),
                        .double_errors = errors_of(double_got, double_want),
                        .kinks = kinks};
        const double n = double(row.elements);
        const double non_zeros = n - double(std::count(float_want.begin(), float_want.end(), 0.0));
        if (!(row.float_errors.relative_l2 <= kFloatTolerance))
            row.problem = "float is wrong";
        else if (!(row.double_errors.worst <= kDoubleTolerance))
            row.problem = "double is wrong";
        else if (double(kinks) > kMostKinks * n)
            row.problem = "too many kinks";
        else if (may_be_zero && non_zeros == 0)
            return row;
        else if (non_zeros < std::min(kNonZeroShare * n, kNonZeroCount) || non_zeros == 0)
            row.problem = "nearly all zero";
        return row;
    }
};

}  // namespace

bool GradientCheck::passed() const {
    return std::all_of(rows.begin(), rows.end(),
                       [](const GradientRow& row) { return row.problem.empty(); });
}

GradientCheck check_gradients(Vae& model, ConstMatrixView images, ConstMatrixView noise,
                              const GradientCheckPlan& plan,
                              const std::function<void(const GradientRow&)>& row_done) {
    const Architecture& a = model.architecture();
    const reference::VaeConfig config{.inputs = a.pixels(),
                                      .hidden = a.hidden,
                                      .latent = a.latent,
                                      .activation = a.activation,
                                      .recon_loss = static_cast<reference::ReconLoss>(a.recon_loss),
                                      .kl_weight = double(plan.objective.kl_weight),
                                      .pixel_variance = a.pixel_variance,
                                      .samples = plan.objective.samples,
                                      .importance_weighted = plan.objective.importance_weighted,
                                      .free_bits = double(plan.objective.free_bits),
                                      .log_sigma_head = a.log_sigma_head,
                                      .sum_over_batch = plan.objective.sum_over_batch};
    reference::Vae<double> truth(config);
    const std::vector<NamedTensor> tensors = model.tensors(model.arena().values());
    for (std::size_t p = 0; p < tensors.size(); ++p)
        truth.parameters()[p] = reference::to_tensor(tensors[p].values);

    GradientCheck check;
    const Index samples = plan.objective.samples;
    // Where the kinks are is asked of the model as it is right: a mistake would move them.
    StepHooks no_hooks;
    StepHooks& hooks = model.set_hooks(no_hooks);
    model.forward_training(images, noise, plan.objective);
    model.set_hooks(hooks);
    const std::vector<bool> smooth =
        smooth_images(a, model.layers(), images.rows,
                      {config, truth, reference::to_tensor(images), reference::to_tensor(noise)});
    std::vector<Index> chosen;
    for (Index n = 0; n < images.rows && Index(chosen.size()) < plan.images; ++n)
        smooth[std::size_t(n)] ? chosen.push_back(n) : void(++check.skipped_images);
    if (2 * Index(chosen.size()) < std::min(plan.images, images.rows))
        throw Error(ErrorKind::mismatch, "check-gradients", "too many images lie at a kink",
                    std::to_string(check.skipped_images), "at most half");
    check.images = Index(chosen.size());
    const Matrix x = select_rows(images, chosen, 1), frozen = select_rows(noise, chosen, samples);

    // The backward passes.
    SparseBatch sparse;
    sparse.x.assign(x);
    sparse.transposed.assign_transpose(sparse.x);
    model.forward_training(x, frozen, plan.objective, &sparse);
    model.backward();
    const std::vector<Tensor> simd = gradients_of(model);
    model.backward_part(LossPart::recon);
    const std::vector<Tensor> simd_recon = gradients_of(model);
    model.backward_part(LossPart::kl);
    const std::vector<Tensor> simd_kl = gradients_of(model);

    const Tensor wide_x = reference::to_tensor(x), wide_noise = reference::to_tensor(frozen);
    truth.forward(wide_x, wide_noise);
    truth.backward();
    const std::vector<Tensor> scalar = truth.gradients();
    truth.backward(0);
    const std::vector<Tensor> scalar_kl = truth.gradients();

    // The truth, element by element.
    const TruthFinder finder(config, truth, wide_x, wide_noise);
    const double scale = plan.objective.sum_over_batch ? double(x.rows()) : 1;
    const double weight = double(plan.objective.kl_weight);
    const bool has_parts = !plan.objective.importance_weighted;
    const std::size_t first_of_decoder = 2 * (a.hidden.size() + 2);
    for (std::size_t p = 0; p < tensors.size(); ++p) {
        const std::vector<std::size_t> elements =
            choose_elements(simd[p], plan.elements, plan.seed, p);
        std::vector<ElementTruth> found(elements.size());
        parallel_for(Index(elements.size()), 1, [&](Index begin, Index end) {
            for (Index k = begin; k < end; ++k)
                found[std::size_t(k)] = finder.find(p, elements[std::size_t(k)]);
        });

        Comparison recon, kl, both;
        for (std::size_t k = 0; k < elements.size(); ++k) {
            const std::size_t e = elements[k];
            const ElementTruth& t = found[k];
            recon.add(simd_recon[p][e], scalar[p][e] - scalar_kl[p][e], scale * t.recon,
                      scale * t.recon_slope, t.recon_kink);
            kl.add(simd_kl[p][e], scalar_kl[p][e], scale * weight * t.kl,
                   scale * weight * t.kl_slope, t.kl_kink);
            both.add(simd[p][e], scalar[p][e], scale * (t.recon + weight * t.kl),
                     scale * (t.recon_slope + weight * t.kl_slope), t.recon_kink || t.kl_kink);
        }
        const auto report = [&](const Comparison& comparison, const char* path) {
            const bool may_be_zero = plan.objective.free_bits > 0 && &comparison == &kl;
            check.rows.push_back(
                comparison.row(tensors[p].name, path, Index(simd[p].size()), may_be_zero));
            row_done(check.rows.back());
        };
        if (!has_parts) {
            report(both, "bound");
            continue;
        }
        if (p >= first_of_decoder) {
            report(both, "recon");
            continue;
        }
        report(recon, "recon through z");
        if (weight == 0) continue;
        report(kl, "kl");
        report(both, "recon + kl");
    }
    return check;
}

}  // namespace handgrad::apps::mnist_vae
