#include "../../../../apps/mnist_vae/model/numeric_check.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "../../../../core/error.hpp"
#include "../../../../optim/adam.hpp"
#include "../../../support/convert.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using namespace handgrad::test;

namespace {

struct Setting {
    Setting()
        : model({.image_rows = 3, .image_cols = 4, .hidden = {6, 5}, .latent = 2}),
          adam(model.arena(), {}),
          x(random_matrix(7, 12, 1, 0, 1)),
          noise(random_matrix(7, 2, 2)) {
        model.initialize(Initializer::torch, 3);
    }
    float& value(std::span<float> flat, const std::string& tensor, Index i, Index j) {
        for (const NamedTensor& t : model.tensors(flat))
            if (t.name == tensor) return t.values(i, j);
        FAIL("no such tensor");
        return flat[0];
    }
    void forward() { model.forward_training(x, noise, {}); }

    Vae model;
    Adam adam;
    Matrix x, noise;
};

// The message of the numeric error that it throws; empty if none.
std::string error_of(const std::function<void()>& check) {
    try {
        check();
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::numeric);
        return e.what();
    }
    return "";
}

bool starts_with(const std::string& text, const std::string& start) {
    CAPTURE(text);
    return text.starts_with(start);
}

}  // namespace

TEST_CASE("numeric check: finite numbers pass") {
    Setting s;
    s.forward();
    s.model.backward();
    CHECK(error_of([&] { check_forward(s.model, "here"); }) == "");
    CHECK(error_of([&] { check_gradients(s.model, "here"); }) == "");
    s.adam.step(1e-3);
    CHECK(error_of([&] { check_update(s.model, s.adam, "here"); }) == "");
}

TEST_CASE("numeric check: the first layer whose output is not finite is named, with its inputs") {
    const auto message = [](const std::string& tensor, Index i, Index j, float planted) {
        Setting s;
        s.value(s.model.arena().values(), tensor, i, j) = planted;
        s.forward();
        return error_of([&] { check_forward(s.model, "here"); });
    };
    CHECK(starts_with(message("encoder.0.bias", 0, 3, INFINITY),
                      "here: output of encoder.0 [0, 3] is not finite; it is made of x in [0."));
    CHECK(message("encoder.0.bias", 0, 3, INFINITY).find("a bias with a inf: found inf") !=
          std::string::npos);
    // relu(NaN) is 0 or NaN, as the kernel has it: the weight of a linear layer says it plainly.
    CHECK(starts_with(message("mu.weight", 2, 1, NAN), "here: output of mu [0, 1] is not finite"));
    CHECK(message("mu.weight", 2, 1, NAN).find("weights with a nan") != std::string::npos);
    CHECK(starts_with(message("logvar.bias", 0, 0, INFINITY), "here: output of logvar [0, 0]"));
    CHECK(starts_with(message("decoder.2.weight", 4, 11, INFINITY), "here: output of decoder.2 ["));

    Setting s;
    s.noise(3, 1) = INFINITY;
    s.forward();
    CHECK(starts_with(error_of([&] { check_forward(s.model, "here"); }),
                      "here: output of z [3, 1] is not finite; it is made of x in ["));
}

TEST_CASE("numeric check: gradients in the order of the backward pass, and new values") {
    Setting s;
    s.forward();
    s.model.backward();
    s.value(s.model.arena().gradients(), "encoder.1.weight", 2, 3) = NAN;
    CHECK(starts_with(
        error_of([&] { check_gradients(s.model, "here"); }),
        "here: gradient of encoder.1.weight [2, 3] is not finite; it is made of x in ["));
    s.value(s.model.arena().gradients(), "decoder.0.bias", 0, 4) = -INFINITY;
    const std::string gradient = error_of([&] { check_gradients(s.model, "here"); });
    CHECK(starts_with(gradient, "here: gradient of decoder.0.bias [0, 4]"));
    CHECK(gradient.find("found -inf") != std::string::npos);
    s.adam.step(1e-3);
    const std::string update = error_of([&] { check_update(s.model, s.adam, "here"); });
    CHECK(starts_with(update,
                      "here: new value of encoder.1.weight [2, 3] is not finite; it is made "
                      "of a gradient of nan, m = nan, v = nan: found nan"));
}
