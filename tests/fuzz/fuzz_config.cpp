// What is read as text: options.toml, config.json, log.csv and samples.csv of a run, and published
// curves, by the first byte.
#include <cmath>

#include "../../apps/mnist_vae/curves/curve.hpp"
#include "../../apps/mnist_vae/options/options.hpp"
#include "../../apps/mnist_vae/run/log_csv.hpp"
#include "../../apps/mnist_vae/run/run_folder.hpp"
#include "../../apps/mnist_vae/run/sample_history.hpp"
#include "target.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string text = fuzz::to_text(data + 1, size - 1);
    fuzz::may_refuse([&] {
        switch (data[0] % 5) {
            case 0: {
                const TrainOptions options = parse_run_options(text, "fuzz");
                // What was understood is written so that it is understood again.
                fuzz::require(parse_run_options(to_toml(options), "again") == options);
                break;
            }
            case 1: {
                const Architecture a = parse_config(text, RunFolder{"fuzz"});
                fuzz::require(a.latent > 0 && a.pixels() > 0 && !a.hidden.empty());
                break;
            }
            case 2: {
                Index epoch = 0;
                for (const EpochMetrics& m : parse_log(text, "fuzz")) {
                    fuzz::require(m.epoch > epoch && m.step >= m.epoch && m.seconds >= 0);
                    fuzz::require(std::isfinite(m.loss) && std::isfinite(m.val_kl));
                    epoch = m.epoch;
                }
                break;
            }
            case 3: {
                const Curve curve = parse_curve(text, "fuzz");
                fuzz::require(!curve.points.empty() && curve.points.front().epoch > 0);
                break;
            }
            case 4:
                for (const EpochSamples& epoch : parse_sample_history(text, "fuzz", 2))
                    fuzz::require(epoch.epoch > 0 &&
                                  std::ssize(epoch.pixels) == 2 * history_samples(2));
                break;
        }
    });
    return 0;
}
