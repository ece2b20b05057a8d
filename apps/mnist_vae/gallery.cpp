#include "gallery.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "../../core/error.hpp"
#include "../../core/random.hpp"
#include "evaluation.hpp"
#include "pictures.hpp"

namespace handgrad::mnist_vae {

static GrayImage grid(Vae& model, ConstMatrixView z, Index columns) {
    const Architecture& a = model.architecture();
    return compose_grid(model.decode(z), a.image_rows, a.image_cols, columns);
}

GrayImage draw_reconstructions(Vae& model, const IdxImages& images, Index count) {
    check_image_size("reconstruct", model.architecture(), images);
    Matrix x(std::min(count, images.count), model.architecture().pixels());
    load_images(images, 0, x);
    return draw_reconstructions(model, x);
}

GrayImage draw_reconstructions(Vae& model, ConstMatrixView x) {
    const Architecture& a = model.architecture();
    const Matrix mu = copy(model.encode(x).mu);
    return compose_pairs(x, model.decode(mu), a.image_rows, a.image_cols, 10);
}

GrayImage draw_samples(Vae& model, std::uint64_t seed, Index count) {
    std::vector<std::uint32_t> numbers(static_cast<std::size_t>(count));
    std::iota(numbers.begin(), numbers.end(), 0u);
    Matrix z(count, model.architecture().latent);
    fill_noise(seed, Purpose::pictures, 0, numbers, z);
    const auto side = static_cast<Index>(std::ceil(std::sqrt(double(count))));
    return grid(model, z, side);
}

GrayImage draw_interpolation(Vae& model, const IdxImages& images, Index from, Index to,
                             Index steps) {
    check_image_size("sample", model.architecture(), images);
    Matrix ends(2, model.architecture().pixels());
    for (Index end : {0, 1}) {
        const Index position = end == 0 ? from : to;
        if (position >= images.count)
            throw Error(ErrorKind::argument, "--interpolate", "no such test image",
                        std::to_string(position), "0 to " + std::to_string(images.count - 1));
        load_images(images, position, ends.view().middle_rows(end, 1));
    }
    const Matrix mu = copy(model.encode(ends).mu);
    Matrix z(steps, mu.cols());
    for (Index i = 0; i < steps; ++i) {
        const float t = static_cast<float>(i) / static_cast<float>(steps - 1);
        for (Index j = 0; j < mu.cols(); ++j) z(i, j) = (1 - t) * mu(0, j) + t * mu(1, j);
    }
    return grid(model, z, steps);
}

GrayImage draw_manifold(Vae& model, const IdxImages& images, Index size) {
    const auto [x, y] = most_used_dimensions(model, images);
    return grid(model, manifold_latents(size, model.architecture().latent, x, y), size);
}

std::pair<Index, Index> most_used_dimensions(Vae& model, const IdxImages& images) {
    const Index latent = model.architecture().latent;
    if (latent <= 2) return {0, latent - 1};
    check_image_size("manifold", model.architecture(), images);
    // A thousand images order the dimensions well enough.
    Matrix x(std::min<Index>(1000, images.count), model.architecture().pixels());
    load_images(images, 0, x);
    const Vae::Posterior q = model.encode(x);
    std::vector<double> kl(static_cast<std::size_t>(latent));
    for (Index i = 0; i < q.mu.rows; ++i)
        for (Index j = 0; j < latent; ++j) {
            const double mu = q.mu(i, j), logvar = q.logvar(i, j);
            kl[std::size_t(j)] += 0.5 * (mu * mu + std::expm1(logvar) - logvar);
        }
    std::vector<Index> order(static_cast<std::size_t>(latent));
    std::iota(order.begin(), order.end(), Index{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](Index a, Index b) { return kl[std::size_t(a)] > kl[std::size_t(b)]; });
    return std::minmax(order[0], order[1]);
}

}  // namespace handgrad::mnist_vae
