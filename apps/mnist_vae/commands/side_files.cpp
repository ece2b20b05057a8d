#include "side_files.hpp"

#include <algorithm>
#include <system_error>

#include "../../../core/error.hpp"
#include "../../common/output.hpp"
#include "../run/new_run.hpp"
#include "../run/run_folder.hpp"

namespace handgrad::apps::mnist_vae {

namespace fs = std::filesystem;

namespace {

// A file that grows or is written at the end, beside the lines on standard output.
std::string file_of(const std::string& option, const std::string& name) {
    if (name.empty()) return {};
    const Output output(name);
    if (!output.is_file())
        throw Error(ErrorKind::argument, option, "leads to an open descriptor", name, "a file");
    return output.path();
}

// Whether two paths lead to the same place, be there something or not.
bool is_same(const fs::path& a, const fs::path& b) {
    std::error_code missing, error;
    if (fs::equivalent(a, b, missing)) return true;
    const fs::path first = fs::weakly_canonical(fs::absolute(a, error), error);
    return !error && first == fs::weakly_canonical(fs::absolute(b, error), error) && !error;
}

fs::path folder_of(const fs::path& file) {
    return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

bool is_name_of_a_run(const std::string& name) {
    const auto names = RunFolder::names();
    return name == "lock" || std::find(names.begin(), names.end(), name) != names.end();
}

// Names the file that it is; empty for one that is nothing else.
std::string other_use(const fs::path& file, const TrainCommand& command, const fs::path& run_folder,
                      const Dataset& dataset) {
    const fs::path folder = folder_of(file);
    const std::string name = file.filename();
    const bool in_run_folder = !run_folder.empty() && is_same(folder, run_folder);
    if (is_name_of_a_run(name) &&
        (in_run_folder || contents_of(RunFolder{folder}).kind == Contents::run))
        return "a file of a run";
    if (folder.filename() == kNewRunFolder || folder.filename() == kStagingFolder)
        return "a file of a run";
    if (is_same(folder, dataset.folder) && name.find("-ubyte") != name.npos)
        return "a file of the data";
    if (!command.config.empty() && is_same(file, command.config)) return "the file of --config";
    if (!command.compare_to.empty() && is_same(file, command.compare_to))
        return "the file of --compare-to";
    return {};
}

}  // namespace

SideFiles find_side_files(const TrainCommand& command, const fs::path& run_folder,
                          const Dataset& dataset) {
    const SideFiles files{.trace = file_of("--trace", command.trace),
                          .gradients = file_of("--gradients", command.gradients)};
    for (const auto& [option, file] :
         {std::pair("--trace", files.trace), {"--gradients", files.gradients}}) {
        if (file.empty()) continue;
        const std::string use = other_use(file, command, run_folder, dataset);
        if (!use.empty())
            throw Error(ErrorKind::argument, option, "would be written over " + use, file,
                        "a file of its own");
    }
    if (!files.trace.empty() && !files.gradients.empty() && is_same(files.trace, files.gradients))
        throw Error(ErrorKind::argument, "--trace", "is the file of --gradients, too", files.trace,
                    "a file of its own");
    return files;
}

}  // namespace handgrad::apps::mnist_vae
