#include "gradient_anatomy.hpp"

#include <cmath>

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

GradientCsv::GradientCsv(const std::string& path, Index last_step, const std::string& mistake)
    : journal_(path,
               "step,epoch,latent,mu_recon,mu_kl,mu_cosine,logvar_recon,logvar_kl,logvar_cosine",
               last_step, mistake) {}

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
