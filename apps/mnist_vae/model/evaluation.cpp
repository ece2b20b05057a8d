#include "evaluation.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "../../../core/error.hpp"
#include "../../../core/ops.hpp"

namespace handgrad::apps::mnist_vae {

// Images per forward pass. Fixed, because the loss is added up batch by batch: `evaluate` must
// reproduce to the last digit what training logged.
static constexpr Index kBatch = 256;

void load_images(const IdxImages& images, Index first, MatrixView x) {
    const OpScope scope({.op = "load_pixels",
                         .m = x.rows,
                         .n = x.cols,
                         .bytes = (sizeof(float) + 1) * double(x.rows) * double(x.cols)});
    const kernels::KernelTable& table = active_kernels();
    for_each_row(x.rows, x.cols, [&](Index i) {
        table.pixels_to_float(images.pixels.data() + (first + i) * x.cols, x.row(i), x.cols);
    });
}

void check_image_size(const char* where, const Architecture& architecture,
                      const IdxImages& images) {
    if (images.rows != architecture.image_rows || images.cols != architecture.image_cols)
        throw Error(ErrorKind::argument, where, "images of another size than the model's",
                    std::to_string(images.rows) + " x " + std::to_string(images.cols),
                    std::to_string(architecture.image_rows) + " x " +
                        std::to_string(architecture.image_cols));
}

Evaluator::Evaluator(Vae& model, const IdxImages& images) : model_(model), images_(images) {
    check_image_size("evaluate", model.architecture(), images);
    if (images.count == 0) throw Error(ErrorKind::argument, "evaluate", "no images");
}

LossTerms Evaluator::evaluate(const NoiseSource* source, float kl_weight, LatentLedger* ledger) {
    const Architecture& architecture = model_.architecture();
    LossTerms sum;
    std::uint32_t samples[kBatch];
    for (Index first = 0; first < images_.count; first += kBatch) {
        const Index n = std::min(kBatch, images_.count - first);
        const MatrixView x = x_.resize(n, architecture.pixels());
        const MatrixView noise = noise_.resize(n, architecture.latent);
        load_images(images_, first, x);
        if (source != nullptr) {
            std::iota(samples, samples + n, static_cast<std::uint32_t>(first));
            fill_noise(source->seed, source->purpose, source->epoch,
                       std::span<const std::uint32_t>(samples, std::size_t(n)), noise);
        } else {
            for (Index i = 0; i < n; ++i) std::fill_n(noise.row(i), noise.cols, 0.0f);
        }
        const LossTerms terms = model_.forward(x, noise, kl_weight);
        if (ledger != nullptr) ledger->add(model_.posterior().mu, model_.posterior().logvar);
        sum.recon += terms.recon * double(n);
        sum.kl += terms.kl * double(n);
    }
    sum.recon /= double(images_.count);
    sum.kl /= double(images_.count);
    sum.loss = sum.recon + static_cast<double>(kl_weight) * sum.kl;
    return sum;
}

}  // namespace handgrad::apps::mnist_vae
