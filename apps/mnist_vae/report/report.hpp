// report.html: one page that shows a run, or several over one another, and lets the reader move
// about in its latent space. It has everything in it and asks the network for nothing (page.hpp).
//
// What it shows is read from the run folder; the pictures are made by the model of its last epoch
// from the first test images. The weights are in the page as integers of 8 bits (quantize.hpp), so
// that a script can decode and encode. The page is at most kMaxReportBytes long whatever the model:
// where weights have no room, encoders are left out first, then decoders, and the page says so.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "../../common/dataset.hpp"
#include "../run/run_folder.hpp"

namespace handgrad::apps::mnist_vae {

inline constexpr std::size_t kMaxReportBytes = 3'000'000;

struct ReportInput {
    RunFolder folder;
    // As the run sees it, in black and white if it does; the training images are not needed.
    const Dataset* dataset = nullptr;
};

// The page. Of a run that has them: losses, samples of its epochs, profile and options; all have a
// model. Throws Error(input) for files that are not what they should be, and Error(argument) for
// images of another size than the model's, no run, or more than kMaxReportRuns.
std::string make_report(std::span<const ReportInput> runs);

// Which weights go into a page that has room for so many bytes more: all decoders, run by run, then
// the encoders of the runs whose decoder is in, as long as the next one fits.
struct ModelBytes {
    std::size_t encoder = 0, decoder = 0;
};
struct ModelParts {
    bool encoder = false, decoder = false;
};
std::vector<ModelParts> choose_model_parts(std::span<const ModelBytes> models, std::size_t room);

}  // namespace handgrad::apps::mnist_vae
