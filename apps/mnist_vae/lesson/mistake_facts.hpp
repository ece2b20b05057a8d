// What each classic mistake makes of the lesson's digit, by the hooks of --mistake themselves.
#pragma once

#include <string>
#include <vector>

#include "../model/mistakes.hpp"
#include "subject.hpp"

namespace handgrad::apps::mnist_vae::lesson {

// A number that the mistake changes, in the float model.
struct MistakeEffect {
    Mistake mistake;
    std::string what;  // "mu[0]", "step of decoder.1.weight[17, 403]", ...
    double right, wrong;
};

// Of every mistake, in the order of the enumeration; several numbers for some.
std::vector<MistakeEffect> mistake_effects(Subject& subject);

}  // namespace handgrad::apps::mnist_vae::lesson
