#include "importance_weighted.hpp"

#include <algorithm>
#include <string>

#include "../core/error.hpp"
#include "../core/ops.hpp"
#include "../core/reference.hpp"

namespace handgrad {

namespace {

// log w of one sample.
double log_weight(double recon, const float* z, const float* noise, const float* logvar, Index n) {
    double sum = 0;
    for (Index j = 0; j < n; ++j) {
        const double l =
            reference::clamp(double(logvar[j]), reference::kLogvarMin, reference::kLogvarMax);
        const double e = noise[j], value = z[j];
        sum += l + e * e - value * value;
    }
    return 0.5 * sum - recon;
}

// Turns the k logarithms into shares; returns log(1/k sum of the weights). The kernels' own exp and
// log, so that the bits are the same on every machine.
double log_mean(std::span<const double> log_weights, std::span<float> shares) {
    const double highest = *std::max_element(log_weights.begin(), log_weights.end());
    for (std::size_t s = 0; s < shares.size(); ++s)
        shares[s] = static_cast<float>(log_weights[s] - highest);
    const kernels::KernelTable& table = active_kernels();
    table.exp(shares.data(), shares.data(), Index(shares.size()));
    double sum = 0;
    for (float share : shares) sum += double(share);
    for (float& share : shares) share = static_cast<float>(double(share) / sum);
    const float mean = static_cast<float>(sum / double(shares.size()));
    float log_of_mean;
    table.log(&mean, &log_of_mean, 1);
    return highest + double(log_of_mean);
}

}  // namespace

void find_log_weights(const ImportanceSamples& samples) {
    constexpr const char* kName = "find_log_weights";
    const ConstMatrixView z = samples.z;
    check_shape(kName, samples.noise, z.rows, z.cols);
    check_shape(kName, samples.logvar, z.rows, z.cols);
    if (Index(samples.recon.size()) != z.rows)
        throw Error(ErrorKind::argument, kName, "another number of losses than of rows",
                    std::to_string(samples.recon.size()), std::to_string(z.rows));
    const OpScope scope(describe_elementwise(kName, z.rows, z.cols, 3, 8));
    for_each_row(z.rows, z.cols, [&](Index row) {
        double& log_w = samples.recon[std::size_t(row)];
        log_w = log_weight(log_w, samples.z.row(row), samples.noise.row(row),
                           samples.logvar.row(row), samples.z.cols);
    });
}

double importance_weighted_bound(const ImportanceSamples& samples, float weight,
                                 std::span<float> shares, MatrixView dmu, MatrixView dlogvar) {
    constexpr const char* kName = "importance_weighted_bound";
    const ConstMatrixView z = samples.z, deviation = samples.deviation, logvar = samples.logvar;
    const Index latent = z.cols, k = samples.per_image;
    for (ConstMatrixView m : {deviation, ConstMatrixView(dmu), ConstMatrixView(dlogvar)})
        check_shape(kName, m, z.rows, latent);
    if (k < 1 || z.rows == 0 || z.rows % k != 0 || Index(shares.size()) != z.rows)
        throw Error(
            ErrorKind::argument, kName, "rows are no whole images",
            std::to_string(z.rows) + " rows and " + std::to_string(shares.size()) + " shares",
            "a multiple of " + std::to_string(k));
    const Index images = z.rows / k;
    find_log_weights(samples);
    const OpScope scope(describe_elementwise(kName, z.rows, latent, 5, 6));
    double sum = 0;
    for (Index i = 0; i < images; ++i) {
        const std::size_t first = std::size_t(i * k), count = std::size_t(k);
        sum -= log_mean(samples.recon.subspan(first, count), shares.subspan(first, count));
    }

    for_each_row(z.rows, latent, [&](Index row) {
        const float scale = weight * shares[std::size_t(row)] / static_cast<float>(images);
        for (Index j = 0; j < latent; ++j) {
            const bool inside = reference::inside(logvar(row, j), float(reference::kLogvarMin),
                                                  float(reference::kLogvarMax));
            dmu(row, j) = scale * z(row, j);
            dlogvar(row, j) = inside ? scale * 0.5f * (z(row, j) * deviation(row, j) - 1.0f) : 0.0f;
        }
    });
    return sum / double(images);
}

}  // namespace handgrad
