// The lesson's numbers, beside PyTorch's autograd and complex steps, and how they get into the
// text.
#include <doctest/doctest.h>

#include <complex>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "../../../../apps/mnist_vae/lesson/lesson.hpp"
#include "../../../../apps/mnist_vae/lesson/mistake_facts.hpp"
#include "../../../../apps/mnist_vae/page/assets.hpp"
#include "../../../../core/error.hpp"
#include "../../../../core/isa.hpp"
#include "../../../../core/parallel.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using namespace handgrad::apps::mnist_vae::lesson;

namespace {

// Trained once for all cases, which leave it as it is; the settings that it changes are put back.
Subject& subject() {
    static Subject& trained = [&]() -> Subject& {
        const Isa isa = active_isa();
        const int threads = thread_count();
        static Subject made;
        select_isa(isa);
        set_thread_count(threads);
        return made;
    }();
    return trained;
}

// Sums of up to 784 products, in another order: 784 u = 9e-14 of the sum of their absolute values,
// which is up to a hundred times the sum where they cancel.
constexpr double kDoubleBound = 1e-11;

bool near(double a, double b) { return relative_error(a, b) <= kDoubleBound; }

bool all_near(const Tensor& got, const nlohmann::json& want) {
    if (got.size() != want.size()) return false;
    for (std::size_t e = 0; e < got.size(); ++e)
        if (!near(got[e], want[e].get<double>())) return false;
    return true;
}

// Every "{{name}}" of a text.
std::set<std::string> names_in(std::string_view text) {
    std::set<std::string> names;
    for (std::size_t at = text.find("{{"); at != std::string_view::npos;
         at = text.find("{{", at + 2))
        names.insert(std::string(text.substr(at + 2, text.find("}}", at) - at - 2)));
    return names;
}

}  // namespace

TEST_CASE("lesson: losses and gradients of every digit are PyTorch's, to 1e-11") {
    std::ifstream file(HANDGRAD_SOURCE_DIR "/tests/golden/lesson.json");
    const nlohmann::json golden = nlohmann::json::parse(file);
    REQUIRE(golden.at("digits").size() == subject().digits.size());
    for (std::size_t d = 0; d < subject().digits.size(); ++d) {
        CAPTURE(d);
        const nlohmann::json& want = golden["digits"][d];
        const Digit& digit = subject().digits[d];
        REQUIRE(digit.label == want.at("label"));
        const Walk w = walk(subject(), digit.x, digit.noise);
        CHECK(near(w.losses.recon, want.at("recon")));
        CHECK(near(w.losses.kl, want.at("kl")));
        CHECK(all_near(w.z, want.at("z")));
        CHECK(all_near(w.gradients[kMuBias], want.at("dmu")));
        CHECK(all_near(w.gradients[kLogvarBias], want.at("dlogvar")));
        CHECK(all_near(w.kl_gradients[kMuBias], want.at("kl_dmu")));
        CHECK(all_near(w.kl_gradients[kLogvarBias], want.at("kl_dlogvar")));
        for (std::size_t p = 0; p < kTensorCount; ++p)
            CHECK(near(norm(w.gradients[p]), want.at("norms")[p]));

        Model model = subject().truth;
        model.train_step({}, digit.x, digit.noise);
        CHECK(near(model.forward(digit.x, digit.noise).loss, want.at("loss_after")));
    }
}

TEST_CASE("lesson: the parts of every tensor's gradient are complex steps, to 1e-10") {
    using Complex = std::complex<double>;
    const Digit& digit = subject().digit();
    const Walk w = walk(subject(), digit.x, digit.noise);
    const reference::PerturbedVae<Complex> complex_step(subject().config, subject().truth, digit.x,
                                                        digit.noise);
    const auto sum = [](const std::vector<Complex>& addends) {
        double total = 0;
        for (const Complex& addend : addends) total += addend.imag();
        return total / 1e-30;
    };
    for (std::size_t p = 0; p < kTensorCount; ++p) {
        CAPTURE(p);
        const std::size_t e = largest(w.gradients[p]);
        const auto step = complex_step.losses(p, e, Complex(0, 1e-30));
        CHECK(relative_error(w.recon(p, e), sum(step.recon)) <= 1e-10);
        CHECK(relative_error(w.kl(p, e), sum(step.kl)) <= 1e-10);
    }
}

