#include "lesson.hpp"

#include <nlohmann/json.hpp>

#include "../page/assets.hpp"
#include "../page/base64.hpp"
#include "../page/page.hpp"
#include "mistake_facts.hpp"

namespace handgrad::apps::mnist_vae::lesson {

namespace {

using nlohmann::json;

// (in, out) in memory, PyTorch's (out, in) for the page, as for files.
std::string weights_text(const NamedTensor& tensor) {
    const BlockedView& t = tensor.values;
    std::vector<float> values;
    for (Index j = 0; j < t.cols; ++j)
        for (Index i = 0; i < t.rows; ++i) values.push_back(t(i, j));
    return base64_of(std::span<const float>(values));
}

json digits_json(const Subject& subject) {
    json digits = json::array();
    for (const Digit& digit : subject.digits)
        digits.push_back({{"label", digit.label},
                          {"position", digit.position},
                          {"noise", digit.noise.data},
                          {"pixels", base64_of(std::span<const std::uint8_t>(digit.pixels))}});
    return digits;
}

// What the page's own forward and backward pass has to find too.
json expected_json(const Subject& subject) {
    json expected = json::array();
    for (std::size_t d = 0; d < subject.digits.size(); ++d) {
        const Digit& digit = subject.digits[d];
        const Walk w = walk(subject, digit.x, digit.noise);
        json norms = json::array();
        for (const Tensor& gradient : w.gradients) norms.push_back(norm(gradient));
        expected.push_back({{"z", w.z.data},
                            {"recon", w.losses.recon},
                            {"kl", w.losses.kl},
                            {"dmu", w.gradients[kMuBias].data},
                            {"dlogvar", w.gradients[kLogvarBias].data},
                            {"klDmu", w.kl_gradients[kMuBias].data},
                            {"klDlogvar", w.kl_gradients[kLogvarBias].data},
                            {"norms", norms}});
    }
    return expected;
}

json mistakes_json(Subject& subject) {
    json mistakes = json::array();
    for (const MistakeEffect& effect : mistake_effects(subject))
        mistakes.push_back({{"mistake", mistake_name(effect.mistake)},
                            {"description", describe(effect.mistake).what},
                            {"what", effect.what},
                            {"right", effect.right},
                            {"wrong", effect.wrong}});
    return mistakes;
}

}  // namespace

Facts compute_facts(Subject& subject) {
    const Walk w = walk(subject, subject.digit().x, subject.digit().noise);
    Facts facts;
    add_forward_facts(subject, w, facts);
    add_backward_facts(subject, w, facts);
    add_noise_facts(subject, w, facts);
    add_adam_facts(subject, w, facts);
    add_head_facts(subject, w, facts);
    add_scale_facts(subject, w, facts);
    add_mistake_facts(subject, facts);
    add_step_facts(subject, w, facts);
    return facts;
}

std::string lesson_markdown(const Facts& facts) {
    return fill(asset("lesson.rendered.md"), facts, Format::markdown);
}

std::string lesson_page(const Facts& facts, Subject& subject) {
    json weights = json::object();
    for (const NamedTensor& tensor : subject.model.tensors(subject.model.arena().values()))
        weights[tensor.name] = weights_text(tensor);
    const Architecture& a = subject.model.architecture();
    const json data{{"rows", a.image_rows},
                    {"columns", a.image_cols},
                    {"weights", weights},
                    {"digits", digits_json(subject)},
                    {"chosen", subject.chosen},
                    {"step", kStep},
                    {"expected", expected_json(subject)},
                    {"mistakes", mistakes_json(subject)}};
    const std::string body = fill(asset("lesson.rendered.html"), facts, Format::html);
    return render_page({.title = "The gradients of a variational autoencoder",
                        .body = body,
                        .styles = {asset("page.css"), asset("lesson.css")},
                        .scripts = {asset("network.js"), asset("ticks.js"),
                                    asset("vae_gradients.js"), asset("lesson.js")},
                        .data = data.dump()});
}

}  // namespace handgrad::apps::mnist_vae::lesson
