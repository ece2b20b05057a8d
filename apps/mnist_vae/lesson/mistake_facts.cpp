// Section 8: the classic mistakes.
#include "mistake_facts.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "../../../optim/adam.hpp"
#include "computed_facts.hpp"

namespace handgrad::apps::mnist_vae::lesson {

namespace {

// Keeps the gradient that it is given.
struct RecordingOptimizer : Optimizer {
    explicit RecordingOptimizer(ParameterArena& arena)
        : Optimizer(arena), gradient(arena.values().size()) {}
    void begin_step(double) override {}
    void take(Index first, std::span<const float> gradients) override {
        std::copy(gradients.begin(), gradients.end(), gradient.begin() + first);
    }
    std::vector<Buffer> state() override { return {}; }
    std::vector<float> gradient;
};

Matrix to_matrix(const std::vector<const Tensor*>& rows) {
    Matrix m(Index(rows.size()), rows.front()->cols);
    for (Index i = 0; i < m.rows(); ++i)
        std::copy(rows[std::size_t(i)]->data.begin(), rows[std::size_t(i)]->data.end(), m.row(i));
    return m;
}

// [dmu | dlogvar] of every image.
Matrix head_gradient(Subject& subject, Mistake mistake, const Matrix& x, const Matrix& noise) {
    const auto hooks = make_hooks(mistake);
    StepHooks& before = subject.model.set_hooks(*hooks);
    subject.model.forward_training(x, noise, {});
    subject.model.backward();
    const Vae::HeadGradients parts = subject.model.head_gradients();
    Matrix sum = copy(parts.recon);
    for (Index i = 0; i < sum.rows(); ++i)
        for (Index j = 0; j < sum.cols(); ++j) sum(i, j) += parts.kl(i, j);
    subject.model.set_hooks(before);
    return sum;
}

constexpr const char* kHeadNames[] = {"mu[0]", "mu[1]", "logvar[0]", "logvar[1]"};

void add_head_effects(Subject& subject, Mistake mistake, std::vector<MistakeEffect>& effects) {
    const Matrix x = to_matrix({&subject.digit().x}), noise = to_matrix({&subject.digit().noise});
    const Matrix right = head_gradient(subject, Mistake::none, x, noise);
    const Matrix wrong = head_gradient(subject, mistake, x, noise);
    for (Index j = 0; j < right.cols(); ++j)
        effects.push_back({mistake, kHeadNames[j], double(right(0, j)), double(wrong(0, j))});
}

// A batch of this digit and the next, which gets its noise.
void add_shared_noise(Subject& subject, std::vector<MistakeEffect>& effects) {
    const Matrix x = to_matrix({&subject.digit().x, &subject.next_digit().x});
    Matrix noise = to_matrix({&subject.digit().noise, &subject.next_digit().noise});
    const Matrix right = head_gradient(subject, Mistake::none, x, noise);
    share_noise(noise);
    const Matrix wrong = head_gradient(subject, Mistake::shared_noise, x, noise);
    for (Index j = 0; j < right.cols(); ++j)
        effects.push_back({Mistake::shared_noise, kHeadNames[j] + std::string(" of the next digit"),
                           double(right(1, j)), double(wrong(1, j))});
}

// The gradient of this digit, in the arena.
void compute_gradient(Subject& subject) {
    const Matrix x = to_matrix({&subject.digit().x}), noise = to_matrix({&subject.digit().noise});
    subject.model.forward_training(x, noise, {});
    subject.model.backward();
}

// What the first step of a new optimiser does to the elements with the largest gradient.
std::vector<double> first_step(Subject& subject, Mistake mistake,
                               const std::vector<std::size_t>& elements) {
    const auto values = [&] {
        std::vector<double> found;
        const auto tensors = subject.model.tensors(subject.model.arena().values());
        for (std::size_t p = 0; p < elements.size(); ++p)
            found.push_back(reference::to_tensor(tensors[p].values)[elements[p]]);
        return found;
    };
    ParameterArena& arena = subject.model.arena();
    const std::vector<float> kept(arena.values().begin(), arena.values().end());
    compute_gradient(subject);
    const std::vector<double> before = values();
    lead_astray(mistake, std::make_unique<Adam>(arena, AdamConfig::keras()), arena)->step(1e-3);
    std::vector<double> steps = values();
    for (std::size_t p = 0; p < steps.size(); ++p) steps[p] -= before[p];
    std::copy(kept.begin(), kept.end(), arena.values().begin());
    return steps;
}

std::vector<float> gradient_for_optimizer(Subject& subject, Mistake mistake) {
    ParameterArena& arena = subject.model.arena();
    compute_gradient(subject);
    auto recording = std::make_unique<RecordingOptimizer>(arena);
    RecordingOptimizer& recorder = *recording;
    const auto optimizer = lead_astray(mistake, std::move(recording), arena);
    optimizer->step(0);
    return recorder.gradient;
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t e = 0; e < a.size(); ++e) sum += double(a[e]) * double(b[e]);
    return sum;
}

std::string caught_by(CaughtBy check) {
    switch (check) {
        case CaughtBy::gradients:
            return "gradient check";
        case CaughtBy::training:
            return "first losses";
        case CaughtBy::reference_curve:
            break;
    }
    return "measuring again";
}

}  // namespace

