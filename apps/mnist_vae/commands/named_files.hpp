// Files that a user names for a result: none of them may be one that something else is kept in.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "../../common/dataset.hpp"
#include "../../common/output.hpp"
#include "../options/options.hpp"

namespace handgrad::apps::mnist_vae {

// A file that is read because an option names it; an empty path: none.
struct NamedInput {
    const char* option;
    std::string path;
};

// --output. Throws what Output throws, and Error(argument) for a file that a run cannot do without,
// such as its weights or logs, for one of a data set, and for one of the inputs.
Output named_output(const std::string& name, const std::vector<NamedInput>& inputs = {});

// The files that a training writes outside its run folder because the user asked for them.
struct SideFiles {
    std::string trace, gradients;  // empty: not asked for
};

// Those of --trace and --gradients, links followed. Throws Error(output) for a place that cannot be
// written, and Error(argument) for an open descriptor and for a file that the training reads or
// writes under another name: of a run, of the data, --config, --compare-to, or each other.
SideFiles find_side_files(const TrainCommand& command);

}  // namespace handgrad::apps::mnist_vae
