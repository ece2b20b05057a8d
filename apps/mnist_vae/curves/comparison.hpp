// A run beside a published curve: whether they can be compared, and the verdict of every epoch.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "../../common/dataset.hpp"
#include "../options/options.hpp"
#include "../training/metrics.hpp"
#include "curve.hpp"

namespace handgrad::apps::mnist_vae {

class Comparison {
  public:
    // Throws Error(argument), saying what differs, if the run's val_loss is another quantity than
    // the curve's, or that of another model; the data set is as training gets it.
    Comparison(Curve curve, const TrainOptions& options, const Dataset& dataset);

    // For the header: the curve, its source, its bands, and where the run's recipe is another.
    std::string describe() const;

    // "published 163.71, ours 0.31 above: within the band of 1.5"; empty for an epoch that the
    // curve has no value of.
    std::string verdict(const EpochMetrics& metrics) const;

    // Of all epochs of a run.
    std::string summarize(std::span<const EpochMetrics> rows) const;

  private:
    const CurvePoint* find_point(Index epoch) const;

    Curve curve_;
    std::vector<std::string> notes_;
};

// A table of the curves that ship with the program.
std::string list_curves();

}  // namespace handgrad::apps::mnist_vae