std::vector<MistakeEffect> mistake_effects(Subject& subject) {
    std::vector<MistakeEffect> effects;
    for (const Mistake m : {Mistake::mean_bce, Mistake::kl_over_pixels, Mistake::kl_sign,
                            Mistake::sigma_as_logvar, Mistake::no_noise})
        add_head_effects(subject, m, effects);
    add_shared_noise(subject, effects);

    const Walk w = walk(subject, subject.digit().x, subject.digit().noise);
    std::vector<std::size_t> elements;
    for (const Tensor& gradient : w.gradients) elements.push_back(largest(gradient));
    const std::vector<double> right = first_step(subject, Mistake::none, elements);
    const std::vector<double> wrong = first_step(subject, Mistake::stale_adam, elements);
    const std::string name = element_name(w, kOutputWeight, elements[kOutputWeight]);
    effects.push_back(
        {Mistake::stale_adam, "first step of " + name, right[kOutputWeight], wrong[kOutputWeight]});

    const std::vector<float> whole = gradient_for_optimizer(subject, Mistake::none);
    const std::vector<float> cut = gradient_for_optimizer(subject, Mistake::clip_grad);
    const double cosine = dot(whole, cut) / std::sqrt(dot(whole, whole) * dot(cut, cut));
    effects.push_back({Mistake::clip_grad, "cosine with the gradient", 1, cosine});
    effects.push_back(
        {Mistake::test_on_mean, "val_loss", subject.val_loss, subject.val_loss_on_mu});
    return effects;
}

void add_mistake_facts(Subject& subject, Facts& facts) {
    Table table{{"mistake", "what is done", "changes", "right", "wrong", "caught by"}, {}};
    const std::vector<MistakeEffect> effects = mistake_effects(subject);
    for (auto effect = effects.begin(); effect != effects.end();) {
        const auto next = std::find_if(effect, effects.end(), [&](const MistakeEffect& e) {
            return e.mistake != effect->mistake;
        });
        // The one that it changes most.
        const auto most = std::max_element(effect, next, [](const auto& a, const auto& b) {
            return std::abs(a.right - a.wrong) < std::abs(b.right - b.wrong);
        });
        const MistakeDescription description = describe(effect->mistake);
        table.rows.push_back({"`" + mistake_name(effect->mistake) + "`", description.what,
                              "`" + most->what + "`", number(most->right), number(most->wrong),
                              caught_by(description.caught_by)});
        effect = next;
    }
    facts.tables["mistakes"] = table;
}

}  // namespace handgrad::apps::mnist_vae::lesson
