// Softmax cross-entropy and a classifier's backward pass against PyTorch's cross_entropy and
// autograd.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "../../layers/dense.hpp"
#include "../../layers/initializers.hpp"
#include "../../layers/sequential.hpp"
#include "../../losses/softmax_cross_entropy.hpp"
#include "../support/each_isa.hpp"
#include "../support/near.hpp"

using namespace handgrad;
using namespace handgrad::test;

namespace {

constexpr Index kImages = 6, kPixels = 12, kHidden = 7, kClasses = 10;

nlohmann::json read_golden() {
    std::ifstream file(HANDGRAD_SOURCE_DIR "/tests/golden/classifier.json");
    return nlohmann::json::parse(file);
}

std::vector<std::uint32_t> labels() {
    std::vector<std::uint32_t> values;
    for (std::uint32_t i = 0; i < kImages; ++i) values.push_back((3 * i + 1) % kClasses);
    return values;
}

std::vector<double> row_by_row(ConstBlockedView m) {
    std::vector<double> values;
    for (Index i = 0; i < m.rows; ++i)
        for (Index j = 0; j < m.cols; ++j) values.push_back(double(m(i, j)));
    return values;
}

}  // namespace

TEST_CASE("softmax cross-entropy agrees with PyTorch to 1e-6 relative, on every instruction set") {
    const nlohmann::json golden = read_golden();
    REQUIRE(golden.at("logits").size() == 3);
    for (const nlohmann::json& c : golden.at("logits")) {
        const float scale = c.at("scale");
        CAPTURE(scale);
        Matrix logits(kImages, kClasses), dlogits(kImages, kClasses);
        for (Index i = 0; i < kImages; ++i)
            for (Index j = 0; j < kClasses; ++j)
                logits(i, j) = float((7 * i + 5 * j) % 11 - 5) * scale;
        for_each_isa([&] {
            const double loss = softmax_cross_entropy(logits, labels(), dlogits);
            const double want = c.at("loss");
            CHECK(std::abs(loss - want) <= 1e-6 * want);
            CHECK(relative_l2_error(row_by_row(dlogits.view()),
                                    c.at("dlogits").get<std::vector<double>>()) <= 1e-6);
        });
    }
}

TEST_CASE("a classifier's gradients agree with PyTorch's autograd to 1e-5 relative") {
    const nlohmann::json golden = read_golden();
    const auto seed = golden.at("seed").get<std::uint64_t>();
    Matrix x(kImages, kPixels), dlogits(kImages, kClasses);
    for (Index i = 0; i < kImages; ++i)
        for (Index j = 0; j < kPixels; ++j) x(i, j) = float((7 * i + 5 * j) % 9) / 8;
    for_each_isa([&] {
        ParameterArena arena;
        Sequential model;
        Dense* layers[] = {
            &model.add<Dense>(arena, "hidden.0", kPixels, kHidden, Activation::relu),
            &model.add<Dense>(arena, "output", kHidden, kClasses, Activation::linear)};
        arena.allocate();
        std::uint32_t tensor = 0;
        for (Dense* layer : layers) {
            initialize(Initializer::torch, seed, tensor, layer->weight().value,
                       layer->bias().value);
            tensor += 2;
        }
        const double loss = softmax_cross_entropy(model.forward(x), labels(), dlogits);
        const double want_loss = golden.at("classifier").at("loss");
        CHECK(std::abs(loss - want_loss) <= 1e-6 * want_loss);
        model.backward(dlogits, Write::overwrite, InputGradient::skip);
        const nlohmann::json& gradients = golden.at("classifier").at("gradients");
        REQUIRE(gradients.size() == arena.parameters().size());
        for (std::size_t t = 0; t < gradients.size(); ++t) {
            CAPTURE(arena.parameters()[t].name);
            CHECK(relative_l2_error(row_by_row(arena.parameters()[t].gradient),
                                    gradients[t].get<std::vector<double>>()) <= 1e-5);
        }
    });
}
