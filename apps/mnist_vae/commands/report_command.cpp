// `mnist_vae report`: one page from the folders of one run or several.
#include <deque>

#include "../../../core/parallel.hpp"
#include "../../common/binarization.hpp"
#include "../../common/output.hpp"
#include "../report/report.hpp"
#include "../run/own_files.hpp"
#include "../run/recipe.hpp"
#include "commands.hpp"
#include "named_files.hpp"

namespace handgrad::apps::mnist_vae {

void run_report(const ReportCommand& command) {
    if (command.threads > 0) set_thread_count(command.threads);
    std::vector<std::string> paths = command.runs;
    if (paths.empty()) paths.push_back(newest_run("runs"));
    std::deque<Dataset> datasets;
    std::vector<ReportInput> inputs;
    for (const std::string& path : paths) {
        const RunFolder folder{path};
        TrainOptions options;
        if (std::filesystem::exists(folder.options())) options = read_run_options(folder.options());
        Dataset& dataset = datasets.emplace_back(
            load_data(command.data.empty() ? options.data : command.data, Splits::test_only));
        binarize(options.binarize, options.seed, Use::looking_back, dataset);
        inputs.push_back({folder, &dataset});
    }
    const RunFolder& first = inputs.front().folder;
    // The first run's own report stays what it is.
    const std::string usual = inputs.size() == 1 ? first.report() : first.comparison();
    const Output output =
        command.output.empty() ? output_in_run(usual) : named_output(command.output);
    output.write(make_report(inputs));
    output.print_name();
}

}  // namespace handgrad::apps::mnist_vae
