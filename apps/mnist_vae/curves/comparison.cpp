#include "comparison.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "../../../core/error.hpp"
#include "../model/loss_meaning.hpp"
#include "../options/conventions.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

// What each family means to somebody whose run is refused.
constexpr const char* kFamilyMeanings[] = {
    "grey pixels (--binarize none)",
    "pixels drawn anew for every epoch (--binarize dynamic)",
    "pixels drawn once, by each program for itself (--binarize static)",
    "pixels cut at a threshold (--binarize threshold)",
    "the literature's fixed files, which no option makes",
};

CurveFamily family_of(const TrainOptions& options, const IdxImages& validation) {
    switch (options.binarize) {
        case Binarization::none:
            break;
        case Binarization::drawn_once:
            return CurveFamily::once;
        case Binarization::drawn_anew:
            return CurveFamily::dynamic;
        case Binarization::at_threshold:
            return CurveFamily::threshold;
    }
    // Files without a grey pixel were made by somebody: those of the literature, if anybody's.
    return entropy_floor(validation) == 0 ? CurveFamily::fixed : CurveFamily::grey;
}

std::string meaning(CurveFamily family) {
    const auto i = static_cast<std::size_t>(family);
    return std::string(kFamilyNames[i]) + ", " + kFamilyMeanings[i];
}

// The forms of the cross-entropy differ in what they clip, not in what they measure.
bool is_same(const std::string& fact, const std::string& ours, const std::string& published) {
    if (ours == published) return true;
    if (fact != "recon-loss") return false;
    const auto likelihood = [](const std::string& name) {
        TrainOptions options;
        apply({{"recon-loss", name}}, options, "");
        return likelihood_of(options.recon_loss);
    };
    return likelihood(ours) == likelihood(published) && likelihood(ours) != Likelihood::none;
}

std::string format(const char* pattern, double value) {
    char text[64];
    std::snprintf(text, sizeof text, pattern, value);
    return text;
}

// "0.31 above" of what was published.
std::string difference(double ours, double published) {
    const double d = ours - published;
    return format("%.2f", std::abs(d)) + (d < 0 ? " below" : " above");
}

// Comparisons that NaN fails.
bool is_within(const EpochMetrics& ours, const CurvePoint& published) {
    return std::abs(ours.val_loss - published.val_loss) <= published.band;
}

}  // namespace

Comparison::Comparison(Curve curve, const TrainOptions& options, const Dataset& dataset)
    : curve_(std::move(curve)) {
    const std::string where = "--compare-to " + curve_.name;
    const auto refuse = [&](const std::string& problem, const std::string& found,
                            const std::string& expected) {
        throw Error(ErrorKind::argument, where, problem, found, expected);
    };
    if (!curve_.data.empty() && dataset.name != curve_.data + " (verified)")
        refuse("is of other data than this run", dataset.name, curve_.data + " (verified)");
    const CurveFamily family = family_of(options, validation_split(dataset).images);
    if (family != curve_.family)
        refuse("is of another family than this run, and must not be compared with it",
               meaning(family), meaning(curve_.family));
    for (const char* fact : kModelFacts) {
        const auto published = curve_.facts.find(fact);
        const bool is_stated = published != curve_.facts.end();
        // A weight that nobody speaks of is 1.
        if (!is_stated && std::string(fact) != "beta") continue;
        const std::string ours = option_value(options, fact);
        const std::string theirs = is_stated ? published->second : "1";
        if (!is_same(fact, ours, theirs))
            refuse(std::string("was measured with another --") + fact, ours, theirs);
    }
    for (const char* fact : kRecipeFacts) {
        const auto published = curve_.facts.find(fact);
        if (published == curve_.facts.end()) continue;
        const std::string ours = option_value(options, fact);
        if (ours != published->second)
            notes_.push_back(std::string(fact) + " is " + ours + ", was " + published->second);
    }
    if (family == CurveFamily::fixed)
        notes_.push_back("the files are taken for those of the literature");
    if (options.mistake != Mistake::none) notes_.push_back("this run makes a mistake on purpose");
}

std::string Comparison::describe() const {
    std::string text = "compared   with " + curve_.name + ": " + curve_.title +
                       "\n           source: " + curve_.source +
                       "\n           bands: " + curve_.band;
    for (const std::string& note : notes_) text += "\n           note: " + note;
    return text;
}

const CurvePoint* Comparison::find_point(Index epoch) const {
    const auto point = std::find_if(curve_.points.begin(), curve_.points.end(),
                                    [&](const CurvePoint& p) { return p.epoch == epoch; });
    return point == curve_.points.end() ? nullptr : &*point;
}

std::string Comparison::verdict(const EpochMetrics& ours) const {
    const CurvePoint* published = find_point(ours.epoch);
    if (published == nullptr) return {};
    std::string text = "published " + format("%.2f", published->val_loss) + ", ours " +
                       difference(ours.val_loss, published->val_loss);
    if (published->recon)
        text += " (recon " + difference(ours.val_recon, *published->recon) + ", kl " +
                difference(ours.val_kl, *published->kl) + ")";
    return text + (is_within(ours, *published) ? ": within" : ": OUTSIDE") + " the band of " +
           format("%g", published->band);
}

std::string Comparison::summarize(std::span<const EpochMetrics> rows) const {
    int compared = 0, within = 0;
    const EpochMetrics* last = nullptr;
    for (const EpochMetrics& row : rows) {
        const CurvePoint* published = find_point(row.epoch);
        if (published == nullptr) continue;
        ++compared;
        within += is_within(row, *published) ? 1 : 0;
        last = &row;
    }
    const std::string start = "compared with " + curve_.name + ": ";
    if (last == nullptr)
        return start + "nothing yet, its first epoch is " +
               std::to_string(curve_.points.front().epoch);
    return start + std::to_string(within) + " of " + std::to_string(compared) +
           (compared == 1 ? " epoch" : " epochs") + " within the band; epoch " +
           std::to_string(last->epoch) + ": val_loss " + format("%.2f", last->val_loss) + ", " +
           verdict(*last);
}

std::string list_curves() {
    std::string text;
    for (const Curve& curve : shipped_curves()) {
        char line[256];
        const CurvePoint& last = curve.points.back();
        std::snprintf(line, sizeof line, "%-16s %-9s epochs %3td to %3td, %6.2f at the end  ",
                      curve.name.c_str(), kFamilyNames[static_cast<int>(curve.family)],
                      curve.points.front().epoch, last.epoch, last.val_loss);
        text += line + curve.title + "\n";
    }
    return text +
           "Losses of two families, grey, dynamic, static, threshold and fixed, must never "
           "be compared.\n";
}

}  // namespace handgrad::apps::mnist_vae
