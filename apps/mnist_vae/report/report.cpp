#include "report.hpp"

#include <filesystem>
#include <map>
#include <memory>

#include "../../../core/error.hpp"
#include "../../../core/version.hpp"
#include "../../common/printable.hpp"
#include "../options/options.hpp"
#include "../page/assets.hpp"
#include "../page/page.hpp"
#include "report_run.hpp"

namespace handgrad::apps::mnist_vae {

using json = nlohmann::ordered_json;

namespace {

// What the page calls the runs: the names of their folders or, where two are the same, the paths.
std::vector<std::string> names_of(std::span<const ReportInput> runs) {
    std::vector<std::string> names;
    std::map<std::string, int> uses;
    for (const ReportInput& run : runs) {
        const std::filesystem::path path = run.folder.path.lexically_normal();
        const std::filesystem::path last =
            path.has_filename() ? path.filename() : path.parent_path().filename();
        names.push_back(last.string());
        ++uses[names.back()];
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (uses[names[i]] > 1 || names[i].empty() || names[i] == ".")
            names[i] = runs[i].folder.path.string();
        names[i] = printable(names[i]);
    }
    return names;
}

std::string render(const json& data, const std::string& title) {
    return render_page(
        {.title = title,
         .body = asset("report.html"),
         .styles = {asset("page.css"), asset("report.css")},
         .scripts = {asset("network.js"), asset("ticks.js"), asset("losses.js"),
                     asset("elements.js"), asset("model.js"), asset("chart.js"),
                     asset("latent_map.js"), asset("normalize_digit.js"), asset("drawing_pad.js"),
                     asset("inspector.js"), asset("tables.js"), asset("report.js")},
         // What is no UTF-8 after all must not end a training.
         .data = data.dump(-1, ' ', false, json::error_handler_t::replace)});
}

}  // namespace

std::vector<ModelParts> choose_model_parts(std::span<const ModelBytes> models, std::size_t room) {
    std::vector<ModelParts> parts(models.size());
    const auto take = [&](std::size_t bytes) {
        if (bytes > room) return false;
        room -= bytes;
        return true;
    };
    for (std::size_t i = 0; i < models.size() && take(models[i].decoder); ++i)
        parts[i].decoder = true;
    for (std::size_t i = 0; i < models.size() && parts[i].decoder && take(models[i].encoder); ++i)
        parts[i].encoder = true;
    return parts;
}

std::string make_report(std::span<const ReportInput> inputs) {
    if (inputs.empty() || inputs.size() > kMaxReportRuns)
        throw Error(ErrorKind::argument, "report", "another number of runs",
                    std::to_string(inputs.size()), "1 to " + std::to_string(kMaxReportRuns));
    const std::vector<std::string> names = names_of(inputs);
    json data{{"version", version().text}, {"maxBytes", kMaxReportBytes}};
    std::vector<std::unique_ptr<ReportRun>> runs;
    std::vector<ModelBytes> bytes;
    std::string title;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        runs.push_back(std::make_unique<ReportRun>(inputs[i]));
        data["runs"].push_back(describe_run(*runs[i], names[i]));
        data["runs"][i]["model"] = describe_model(*runs[i], {});
        bytes.push_back(measure_model(runs[i]->model.architecture()));
        title += (i == 0 ? "" : ", ") + names[i];
    }
    title += " - mnist_vae report";
    const std::size_t without_weights = render(data, title).size();
    const std::size_t room =
        kMaxReportBytes - std::min<std::size_t>(kMaxReportBytes, without_weights);
    const std::vector<ModelParts> parts = choose_model_parts(bytes, room);
    for (std::size_t i = 0; i < runs.size(); ++i)
        data["runs"][i]["model"] = describe_model(*runs[i], parts[i]);
    return render(data, title);
}

}  // namespace handgrad::apps::mnist_vae
