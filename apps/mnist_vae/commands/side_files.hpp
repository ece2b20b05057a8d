// The files that a training writes outside its run folder because the user asked for them.
#pragma once

#include <filesystem>
#include <string>

#include "../../common/dataset.hpp"
#include "../options/options.hpp"

namespace handgrad::apps::mnist_vae {

struct SideFiles {
    std::string trace, gradients;  // empty: not asked for
};

// The files of --trace and --gradients, links followed. Throws Error(output) for a place that
// cannot be written, and Error(argument) for an open descriptor and for a file that the training
// reads or writes under another name: of a run, of the data, --config, --compare-to, or each other.
// `run_folder` is empty if it gets a new name.
SideFiles find_side_files(const TrainCommand& command, const std::filesystem::path& run_folder,
                          const Dataset& dataset);

}  // namespace handgrad::apps::mnist_vae
