#include "gradient_check.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "../../../core/parallel.hpp"
#include "../../../core/random.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

using Tensor = reference::Tensor<double>;
using Rounded = reference::Rounded;

constexpr double kMostKinks = 0.25;

// An error beside a size of 0 is infinite, unless it is 0 itself. A size that is not finite leaves
// nothing to be measured, and says nothing.
double relative_error(double got, double want, double size) {
    if (!std::isfinite(got) || !std::isfinite(want)) return INFINITY;
    return got == want || !std::isfinite(size) ? 0 : std::abs(got - want) / size;
}

// Values beside those that are expected, and the size of their terms.
struct Comparison {
    std::vector<double> got, want, size;

    void add(double g, double w, double s) {
        got.push_back(g);
        want.push_back(w);
        size.push_back(s);
    }
    GradientErrors errors() const {
        GradientErrors errors;
        double sum = 0, difference = 0, norm = 0;
        for (std::size_t k = 0; k < want.size(); ++k) {
            const double error = relative_error(got[k], want[k], size[k]);
            errors.worst = std::max(errors.worst, error);
            sum += error;
            if (error == 0 && !std::isfinite(size[k])) continue;
            difference += (got[k] - want[k]) * (got[k] - want[k]);
            norm += size[k] * size[k];
        }
        errors.mean = want.empty() ? 0 : sum / double(want.size());
        errors.relative_l2 = difference == 0 ? 0 : std::sqrt(difference / norm);
        if (std::isnan(errors.relative_l2)) errors.relative_l2 = INFINITY;
        return errors;
    }
    bool all_zero() const {
        return std::all_of(want.begin(), want.end(), [](double w) { return w == 0; });
    }
    // Whether there is an element of which 0 would be found wrong.
    bool tells() const {
        for (std::size_t k = 0; k < want.size(); ++k)
            if (std::abs(want[k]) > 2 * kFloatTolerance * size[k]) return true;
        return false;
    }
};

// The gradients of one part of the loss, all of them but those by complex step and by differences.
struct PartGradients {
    std::vector<Tensor> simd, scalar;
    std::vector<std::vector<double>> sizes;  // of the elements that are compared
};

// One row in the making.
struct RowComparison {
    Comparison in_float, in_double;
    Index kinks = 0;

    void add(const PartGradients& part, std::size_t p, std::size_t e, std::size_t k,
             const PartTruth& truth, double terms) {
        in_float.add(part.simd[p][e], truth.gradient, part.sizes[p][k]);
        if (truth.kink)
            ++kinks;
        else
            in_double.add(part.scalar[p][e], truth.slope,
                          terms + truth.slope_rounding / kDoubleTolerance);
    }

    // Free bits may leave a part of the loss without any gradient.
    GradientRow row(const std::string& tensor, const std::string& path, Index size,
                    bool may_be_zero) const {
        GradientRow row{.tensor = tensor,
                        .path = path,
                        .elements = Index(in_float.want.size()),
                        .size = size,
                        .float_errors = in_float.errors(),
                        .double_errors = in_double.errors(),
                        .kinks = kinks};
        if (!(row.float_errors.worst <= kFloatTolerance))
            row.problem = "float is wrong";
        else if (!(row.double_errors.worst <= kDoubleTolerance))
            row.problem = "double is wrong";
        else if (row.elements == 0)
            row.unmeasured = "every image lies at a kink";
        else if (in_float.all_zero())
            row.unmeasured = may_be_zero ? "" : "every value is zero";
        else if (double(kinks) > kMostKinks * double(row.elements))
            row.unmeasured = "too many kinks";
        else if (!in_float.tells())
            row.unmeasured = "every value is lost in rounding";
        return row;
    }
};

// Positions of a tensor: half of them where it has a gradient, by the model or by its reference,
// half anywhere; all if `count` is 0.
std::vector<std::size_t> choose_elements(const Tensor& simd, const Tensor& scalar, Index count,
                                         std::uint64_t seed, std::size_t tensor) {
    std::vector<std::uint32_t> order(simd.size());
    std::iota(order.begin(), order.end(), 0);
    if (count == 0 || std::size_t(count) >= order.size()) return {order.begin(), order.end()};
    handgrad::shuffle(seed, std::uint32_t(tensor), order);
    std::vector<std::size_t> chosen(order.begin(), order.begin() + count / 2);
    for (std::size_t k = std::size_t(count / 2);
         k < order.size() && chosen.size() < std::size_t(count); ++k)
        if (simd[order[k]] != 0 || scalar[order[k]] != 0) chosen.push_back(order[k]);
    return chosen;
}

std::vector<Tensor> gradients_of(Vae& model) {
    std::vector<Tensor> gradients;
    for (const NamedTensor& t : model.tensors(model.arena().gradients()))
        gradients.push_back(reference::to_tensor(t.values));
    return gradients;
}

reference::Tensor<Rounded> to_rounded(const Tensor& t) {
    return {t.rows, t.cols, {t.data.begin(), t.data.end()}};
}

// The whole loss and its parts, at a batch of images with their noise.
struct BatchGradients {
    PartGradients both, recon, kl;
    std::vector<std::vector<std::size_t>> elements;  // of each tensor, that are compared

