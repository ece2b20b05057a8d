#include "gallery.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "../../../core/error.hpp"
#include "../../../core/io/npy.hpp"
#include "../../../core/random.hpp"
#include "../model/evaluation.hpp"
#include "pictures.hpp"

namespace handgrad::apps::mnist_vae {

GrayImage draw(const ImageSet& set, const Architecture& a) {
    const ConstMatrixView images = set.images;
    if (!set.are_pairs) return compose_grid(images, a.image_rows, a.image_cols, set.columns);
    const Index n = images.rows / 2;
    return compose_pairs(images.middle_rows(0, n), images.middle_rows(n, n), a.image_rows,
                         a.image_cols, set.columns);
}

std::vector<std::byte> serialize_images(const ImageSet& set, const Architecture& a) {
    std::vector<Index> shape = set.shape;
    shape.insert(shape.end(), {a.image_rows, a.image_cols});
    return serialize_npy(set.images, shape);
}

ImageSet make_reconstructions(Vae& model, const IdxImages& images, Index count) {
    check_image_size("reconstruct", model.architecture(), images);
    Matrix x(std::min(count, images.count), model.architecture().pixels());
    load_images(images, 0, x);
    return make_reconstructions(model, x);
}

ImageSet make_reconstructions(Vae& model, ConstMatrixView x) {
    const Matrix mu = copy(model.encode(x).mu);
    const ConstMatrixView pixels = model.decode(mu);
    Matrix both(2 * x.rows, x.cols);
    for (Index i = 0; i < x.rows; ++i) {
        std::copy_n(x.row(i), x.cols, both.row(i));
        std::copy_n(pixels.row(i), x.cols, both.row(x.rows + i));
    }
    return {.images = std::move(both), .shape = {2, x.rows}, .columns = 10, .are_pairs = true};
}

ImageSet make_samples(Vae& model, std::uint64_t seed, Index count) {
    std::vector<std::uint32_t> numbers(static_cast<std::size_t>(count));
    std::iota(numbers.begin(), numbers.end(), 0u);
    Matrix z(count, model.architecture().latent);
    fill_noise(seed, Purpose::pictures, 0, numbers, z);
    const auto side = static_cast<Index>(std::ceil(std::sqrt(double(count))));
    return {.images = copy(model.decode(z)), .shape = {count}, .columns = side};
}

ImageSet make_interpolation(Vae& model, const IdxImages& images, Index from, Index to,
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
    return {.images = copy(model.decode(z)), .shape = {steps}, .columns = steps};
}

ImageSet make_manifold(Vae& model, const IdxImages& images, Index size) {
    const auto [x, y] = most_used_dimensions(model, images);
    const Matrix z = manifold_latents(size, model.architecture().latent, x, y);
    return {.images = copy(model.decode(z)), .shape = {z.rows() / size, size}, .columns = size};
}

GrayImage draw_reconstructions(Vae& model, const IdxImages& images, Index count) {
    return draw(make_reconstructions(model, images, count), model.architecture());
}

GrayImage draw_samples(Vae& model, std::uint64_t seed, Index count) {
    return draw(make_samples(model, seed, count), model.architecture());
}

GrayImage draw_manifold(Vae& model, const IdxImages& images, Index size) {
    return draw(make_manifold(model, images, size), model.architecture());
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

}  // namespace handgrad::apps::mnist_vae
