// The numbers of the lesson, section by section. Each function adds what its section needs, and
// throws Error(mismatch) if a gradient differs from its central difference by more than kTolerance.
#pragma once

#include "facts.hpp"
#include "walk.hpp"

namespace handgrad::apps::mnist_vae::lesson {

void add_forward_facts(Subject& subject, const Walk& w, Facts& facts);
void add_backward_facts(Subject& subject, const Walk& w, Facts& facts);
void add_noise_facts(const Subject& subject, const Walk& w, Facts& facts);
void add_adam_facts(const Subject& subject, const Walk& w, Facts& facts);
void add_head_facts(const Subject& subject, const Walk& w, Facts& facts);
void add_scale_facts(const Subject& subject, const Walk& w, Facts& facts);
void add_mistake_facts(Subject& subject, Facts& facts);
void add_step_facts(const Subject& subject, const Walk& w, Facts& facts);

// The relative error of a gradient, as text. Throws Error(mismatch), naming what it is the gradient
// of, for one beyond kTolerance.
std::string checked(const std::string& what, double analytic, double numeric);

}  // namespace handgrad::apps::mnist_vae::lesson
