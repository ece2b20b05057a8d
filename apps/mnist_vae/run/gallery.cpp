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

// The grid of a picture of the set, and the number of its tiles.
static std::pair<Grid, Index> grid_of(const ImageSet& set, const Architecture& a) {
    const Index rows = set.are_pairs ? 2 : 1;
    return {{a.image_rows, a.image_cols, rows}, set.images.rows() / rows};
}

std::string describe_bounds(const ImageSet& set, const Architecture& a) {
    const auto [grid, tiles] = grid_of(set, a);
    const GridLayout layout = lay_out(grid, tiles, set.columns);
    std::string text;
    if (set.wanted > tiles)
        text = std::to_string(tiles) + " of " + std::to_string(set.wanted) +
               (set.are_pairs ? " pairs" : " images");
    if (layout.shrink > 1)
        text += std::string(text.empty() ? "" : ", ") + "each image at 1/" +
                std::to_string(layout.shrink) + " of its size";
    const std::string side = std::to_string(kMaxPictureSide);
    return text.empty() ? text
                        : text + ": a picture has at most " + side + " x " + side + " pixels";
}

ImageSet make_reconstructions(Vae& model, const IdxImages& images, Index count, Medium medium) {
    const Architecture& a = model.architecture();
    check_image_size("reconstruct", a, images);
    const Index wanted = std::min(count, images.count);
    const Grid grid{a.image_rows, a.image_cols, 2};
    const bool bounded = medium == Medium::picture;
    Matrix x(bounded ? tiles_that_fit(grid, wanted) : wanted, a.pixels());
    load_images(images, 0, x);
    ImageSet set = make_reconstructions(model, x);
    set.wanted = wanted;
    return set;
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

ImageSet make_samples(Vae& model, std::uint64_t seed, Index wanted, Medium medium) {
    const Architecture& a = model.architecture();
    const bool bounded = medium == Medium::picture;
    const Index count = bounded ? tiles_that_fit({a.image_rows, a.image_cols}, wanted) : wanted;
    std::vector<std::uint32_t> numbers(static_cast<std::size_t>(count));
    std::iota(numbers.begin(), numbers.end(), 0u);
    Matrix z(count, a.latent);
    fill_noise(seed, Purpose::pictures, 0, numbers, z);
    const auto side = static_cast<Index>(std::ceil(std::sqrt(double(count))));
    return {.images = copy(model.decode(z)), .shape = {count}, .columns = side, .wanted = wanted};
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

ImageSet make_manifold(Vae& model, const IdxImages& images, Index wanted, Medium medium) {
    const Architecture& a = model.architecture();
    const bool bounded = medium == Medium::picture;
    const Index size = bounded ? square_that_fits({a.image_rows, a.image_cols}, wanted) : wanted;
    const auto [x, y] = most_used_dimensions(model, images);
    const Matrix z = manifold_latents(size, a.latent, x, y);
    const Index rows = z.rows() / size;
    return {.images = copy(model.decode(z)),
            .shape = {rows, size},
            .columns = size,
            .wanted = rows == 1 ? wanted : wanted * wanted};
}

std::pair<Index, Index> most_used_dimensions(Vae& model, const IdxImages& images) {
    const Index latent = model.architecture().latent;
    if (latent <= 2) return {0, latent - 1};
    check_image_size("manifold", model.architecture(), images);
    // A thousand images order the dimensions well enough; fewer of large ones.
    const Index pixels = model.architecture().pixels();
    const Index enough = std::clamp<Index>(kMaxPictureValues / pixels, 1, 1000);
    Matrix x(std::min(enough, images.count), pixels);
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
