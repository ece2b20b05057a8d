#include "gradient_anatomy.hpp"

#include <cmath>
#include <string_view>
#include <utility>

#include "../../../core/error.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

// Squares and the product of the two parts, added up.
struct Sums {
    double recon = 0, kl = 0, product = 0;

    void add(double r, double k) {
        recon += r * r;
        kl += k * k;
        product += r * k;
    }
    void add(const Sums& other) {
        recon += other.recon;
        kl += other.kl;
        product += other.product;
    }
    AddendNorms norms() const {
        const double size = std::sqrt(recon) * std::sqrt(kl);
        return {std::sqrt(recon), std::sqrt(kl), size > 0 ? product / size : 0};
    }
};

std::string columns(const AddendNorms& norms) {
    return "," + csv_number(norms.recon) + "," + csv_number(norms.kl) + "," +
           csv_number(norms.cosine);
}

}  // namespace

std::vector<GradientAnatomy> measure_anatomy(const Vae::HeadGradients& head) {
    const Index latent = head.recon.cols / 2;
    std::vector<GradientAnatomy> anatomy;
    Sums all_mu, all_logvar;
    const auto sum_column = [&](Index j) {
        Sums sums;
        for (Index i = 0; i < head.recon.rows; ++i)
            sums.add(double(head.recon(i, j)), double(head.kl(i, j)));
        return sums;
    };
    for (Index j = 0; j < latent; ++j) {
        const Sums mu = sum_column(j), logvar = sum_column(latent + j);
        all_mu.add(mu);
        all_logvar.add(logvar);
        anatomy.push_back({mu.norms(), logvar.norms()});
    }
    anatomy.push_back({all_mu.norms(), all_logvar.norms()});
    return anatomy;
}

// The rows of a step are those of all latents, in order, and one for "all".
static CheckRow check_gradient_rows(const std::string& path, const GradientSource& source) {
    return [path, source, last = Index(0), expected = Index(0)](std::string_view row,
                                                                Index line) mutable {
        constexpr std::size_t kColumns = 9;
        const std::string latent = expected < source.latent ? std::to_string(expected) : "all";
        // After its last checkpoint a training comes to the end of the epoch, and it can go on from
        // the checkpoint before that one.
        const Index most = source.last_step + 2 * source.steps_per_epoch;
        const std::vector<std::string_view> fields = csv_fields(row, kColumns);
        Index step = 0, epoch = 0;
        bool good = fields.size() == kColumns && parse_csv_number(fields[0], step) &&
                    parse_csv_number(fields[1], epoch) && fields[2] == latent &&
                    (expected == 0 ? step > last : step == last) && step <= most &&
                    epoch == (step - 1) / source.steps_per_epoch + 1;
        double number = 0;
        for (std::size_t i = 3; good && i < kColumns; ++i)
            good = parse_csv_number(fields[i], number);
        if (!good)
            throw Error(ErrorKind::input, csv_place(path, line), "not a row of this training",
                        std::string(row.substr(0, 120)),
                        "a step of " + std::to_string(last) + " to " + std::to_string(most) +
                            ", its epoch of " + std::to_string(source.steps_per_epoch) +
                            " steps, latent " + latent + " and 6 finite numbers");
        last = step;
        expected = latent == "all" ? 0 : expected + 1;
        return expected == 0;
    };
}

GradientCsv::GradientCsv(const std::string& path, const GradientSource& source,
                         const std::string& mistake)
    : path_(path),
      mark_(std::in_place, path),
      journal_(path,
               "step,epoch,latent,mu_recon,mu_kl,mu_cosine,logvar_recon,logvar_kl,logvar_cosine",
               source.last_step, check_gradient_rows(path, source), mistake) {}

// The file is another one before and after: one of somebody who began meanwhile, then ours.
void GradientCsv::begin() {
    mark_.emplace(path_);
    journal_.begin();
    mark_.emplace(path_);
}

void GradientCsv::append(Index step, Index epoch, const std::vector<GradientAnatomy>& anatomy) {
    std::string rows;
    for (std::size_t j = 0; j < anatomy.size(); ++j) {
        const std::string latent = j + 1 == anatomy.size() ? "all" : std::to_string(j);
        rows += std::to_string(step) + "," + std::to_string(epoch) + "," + latent +
                columns(anatomy[j].mu) + columns(anatomy[j].logvar) + "\n";
    }
    journal_.append(rows);
}

}  // namespace handgrad::apps::mnist_vae