    BatchGradients(Vae& model, reference::Vae<double>& truth, const reference::VaeConfig& config,
                   const ImageBatch& batch, const GradientCheckPlan& plan) {
        SparseBatch sparse;
        sparse.x.assign(batch.x);
        sparse.transposed.assign_transpose(sparse.x);
        model.forward_training(batch.x, batch.noise, plan.objective, &sparse);
        // Gradients are overwritten, whatever is there.
        std::fill(model.arena().gradients().begin(), model.arena().gradients().end(), NAN);
        model.backward();
        both.simd = gradients_of(model);
        model.backward_part(LossPart::recon);
        recon.simd = gradients_of(model);
        model.backward_part(LossPart::kl);
        kl.simd = gradients_of(model);

        const Tensor x = reference::to_tensor(batch.x), noise = reference::to_tensor(batch.noise);
        reference::Vae<Rounded, double> rounded(config);
        rounded.parameters() = truth.parameters();
        truth.forward(x, noise);
        rounded.forward(to_rounded(x), to_rounded(noise));
        for (const auto& [part, recon_share, kl_share] :
             {std::tuple(&both, 1, 1), std::tuple(&recon, 1, 0), std::tuple(&kl, 0, 1)}) {
            truth.backward(recon_share, kl_share);
            part->scalar = truth.gradients();
            if (part == &both)
                for (std::size_t p = 0; p < both.simd.size(); ++p)
                    elements.push_back(
                        choose_elements(both.simd[p], both.scalar[p], plan.elements, plan.seed, p));
            rounded.backward_to_layers(recon_share, kl_share);
            for (std::size_t p = 0; p < elements.size(); ++p) {
                part->sizes.emplace_back();
                for (const std::size_t e : elements[p])
                    part->sizes.back().push_back(rounded.gradient(p, e).size());
            }
        }
    }
};

}  // namespace

Index GradientCheck::failed() const {
    return std::count_if(rows.begin(), rows.end(),
                         [](const GradientRow& row) { return !row.problem.empty(); });
}

Index GradientCheck::unmeasured() const {
    return std::count_if(rows.begin(), rows.end(),
                         [](const GradientRow& row) { return !row.unmeasured.empty(); });
}

std::vector<std::string> GradientCheck::unmeasured_tensors() const {
    std::vector<std::string> tensors;
    for (std::size_t first = 0, last; first < rows.size(); first = last) {
        bool measured = false;
        for (last = first; last < rows.size() && rows[last].tensor == rows[first].tensor; ++last)
            measured = measured || rows[last].unmeasured.empty();
        if (!measured) tensors.push_back(rows[first].tensor);
    }
    return tensors;
}

GradientCheck check_gradients(Vae& model, const Candidates& candidates,
                              const GradientCheckPlan& plan,
                              const std::function<void(const GradientRow&)>& row_done) {
    const ChosenImages chosen = choose_images(model, plan.objective, candidates, plan.images);
    GradientCheck check{.images = chosen.batch.x.rows(),
                        .skipped_images = chosen.skipped,
                        .made_images = chosen.made,
                        .rows = {}};
    const reference::VaeConfig config = reference_config(model.architecture(), plan.objective);
    reference::Vae<double> truth = reference_of(model, config);

    const double images = double(check.images);
    const double scale = plan.objective.sum_over_batch ? images : 1;
    const double weight = double(plan.objective.kl_weight);
    const bool has_parts = !plan.objective.importance_weighted;
    const std::size_t first_of_decoder = 2 * (config.hidden.size() + 2);
    const std::vector<NamedTensor> tensors = model.tensors(model.arena().values());

    const auto report = [&](std::size_t p, const RowComparison& comparison, const char* path,
                            bool may_be_zero = false) {
        check.rows.push_back(comparison.row(tensors[p].name, path,
                                            Index(truth.parameters()[p].size()), may_be_zero));
        row_done(check.rows.back());
    };
    // The rows of a tensor.
    const auto report_tensor = [&](std::size_t p, const RowComparison& recon,
                                   const RowComparison& kl, const RowComparison& both) {
        if (!has_parts) return report(p, both, "bound");
        if (p >= first_of_decoder) return report(p, both, "recon");
        report(p, recon, "recon through z");
        if (weight == 0) return;
        report(p, kl, "kl", plan.objective.free_bits > 0);
        report(p, both, "recon + kl");
    };
    if (check.images == 0) {
        for (std::size_t p = 0; p < tensors.size(); ++p) report_tensor(p, {}, {}, {});
        return check;
    }

    const BatchGradients gradients(model, truth, config, chosen.batch, plan);
    const TruthFinder finder(config, truth, reference::to_tensor(chosen.batch.x),
                             reference::to_tensor(chosen.batch.noise), scale, scale * weight);
    for (std::size_t p = 0; p < tensors.size(); ++p) {
        const std::vector<std::size_t>& elements = gradients.elements[p];
        const std::vector<double>&recon_sizes = gradients.recon.sizes[p],
              &kl_sizes = gradients.kl.sizes[p];
        std::vector<ElementTruth> found(elements.size());
        parallel_for(Index(elements.size()), 1, [&](Index begin, Index end) {
            for (std::size_t k = std::size_t(begin); k < std::size_t(end); ++k)
                found[k] = finder.find(p, elements[k], recon_sizes[k], kl_sizes[k]);
        });
        RowComparison recon, kl, both;
        for (std::size_t k = 0; k < elements.size(); ++k) {
            const PartTruth &r = found[k].recon, &l = found[k].kl;
            recon.add(gradients.recon, p, elements[k], k, r, recon_sizes[k]);
            kl.add(gradients.kl, p, elements[k], k, l, kl_sizes[k]);
            both.add(gradients.both, p, elements[k], k,
                     {.gradient = r.gradient + l.gradient,
                      .slope = r.slope + l.slope,
                      .slope_rounding = r.slope_rounding + l.slope_rounding,
                      .kink = r.kink || l.kink},
                     recon_sizes[k] + kl_sizes[k]);
        }
        report_tensor(p, recon, kl, both);
    }
    return check;
}

}  // namespace handgrad::apps::mnist_vae
