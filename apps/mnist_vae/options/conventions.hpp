// Conventions by name: how well-known programs train this model, as options of `train`. What they
// stand for is in the table of conventions.cpp and in docs/conventions.md.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "options.hpp"

namespace handgrad::apps::mnist_vae {

enum class Convention { keras, torch, flax, iwae };

// As --convention spells them, in the order of the enumeration.
inline constexpr const char* kConventionNames[] = {"keras", "torch", "flax", "iwae"};

// Throws Error(argument) naming `where` for an unknown name.
Convention parse_convention(const std::string& where, const std::string& name);

// Every option that it sets, and the value, as the command line spells them.
std::vector<std::pair<std::string, std::string>> settings_of(Convention convention);

// Sets them all.
void apply_convention(Convention convention, TrainOptions& options);

// For the header of a run: the program that the convention among the options given stands for, what
// it sets, and where the options differ from that because the user said so. Several lines, those
// after the first indented; empty if there is no convention.
std::string describe_convention(const std::map<std::string, std::string>& given,
                                const TrainOptions& options);

// What a reconstruction loss says of the pixels' distribution; none: not a likelihood.
enum class Likelihood { bernoulli, gaussian, continuous_bernoulli, none };
inline constexpr const char* kLikelihoodNames[] = {"bernoulli", "gaussian", "continuous-bernoulli"};
Likelihood likelihood_of(ReconLoss loss);

// Changes the reconstruction loss, unless it is of this likelihood already, to the one that takes
// what the decoder returns as it is. Throws Error(argument) naming `where` for an unknown name.
void apply_likelihood(const std::string& where, const std::string& name, TrainOptions& options);

}  // namespace handgrad::apps::mnist_vae
