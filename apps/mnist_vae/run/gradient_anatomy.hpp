// The two parts of the gradient at the head, apart: what the reconstruction asks of mu and logvar,
// and what the KL divergence asks. Their tug of war is where a latent collapses.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "../../../core/io/file_lock.hpp"
#include "../model/vae.hpp"
#include "csv_journal.hpp"

namespace handgrad::apps::mnist_vae {

// Of two vectors, the gradients of the two parts with respect to some numbers.
struct AddendNorms {
    double recon = 0, kl = 0;  // Euclidean norms
    double cosine = 0;         // of the angle between; 0 if one of them is zero
};

// Of one latent dimension over the images of a batch, or of all dimensions together.
struct GradientAnatomy {
    AddendNorms mu, logvar;
};

// One for each latent dimension, and one for all of them at the end.
std::vector<GradientAnatomy> measure_anatomy(const Vae::HeadGradients& head);

// The training whose gradients a file holds, and its last step so far: 0 for a new one.
struct GradientSource {
    Index latent = 0, steps_per_epoch = 0, last_step = 0;
};

// A CSV file with a row per step and dimension, and one per step for "all".
class GradientCsv {
  public:
    // Goes on with the rows up to the last step if there are any; begin() and flush() as those of
    // CsvJournal. Throws Error(input) for rows that this training cannot have written, and
    // Error(argument) if another training writes the file now.
    GradientCsv(const std::string& path, const GradientSource& source,
                const std::string& mistake = {});
    void append(Index step, Index epoch, const std::vector<GradientAnatomy>& anatomy);
    void begin();
    void flush() const { journal_.flush(); }

  private:
    const std::string path_;
    std::optional<WriterMark> mark_;
    CsvJournal journal_;
};

}  // namespace handgrad::apps::mnist_vae
