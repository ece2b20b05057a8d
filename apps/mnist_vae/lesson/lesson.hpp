// The lesson on the gradients of a VAE: docs/vae-gradients.md, and the same as a page in which the
// noise, the digit and the mistakes can be moved. lesson.md.in is the one source of the text;
// render_lesson.py puts the lines of source into it when the program is built, and what is in
// braces there is computed when the lesson is written.
#pragma once

#include <string>

#include "computed_facts.hpp"

namespace handgrad::apps::mnist_vae::lesson {

Facts compute_facts(Subject& subject);

std::string lesson_markdown(const Facts& facts);
// The digits and weights travel in the page, and its own backward pass, in JavaScript, uses them.
std::string lesson_page(const Facts& facts, Subject& subject);

}  // namespace handgrad::apps::mnist_vae::lesson
