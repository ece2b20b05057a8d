// What a report says of one run, as JSON for the page's scripts.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "../model/vae.hpp"
#include "../options/options.hpp"
#include "../run/checkpoint.hpp"
#include "report.hpp"

namespace handgrad::apps::mnist_vae {

// A run that was read, with the model of its last epoch.
struct ReportRun {
    explicit ReportRun(const ReportInput& input);

    RunFolder folder;
    const Dataset& dataset;
    Vae model;
    std::optional<ModelOrigin> weights;  // as their file says; nothing if it is another program's
    ModelOrigin origin;
    std::optional<TrainOptions> options;
};

// Everything but the weights. `name` is what the page calls the run.
nlohmann::ordered_json describe_run(ReportRun& run, const std::string& name);

// At least the bytes that the weights take in the page.
ModelBytes measure_model(const Architecture& architecture);

// The weights of these parts, and what rounding them does to the pictures.
nlohmann::ordered_json describe_model(ReportRun& run, const ModelParts& parts);

}  // namespace handgrad::apps::mnist_vae
