#include "named_files.hpp"

#include <algorithm>
#include <system_error>

#include "../../../core/error.hpp"
#include "../run/new_run.hpp"
#include "../run/own_files.hpp"
#include "../run/run_folder.hpp"

namespace handgrad::apps::mnist_vae {

namespace fs = std::filesystem;

namespace {

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

bool is_in_run_folder(const fs::path& file, const std::string& run_folder) {
    const fs::path folder = folder_of(file), name = folder.filename();
    return name == kNewRunFolder || name == kStagingFolder ||
           (!run_folder.empty() && is_same(folder, run_folder)) ||
           is_own_file(folder / "config.json") || is_own_file(folder / "options.toml");
}

bool is_name_of_a_run(const std::string& name) {
    const auto names = RunFolder::names();
    return name == "lock" || std::find(names.begin(), names.end(), name) != names.end();
}

// Pictures and pages can be made again, by the commands that are asked to write them.
bool can_be_made_again(const std::string& name) {
    return name.ends_with(".png") || name.ends_with(".html") || name.ends_with(".onnx");
}

[[noreturn]] void refuse(const std::string& option, const fs::path& file, const std::string& use) {
    throw Error(ErrorKind::argument, option, "would be written over " + use, file,
                "a file of its own");
}

void check_inputs(const std::string& option, const fs::path& file,
                  const std::vector<NamedInput>& inputs) {
    const std::string name = file.filename();
    if (name.find("-ubyte") != name.npos && is_there(file)) refuse(option, file, "a file of data");
    for (const NamedInput& input : inputs)
        if (!input.path.empty() && is_same(file, input.path))
            refuse(option, file, std::string("the file of ") + input.option);
}

}  // namespace

Output named_output(const std::string& name, const std::vector<NamedInput>& inputs) {
    Output output(name);
    if (!output.is_file()) return output;
    const fs::path file = output.path();
    const std::string file_name = file.filename();
    if (is_name_of_a_run(file_name) && !can_be_made_again(file_name) && is_in_run_folder(file, ""))
        refuse("--output", file, "a file of a run");
    check_inputs("--output", file, inputs);
    return output;
}

// A file that grows or is written at the end, beside the lines on standard output.
static std::string side_file(const std::string& option, const std::string& name,
                             const TrainCommand& command) {
    if (name.empty()) return {};
    const Output output(name);
    if (!output.is_file())
        throw Error(ErrorKind::argument, option, "leads to an open descriptor", name, "a file");
    const fs::path file = output.path();
    if (is_name_of_a_run(file.filename()) && is_in_run_folder(file, command.out))
        refuse(option, file, "a file of a run");
    check_inputs(option, file,
                 {{"--config", command.config}, {"--compare-to", command.compare_to}});
    return file;
}

SideFiles find_side_files(const TrainCommand& command) {
    const SideFiles files{.trace = side_file("--trace", command.trace, command),
                          .gradients = side_file("--gradients", command.gradients, command)};
    if (!files.trace.empty() && !files.gradients.empty() && is_same(files.trace, files.gradients))
        refuse("--trace", files.trace, "the file of --gradients");
    return files;
}

}  // namespace handgrad::apps::mnist_vae