TEST_CASE("lesson: a wrong gradient is refused") {
    CHECK(checked("a", 1, 1 + 3e-7) == "3e-07");
    CHECK(checked("a", 0, 0) == "< 1e-08");
    CHECK_THROWS_AS(checked("a", 1, 1 + 2e-6), Error);
    CHECK_THROWS_AS(checked("a", 1, -1), Error);
    CHECK_THROWS_AS(checked("a", NAN, 1), Error);
}

TEST_CASE("lesson: every mistake changes what its row says") {
    const std::vector<MistakeEffect> effects = mistake_effects(subject());
    std::set<Mistake> seen;
    const Walk w = walk(subject(), subject().digit().x, subject().digit().noise);
    for (const MistakeEffect& effect : effects) {
        CAPTURE(effect.what);
        seen.insert(effect.mistake);
        CHECK(effect.right != effect.wrong);
        // What is right is the gradient of the text; the float model has 24 bits of it, less what
        // the sums lose.
        if (effect.what == "mu[0]")
            CHECK(relative_error(effect.right, w.gradient(kMuBias, 0)) <= 1e-4);
    }
    CHECK(seen.size() == std::size(kMistakeNames) - 1);  // all but none
}

TEST_CASE("lesson: a mistake leaves the model as it was") {
    const std::vector<float> before(subject().model.arena().values().begin(),
                                    subject().model.arena().values().end());
    mistake_effects(subject());
    CHECK(std::equal(before.begin(), before.end(), subject().model.arena().values().begin()));
}

TEST_CASE("lesson: the text asks for every fact and for no other") {
    const Facts facts = compute_facts(subject());
    std::set<std::string> known;
    for (const auto& [name, value] : facts.values) known.insert(name);
    for (const auto& [name, table] : facts.tables) known.insert("table " + name);
    CHECK(names_in(asset("lesson.rendered.md")) == known);
    std::set<std::string> in_page = names_in(asset("lesson.rendered.html"));
    in_page.insert("picture");  // a canvas there
    CHECK(in_page == known);
    CHECK(names_in(lesson_markdown(facts)).empty());
    for (const auto& named : facts.tables) {
        CAPTURE(named.first);
        for (const auto& row : named.second.rows) CHECK(row.size() == named.second.header.size());
    }
}

TEST_CASE("lesson: numbers as text") {
    CHECK(number(0) == "0");
    CHECK(number(784) == "784");
    CHECK(number(1 / (1 / 784.0)) == "784");
    CHECK(number(-1.5) == "-1.5000");
    CHECK(number(0.00012345678) == "0.00012346");
    CHECK(number(163.0812) == "163.08");
    CHECK(numbers({1, -0.25}) == "1, -0.2500");
    CHECK(error_text(2.6e-7) == "3e-07");
    CHECK(error_text(9.9e-9) == "< 1e-08");
    CHECK(error_text(INFINITY) == "inf");
}

TEST_CASE("lesson: facts in a text, as Markdown and as HTML") {
    const Facts facts{.values = {{"a", "1 < 2"}},
                      .tables = {{"t", {{"`x`", "n"}, {{"<b>", "-1"}, {"c", ""}}}}}};
    CHECK(fill("{{a}}, {{a}}", facts, Format::markdown) == "1 < 2, 1 < 2");
    CHECK(fill("{{a}}", facts, Format::html) == "1 &lt; 2");
    CHECK(fill("{{table t}}", facts, Format::markdown) ==
          "| `x` | n |\n|---|--:|\n| <b> | -1 |\n| c |  |");
    const std::string html = fill("{{table t}}", facts, Format::html);
    CHECK(html.find("<th><code>x</code></th><th class=\"number\">n</th>") != std::string::npos);
    CHECK(html.find("<td>&lt;b&gt;</td><td class=\"number\">-1</td>") != std::string::npos);
    CHECK_THROWS_AS(fill("{{b}}", facts, Format::markdown), std::logic_error);
    CHECK_THROWS_AS(fill("{{table a}}", facts, Format::markdown), std::logic_error);
    CHECK_THROWS_AS(fill("{{a", facts, Format::markdown), std::logic_error);
}
