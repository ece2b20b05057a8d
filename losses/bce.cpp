#include "bce.hpp"

#include "mean_over_images.hpp"

namespace handgrad {

double bce_with_logits(ConstMatrixView logits, ConstMatrixView targets, MatrixView dlogits) {
    return detail::mean_over_images("bce_with_logits", 48, active_kernels().bce_with_logits, logits,
                                    targets, dlogits);
}

double bce_with_probabilities(ConstMatrixView probabilities, ConstMatrixView targets,
                              MatrixView dprobabilities) {
    return detail::mean_over_images("bce_with_probabilities", 64,
                                    active_kernels().bce_with_probabilities, probabilities, targets,
                                    dprobabilities);
}

}  // namespace handgrad
